//! DescribeLogDirs (35), v1-5. How much each partition takes, and how much the disk has. KIP-113, KIP-827, KIP-1066.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use milena_node::{Node, Topic};
use milena_wire::{
    DescribeLogDirsRequest, DescribeLogDirsResponse, Text,
    describe_log_dirs::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic},
};

use crate::{
    disk,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(35, "DescribeLogDirs", 1..=5, Cost::Cheap, |call| call.now(handle));

/// From here on the size of the disk is told.
const SIZES_FROM: i16 = 4;

fn handle(cx: &Context, request: DescribeLogDirsRequest) -> Result<DescribeLogDirsResponse, Close> {
    let node = cx.peer.node();
    let topics = match request.topics {
        None => node.topics().iter().map(|topic| described(node, topic, |_| true)).collect(),
        Some(asked) => {
            let mut wanted: HashMap<Text, HashSet<i32>> = HashMap::new();
            for topic in &asked {
                wanted.entry(topic.topic.clone()).or_default().extend(&topic.partitions);
            }
            // A topic named twice is answered at its first place, with everything that was asked of it.
            let one = |asked: milena_wire::describe_log_dirs::DescribableLogDirTopic| {
                let wanted = wanted.remove(&asked.topic)?;
                let topic: Arc<Topic> = node.topic(&asked.topic)?;
                let told = described(node, &topic, |index| wanted.contains(&index));
                (!told.partitions.is_empty()).then_some(told)
            };
            asked.into_iter().filter_map(one).collect()
        }
    };
    let gauges = node.gauges();
    let size = |bytes: u64| match (cx.version >= SIZES_FROM, gauges.disk_total) {
        // Unknown, as it is where nothing is on a disk.
        (false, _) | (_, 0) => -1,
        (true, _) => i64::try_from(bytes).unwrap_or(i64::MAX),
    };
    let result = DescribeLogDirsResult {
        log_dir: Text::from(disk::directory(node)),
        topics,
        total_bytes: size(gauges.disk_total),
        usable_bytes: size(gauges.disk_free),
        ..Default::default()
    };
    Ok(DescribeLogDirsResponse { results: vec![result], ..Default::default() })
}

fn described(node: &Node, topic: &Topic, wanted: impl Fn(i32) -> bool) -> DescribeLogDirsTopic {
    let partition = |partition: &Arc<milena_node::Partition>| DescribeLogDirsPartition {
        partition_index: partition.index(),
        partition_size: i64::try_from(node.log_bytes(partition)).unwrap_or(i64::MAX),
        ..Default::default()
    };
    let wanted = topic.partitions.iter().filter(|p| wanted(p.index()));
    DescribeLogDirsTopic {
        name: Text::from(topic.name.as_str()),
        partitions: wanted.map(partition).collect(),
        ..Default::default()
    }
}
