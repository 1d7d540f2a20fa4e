//! What became of leases: one call for many of every kind, or one for one. Each has its own outcome, durable when it is told.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use hyper::StatusCode;
use milena_node::engine::{
    limits::SHARE_LOCK_MS_MAX,
    share::{Lease as Judged, LeaseRefusal, Settle, Verdict},
};
use serde::{Deserialize, Serialize};

use super::{Told, lease::Lease, ok, trouble::Trouble};
use crate::{
    answer::{empty, json},
    serve::Door,
};

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
    /// Who says it.
    #[serde(skip)]
    pub(super) by: Box<str>,
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

#[derive(Clone, Serialize)]
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
/// The broker could not write in the middle of a request: ask again for these.
const UNAVAILABLE: &str = "unavailable";

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
    let ack = many.ack.into_iter().map(|lease| With::from(One::Lease(lease))).collect();
    let with = |list: Vec<One>| list.into_iter().map(With::from).collect::<Vec<With>>();
    let all: [(Verdict, Vec<With>); 4] = [
        (Verdict::Accept, ack),
        (Verdict::Release, with(many.release)),
        (Verdict::Reject, with(many.reject)),
        (Verdict::Renew, with(many.extend)),
    ];
    // What is wrong with one is said before anything is done to another.
    all.iter().flat_map(|(_, list)| list).try_for_each(judge_spans)?;
    let names: Vec<String> = all.iter().flat_map(|(_, list)| list).map(|with| with.lease.clone()).collect();
    let mut results = Vec::with_capacity(count);
    for (verdict, list) in all {
        let told = settle_all(door, group, list, (verdict, &many.by), &mut results).await;
        match told {
            Ok(()) => {}
            Err(trouble) if results.is_empty() => return Err(trouble),
            // Others have their outcome already, and it stays true.
            Err(_) => break,
        }
    }
    let untold = names.into_iter().skip(results.len());
    let unavailable = |lease| Outcome { lease, status: UNAVAILABLE, new_lease: None, lease_expires_at: None };
    let untold: Vec<Outcome> = untold.map(unavailable).collect();
    results.extend(untold);
    Ok(results)
}

/// `:ack`, `:release`, `:reject`, `:extend` with one lease.
pub(super) async fn one(door: &Arc<Door>, group: &str, (verb, by): (&str, &str), with: With) -> Told {
    let verdict = match verb {
        "ack" => Verdict::Accept,
        "release" => Verdict::Release,
        "reject" => Verdict::Reject,
        _ => Verdict::Renew,
    };
    let outcome = settle_one(door, group, with, (verdict, by)).await?;
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
pub(super) async fn named(door: &Arc<Door>, lease: &str, said: (&str, &str), words: Words) -> Told {
    let group = Lease::read(lease).map(|read| read.group().to_owned()).ok_or_else(Trouble::no_lease)?;
    let Words { delay_ms, lease_ms, reason } = words;
    one(door, &group, said, With { lease: lease.to_owned(), delay_ms, lease_ms, reason }).await
}

/// `DELETE /q/v1/leases/{lease}`: ack.
pub(super) async fn delete(door: &Arc<Door>, token: &str, by: &str) -> Told {
    let group = Lease::read(token).map(|read| read.group().to_owned()).ok_or_else(Trouble::no_lease)?;
    let with = With::from(One::Lease(token.to_owned()));
    match settle_one(door, &group, with, (Verdict::Accept, by)).await?.status {
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
    let beyond = |ms: Option<i64>, least: i64| ms.is_some_and(|ms| !(least..=SHARE_LOCK_MS_MAX).contains(&ms));
    if beyond(with.delay_ms, 0) {
        return Err(Trouble::invalid(format!("delay_ms is between 0 and {SHARE_LOCK_MS_MAX}, 7 days")));
    }
    if beyond(with.lease_ms, 1) {
        return Err(Trouble::invalid(format!("lease_ms is between 1 and {SHARE_LOCK_MS_MAX}, 7 days")));
    }
    Ok(())
}

async fn settle_one(door: &Door, group: &str, with: With, said: (Verdict, &str)) -> Result<Outcome, Trouble> {
    judge_spans(&with)?;
    let mut results = Vec::with_capacity(1);
    settle_all(door, group, vec![with], said, &mut results).await?;
    Ok(results.swap_remove(0))
}

/// Leases with one verdict, in as few commits as there are reasons. Adds their outcomes in the order of the list, or none.
async fn settle_all(
    door: &Door,
    group: &str,
    list: Vec<With>,
    (verdict, by): (Verdict, &str),
    results: &mut Vec<Outcome>,
) -> Result<(), Trouble> {
    let node = &door.node;
    let keys = node.share_keys(group).await.map_err(Trouble::dead)?;
    let outcome = |with: &With, status| Outcome { lease: with.lease.clone(), status, new_lease: None, lease_expires_at: None };
    let Some(keys @ [key, _]) = keys else {
        results.extend(list.iter().map(|with| outcome(with, NOT_FOUND)));
        return Ok(());
    };
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(list.len());
    // The same lease again in one request is the same word again.
    let (mut first, mut again): (HashMap<&str, usize>, Vec<(usize, usize)>) = Default::default();
    let mut by_reason: BTreeMap<Option<&str>, Vec<(usize, Lease, Judged)>> = BTreeMap::new();
    for (at, with) in list.iter().enumerate() {
        if let Some(earlier) = first.insert(&with.lease, at) {
            again.push((at, earlier));
            outcomes.push(outcome(with, LOST));
            continue;
        }
        let read = Lease::read(&with.lease).filter(|read| read.group() == group);
        let lease = read.and_then(|read| keys.iter().flatten().find_map(|key| read.verify(key)));
        let judged = lease.as_ref().map(|lease| lease.judged(node.life(), node.now().wall));
        outcomes.push(outcome(with, if judged.is_none() { INVALID } else { LOST }));
        if let (Some(lease), Some(Some(judged))) = (lease, judged) {
            by_reason.entry(with.reason.as_deref()).or_default().push((at, lease, judged));
        }
    }
    for (reason, leases) in by_reason {
        let ms = |at: usize| if verdict == Verdict::Renew { list[at].lease_ms } else { list[at].delay_ms };
        let judged = leases.iter().map(|(at, _, judged)| (*judged, verdict, ms(*at))).collect();
        let settle = Settle { by: by.into(), leases: judged, reason: reason.map(Into::into) };
        if verdict != Verdict::Renew {
            door.pushed.said(node, group, leases.iter().map(|(_, lease, _)| (lease.at, lease.offset)));
        }
        let told = node.share_settle(group, settle).await??;
        for ((at, lease, _), told) in leases.into_iter().zip(told) {
            let settled = match told {
                Ok(None) => outcome(&list[at], OK),
                Ok(Some(granted)) => {
                    let now = node.now();
                    let expires = now.wall + (granted.until - now.mono);
                    let renewed = Lease { life: node.life(), grant: granted.grant, since: granted.since, expires, ..lease };
                    let new_lease = key.map(|key| renewed.sign(&key));
                    Outcome { new_lease, lease_expires_at: Some(expires), ..outcome(&list[at], OK) }
                }
                Err(LeaseRefusal::Lost) => outcome(&list[at], LOST),
                Err(LeaseRefusal::NotFound) => outcome(&list[at], NOT_FOUND),
            };
            outcomes[at] = settled;
        }
    }
    for (at, earlier) in again {
        outcomes[at] = outcomes[earlier].clone();
    }
    results.extend(outcomes);
    Ok(())
}
