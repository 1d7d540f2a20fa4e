//! DescribeProducers (61), v0. Idempotent producers that a partition remembers. KIP-664.

use milena_engine::{ids::TopicName, topic::Refusal};
use milena_node::Node;
use milena_wire::{
    DescribeProducersRequest, DescribeProducersResponse, ErrorCode, Text,
    describe_producers::{PartitionResponse, ProducerState, TopicResponse},
};

use crate::{
    asked::Asked,
    dispatch::{Card, Close, Context, Cost},
    errors::{Code, Told},
};

pub(super) const CARD: Card = Card::new(61, "DescribeProducers", 0..=0, Cost::Cheap, |call| call.now(handle));

fn handle(cx: &Context, request: DescribeProducersRequest) -> Result<DescribeProducersResponse, Close> {
    let node = cx.peer.node();
    // Each partition a few times only: what it remembers may be long.
    let mut asked = Asked::new();
    let topics = request.topics.into_iter().map(|topic| {
        let fresh = topic.partition_indexes.iter().filter(|index| asked.again((topic.name.clone(), **index)));
        TopicResponse {
            partitions: fresh.map(|index| partition(node, &topic.name, *index)).collect(),
            name: topic.name.clone(),
            ..Default::default()
        }
    });
    Ok(DescribeProducersResponse { topics: topics.collect(), ..Default::default() })
}

fn partition(node: &Node, topic: &str, partition_index: i32) -> PartitionResponse {
    let (error, words, active_producers) = match producers(node, topic, partition_index) {
        Ok(producers) => (ErrorCode::NONE, None, producers),
        Err((error, words)) => (error, Some(Text::from(words)), Vec::new()),
    };
    PartitionResponse { partition_index, error_code: error.into(), error_message: words, active_producers, ..Default::default() }
}

fn producers(node: &Node, topic: &str, index: i32) -> Result<Vec<ProducerState>, Told> {
    let told = |refusal: &dyn std::fmt::Display, error| (error, refusal.to_string());
    topic.parse::<TopicName>().map_err(|bad| told(&bad, Refusal::from(bad.clone()).code()))?;
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let topic = node.topic(topic).ok_or_else(|| told(&unknown.words(), unknown))?;
    let partition = topic.partition(index).ok_or_else(|| told(&unknown.words(), unknown))?;
    let state = |p: milena_engine::partition::ProducerState| ProducerState {
        producer_id: p.producer,
        producer_epoch: p.epoch.into(),
        last_sequence: p.last_sequence,
        last_timestamp: p.last_stamp,
        coordinator_epoch: -1,
        current_txn_start_offset: -1,
        ..Default::default()
    };
    Ok(node.producers(partition).into_iter().map(state).collect())
}
