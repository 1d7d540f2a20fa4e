//! Positions of an instance, and what its group has committed: seek, commit, ask.

use std::sync::Arc;

use hyper::StatusCode;
use jiff::Timestamp;
use milena_node::{
    Sought, Topic,
    engine::instance::{At, Command, InstanceKey},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{consumers::Place, done, reading, told, topics};
use crate::{
    answer::Answer,
    peer::Peer,
    rest::{
        Object,
        fault::{Fault, Told},
        parsed,
    },
    serve::Door,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offsets {
    offsets: Vec<Object<Offset>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offset {
    topic: String,
    partition: i32,
    offset: i64,
    metadata: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seek {
    offsets: Option<Vec<Object<Offset>>>,
    timestamps: Option<Vec<Object<Since>>>,
}

/// The first record that is not older.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    topic: String,
    partition: i32,
    timestamp: String,
    #[serde(rename = "metadata")]
    _metadata: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Places {
    partitions: Vec<Object<Place>>,
}

/// Where to seek to without a number.
#[derive(Clone, Copy)]
pub(super) enum End {
    Beginning,
    End,
}

/// The topic and partition of a request, when the instance reads it.
fn assigned(mine: &[(Arc<Topic>, i32)], topic: &str, partition: i32) -> Told<Arc<Topic>> {
    let found = mine.iter().find(|(own, index)| own.name.as_str() == topic && *index == partition);
    let (topic, _) =
        found.ok_or_else(|| Fault::illegal_state(format!("No current assignment for partition {topic}-{partition}")))?;
    Ok(topic.clone())
}

pub(super) async fn seek(door: &Door, key: InstanceKey, body: &[u8]) -> Told<Answer> {
    let asked: Seek = parsed(body)?;
    if asked.offsets.is_none() && asked.timestamps.is_none() {
        return Err(Fault::plain(StatusCode::UNPROCESSABLE_ENTITY, "name offsets, or timestamps"));
    }
    let (_, mine) = reading::assigned(door, &key).await?;
    let mut positions: Vec<At> = Vec::new();
    for Object(offset) in asked.offsets.iter().flatten() {
        if offset.offset < 0 {
            return Err(Fault::bad_request("seek offset must not be a negative number"));
        }
        let topic = assigned(&mine, &offset.topic, offset.partition)?;
        positions.push((topic.id, offset.partition, offset.offset));
    }
    for Object(since) in asked.timestamps.iter().flatten() {
        let topic = assigned(&mine, &since.topic, since.partition)?;
        positions.push((topic.id, since.partition, first_since(door, &topic, since).await?));
    }
    door.node.instances(Command::Seek { key, positions }).await??;
    Ok(done())
}

/// When nothing is as new as that, the end.
async fn first_since(door: &Door, topic: &Topic, since: &Since) -> Told<i64> {
    let moment = since.timestamp.parse::<Timestamp>().map_err(|error| {
        let words = format!("timestamp {:?} is not a moment as 2026-01-02T03:04:05Z is: {error}", since.timestamp);
        Fault::plain(StatusCode::UNPROCESSABLE_ENTITY, words)
    })?;
    let (partition, view) = topics::find_partition(topic, since.partition)?;
    let found = door.node.seek(&partition, Sought::Since(moment.as_millisecond())).await?;
    Ok(found.map_or(view.high, |found| found.offset))
}

pub(super) async fn seek_to(door: &Door, key: InstanceKey, body: &[u8], end: End) -> Told<Answer> {
    let asked: Places = parsed(body)?;
    let (_, mine) = reading::assigned(door, &key).await?;
    let mut positions: Vec<At> = Vec::with_capacity(asked.partitions.len());
    for Object(place) in &asked.partitions {
        let topic = assigned(&mine, &place.topic, place.partition)?;
        let (_, view) = topics::find_partition(&topic, place.partition)?;
        let to = match end {
            End::Beginning => view.start,
            End::End => view.high,
        };
        positions.push((topic.id, place.partition, to));
    }
    door.node.instances(Command::Seek { key, positions }).await??;
    Ok(done())
}

/// Without a body: what was delivered. With one: what it says; the offset there is the last one that was dealt with. Both
/// answer when it is on disk, whatever `async` says: an answer that comes before the outcome is known is worth nothing.
pub(super) async fn commit(door: &Door, key: InstanceKey, body: &[u8], peer: &Peer) -> Told<Answer> {
    let writer = peer.writer(&door.node).0;
    let (instance, mine) = reading::assigned(door, &key).await?;
    if body.iter().all(u8::is_ascii_whitespace) {
        reading::commit_asked(door, &key, writer).await?;
        return Ok(told(&json!([])));
    }
    let asked: Offsets = parsed(body)?;
    let mut positions = Vec::with_capacity(asked.offsets.len());
    for Object(offset) in asked.offsets {
        let topic = topics::find(door, &offset.topic)?;
        topics::find_partition(&topic, offset.partition)?;
        // Partitions that are another's by now are for that one to commit.
        if instance.reading.is_subscription() {
            assigned(&mine, &offset.topic, offset.partition)?;
        }
        let next = offset.offset.checked_add(1).filter(|next| *next >= 0);
        let next = next.ok_or_else(|| Fault::bad_request(format!("offset {} cannot be committed", offset.offset)))?;
        positions.push((topic, offset.partition, next, offset.metadata.unwrap_or_default()));
    }
    reading::commit(&door.node, &key, positions, writer).await?;
    Ok(told(&json!([])))
}

pub(super) async fn committed(door: &Door, key: InstanceKey, body: &[u8]) -> Told<Answer> {
    reading::find(&door.node, &key).await?;
    let asked: Places = parsed(body)?;
    let of_group = door.node.ask_group(&key.group, |group| {
        let position = |Object(place): &Object<Place>| {
            let topic = door.node.topic(&place.topic)?;
            let position = group.position(topic.id, place.partition)?;
            let (offset, metadata) = (position.offset, &*position.metadata);
            Some(json!({"topic": place.topic, "partition": place.partition, "offset": offset, "metadata": metadata}))
        };
        asked.partitions.iter().filter_map(position).collect::<Vec<_>>()
    });
    let offsets = of_group.await?.unwrap_or_default();
    Ok(told(&json!({"offsets": offsets})))
}
