//! DescribeTopicPartitions (75), v0. Topics and their partitions, page by page. KIP-966.

use std::collections::BTreeSet;

use milena_engine::{
    ids::TopicName,
    topic::{Refusal, is_internal},
};
use milena_node::{Node, Topic};
use milena_wire::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, ErrorCode, Text,
    describe_topic_partitions::{
        DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic, RequestCursor, ResponseCursor,
    },
};

use crate::{
    access,
    dispatch::{Card, Close, Context, Cost},
    errors::Code,
};

pub(super) const CARD: Card = Card::new(75, "DescribeTopicPartitions", 0..=0, Cost::Cheap, |call| call.now(handle));

/// `max.request.partition.size.limit`: partitions of one page at most.
const PAGE: usize = 2000;

fn handle(cx: &Context, request: DescribeTopicPartitionsRequest) -> Result<DescribeTopicPartitionsResponse, Close> {
    let node = cx.peer.node();
    let cursor = request.cursor;
    let mut names: BTreeSet<Text> = request.topics.iter().map(|t| t.name.clone()).collect();
    if cursor.as_ref().is_some_and(|c| c.partition_index < 0 || !(names.is_empty() || names.contains(&c.topic_name))) {
        return Ok(refused(names));
    }
    if names.is_empty() {
        names = node.topics().iter().map(|t| Text::from(t.name.as_str())).collect();
    }
    let mut left = usize::try_from(request.response_partition_limit).unwrap_or(0).clamp(1, PAGE);
    let mut answer = DescribeTopicPartitionsResponse { next_cursor: None, ..Default::default() };
    let from = cursor.unwrap_or(RequestCursor { topic_name: Text::default(), partition_index: 0, ..Default::default() });
    for name in names.into_iter().filter(|name| *name >= from.topic_name) {
        let first = if name == from.topic_name { from.partition_index as usize } else { 0 };
        if left == 0 {
            let next = ResponseCursor { topic_name: name, partition_index: 0, ..Default::default() };
            answer.next_cursor = Some(next);
            break;
        }
        let Some(topic) = node.topic(&name) else {
            answer.topics.push(missing(name));
            continue;
        };
        let upto = topic.partitions.len().min(first.saturating_add(left));
        left -= upto.saturating_sub(first);
        answer.topics.push(described(node, &topic, first..upto.max(first)));
        if upto < topic.partitions.len() && upto >= first {
            let next = ResponseCursor { topic_name: name, partition_index: upto as i32, ..Default::default() };
            answer.next_cursor = Some(next);
            break;
        }
    }
    Ok(answer)
}

fn described(node: &Node, topic: &Topic, range: std::ops::Range<usize>) -> DescribeTopicPartitionsResponseTopic {
    let broker = node.node_id();
    let partition = |index: usize| DescribeTopicPartitionsResponsePartition {
        partition_index: index as i32,
        leader_id: broker,
        leader_epoch: topic.partitions.get(index).and_then(|p| p.view()).map_or(0, |view| view.epoch),
        replica_nodes: vec![broker],
        isr_nodes: vec![broker],
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        ..Default::default()
    };
    DescribeTopicPartitionsResponseTopic {
        name: Some(Text::from(topic.name.as_str())),
        topic_id: topic.id.0,
        is_internal: is_internal(topic.name.as_str()),
        partitions: range.map(partition).collect(),
        topic_authorized_operations: access::TOPIC,
        ..Default::default()
    }
}

/// Full operations even of a topic that is not there, as in Kafka.
fn missing(name: Text) -> DescribeTopicPartitionsResponseTopic {
    let error = match name.parse::<TopicName>() {
        Ok(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        Err(bad) => Refusal::from(bad).code(),
    };
    DescribeTopicPartitionsResponseTopic {
        error_code: error.into(),
        name: Some(name),
        topic_authorized_operations: access::TOPIC,
        ..Default::default()
    }
}

/// The cursor points to nothing that was asked for.
fn refused(names: BTreeSet<Text>) -> DescribeTopicPartitionsResponse {
    let topics = names.into_iter().map(|name| DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::INVALID_REQUEST.into(),
        name: Some(name),
        ..Default::default()
    });
    DescribeTopicPartitionsResponse { topics: topics.collect(), next_cursor: None, ..Default::default() }
}
