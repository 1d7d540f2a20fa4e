//! A partition judges what may be appended to it, where it goes, and what was appended before. It knows offsets,
//! leader epochs and producers; it holds no records, and it does not know where they rest or how much room they take.
//!
//! The record batch is its own fact: [`Partition::place`] judges one without changing anything, and
//! [`Partition::apply_batch`] makes it true from the numbers in its header, at recovery as at the first time.
//! Everything else that can become true is a [`PartitionFact`]. What needs no state is judged by [`Rules`] before
//! the partition's lock is taken.

mod batch;
mod epochs;
mod producers;
mod rules;
mod snapshot;

pub use batch::Batch;
pub use epochs::{EpochEnd, EpochStart, Fence};
pub use milena_record::Codec;
pub use producers::ProducerState;
pub use rules::{Contents, Handling, Rules};

use epochs::Epochs;
use producers::{Producers, Sequence};

use crate::{
    fact::{EpochRaised, MoveReason, RaiseReason, StartMoved, facts},
    ids::Offset,
    machine::Now,
};

facts! {
    /// What can become true of a partition beside a batch.
    pub enum PartitionFact of "partition" { StartMoved, EpochRaised }
}

/// One partition's judgement. About 100 bytes while it has no producers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Partition {
    start: Offset,
    next: Offset,
    epochs: Epochs,
    producers: Producers,
}

/// What becomes of a batch that is not refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It goes here; reserve it and apply it.
    Placed(Placement),
    /// It is here already; answer as if it had just been written (KIP-98).
    Duplicate(Earlier),
}

/// Where a batch goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// The first offset, to be written into the header.
    pub base: Offset,
    pub last: Offset,
    /// To be written into the header.
    pub epoch: i32,
}

/// A batch that was written before, as far as an answer needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Earlier {
    pub base: Offset,
    pub last: Offset,
    /// Its greatest timestamp: Kafka answers this as `log_append_time` of a duplicate.
    pub stamp: i64,
}

/// Why a partition declines. Each maps to one error code of Kafka, named first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// INVALID_RECORD.
    #[error("the base offset of a batch from a client must be 0, this one says {0}")]
    BaseOffsetNotZero(Offset),
    /// INVALID_RECORD.
    #[error("the batch counts {count} records, but its last offset delta is {last_delta}")]
    CountMismatch { count: i32, last_delta: i32 },
    /// INVALID_RECORD.
    #[error("clients may not write control batches")]
    ControlBatch,
    /// INVALID_RECORD.
    #[error("the batch has producer id {producer}, but sequence {sequence}")]
    NoSequence { producer: i64, sequence: i32 },
    /// INVALID_RECORD.
    #[error("the topic is compacted, and a record without a key was given")]
    NoKey,
    /// MESSAGE_TOO_LARGE.
    #[error("the batch has {size} bytes, max.message.bytes allows {max}")]
    TooLarge { size: usize, max: usize },
    /// INVALID_TIMESTAMP.
    #[error("timestamp {stamp} is {behind} ms before now, message.timestamp.before.max.ms allows {max}")]
    TooOld { stamp: i64, behind: i64, max: i64 },
    /// INVALID_TIMESTAMP.
    #[error("timestamp {stamp} is {ahead} ms after now, message.timestamp.after.max.ms allows {max}")]
    TooNew { stamp: i64, ahead: i64, max: i64 },
    /// INVALID_TIMESTAMP.
    #[error("the batch says that a broker stamped its records (LogAppendTime); a producer's says CreateTime")]
    AppendTime,
    /// INVALID_TXN_STATE.
    #[error("transactions are not supported by this release")]
    Transactional,
    /// INVALID_PRODUCER_EPOCH.
    #[error("producer {producer} has epoch {had}, the batch has {got}")]
    FencedProducer { producer: i64, had: i16, got: i16 },
    /// OUT_OF_ORDER_SEQUENCE_NUMBER.
    #[error("producer {producer} begins epoch {epoch} with sequence {got}; a new epoch begins with 0")]
    EpochBeginsElsewhere { producer: i64, epoch: i16, got: i32 },
    /// OUT_OF_ORDER_SEQUENCE_NUMBER.
    #[error("producer {producer} wrote up to sequence {last}, {got} does not follow")]
    OutOfOrder { producer: i64, last: i32, got: i32 },
    /// OUT_OF_ORDER_SEQUENCE_NUMBER, as Kafka answers although DUPLICATE_SEQUENCE_NUMBER exists.
    #[error("producer {producer} is at sequence {last}; {got} lies behind it and repeats none of its last batches")]
    DuplicateTooOld { producer: i64, last: i32, got: i32 },
    /// KAFKA_STORAGE_ERROR: the offsets of this partition are used up.
    #[error("the partition has no offsets left")]
    OffsetsUsedUp,
}

/// Why records are not deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeleteRefusal {
    /// OFFSET_OUT_OF_RANGE.
    #[error("records can be deleted up to {high}, not up to {to}")]
    OutOfRange { to: Offset, high: Offset },
    /// POLICY_VIOLATION.
    #[error("cleanup.policy does not let records of this topic be deleted")]
    Policy,
}

impl Partition {
    /// A new, empty partition in leader epoch 0.
    pub fn new() -> Self {
        Self::default()
    }
    /// The first offset that is kept. Speculative until committed, as [`Self::next`] is.
    pub fn start(&self) -> Offset {
        self.start
    }
    /// The offset that the next record gets: one past everything reserved.
    pub fn next(&self) -> Offset {
        self.next
    }
    /// The current leader epoch.
    pub fn epoch(&self) -> i32 {
        self.epochs.current().epoch
    }

    /// Where a batch goes, once [`Rules::judge`] has passed it. `expiry_ms` is `producer.id.expiration.ms`.
    /// Changes nothing and allocates nothing.
    pub fn place(&self, now: Now, expiry_ms: i64, batch: &Batch) -> Result<Verdict, Refusal> {
        match self.producers.judge(now, expiry_ms, batch)? {
            Sequence::Repeats(earlier) => Ok(Verdict::Duplicate(earlier)),
            Sequence::Fits => {
                let base = self.next;
                // One offset is kept back, so that the end of the log is itself a number.
                let last = base.checked_add(batch.last_delta.into()).filter(|last| *last < i64::MAX);
                let last = last.ok_or(Refusal::OffsetsUsedUp)?;
                Ok(Verdict::Placed(Placement { base, last, epoch: self.epoch() }))
            }
        }
    }

    /// Makes a batch true. `batch` is what its header says **as stored**: base offset and greatest timestamp
    /// are final. `at` is the append time in its envelope.
    pub fn apply_batch(&mut self, batch: &Batch, at: i64) {
        debug_assert!(batch.base >= self.next, "batch at {} behind the end {}", batch.base, self.next);
        self.next = batch.last() + 1;
        self.producers.apply(batch, at);
    }

    /// Damage took entries, or a snapshot: what is left of the log begins and ends here at the least. Offsets that were
    /// given out are given to nobody else.
    pub fn resume(&mut self, start: Offset, end: Offset) {
        self.start = self.start.max(start);
        self.next = self.next.max(end).max(self.start);
        self.epochs.trim(self.start);
    }

    /// Makes a fact true.
    pub fn apply(&mut self, fact: &PartitionFact) {
        match fact {
            PartitionFact::StartMoved(moved) => {
                self.start = self.start.max(moved.to);
                // After an accepted loss the start may lie past everything that is left.
                self.next = self.next.max(self.start);
                self.epochs.trim(self.start);
            }
            PartitionFact::EpochRaised(raised) => {
                self.epochs.raise(EpochStart { epoch: raised.epoch, start: raised.start });
            }
        }
    }

    /// A DeleteRecords request: `to` is the first offset to keep, -1 means everything below `high`, the committed end.
    /// `None`: the log start is there already.
    pub fn delete_records(&self, rules: &Rules, to: Offset, high: Offset) -> Result<Option<PartitionFact>, DeleteRefusal> {
        if !rules.cleanup.delete {
            return Err(DeleteRefusal::Policy);
        }
        let to = if to == -1 { high } else { to };
        if !(0..=high).contains(&to) {
            return Err(DeleteRefusal::OutOfRange { to, high });
        }
        Ok(self.move_start(to, MoveReason::Asked))
    }

    /// The fact that moves the log start forward, if that is forward. Retention and DeleteRecords meet here.
    pub fn move_start(&self, to: Offset, why: MoveReason) -> Option<PartitionFact> {
        (to > self.start && to <= self.next).then(|| StartMoved { to, why }.into())
    }

    /// The fact that begins the next leader epoch at the end of the log.
    pub fn raise_epoch(&self, why: RaiseReason) -> PartitionFact {
        EpochRaised { epoch: self.epoch().saturating_add(1), start: self.next, why }.into()
    }

    /// Does a client's idea of the current leader epoch agree with ours? `-1` means that it has none.
    pub fn fence(&self, current_leader_epoch: i32) -> Fence {
        self.epochs.fence(current_leader_epoch)
    }

    /// OffsetForLeaderEpoch: the last epoch that is not after `epoch`, and where it ended. `end` is the committed end.
    pub fn epoch_end(&self, epoch: i32, end: Offset) -> Option<EpochEnd> {
        self.epochs.end_of(epoch, end)
    }

    /// Producers that are remembered, by id: for DescribeProducers. Allocates.
    pub fn producers(&self, now: Now, expiry_ms: i64) -> Vec<ProducerState> {
        self.producers.list(now, expiry_ms)
    }

    /// When the first producer may be due to be forgotten, in `Now::wall`. Early, never late.
    pub fn deadline(&self, expiry_ms: i64) -> Option<i64> {
        self.producers.deadline(expiry_ms)
    }

    /// Gives back the room of producers that have expired. No fact: judgement treats them as forgotten already.
    pub fn forget_expired(&mut self, now: Now, expiry_ms: i64) -> usize {
        self.producers.forget_expired(now, expiry_ms)
    }
}

#[cfg(test)]
mod tests;
