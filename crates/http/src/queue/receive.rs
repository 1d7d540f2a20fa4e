//! Taking messages: strictly as many as asked for, one by default, waiting for the first. An empty answer says why it is empty.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use milena_node::{
    Partition, Take, TakeRefusal, Taken, Topic,
    engine::{
        group::MemberId,
        limits::SHARE_LOCK_MS_MAX,
        share::{AckBatch, Acknowledge, At, Dropping, Verdict},
    },
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Told,
    lease::{GROUP_MAX, Lease},
    message::{ANSWER, Decode, Decoder, Enough, Raw, Shown, afforded},
    settle::{self, Many, Outcome},
    state::{depth, oldest},
    trouble::Trouble,
};
use crate::{
    answer::{Answer, empty, json},
    memory::{Loan, Spent},
    serve::Door,
};

const WAIT_MS: u64 = 20_000;
const WAIT_MS_MAX: u64 = 30_000;
/// Messages of one answer, and of one stream that are out at a time.
pub(super) const MAX: i64 = 500;
/// Bytes of batches that one receive reads at most; one message always comes, whatever its size.
const BYTES: usize = 1 << 20;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Receive {
    pub(super) max: Option<i64>,
    pub(super) max_bytes: Option<usize>,
    pub(super) wait_ms: Option<u64>,
    pub(super) lease_ms: Option<i64>,
    pub(super) decode: Decode,
    /// Applied before anything is taken, so that a worker needs one call a message.
    pub(super) settle: Option<Many>,
}

#[derive(Serialize)]
struct Received {
    messages: Vec<Message>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settled: Vec<Outcome>,
}

#[derive(Serialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) lease: String,
    pub(super) lease_expires_at: i64,
    delivery_count: u16,
    #[serde(flatten)]
    shown: Shown,
    #[serde(skip)]
    place: (At, i64),
}

impl Message {
    /// Partition and offset.
    pub(super) fn place(&self) -> (At, i64) {
        self.place
    }
}

/// Somebody who takes messages of a topic for a group.
pub(super) struct Work {
    pub(super) door: Arc<Door>,
    topic: Arc<Topic>,
    pub(super) group: String,
    pub(super) owner: MemberId,
    wish: Receive,
    /// For the messages that were taken last.
    held: RefCell<Loan>,
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
    if wish.max_bytes == Some(0) {
        return Err(Trouble::invalid("max_bytes is at least 1; one message always comes, whatever its size"));
    }
    judge_lease(wish.lease_ms)?;
    let wait_ms = wish.wait_ms.unwrap_or(WAIT_MS);
    if wait_ms > WAIT_MS_MAX {
        return Err(Trouble::invalid(format!("wait_ms is at most {WAIT_MS_MAX}, not {wait_ms}; ask again when it is over")));
    }
    let topic_there = door.node.topic(topic).is_some();
    let settled = match &wish.settle {
        Some(many) if topic_there => Box::pin(settle::settled(door, group, many.clone())).await?,
        _ => Vec::new(),
    };
    let work = Work::begin(door, topic, group, wish).await?;
    let patience = Duration::from_millis(wait_ms);
    let mut guard = GoneGuard(Some((door, group.to_owned(), work.owner.clone())));
    let messages = match work.wait(max, patience).await {
        // What became of the leases has to be told, too.
        Err(trouble) if trouble.is_busy() && !settled.is_empty() => Vec::new(),
        messages => messages?,
    };
    guard.0 = None;
    match (messages.is_empty(), settled.is_empty()) {
        (true, true) => Box::pin(work.nothing(empty(StatusCode::NO_CONTENT))).await,
        (true, false) => Box::pin(work.nothing(json(&Received { messages, settled }))).await,
        _ => {
            let mut answer = json(&Received { messages, settled });
            say_lost(&mut answer, door.node.share_lost(group, work.topic.id));
            Ok(answer)
        }
    }
}

/// What retention removed before the queue was done with it is never passed over in silence.
fn say_lost(answer: &mut Answer, lost: i64) {
    if lost > 0 {
        answer.headers_mut().insert(HeaderName::from_static("queue-lost"), HeaderValue::from(lost));
    }
}

fn judge_lease(ms: Option<i64>) -> Result<(), Trouble> {
    match ms {
        Some(ms) if !(1..=SHARE_LOCK_MS_MAX).contains(&ms) => {
            Err(Trouble::invalid(format!("lease_ms is between 1 and {SHARE_LOCK_MS_MAX}, not {ms}")))
        }
        _ => Ok(()),
    }
}

impl Work {
    /// Somebody new.
    pub(super) async fn begin(door: &Arc<Door>, topic: &str, group: &str, wish: Receive) -> Result<Self, Trouble> {
        judge_lease(wish.lease_ms)?;
        if !(1..=GROUP_MAX).contains(&group.len()) {
            return Err(Trouble::invalid(format!("a group's name has 1 to {GROUP_MAX} bytes, not {}", group.len())));
        }
        let topic = door.node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
        // Drawn before anything is taken.
        door.node.share_key(group).await??;
        // Nobody else's in this life, and not to be guessed by a member that may say what became of its own records.
        let number = door.takers.fetch_add(1, Ordering::Relaxed);
        let owner = MemberId::from(format!("http-{:016x}-{number}", door.node.life()).as_str());
        let held = RefCell::new(door.memory.loan());
        Ok(Self { door: door.clone(), topic, group: group.to_owned(), owner, wish, held })
    }

    /// What was taken last is gone from here.
    pub(super) fn let_go(&self) {
        self.held.borrow_mut().hold_anyway(0);
    }

    /// The topic as it is now: it may have more partitions than when this began.
    fn topic(&self) -> Arc<Topic> {
        self.door.node.topic_by_id(self.topic.id).unwrap_or_else(|| self.topic.clone())
    }

    /// Up to where the partitions and the group are known: to be asked before taking, and compared by who waits after it.
    pub(super) fn seen(&self) -> (Vec<(Arc<Partition>, i64)>, u64) {
        let freed = self.door.node.share_freed(&self.group);
        (self.topic().partitions.iter().filter_map(|p| Some((p.clone(), p.view()?.high))).collect(), freed)
    }

    async fn wait(&self, max: i64, patience: Duration) -> Result<Vec<Message>, Trouble> {
        let deadline = Instant::now() + patience;
        loop {
            let (seen, freed) = self.seen();
            // Boxed, so that it takes no room while the wait goes on.
            let (messages, gaps) = Box::pin(self.look(max)).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !messages.is_empty() || left.is_zero() {
                return Ok(messages);
            }
            if gaps {
                // There was only what never was a message; what is behind it may be one.
                continue;
            }
            self.door.node.share_wait(&self.group, freed, &seen, left).await.map_err(Trouble::dead)?;
        }
    }

    /// One partition after the other, beginning with another one each time.
    pub(super) async fn take(&self, max: i64) -> Result<Vec<Message>, Trouble> {
        self.look(max).await.map(|(messages, _)| messages)
    }

    /// Bytes of one answer.
    fn room(&self) -> usize {
        self.wish.max_bytes.map_or(ANSWER, |wished| wished.min(ANSWER))
    }

    /// The messages that were taken, and whether offsets without a message were passed.
    async fn look(&self, max: i64) -> Result<(Vec<Message>, bool), Trouble> {
        self.let_go();
        let (mut messages, mut gaps, mut room, mut unread) = (Vec::new(), false, self.room(), None);
        let topic = self.topic();
        let count = topic.partitions.len();
        let first = self.door.turn.fetch_add(1, Ordering::Relaxed);
        for turn in 0..count {
            let left = max - messages.len() as i64;
            if left <= 0 || room == 0 {
                break;
            }
            let partition = ((first + turn) % count) as i32;
            let take = Take {
                topic: topic.clone(),
                partition,
                owner: self.owner.clone(),
                max: left,
                strictly: true,
                max_bytes: self.wish.max_bytes.unwrap_or(BYTES).min(BYTES),
                lock_ms: self.wish.lease_ms,
            };
            let taken = match self.door.node.share_take(&self.group, &take).await {
                Ok(taken) => taken,
                // What other partitions have is given all the same.
                Err(error @ TakeRefusal::Read(_)) => {
                    tracing::debug!(%error, topic = %self.topic.name, partition, "a partition of a queue cannot be read");
                    unread = Some(error);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let (found, passed) = self.messages(partition, taken, (&mut room, messages.is_empty())).await?;
            messages.extend(found);
            gaps |= passed;
        }
        match unread.filter(|_| messages.is_empty()) {
            Some(error) => Err(error.into()),
            None => Ok((messages, gaps)),
        }
    }

    /// The messages of a taking, as many as there is room for: of the first ones one whatever its size. What is left over is
    /// free again.
    async fn messages(
        &self,
        partition: i32,
        taken: Taken,
        (room, first): (&mut usize, bool),
    ) -> Result<(Vec<Message>, bool), Trouble> {
        let runs = &taken.granted.runs;
        let delivery = |offset: i64| runs.iter().find(|(first, last, _)| (*first..=*last).contains(&offset)).map(|(_, _, n)| *n);
        let enough = Enough { records: usize::MAX, bytes: *room, one: first };
        let found = {
            let so_far = (&mut *self.held.borrow_mut(), self.room() - *room);
            afforded(so_far, &taken.batches, |offset| delivery(offset).is_some(), enough).map_err(Trouble::damaged)?
        };
        if let Some(from) = found.cut {
            self.door.node.share_give_back(&self.group, taken.granted.grant, from).await??;
        }
        let read = |offset: &i64| found.cut.is_none_or(|cut| *offset < cut);
        *room = if found.cut.is_some() { 0 } else { room.saturating_sub(found.bytes) };
        let by_offset: HashMap<i64, &Raw> = found.records.iter().map(|raw| (raw.offset, raw)).collect();
        // Asked for each time: whoever follows for long meets new secrets.
        let key = self.door.node.share_key(&self.group).await??;
        let at = At { topic: self.topic.id, partition };
        let now = self.door.node.now();
        let expires = now.wall + (taken.granted.until - now.mono);
        let mut decoder = Decoder::new(&self.door, &self.topic, self.wish.decode);
        let (mut messages, mut gaps) = (Vec::new(), Vec::new());
        for offset in runs.iter().flat_map(|(first, last, _)| *first..=*last).take_while(read) {
            match by_offset.get(&offset) {
                Some(raw) => {
                    let lease = Lease {
                        group: self.group.clone(),
                        at,
                        offset,
                        delivery: delivery(offset).unwrap_or(1),
                        life: self.door.node.life(),
                        grant: taken.granted.grant,
                        since: taken.granted.since,
                        expires,
                    };
                    messages.push(Message {
                        id: format!("{}/{partition}/{offset}", self.topic.name),
                        lease: lease.sign(&key),
                        lease_expires_at: expires,
                        delivery_count: lease.delivery,
                        shown: decoder.shown(raw).await,
                        place: (at, offset),
                    });
                }
                // There is no record at this offset, and never will be.
                None => gaps.push(offset),
            }
        }
        if !gaps.is_empty() {
            self.pass(at, &gaps).await?;
        }
        if first && messages.is_empty() && found.cut.is_some() {
            return Err(Spent.into());
        }
        Ok((messages, !gaps.is_empty()))
    }

    async fn pass(&self, at: At, gaps: &[i64]) -> Result<(), Trouble> {
        let gap = |offset: &i64| AckBatch { first: *offset, last: *offset, verdicts: vec![Verdict::Gap] };
        let batches = gaps.iter().map(gap).collect();
        let acknowledge = Acknowledge { at, owner: self.owner.clone(), batches };
        self.door.node.share_acknowledge(&self.group, acknowledge).await??;
        Ok(())
    }

    /// Says why there is nothing.
    async fn nothing(&self, mut answer: Answer) -> Told {
        let depth = depth(&self.door, &self.topic(), &self.group).await?;
        let rules = self.door.node.ask_share(&self.group, |share| share.rules().clone()).await.map_err(Trouble::dead)?;
        let (by_key, paused) = rules.map_or((false, false), |rules| (rules.by_key, rules.paused));
        let open = depth.unfinished - depth.held - depth.delayed - depth.condemned;
        let state = match () {
            () if depth.unfinished == 0 => "empty",
            () if depth.unfinished <= depth.condemned => "letters-waiting",
            () if paused => "paused",
            () if open > 0 && depth.choked => "letters-waiting",
            () if open > 0 && by_key => "held-by-key",
            () if depth.held > 0 => "all-leased",
            () if depth.delayed > 0 => "delayed",
            // Somebody had it when this one looked.
            () => "all-leased",
        };
        let mut say = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
        };
        say("queue-state", state.to_owned());
        say("queue-depth", depth.unfinished.to_string());
        say("queue-in-flight", depth.held.to_string());
        if let Some(oldest) = oldest(&self.door, &self.topic(), &self.group).await? {
            say("queue-oldest-ms", self.door.node.now().wall.saturating_sub(oldest.timestamp).max(0).to_string());
        }
        say_lost(&mut answer, depth.lost);
        Ok(answer)
    }
}
