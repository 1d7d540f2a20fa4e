//! How queues stand, by which settings, who holds what, and what was given up. Looks only.

use std::sync::Arc;

use milena_node::{
    Partition, Slice, Topic,
    engine::{
        settings::offered::Offered,
        share::{At, Depth, Rules, Start, Window, letter_is_whole},
    },
};
use serde_json::{Value, json};

use super::{
    Told,
    configure::{known_pile, topics_of},
    message::{Decode, Decoder, Enough, records},
    ok,
    trouble::Trouble,
};
use crate::{asked::Asked, serve::Door};

/// Runs of held messages that are shown of one partition.
const SHOWN: usize = 1_000;
/// Dead letters that are shown at a time.
const LETTERS_MAX: usize = 500;

/// Every group that has begun, with the topics it works on.
pub(super) async fn all(door: &Arc<Door>) -> Told {
    let mut groups = Vec::new();
    for listing in door.node.shares() {
        let topics: Vec<String> = door.node.share_topics(&listing.name).iter().map(|t| t.name.as_str().to_owned()).collect();
        groups.push(json!({
            "group": &*listing.name, "state": listing.state, "members": listing.members, "topics": topics,
        }));
    }
    ok(&json!({ "groups": groups }))
}

/// The groups that work on one topic.
pub(super) async fn of_topic(door: &Arc<Door>, name: &str) -> Told {
    let topic = door.node.topic(name).ok_or_else(|| Trouble::no_topic(name))?;
    let mut groups = Vec::new();
    for listing in door.node.shares() {
        if door.node.share_topics(&listing.name).iter().any(|known| known.id == topic.id) {
            groups.push(standing(door, &topic, &listing.name).await?);
        }
    }
    ok(&json!({ "topic": name, "groups": groups }))
}

/// One group on one topic.
pub(super) async fn queue(door: &Arc<Door>, topic: &str, group: &str) -> Told {
    let topic = door.node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
    ok(&standing(door, &topic, group).await?)
}

/// One group: its settings, and how each of its topics stands.
pub(super) async fn group(door: &Arc<Door>, group: &str) -> Told {
    let node = &door.node;
    let config = node.config();
    let begun = node.ask_share(group, |share| (share.state(), share.members())).await.map_err(Trouble::dead)?;
    if begun.is_none() && !config.resources(Offered::Group).any(|name| name == group) {
        return Err(Trouble::no_group(group));
    }
    let (state, members) = begun.unwrap_or(("Empty", 0));
    let mut topics = Vec::new();
    for topic in node.share_topics(group) {
        topics.push(standing(door, &topic, group).await?);
    }
    let mut told = json!({ "group": group, "state": state, "members": members });
    put_settings(&mut told, &Rules::of(&config, group));
    told["dead_letter"]["copy"] = letter_is_whole(&config, group).into();
    told["topics"] = topics.into();
    ok(&told)
}

fn put_settings(told: &mut Value, rules: &Rules) {
    told["start"] = match rules.start {
        Start::Earliest => "earliest".into(),
        Start::Latest => "latest".into(),
        Start::Within(ms) => format!("by_duration:PT{}.{:03}S", ms / 1_000, ms % 1_000).into(),
        Start::Since(at) => at.into(),
    };
    told["lease_ms"] = rules.lock_ms.into();
    told["max_deliveries"] = rules.deliveries.into();
    told["delay_ms"] = rules.delay_ms.into();
    told["hold_retention"] = rules.holds.into();
    told["order"] = (if rules.by_key { "key" } else { "none" }).into();
    told["paused"] = rules.paused.into();
    told["dead_letter"] = json!({ "enabled": rules.letters });
}

async fn standing(door: &Arc<Door>, topic: &Arc<Topic>, group: &str) -> Result<Value, Trouble> {
    let node = &door.node;
    let about = node.ask_share(group, |share| (share.state(), share.members(), share.rules().clone())).await;
    let Some((state, members, rules)) = about.map_err(Trouble::dead)? else { return Err(Trouble::no_group(group)) };
    let depth = depth(door, topic, group).await?;
    let oldest = oldest(door, topic, group).await?;
    let now = node.now().wall;
    Ok(json!({
        "topic": topic.name.as_str(),
        "group": group,
        "state": state,
        "members": members,
        "depth": depth.unfinished,
        "waiting": (depth.unfinished - depth.held - depth.delayed - depth.condemned).max(0),
        "in_flight": depth.held,
        "delayed": depth.delayed,
        "acknowledged": depth.accepted,
        "dead_letters": depth.buried,
        "dead_letters_waiting": depth.condemned,
        "failed_deliveries": depth.failed,
        "lost_to_retention": depth.lost,
        "oldest_ms": oldest.as_ref().map(|oldest| now.saturating_sub(oldest.timestamp).max(0)),
        "oldest_expires_ms": oldest.and_then(|oldest| oldest.expires_at).map(|at| (at - now).max(0)),
        "dead_letter_topic": rules.letters.then(|| node.letter_topic_name(group, topic.name.as_str())),
        "lease_ms": rules.lock_ms,
        "max_deliveries": rules.deliveries,
        "delay_ms": rules.delay_ms,
        "order": if rules.by_key { "key" } else { "none" },
        "paused": rules.paused,
    }))
}

pub(super) async fn leases(door: &Arc<Door>, topic: &str, group: &str) -> Told {
    let topic = door.node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
    ok(&json!({ "leases": held(door, &topic, group).await? }))
}

/// The same for every topic that the group works on.
pub(super) async fn all_leases(door: &Arc<Door>, group: &str) -> Told {
    let mut leases = Vec::new();
    for topic in topics_of(door, group)? {
        leases.extend(held(door, &topic, group).await?);
    }
    ok(&json!({ "leases": leases }))
}

async fn held(door: &Arc<Door>, topic: &Topic, group: &str) -> Result<Vec<Value>, Trouble> {
    let node = &door.node;
    let mut leases: Vec<Value> = Vec::new();
    for partition in topic.partitions.iter() {
        let (at, now) = (At { topic: topic.id, partition: partition.index() }, node.now());
        let held = node.ask_share(group, |share| share.held(now, at, SHOWN)).await.map_err(Trouble::dead)?;
        let Some(held) = held else { return Err(Trouble::no_group(group)) };
        leases.extend(held.into_iter().map(|held| {
            json!({
                "topic": topic.name.as_str(),
                "partition": held.at.partition,
                "first": held.first,
                "last": held.last,
                "delivery_count": held.delivery,
                "holder": held.owner.map(|owner| owner.as_str().to_owned()),
                "left_ms": held.left_ms,
            })
        }));
    }
    Ok(leases)
}

/// Dead letters of a group that were not sent back, with what they say of themselves.
pub(super) async fn dead(door: &Arc<Door>, topic: &str, group: &str, asked: &Asked) -> Told {
    let home = door.node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
    let wanted = letters_wanted(door, asked)?;
    ok(&letters(door, &home, group, &wanted).await?)
}

/// The same for every topic that the group works on; `max` is of each.
pub(super) async fn all_dead(door: &Arc<Door>, group: &str, asked: &Asked) -> Told {
    let wanted = letters_wanted(door, asked)?;
    let mut topics = Vec::new();
    for home in topics_of(door, group)? {
        let mut found = letters(door, &home, group, &wanted).await?;
        found["topic"] = home.name.as_str().into();
        topics.push(found);
    }
    ok(&json!({ "topics": topics }))
}

/// Which letters are asked for.
struct Wanted {
    max: usize,
    decode: Decode,
    from: Option<String>,
}

fn letters_wanted(door: &Door, asked: &Asked) -> Result<Wanted, Trouble> {
    let max = asked.query("max").map_or(Ok(100), str::parse::<usize>).ok().filter(|max| (1..=LETTERS_MAX).contains(max));
    let max = max.ok_or_else(|| Trouble::invalid(format!("max is between 1 and {LETTERS_MAX}")))?;
    let from = asked.query("from").map(str::to_owned);
    known_pile(door, from.as_deref())?;
    Ok(Wanted { max, decode: asked.query("decode").map_or(Ok(Decode::default()), Decode::named)?, from })
}

async fn letters(
    door: &Arc<Door>,
    home: &Arc<Topic>,
    group: &str,
    Wanted { max, decode, from }: &Wanted,
) -> Result<Value, Trouble> {
    let (node, topic) = (&door.node, home.name.as_str());
    let name = from.clone().unwrap_or_else(|| node.letter_topic_name(group, topic));
    let mut decoder = Decoder::new(door, home, *decode);
    let mut letters = Vec::new();
    for (offset, batch) in node.dead_letters(group, topic, from.as_deref(), *max).await? {
        let found = records(&batch, |at| at == offset, Enough::ONE).map_err(Trouble::damaged)?;
        let Some(raw) = found.records.into_iter().next() else { continue };
        let said = |name: &str| {
            let header = raw.headers.iter().rfind(|(key, _)| key == name).and_then(|(_, value)| value.as_deref());
            header.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let number = |name: &str| said(name).and_then(|text| text.parse::<i64>().ok());
        let (partition, from) = (number("__dlq.errors.partition"), number("__dlq.errors.offset"));
        letters.push(json!({
            "id": format!("{name}/0/{offset}"),
            "from": partition.zip(from).map(|(partition, from)| format!("{topic}/{partition}/{from}")),
            "reason": said("__dlq.errors.reason"),
            "message": said("__dlq.errors.message"),
            "member": said("__dlq.errors.member"),
            "delivery_count": number("__dlq.errors.delivery.count"),
            "at": number("__dlq.errors.timestamp"),
            "letter": decoder.shown(&raw).await,
        }));
    }
    let mut found = json!({ "dead_letter_topic": name, "letters": letters });
    let written = depth(door, home, group).await?.buried;
    if letters.is_empty() && written > 0 {
        found["note"] = format!("{written} letters were written, and none is left here: they were sent back, removed, or written while dead_letter named another topic (ask with ?from=TOPIC)").into();
    }
    Ok(found)
}

/// All partitions of a topic together.
pub(super) async fn depth(door: &Door, topic: &Topic, group: &str) -> Result<Depth, Trouble> {
    let mut sum = Depth::default();
    for partition in topic.partitions.iter() {
        let Some(depth) = partition_depth(door, topic, partition, group).await? else { continue };
        sum.unfinished += depth.unfinished;
        sum.held += depth.held;
        sum.delayed += depth.delayed;
        sum.condemned += depth.condemned;
        sum.accepted += depth.accepted;
        sum.lost += depth.lost;
        sum.buried += depth.buried;
        sum.failed += depth.failed;
        sum.choked |= depth.choked;
    }
    Ok(sum)
}

async fn partition_depth(door: &Door, topic: &Topic, partition: &Partition, group: &str) -> Result<Option<Depth>, Trouble> {
    let Some(view) = partition.view() else { return Ok(None) };
    let (at, window) = (At { topic: topic.id, partition: partition.index() }, Window { start: view.start, end: view.stable });
    Ok(door.node.ask_share(group, |share| share.depth(at, window)).await.map_err(Trouble::dead)?.flatten())
}

/// The oldest message that is not finished.
pub(super) struct Oldest {
    pub(super) timestamp: i64,
    /// When retention takes it, if nobody holds that up.
    expires_at: Option<i64>,
}

pub(super) async fn oldest(door: &Door, topic: &Topic, group: &str) -> Result<Option<Oldest>, Trouble> {
    let mut oldest: Option<Oldest> = None;
    for partition in topic.partitions.iter() {
        let depth = partition_depth(door, topic, partition, group).await?;
        let Some(depth) = depth.filter(|depth| depth.unfinished > 0) else { continue };
        let Ok(found) = door.node.read_whole(topic, partition, depth.start, 1).await else { continue };
        let Some(Slice::Memory(bytes)) = found.slices.first() else { continue };
        let found = records(bytes, |offset| offset >= depth.start, Enough::ONE).map_err(Trouble::damaged)?;
        let first = found.records.into_iter().next();
        let Some(first) = first.filter(|raw| oldest.as_ref().is_none_or(|known| raw.timestamp < known.timestamp)) else {
            continue;
        };
        let receipt = door.node.receipt(topic, partition, first.offset).await.ok().flatten();
        oldest = Some(Oldest { timestamp: first.timestamp, expires_at: receipt.and_then(|receipt| receipt.expires_at) });
    }
    Ok(oldest)
}
