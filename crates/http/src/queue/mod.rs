//! `/q/v1`: the queue. A topic is a queue, a share group is who works on it; every call stands alone.
//!
//! | routes | do |
//! |---|---|
//! | `topics/{topic}/messages` | messages in |
//! | `topics/{topic}/groups/{group}:receive`, `…/events` | messages out, for a while: a lease each; asked for, or pushed |
//! | `groups/{group}:settle`, `leases/{lease}` | what became of leases: ack, release, reject, extend |
//! | `topics/{topic}/groups/{group}`, `groups/{group}` | of one topic, or of all that the group works on: how much is left, who holds what, by which settings |
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

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
};

use bytes::Bytes;
use hyper::{StatusCode, header::USER_AGENT};
use serde::de::DeserializeOwned;

pub(crate) use self::events::Pushed;
use self::trouble::Trouble;
use crate::{
    answer::{Answer, JSON, bytes, json},
    asked::Asked,
    serve::Door,
};

/// Largest body: a thousand messages of ordinary size.
const BODY: usize = 16 << 20;

/// Characters of a client's own name that are kept.
const AGENT_MAX: usize = 64;

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

/// A refusal that no route has to do with.
pub(crate) fn refused(status: StatusCode, words: &str) -> Answer {
    Trouble::of_status(status, words).into()
}

/// Boxed one by one: who waits for a message takes no more room than waiting needs.
fn route<'a>(
    door: &'a Arc<Door>,
    method: &'a str,
    path: &'a [&'a str],
    asked: Asked,
) -> Pin<Box<dyn Future<Output = Told> + 'a>> {
    if !routes::answers(method, path) {
        return Box::pin(ready(Err(unrouted(path, &asked.path))));
    }
    match (method, path) {
        ("POST", ["topics", topic, "messages"]) => Box::pin(produce::produce(door, topic, asked)),
        ("POST", ["topics", topic, "groups", act]) => Box::pin(on_queue(door, topic, act, asked)),
        ("GET", ["topics", topic, "groups"]) => Box::pin(state::of_topic(door, topic)),
        ("GET", ["topics", topic, "groups", group]) => Box::pin(state::queue(door, topic, group)),
        ("GET", ["topics", topic, "groups", group, "leases"]) => Box::pin(state::leases(door, topic, group)),
        ("GET", ["topics", topic, "groups", group, "dead"]) => {
            Box::pin(async move { state::dead(door, topic, group, &asked).await })
        }
        ("GET", ["topics", topic, "groups", group, "events"]) => {
            Box::pin(async move { events::follow(door, topic, group, &asked).await })
        }
        ("GET", ["topics", topic, "partitions", partition, "messages"]) => {
            Box::pin(async move { look::look(door, topic, partition, &asked).await })
        }
        ("GET", ["groups"]) => Box::pin(state::all(door)),
        ("GET", ["groups", group]) => Box::pin(state::group(door, group)),
        ("GET", ["groups", group, "leases"]) => Box::pin(state::all_leases(door, group)),
        ("GET", ["groups", group, "dead"]) => Box::pin(async move { state::all_dead(door, group, &asked).await }),
        ("PUT", ["groups", group]) => Box::pin(async move { configure::put(door, group, parsed(&body(asked).await?)?).await }),
        ("DELETE", ["groups", group]) => Box::pin(configure::delete(door, group)),
        ("POST", ["groups", act]) => Box::pin(on_group(door, act, asked)),
        ("DELETE", ["leases", lease]) => Box::pin(async move { settle::delete(door, lease, &said_by(&asked)).await }),
        ("POST", ["leases", act]) => Box::pin(on_lease(door, act, asked)),
        _ => Box::pin(ready(Err(unrouted(path, &asked.path)))),
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
        Some((group, "receive")) => {
            let by = said_by(&asked);
            let mut wish: receive::Receive = parsed_or_default(&body(asked).await?)?;
            if let Some(settle) = &mut wish.settle {
                settle.by = by;
            }
            Box::pin(receive::receive(door, topic, group, wish)).await
        }
        Some((group, "redrive")) => configure::redrive(door, topic, group, parsed_or_default(&body(asked).await?)?).await,
        Some((group, "reset")) => configure::reset(door, topic, group, parsed(&body(asked).await?)?).await,
        _ => Err(unrouted(&["topics", topic, "groups", act], &shown)),
    }
}

/// `{group}:verb`.
async fn on_group(door: &Arc<Door>, act: &str, asked: Asked) -> Told {
    let (shown, by) = (asked.path.clone(), said_by(&asked));
    match act.rsplit_once(':') {
        Some((group, "settle")) => {
            let mut many: settle::Many = parsed(&body(asked).await?)?;
            many.by = by;
            settle::settle(door, group, many).await
        }
        Some((group, verb @ ("ack" | "release" | "reject" | "extend"))) => {
            settle::one(door, group, (verb, &by), parsed(&body(asked).await?)?).await
        }
        Some((group, "redrive")) => configure::redrive_all(door, group, parsed_or_default(&body(asked).await?)?).await,
        Some((group, "reset")) => configure::reset_all(door, group, parsed(&body(asked).await?)?).await,
        Some((group, "rotate")) => configure::rotate(door, group).await,
        Some((group, "pause")) => configure::pause(door, group, true).await,
        Some((group, "resume")) => configure::pause(door, group, false).await,
        _ => Err(unrouted(&["groups", act], &shown)),
    }
}

/// `{lease}:verb`: the lease says whose it is.
async fn on_lease(door: &Arc<Door>, act: &str, asked: Asked) -> Told {
    let (shown, by) = (asked.path.clone(), said_by(&asked));
    match act.rsplit_once(':') {
        Some((lease, verb @ ("ack" | "release" | "reject" | "extend"))) => {
            settle::named(door, lease, (verb, &by), parsed_or_default(&body(asked).await?)?).await
        }
        _ => Err(unrouted(&["leases", act], &shown)),
    }
}

/// Who asks, for a dead letter: a host, and the name that its program gives itself.
fn said_by(asked: &Asked) -> Box<str> {
    let host = asked.peer.address.ip().to_canonical();
    let name = asked.headers.get(USER_AGENT).and_then(|name| name.to_str().ok()).unwrap_or_default();
    let name: String = name.chars().take(AGENT_MAX).collect();
    if name.is_empty() { format!("http {host}").into() } else { format!("http {host} ({name})").into() }
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
