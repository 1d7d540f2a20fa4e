//! Settings of a queue group by their short names, its end, its pause, its dead letters, and beginning anew.

use std::sync::Arc;

use hyper::StatusCode;
use jiff::Timestamp;
use milena_node::{
    Topic,
    engine::{
        settings::{Alter, Change, offered::Offered},
        share::{At, Start},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Told, ok, trouble::Trouble};
use crate::{answer::empty, serve::Door};

/// Letters that one call sends back at most.
const REDRIVE_MAX: u64 = 10_000;
const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
const PAUSED: &str = "milena.share.paused";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Configure {
    start: Option<Begin>,
    lease_ms: Option<i64>,
    max_deliveries: Option<i64>,
    delay_ms: Option<i64>,
    dead_letter: Option<DeadLetter>,
    /// `none` or `key`.
    order: Option<String>,
    paused: Option<bool>,
    hold_retention: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadLetter {
    topic: Option<String>,
    enabled: Option<bool>,
    /// The whole record, not only where it lies.
    copy: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Redrive {
    max: Option<u64>,
    dry_run: bool,
    /// The topic that the letters lie in, if the group wrote them elsewhere once.
    from: Option<String>,
}

impl Redrive {
    fn word(&self) -> &'static str {
        if self.dry_run { "would_redrive" } else { "redriven" }
    }
    fn most(&self) -> u64 {
        self.max.unwrap_or(REDRIVE_MAX).min(REDRIVE_MAX)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    to: Begin,
}

/// Where to begin: `earliest`, `latest`, `by_duration:P…`, a moment in RFC 3339, or milliseconds since 1970.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Begin {
    Since(i64),
    Word(String),
}

impl Begin {
    /// A moment in milliseconds, or the word as it is.
    fn moment(self) -> Result<Result<i64, String>, Trouble> {
        match self {
            Begin::Since(at) if at >= 0 => Ok(Ok(at)),
            Begin::Since(at) => Err(Trouble::invalid(format!("{at} is before 1970"))),
            Begin::Word(word) => match word.parse::<Timestamp>() {
                Ok(at) if at.as_millisecond() >= 0 => Ok(Ok(at.as_millisecond())),
                _ => Ok(Err(word)),
            },
        }
    }

    /// Where a group that is there is sent.
    fn start(self) -> Result<Start, Trouble> {
        match self.moment()? {
            Ok(at) => Ok(Start::Since(at)),
            Err(word) if word == "earliest" => Ok(Start::Earliest),
            Err(word) if word == "latest" => Ok(Start::Latest),
            Err(word) => {
                let words = "to is earliest, latest, a moment such as 2026-11-26T08:00:00Z, or milliseconds since 1970";
                Err(Trouble::invalid(format!("{words}, not {word:?}")))
            }
        }
    }
}

pub(super) async fn put(door: &Arc<Door>, group: &str, asked: Configure) -> Told {
    judge_name(group)?;
    judge_ranges(&asked)?;
    let letter = asked.dead_letter.as_ref();
    let mut changes = Vec::new();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            changes.push(Change::set(name, value));
        }
    };
    set("milena.share.record.lock.duration.ms", asked.lease_ms.map(|ms| ms.to_string()));
    set("milena.share.delivery.count.limit", asked.max_deliveries.map(|n| n.to_string()));
    set("milena.share.delay.ms", asked.delay_ms.map(|ms| ms.to_string()));
    set("milena.share.order", asked.order);
    set("milena.share.hold.retention", asked.hold_retention.map(|hold| hold.to_string()));
    set(PAUSED, asked.paused.map(|paused| paused.to_string()));
    set("milena.share.dead.letters", letter.and_then(|l| l.enabled).map(|on| on.to_string()));
    set("errors.deadletterqueue.topic.name", letter.and_then(|l| l.topic.clone()));
    set("errors.deadletterqueue.copy.record.enable", letter.and_then(|l| l.copy).map(|copy| copy.to_string()));
    match asked.start.map(Begin::moment).transpose()? {
        None => {}
        Some(Ok(at)) => changes.push(Change::set("milena.share.start.ms", at.to_string())),
        Some(Err(word)) => {
            changes.push(Change::set("share.auto.offset.reset", word));
            changes.push(Change::delete("milena.share.start.ms"));
        }
    }
    alter(door, group, changes).await
}

/// `:pause` and `:resume`.
pub(super) async fn pause(door: &Arc<Door>, group: &str, paused: bool) -> Told {
    judge_name(group)?;
    alter(door, group, vec![Change::set(PAUSED, if paused { "true" } else { "false" })]).await
}

/// `:rotate`: leases are signed with another secret from now on.
pub(super) async fn rotate(door: &Arc<Door>, group: &str) -> Told {
    judge_name(group)?;
    door.node.share_change_key(group).await??;
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn alter(door: &Arc<Door>, group: &str, changes: Vec<Change>) -> Told {
    door.node.alter_broker(Alter::SomeOf(Offered::Group, group.to_owned(), changes)).await??;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn judge_name(group: &str) -> Result<(), Trouble> {
    match group.len() {
        1..=255 => Ok(()),
        len => Err(Trouble::invalid(format!("the name of a queue group has 1 to 255 bytes, not {len}"))),
    }
}

/// Kafka's own words for these ranges name settings that nobody here has asked for.
fn judge_ranges(asked: &Configure) -> Result<(), Trouble> {
    let ranges = [
        ("lease_ms", asked.lease_ms, 1_000, WEEK_MS, "1 second to 7 days"),
        ("max_deliveries", asked.max_deliveries, 1, 1_000, "1 to 1000"),
        ("delay_ms", asked.delay_ms, 0, WEEK_MS, "0 to 7 days"),
    ];
    for (name, value, least, most, words) in ranges {
        if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
            let words = format!("{name} of a queue group is {least} to {most} ({words}), not {value}");
            return Err(Trouble::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_setting", words));
        }
    }
    Ok(())
}

/// The group ends, and its settings with it: one of that name that begins later begins as any other. Whoever waits for messages
/// would begin it again at once, by the settings that are still there.
pub(super) async fn delete(door: &Arc<Door>, group: &str) -> Told {
    let is_set = door.node.config().resources(Offered::Group).any(|name| name == group);
    let _away = door.node.keep_share_away(group);
    if door.node.is_share(group) || !is_set {
        door.node.delete_share(group).await??;
    }
    if is_set {
        door.node.alter_broker(Alter::WholeOf(Offered::Group, group.to_owned(), Vec::new())).await??;
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn redrive(door: &Arc<Door>, topic: &str, group: &str, asked: Redrive) -> Told {
    let count = redriven(door, topic, group, asked.most(), &asked).await?;
    ok(&json!({ asked.word(): count }))
}

/// The same for every topic that the group works on; `max` is of all together.
pub(super) async fn redrive_all(door: &Arc<Door>, group: &str, asked: Redrive) -> Told {
    let (mut all, mut topics) = (0, Vec::new());
    for topic in topics_of(door, group)? {
        let count = redriven(door, topic.name.as_str(), group, asked.most() - all, &asked).await?;
        all += count;
        topics.push(json!({ "topic": topic.name.as_str(), asked.word(): count }));
    }
    ok(&json!({ asked.word(): all, "topics": topics }))
}

/// How many of one topic's letters went back, or would.
async fn redriven(door: &Arc<Door>, topic: &str, group: &str, max: u64, asked: &Redrive) -> Result<u64, Trouble> {
    let from = asked.from.as_deref();
    known_pile(door, from)?;
    Ok(match asked.dry_run {
        true => door.node.count_dead_letters(group, topic, from, max).await?,
        false => door.node.redrive(group, topic, from, max).await?,
    })
}

/// A topic of letters that is named is there.
pub(super) fn known_pile(door: &Door, from: Option<&str>) -> Result<(), Trouble> {
    match from {
        Some(name) if door.node.topic(name).is_none() => Err(Trouble::no_topic(name)),
        _ => Ok(()),
    }
}

/// What a group works on; one that has not begun is told so.
pub(super) fn topics_of(door: &Door, group: &str) -> Result<Vec<Arc<Topic>>, Trouble> {
    judge_name(group)?;
    match door.node.is_share(group) {
        true => Ok(door.node.share_topics(group)),
        false => Err(Trouble::no_group(group)),
    }
}

pub(super) async fn reset(door: &Arc<Door>, topic: &str, group: &str, asked: Reset) -> Told {
    let topic = door.node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
    judge_name(group)?;
    let starts = begun_anew(door, &topic, group, asked.to.start()?).await?;
    ok(&json!({ "starts": starts }))
}

/// The same for every topic that the group works on.
pub(super) async fn reset_all(door: &Arc<Door>, group: &str, asked: Reset) -> Told {
    let (start, mut topics) = (asked.to.start()?, Vec::new());
    for topic in topics_of(door, group)? {
        let starts = begun_anew(door, &topic, group, start).await?;
        topics.push(json!({ "topic": topic.name.as_str(), "starts": starts }));
    }
    ok(&json!({ "topics": topics }))
}

async fn begun_anew(door: &Arc<Door>, topic: &Topic, group: &str, start: Start) -> Result<Vec<Value>, Trouble> {
    let node = &door.node;
    let mut starts = Vec::new();
    for partition in topic.partitions.iter() {
        let Some(view) = partition.view() else { continue };
        let at = At { topic: topic.id, partition: partition.index() };
        starts.push((at, node.share_start(partition, view, start).await));
    }
    node.share_reset(group, starts.clone()).await??;
    Ok(starts.into_iter().map(|(at, offset)| json!({"partition": at.partition, "offset": offset})).collect())
}
