//! Retention: log starts that move with time, and the space behind them. Knows when to look at which partition; what
//! goes is the engine's judgement.
//!
//! One alarm for each partition that has something to lose: the moment at which its first batch expires. Nothing sweeps.
//! A log start is a committed fact before anything is freed, and freeing trails it, so that a wrong clock or setting can
//! be noticed while the data is still there.

use std::sync::Arc;

use milena_engine::{
    fact::MoveReason,
    ids::CATALOG_LOG,
    machine::Machine,
    partition::PartitionFact,
    retention::{Entry, Freeing, Index, Policy, Reading, Sweep, Unreadable},
};
use milena_store::{Class, LogId, Lsn, Query, ReadError, Store, Stored};

use crate::{
    node::Node,
    noun::NoRoom,
    partition::{Partition, State},
    release::Dead,
    topics::Topic,
};

/// Partitions that are looked at before other tasks of the runtime get their turn.
const AT_ONCE: usize = 64;
/// A partition whose last batches were not committed yet, or that has a limit in bytes, is looked at again after this long.
const SOON_MS: i64 = 250;
/// While the clocks have parted, or the disk gives errors, whoever has something to free looks again after this long.
const LATER_MS: i64 = 60_000;
/// Room for the fact that moves a log start.
const MOVE_ROOM: u64 = 256;

/// What the retention driver has set for a partition.
#[derive(Debug, Default)]
pub(crate) struct Armed {
    /// The earliest moment for which an alarm is set; 0 when none is.
    at: i64,
    /// Space that is on its way to be freed; rare, so elsewhere.
    freeing: Option<Box<Freeing>>,
}

impl Armed {
    /// The moment of the next look, if there will be one.
    pub(crate) fn next(&self) -> Option<i64> {
        (self.at != 0).then_some(self.at)
    }

    /// Notes that a look at `at` is wanted. Answers whether an alarm must be set for it.
    fn want(&mut self, at: i64) -> bool {
        let earlier = self.at == 0 || at < self.at;
        if earlier {
            self.at = at.max(1);
        }
        earlier
    }
}

impl Node {
    /// Runs until the node stops.
    pub(crate) async fn keep_retention(self) {
        loop {
            let (due, _) = self.0.retention.due(AT_ONCE, || self.now().wall).await;
            if due.contains(&LogId(CATALOG_LOG)) {
                self.look_at_trash().await;
            }
            let partitions: Vec<_> = due.into_iter().filter_map(|log| self.0.table.by_log(log)).collect();
            if self.look(&partitions).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Under the partition's lock, after an append: does it need an alarm, and for when?
    pub(crate) fn retention_after_append(&self, topic: &Topic, state: &mut State, appended: &Entry) -> Option<i64> {
        // By create time a batch may be expired when it comes.
        let by_time = topic.policy.expires_at(appended);
        let by_size = topic.policy.bytes.map(|_| appended.at + SOON_MS);
        let at = by_time.into_iter().chain(by_size).min()?;
        state.retention.want(at).then_some(at)
    }

    pub(crate) fn set_retention_alarm(&self, partition: &Partition, at: i64) {
        self.0.retention.set(at, partition.log());
    }

    /// Looks at a partition as soon as the driver gets to it.
    pub(crate) fn look_soon(&self, partition: &Partition) {
        let now = self.now().wall;
        if partition.hold().retention.want(now) {
            self.set_retention_alarm(partition, now);
        }
    }

    async fn look_at_trash(&self) {
        let next = self.empty_trash().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the trash cannot be emptied for the moment");
            Some(self.now().wall + LATER_MS)
        });
        if let Some(at) = next {
            self.0.retention.set(at, LogId(CATALOG_LOG));
        }
    }

    pub(crate) fn reading(&self) -> Reading {
        Reading { steady: self.now().wall, ahead: self.0.clock.skew() }
    }

    /// Looks at partitions whose time has come. Their indexes are read in one go, and their facts share one commit.
    async fn look(&self, partitions: &[Arc<Partition>]) -> Result<(), Dead> {
        let looks: Vec<Look> = partitions.iter().map(|partition| self.begin_look(partition)).collect();
        let (store, now, copies) = (self.hub().store().clone(), self.now().wall, looks.clone());
        let judge = move || copies.iter().map(|look| look.sweep(store.as_ref(), now)).collect::<Vec<_>>();
        let sweeps = self.0.pool.run(judge).await.unwrap_or_else(|_| vec![Err(Unreadable); partitions.len()]);
        let mut moved = Vec::new();
        for ((partition, look), sweep) in partitions.iter().zip(&looks).zip(sweeps) {
            let next = match self.expire(partition, look, sweep).await {
                Ok((start, next)) => {
                    moved.extend(start.map(|start| (partition, start)));
                    next
                }
                Err(Trouble::NoRoom(NoRoom::Dead(dead))) => return Err(dead),
                // The disk or the log has no room for the fact: expiry waits, nothing is freed.
                Err(error) => {
                    tracing::warn!(%error, ?partition, "retention cannot go on here for the moment");
                    Some(now + LATER_MS)
                }
            };
            self.look_again(partition, next.into_iter().chain(self.free(partition)).min());
        }
        let last = moved.iter().map(|(_, start)| start.lsn).max().unwrap_or_default();
        self.released(last).await?;
        for (partition, Started { to, why, .. }) in moved {
            self.counters().expirations.add(1);
            self.free_later(partition, to, why);
            self.trim_shares(partition, to).await?;
        }
        Ok(())
    }

    fn begin_look(&self, partition: &Partition) -> Look {
        let topic = self.topic_by_id(partition.topic());
        let mut policy = topic.as_ref().map(|topic| topic.policy);
        // Before the partition is locked: groups come first.
        let read = topic.as_ref().and_then(|topic| self.read_by_all(topic, partition.index()));
        if let (Some(policy), Some(topic), Some(_)) = (&mut policy, &topic, read) {
            // A queue may hold up a topic that knows nothing of it.
            policy.hold_ms.get_or_insert(topic.settings.retention_readers_max_ms);
        }
        let mut state = partition.hold();
        state.retention.at = 0;
        state.noun.machine.forget_expired(self.now(), self.producer_expiry());
        let (start, high, next) = (state.noun.machine.start(), state.view().high, state.noun.machine.next());
        Look { log: partition.log(), policy: policy.filter(|policy| !policy.keeps_everything()), start, high, next, read }
    }

    fn look_again(&self, partition: &Partition, at: Option<i64>) {
        if let Some(at) = at
            && partition.hold().retention.want(at)
        {
            self.set_retention_alarm(partition, at);
        }
    }

    /// Moves the log start to where it belongs. Answers that, and when to look again.
    async fn expire(
        &self,
        partition: &Partition,
        look: &Look,
        sweep: Result<Sweep, Unreadable>,
    ) -> Result<(Option<Started>, Option<i64>), Trouble> {
        let Sweep { to, deadline } = sweep?;
        let started = match to {
            Some((to, why)) => self.expire_upto(partition, to, why).await?,
            None => None,
        };
        // What is not committed yet was not in the index; by size there may be more to say after the next appends.
        let unseen = (look.policy.is_some() && look.next > look.high).then(|| self.now().wall + SOON_MS);
        Ok((started, deadline.into_iter().chain(unseen).min()))
    }

    async fn expire_upto(&self, partition: &Partition, to: i64, why: MoveReason) -> Result<Option<Started>, NoRoom> {
        // Before the partition is locked: groups come first.
        let unread = self.unread_below(partition, to, why);
        let room = MOVE_ROOM + unread.iter().map(|(_, bytes)| MOVE_ROOM + bytes.len() as u64).sum::<u64>();
        let credit = self.hub().credit(Class::Fact, room).await?;
        let mut state = partition.hold();
        match state.noun.machine.move_start(to, why) {
            Some(fact) if !state.is_gone() => {
                let lsn = match unread.as_slice() {
                    [] => self.move_start(partition, &mut state, credit, &fact)?,
                    lines => self.move_start_past_unread(partition, &mut state, credit, &fact, lines)?,
                };
                Ok(Some(Started { lsn, to, why }))
            }
            _ => Ok(None),
        }
    }

    /// Reserves and applies a fact of a partition under its lock.
    pub(crate) fn move_start(
        &self,
        partition: &Partition,
        state: &mut State,
        credit: milena_store::Credit,
        fact: &PartitionFact,
    ) -> Result<Lsn, Dead> {
        let mut bytes = Vec::with_capacity(16);
        fact.encode(&mut bytes);
        let lsn = self.hub().reserve_one(partition.log(), &mut state.noun, credit, self.now().wall, &bytes)?;
        state.noun.machine.apply(fact);
        state.moves(lsn);
        Ok(lsn)
    }

    /// The log start is durable; the space before it follows.
    pub(crate) fn free_later(&self, partition: &Partition, to: i64, why: MoveReason) {
        let reading = self.reading();
        let at = {
            let mut state = partition.hold();
            let freeing = state.retention.freeing.get_or_insert_default();
            freeing.moved(reading, to, why);
            freeing.deadline().filter(|at| state.retention.want(*at))
        };
        if let Some(at) = at {
            self.set_retention_alarm(partition, at);
        }
    }

    /// Gives back what is due. Answers when more will be.
    fn free(&self, partition: &Partition) -> Option<i64> {
        let (reading, red) = (self.reading(), self.is_red());
        let (due, next) = {
            let mut state = partition.hold();
            let freeing = state.retention.freeing.as_mut()?;
            let due = freeing.due(reading, red);
            let next = freeing.deadline();
            if next.is_none() {
                state.retention.freeing = None;
            }
            (due, next)
        };
        if let Some(start) = due {
            self.hub().store().trim(partition.log(), start);
        }
        if reading.parted() {
            tracing::warn!(ahead_ms = reading.ahead, "the system clock and ours have parted: no space is freed");
        }
        next.map(|at| if at <= reading.steady { reading.steady + LATER_MS } else { at })
    }

    /// Frees what waits for its time at once: the disk is full.
    pub(crate) fn free_everything_due(&self) {
        for partition in self.0.table.partitions() {
            self.free(&partition);
        }
    }

    /// Sets the alarms of a start: every partition that may lose something, and those whose space was not given back yet.
    pub(crate) fn arm_all(&self) {
        if let Some(at) = self.0.catalog.hold().machine.deadline() {
            self.0.retention.set(at, LogId(CATALOG_LOG));
        }
        for topic in self.topics() {
            for partition in topic.partitions.iter() {
                let start = partition.hold().noun.machine.start();
                if start > 0 && self.hub().store().bounds(partition.log()).is_some_and(|bounds| bounds.start < start) {
                    self.free_later(partition, start, MoveReason::Age);
                }
                if !topic.policy.keeps_everything() {
                    self.look_soon(partition);
                }
            }
        }
    }
}

/// A partition as it stood when its look began.
#[derive(Clone, Copy)]
struct Look {
    log: LogId,
    /// `None`: nothing ever goes by itself.
    policy: Option<Policy>,
    start: i64,
    high: i64,
    next: i64,
    /// Below this everybody who is waited for has read. `None`: nobody is.
    read: Option<i64>,
}

impl Look {
    fn sweep(&self, store: &dyn Store, now: i64) -> Result<Sweep, Unreadable> {
        let Some(policy) = self.policy else { return Ok(Sweep::default()) };
        let batches = Batches { store, log: self.log };
        match self.read {
            Some(read) => policy.sweep_held(now, &batches, (self.start, self.high), read),
            None => policy.sweep(now, &batches, self.start, self.high),
        }
    }
}

/// A log start that was reserved.
struct Started {
    lsn: Lsn,
    to: i64,
    why: MoveReason,
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// A partition's batches as the store knows them. Blocks.
struct Batches<'a> {
    store: &'a dyn Store,
    log: LogId,
}

impl Batches<'_> {
    fn first(&self, query: Query) -> Result<Option<Entry>, Unreadable> {
        match self.store.lookup(self.log, query) {
            Ok(stored) => Ok(stored.map(|stored| entry(&stored))),
            Err(ReadError::NoLog) => Ok(None),
            Err(_) => Err(Unreadable),
        }
    }
}

impl Index for Batches<'_> {
    fn at(&self, offset: i64) -> Result<Option<Entry>, Unreadable> {
        self.first(Query::At(offset))
    }
    fn appended_at(&self, at: i64) -> Result<Option<Entry>, Unreadable> {
        self.first(Query::AppendedAt(at))
    }
    fn keep_bytes(&self, bytes: u64) -> Result<Option<Entry>, Unreadable> {
        self.first(Query::KeepBytes(bytes))
    }
    fn list(&self, from: i64, max: usize) -> Result<Vec<Entry>, Unreadable> {
        match self.store.list(self.log, from, max) {
            Ok(stored) => Ok(stored.iter().map(entry).collect()),
            Err(ReadError::NoLog) => Ok(Vec::new()),
            Err(_) => Err(Unreadable),
        }
    }
}

pub(crate) fn entry(stored: &Stored) -> Entry {
    let Stored { base, last, bytes, at, stamp, .. } = *stored;
    Entry { base, last, bytes: bytes.into(), at, stamp }
}
