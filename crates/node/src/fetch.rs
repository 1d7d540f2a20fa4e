//! Fetch: what a reader may see, the bytes, and waiting for more. Knows where bytes may come from without blocking, and
//! where not.

use std::{ops::Range, os::unix::fs::FileExt, sync::Arc, time::Duration};

use bytes::Bytes;
use milena_engine::{partition::Fence, retention::Policy, settings::topic::GapPolicy, share::At};
use milena_store::{Found, LogId, Patience, ReadError, Slice, Store};

use crate::{
    node::Node,
    partition::{self, Partition, View},
    release::Dead,
    retention::entry,
    topics::Topic,
    wait::Woken,
};

/// Why a position cannot be read from. One Kafka error code each, named first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadRefusal {
    /// UNKNOWN_TOPIC_OR_PARTITION, or UNKNOWN_TOPIC_ID.
    #[error("the partition is gone")]
    Gone,
    /// FENCED_LEADER_EPOCH.
    #[error("the reader's leader epoch is older than {0}")]
    Fenced(i32),
    /// UNKNOWN_LEADER_EPOCH.
    #[error("the reader's leader epoch is newer than {0}")]
    UnknownEpoch(i32),
    /// OFFSET_OUT_OF_RANGE.
    #[error("offset {from} is not between {start} and {high}")]
    OutOfRange { from: i64, start: i64, high: i64 },
}

impl Node {
    /// What a reader at offset `from` may see. `current_epoch` is the leader epoch that the reader believes in, -1 for none.
    pub fn locate(&self, partition: &Partition, current_epoch: i32, from: i64) -> Result<View, ReadRefusal> {
        let view = self.fenced_view(partition, current_epoch)?;
        if !(view.start..=view.high).contains(&from) {
            return Err(ReadRefusal::OutOfRange { from, start: view.start, high: view.high });
        }
        Ok(view)
    }

    /// Where a reader goes on that asks for `from`: there, unless retention removed that and the topic says that readers
    /// go on with the first record that is left.
    pub fn resumes(&self, topic: &Topic, partition: &Partition, from: i64) -> i64 {
        match topic.settings.gap_policy {
            GapPolicy::Error => from,
            GapPolicy::Next => {
                let start = partition.view().map_or(from, |view| view.start);
                if (0..start).contains(&from) { start } else { from }
            }
        }
    }

    /// The committed bounds, for a client that believes in `current_epoch` (-1 for none).
    pub fn fenced_view(&self, partition: &Partition, current_epoch: i32) -> Result<View, ReadRefusal> {
        let state = partition.hold();
        if state.is_gone() {
            return Err(ReadRefusal::Gone);
        }
        match state.noun.machine.fence(current_epoch) {
            Fence::Current => Ok(state.view()),
            Fence::Behind => Err(ReadRefusal::Fenced(state.noun.machine.epoch())),
            Fence::Ahead => Err(ReadRefusal::UnknownEpoch(state.noun.machine.epoch())),
        }
    }

    /// Whole committed batches from the one that holds `from`, about `max` bytes of them and at least one if there is any;
    /// only from memory. [`ReadError::WouldBlock`] when the disk must be asked: then call [`Node::read`].
    pub fn read_now(&self, partition: &Partition, from: i64, max: usize) -> Result<Found, ReadError> {
        let Some(view) = partition.view() else { return Err(ReadError::NoLog) };
        found(self.hub().store().read(partition.log(), from, view.high, max, Patience::Now), from)
    }

    /// As [`Node::read_now`], and from the disk where it must. All slices are in memory, and what has expired by create
    /// time is left out.
    pub async fn read(&self, topic: &Topic, partition: &Partition, from: i64, max: usize) -> Result<Found, ReadError> {
        self.read_of(topic, partition, (from, max), self.hides(topic, partition)).await
    }

    /// The same, and nothing is left out: queues are done with what is in the log, or it is lost to them when the log start passes
    /// it; an offset that is missing never was a record.
    pub async fn read_whole(&self, topic: &Topic, partition: &Partition, from: i64, max: usize) -> Result<Found, ReadError> {
        self.read_of(topic, partition, (from, max), false).await
    }

    async fn read_of(
        &self,
        topic: &Topic,
        partition: &Partition,
        (from, max): (i64, usize),
        hides: bool,
    ) -> Result<Found, ReadError> {
        if !hides {
            match self.read_now(partition, from, max) {
                Ok(found) if found.slices.iter().all(|slice| matches!(slice, Slice::Memory(_))) => return Ok(found),
                Ok(_) | Err(ReadError::WouldBlock) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(view) = partition.view() else { return Err(ReadError::NoLog) };
        let (store, log, policy, now) = (self.hub().store().clone(), partition.log(), topic.policy, self.now().wall);
        let read = move || match hides {
            true => read_living(store.as_ref(), log, from, view.high, max, &policy, now),
            false => read_blocking(store.as_ref(), log, from, view.high, max).map(|found| (found, 0)),
        };
        let read = self.0.pool.run(read).await.unwrap_or_else(|lost| Err(io_fault("read", &lost.to_string())));
        read.map(|(found, hidden)| {
            self.counters().hidden_batches.add(hidden);
            found
        })
    }

    /// Whether answers of this partition must leave out batches that have expired, so that only [`Node::read`] may be asked.
    /// What a queue holds up is answered.
    pub fn hides(&self, topic: &Topic, partition: &Partition) -> bool {
        let at = At { topic: topic.id, partition: partition.index() };
        topic.policy.hides() && self.finished_by_holders(at).is_none()
    }

    /// Waits until `missing` more bytes are committed at these partitions together, or one of them changes, or `patience`
    /// is over. Each comes with the high watermark up to which the reader has seen it; if there is more behind that
    /// already, this answers at once.
    pub async fn wait(&self, at: Vec<(Arc<Partition>, i64)>, missing: usize, patience: Duration) -> Result<Woken, Dead> {
        if patience.is_zero() {
            return Ok(Woken::Timeout);
        }
        match tokio::time::timeout(patience, partition::wait(self.hub(), at, missing)).await {
            Ok(woken) => woken,
            Err(_) => Ok(Woken::Timeout),
        }
    }
}

/// A log that was never written to is an empty one.
fn found(read: Result<Found, ReadError>, from: i64) -> Result<Found, ReadError> {
    match read {
        Err(ReadError::NoLog) => Ok(Found { upto: from - 1, ..Found::default() }),
        other => other,
    }
}

pub(crate) fn read_blocking(store: &dyn Store, log: LogId, from: i64, upto: i64, max: usize) -> Result<Found, ReadError> {
    let mut found = found(store.read(log, from, upto, max, Patience::Block), from)?;
    for slice in &mut found.slices {
        if let Slice::File { file, at, len } = slice {
            let mut bytes = vec![0; *len];
            file.read_exact_at(&mut bytes, *at).map_err(|error| io_fault("read", &error.to_string()))?;
            *slice = Slice::Memory(Bytes::from(bytes));
        }
    }
    Ok(found)
}

/// Reads on until something lives, so that no answer is empty while there is something to read. Also answers how many
/// batches were left out. Blocks.
fn read_living(
    store: &dyn Store,
    log: LogId,
    mut from: i64,
    upto: i64,
    max: usize,
    policy: &Policy,
    now: i64,
) -> Result<(Found, u64), ReadError> {
    let mut hidden = 0;
    loop {
        let found = read_blocking(store, log, from, upto, max)?;
        if found.bytes == 0 {
            return Ok((found, hidden));
        }
        let bytes: Bytes = match found.slices.as_slice() {
            [Slice::Memory(only)] => only.clone(),
            slices => {
                slices.iter().flat_map(|slice| if let Slice::Memory(bytes) = slice { &bytes[..] } else { &[] }).copied().collect()
            }
        };
        let count = milena_record::split(&bytes).filter(Result::is_ok).count();
        let entries: Vec<_> = store.list(log, from, count)?.iter().map(entry).collect();
        let cut = policy.cut(now, &entries);
        hidden += cut.hidden_batches;
        let slice = |run: &Range<u64>| Slice::Memory(bytes.slice(run.start as usize..run.end as usize));
        let slices: Vec<_> = cut.runs.iter().map(|(run, _)| slice(run)).collect();
        if !slices.is_empty() || found.upto + 1 >= upto {
            let bytes = slices.iter().map(Slice::len).sum();
            return Ok((Found { slices, bytes, upto: found.upto }, hidden));
        }
        from = found.upto + 1;
    }
}

pub(crate) fn io_fault(operation: &str, detail: &str) -> ReadError {
    ReadError::Fault(Arc::new(milena_store::Fault::Stopped(format!("{operation} failed: {detail}"))))
}
