//! The interface v3: clusters, brokers, topics, partitions, settings, consumer groups, and produce. Paths to verbs.

mod brokers;
mod configs;
mod data;
mod groups;
mod pieces;
mod records;
mod resource;
mod topics;

use std::sync::Arc;

use hyper::{Method, StatusCode};

use self::{configs::Owner, resource::Place};
use super::{
    BODY,
    fault::{Fault, Told},
    media, unrouted,
};
use crate::{answer::Answer, asked::Asked, serve::Door};

pub(super) async fn answer(door: &Arc<Door>, asked: Asked) -> Told<Answer> {
    media::judge_accept(&asked.headers)?;
    let place = Place::of(door, &asked);
    let segments = asked.segments.clone();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    match path.as_slice() {
        ["clusters"] if asked.looks() => Ok(brokers::clusters(door, &place)),
        ["clusters"] => Err(unrouted("GET")),
        ["clusters", cluster, rest @ ..] => {
            if *cluster != place.cluster {
                return Err(Fault::plain(StatusCode::NOT_FOUND, format!("Cluster not found: {cluster}")));
            }
            below(door, &place, asked, rest).await
        }
        _ => Err(unrouted("")),
    }
}

async fn below(door: &Arc<Door>, place: &Place, asked: Asked, path: &[&str]) -> Told<Answer> {
    if asked.method != Method::GET && asked.method != Method::HEAD {
        media::judge_body(&asked.headers)?;
    }
    match path {
        ["topics", topic, "records"] if asked.method == Method::POST => records::produce(door, asked, topic).await,
        ["topics", topic, "records:batch"] if asked.method == Method::POST => records::batch(door, asked, topic).await,
        ["topics", _, "records" | "records:batch"] => Err(unrouted("POST")),
        ["consumer-groups", rest @ ..] if asked.looks() => groups(door, place, rest).await,
        ["consumer-groups", ..] => Err(unrouted("GET")),
        ["acls" | "acls:batch"] => Err(no_acls(path[0], &asked.method)),
        path if asked.looks() => look(door, place, &asked, path),
        path => {
            let method = asked.method.clone();
            let body = asked.whole(BODY).await?;
            change(door, place, (method, path), &body).await
        }
    }
}

/// As a Kafka cluster without an authorizer answers.
fn no_acls(path: &str, method: &Method) -> Fault {
    let known =
        if path == "acls" { matches!(*method, Method::GET | Method::POST | Method::DELETE) } else { *method == Method::POST };
    match known {
        true => Fault::bad_request("No Authorizer is configured on the broker"),
        false => unrouted(if path == "acls" { "GET, POST, DELETE" } else { "POST" }),
    }
}

/// Everything that only looks.
fn look(door: &Door, place: &Place, asked: &Asked, path: &[&str]) -> Told<Answer> {
    let operations = asked.query("include_authorized_operations") == Some("true");
    match path {
        [] => Ok(brokers::one_cluster(door, place)),
        ["brokers"] => Ok(brokers::list(door, place)),
        ["brokers", "-", "configs"] => configs::list_all(door, place, false),
        ["brokers", id] => brokers::one(door, place, id),
        ["brokers", id, "configs"] => configs::list(door, place, Owner::Broker(id)),
        ["brokers", id, "configs", name] => configs::one(door, place, Owner::Broker(id), name),
        ["brokers", id, "partition-replicas"] => topics::replicas_of_broker(door, place, id),
        ["broker-configs"] => configs::list(door, place, Owner::Cluster),
        ["broker-configs", name] => configs::one(door, place, Owner::Cluster, name),
        ["topics"] => Ok(topics::list(door, place, operations)),
        ["topics", "-", "configs"] => configs::list_all(door, place, true),
        ["topics", topic] => topics::one(door, place, topic, operations),
        ["topics", topic, "configs"] => configs::list(door, place, Owner::Topic(topic)),
        ["topics", topic, "configs", name] => configs::one(door, place, Owner::Topic(topic), name),
        ["topics", topic, "partitions"] => topics::partitions(door, place, topic),
        ["topics", topic, "partitions", rest @ ..] => partition(door, place, asked, topic, rest),
        _ => Err(unrouted(methods(path))),
    }
}

fn partition(door: &Door, place: &Place, asked: &Asked, topic: &str, path: &[&str]) -> Told<Answer> {
    match path {
        ["-", "reassignment"] => topics::reassignments(door, place, topic),
        [partition] => topics::partition(door, place, topic, partition),
        [partition, "offset"] => topics::offset(door, place, (topic, partition), asked.query("offset_type").unwrap_or_default()),
        [partition, "replicas"] => topics::replicas(door, place, topic, partition),
        [partition, "replicas", broker] => topics::replica(door, place, (topic, partition), broker),
        [partition, "reassignment"] => topics::reassignment(door, topic, partition),
        _ => Err(unrouted("")),
    }
}

async fn groups(door: &Door, place: &Place, path: &[&str]) -> Told<Answer> {
    match path {
        [] => groups::list(door, place).await,
        [group] => groups::one(door, place, group).await,
        [group, "consumers"] => groups::consumers(door, place, group).await,
        [group, "consumers", id] => groups::consumer(door, place, group, id).await,
        [group, "consumers", id, "assignments"] => groups::assignments(door, place, group, id).await,
        [group, "consumers", id, "assignments", topic, "partitions", partition] => {
            groups::one_assignment(door, place, (group, id), (topic, partition)).await
        }
        [group, "lag-summary"] => groups::lag_summary(door, place, group).await,
        [group, "lags"] => groups::lags(door, place, group).await,
        [group, "lags", topic, "partitions", partition] => groups::one_lag(door, place, group, (topic, partition)).await,
        _ => Err(unrouted("")),
    }
}

/// Everything that changes something.
async fn change(door: &Door, place: &Place, (method, path): (Method, &[&str]), body: &[u8]) -> Told<Answer> {
    match (path, method) {
        (["topics"], Method::POST) => topics::create(door, place, body).await,
        (["topics", topic], Method::PATCH) => topics::patch(door, place, topic, body).await,
        (["topics", topic], Method::DELETE) => topics::delete(door, topic).await,
        (["topics", topic, "configs", name], Method::PUT) => configs::put(door, Owner::Topic(topic), name, body).await,
        (["topics", topic, "configs", name], Method::DELETE) => configs::delete(door, Owner::Topic(topic), name).await,
        (["topics", topic, "configs:alter"], Method::POST) => configs::alter_many(door, Owner::Topic(topic), body).await,
        (["brokers", id, "configs", name], Method::PUT) => configs::put(door, Owner::Broker(id), name, body).await,
        (["brokers", id, "configs", name], Method::DELETE) => configs::delete(door, Owner::Broker(id), name).await,
        (["brokers", id, "configs:alter"], Method::POST) => configs::alter_many(door, Owner::Broker(id), body).await,
        (["broker-configs", name], Method::PUT) => configs::put(door, Owner::Cluster, name, body).await,
        (["broker-configs", name], Method::DELETE) => configs::delete(door, Owner::Cluster, name).await,
        (["broker-configs:alter"], Method::POST) => configs::alter_many(door, Owner::Cluster, body).await,
        (path, _) => Err(unrouted(methods(path))),
    }
}

/// What a path answers, for whoever asked it for something else.
fn methods(path: &[&str]) -> &'static str {
    match path {
        ["topics"] => "GET, POST",
        ["topics", "-", ..] => "GET",
        ["topics", _] => "GET, PATCH, DELETE",
        ["topics" | "brokers", _, "configs", _] | ["broker-configs", _] => "GET, PUT, DELETE",
        ["topics" | "brokers", _, "configs:alter"] | ["broker-configs:alter"] => "POST",
        []
        | ["brokers"]
        | ["brokers", _]
        | ["topics" | "brokers", _, "configs"]
        | ["brokers", _, "partition-replicas"]
        | ["broker-configs"]
        | ["topics", _, "partitions", ..] => "GET",
        _ => "",
    }
}
