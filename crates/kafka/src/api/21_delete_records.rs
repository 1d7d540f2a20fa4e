//! DeleteRecords (21), v0-2. Nothing before an offset is answered from here on. KIP-107.

use milena_wire::{
    ErrorCode,
    delete_records::{
        DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
        DeleteRecordsTopicResult,
    },
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::Code,
};

pub(super) const CARD: Card = Card::new(21, "DeleteRecords", 0..=2, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: DeleteRecordsRequest) -> Result<DeleteRecordsResponse, Close> {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            let deleted = delete(&cx, &topic.name, asked).await;
            let (error, low_watermark) = deleted.map_or_else(|e| (e, -1), |start| (ErrorCode::NONE, start));
            partitions.push(DeleteRecordsPartitionResult {
                partition_index: asked.partition_index,
                low_watermark,
                error_code: error.into(),
                ..Default::default()
            });
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions, ..Default::default() });
    }
    Ok(DeleteRecordsResponse { topics, ..Default::default() })
}

/// Answers the new log start.
async fn delete(cx: &Context, topic: &str, asked: &DeleteRecordsPartition) -> Result<i64, ErrorCode> {
    let node = cx.peer.node();
    let topic = node.topic(topic).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    let partition = topic.partition(asked.partition_index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    match node.delete_records(&topic, partition, asked.offset).await {
        Ok(Ok(start)) => Ok(start),
        Ok(Err(refusal)) => Err(refusal.code()),
        Err(no_room) => Err(no_room.code()),
    }
}
