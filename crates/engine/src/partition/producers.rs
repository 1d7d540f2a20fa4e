//! What a partition remembers of idempotent producers: the last five batches of each, so that a retry is answered and
//! not written again, and a gap is seen (KIP-98).
//!
//! This outlives the records: retention may have taken them all, and a retry is still recognised.

use std::mem;

use hashbrown::HashMap;

use super::{Batch, Earlier, Refusal};
use crate::{ids::Offset, limits, machine::Now};

/// What DescribeProducers shows of one producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerState {
    pub producer: i64,
    pub epoch: i16,
    pub last_sequence: i32,
    /// Greatest timestamp of its last batch.
    pub last_stamp: i64,
}

/// How a batch continues what its producer wrote.
pub(super) enum Sequence {
    Fits,
    Repeats(Earlier),
}

/// A batch that was written, as far as a retry must be recognised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Written {
    pub(super) sequence: i32,
    /// Offset (and sequence) of the last record, relative to the first.
    pub(super) last_delta: i32,
    pub(super) base: Offset,
    pub(super) stamp: i64,
}

impl Written {
    fn last_sequence(&self) -> i32 {
        (i64::from(self.sequence) + i64::from(self.last_delta)).rem_euclid(1 << 31) as i32
    }
}

/// One producer: its epoch and a ring of its last batches, the newest at `newest`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Producer {
    pub(super) epoch: i16,
    len: u8,
    newest: u8,
    /// Append time of its last batch; what expiry counts from. The producer's own timestamps may be anything.
    pub(super) last_at: i64,
    ring: [Written; limits::PRODUCER_BATCHES],
}

impl PartialEq for Producer {
    /// Equal when they remember the same; where in the ring does not matter.
    fn eq(&self, other: &Self) -> bool {
        (self.epoch, self.last_at) == (other.epoch, other.last_at) && self.newest_first().eq(other.newest_first())
    }
}
impl Eq for Producer {}

impl Producer {
    pub(super) fn new(epoch: i16, first: Written, at: i64) -> Self {
        let mut ring = [Written::default(); limits::PRODUCER_BATCHES];
        ring[0] = first;
        Self { epoch, len: 1, newest: 0, last_at: at, ring }
    }
    pub(super) fn push(&mut self, written: Written, at: i64) {
        self.newest = (self.newest + 1) % limits::PRODUCER_BATCHES as u8;
        self.ring[self.newest as usize] = written;
        self.len = (self.len + 1).min(limits::PRODUCER_BATCHES as u8);
        self.last_at = at;
    }
    fn newest(&self) -> &Written {
        &self.ring[self.newest as usize]
    }
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Written> {
        let (newest, size) = (self.newest as usize, limits::PRODUCER_BATCHES);
        (0..self.len as usize).map(move |age| &self.ring[(newest + size - age) % size])
    }
    fn is_expired(&self, now: Now, expiry_ms: i64) -> bool {
        self.last_at.saturating_add(expiry_ms) <= now.wall
    }

    fn judge(&self, batch: &Batch) -> Result<Sequence, Refusal> {
        let (producer, got) = (batch.producer, batch.sequence);
        if batch.producer_epoch == self.epoch
            && let Some(same) = self.newest_first().find(|w| (w.sequence, w.last_delta) == (got, batch.last_delta))
        {
            let last = same.base + i64::from(same.last_delta);
            return Ok(Sequence::Repeats(Earlier { base: same.base, last, stamp: same.stamp }));
        }
        if batch.producer_epoch < self.epoch {
            return Err(Refusal::FencedProducer { producer, had: self.epoch, got: batch.producer_epoch });
        }
        if batch.producer_epoch > self.epoch {
            return match got {
                0 => Ok(Sequence::Fits),
                // Kafka: an entry without an epoch is as good as none.
                _ if self.epoch < 0 => Ok(Sequence::Fits),
                _ => Err(Refusal::EpochBeginsElsewhere { producer, epoch: batch.producer_epoch, got }),
            };
        }
        let last = self.newest().last_sequence();
        let follows = if last == i32::MAX { 0 } else { last + 1 };
        if got == follows || self.epoch < 0 {
            return Ok(Sequence::Fits);
        }
        // Half the circle back counts as the past. Kafka answers both alike; people are told which it was.
        let behind = (i64::from(follows) - i64::from(got)).rem_euclid(1 << 31);
        Err(match behind < (1 << 30) {
            true => Refusal::DuplicateTooOld { producer, last, got },
            false => Refusal::OutOfOrder { producer, last, got },
        })
    }
}

/// All producers of a partition. Most partitions have none, so an empty one is one word.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Producers(Option<Box<Known>>);

#[derive(Clone, Debug, Default)]
struct Known {
    by_id: HashMap<i64, Producer>,
    /// No producer was silent since before this: a bound, so that the next expiry is found without a search.
    oldest_at: i64,
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.by_id == other.by_id
    }
}
impl Eq for Known {}

impl Producers {
    /// An expired producer is a stranger, also while its room was not given back yet: judgement must not depend on
    /// when somebody swept.
    pub(super) fn judge(&self, now: Now, expiry_ms: i64, batch: &Batch) -> Result<Sequence, Refusal> {
        if !batch.is_idempotent() {
            return Ok(Sequence::Fits);
        }
        match self.0.as_ref().and_then(|known| known.by_id.get(&batch.producer)) {
            Some(producer) if !producer.is_expired(now, expiry_ms) => producer.judge(batch),
            _ => Ok(Sequence::Fits),
        }
    }

    pub(super) fn apply(&mut self, batch: &Batch, at: i64) {
        if !batch.is_idempotent() || batch.control || batch.sequence < 0 {
            return;
        }
        let written = Written { sequence: batch.sequence, last_delta: batch.last_delta, base: batch.base, stamp: batch.stamp };
        let known = self.0.get_or_insert_with(|| Box::new(Known { oldest_at: i64::MAX, ..Known::default() }));
        known.oldest_at = known.oldest_at.min(at);
        if let Some(producer) = known.by_id.get_mut(&batch.producer) {
            let last = producer.newest().last_sequence();
            let follows = if last == i32::MAX { 0 } else { last + 1 };
            // What does not follow was accepted from a stranger: the one who had this number before had expired.
            if producer.epoch == batch.producer_epoch && batch.sequence == follows {
                producer.push(written, at);
            } else {
                *producer = Producer::new(batch.producer_epoch, written, at);
            }
            return;
        }
        known.make_room();
        known.by_id.insert(batch.producer, Producer::new(batch.producer_epoch, written, at));
    }

    pub(super) fn deadline(&self, expiry_ms: i64) -> Option<i64> {
        self.0.as_ref().map(|known| known.oldest_at.saturating_add(expiry_ms))
    }

    pub(super) fn forget_expired(&mut self, now: Now, expiry_ms: i64) -> usize {
        let Some(known) = &mut self.0 else { return 0 };
        if known.oldest_at.saturating_add(expiry_ms) > now.wall {
            return 0;
        }
        let before = known.by_id.len();
        known.by_id.retain(|_, p| !p.is_expired(now, expiry_ms));
        let left = known.by_id.len();
        if left == 0 {
            self.0 = None;
            return before;
        }
        known.oldest_at = known.by_id.values().map(|p| p.last_at).min().unwrap_or(i64::MAX);
        // A crowd that left should not keep its chairs.
        if left * 4 < known.by_id.capacity() {
            known.by_id.shrink_to_fit();
        }
        before - left
    }

    pub(super) fn list(&self, now: Now, expiry_ms: i64) -> Vec<ProducerState> {
        let living = self.ascending().into_iter().filter(|(_, p)| !p.is_expired(now, expiry_ms));
        living
            .map(|(producer, p)| ProducerState {
                producer,
                epoch: p.epoch,
                last_sequence: p.newest().last_sequence(),
                last_stamp: p.newest().stamp,
            })
            .collect()
    }

    /// By id, so that the same state has the same bytes.
    pub(super) fn ascending(&self) -> Vec<(i64, &Producer)> {
        let mut all: Vec<_> = self.0.iter().flat_map(|known| known.by_id.iter().map(|(id, p)| (*id, p))).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    pub(super) fn from_entries(entries: HashMap<i64, Producer>) -> Self {
        if entries.is_empty() {
            return Self::default();
        }
        let oldest_at = entries.values().map(|p| p.last_at).min().unwrap_or(i64::MAX);
        Self(Some(Box::new(Known { by_id: entries, oldest_at })))
    }
}

impl Known {
    /// Forgets the one that was silent longest when there is no room for another. The choice follows from the state
    /// alone, so recovery makes the same one.
    fn make_room(&mut self) {
        if self.by_id.len() < limits::PRODUCERS_A_PARTITION_MAX {
            return;
        }
        if let Some(id) = self.by_id.iter().map(|(id, p)| (p.last_at, *id)).min().map(|(_, id)| id) {
            self.by_id.remove(&id);
        }
    }
}

// The window of one producer is what a partition pays for it; a field more is a decision.
const _: () = assert!(mem::size_of::<Producer>() <= 136);
