//! `/admin/v1`: what no Kafka API carries.
//!
//! | route | answers |
//! |---|---|
//! | `GET status` | how the server stands |
//! | `GET errors` | what clients were told that went wrong, see `errors.rs` |
//! | `GET expiring` | topics whose messages go next, and how many of them no group has read |
//! | `GET trash` | deleted topics that can still be restored |
//! | `POST topics/{name or id}/restore[?as=NAME]` | undoes a deletion |
//! | `DELETE topics/{name or id}?now=true` | lets a topic go for good, from use or from the trash |
//! | `GET topics/{name}/retention` | what each partition keeps, what goes next, and which readers hold that up (`?readers=a,b`: if it waited for these) |
//! | `GET unread`, `GET topics/{name}/unread` | what was removed before a group had read it |
//! | `GET topics/{name}/why[?group=G]` | why a reader finds nothing |
//! | `GET topics/{name}/partitions/{p}/records/{offset}` | the life of one record |
//! | `GET groups/{name}/history` | where a group was before |

mod kept;
mod readers;
mod receipt;
mod why;

use std::{collections::HashMap, sync::Arc};

use hyper::{Method, StatusCode};
use milena_node::{
    NoRoom,
    bounces::Bounce,
    engine::{
        ids::{TopicId, TopicName, Uuid},
        topic::{Refusal, Target},
    },
};
use serde_json::{Value, json};

use crate::{
    answer::{Answer, Problem, json},
    router::wrong_method,
    serve::Door,
};

/// What stands behind the question mark.
pub(crate) struct Words {
    /// `as=NAME`
    pub(crate) rename: Option<String>,
    /// `now=true`
    pub(crate) now: bool,
    /// `group=NAME`
    pub(crate) group: Option<String>,
    /// `readers=NAME,NAME`
    pub(crate) readers: Option<String>,
}

pub(crate) async fn answer(door: &Arc<Door>, method: &Method, path: &[&str], words: Words) -> Answer {
    match path {
        ["status"] if method == Method::GET => status(door),
        ["trash"] if method == Method::GET => trash(door),
        ["topics", topic, "restore"] if method == Method::POST => restore(door, topic, words.rename).await,
        ["topics", topic] if method == Method::DELETE => purge(door, topic, words.now).await,
        ["topics", topic, "retention"] if method == Method::GET => {
            kept::answer(door, topic, words.readers.as_deref()).await.unwrap_or_else(Answer::from)
        }
        ["expiring"] if method == Method::GET => expiring(door).await,
        path if *method == Method::GET && readers::serves(path) => {
            readers::answer(door, path, words.group.as_deref()).await.unwrap_or_else(Answer::from)
        }
        path if readers::serves(path) => wrong_method("GET"),
        ["status" | "trash" | "expiring"] | ["topics", _, "retention"] => wrong_method("GET"),
        ["topics", _, "restore"] => wrong_method("POST"),
        ["topics", _] => wrong_method("DELETE"),
        _ => Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at /admin/v1/{}", path.join("/"))).into(),
    }
}

fn status(door: &Door) -> Answer {
    let s = door.node.status();
    let counters = door.node.counters();
    json(&json!({
        "version": door.options.version,
        "pid": std::process::id(),
        "alive": s.dead.is_none(),
        "dead": s.dead,
        "data": door.options.data,
        "node_id": s.node_id,
        "cluster_id": door.cluster_id(),
        "started_at": s.started_at,
        "now": s.now,
        "clock_ahead_ms": s.skew,
        "topics": s.topics,
        "partitions": s.partitions,
        "trash": s.trash,
        "groups": s.groups,
        "members": s.members,
        "connections": counters.connections.get(),
        "records_in": counters.records_in.get(),
        "bytes_in": counters.bytes_in.get(),
        "commits": s.store.commits,
        "sync_ms_mean": s.store.sync_nanos_mean as f64 / 1e6,
        "bytes_out": counters.bytes_out.get(),
        "log_bytes": s.store.log_bytes,
        "segment_bytes": s.store.segment_bytes,
        "segment_files": s.store.segment_files,
        "disk_free": s.store.disk_free,
        "disk_total": s.store.disk_total,
        "quarantined": s.store.quarantined,
        "did_not_come_back": door.node.bounces().gone(s.now).iter().map(bounced).collect::<Vec<_>>(),
        "recovered": {
            "clean": s.recovered.clean,
            "facts": s.recovered.facts,
            "batches": s.recovered.payloads,
            "cut": s.recovered.cut,
            "damage": s.recovered.damage.iter().map(ToString::to_string).collect::<Vec<_>>(),
        },
    }))
}

/// A client that was told an address and did not come back.
pub(crate) fn bounced(bounce: &Bounce) -> Value {
    json!({
        "from": bounce.from.to_string(),
        "client": bounce.client,
        "told": bounce.told,
        "at": bounce.at,
        "times": bounce.times,
    })
}

fn trash(door: &Door) -> Answer {
    let topic = |t: &milena_node::engine::topic::Trashed| json!({"name": t.topic.name.as_str(), "id": t.topic.id.0.to_string(), "deleted_at": t.deleted_at, "purge_at": t.purge_at});
    json(&door.node.trash().iter().map(topic).collect::<Vec<Value>>())
}

async fn restore(door: &Door, topic: &str, name: Option<String>) -> Answer {
    match door.node.restore_topic(target(topic), name).await {
        Ok(Ok(restored)) => json(&json!({
            "name": restored.name.as_str(),
            "id": restored.id.0.to_string(),
            "partitions": restored.partitions.len(),
        })),
        Ok(Err(refusal)) => refused(refusal),
        Err(no_room) => full(no_room),
    }
}

async fn purge(door: &Door, topic: &str, now: bool) -> Answer {
    if !now {
        return Problem::new(StatusCode::BAD_REQUEST, "this lets the topic go for good")
            .why("a Kafka client's DeleteTopics keeps it restorable for a day; this route does not")
            .fix(format!("DELETE /admin/v1/topics/{topic}?now=true"))
            .into();
    }
    match door.node.purge_topic(target(topic)).await {
        Ok(Ok(gone)) => json(&json!({"name": gone.name.as_str(), "id": gone.id.0.to_string()})),
        Ok(Err(refusal)) => refused(refusal),
        Err(no_room) => full(no_room),
    }
}

/// For each topic that loses messages by time: when the next go, and how many of what is there no group has read. A topic
/// that no group reads at all counts as read: nobody waits for it.
async fn expiring(door: &Door) -> Answer {
    let mut lags: HashMap<(TopicName, i32), i64> = HashMap::new();
    for group in door.node.groups() {
        let Ok(Some(of_group)) = door.node.lags(&group.name).await else { continue };
        for lag in of_group {
            let records = lag.records().unwrap_or(0);
            let most = lags.entry((lag.topic, lag.partition)).or_default();
            *most = (*most).max(records);
        }
    }
    let mut rows = Vec::new();
    for topic in door.node.topics() {
        let partitions = door.node.partition_status(&topic);
        let Some(next) = partitions.iter().filter_map(|p| p.next_expiry).min() else { continue };
        let unread: i64 = partitions.iter().filter_map(|p| lags.get(&(topic.name.clone(), p.index))).sum();
        rows.push(json!({"topic": topic.name.as_str(), "next_expiry": next, "unread": unread}));
    }
    json(&rows)
}

/// A topic is named by its name, or by its id as `trash` shows it.
fn target(text: &str) -> Target {
    text.parse::<Uuid>().map_or_else(|_| Target::Name(text.to_string()), |id| Target::Id(TopicId(id)))
}

fn refused(refusal: Refusal) -> Answer {
    let status = match refusal {
        Refusal::UnknownName(_) | Refusal::UnknownId(_) | Refusal::NotInTrash(_) => StatusCode::NOT_FOUND,
        Refusal::Exists(_) | Refusal::NameTaken(_) => StatusCode::CONFLICT,
        Refusal::Kept(_) | Refusal::DeletionDisabled => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    let disabled = matches!(refusal, Refusal::DeletionDisabled);
    let problem = Problem::new(status, refusal.to_string());
    if disabled { problem.why("delete.topic.enable is false on this broker").into() } else { problem.into() }
}

fn full(no_room: NoRoom) -> Answer {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the server cannot record this now").why(no_room).into()
}
