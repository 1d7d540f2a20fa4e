//! `/q/v1`: the queue. A topic is a queue, a share group is who works on it; every call stands alone.
//!
//! | routes | do |
//! |---|---|
//! | `topics/{topic}/messages` | messages in |
//! | `topics/{topic}/groups/{group}:receive`, `…/events` | messages out, for a while: a lease each; asked for, or pushed |
//! | `groups/{group}:settle`, `leases/{lease}` | what became of leases: ack, release, reject, extend |
//! | `topics/{topic}/groups`, `groups` | how much is left, who holds what, by which settings |
//! | `topics/{topic}/partitions/{partition}/messages` | a look that takes nothing |
//!
//! All of them: `routes.rs`. Knows JSON and leases; who may have what is the engine's judgement.

mod configure;
mod events;
mod lease;
mod lines;
mod look;
mod message;
mod produce;
mod receive;
mod routes;
mod settle;
mod state;
mod trouble;

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use serde::de::DeserializeOwned;

use self::trouble::Trouble;
use crate::{
    answer::{Answer, JSON, bytes, json},
    asked::Asked,
    serve::Door,
};

/// Largest body: a thousand messages of ordinary size.
const BODY: usize = 16 << 20;

/// What this door answers, for programs.
const OPENAPI: &[u8] = include_bytes!("openapi.json");

/// What a route answers.
type Told = Result<Answer, Trouble>;

/// Whether a path belongs to the queue.
pub(crate) fn serves(path: &[&str]) -> bool {
    matches!(path, ["q", ..] | ["openapi", "queue.json"])
}

pub(crate) async fn answer(door: &Arc<Door>, asked: Asked) -> Answer {
    let (method, segments) = (asked.method.to_string(), asked.segments.clone());
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = if method == "HEAD" { "GET" } else { method.as_str() };
    let told = match path.as_slice() {
        ["q", "v1", rest @ ..] => route(door, method, rest, asked).await,
        ["openapi", ..] if method == "GET" => Ok(bytes(StatusCode::OK, JSON, OPENAPI)),
        ["openapi", ..] => Err(Trouble::wrong_method("GET, HEAD")),
        _ => Err(Trouble::nothing_here(&asked.path)),
    };
    told.unwrap_or_else(Answer::from)
}

async fn route(door: &Arc<Door>, method: &str, path: &[&str], asked: Asked) -> Told {
    if !routes::answers(method, path) {
        return Err(unrouted(path, &asked.path));
    }
    match (method, path) {
        ("POST", ["topics", topic, "messages"]) => produce::produce(door, topic, asked).await,
        ("POST", ["topics", topic, "groups", act]) => on_queue(door, topic, act, asked).await,
        ("GET", ["topics", topic, "groups"]) => state::of_topic(door, topic).await,
        ("GET", ["topics", topic, "groups", group]) => state::queue(door, topic, group).await,
        ("GET", ["topics", topic, "groups", group, "leases"]) => state::leases(door, topic, group).await,
        ("GET", ["topics", topic, "groups", group, "dead"]) => state::dead(door, topic, group, &asked).await,
        ("GET", ["topics", topic, "groups", group, "events"]) => events::follow(door, topic, group, &asked).await,
        ("GET", ["topics", topic, "partitions", partition, "messages"]) => look::look(door, topic, partition, &asked).await,
        ("GET", ["groups"]) => state::all(door).await,
        ("GET", ["groups", group]) => state::group(door, group).await,
        ("PUT", ["groups", group]) => configure::put(door, group, parsed(&body(asked).await?)?).await,
        ("DELETE", ["groups", group]) => configure::delete(door, group).await,
        ("POST", ["groups", act]) => on_group(door, act, asked).await,
        ("DELETE", ["leases", lease]) => settle::delete(door, lease).await,
        ("POST", ["leases", act]) => on_lease(door, act, asked).await,
        _ => Err(unrouted(path, &asked.path)),
    }
}

fn unrouted(path: &[&str], shown: &str) -> Trouble {
    match routes::methods(path) {
        methods if methods.is_empty() => Trouble::nothing_here(shown),
        methods => Trouble::wrong_method(&methods),
    }
}

/// `{group}:verb` on one topic.
async fn on_queue(door: &Arc<Door>, topic: &str, act: &str, asked: Asked) -> Told {
    let shown = asked.path.clone();
    match act.rsplit_once(':') {
        Some((group, "receive")) => receive::receive(door, topic, group, parsed_or_default(&body(asked).await?)?).await,
        Some((group, "redrive")) => configure::redrive(door, topic, group, parsed_or_default(&body(asked).await?)?).await,
        Some((group, "reset")) => configure::reset(door, topic, group, parsed(&body(asked).await?)?).await,
        _ => Err(unrouted(&["topics", topic, "groups", act], &shown)),
    }
}

/// `{group}:verb`.
async fn on_group(door: &Arc<Door>, act: &str, asked: Asked) -> Told {
    let shown = asked.path.clone();
    match act.rsplit_once(':') {
        Some((group, "settle")) => settle::settle(door, group, parsed(&body(asked).await?)?).await,
        Some((group, verb @ ("ack" | "release" | "reject" | "extend"))) => {
            settle::one(door, group, verb, parsed(&body(asked).await?)?).await
        }
        Some((group, "pause")) => configure::pause(door, group, true).await,
        Some((group, "resume")) => configure::pause(door, group, false).await,
        _ => Err(unrouted(&["groups", act], &shown)),
    }
}

/// `{lease}:verb`: the lease says whose it is.
async fn on_lease(door: &Arc<Door>, act: &str, asked: Asked) -> Told {
    let shown = asked.path.clone();
    match act.rsplit_once(':') {
        Some((lease, verb @ ("ack" | "release" | "reject" | "extend"))) => {
            settle::named(door, lease, verb, parsed_or_default(&body(asked).await?)?).await
        }
        _ => Err(unrouted(&["leases", act], &shown)),
    }
}

/// The whole body, when it may be JSON. What `curl -d` and `fetch` say of a text when nobody tells them is let pass.
async fn body(asked: Asked) -> Result<Bytes, Trouble> {
    let kind = asked.media_type();
    let json = matches!(&*kind, "" | "application/json" | "application/x-www-form-urlencoded" | "text/plain" | "text/json");
    if !json && !kind.ends_with("+json") && !is_lines(&kind) {
        return Err(Trouble::not_json(&kind));
    }
    asked.whole(BODY).await.map_err(|unreadable| Trouble::unreadable(&unreadable))
}

/// One JSON value a line.
fn is_lines(kind: &str) -> bool {
    matches!(kind, "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines")
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| Trouble::json(&error))
}

fn parsed_or_default<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Trouble> {
    if body.is_empty() { Ok(T::default()) } else { parsed(body) }
}

fn ok(body: &impl serde::Serialize) -> Told {
    Ok(json(body))
}
