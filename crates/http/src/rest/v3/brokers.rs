//! The cluster and its one broker.

use hyper::StatusCode;
use milena_node::Node;
use serde_json::{Value, json};

use super::resource::{Place, told};
use crate::{
    answer::Answer,
    rest::fault::{Fault, Told},
    serve::Door,
};

fn cluster(door: &Door, place: &Place) -> Value {
    let controller = format!("/brokers/{}", door.node.node_id());
    place.resource(
        "KafkaCluster",
        "",
        "",
        json!({
            "controller": place.related(&controller),
            "acls": place.related("/acls"),
            "brokers": place.related("/brokers"),
            "broker_configs": place.related("/broker-configs"),
            "consumer_groups": place.related("/consumer-groups"),
            "topics": place.related("/topics"),
            "partition_reassignments": place.related("/topics/-/partitions/-/reassignment"),
        }),
    )
}

pub(super) fn clusters(door: &Door, place: &Place) -> Answer {
    let at = place.url("");
    let list = at.rsplit_once('/').map_or("", |(list, _)| list);
    let metadata = json!({"self": list, "next": null});
    told(StatusCode::OK, &json!({"kind": "KafkaClusterList", "metadata": metadata, "data": [cluster(door, place)]}))
}

pub(super) fn one_cluster(door: &Door, place: &Place) -> Answer {
    told(StatusCode::OK, &cluster(door, place))
}

/// Only this broker is there.
pub(super) fn judge(node: &Node, id: &str) -> Told<i32> {
    match id.parse::<i32>() {
        Ok(id) if id == node.node_id() => Ok(id),
        Ok(id) => Err(Fault::plain(StatusCode::NOT_FOUND, format!("Broker not found: {id}"))),
        Err(_) => Err(Fault::plain(StatusCode::NOT_FOUND, "HTTP 404 Not Found")),
    }
}

fn setting(node: &Node, name: &str) -> Option<String> {
    node.config().describe().into_iter().find(|entry| entry.setting.name == name)?.value
}

/// The address that clients are told first.
fn address(node: &Node) -> (Option<String>, Option<u16>) {
    let listeners = setting(node, "advertised.listeners").filter(|v| !v.is_empty()).or_else(|| setting(node, "listeners"));
    let first = listeners.as_deref().and_then(|all| all.split(',').next()).and_then(|one| one.split_once("://"));
    match first.and_then(|(_, address)| address.rsplit_once(':')) {
        Some((host, port)) => (Some(host.trim_matches(['[', ']']).to_owned()), port.parse().ok()),
        None => (None, None),
    }
}

fn broker(door: &Door, place: &Place) -> Value {
    let (id, (host, port)) = (door.node.node_id(), address(&door.node));
    let path = format!("/brokers/{id}");
    let fields = json!({
        "broker_id": id,
        "host": host,
        "port": port,
        "rack": setting(&door.node, "broker.rack"),
        "configs": place.related(&format!("{path}/configs")),
        "partition_replicas": place.related(&format!("{path}/partition-replicas")),
    });
    place.resource("KafkaBroker", &path, &format!("/broker={id}"), fields)
}

pub(super) fn list(door: &Door, place: &Place) -> Answer {
    place.list("KafkaBrokerList", "/brokers", vec![broker(door, place)])
}

pub(super) fn one(door: &Door, place: &Place, id: &str) -> Told<Answer> {
    judge(&door.node, id)?;
    Ok(told(StatusCode::OK, &broker(door, place)))
}
