//! The end of everything: where an entry gets its place. One short lock; inside it nothing waits, and no system call
//! happens but for the first pages of a new chunk.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    buffer::{Chunk, ChunkWriter, Pool},
    codec::Seed,
    fold,
    frame::{self, Row, Sealed},
};
use crate::seam::{Millis, Part};

/// Entries that lie side by side in a chunk and go into one frame.
pub(super) struct Batch {
    pub(super) chunk: Arc<Chunk>,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) first_lsn: u64,
    pub(super) entries: u32,
    /// One row a part, in order.
    pub(super) rows: Vec<Row>,
    /// Room held for these entries.
    pub(super) held: u64,
}

impl Batch {
    pub(super) fn body(&self) -> &[u8] {
        self.chunk.view(self.from..self.to)
    }

    /// The checksum of the body: read where no payload's share is known. Asked before the rows are merged.
    pub(super) fn crc(&self, seed: Seed) -> u32 {
        let (mut register, mut at) = (seed.register(), self.from);
        for folded in self.rows.iter().filter_map(|r| r.folded) {
            let (begin, len) = (folded.at as usize, folded.len as usize);
            register = fold::behind(register, self.chunk.view(at..begin));
            register = folded.share.after(register, len);
            at = begin + len;
        }
        let crc = !fold::behind(register, self.chunk.view(at..self.to));
        debug_assert_eq!(crc, seed.crc(self.body()));
        crc
    }

    /// Keeps the first `entries`, and gives back the rest. Their held room is told exactly.
    pub(super) fn divide(&mut self, entries: u32, bytes: usize, held: u64) -> Batch {
        let at = self.rows.partition_point(|r| r.entry < entries);
        let mut rows = self.rows.split_off(at);
        rows.iter_mut().for_each(|r| r.entry -= entries);
        let rest = Batch {
            chunk: self.chunk.clone(),
            from: self.from + bytes,
            to: self.to,
            first_lsn: self.first_lsn + u64::from(entries),
            entries: self.entries - entries,
            rows,
            held: self.held.saturating_sub(held),
        };
        self.to = rest.from;
        self.entries = entries;
        self.held -= rest.held;
        rest
    }
}

pub(super) struct Tail {
    inner: Mutex<Inner>,
    pool: Arc<Pool>,
    /// The last reserved LSN: lets a leader with nothing to do leave after two loads.
    reserved: AtomicU64,
}

struct Inner {
    writer: ChunkWriter,
    /// Where the open batch begins.
    from: usize,
    next_lsn: u64,
    entries: u32,
    rows: Vec<Row>,
    held: u64,
    /// Batches that were closed because their chunk was full.
    closed: VecDeque<Batch>,
    /// Emptied row vectors, for reuse.
    spare: Vec<Row>,
}

impl Inner {
    fn close(&mut self) {
        if self.entries == 0 {
            return;
        }
        let to = self.writer.filled();
        self.closed.push_back(Batch {
            chunk: self.writer.chunk().clone(),
            from: self.from,
            to,
            first_lsn: self.next_lsn - u64::from(self.entries),
            entries: self.entries,
            rows: std::mem::replace(&mut self.rows, std::mem::take(&mut self.spare)),
            held: self.held,
        });
        self.from = to;
        self.entries = 0;
        self.held = 0;
    }

    /// Makes sure that the chunk has room for an entry.
    fn make_room(&mut self, len: usize, pool: &Arc<Pool>) {
        if self.writer.room() < len {
            self.close();
            self.writer = pool.chunk(len);
            self.from = 0;
        }
    }
}

/// What an entry was given.
pub(super) struct Place {
    pub(super) lsn: u64,
    pub(super) chunk: Arc<Chunk>,
}

impl Tail {
    /// `last`: the last LSN that was ever given.
    pub(super) fn new(pool: Arc<Pool>, last: u64) -> Self {
        let writer = pool.chunk(0);
        let inner = Inner {
            writer,
            from: 0,
            next_lsn: last + 1,
            entries: 0,
            rows: Vec::with_capacity(256),
            held: 0,
            closed: VecDeque::new(),
            spare: Vec::with_capacity(256),
        };
        Self { inner: Mutex::new(inner), pool, reserved: AtomicU64::new(last) }
    }

    /// Gives the entry its place and copies it there. `sealed`, one a part, is told where each payload lies.
    pub(super) fn reserve(&self, at: Millis, parts: &[Part<'_>], held: u64, sealed: &mut [Sealed]) -> Place {
        let len = frame::entry_len(parts);
        let mut t = self.lock();
        t.make_room(len, &self.pool);
        let t = &mut *t;
        frame::put_entry(&mut t.writer, at, parts, |part, at| sealed[part].at = at as u32);
        let entry = t.entries;
        t.rows.extend(parts.iter().zip(sealed.iter()).map(|(part, sealed)| Row::new(entry, part, *sealed)));
        let lsn = t.next_lsn;
        t.next_lsn += 1;
        t.entries += 1;
        t.held += held;
        self.reserved.store(lsn, Ordering::Release);
        Place { lsn, chunk: t.writer.chunk().clone() }
    }

    /// Puts an entry that recovery read back into memory. It is in no batch: it is in the log already.
    pub(super) fn restore(&self, lsn: u64, entry: &[u8]) -> (Arc<Chunk>, usize) {
        let mut t = self.lock();
        t.make_room(entry.len(), &self.pool);
        let offset = t.writer.filled();
        t.writer.put(entry);
        t.from = t.writer.filled();
        t.next_lsn = lsn + 1;
        self.reserved.store(lsn, Ordering::Release);
        (t.writer.chunk().clone(), offset)
    }

    /// The oldest batch that waits; closes the open one when it is alone.
    pub(super) fn cut(&self) -> Option<Batch> {
        let mut t = self.lock();
        if t.closed.is_empty() {
            t.close();
        }
        t.closed.pop_front()
    }

    /// Gives a row vector back for reuse.
    pub(super) fn spare(&self, mut rows: Vec<Row>) {
        rows.clear();
        let mut t = self.lock();
        if t.spare.capacity() < rows.capacity() {
            t.spare = rows;
        }
    }

    pub(super) fn reserved(&self) -> u64 {
        self.reserved.load(Ordering::Acquire)
    }

    /// Starts a new chunk when the present one has only what is committed, so that its memory can go.
    pub(super) fn renew(&self) {
        let mut t = self.lock();
        if t.entries == 0 && t.closed.is_empty() && t.writer.filled() > 0 {
            t.writer = self.pool.chunk(0);
            t.from = 0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
