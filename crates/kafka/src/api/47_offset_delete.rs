//! OffsetDelete (47), v0. Forgets positions of a group that no longer reads the topic. KIP-496.

use milena_wire::{
    ErrorCode, OffsetDeleteRequest, OffsetDeleteResponse,
    offset_delete::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::{Code, told},
    membership,
};

pub(super) const CARD: Card = Card::new(47, "OffsetDelete", 0..=0, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: OffsetDeleteRequest) -> Result<OffsetDeleteResponse, Close> {
    let node = cx.peer.node();
    if request.group_id.is_empty() {
        return Ok(refused(ErrorCode::INVALID_GROUP_ID));
    }
    let mut topics = Vec::with_capacity(request.topics.len());
    let (mut places, mut named) = (Vec::new(), Vec::new());
    for (at, topic) in request.topics.into_iter().enumerate() {
        let found = membership::topic(node, &topic.name, None);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let index = asked.partition_index;
            match found.as_ref().map_err(|e| *e).and_then(|t| membership::partition(t, index)) {
                Ok(partition) => {
                    places.push((at, index));
                    named.push(partition);
                }
                Err(error) => partitions.push(outcome(index, error)),
            }
        }
        topics.push(OffsetDeleteResponseTopic { name: topic.name, partitions });
    }
    let outcomes = match told(node.forget_positions(&request.group_id, named).await) {
        Ok(outcomes) => outcomes,
        Err((error, _)) => return Ok(refused(error)),
    };
    for ((topic, index), answer) in places.into_iter().zip(outcomes) {
        let error = answer.err().map_or(ErrorCode::NONE, |refusal| refusal.code());
        topics[topic].partitions.push(outcome(index, error));
    }
    Ok(OffsetDeleteResponse { topics, ..Default::default() })
}

fn outcome(partition_index: i32, error: ErrorCode) -> OffsetDeleteResponsePartition {
    OffsetDeleteResponsePartition { partition_index, error_code: error.into() }
}

fn refused(error: ErrorCode) -> OffsetDeleteResponse {
    OffsetDeleteResponse { error_code: error.into(), ..Default::default() }
}
