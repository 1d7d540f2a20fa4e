//! CreatePartitions (37), v0-3. Gives topics more partitions. KIP-195.

use std::collections::HashMap;

use milena_engine::topic::{AddPartitions, Command, Refusal};
use milena_node::Node;
use milena_wire::{
    ErrorCode, Text,
    create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult},
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::{Told, told},
};

pub(super) const CARD: Card = Card::new(37, "CreatePartitions", 0..=3, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: CreatePartitionsRequest) -> Result<CreatePartitionsResponse, Close> {
    let mut times: HashMap<Text, usize> = HashMap::new();
    for topic in &request.topics {
        *times.entry(topic.name.clone()).or_default() += 1;
    }
    let node = cx.peer.node();
    let wanted: Vec<_> = request.topics.iter().map(|topic| wanted(node, topic)).collect();
    let whole = node.judge_additions(&wanted).map_err(too_many);
    let mut results = Vec::with_capacity(wanted.len());
    for (topic, wanted) in request.topics.into_iter().zip(wanted) {
        let added = match (times.remove(&topic.name), &whole) {
            (None, _) => continue,
            (Some(1), Err(told)) => Err(told.clone()),
            (Some(1), Ok(())) => add(node, wanted, request.validate_only).await,
            (Some(_), _) => Err((ErrorCode::INVALID_REQUEST, "Duplicate topic name.".to_owned())),
        };
        let (error, words) = added.map_or_else(|(error, words)| (error, Some(words)), |()| (ErrorCode::NONE, None));
        results.push(CreatePartitionsTopicResult {
            name: topic.name,
            error_code: error.into(),
            error_message: words.map(Text::from),
            ..Default::default()
        });
    }
    Ok(CreatePartitionsResponse { results, ..Default::default() })
}

fn wanted(node: &Node, topic: &CreatePartitionsTopic) -> AddPartitions {
    let assignments = topic.assignments.as_ref().map(|all| all.iter().map(|a| a.broker_ids.clone()).collect());
    AddPartitions { name: topic.name.as_str().to_owned(), count: topic.count, assignments, node: node.node_id() }
}

/// As Kafka: what CreateTopics calls a policy has no word here.
fn too_many(refusal: Refusal) -> Told {
    (ErrorCode::UNKNOWN_SERVER_ERROR, refusal.to_string())
}

async fn add(node: &Node, wanted: AddPartitions, only_try: bool) -> Result<(), Told> {
    let judged = match only_try {
        true => Ok(node.try_catalog(Command::Add(wanted)).map(drop)),
        false => node.add_partitions(wanted).await.map(|answer| answer.map(drop)),
    };
    match judged {
        Ok(Err(refusal @ Refusal::TooManyInRequest)) => Err(too_many(refusal)),
        other => told(other),
    }
}
