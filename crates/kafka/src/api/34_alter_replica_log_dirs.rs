//! AlterReplicaLogDirs (34), v1-2. KIP-113. Refused: there is one data directory, and nothing moves out of it.

use std::collections::BTreeMap;

use milena_wire::{
    AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, ErrorCode, Text,
    alter_replica_log_dirs::{AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult},
};

use crate::{
    disk,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(34, "AlterReplicaLogDirs", 1..=2, Cost::Cheap, |call| call.now(handle));

fn handle(cx: &Context, request: AlterReplicaLogDirsRequest) -> Result<AlterReplicaLogDirsResponse, Close> {
    let node = cx.peer.node();
    let own = disk::directory(node);
    let mut results: BTreeMap<Text, Vec<AlterReplicaLogDirPartitionResult>> = BTreeMap::new();
    for dir in request.dirs {
        for asked in dir.topics {
            let topic = node.topic(&asked.name);
            let moved = |partition_index: i32| {
                let error = match topic.as_ref().and_then(|t| t.partition(partition_index)) {
                    _ if dir.path != own => ErrorCode::LOG_DIR_NOT_FOUND,
                    // It is there already.
                    Some(_) => ErrorCode::NONE,
                    None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                };
                AlterReplicaLogDirPartitionResult { partition_index, error_code: error.into(), ..Default::default() }
            };
            let partitions: Vec<_> = asked.partitions.into_iter().map(moved).collect();
            results.entry(asked.name).or_default().extend(partitions);
        }
    }
    let results = results.into_iter().map(|(topic_name, partitions)| AlterReplicaLogDirTopicResult {
        topic_name,
        partitions,
        ..Default::default()
    });
    Ok(AlterReplicaLogDirsResponse { results: results.collect(), ..Default::default() })
}
