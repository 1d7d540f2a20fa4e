//! Reading: from the chunks in memory where they reach, from segments before that.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Inner, shelf::Staged};
use crate::{plant::Plant, seam::*};

/// Payloads smaller than this are copied together; larger ones are handed out where they are.
const COPY: usize = 8 << 10;

/// Collects payloads until there are enough.
pub(super) struct Gather {
    found: Found,
    small: Vec<u8>,
    max: usize,
}

impl Gather {
    pub(super) fn new(from: i64, max: usize) -> Self {
        Self { found: Found { upto: from - 1, ..Found::default() }, small: Vec::new(), max }
    }
    /// May another payload of this size come? The first always may.
    pub(super) fn wants(&self, len: usize) -> bool {
        self.found.bytes == 0 || self.found.bytes + len <= self.max
    }
    pub(super) fn is_empty(&self) -> bool {
        self.found.bytes == 0
    }
    /// Bytes that may still come.
    pub(super) fn room(&self) -> usize {
        self.max.saturating_sub(self.found.bytes)
    }
    fn add(&mut self, staged: &Staged) {
        let len = staged.len as usize;
        if len < COPY {
            self.small.extend_from_slice(staged.view());
        } else {
            self.settle();
            self.found.slices.push(Slice::Memory(staged.bytes()));
        }
        self.found.bytes += len;
        self.found.upto = staged.last;
    }
    /// Bytes of whole payloads, the last of which ends at position `upto`.
    pub(super) fn add_bytes(&mut self, bytes: Bytes, upto: i64) {
        self.settle();
        self.found.bytes += bytes.len();
        self.found.upto = upto;
        self.found.slices.push(Slice::Memory(bytes));
    }
    fn settle(&mut self) {
        if !self.small.is_empty() {
            self.found.slices.push(Slice::Memory(std::mem::take(&mut self.small).into()));
        }
    }
    fn finish(mut self) -> Found {
        self.settle();
        self.found
    }
}

impl Inner {
    pub(super) fn committed_lsn(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// See [`Store::read`].
    pub(super) fn read(&self, log: LogId, from: i64, upto: i64, max: usize, _: Patience) -> Result<Found, ReadError> {
        let log = self.shelf.get(log.0).ok_or(ReadError::NoLog)?;
        let mut gather = Gather::new(from, max);
        let state = log.lock();
        let from = from.max(state.start);
        self.read_tail(&state, from, upto, &mut gather);
        Ok(gather.finish())
    }

    fn read_tail(&self, state: &super::shelf::State, from: i64, upto: i64, gather: &mut Gather) {
        let committed = self.committed_lsn();
        let mut first = state.tail_from(from);
        if self.options.plants.has(Plant::IndexOffByOne) && first + 1 < state.tail.len() {
            first += 1;
        }
        for staged in state.tail.range(first..) {
            if staged.base >= upto || staged.lsn > committed || !gather.wants(staged.len as usize) {
                break;
            }
            gather.add(staged);
        }
    }

    /// See [`Store::list`].
    pub(super) fn list(&self, log: LogId, from: i64, max: usize) -> Result<Vec<Stored>, ReadError> {
        let log = self.shelf.get(log.0).ok_or(ReadError::NoLog)?;
        let state = log.lock();
        let committed = self.committed_lsn();
        let first = state.tail_from(from.max(state.start));
        let living = state.tail.range(first..).take_while(|s| s.lsn <= committed);
        Ok(living.take(max).map(Staged::stored).collect())
    }

    /// See [`Store::lookup`].
    pub(super) fn lookup(&self, log: LogId, query: Query) -> Result<Option<Stored>, ReadError> {
        let log = self.shelf.get(log.0).ok_or(ReadError::NoLog)?;
        let state = log.lock();
        let committed = self.committed_lsn();
        let living = || state.tail.range(state.tail_from(state.start)..).take_while(move |s| s.lsn <= committed);
        Ok(match query {
            Query::At(position) => living().find(|s| s.last >= position).map(Staged::stored),
            Query::AppendedAt(at) => living().find(|s| s.at >= at).map(Staged::stored),
            Query::StampedAt(stamp) => living().find(|s| s.stamp >= stamp).map(Staged::stored),
            Query::GreatestStamp => living().map(Staged::stored).reduce(|a, b| if b.stamp > a.stamp { b } else { a }),
            Query::KeepBytes(keep) => {
                let mut left: u64 = living().map(|s| u64::from(s.len)).sum();
                living()
                    .find(|s| {
                        let from_here = left;
                        left -= u64::from(s.len);
                        from_here <= keep
                    })
                    .map(Staged::stored)
            }
        })
    }

    /// See [`Store::bounds`].
    pub(super) fn bounds(&self, log: LogId) -> Option<Bounds> {
        let log = self.shelf.get(log.0)?;
        let state = log.lock();
        Some(state.bounds(self.committed_lsn()))
    }
}
