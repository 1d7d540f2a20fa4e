//! `/q/v1`: the queue. A topic is a queue, a share group is who works on it; every call stands alone.
//!
//! | route | does |
//! |---|---|
//! | `POST topics/{topic}/messages` | puts one message in, or an array of them |
//! | `POST topics/{topic}/groups/{group}:receive` | takes messages for a while: a lease each |
//! | `POST groups/{group}:settle` | says what became of leases: ack, release, reject, extend |
//! | `POST groups/{group}:ack` (`:release`, `:reject`, `:extend`) | the same for one lease |
//! | `DELETE leases/{lease}` | ack |
//! | `GET topics/{topic}/groups/{group}` | how much is left, held, lost |
//! | `GET topics/{topic}/groups/{group}/leases` | who holds what |
//! | `PUT groups/{group}`, `DELETE groups/{group}` | settings of the group; its end |
//! | `POST topics/{topic}/groups/{group}:redrive` (`:reset`) | dead letters back; begin anew |
//!
//! Knows JSON and leases; who may have what is the engine's judgement.

mod configure;
mod lease;
mod message;
mod produce;
mod receive;
mod settle;
mod state;
mod trouble;

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use serde::de::DeserializeOwned;

use self::trouble::Trouble;
use crate::{
    answer::{Answer, json},
    asked::Asked,
    router::wrong_method,
    serve::Door,
};

/// Largest body: a thousand messages of ordinary size.
const BODY: usize = 16 << 20;

/// What a route answers.
type Told = Result<Answer, Trouble>;

pub(crate) async fn answer(door: &Arc<Door>, asked: Asked) -> Answer {
    let (method, segments) = (asked.method.clone(), asked.segments.clone());
    let body = match asked.whole(BODY).await {
        Ok(body) => body,
        Err(unreadable) => return Trouble::unreadable(&unreadable).into(),
    };
    let path: Vec<&str> = segments[2..].iter().map(String::as_str).collect();
    route(door, &method, &path, body).await.unwrap_or_else(Answer::from)
}

async fn route(door: &Arc<Door>, method: &Method, path: &[&str], body: Bytes) -> Told {
    let (get, post) = (method == Method::GET, method == Method::POST);
    match path {
        ["topics", topic, "messages"] if post => produce::produce(door, topic, &body).await,
        ["topics", topic, "groups", act] if post => on_queue(door, topic, act, &body).await,
        ["topics", topic, "groups", group] if get => state::group(door, topic, group).await,
        ["topics", topic, "groups", group, "leases"] if get => state::leases(door, topic, group).await,
        ["groups", group] if method == Method::PUT => configure::put(door, group, parsed(&body)?).await,
        ["groups", group] if method == Method::DELETE => configure::delete(door, group).await,
        ["groups", act] if post => on_group(door, act, &body).await,
        ["leases", lease] if method == Method::DELETE => settle::delete(door, lease).await,
        ["topics", _, "messages"] => Ok(wrong_method("POST")),
        ["topics", _, "groups", _] => Ok(wrong_method("GET, POST")),
        ["topics", _, "groups", _, "leases"] => Ok(wrong_method("GET")),
        ["groups", _] => Ok(wrong_method("PUT, DELETE, POST")),
        ["leases", _] => Ok(wrong_method("DELETE")),
        _ => Err(Trouble::nothing_here(&path.join("/"))),
    }
}

/// `{group}:verb` on one topic.
async fn on_queue(door: &Arc<Door>, topic: &str, act: &str, body: &Bytes) -> Told {
    match act.rsplit_once(':') {
        Some((group, "receive")) => receive::receive(door, topic, group, parsed_or_default(body)?).await,
        Some((group, "redrive")) => configure::redrive(door, topic, group, parsed_or_default(body)?).await,
        Some((group, "reset")) => configure::reset(door, topic, group, parsed(body)?).await,
        _ => Err(Trouble::nothing_here(act)),
    }
}

/// `{group}:verb`.
async fn on_group(door: &Arc<Door>, act: &str, body: &Bytes) -> Told {
    match act.rsplit_once(':') {
        Some((group, "settle")) => settle::settle(door, group, parsed(body)?).await,
        Some((group, verb @ ("ack" | "release" | "reject" | "extend"))) => settle::one(door, group, verb, parsed(body)?).await,
        _ => Err(Trouble::nothing_here(act)),
    }
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
