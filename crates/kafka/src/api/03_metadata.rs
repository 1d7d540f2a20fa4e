//! Metadata (3), v0-13. Names the broker, the topics and their partitions; makes topics that are asked for and missing,
//! if the client and the broker's settings let it. KIP-4, KIP-430, KIP-516, KIP-1102.
//!
//! Differs from Apache Kafka: a topic made by this request is told at once, not at the next one. The address told is the
//! one that this client dialled (`--advertise`).

use std::sync::Arc;

use milena_engine::{ids::TopicId, topic::is_internal};
use milena_node::{Node, Topic};
use milena_wire::{
    ErrorCode, Text, Uuid,
    metadata::{
        MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
        MetadataResponseTopic,
    },
};

use crate::{
    access,
    dispatch::{Card, Close, Context, Cost},
    errors::{Code, told},
};

pub(super) const CARD: Card = Card::new(3, "Metadata", 0..=13, Cost::Fact, |call| call.later(handle));

/// From here on topics may be named by id.
const BY_ID_FROM: i16 = 12;

async fn handle(cx: Context, request: MetadataRequest) -> Result<MetadataResponse, Close> {
    if let Some(error) = unreadable(cx.version, request.topics.as_deref()) {
        return Ok(refused(request.topics.unwrap_or_default(), error));
    }
    let access = request.include_topic_authorized_operations;
    let topics = match request.topics {
        None => all(&cx, access),
        Some(topics) if topics.is_empty() && cx.version == 0 => all(&cx, access),
        Some(topics) if topics.iter().any(|t| !t.topic_id.is_nil()) => by_id(&cx, &topics, access),
        Some(topics) => by_name(&cx, &topics, request.allow_auto_topic_creation, access).await,
    };
    let (node, told) = (cx.peer.node(), cx.peer.told());
    cx.peer.was_told(&told);
    let broker =
        MetadataResponseBroker { node_id: node.node_id(), host: told.host.into(), port: told.port.into(), ..Default::default() };
    Ok(MetadataResponse {
        brokers: vec![broker],
        cluster_id: Some(cx.peer.door.cluster_id()),
        controller_id: node.node_id(),
        topics,
        cluster_authorized_operations: access::told(request.include_cluster_authorized_operations, access::CLUSTER),
        ..Default::default()
    })
}

/// Why the whole request is refused, if it is.
fn unreadable(version: i16, topics: Option<&[MetadataRequestTopic]>) -> Option<ErrorCode> {
    let topics = topics?;
    if version < BY_ID_FROM && topics.iter().any(|t| t.name.is_none() || !t.topic_id.is_nil()) {
        return Some(ErrorCode::INVALID_REQUEST);
    }
    let nameless = topics.iter().any(|t| t.name.is_none() && t.topic_id.is_nil());
    nameless.then_some(ErrorCode::UNKNOWN_SERVER_ERROR)
}

fn refused(topics: Vec<MetadataRequestTopic>, error: ErrorCode) -> MetadataResponse {
    let topics = topics.into_iter().map(|topic| MetadataResponseTopic {
        error_code: error.into(),
        name: Some(topic.name.unwrap_or_default()),
        topic_id: topic.topic_id,
        ..Default::default()
    });
    MetadataResponse {
        cluster_id: None,
        controller_id: -1,
        topics: topics.collect(),
        error_code: error.into(),
        ..Default::default()
    }
}

fn all(cx: &Context, access: bool) -> Vec<MetadataResponseTopic> {
    let node = cx.peer.node();
    node.topics().iter().map(|topic| described(node, topic, access)).collect()
}

/// Where one topic is named by id, names are not looked at (as Kafka).
fn by_id(cx: &Context, topics: &[MetadataRequestTopic], access: bool) -> Vec<MetadataResponseTopic> {
    let node = cx.peer.node();
    let mut seen: Vec<Uuid> = topics.iter().map(|t| t.topic_id).filter(|id| !id.is_nil()).collect();
    seen.sort_unstable();
    seen.dedup();
    let one = |id: Uuid| match node.topic_by_id(TopicId(id)) {
        Some(topic) => described(node, &topic, access),
        None => missing(None, id, ErrorCode::UNKNOWN_TOPIC_ID, false),
    };
    seen.into_iter().map(one).collect()
}

async fn by_name(cx: &Context, topics: &[MetadataRequestTopic], create: bool, access: bool) -> Vec<MetadataResponseTopic> {
    let node = cx.peer.node();
    let mut names: Vec<&Text> = topics.iter().filter_map(|t| t.name.as_ref()).collect();
    names.sort_unstable();
    names.dedup();
    let mut answers = Vec::with_capacity(names.len());
    for name in names {
        answers.push(match found_or_made(node, name, create).await {
            Ok(topic) => described(node, &topic, access),
            Err(error) => missing(Some(name.clone()), Uuid::nil(), error, access),
        });
    }
    answers
}

async fn found_or_made(node: &Node, name: &str, create: bool) -> Result<Arc<Topic>, ErrorCode> {
    if let Some(topic) = node.topic(name) {
        return Ok(topic);
    }
    if let Err(bad) = name.parse::<milena_engine::ids::TopicName>() {
        return Err(milena_engine::topic::Refusal::from(bad).code());
    }
    if !create {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    told(node.create_topic_automatically(name).await).map_err(|(error, _)| error)
}

fn missing(name: Option<Text>, topic_id: Uuid, error: ErrorCode, access: bool) -> MetadataResponseTopic {
    // Operations are told of a topic that could be there; not of a name that cannot.
    let access = access && error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    MetadataResponseTopic {
        error_code: error.into(),
        name,
        topic_id,
        topic_authorized_operations: access::told(access, access::TOPIC),
        ..Default::default()
    }
}

fn described(node: &Node, topic: &Topic, access: bool) -> MetadataResponseTopic {
    let broker = node.node_id();
    let partition = |(index, partition): (usize, &Arc<milena_node::Partition>)| MetadataResponsePartition {
        partition_index: index as i32,
        leader_id: broker,
        leader_epoch: partition.view().map_or(0, |view| view.epoch),
        replica_nodes: vec![broker],
        isr_nodes: vec![broker],
        ..Default::default()
    };
    MetadataResponseTopic {
        name: Some(Text::from(topic.name.as_str())),
        topic_id: topic.id.0,
        is_internal: is_internal(topic.name.as_str()),
        partitions: topic.partitions.iter().enumerate().map(partition).collect(),
        topic_authorized_operations: access::told(access, access::TOPIC),
        ..Default::default()
    }
}
