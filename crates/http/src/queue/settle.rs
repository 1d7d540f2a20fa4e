//! What became of leases: one call for many of every kind, or one for one. Each has its own outcome, durable when it is told.

use std::sync::Arc;

use hyper::StatusCode;
use milena_node::engine::share::{LeaseRefusal, Settle, Verdict};
use serde::{Deserialize, Serialize};

use super::{Told, lease::Lease, ok, trouble::Trouble};
use crate::{
    answer::{empty, json},
    serve::Door,
};

/// No lease and no delay is longer.
const SPAN_MS_MAX: i64 = 7 * 24 * 60 * 60 * 1_000;
/// Leases of one request.
const LEASES_MAX: usize = 10_000;

/// `{"ack": […], "release": […], "reject": […], "extend": […]}`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Many {
    ack: Vec<String>,
    release: Vec<One>,
    reject: Vec<One>,
    extend: Vec<One>,
}

/// A lease with what goes with it, or the lease alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum One {
    Lease(String),
    With(With),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    lease: String,
    /// Of a release: not before so many milliseconds.
    #[serde(default)]
    delay_ms: Option<i64>,
    /// Of an extension: from now.
    #[serde(default)]
    lease_ms: Option<i64>,
    /// Of a rejection: for the dead letter.
    #[serde(default)]
    reason: Option<String>,
}

impl From<One> for With {
    fn from(one: One) -> Self {
        match one {
            One::Lease(lease) => With { lease, delay_ms: None, lease_ms: None, reason: None },
            One::With(with) => with,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Outcome {
    lease: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_lease: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_expires_at: Option<i64>,
}

impl Outcome {
    fn is_ok(&self) -> bool {
        self.status == OK
    }
}

const OK: &str = "ok";
const LOST: &str = "lease_lost";
const INVALID: &str = "invalid";
const NOT_FOUND: &str = "not_found";

pub(super) async fn settle(door: &Arc<Door>, group: &str, many: Many) -> Told {
    let results = settled(door, group, many).await?;
    if results.is_empty() {
        return Err(Trouble::invalid("name at least one lease in ack, release, reject or extend"));
    }
    let fine = results.iter().all(Outcome::is_ok);
    let mut answer = json(&serde_json::json!({ "results": results }));
    if !fine {
        *answer.status_mut() = StatusCode::MULTI_STATUS;
    }
    Ok(answer)
}

/// Outcomes in the order ack, release, reject, extend.
pub(super) async fn settled(door: &Door, group: &str, many: Many) -> Result<Vec<Outcome>, Trouble> {
    let count = many.ack.len() + many.release.len() + many.reject.len() + many.extend.len();
    if count > LEASES_MAX {
        return Err(Trouble::invalid(format!("at most {LEASES_MAX} leases can be settled at once, not {count}")));
    }
    let ack = many.ack.into_iter().map(|lease| (With::from(One::Lease(lease)), Verdict::Accept));
    let release = many.release.into_iter().map(|one| (one.into(), Verdict::Release));
    let reject = many.reject.into_iter().map(|one| (one.into(), Verdict::Reject));
    let extend = many.extend.into_iter().map(|one| (one.into(), Verdict::Renew));
    let mut results = Vec::with_capacity(count);
    for (with, verdict) in ack.chain(release).chain(reject).chain(extend) {
        results.push(settle_one(door, group, with, verdict).await?);
    }
    Ok(results)
}

/// `:ack`, `:release`, `:reject`, `:extend` with one lease.
pub(super) async fn one(door: &Arc<Door>, group: &str, verb: &str, with: With) -> Told {
    let verdict = match verb {
        "ack" => Verdict::Accept,
        "release" => Verdict::Release,
        "reject" => Verdict::Reject,
        _ => Verdict::Renew,
    };
    let outcome = settle_one(door, group, with, verdict).await?;
    match outcome.status {
        OK => ok(&outcome),
        status => Err(trouble(status, group)),
    }
}

/// What goes with a lease that the path names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Words {
    delay_ms: Option<i64>,
    lease_ms: Option<i64>,
    reason: Option<String>,
}

/// `POST /q/v1/leases/{lease}:verb`: the lease itself names its group.
pub(super) async fn named(door: &Arc<Door>, lease: &str, verb: &str, words: Words) -> Told {
    let group = Lease::read(lease).map(|read| read.group().to_owned()).ok_or_else(Trouble::no_lease)?;
    let Words { delay_ms, lease_ms, reason } = words;
    one(door, &group, verb, With { lease: lease.to_owned(), delay_ms, lease_ms, reason }).await
}

/// `DELETE /q/v1/leases/{lease}`: ack.
pub(super) async fn delete(door: &Arc<Door>, token: &str) -> Told {
    let group = Lease::read(token).map(|read| read.group().to_owned()).ok_or_else(Trouble::no_lease)?;
    let with = With::from(One::Lease(token.to_owned()));
    match settle_one(door, &group, with, Verdict::Accept).await?.status {
        OK => Ok(empty(StatusCode::NO_CONTENT)),
        status => Err(trouble(status, &group)),
    }
}

fn trouble(status: &str, group: &str) -> Trouble {
    match status {
        LOST => Trouble::lease_lost(),
        INVALID => Trouble::no_lease(),
        _ => Trouble::no_group(group),
    }
}

/// A delay or a lease out of its range is refused with words rather than cut.
fn judge_spans(with: &With) -> Result<(), Trouble> {
    let beyond = |ms: Option<i64>, least: i64| ms.is_some_and(|ms| !(least..=SPAN_MS_MAX).contains(&ms));
    if beyond(with.delay_ms, 0) {
        return Err(Trouble::invalid(format!("delay_ms is between 0 and {SPAN_MS_MAX}, 7 days")));
    }
    if beyond(with.lease_ms, 1) {
        return Err(Trouble::invalid(format!("lease_ms is between 1 and {SPAN_MS_MAX}, 7 days")));
    }
    Ok(())
}

async fn settle_one(door: &Door, group: &str, with: With, verdict: Verdict) -> Result<Outcome, Trouble> {
    judge_spans(&with)?;
    let outcome = |status| Outcome { lease: with.lease.clone(), status, new_lease: None, lease_expires_at: None };
    let node = &door.node;
    let key = node.ask_share(group, milena_node::engine::share::Share::key).await.map_err(Trouble::dead)?;
    let Some(key) = key else { return Ok(outcome(NOT_FOUND)) };
    let read = Lease::read(&with.lease).filter(|read| read.group() == group);
    let Some(lease) = key.and_then(|key| read?.verify(&key)) else { return Ok(outcome(INVALID)) };
    let Some(judged) = lease.judged(node.life(), node.now().wall) else { return Ok(outcome(LOST)) };
    let ms = if verdict == Verdict::Renew { with.lease_ms } else { with.delay_ms };
    let settle =
        Settle { by: "http".into(), leases: vec![(judged, verdict, ms)], reason: with.reason.as_deref().map(Into::into) };
    let told = node.share_settle(group, settle).await??;
    Ok(match told.into_iter().next() {
        Some(Ok(None)) => outcome(OK),
        Some(Ok(Some(granted))) => {
            let now = node.now();
            let expires = now.wall + (granted.until - now.mono);
            let renewed = Lease { life: node.life(), grant: granted.grant, expires, ..lease };
            let new_lease = key.map(|key| renewed.sign(&key));
            Outcome { new_lease, lease_expires_at: Some(expires), ..outcome(OK) }
        }
        Some(Err(LeaseRefusal::Lost)) => outcome(LOST),
        Some(Err(LeaseRefusal::NotFound)) | None => outcome(NOT_FOUND),
    })
}
