//! The interface v2: topics and brokers to look at, records in, and consumer instances. Paths to verbs.

mod consumers;
mod patterns;
mod places;
mod produce;
mod reading;
mod records;
mod shown;
mod topics;

use std::sync::Arc;

use hyper::{Method, StatusCode};
use milena_node::engine::instance::InstanceKey;
use serde::Serialize;

pub(crate) use self::patterns::Patterns;
use super::{
    BODY,
    fault::{Fault, Told},
    media::{self, Family},
    unrouted,
};
use crate::{
    answer::{Answer, bytes, empty},
    asked::Asked,
    serve::Door,
};

/// What an instance reads now, for whoever shows groups.
pub(super) async fn assigned(door: &Door, key: &InstanceKey) -> Told<Vec<(String, i32)>> {
    let (_, mine) = reading::assigned(door, key).await?;
    Ok(mine.into_iter().map(|(topic, partition)| (topic.name.to_string(), partition)).collect())
}

pub(super) async fn answer(door: &Arc<Door>, asked: Asked) -> Told<Answer> {
    let segments = asked.segments.clone();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["consumers", group, rest @ ..] => consumer(door, asked, group, rest).await,
        ["topics", topic] | ["topics", topic, "partitions", _] if asked.method == Method::POST => {
            let partition = path.get(3).map(|text| index(text)).transpose()?;
            produce::answer(door, asked, topic, partition).await
        }
        path => {
            media::judge_accept(&asked.headers)?;
            look(door, &asked, path)
        }
    }
}

/// Everything that only looks.
fn look(door: &Door, asked: &Asked, path: &[&str]) -> Told<Answer> {
    let get = asked.looks();
    match path {
        [""] => Ok(told(&serde_json::json!({}))),
        ["brokers"] if get => Ok(told(&serde_json::json!({"brokers": [door.node.node_id()]}))),
        ["topics"] if get => Ok(topics::list(door)),
        ["topics", topic] if get => topics::one(door, topic),
        ["topics", topic, "partitions"] if get => topics::partitions(door, topic),
        ["topics", topic, "partitions", partition] if get => topics::partition(door, topic, index(partition)?),
        ["topics", topic, "partitions", partition, "offsets"] if get => topics::offsets(door, topic, index(partition)?),
        ["topics", _] | ["topics", _, "partitions", _] => Err(unrouted("GET, POST")),
        ["brokers" | "topics"] | ["topics", _, "partitions"] | ["topics", _, "partitions", _, "offsets"] => Err(unrouted("GET")),
        _ => Err(unrouted("")),
    }
}

/// Everything below `/consumers/{group}`.
async fn consumer(door: &Arc<Door>, asked: Asked, group: &str, path: &[&str]) -> Told<Answer> {
    let method = asked.method.clone();
    let key = |name: &str| InstanceKey { group: group.into(), name: name.into() };
    match path {
        [] if method == Method::POST => consumers::create(door, asked, group).await,
        [] => Err(unrouted("POST")),
        ["instances", name] if method == Method::DELETE => consumers::delete(door, key(name)).await,
        ["instances", _] => Err(unrouted("DELETE")),
        // Not HEAD: whoever only looks must not move on.
        ["instances", name, "records"] if method == Method::GET => records::answer(door, asked, key(name)).await,
        ["instances", _, "records"] => Err(unrouted("GET")),
        ["instances", name, rest @ ..] => {
            media::judge_accept(&asked.headers)?;
            media::judge_body(&asked.headers)?;
            instance(door, asked, key(name), (method, rest)).await
        }
        _ => Err(unrouted("")),
    }
}

/// Everything of one instance that has a small body.
async fn instance(door: &Arc<Door>, asked: Asked, key: InstanceKey, (method, path): (Method, &[&str])) -> Told<Answer> {
    let peer = asked.peer.clone();
    let body = asked.whole(BODY).await?;
    match (path, method) {
        (["subscription"], Method::POST) => consumers::subscribe(door, key, &body).await,
        (["subscription"], Method::GET | Method::HEAD) => consumers::subscription(door, key).await,
        (["subscription"], Method::DELETE) => consumers::unsubscribe(door, key).await,
        (["assignments"], Method::POST) => consumers::assign(door, key, &body).await,
        (["assignments"], Method::GET | Method::HEAD) => consumers::assignments(door, key).await,
        (["positions"], Method::POST) => places::seek(door, key, &body).await,
        (["positions", "beginning"], Method::POST) => places::seek_to(door, key, &body, places::End::Beginning).await,
        (["positions", "end"], Method::POST) => places::seek_to(door, key, &body, places::End::End).await,
        (["offsets"], Method::POST) => places::commit(door, key, &body, &peer).await,
        (["offsets"], Method::GET | Method::HEAD) => places::committed(door, key, &body).await,
        (["subscription"], _) => Err(unrouted("POST, GET, DELETE")),
        (["assignments" | "offsets"], _) => Err(unrouted("POST, GET")),
        (["positions"] | ["positions", "beginning" | "end"], _) => Err(unrouted("POST")),
        _ => Err(unrouted("")),
    }
}

fn index(text: &str) -> Told<i32> {
    text.parse().map_err(|_| Fault::plain(StatusCode::NOT_FOUND, "HTTP 404 Not Found"))
}

fn told(body: &impl Serialize) -> Answer {
    bytes(StatusCode::OK, Family::V2.media_type(), serde_json::to_vec(body).unwrap_or_default())
}

fn done() -> Answer {
    empty(StatusCode::NO_CONTENT)
}
