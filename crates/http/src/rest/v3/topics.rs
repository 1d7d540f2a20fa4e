//! Topics, partitions and replicas of v3.

use std::{collections::HashMap, sync::Arc};

use hyper::StatusCode;
use milena_node::{
    Topic,
    engine::{
        ids::{TopicId, Uuid},
        topic::{AddPartitions, Assignment, CreateTopic, Target, is_internal, judge_request},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    brokers,
    resource::{Place, escaped, told},
};
use crate::{
    answer::{Answer, empty},
    rest::{
        Object, Scalar,
        fault::{Fault, Told},
        parsed,
    },
    serve::Door,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    topic_name: String,
    partitions_count: Option<i32>,
    replication_factor: Option<i16>,
    replicas_assignments: Option<HashMap<String, Vec<i32>>>,
    configs: Option<Vec<Object<Config>>>,
    validate_only: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    name: String,
    value: Option<Scalar>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    partitions_count: i32,
}

pub(super) fn find(door: &Door, name: &str) -> Told<Arc<Topic>> {
    door.node
        .topic(name)
        .ok_or_else(|| Fault::new(StatusCode::NOT_FOUND, 40403, "This server does not host this topic-partition."))
}

fn path_of(topic: &str) -> String {
    format!("/topics/{}", escaped(topic))
}

fn shown(place: &Place, name: &str, partitions: usize, operations: bool) -> Value {
    let path = path_of(name);
    let operations: &[&str] = match operations {
        // Whoever reaches the port may do everything: there are no logins yet.
        true => &["READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"],
        false => &[],
    };
    let fields = json!({
        "topic_name": name,
        "is_internal": is_internal(name),
        "replication_factor": 1,
        "partitions_count": partitions,
        "partitions": place.related(&format!("{path}/partitions")),
        "configs": place.related(&format!("{path}/configs")),
        "partition_reassignments": place.related(&format!("{path}/partitions/-/reassignment")),
        "authorized_operations": operations,
    });
    place.resource("KafkaTopic", &path, &format!("/topic={name}"), fields)
}

pub(super) fn list(door: &Door, place: &Place, operations: bool) -> Answer {
    let topics = door.node.topics();
    let data = topics.iter().map(|topic| shown(place, topic.name.as_str(), topic.partitions.len(), operations)).collect();
    place.list("KafkaTopicList", "/topics", data)
}

pub(super) fn one(door: &Door, place: &Place, name: &str, operations: bool) -> Told<Answer> {
    let topic = find(door, name)?;
    Ok(told(StatusCode::OK, &shown(place, name, topic.partitions.len(), operations)))
}

pub(super) async fn create(door: &Door, place: &Place, body: &[u8]) -> Told<Answer> {
    let asked: Create = parsed(body)?;
    let only_try = asked.validate_only.unwrap_or_default();
    let name = asked.topic_name.clone();
    let create = wanted(asked)?;
    judge_request(std::slice::from_ref(&create))?;
    let partitions = match only_try {
        true => door.node.try_create_topic(create)?.partitions() as usize,
        false => door.node.create_topic(create).await??.partitions.len(),
    };
    let status = if only_try { StatusCode::OK } else { StatusCode::CREATED };
    let mut answer = told(status, &shown(place, &name, partitions, false));
    if let Ok(location) = place.url(&path_of(&name)).parse() {
        answer.headers_mut().insert(hyper::header::LOCATION, location);
    }
    Ok(answer)
}

fn wanted(asked: Create) -> Told<CreateTopic> {
    let assignment = |(partition, brokers): (String, Vec<i32>)| match partition.parse() {
        Ok(partition) => Ok(Assignment { partition, brokers }),
        Err(_) => Err(Fault::bad_request(format!("{partition:?} in replicas_assignments is no partition"))),
    };
    let mut assignments = asked.replicas_assignments.unwrap_or_default().into_iter().map(assignment).collect::<Told<Vec<_>>>()?;
    assignments.sort_by_key(|assignment| assignment.partition);
    let configs = asked.configs.unwrap_or_default().into_iter();
    Ok(CreateTopic {
        id: TopicId(Uuid::nil()),
        name: asked.topic_name,
        partitions: asked.partitions_count.unwrap_or(-1),
        replicas: asked.replication_factor.unwrap_or(-1),
        assignments,
        settings: configs.map(|Object(config)| (config.name, config.value.map(|Scalar(value)| value))).collect(),
        default_partitions: 1,
        node: 0,
    })
}

pub(super) async fn patch(door: &Door, place: &Place, name: &str, body: &[u8]) -> Told<Answer> {
    find(door, name)?;
    let asked: Patch = parsed(body)?;
    let add = AddPartitions { name: name.to_owned(), count: asked.partitions_count, assignments: None, node: 0 };
    door.node.judge_additions(std::slice::from_ref(&add))?;
    let topic = door.node.add_partitions(add).await??;
    Ok(told(StatusCode::OK, &shown(place, name, topic.partitions.len(), false)))
}

pub(super) async fn delete(door: &Door, name: &str) -> Told<Answer> {
    find(door, name)?;
    door.node.delete_topic(Target::Name(name.to_owned())).await??;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn partition_shown(door: &Door, place: &Place, topic: &str, index: i32) -> Value {
    let path = format!("{}/partitions/{index}", path_of(topic));
    let leader = format!("{path}/replicas/{}", door.node.node_id());
    let fields = json!({
        "topic_name": topic,
        "partition_id": index,
        "leader": place.related(&leader),
        "replicas": place.related(&format!("{path}/replicas")),
        "reassignment": place.related(&format!("{path}/reassignment")),
    });
    place.resource("KafkaPartition", &path, &format!("/topic={topic}/partition={index}"), fields)
}

/// A partition that is there.
pub(super) fn judge_partition(topic: &Topic, partition: &str) -> Told<i32> {
    let index = partition.parse::<i32>().map_err(|_| Fault::plain(StatusCode::NOT_FOUND, "HTTP 404 Not Found"))?;
    match topic.partition(index) {
        Some(_) => Ok(index),
        None => Err(Fault::plain(StatusCode::NOT_FOUND, format!("Partition not found: {}-{index}", topic.name))),
    }
}

pub(super) fn partitions(door: &Door, place: &Place, name: &str) -> Told<Answer> {
    let topic = find(door, name)?;
    let data = topic.partitions.iter().map(|p| partition_shown(door, place, name, p.index())).collect();
    Ok(place.list("KafkaPartitionList", &format!("{}/partitions", path_of(name)), data))
}

pub(super) fn partition(door: &Door, place: &Place, name: &str, partition: &str) -> Told<Answer> {
    let index = judge_partition(&*find(door, name)?, partition)?;
    Ok(told(StatusCode::OK, &partition_shown(door, place, name, index)))
}

pub(super) fn offset(door: &Door, place: &Place, (name, partition): (&str, &str), kind: &str) -> Told<Answer> {
    let topic = find(door, name)?;
    let index = judge_partition(&topic, partition)?;
    let view = topic.partition(index).and_then(|p| p.view()).ok_or_else(Fault::no_topic)?;
    let path = format!("{}/partitions/{index}/offset", path_of(name));
    let shown = |kind: &str, of: &str, fields: Value| {
        let resource = format!("/topic={name}/partition={index}/offset_type={of}");
        Ok(told(StatusCode::OK, &place.resource(kind, &path, &resource, fields)))
    };
    let one = |of: &str, offset: i64| {
        let fields = json!({"topic_name": name, "partition_id": index, "offset_type": of.to_ascii_uppercase(), "offset": offset});
        shown("KafkaPartitionOffset", of, fields)
    };
    // The proxy knows both together and nothing else; one of them is shorter to write.
    match kind.to_ascii_lowercase().as_str() {
        "" | "earliest_and_latest" => {
            let (earliest, latest) = (view.start, view.high);
            let fields = json!({"topic_name": name, "partition_id": index, "earliest_offset": earliest, "latest_offset": latest});
            shown("KafkaPartitionWithOffsets", "earliest_and_latest", fields)
        }
        "earliest" | "beginning" => one("earliest", view.start),
        "latest" | "end" => one("latest", view.high),
        other => {
            let words = format!("offset_type:{other} is invalid: it is earliest_and_latest, earliest or latest");
            Err(Fault::plain(StatusCode::BAD_REQUEST, words))
        }
    }
}

fn replica_shown(door: &Door, place: &Place, topic: &str, index: i32) -> Value {
    let broker = door.node.node_id();
    let path = format!("{}/partitions/{index}/replicas/{broker}", path_of(topic));
    let fields = json!({
        "topic_name": topic,
        "partition_id": index,
        "broker_id": broker,
        "is_leader": true,
        "is_in_sync": true,
        "broker": place.related(&format!("/brokers/{broker}")),
    });
    place.resource("KafkaReplica", &path, &format!("/topic={topic}/partition={index}/replica={broker}"), fields)
}

pub(super) fn replicas(door: &Door, place: &Place, name: &str, partition: &str) -> Told<Answer> {
    let index = judge_partition(&*find(door, name)?, partition)?;
    let path = format!("{}/partitions/{index}/replicas", path_of(name));
    Ok(place.list("KafkaReplicaList", &path, vec![replica_shown(door, place, name, index)]))
}

pub(super) fn replica(door: &Door, place: &Place, (name, partition): (&str, &str), broker: &str) -> Told<Answer> {
    let index = judge_partition(&*find(door, name)?, partition)?;
    brokers::judge(&door.node, broker)?;
    Ok(told(StatusCode::OK, &replica_shown(door, place, name, index)))
}

pub(super) fn replicas_of_broker(door: &Door, place: &Place, broker: &str) -> Told<Answer> {
    let id = brokers::judge(&door.node, broker)?;
    let topics = door.node.topics();
    let all = topics.iter().flat_map(|topic| topic.partitions.iter().map(move |p| (topic, p.index())));
    let data = all.map(|(topic, index)| replica_shown(door, place, topic.name.as_str(), index)).collect();
    Ok(place.list("KafkaReplicaList", &format!("/brokers/{id}/partition-replicas"), data))
}

/// One broker moves nothing anywhere.
pub(super) fn reassignments(door: &Door, place: &Place, topic: &str) -> Told<Answer> {
    if topic != "-" {
        find(door, topic)?;
    }
    Ok(place.list("KafkaReassignmentList", &format!("/topics/{}/partitions/-/reassignment", escaped(topic)), Vec::new()))
}

pub(super) fn reassignment(door: &Door, name: &str, partition: &str) -> Told<Answer> {
    let index = judge_partition(&*find(door, name)?, partition)?;
    Err(Fault::plain(StatusCode::NOT_FOUND, format!("Partition {name}-{index} is not being reassigned: there is one broker")))
}
