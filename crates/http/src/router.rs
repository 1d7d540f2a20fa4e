//! Paths to verbs. Every path answers wrong methods with 405 and unknown paths with 404, in the same envelope.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{ACCEPT, ALLOW, HeaderValue},
};

use crate::{
    admin,
    answer::{Answer, JSON, Problem, bytes, json, text},
    metrics,
    serve::Door,
};

/// Largest body of an admin request, in bytes.
const BODY: usize = 1 << 20;

pub(crate) async fn answer(door: &Arc<Door>, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_string();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let get = head.method == Method::GET || head.method == Method::HEAD;
    match segments.as_slice() {
        [""] if get => front(head.headers.get(ACCEPT)),
        ["healthz"] if get => health(door),
        ["readyz"] if get => health(door),
        ["metrics"] if get => metrics::answer(door).await,
        ["" | "healthz" | "readyz" | "metrics"] => wrong_method("GET, HEAD"),
        ["admin", "v1", rest @ ..] => match whole(body).await {
            Ok(_) => admin::answer(door, &head.method, rest, head.uri.query().unwrap_or_default()).await,
            Err(problem) => problem.into(),
        },
        _ => Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {path}"))
            .fix("see /admin/v1/status, /metrics, /healthz and /readyz")
            .into(),
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
        Ok(()) => json(&serde_json::json!({"status": "ok"})),
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

async fn whole(body: Incoming) -> Result<Bytes, Problem> {
    match Limited::new(body, BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => {
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body here has at most {BODY} bytes")).why(error))
        }
    }
}
