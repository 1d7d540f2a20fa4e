//! ShareGroupHeartbeat (76), v1. Joins and leaves a share group, and tells each member what to read. KIP-932.
//!
//! Differs from Apache Kafka: an assignment is there with the first answer, and a new group begins at the earliest record.

use std::{collections::BTreeMap, sync::Arc};

use milena_engine::{
    group::MemberId,
    share::{Beat, Beaten},
};
use milena_wire::{
    ErrorCode, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, Text,
    share_group_heartbeat::{Assignment, TopicPartitions},
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::told,
};

pub(super) const CARD: Card = Card::new(76, "ShareGroupHeartbeat", 1..=1, Cost::Fact, |call| call.later(handle));

/// Topics that one member may read by name.
const TOPICS_MAX: usize = 10_000;
/// Bytes of their names: they are kept for as long as the member is there, and groups are free to make.
const NAMES_BYTES_MAX: usize = 1 << 20;

async fn handle(cx: Context, request: ShareGroupHeartbeatRequest) -> Result<ShareGroupHeartbeatResponse, Close> {
    if let Some(why) = flaw(&request) {
        return Ok(refused(ErrorCode::INVALID_REQUEST, why.into()));
    }
    let beat = Beat {
        member: MemberId::from(request.member_id.as_str()),
        epoch: request.member_epoch,
        rack: request.rack_id.as_ref().map(|rack| rack.as_str().into()),
        client_id: cx.client_id.as_str().into(),
        client_host: format!("/{}", cx.peer.remote.ip().to_canonical()).into(),
        subscribed: request.subscribed_topic_names.map(|names| names.iter().map(|name| Arc::from(name.as_str())).collect()),
        topics: BTreeMap::new(),
    };
    Ok(match told(cx.peer.node().share_beat(&request.group_id, beat).await) {
        Ok(beaten) => answer(request.member_id, beaten),
        Err((error, words)) => refused(error, words),
    })
}

fn flaw(request: &ShareGroupHeartbeatRequest) -> Option<&'static str> {
    let names = request.subscribed_topic_names.as_deref().unwrap_or_default();
    let bytes: usize = names.iter().map(|name| name.len()).sum();
    match () {
        () if request.group_id.is_empty() => Some("GroupId can't be empty."),
        () if request.member_id.is_empty() => Some("MemberId can't be empty."),
        () if request.member_epoch < -1 => Some("MemberEpoch is invalid."),
        () if names.len() > TOPICS_MAX || bytes > NAMES_BYTES_MAX => Some("SubscribedTopicNames are too many."),
        () => None,
    }
}

fn answer(member_id: Text, beaten: Beaten) -> ShareGroupHeartbeatResponse {
    let assignment = beaten.assignment.map(|topics| {
        let part = |(topic, partitions): (milena_engine::ids::TopicId, Vec<i32>)| TopicPartitions {
            topic_id: topic.0,
            partitions,
            ..Default::default()
        };
        Assignment { topic_partitions: topics.into_iter().map(part).collect(), ..Default::default() }
    });
    ShareGroupHeartbeatResponse {
        member_id: Some(member_id),
        member_epoch: beaten.epoch,
        heartbeat_interval_ms: i32::try_from(beaten.heartbeat_ms).unwrap_or(i32::MAX),
        assignment,
        ..Default::default()
    }
}

fn refused(error: ErrorCode, words: String) -> ShareGroupHeartbeatResponse {
    ShareGroupHeartbeatResponse { error_code: error.into(), error_message: Some(words.into()), ..Default::default() }
}
