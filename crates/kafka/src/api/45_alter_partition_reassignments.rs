//! AlterPartitionReassignments (45), v0-1. KIP-455, KIP-860. Refused, except for what changes nothing: every partition
//! lies on the only broker.

use milena_node::Node;
use milena_wire::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ErrorCode, Text,
    alter_partition_reassignments::{ReassignablePartition, ReassignablePartitionResponse, ReassignableTopicResponse},
};

use crate::dispatch::{Card, Close, Context, Cost};

pub(super) const CARD: Card = Card::new(45, "AlterPartitionReassignments", 0..=1, Cost::Cheap, |call| call.now(handle));

fn handle(cx: &Context, request: AlterPartitionReassignmentsRequest) -> Result<AlterPartitionReassignmentsResponse, Close> {
    let responses = request.topics.into_iter().map(|topic| ReassignableTopicResponse {
        partitions: topic.partitions.iter().map(|p| judge(cx.peer.node(), &topic.name, p)).collect(),
        name: topic.name,
        ..Default::default()
    });
    Ok(AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: cx.version == 0 || request.allow_replication_factor_change,
        // As Apache Kafka has it where nothing is wrong.
        error_message: Some(Text::default()),
        responses: responses.collect(),
        ..Default::default()
    })
}

fn judge(node: &Node, topic: &str, asked: &ReassignablePartition) -> ReassignablePartitionResponse {
    let index = asked.partition_index;
    let there = node.topic(topic).is_some_and(|t| t.partition(index).is_some());
    let own = node.node_id();
    let (error, words) = match asked.replicas.as_deref() {
        // Without the name, which may be long, and would come back with each partition.
        _ if !there => (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, Some("Unable to find the partition.".to_owned())),
        None => (ErrorCode::NO_REASSIGNMENT_IN_PROGRESS, None),
        Some([]) => bad("The manual partition assignment includes an empty replica list.".to_owned()),
        Some(brokers) => match brokers.iter().find(|broker| **broker != own) {
            Some(other) => {
                bad(format!("The manual partition assignment includes broker {other}, but no such broker is registered."))
            }
            None if brokers.len() > 1 => {
                bad(format!("The manual partition assignment includes the broker {own} more than once."))
            }
            None => (ErrorCode::NONE, None),
        },
    };
    ReassignablePartitionResponse {
        partition_index: index,
        error_code: error.into(),
        error_message: words.map(Text::from),
        ..Default::default()
    }
}

fn bad(words: String) -> (ErrorCode, Option<String>) {
    (ErrorCode::INVALID_REPLICA_ASSIGNMENT, Some(words))
}
