//! AlterShareGroupOffsets (91), v0. Lets a share group without members begin anew somewhere else, also one that is not there
//! yet: people say where a group begins before its first member comes. KIP-932.

use milena_engine::share::At;
use milena_wire::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse, ErrorCode,
    alter_share_group_offsets::{
        AlterShareGroupOffsetsRequestTopic, AlterShareGroupOffsetsResponsePartition, AlterShareGroupOffsetsResponseTopic,
    },
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::told,
};

pub(super) const CARD: Card = Card::new(91, "AlterShareGroupOffsets", 0..=0, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: AlterShareGroupOffsetsRequest) -> Result<AlterShareGroupOffsetsResponse, Close> {
    let node = cx.peer.node();
    let group = &request.group_id;
    if group.is_empty() {
        return Ok(refused(ErrorCode::INVALID_GROUP_ID, "A group has a name.".into()));
    }
    let known = node.ask_share(group, |_| ()).await.map_err(|dead| Close::because(dead.to_string()))?.is_some();
    let mut starts = Vec::new();
    let responses = request.topics.into_iter().map(|asked| topic(&cx, asked, &mut starts)).collect();
    if starts.is_empty() && !known {
        // Nowhere to begin: no group is made for that.
        return Ok(AlterShareGroupOffsetsResponse { responses, ..Default::default() });
    }
    match told(node.share_reset(group, starts).await) {
        Ok(()) => Ok(AlterShareGroupOffsetsResponse { responses, ..Default::default() }),
        Err((error, words)) => Ok(refused(error, words)),
    }
}

fn topic(
    cx: &Context,
    asked: AlterShareGroupOffsetsRequestTopic,
    starts: &mut Vec<(At, i64)>,
) -> AlterShareGroupOffsetsResponseTopic {
    let found = cx.peer.node().topic(&asked.topic_name);
    let topic_id = found.as_ref().map(|topic| topic.id.0).unwrap_or_default();
    let partition = |p: milena_wire::alter_share_group_offsets::AlterShareGroupOffsetsRequestPartition| {
        let (index, start) = (p.partition_index, p.start_offset);
        let view = found.as_ref().and_then(|topic| topic.partition(index)).and_then(|partition| partition.view());
        let outcome = match (view, &found) {
            (Some(view), Some(topic)) => {
                // What lies outside is moved to the nearest record that is there.
                starts.push((At { topic: topic.id, partition: index }, start.clamp(view.start, view.high)));
                ErrorCode::NONE
            }
            _ => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        };
        AlterShareGroupOffsetsResponsePartition {
            partition_index: index,
            error_code: outcome.into(),
            error_message: outcome.is_error().then(|| outcome.words().into()),
            ..Default::default()
        }
    };
    let partitions = asked.partitions.into_iter().map(partition).collect();
    AlterShareGroupOffsetsResponseTopic { topic_name: asked.topic_name, topic_id, partitions, ..Default::default() }
}

fn refused(error: ErrorCode, words: String) -> AlterShareGroupOffsetsResponse {
    AlterShareGroupOffsetsResponse { error_code: error.into(), error_message: Some(words.into()), ..Default::default() }
}
