//! OffsetForLeaderEpoch (23), v2-4. Says where a leader epoch ended, so that a reader can notice truncation. KIP-320.

use milena_wire::{
    ErrorCode,
    offset_for_leader_epoch::{
        EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
        OffsetForLeaderTopicResult,
    },
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::Code,
};

pub(super) const CARD: Card = Card::new(23, "OffsetForLeaderEpoch", 2..=4, Cost::Cheap, |call| call.now(handle));

fn handle(cx: &Context, request: OffsetForLeaderEpochRequest) -> Result<OffsetForLeaderEpochResponse, Close> {
    let topics = request.topics.into_iter().map(|topic| OffsetForLeaderTopicResult {
        partitions: topic.partitions.iter().map(|p| end_of(cx, &topic.topic, p)).collect(),
        topic: topic.topic,
        ..Default::default()
    });
    Ok(OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() })
}

fn end_of(cx: &Context, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let node = cx.peer.node();
    let unknown = EpochEndOffset { partition: asked.partition, leader_epoch: -1, end_offset: -1, ..Default::default() };
    let refused = |error: ErrorCode| EpochEndOffset { error_code: error.into(), ..unknown.clone() };
    let topic = node.topic(topic);
    let Some(partition) = topic.as_ref().and_then(|t| t.partition(asked.partition)) else {
        return refused(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    };
    match node.epoch_end(partition, asked.current_leader_epoch, asked.leader_epoch) {
        Ok(Some(end)) => EpochEndOffset { leader_epoch: end.epoch, end_offset: end.end, ..unknown },
        Ok(None) => unknown,
        Err(refusal) => refused(refusal.code()),
    }
}
