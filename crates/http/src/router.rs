//! Paths to verbs. Every path answers wrong methods with 405 and unknown paths with 404, in the envelope of its family.

use std::sync::Arc;

use hyper::{
    Method, StatusCode,
    header::{ACCEPT, ALLOW, HeaderValue},
};

use crate::{
    admin,
    answer::{Answer, JSON, Problem, bytes, json, text},
    asked::{self, Asked, Unreadable},
    errors, metrics, queue, registry, rest,
    serve::Door,
};

/// Largest body of an admin request, in bytes.
const BODY: usize = 1 << 20;

/// Families are boxed: what a connection takes while it has no request, or waits with one, should not be as much as the largest
/// of all answers needs.
pub(crate) async fn answer(door: &Arc<Door>, asked: Asked) -> Answer {
    match asked.route().as_slice() {
        [""] if asked.looks() => front(asked.headers.get(ACCEPT)),
        [""] if asked.method == Method::POST => Box::pin(registry::answer(door, asked)).await,
        ["healthz" | "readyz"] if asked.looks() => health(door),
        ["metrics"] if asked.looks() => Box::pin(metrics::answer(door)).await,
        ["" | "healthz" | "readyz" | "metrics"] => wrong_method("GET, HEAD"),
        ["admin", "v1", "errors"] if asked.looks() => errors::answer(door, &asked),
        ["admin", "v1", "errors"] => wrong_method("GET"),
        ["admin", "v1", ..] => Box::pin(admin(door, asked)).await,
        route if queue::serves(route) => Box::pin(queue::answer(door, asked)).await,
        route if registry::serves(route) => Box::pin(registry::answer(door, asked)).await,
        path if rest::serves(path, &asked.method) => Box::pin(rest::answer(door, asked)).await,
        _ => Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", asked.path))
            .fix("see /openapi/queue.json, /admin/v1/status, /metrics, /healthz and /readyz")
            .into(),
    }
}

/// A refusal that no route has to do with, in the envelope of the path's family.
pub(crate) fn refused(path: &str, status: StatusCode, problem: Problem) -> Answer {
    let segments = asked::segments(path).unwrap_or_default();
    let route: Vec<&str> = segments.iter().map(String::as_str).collect();
    match route.as_slice() {
        route if queue::serves(route) => queue::refused(status, &problem.sentence()),
        route if registry::serves(route) => registry::refused(status, &problem.sentence()),
        route if rest::serves(route, &Method::GET) => rest::refused(path, status, problem.sentence()),
        _ => problem.into(),
    }
}

/// Whether somebody needs the answer who looks why others get none.
pub(crate) fn is_for_operators(path: &str) -> bool {
    matches!(path, "/metrics" | "/healthz" | "/readyz" | "/admin/v1/status" | "/admin/v1/errors")
}

async fn admin(door: &Arc<Door>, asked: Asked) -> Answer {
    let (method, segments) = (asked.method.clone(), asked.segments.clone());
    let path: Vec<&str> = segments[2..].iter().map(String::as_str).collect();
    let (rename, now) = (asked.query("as").map(str::to_string), asked.query("now") == Some("true"));
    let (group, readers) = (asked.query("group").map(str::to_string), asked.query("readers").map(str::to_string));
    match asked.whole(BODY).await {
        Ok(_) => admin::answer(door, &method, &path, admin::Words { rename, now, group, readers }).await,
        Err(problem) => problem.into(),
    }
}

/// A person gets a word, a program an empty object, as Confluent's registry answers at its root.
fn front(accept: Option<&HeaderValue>) -> Answer {
    let html = accept.and_then(|a| a.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    if html {
        return text(StatusCode::OK, "Milena is running. See /admin/v1/status, /metrics, /healthz.\n");
    }
    bytes(StatusCode::OK, JSON, "{}")
}

fn health(door: &Door) -> Answer {
    match door.node.alive() {
        Ok(()) => {
            let gone: Vec<_> = door.node.bounces().gone(door.node.now().wall).iter().map(admin::bounced).collect();
            json(&serde_json::json!({"status": "ok", "did_not_come_back": gone}))
        }
        Err(dead) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store has stopped; nothing is acknowledged")
            .why(dead)
            .fix("look at the disk, then restart the server")
            .into(),
    }
}

pub(crate) fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer: Answer = Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("this path answers {allowed}")).into();
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

impl From<Unreadable> for Answer {
    fn from(error: Unreadable) -> Self {
        Problem::new(error.status(), "the request cannot be read").why(error).into()
    }
}

impl Unreadable {
    /// The status that says whose fault it is, for every family of routes.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Path(_) | Self::Gzip(_) | Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Spent(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Still => StatusCode::REQUEST_TIMEOUT,
        }
    }
}
