//! ShareAcknowledge (79), v1-2. Says what became of records that a member of a share group took. KIP-932, KIP-1222.

use milena_wire::{
    ErrorCode, ShareAcknowledgeRequest, ShareAcknowledgeResponse,
    share_acknowledge::{AcknowledgePartition, PartitionData, ShareAcknowledgeTopicResponse},
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    share_session::FINAL,
    sharing::{self, Said},
};

pub(super) const CARD: Card = Card::new(79, "ShareAcknowledge", 1..=2, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: ShareAcknowledgeRequest) -> Result<ShareAcknowledgeResponse, Close> {
    let epoch = request.share_session_epoch;
    let name = match sharing::name(request.group_id.as_ref(), request.member_id.as_ref()) {
        Ok(name) => name,
        Err(error) => return Ok(refused(error)),
    };
    if epoch < FINAL {
        return Ok(refused(ErrorCode::INVALID_SHARE_SESSION_EPOCH));
    }
    if let Err(refusal) = cx.peer.share_acknowledge(&name, epoch) {
        return Ok(refused(sharing::session_code(refusal)));
    }
    let mut responses = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let place = (topic.topic_id, partition.partition_index);
            let told = sharing::acknowledge(&cx, &name, place, said(partition), request.is_renew_ack).await;
            let mut data = PartitionData { partition_index: place.1, ..Default::default() };
            if let Err((error, words)) = told {
                (data.error_code, data.error_message) = (error.into(), Some(words.into()));
            }
            partitions.push(data);
        }
        responses.push(ShareAcknowledgeTopicResponse { topic_id: topic.topic_id, partitions, ..Default::default() });
    }
    if epoch == FINAL {
        cx.peer.end_share_session(&name);
        let _ = sharing::end(cx.peer.node(), &name, false).await;
    }
    let lock = cx.peer.node().share_lock_ms(&name.0).unwrap_or(0);
    let acquisition_lock_timeout_ms = if cx.version >= 2 { i32::try_from(lock).unwrap_or(i32::MAX) } else { 0 };
    Ok(ShareAcknowledgeResponse { acquisition_lock_timeout_ms, responses, ..Default::default() })
}

fn said(partition: AcknowledgePartition) -> Vec<Said> {
    partition.acknowledgement_batches.into_iter().map(|b| (b.first_offset, b.last_offset, b.acknowledge_types)).collect()
}

fn refused(error: ErrorCode) -> ShareAcknowledgeResponse {
    ShareAcknowledgeResponse { error_code: error.into(), error_message: Some(error.words().into()), ..Default::default() }
}
