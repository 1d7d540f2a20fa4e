//! Words that the share APIs have in common: acknowledgements, sessions, and what their refusals are called.

use milena_engine::{
    group::MemberId,
    ids::TopicId,
    share::{AckBatch, Acknowledge, At, Dropping, Verdict},
};
use milena_node::Node;
use milena_wire::{ErrorCode, Text};

use crate::{
    dispatch::Context,
    errors::{Told, told},
    share_session::{Name, Place, Refusal},
};

/// The longest group and member ids are Kafka strings; an acknowledgement of one partition names at most so many batches.
const BATCHES_MAX: usize = 100_000;

/// First and last offset, and the types of one acknowledgement batch, as both requests spell them.
pub(crate) type Said = (i64, i64, Vec<i8>);

/// Group and member of a request; both must be there.
pub(crate) fn name(group: Option<&Text>, member: Option<&Text>) -> Result<Name, ErrorCode> {
    match (group, member) {
        (Some(group), Some(member)) if !group.is_empty() && !member.is_empty() => {
            Ok((group.as_str().into(), member.as_str().into()))
        }
        _ => Err(ErrorCode::INVALID_REQUEST),
    }
}

pub(crate) fn session_code(refusal: Refusal) -> ErrorCode {
    match refusal {
        Refusal::NotFound => ErrorCode::SHARE_SESSION_NOT_FOUND,
        Refusal::BadEpoch => ErrorCode::INVALID_SHARE_SESSION_EPOCH,
        Refusal::TooMany => ErrorCode::SHARE_SESSION_LIMIT_REACHED,
    }
}

/// Says of one partition what became of its records.
pub(crate) async fn acknowledge(cx: &Context, name: &Name, place: Place, said: Vec<Said>, renews: bool) -> Result<(), Told> {
    let node = cx.peer.node();
    let at = at(node, place)?;
    let refused = |why: &'static str| (ErrorCode::INVALID_REQUEST, why.to_owned());
    if said.len() > BATCHES_MAX {
        return Err(refused("There are more acknowledgement batches than a request may have."));
    }
    let mut batches = Vec::with_capacity(said.len());
    for (first, last, types) in said {
        let verdicts: Option<Vec<Verdict>> = types.iter().map(|kind| verdict(*kind, renews)).collect();
        let verdicts = verdicts.ok_or_else(|| refused("An acknowledgement type is not known, or not allowed here."))?;
        batches.push(AckBatch { first, last, verdicts });
    }
    let acknowledge = Acknowledge { at, owner: MemberId::from(&*name.1), batches };
    told(node.share_acknowledge(&name.0, acknowledge).await)
}

fn verdict(kind: i8, renews: bool) -> Option<Verdict> {
    Some(match kind {
        0 => Verdict::Gap,
        1 => Verdict::Accept,
        2 => Verdict::Release,
        3 => Verdict::Reject,
        4 if renews => Verdict::Renew,
        _ => return None,
    })
}

/// A partition that is there.
pub(crate) fn at(node: &Node, (topic, partition): Place) -> Result<At, Told> {
    let found = node.topic_by_id(TopicId(topic)).ok_or(ErrorCode::UNKNOWN_TOPIC_ID);
    let found = found.and_then(|topic| match topic.partition(partition) {
        Some(_) => Ok(At { topic: topic.id, partition }),
        None => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    });
    found.map_err(|error| (error, error.words().to_owned()))
}

/// Ends a session, and gives back what its member holds: untouched when it says goodbye itself.
pub(crate) async fn end(node: &Node, name: &Name, failed: bool) -> Result<(), Told> {
    let dropping = Dropping { member: MemberId::from(&*name.1), failed, only: Vec::new() };
    match told(node.share_drop(&name.0, dropping).await) {
        // Nothing was ever taken.
        Err((ErrorCode::GROUP_ID_NOT_FOUND, _)) => Ok(()),
        other => other,
    }
}
