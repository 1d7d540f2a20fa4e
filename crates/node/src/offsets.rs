//! Questions about offsets: by time, by epoch, the newest timestamp; and deleting what lies before one. Knows how to
//! find a record inside a batch.

use milena_engine::{
    fact::{MoveReason, RaiseReason},
    partition::{DeleteRefusal, EpochEnd, ProducerState},
};
use milena_record::{Batch, Limits, Records};
use milena_store::{Class, Found, LogId, Parked, Query, ReadError, Slice, Store, Stored};

use crate::{
    fetch::{ReadRefusal, read_blocking},
    intake::UNPACKED_MAX,
    node::Node,
    noun::NoRoom,
    partition::Partition,
    topics::Topic,
};

/// A record's place in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamped {
    pub offset: i64,
    pub timestamp: i64,
    pub epoch: i32,
}

/// Which record is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sought {
    /// The first whose timestamp is at or after this.
    Since(i64),
    /// The one with the greatest timestamp, the first of equals.
    Newest,
}

const PAGE: usize = 1024;

impl Node {
    /// Finds a committed record by its timestamp. `None`: there is no such record.
    pub async fn seek(&self, partition: &Partition, sought: Sought) -> Result<Option<Stamped>, ReadError> {
        let Some(view) = partition.view() else { return Err(ReadError::NoLog) };
        if view.start == view.high {
            return Ok(None);
        }
        let (store, log) = (self.hub().store().clone(), partition.log());
        let find = move || find(store.as_ref(), log, view.start, view.high, sought);
        self.0.pool.run(find).await.unwrap_or_else(|lost| Err(crate::fetch::io_fault("seek", &lost.to_string())))
    }

    /// OffsetForLeaderEpoch: the last epoch that is not after `epoch`, and where it ended.
    pub fn epoch_end(&self, partition: &Partition, current_epoch: i32, epoch: i32) -> Result<Option<EpochEnd>, ReadRefusal> {
        let view = self.fenced_view(partition, current_epoch)?;
        Ok(partition.hold().noun.machine.epoch_end(epoch, view.high))
    }

    /// The leader epoch in which the record at `offset` was or will be written.
    pub fn epoch_at(&self, partition: &Partition, offset: i64) -> i32 {
        let state = partition.hold();
        let (machine, high) = (&state.noun.machine, state.view().high);
        let ends = (0..machine.epoch()).filter_map(|epoch| machine.epoch_end(epoch, high));
        ends.filter(|ended| offset < ended.end).map(|ended| ended.epoch).next().unwrap_or(machine.epoch())
    }

    /// Producers that the partition remembers.
    pub fn producers(&self, partition: &Partition) -> Vec<ProducerState> {
        partition.hold().noun.machine.producers(self.now(), self.producer_expiry())
    }

    /// Bytes of the records that are kept: committed and not yet given back.
    pub fn log_bytes(&self, partition: &Partition) -> u64 {
        self.hub().store().bounds(partition.log()).map_or(0, |bounds| bounds.bytes)
    }

    /// The start found damage: data that readers may have seen may be gone. Every partition that has any enters a new leader
    /// epoch, so that readers compare their positions with the log.
    pub(crate) async fn raise_epochs_after_loss(self) {
        for partition in self.0.table.partitions() {
            if let Err(error) = self.raise_epoch(&partition, RaiseReason::Loss).await {
                tracing::warn!(%error, ?partition, "the leader epoch could not be raised after damage");
            }
        }
    }

    async fn raise_epoch(&self, partition: &Partition, why: RaiseReason) -> Result<(), NoRoom> {
        let credit = self.hub().credit(Class::Fact, 256).await?;
        let mut state = partition.hold();
        if state.noun.machine.next() > 0 {
            let fact = state.noun.machine.raise_epoch(why);
            let mut bytes = Vec::new();
            fact.encode(&mut bytes);
            self.hub().reserve_one(partition.log(), &mut state.noun, credit, self.now().wall, &bytes)?;
            state.noun.machine.apply(&fact);
        }
        Ok(())
    }

    /// DeleteRecords: nothing before `to` is answered from here on (-1: nothing that is committed now). Answers the new
    /// log start when it is durable.
    pub async fn delete_records(
        &self,
        topic: &Topic,
        partition: &Partition,
        to: i64,
    ) -> Result<Result<i64, DeleteRecordsRefusal>, NoRoom> {
        let credit = self.hub().credit(Class::Fact, 256).await?;
        let parked = {
            let mut state = partition.hold();
            let high = state.view().high;
            let decided = if state.is_gone() {
                Err(DeleteRecordsRefusal::Gone)
            } else if self.keeps(topic.id) {
                Err(DeleteRecordsRefusal::Kept)
            } else {
                state.noun.machine.delete_records(&topic.rules, to, high).map_err(DeleteRecordsRefusal::from)
            };
            match decided {
                Err(refusal) => Parked::new(state.noun.lsn, Err(refusal)),
                Ok(None) => Parked::new(state.noun.lsn, Ok(state.noun.machine.start())),
                Ok(Some(fact)) => {
                    self.move_start(partition, &mut state, credit, &fact)?;
                    Parked::new(state.noun.lsn, Ok(state.noun.machine.start()))
                }
            }
        };
        let answer = self.release(parked).await?;
        if let Ok(start) = answer {
            self.free_later(partition, start, MoveReason::Asked);
            self.trim_shares(partition, start).await?;
        }
        Ok(answer)
    }
}

/// Why records are not deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeleteRecordsRefusal {
    #[error("the partition is gone")]
    Gone,
    /// Only the broker itself changes this topic.
    #[error("this topic belongs to the schema registry")]
    Kept,
    #[error(transparent)]
    Refused(#[from] DeleteRefusal),
}

/// Blocks. Looks only at what is between `start` and `high`: what retention passed may still lie before it on the disk.
fn find(store: &dyn Store, log: LogId, start: i64, high: i64, sought: Sought) -> Result<Option<Stamped>, ReadError> {
    let query = match sought {
        Sought::Since(stamp) => Query::StampedAt(stamp),
        Sought::Newest => Query::GreatestStamp,
    };
    let mut candidate = match store.lookup(log, query) {
        Err(ReadError::NoLog) => return Ok(None),
        other => other?,
    };
    if candidate.is_some_and(|batch| batch.base < start || batch.base >= high) {
        candidate = scan(store, log, start, high, sought)?;
    }
    let Some(batch) = candidate else { return Ok(None) };
    let stamp = match sought {
        Sought::Since(stamp) => stamp,
        Sought::Newest => batch.stamp,
    };
    let found = read_blocking(store, log, batch.base, high, 1)?;
    match record_since(&found, start, stamp) {
        // All that matches in this batch lies before the log start.
        None if sought == Sought::Since(stamp) && batch.last + 1 < high => {
            let from = start.max(batch.last + 1);
            let Some(next) = scan(store, log, from, high, sought)? else { return Ok(None) };
            Ok(record_since(&read_blocking(store, log, next.base, high, 1)?, from, stamp))
        }
        found => Ok(found),
    }
}

fn scan(store: &dyn Store, log: LogId, start: i64, high: i64, sought: Sought) -> Result<Option<Stored>, ReadError> {
    let (mut from, mut best) = (start, None::<Stored>);
    loop {
        let page = store.list(log, from, PAGE)?;
        for batch in page.iter().filter(|batch| batch.base < high) {
            match sought {
                Sought::Since(stamp) if batch.stamp >= stamp => return Ok(Some(*batch)),
                Sought::Newest if best.is_none_or(|best| batch.stamp > best.stamp) => best = Some(*batch),
                _ => {}
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE && last.last + 1 < high => from = last.last + 1,
            _ => return Ok(best),
        }
    }
}

/// The first record at or after `stamp` in the first batch found.
fn record_since(found: &Found, start: i64, stamp: i64) -> Option<Stamped> {
    let Some(Slice::Memory(bytes)) = found.slices.first() else { return None };
    let batch = Batch::parse(bytes).ok()?;
    let header = batch.header();
    let payload = batch.payload(&Limits::new(UNPACKED_MAX)).ok()?;
    let offset = |delta: i32| header.base_offset() + i64::from(delta);
    let record = Records::new(&header, &payload)
        .filter_map(Result::ok)
        .find(|record| record.timestamp >= stamp && offset(record.offset_delta) >= start)?;
    Some(Stamped { offset: offset(record.offset_delta), timestamp: record.timestamp, epoch: header.leader_epoch() })
}
