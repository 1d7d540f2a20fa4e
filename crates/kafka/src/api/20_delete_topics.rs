//! DeleteTopics (20), v1-6. By name, or by id from version 6 on. KIP-4, KIP-516.
//!
//! Differs from Apache Kafka: a deleted topic can be restored for 24 hours.

use std::collections::HashMap;

use milena_engine::{ids::TopicId, topic::Target};
use milena_node::Node;
use milena_wire::{
    ErrorCode, Text, Uuid,
    delete_topics::{DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse},
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::{Told, told},
};

pub(super) const CARD: Card = Card::new(20, "DeleteTopics", 1..=6, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: DeleteTopicsRequest) -> Result<DeleteTopicsResponse, Close> {
    let by_name = request.topic_names.into_iter().map(|name| DeleteTopicState { name: Some(name), ..Default::default() });
    let asked: Vec<_> = request.topics.into_iter().chain(by_name).collect();
    let mut times: HashMap<(Option<Text>, Uuid), usize> = HashMap::new();
    for topic in &asked {
        *times.entry((topic.name.clone(), topic.topic_id)).or_default() += 1;
    }
    let mut responses = Vec::with_capacity(asked.len());
    for topic in asked {
        let Some(times) = times.remove(&(topic.name.clone(), topic.topic_id)) else { continue };
        let (name, id) = names(cx.peer.node(), &topic);
        let (error, words) = match delete(cx.peer.node(), &topic, times).await {
            Ok(()) => (ErrorCode::NONE, None),
            Err((error, words)) => (error, Some(Text::from(words))),
        };
        responses.push(DeletableTopicResult {
            name,
            topic_id: id,
            error_code: error.into(),
            error_message: words,
            ..Default::default()
        });
    }
    Ok(DeleteTopicsResponse { responses, ..Default::default() })
}

/// Name and id as they are told: both, where the topic is there.
fn names(node: &Node, asked: &DeleteTopicState) -> (Option<Text>, Uuid) {
    let found = match &asked.name {
        Some(name) if asked.topic_id.is_nil() => node.topic(name),
        Some(_) => None,
        None => node.topic_by_id(TopicId(asked.topic_id)),
    };
    found.map_or((asked.name.clone(), asked.topic_id), |t| (Some(Text::from(t.name.as_str())), t.id.0))
}

async fn delete(node: &Node, asked: &DeleteTopicState, times: usize) -> Result<(), Told> {
    let invalid = |words: &str| Err((ErrorCode::INVALID_REQUEST, words.to_owned()));
    let target = match (&asked.name, asked.topic_id) {
        (Some(_), id) if !id.is_nil() => return invalid("You may not specify both topic name and topic id."),
        (None, id) if id.is_nil() => return invalid("Neither topic name nor id were specified."),
        (Some(_), _) if times > 1 => return invalid("Duplicate topic name."),
        (None, _) if times > 1 => return invalid("Duplicate topic id."),
        (Some(name), _) => Target::Name(name.to_string()),
        (None, id) => Target::Id(TopicId(id)),
    };
    told(node.delete_topic(target).await).map(drop)
}
