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
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let added = match times.remove(&topic.name) {
            None => continue,
            Some(1) => add(cx.peer.node(), &topic, request.validate_only).await,
            Some(_) => Err((ErrorCode::INVALID_REQUEST, "Duplicate topic name.".to_owned())),
        };
        let (error, words) = match added {
            Ok(()) => (ErrorCode::NONE, None),
            Err((error, words)) => (error, Some(Text::from(words))),
        };
        results.push(CreatePartitionsTopicResult {
            name: topic.name,
            error_code: error.into(),
            error_message: words,
            ..Default::default()
        });
    }
    Ok(CreatePartitionsResponse { results, ..Default::default() })
}

async fn add(node: &Node, topic: &CreatePartitionsTopic, only_try: bool) -> Result<(), Told> {
    let assignments = topic.assignments.as_ref().map(|all| all.iter().map(|a| a.broker_ids.clone()).collect());
    let add = AddPartitions { name: topic.name.as_str().to_owned(), count: topic.count, assignments, node: node.node_id() };
    let judged = match only_try {
        true => Ok(node.try_catalog(Command::Add(add)).map(drop)),
        false => node.add_partitions(add).await.map(|answer| answer.map(drop)),
    };
    match judged {
        // As Kafka: what CreateTopics calls a policy it has no word for here.
        Ok(Err(refusal @ Refusal::TooManyInRequest)) => Err((ErrorCode::UNKNOWN_SERVER_ERROR, refusal.to_string())),
        other => told(other),
    }
}
