//! Settings of a queue group by their short names, its end, its dead letters, and beginning anew.

use std::sync::Arc;

use hyper::StatusCode;
use milena_node::engine::{
    settings::{Alter, Change, offered::Offered},
    share::{At, Start},
};
use serde::Deserialize;
use serde_json::json;

use super::{Told, ok, trouble::Trouble};
use crate::{answer::empty, serve::Door};

/// Letters that one call sends back at most.
const REDRIVE_MAX: u64 = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Configure {
    /// `earliest`, `latest`, or `by_duration:P…`.
    start: Option<String>,
    lease_ms: Option<i64>,
    max_deliveries: Option<i64>,
    dead_letter: Option<DeadLetter>,
    /// `none` or `key`.
    order: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadLetter {
    topic: Option<String>,
    enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Redrive {
    max: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    /// `earliest`, `latest`, or milliseconds since 1970.
    to: To,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum To {
    Word(String),
    Since(i64),
}

pub(super) async fn put(door: &Arc<Door>, group: &str, asked: Configure) -> Told {
    let letter = asked.dead_letter;
    let wanted = [
        ("share.auto.offset.reset", asked.start),
        ("share.record.lock.duration.ms", asked.lease_ms.map(|ms| ms.to_string())),
        ("share.delivery.count.limit", asked.max_deliveries.map(|n| n.to_string())),
        ("milena.share.order", asked.order),
        ("milena.share.dead.letters", letter.as_ref().and_then(|l| l.enabled).map(|on| on.to_string())),
        ("errors.deadletterqueue.topic.name", letter.and_then(|l| l.topic)),
    ];
    let changes: Vec<Change> = wanted.into_iter().filter_map(|(name, value)| Some(Change::set(name, &value?))).collect();
    door.node.alter_broker(Alter::SomeOf(Offered::Group, group.to_owned(), changes)).await??;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn delete(door: &Arc<Door>, group: &str) -> Told {
    door.node.delete_share(group).await??;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn redrive(door: &Arc<Door>, topic: &str, group: &str, asked: Redrive) -> Told {
    let max = asked.max.unwrap_or(REDRIVE_MAX).min(REDRIVE_MAX);
    let back = door.node.redrive(group, topic, max).await?;
    ok(&json!({ "redriven": back }))
}

pub(super) async fn reset(door: &Arc<Door>, topic: &str, group: &str, asked: Reset) -> Told {
    let node = &door.node;
    let topic = node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
    let start = match asked.to {
        To::Word(word) if word == "earliest" => Start::Earliest,
        To::Word(word) if word == "latest" => Start::Latest,
        To::Word(word) => {
            return Err(Trouble::invalid(format!("to is earliest, latest, or milliseconds since 1970, not {word:?}")));
        }
        To::Since(at) => Start::Within(node.now().wall.saturating_sub(at)),
    };
    let mut starts = Vec::new();
    for partition in topic.partitions.iter() {
        let Some(view) = partition.view() else { continue };
        let at = At { topic: topic.id, partition: partition.index() };
        starts.push((at, node.share_start(partition, view, start).await));
    }
    node.share_reset(group, starts.clone()).await??;
    let starts: Vec<_> = starts.into_iter().map(|(at, offset)| json!({"partition": at.partition, "offset": offset})).collect();
    ok(&json!({ "starts": starts }))
}
