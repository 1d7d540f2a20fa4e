//! OffsetCommit (8), v2-10. Keeps how far a group has come. KIP-211, KIP-345, KIP-848, KIP-1251.
//!
//! Positions never expire by default; one that says nothing new costs no write.

use milena_engine::group::Commit;
use milena_wire::{
    ErrorCode, OffsetCommitRequest, OffsetCommitResponse,
    offset_commit::{OffsetCommitRequestTopic, OffsetCommitResponsePartition, OffsetCommitResponseTopic},
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::{Code, told},
    membership::{self, instance, member},
};

pub(super) const CARD: Card = Card::new(8, "OffsetCommit", 2..=10, Cost::Fact, |call| call.later(handle));

/// From here on topics are named by id.
pub(super) const BY_ID_FROM: i16 = 10;
/// From here on a group may be told to be missing.
const NOT_FOUND_FROM: i16 = 9;

async fn handle(cx: Context, request: OffsetCommitRequest) -> Result<OffsetCommitResponse, Close> {
    let (node, by_id) = (cx.peer.node(), cx.version >= BY_ID_FROM);
    let mut topics: Vec<_> = request.topics.iter().map(answered).collect();
    // Which answer each position that the group is asked to keep belongs to.
    let (mut places, mut positions) = (Vec::new(), Vec::new());
    for (at, topic) in request.topics.iter().enumerate() {
        let found = membership::topic(node, &topic.name, by_id.then_some(topic.topic_id));
        for asked in &topic.partitions {
            let named = found.as_ref().map_err(|e| *e).and_then(|t| membership::partition(t, asked.partition_index));
            match named {
                Ok(named) => {
                    places.push((at, asked.partition_index));
                    let (offset, epoch) = (asked.committed_offset, asked.committed_leader_epoch);
                    positions.push(membership::position(named, offset, epoch, asked.committed_metadata.as_ref()));
                }
                // Refused ones come first, as in Kafka.
                Err(error) => topics[at].partitions.push(outcome(asked.partition_index, error)),
            }
        }
    }
    let commit = Commit {
        member: member(&request.member_id),
        instance: instance(&request.group_instance_id),
        generation: request.generation_id_or_member_epoch,
        writer: cx.peer.writer(cx.client_id.as_bytes()).0,
        positions,
    };
    let outcomes = told(node.commit(&request.group_id, commit).await);
    // What versions before KIP-848 say of a group that is not there.
    let refused = |error| match error {
        ErrorCode::GROUP_ID_NOT_FOUND if cx.version < NOT_FOUND_FROM => ErrorCode::ILLEGAL_GENERATION,
        error => error,
    };
    for (nth, (topic, index)) in places.into_iter().enumerate() {
        let error = match &outcomes {
            Ok(outcomes) => outcomes.get(nth).and_then(|o| o.as_ref().err()).map_or(ErrorCode::NONE, Code::code),
            Err((error, _)) => refused(*error),
        };
        topics[topic].partitions.push(outcome(index, error));
    }
    Ok(OffsetCommitResponse { topics, ..Default::default() })
}

fn answered(topic: &OffsetCommitRequestTopic) -> OffsetCommitResponseTopic {
    OffsetCommitResponseTopic { name: topic.name.clone(), topic_id: topic.topic_id, ..Default::default() }
}

fn outcome(partition_index: i32, error: ErrorCode) -> OffsetCommitResponsePartition {
    OffsetCommitResponsePartition { partition_index, error_code: error.into(), ..Default::default() }
}
