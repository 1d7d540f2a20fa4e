//! First-chance errors: what this door tells clients that went wrong is noted here, and `/admin/v1/errors` shows what all
//! doors told: at once, or as server-sent events while they happen.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    body::Body as _,
    header::{ACCEPT, CACHE_CONTROL, HeaderValue, USER_AGENT},
};
use milena_node::errors::{Seen, Told};
use serde_json::{Value, json};

use crate::{
    answer::{Answer, Body, json as answer_json, stream},
    asked::Asked,
    serve::Door,
};

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
/// So often a follower is written to when nothing happens, so that one who has gone is noticed.
const BEAT: Duration = Duration::from_secs(15);

/// What is remembered of a request until its answer is known: copies, since whatever is borrowed from a request keeps the whole
/// buffer that it came in for as long as the answer takes.
pub(crate) struct Request {
    method: Method,
    path: Box<str>,
    agent: Option<Box<[u8]>>,
}

impl Request {
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        Self {
            method: method.clone(),
            path: uri.path().into(),
            agent: headers.get(USER_AGENT).map(|agent| agent.as_bytes().into()),
        }
    }

    /// Whether it changes nothing, by its method.
    pub(crate) fn looks(&self) -> bool {
        self.method.is_safe()
    }
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Notes an answer that tells an error.
    pub(crate) fn answered(&self, door: &Door, peer: std::net::SocketAddr, answer: &Answer) {
        let status = answer.status();
        if !status.is_client_error() && !status.is_server_error() {
            return;
        }
        let agent = self.agent.as_ref().map(|agent| String::from_utf8_lossy(agent).into_owned());
        let told = Told {
            door: "http",
            api: format!("{} {}", self.method, self.path),
            code: status.as_str().to_owned(),
            client: agent.unwrap_or_default(),
            address: peer.ip().to_canonical(),
            principal: "ANONYMOUS",
            subject: String::new(),
            cause: words(answer.body()).unwrap_or_else(|| status.canonical_reason().unwrap_or("an error").to_owned()),
            expected: is_look(&self.method, &self.path, status),
        };
        door.node.errors().note(door.node.now().wall, told, 1);
    }
}

/// Notes a connection that this side has ended: nobody reads an answer there any more.
pub(crate) fn closed(door: &Door, peer: std::net::SocketAddr, why: &impl ToString) {
    let told = Told {
        door: "http",
        api: "connection".to_owned(),
        code: "CONNECTION_CLOSED".to_owned(),
        client: String::new(),
        address: peer.ip().to_canonical(),
        principal: "ANONYMOUS",
        subject: String::new(),
        cause: why.to_string(),
        expected: false,
    };
    door.node.errors().note(door.node.now().wall, told, 1);
}

/// Did somebody only ask the registry whether something is there? Serializers and tools do that all the time, and no is an
/// answer like any other.
fn is_look(method: &Method, path: &str, status: StatusCode) -> bool {
    let path: Vec<&str> = path.trim_matches('/').split('/').collect();
    let path = match &path[..] {
        ["contexts", _, rest @ ..] => rest,
        path => path,
    };
    let looked = match path {
        ["subjects" | "schemas" | "config" | "mode", ..] if method == Method::GET => true,
        // A schema is looked up under its subject with its text in a body.
        ["subjects", _] => method == Method::POST,
        _ => false,
    };
    looked && status == StatusCode::NOT_FOUND
}

/// What the body says went wrong: each family of routes has a name of its own for it.
fn words(body: &Body) -> Option<String> {
    let Body::Whole(full) = body else { return None };
    let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut full.clone()).poll_frame(&mut Context::from_waker(Waker::noop())) else {
        return None;
    };
    let body: Value = serde_json::from_slice(frame.data_ref()?).ok()?;
    ["error", "message"].iter().find_map(|name| Some(body[*name].as_str()?.to_owned()))
}

/// Which errors somebody wants to see.
#[derive(Clone, Debug, Default)]
struct Filter {
    /// Also those that are part of how the protocol works.
    all: bool,
    client: Option<String>,
    api: Option<String>,
    code: Option<String>,
    subject: Option<String>,
}

impl Filter {
    fn of(asked: &Asked) -> Self {
        let word = |name: &str| asked.query(name).map(str::to_lowercase);
        let all = asked.query("all") == Some("true");
        Self { all, client: word("client"), api: word("api"), code: word("code"), subject: word("subject") }
    }

    fn takes(&self, told: &Told) -> bool {
        let has = |wanted: &Option<String>, texts: &[&str]| {
            wanted.as_ref().is_none_or(|w| texts.iter().any(|text| text.to_lowercase().contains(w)))
        };
        (self.all || !told.expected)
            && has(&self.client, &[&told.client, &told.address.to_string()])
            && has(&self.api, &[&told.api])
            && has(&self.code, &[&told.code])
            && has(&self.subject, &[&told.subject])
    }
}

/// `GET /admin/v1/errors[?all=true][&client=][&api=][&code=][&subject=][&since=NUMBER]`
pub(crate) fn answer(door: &Arc<Door>, asked: &Asked) -> Answer {
    let filter = Filter::of(asked);
    let events = asked.headers.get(ACCEPT).is_some_and(|a| a.as_bytes().starts_with(EVENTS.as_bytes()));
    let since = asked.query("since").and_then(|n| n.parse().ok());
    if events {
        return follow(door.clone(), filter, since);
    }
    let errors = door.node.errors();
    let seen = errors.since(since.unwrap_or(0));
    let hidden = seen.iter().filter(|s| s.told.expected && !filter.all).map(|s| s.count).sum::<u64>();
    let shown: Vec<Value> = seen.iter().filter(|s| filter.takes(&s.told)).map(shown).collect();
    let newest = *errors.watch().borrow();
    answer_json(&json!({"newest": newest, "expected_hidden": hidden, "errors": shown}))
}

fn shown(seen: &Seen) -> Value {
    let told = &seen.told;
    json!({
        "number": seen.number,
        "first": seen.first,
        "last": seen.last,
        "count": seen.count,
        "door": told.door,
        "api": told.api,
        "code": told.code,
        "client": told.client,
        "address": told.address.to_string(),
        "principal": told.principal,
        "subject": told.subject,
        "cause": told.cause,
        "expected": told.expected,
    })
}

/// An event for each error that is told from now on, or after the one of the number `since`. Many of the same in a short
/// time are one event with their count.
fn follow(door: Arc<Door>, filter: Filter, since: Option<u64>) -> Answer {
    let (sender, mut answer) = stream(&door.memory, StatusCode::OK, EVENTS);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    tokio::task::spawn_local(async move {
        let mut newest = door.node.errors().watch();
        let mut number = since.unwrap_or(*newest.borrow_and_update());
        // The head of the answer goes out with its first bytes.
        let mut text = String::from(": errors as they are told\n\n");
        loop {
            if !text.is_empty() && sender.send(Bytes::from(std::mem::take(&mut text))).await.is_err() {
                return;
            }
            for seen in door.node.errors().since(number) {
                number = seen.number;
                if filter.takes(&seen.told) {
                    text += &format!("id: {number}\nevent: error\ndata: {}\n\n", shown(&seen));
                }
            }
            if text.is_empty() {
                tokio::select! {
                    _ = newest.changed() => {}
                    () = sender.closed() => return,
                    () = tokio::time::sleep(BEAT) => text += ": still here\n\n",
                }
            }
        }
    });
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_ask_whether_something_is_there_is_no_error() {
        let no = StatusCode::NOT_FOUND;
        for (method, path, status, look) in [
            (Method::GET, "/subjects/hello-value/versions/latest", no, true),
            (Method::GET, "/contexts/.eu/subjects/hello-value/versions", no, true),
            (Method::POST, "/subjects/hello-value", no, true),
            (Method::GET, "/config/hello-value", no, true),
            (Method::POST, "/subjects/hello-value/versions", no, false),
            (Method::DELETE, "/subjects/hello-value", no, false),
            (Method::GET, "/subjects/a/versions/x", StatusCode::UNPROCESSABLE_ENTITY, false),
            (Method::GET, "/admin/v1/topics/none/retention", no, false),
            (Method::GET, "/", no, false),
        ] {
            assert_eq!(is_look(&method, path, status), look, "{method} {path} {status}");
        }
    }
}
