//! DescribeShareGroupOffsets (90), v0-1. How far share groups have come, and how much is left to do. KIP-932, KIP-1226.
//!
//! Differs from Apache Kafka: the start moves with every record that is finished, and a partition that is not there is
//! answered with an error instead of silence.

use milena_engine::share::{At, Depth, Window};
use milena_node::Node;
use milena_wire::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse, ErrorCode, Text,
    describe_share_group_offsets::{
        DescribeShareGroupOffsetsRequestGroup, DescribeShareGroupOffsetsResponseGroup,
        DescribeShareGroupOffsetsResponsePartition, DescribeShareGroupOffsetsResponseTopic,
    },
};

use crate::{
    asked::few,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(90, "DescribeShareGroupOffsets", 0..=1, Cost::Cheap, |call| call.later(handle));

async fn handle(cx: Context, request: DescribeShareGroupOffsetsRequest) -> Result<DescribeShareGroupOffsetsResponse, Close> {
    let mut groups = Vec::with_capacity(request.groups.len());
    for group in few(request.groups, |group| group.group_id.clone()) {
        groups.push(describe(&cx, group).await?);
    }
    Ok(DescribeShareGroupOffsetsResponse { groups, ..Default::default() })
}

async fn describe(
    cx: &Context,
    asked: DescribeShareGroupOffsetsRequestGroup,
) -> Result<DescribeShareGroupOffsetsResponseGroup, Close> {
    let node = cx.peer.node();
    let begun = node.ask_share(&asked.group_id, |share| share.partitions().collect::<Vec<At>>()).await;
    let Some(begun) = begun.map_err(|dead| Close::because(dead.to_string()))? else {
        let words = format!("Group {} not found.", asked.group_id);
        let error_code = ErrorCode::GROUP_ID_NOT_FOUND.into();
        let group_id = asked.group_id;
        return Ok(DescribeShareGroupOffsetsResponseGroup {
            group_id,
            error_code,
            error_message: Some(words.into()),
            ..Default::default()
        });
    };
    let wanted: Vec<(Text, Vec<i32>)> = match asked.topics {
        Some(topics) => {
            let named = few(topics, |topic| topic.topic_name.clone()).into_iter();
            named.map(|topic| (topic.topic_name, few(topic.partitions, |index| *index))).collect()
        }
        None => everything(node, &begun),
    };
    let mut topics = Vec::with_capacity(wanted.len());
    for (name, partitions) in wanted {
        topics.push(topic(cx, &asked.group_id, name, partitions).await?);
    }
    Ok(DescribeShareGroupOffsetsResponseGroup { group_id: asked.group_id, topics, ..Default::default() })
}

fn everything(node: &Node, begun: &[At]) -> Vec<(Text, Vec<i32>)> {
    let topics = begun.chunk_by(|a, b| a.topic == b.topic).filter_map(|partitions| {
        let topic = node.topic_by_id(partitions[0].topic)?;
        Some((Text::from(topic.name.as_str()), partitions.iter().map(|at| at.partition).collect()))
    });
    topics.collect()
}

async fn topic(
    cx: &Context,
    group: &Text,
    topic_name: Text,
    partitions: Vec<i32>,
) -> Result<DescribeShareGroupOffsetsResponseTopic, Close> {
    let node = cx.peer.node();
    let found = node.topic(&topic_name);
    let mut told = Vec::with_capacity(partitions.len());
    for partition_index in partitions {
        let view = found.as_ref().and_then(|topic| Some((topic.id, topic.partition(partition_index)?.view()?)));
        told.push(match view {
            Some((topic, view)) => {
                let (at, window) = (At { topic, partition: partition_index }, Window { start: view.start, end: view.stable });
                let depth = node.ask_share(group, |share| share.depth(at, window)).await;
                partition(cx, partition_index, depth.map_err(|dead| Close::because(dead.to_string()))?.flatten())
            }
            None => missing(partition_index),
        });
    }
    let topic_id = found.map(|topic| topic.id.0).unwrap_or_default();
    Ok(DescribeShareGroupOffsetsResponseTopic { topic_name, topic_id, partitions: told, ..Default::default() })
}

/// What was never begun has no start.
fn partition(cx: &Context, partition_index: i32, depth: Option<Depth>) -> DescribeShareGroupOffsetsResponsePartition {
    let lag = depth.map_or(-1, |depth| depth.unfinished);
    DescribeShareGroupOffsetsResponsePartition {
        partition_index,
        start_offset: depth.map_or(-1, |depth| depth.start),
        lag: if cx.version >= 1 { lag } else { -1 },
        ..Default::default()
    }
}

fn missing(partition_index: i32) -> DescribeShareGroupOffsetsResponsePartition {
    let error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    DescribeShareGroupOffsetsResponsePartition {
        partition_index,
        start_offset: -1,
        lag: -1,
        error_code: error.into(),
        error_message: Some(error.words().into()),
        ..Default::default()
    }
}
