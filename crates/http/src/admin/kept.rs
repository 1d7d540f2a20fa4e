//! What a topic keeps, what of it goes next, and which readers hold that up. A question; nothing changes.

use std::sync::Arc;

use milena_node::{Partition, PartitionStatus, ReadError, Topic, engine::share::At};
use serde_json::{Value, json};

use super::readers::{find, stopped};
use crate::{
    answer::{Answer, Problem, json},
    serve::Door,
};

/// A reader that retention waits for, and the first offset that it has not read.
type Reader = (Arc<str>, i64);

/// `GET topics/{name}/retention`. With `readers=a,b`: as if the topic waited for these instead of for its own.
pub(super) async fn answer(door: &Door, name: &str, wanted: Option<&str>) -> Result<Answer, Problem> {
    let topic = find(door, name)?;
    let wanted = wanted.map(|list| list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Arc::from).collect());
    let named: Vec<Arc<str>> =
        wanted.unwrap_or_else(|| topic.settings.retention_readers.iter().map(|name| name.as_str().into()).collect());
    let mut partitions = Vec::with_capacity(topic.partitions.len());
    for status in door.node.partition_status(&topic) {
        if let Some(partition) = topic.partition(status.index) {
            partitions.push(shown(door, &topic, partition, status, &named).await?);
        }
    }
    Ok(json(&json!({
        "topic": topic.name.as_str(),
        "retention_ms": topic.settings.retention_ms,
        "retention_bytes": topic.settings.retention_bytes,
        "readers_max_ms": topic.settings.retention_readers_max_ms,
        "now": door.node.now().wall,
        "partitions": partitions,
    })))
}

async fn shown(
    door: &Door,
    topic: &Topic,
    partition: &Partition,
    status: PartitionStatus,
    named: &[Arc<str>],
) -> Result<Value, Problem> {
    let readers = readers(door, At { topic: topic.id, partition: status.index }, named).await?;
    let next = next(door, topic, partition, &status, &readers).await.map_err(stopped)?;
    let reader = |(name, position): &Reader| json!({"group": &**name, "position": position});
    Ok(json!({
        "partition": status.index,
        "start": status.view.start,
        "high": status.view.high,
        "bytes": status.bytes,
        "next_expiry": status.next_expiry,
        "next": next,
        "readers": readers.iter().map(reader).collect::<Vec<_>>(),
    }))
}

/// The batch that goes next: batches go as wholes. Null when nothing is there, or nothing of the topic ever goes.
async fn next(
    door: &Door,
    topic: &Topic,
    partition: &Partition,
    status: &PartitionStatus,
    readers: &[Reader],
) -> Result<Value, ReadError> {
    if topic.policy().keeps_everything() {
        return Ok(Value::Null);
    }
    let Some(batch) = door.node.receipt(topic, partition, status.view.start).await? else { return Ok(Value::Null) };
    let holding: Vec<&str> = readers.iter().filter(|(_, position)| *position <= batch.last).map(|(name, _)| &**name).collect();
    let held_until = (!holding.is_empty()).then(|| batch.stored_at.saturating_add(topic.settings.retention_readers_max_ms));
    let from = status.view.start.max(batch.first);
    Ok(json!({
        "from": from,
        "to": batch.last + 1,
        "records": batch.last + 1 - from,
        "stored_at": batch.stored_at,
        // By size nobody knows: when what comes after it is large enough.
        "goes_at": batch.expires_at.map(|at| at.max(held_until.unwrap_or(at))),
        "held_by": holding,
        "held_until": held_until,
    }))
}

/// Who is waited for: those who are named, and queues that ask for it by a setting of their own.
async fn readers(door: &Door, at: At, named: &[Arc<str>]) -> Result<Vec<Reader>, Problem> {
    let node = &door.node;
    let mut readers: Vec<Reader> = Vec::new();
    for name in named {
        let position = node.ask_group(name, |group| group.position(at.topic, at.partition).map(|position| position.offset));
        let position = position.await.map_err(stopped)?.flatten();
        let finished = node.ask_share(name, |share| share.finished_below(at)).await.map_err(stopped)?.flatten();
        // One that has no position has read nothing.
        readers.push((name.clone(), position.or(finished).unwrap_or(0)));
    }
    for queue in node.shares() {
        let holds = node.ask_share(&queue.name, |share| share.finished_below(at).filter(|_| share.rules().holds));
        if let Some(finished) = holds.await.map_err(stopped)?.flatten()
            && !named.contains(&queue.name)
        {
            readers.push((queue.name, finished));
        }
    }
    Ok(readers)
}
