//! Leader epochs: which offsets were written under which. There is one leader, so an epoch changes only when a reader's
//! idea of the log may have become wrong.

use crate::{ids::Offset, limits};

/// An epoch and the first offset that belongs to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EpochStart {
    pub epoch: i32,
    pub start: Offset,
}

/// An epoch and the first offset that no longer belongs to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochEnd {
    pub epoch: i32,
    pub end: Offset,
}

/// What a client's current leader epoch is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fence {
    Current,
    /// FENCED_LEADER_EPOCH: the client is behind and must refresh its metadata.
    Behind,
    /// UNKNOWN_LEADER_EPOCH: the client knows an epoch that we do not.
    Ahead,
}

/// All epochs that still own offsets, ascending. Nearly always one, so the others are elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Epochs {
    current: EpochStart,
    older: Vec<EpochStart>,
}

impl Epochs {
    pub(super) fn current(&self) -> EpochStart {
        self.current
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = EpochStart> + '_ {
        self.older.iter().copied().chain([self.current])
    }

    pub(super) fn raise(&mut self, to: EpochStart) {
        if to.epoch <= self.current.epoch {
            return;
        }
        // An epoch in which nothing was written ended where it began; nobody can hold a position in it.
        if to.start > self.current.start {
            self.older.push(self.current);
        }
        self.current = to;
        if self.older.len() >= limits::EPOCHS_A_PARTITION_MAX {
            // The oldest epoch now claims the offsets of the second: a reader that far back re-reads, and loses nothing.
            self.older.remove(1);
        }
    }

    /// Forgets epochs all of whose offsets are gone; the oldest that is left begins where the log does, as in Kafka.
    pub(super) fn trim(&mut self, start: Offset) {
        let gone = self.iter().skip(1).take_while(|e| e.start <= start).count();
        self.older.drain(..gone);
        let oldest = self.older.first_mut().unwrap_or(&mut self.current);
        oldest.start = oldest.start.max(start);
    }

    pub(super) fn fence(&self, claimed: i32) -> Fence {
        match claimed {
            -1 => Fence::Current,
            e if e < self.current.epoch => Fence::Behind,
            e if e > self.current.epoch => Fence::Ahead,
            _ => Fence::Current,
        }
    }

    /// `None` when the epoch is above all that are known, or -1, which is none: Kafka answers -1 and -1 then. Other
    /// negative numbers are epochs below all others to Kafka.
    pub(super) fn end_of(&self, epoch: i32, log_end: Offset) -> Option<EpochEnd> {
        if epoch == -1 || epoch > self.current.epoch {
            return None;
        }
        if epoch == self.current.epoch {
            return Some(EpochEnd { epoch, end: log_end });
        }
        let next = self.iter().find(|e| e.epoch > epoch)?;
        let floor = self.iter().filter(|e| e.epoch <= epoch).last();
        // Below the oldest epoch Kafka answers the epoch that was asked for.
        Some(EpochEnd { epoch: floor.map_or(epoch, |f| f.epoch), end: next.start })
    }

    pub(super) fn from_ascending(mut all: Vec<EpochStart>) -> Option<Self> {
        let ascending = all.windows(2).all(|w| w[0].epoch < w[1].epoch && w[0].start <= w[1].start);
        let current = all.pop()?;
        all.shrink_to_fit();
        ascending.then_some(Self { current, older: all })
    }
}
