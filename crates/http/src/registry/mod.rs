//! The Schema Registry API, as Confluent's clients speak it: on a listener of its own, and on the common one.
//!
//! Every route is one call of a verb of `node`; what is registered, and what may be, is the engine's judgement. This file
//! knows which paths there are ([`ENDPOINTS`], which the manual and the OpenAPI page are made from) and where each leads.

mod asking;
mod compatibility;
mod contexts;
mod fault;
mod openapi;
mod schemas;
mod settings;
mod shape;
mod shelf;
mod subjects;
mod surroundings;
mod transport;

use std::sync::Arc;

use hyper::{Method, StatusCode};

use crate::{
    answer::Answer,
    asked::{Asked, Unreadable},
    serve::Door,
};
use asking::Call;
use fault::Fault;

pub use openapi::{ENDPOINTS, Endpoint};
pub(crate) use shelf::Shelf;

/// Largest body of a request: a schema of the largest size with every byte escaped, and its documents.
const BODY: usize = 8 << 20;

type Outcome = Result<Answer, Fault>;

/// Whether a path of the common listener is ours.
pub(crate) fn serves(route: &[&str]) -> bool {
    matches!(
        route,
        ["schemas" | "subjects" | "compatibility" | "config" | "mode" | "contexts" | "associations" | "associations:batch", ..]
            | ["exporters" | "dek-registry", ..]
            | ["v1", "metadata", ..]
            | ["openapi", "registry.json"]
    )
}

/// Answers a request; every refusal in the registry's own envelope.
pub(crate) async fn answer(door: &Arc<Door>, asked: Asked) -> Answer {
    let transport = transport::Transport::of(&asked);
    let answer = match &transport.media {
        Ok(_) => kept_or_answered(door, asked).await,
        Err(fault) => Err(fault.clone()),
    };
    transport.dress(answer)
}

async fn kept_or_answered(door: &Arc<Door>, asked: Asked) -> Outcome {
    let Some(name) = shelf::Name::of(&asked, asking::form_for(door, &asked)) else { return answered(door, asked).await };
    let changes = door.node.schema_changes();
    if let Some(answer) = door.schemas.find(&name, changes) {
        return Ok(answer);
    }
    let answer = answered(door, asked).await?;
    door.schemas.keep(name, changes, &answer);
    Ok(answer)
}

/// What cannot even be read, in the registry's envelope.
pub(crate) fn unreadable(error: &Unreadable) -> Answer {
    Fault::plain(error.status(), error.to_string()).into()
}

/// Something that no route has to do with, in the registry's envelope.
pub(crate) fn refused(status: StatusCode, words: &str) -> Answer {
    Fault::plain(status, words).into()
}

async fn answered(door: &Arc<Door>, asked: Asked) -> Outcome {
    let call = Call::of(door, asked).await?;
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let method = if call.method == Method::HEAD { Method::GET } else { call.method.clone() };
    let outcome = match path.first().copied().unwrap_or_default() {
        "" | "v1" | "openapi" | "exporters" | "dek-registry" => surroundings::route(&call, &method, &path).await,
        "associations" | "associations:batch" => surroundings::route(&call, &method, &path).await,
        "schemas" => schemas::route(&call, &method, &path[1..]).await,
        "subjects" => subjects::route(&call, &method, &path[1..]).await,
        "compatibility" => compatibility::route(&call, &method, &path[1..]).await,
        "config" => settings::config(&call, &method, &path[1..]).await,
        "mode" => settings::mode(&call, &method, &path[1..]).await,
        "contexts" => contexts::route(&call, &method, &path[1..]).await,
        _ => None,
    };
    outcome.unwrap_or_else(|| Err(unrouted(&path, &method)))
}

/// A path that is there under another method is told so.
fn unrouted(path: &[&str], method: &Method) -> Fault {
    let allowed: Vec<&str> = ENDPOINTS.iter().filter(|e| e.fits(path)).map(|e| e.method).collect();
    match allowed.is_empty() {
        true => Fault::plain(StatusCode::NOT_FOUND, "HTTP 404 Not Found"),
        false => {
            let mut fault = Fault::plain(StatusCode::METHOD_NOT_ALLOWED, format!("HTTP 405 Method Not Allowed: {method}"));
            fault.allow = Some(allowed.join(", "));
            fault
        }
    }
}
