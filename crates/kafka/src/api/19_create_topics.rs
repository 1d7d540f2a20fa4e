//! CreateTopics (19), v2-7. KIP-4, KIP-464, KIP-525, KIP-516.

use std::collections::HashMap;

use milena_engine::{
    ids::TopicId,
    settings::Entry,
    topic::{Assignment, CONTROLLERS_TOPIC, CreateTopic, Refusal, judge_request},
};
use milena_node::Node;
use milena_wire::{
    ErrorCode, Text, Uuid,
    create_topics::{CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse},
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::{Code, Told, told},
};

pub(super) const CARD: Card = Card::new(19, "CreateTopics", 2..=7, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: CreateTopicsRequest) -> Result<CreateTopicsResponse, Close> {
    let mut times: HashMap<Text, usize> = HashMap::new();
    for topic in &request.topics {
        *times.entry(topic.name.clone()).or_default() += 1;
    }
    let node = cx.peer.node();
    let (once, twice): (Vec<_>, Vec<_>) = request.topics.into_iter().partition(|t| times[&t.name] == 1);
    let wanted: Vec<CreateTopic> = once.iter().map(wanted).collect();
    let whole = judge_request(&wanted).map_err(|refusal| (refusal.code(), refusal.to_string()));
    let mut topics = Vec::with_capacity(once.len());
    for (topic, wanted) in once.into_iter().zip(wanted) {
        let made = match &whole {
            // Before anything else about it, and with a code of its own.
            Ok(()) if topic.name == CONTROLLERS_TOPIC => Err((ErrorCode::INVALID_REQUEST, Refusal::Controllers.to_string())),
            Ok(()) => create(node, wanted, request.validate_only).await,
            Err(told) => Err(told.clone()),
        };
        topics.push(made.unwrap_or_else(refused).named(topic.name));
    }
    for topic in twice {
        if times.remove(&topic.name).is_some() {
            topics.push(refused((ErrorCode::INVALID_REQUEST, "Duplicate topic name.".into())).named(topic.name));
        }
    }
    Ok(CreateTopicsResponse { topics, ..Default::default() })
}

fn wanted(topic: &CreatableTopic) -> CreateTopic {
    let assignment = |a: &milena_wire::create_topics::CreatableReplicaAssignment| Assignment {
        partition: a.partition_index,
        brokers: a.broker_ids.clone(),
    };
    CreateTopic {
        id: TopicId(Uuid::nil()),
        name: topic.name.as_str().to_owned(),
        partitions: topic.num_partitions,
        replicas: topic.replication_factor,
        assignments: topic.assignments.iter().map(assignment).collect(),
        settings: topic.configs.iter().map(|c| (c.name.to_string(), c.value.as_ref().map(Text::to_string))).collect(),
        default_partitions: 1,
        node: 0,
    }
}

async fn create(node: &Node, wanted: CreateTopic, only_try: bool) -> Result<CreatableTopicResult, Told> {
    if only_try {
        let would = node.try_create_topic(wanted).map_err(|refusal| (refusal.code(), refusal.to_string()))?;
        let settings = milena_engine::settings::topic::describe(&would.settings, &node.config());
        return Ok(result(would.id, would.partitions() as usize, settings));
    }
    let topic = told(node.create_topic(wanted).await)?;
    Ok(result(topic.id, topic.partitions.len(), node.describe_topic(&topic)))
}

fn result(id: TopicId, partitions: usize, settings: Vec<Entry>) -> CreatableTopicResult {
    let config = |entry: Entry| CreatableTopicConfigs {
        name: Text::from(entry.setting.name),
        value: entry.value.map(Text::from),
        read_only: entry.setting.read_only(),
        config_source: entry.source as i8,
        is_sensitive: entry.setting.sensitive(),
        ..Default::default()
    };
    CreatableTopicResult {
        topic_id: id.0,
        num_partitions: partitions as i32,
        replication_factor: 1,
        error_message: None,
        configs: Some(settings.into_iter().map(config).collect()),
        ..Default::default()
    }
}

fn refused((error, words): Told) -> CreatableTopicResult {
    CreatableTopicResult { error_code: error.into(), error_message: Some(words.into()), ..Default::default() }
}

trait Named {
    fn named(self, name: Text) -> Self;
}
impl Named for CreatableTopicResult {
    fn named(self, name: Text) -> Self {
        Self { name, ..self }
    }
}
