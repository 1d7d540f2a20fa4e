//! Topics and partitions as v2 shows them.

use std::{collections::BTreeMap, sync::Arc};

use milena_node::{Partition, Topic, View};
use serde::Serialize;
use serde_json::json;

use super::told;
use crate::{
    answer::Answer,
    rest::fault::{Fault, Told},
    serve::Door,
};

#[derive(Serialize)]
struct TopicShown<'a> {
    name: &'a str,
    configs: BTreeMap<&'static str, Option<String>>,
    partitions: Vec<PartitionShown>,
}

#[derive(Serialize)]
struct PartitionShown {
    partition: i32,
    leader: i32,
    replicas: [ReplicaShown; 1],
}

#[derive(Serialize)]
struct ReplicaShown {
    broker: i32,
    leader: bool,
    in_sync: bool,
}

pub(super) fn find(door: &Door, topic: &str) -> Told<Arc<Topic>> {
    door.node.topic(topic).ok_or_else(Fault::no_topic)
}

pub(super) fn find_partition(topic: &Topic, index: i32) -> Told<(Arc<Partition>, View)> {
    let partition = topic.partition(index).ok_or_else(Fault::no_partition)?;
    let view = partition.view().ok_or_else(Fault::no_topic)?;
    Ok((partition.clone(), view))
}

pub(super) fn list(door: &Door) -> Answer {
    let topics = door.node.topics();
    told(&topics.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>())
}

pub(super) fn one(door: &Door, name: &str) -> Told<Answer> {
    let topic = find(door, name)?;
    let configs = door.node.describe_topic(&topic).into_iter().map(|entry| (entry.setting.name, entry.value)).collect();
    let partitions = topic.partitions.iter().map(|p| shown(door, p.index())).collect();
    Ok(told(&TopicShown { name: topic.name.as_str(), configs, partitions }))
}

pub(super) fn partitions(door: &Door, name: &str) -> Told<Answer> {
    let topic = find(door, name)?;
    Ok(told(&topic.partitions.iter().map(|p| shown(door, p.index())).collect::<Vec<_>>()))
}

pub(super) fn partition(door: &Door, name: &str, index: i32) -> Told<Answer> {
    let (partition, _) = find_partition(&*find(door, name)?, index)?;
    Ok(told(&shown(door, partition.index())))
}

pub(super) fn offsets(door: &Door, name: &str, index: i32) -> Told<Answer> {
    let (_, view) = find_partition(&*find(door, name)?, index)?;
    Ok(told(&json!({"beginning_offset": view.start, "end_offset": view.high})))
}

/// One broker is its own only replica, and in sync with itself.
fn shown(door: &Door, partition: i32) -> PartitionShown {
    let broker = door.node.node_id();
    PartitionShown { partition, leader: broker, replicas: [ReplicaShown { broker, leader: true, in_sync: true }] }
}
