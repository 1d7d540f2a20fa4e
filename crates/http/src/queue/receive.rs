//! Taking messages: strictly as many as asked for, one by default, waiting for the first. An empty answer says why it is empty.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use milena_node::{
    Partition, Take, Taken, Topic, UNPACKED_MAX,
    engine::{
        group::MemberId,
        ids::Uuid,
        share::{AckBatch, Acknowledge, At, Depth, Dropping, KEY_LEN, Verdict, Window},
    },
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Told,
    lease::Lease,
    message::{Decode, Raw, Shown, records},
    ok,
    settle::{self, Many},
    trouble::Trouble,
};
use crate::{
    answer::{Answer, empty},
    serve::Door,
};

const WAIT_MS: u64 = 20_000;
const WAIT_MS_MAX: u64 = 30_000;
const MAX: i64 = 500;
/// Bytes of batches that one receive reads at most; one message always comes, whatever its size.
const BYTES: usize = 1 << 20;
/// A lease may be this long; longer work extends it.
const LEASE_MS_MAX: i64 = 7 * 24 * 60 * 60 * 1_000;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Receive {
    max: Option<i64>,
    max_bytes: Option<usize>,
    wait_ms: Option<u64>,
    lease_ms: Option<i64>,
    decode: Decode,
    /// Applied before anything is taken, so that a worker needs one call a message.
    settle: Option<Many>,
}

#[derive(Serialize)]
struct Message {
    id: String,
    lease: String,
    lease_expires_at: i64,
    delivery_count: u16,
    #[serde(flatten)]
    shown: Shown,
}

/// One receive under way.
struct Work<'a> {
    door: &'a Door,
    topic: Arc<Topic>,
    group: &'a str,
    owner: MemberId,
    key: [u8; KEY_LEN],
    wish: Receive,
}

/// Whoever goes away before the answer is ready never had the messages.
struct GoneGuard<'a>(Option<(&'a Door, String, MemberId)>);

impl Drop for GoneGuard<'_> {
    fn drop(&mut self) {
        if let Some((door, group, member)) = self.0.take() {
            let node = door.node.clone();
            door.node.runtimes().spawn_on_least_loaded(move || async move {
                let dropping = Dropping { member, failed: false, only: Vec::new() };
                let _ = node.share_drop(&group, dropping).await;
            });
        }
    }
}

pub(super) async fn receive(door: &Arc<Door>, topic: &str, group: &str, wish: Receive) -> Told {
    let max = wish.max.unwrap_or(1);
    if !(1..=MAX).contains(&max) {
        return Err(Trouble::invalid(format!("max is between 1 and {MAX}, not {max}")));
    }
    if wish.lease_ms.is_some_and(|ms| !(1..=LEASE_MS_MAX).contains(&ms)) {
        return Err(Trouble::invalid(format!("lease_ms is between 1 and {LEASE_MS_MAX}")));
    }
    let topic = door.node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
    let settled = match &wish.settle {
        Some(many) => settle::settled(door, group, many.clone()).await?,
        None => Vec::new(),
    };
    let key = door.node.share_key(group).await??;
    let owner = MemberId::from(format!("http-{}", Uuid::new_v4()).as_str());
    let patience = Duration::from_millis(wish.wait_ms.unwrap_or(WAIT_MS).min(WAIT_MS_MAX));
    let work = Work { door, topic, group, owner, key, wish };
    let mut guard = GoneGuard(Some((door, group.to_owned(), work.owner.clone())));
    let messages = work.wait(max, patience).await?;
    guard.0 = None;
    if messages.is_empty() && settled.is_empty() {
        return work.nothing().await;
    }
    match settled.is_empty() {
        true => ok(&serde_json::json!({ "messages": messages })),
        false => ok(&serde_json::json!({ "messages": messages, "settled": settled })),
    }
}

impl Work<'_> {
    async fn wait(&self, max: i64, patience: Duration) -> Result<Vec<Message>, Trouble> {
        let deadline = Instant::now() + patience;
        loop {
            let freed = self.door.node.share_freed(self.group);
            let seen: Vec<(Arc<Partition>, i64)> =
                self.topic.partitions.iter().filter_map(|p| Some((p.clone(), p.view()?.high))).collect();
            let messages = self.take(max).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !messages.is_empty() || left.is_zero() {
                return Ok(messages);
            }
            self.door.node.share_wait(self.group, freed, &seen, left).await.map_err(Trouble::dead)?;
        }
    }

    /// One partition after the other, beginning with another one each time.
    async fn take(&self, max: i64) -> Result<Vec<Message>, Trouble> {
        let mut messages = Vec::new();
        let count = self.topic.partitions.len();
        let first = self.door.node.share_freed(self.group) as usize;
        for turn in 0..count {
            let left = max - messages.len() as i64;
            if left <= 0 {
                break;
            }
            let partition = ((first + turn) % count) as i32;
            let take = Take {
                topic: self.topic.clone(),
                partition,
                owner: self.owner.clone(),
                max: left,
                strictly: true,
                max_bytes: self.wish.max_bytes.unwrap_or(BYTES).min(BYTES),
                lock_ms: self.wish.lease_ms,
            };
            let taken = self.door.node.share_take(self.group, &take).await?;
            messages.extend(self.messages(partition, taken).await?);
        }
        Ok(messages)
    }

    async fn messages(&self, partition: i32, taken: Taken) -> Result<Vec<Message>, Trouble> {
        let runs = &taken.granted.runs;
        let delivery = |offset: i64| runs.iter().find(|(first, last, _)| (*first..=*last).contains(&offset)).map(|(_, _, n)| *n);
        let found = records(&taken.batches, |offset| delivery(offset).is_some(), UNPACKED_MAX);
        let by_offset: HashMap<i64, &Raw> = found.iter().map(|raw| (raw.offset, raw)).collect();
        let at = At { topic: self.topic.id, partition };
        let now = self.door.node.now();
        let expires = now.wall + (taken.granted.until - now.mono);
        let mut messages = Vec::new();
        for offset in runs.iter().flat_map(|(first, last, _)| *first..=*last) {
            match by_offset.get(&offset) {
                Some(raw) => {
                    let lease = Lease {
                        group: self.group.to_owned(),
                        at,
                        offset,
                        delivery: delivery(offset).unwrap_or(1),
                        life: self.door.node.life(),
                        grant: taken.granted.grant,
                        expires,
                    };
                    messages.push(Message {
                        id: format!("{}/{partition}/{offset}", self.topic.name),
                        lease: lease.sign(&self.key),
                        lease_expires_at: expires,
                        delivery_count: lease.delivery,
                        shown: raw.shown(self.wish.decode),
                    });
                }
                // There is no record at this offset, and never will be.
                None => self.gap(at, offset).await?,
            }
        }
        Ok(messages)
    }

    async fn gap(&self, at: At, offset: i64) -> Result<(), Trouble> {
        let batches = vec![AckBatch { first: offset, last: offset, verdicts: vec![Verdict::Gap] }];
        let acknowledge = Acknowledge { at, owner: self.owner.clone(), batches };
        self.door.node.share_acknowledge(self.group, acknowledge).await??;
        Ok(())
    }

    /// 204, and why.
    async fn nothing(&self) -> Told {
        let depth = depth(self.door, &self.topic, self.group).await?;
        let by_key = self.door.node.ask_share(self.group, |share| share.rules().by_key).await.map_err(Trouble::dead)?;
        let open = depth.unfinished - depth.held - depth.delayed - depth.condemned;
        let state = match () {
            () if depth.unfinished - depth.condemned <= 0 => "empty",
            () if open > 0 && by_key == Some(true) => "held-by-key",
            () if depth.held > 0 => "all-leased",
            () if depth.delayed > 0 => "delayed",
            () => "empty",
        };
        let mut answer: Answer = empty(StatusCode::NO_CONTENT);
        let mut say = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
        };
        say("queue-state", state.to_owned());
        say("queue-depth", depth.unfinished.to_string());
        say("queue-in-flight", depth.held.to_string());
        if let Some(ms) = oldest_ms(self.door, &self.topic, self.group).await? {
            say("queue-oldest-ms", ms.to_string());
        }
        Ok(answer)
    }
}

/// All partitions of a topic together.
pub(super) async fn depth(door: &Door, topic: &Topic, group: &str) -> Result<Depth, Trouble> {
    let mut sum = Depth::default();
    for partition in topic.partitions.iter() {
        let Some(view) = partition.view() else { continue };
        let (at, window) = (At { topic: topic.id, partition: partition.index() }, Window { start: view.start, end: view.stable });
        let depth = door.node.ask_share(group, |share| share.depth(at, window)).await.map_err(Trouble::dead)?;
        if let Some(depth) = depth.flatten() {
            sum.unfinished += depth.unfinished;
            sum.held += depth.held;
            sum.delayed += depth.delayed;
            sum.condemned += depth.condemned;
            sum.lost += depth.lost;
            sum.buried += depth.buried;
            sum.failed += depth.failed;
        }
    }
    Ok(sum)
}

/// The age of the oldest message that is not finished.
pub(super) async fn oldest_ms(door: &Door, topic: &Topic, group: &str) -> Result<Option<i64>, Trouble> {
    let mut oldest: Option<i64> = None;
    for partition in topic.partitions.iter() {
        let Some(view) = partition.view() else { continue };
        let (at, window) = (At { topic: topic.id, partition: partition.index() }, Window { start: view.start, end: view.stable });
        let depth = door.node.ask_share(group, |share| share.depth(at, window)).await.map_err(Trouble::dead)?;
        let Some(depth) = depth.flatten().filter(|depth| depth.unfinished > 0) else { continue };
        let Ok(found) = door.node.read(topic, partition, depth.start, 1).await else { continue };
        let Some(milena_node::Slice::Memory(bytes)) = found.slices.first() else { continue };
        let first = records(bytes, |offset| offset >= depth.start, UNPACKED_MAX).into_iter().map(|raw| raw.timestamp).next();
        oldest = oldest.into_iter().chain(first).min();
    }
    Ok(oldest.map(|at| (door.node.now().wall - at).max(0)))
}
