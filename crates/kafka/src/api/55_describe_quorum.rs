//! DescribeQuorum (55), v0-2. KIP-595, KIP-836, KIP-853. A quorum of one: this broker decides alone.
//!
//! Differs from Apache Kafka: there is no metadata log behind it, so ends and watermarks are 0.

use milena_engine::topic::CONTROLLERS_TOPIC;
use milena_wire::{
    DescribeQuorumRequest, DescribeQuorumResponse, ErrorCode, Text,
    describe_quorum::{Listener, Node, ReplicaState, RequestTopicData, ResponsePartitionData, ResponseTopicData},
};

use crate::{
    asked::few,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(55, "DescribeQuorum", 0..=2, Cost::Cheap, |call| call.now(handle));

/// From here on times are told, from the next on words and nodes.
const TIMES_FROM: i16 = 1;
const WORDS_FROM: i16 = 2;

fn handle(cx: &Context, request: DescribeQuorumRequest) -> Result<DescribeQuorumResponse, Close> {
    // As Kafka: anything beside the metadata partition makes all of it unknown.
    let known = |topic: &RequestTopicData| {
        topic.topic_name == CONTROLLERS_TOPIC && topic.partitions.iter().all(|p| p.partition_index == 0)
    };
    let all_known = request.topics.iter().all(known) && request.topics.len() <= 1;
    let words = (cx.version >= WORDS_FROM).then(Text::default);
    let topics: Vec<_> = request.topics.into_iter().map(|topic| described(cx, topic, all_known)).collect();
    let nodes = if cx.version >= WORDS_FROM && all_known && !topics.is_empty() { vec![node(cx)] } else { Vec::new() };
    Ok(DescribeQuorumResponse { error_message: words, topics, nodes, ..Default::default() })
}

fn described(cx: &Context, topic: RequestTopicData, known: bool) -> ResponseTopicData {
    let partition = |partition_index: i32| match known {
        true => ResponsePartitionData {
            partition_index,
            error_message: (cx.version >= WORDS_FROM).then(Text::default),
            leader_id: cx.peer.node().node_id(),
            leader_epoch: 1,
            current_voters: vec![voter(cx)],
            ..Default::default()
        },
        false => ResponsePartitionData {
            partition_index,
            error_code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into(),
            error_message: (cx.version >= WORDS_FROM).then(|| Text::from_static(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.words())),
            ..Default::default()
        },
    };
    ResponseTopicData {
        partitions: few(topic.partitions, |p| p.partition_index).iter().map(|p| partition(p.partition_index)).collect(),
        topic_name: topic.topic_name,
        ..Default::default()
    }
}

fn voter(cx: &Context) -> ReplicaState {
    let now = cx.peer.node().now().wall;
    let time = if cx.version >= TIMES_FROM { now } else { -1 };
    ReplicaState {
        replica_id: cx.peer.node().node_id(),
        last_fetch_timestamp: time,
        last_caught_up_timestamp: time,
        ..Default::default()
    }
}

fn node(cx: &Context) -> Node {
    let told = cx.peer.told();
    let listener =
        Listener { name: Text::from_static("PLAINTEXT"), host: told.host.into(), port: told.port, ..Default::default() };
    Node { node_id: cx.peer.node().node_id(), listeners: vec![listener], ..Default::default() }
}
