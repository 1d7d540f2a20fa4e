//! What is known of each log in memory: its version, its bounds, where its payloads lie. Knows no files by itself.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use bytes::Bytes;
use hashbrown::HashMap;

use super::{buffer::Chunk, codec::Seed, fold::Share};
use crate::seam::{Bounds, Millis, Stored};

/// Number of a file. The upper half is the term of the start that made it, so a number is never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct FileId(pub(super) u64);

/// A payload that is in memory.
#[derive(Clone)]
pub(super) struct Staged {
    pub(super) base: i64,
    pub(super) last: i64,
    pub(super) at: Millis,
    pub(super) stamp: Millis,
    pub(super) lsn: u64,
    pub(super) writer: u32,
    pub(super) len: u32,
    /// Where in the chunk. Chunks are as large as entries: below 4 GiB.
    pub(super) offset: u32,
    /// What the payload adds to a checksum.
    pub(super) share: Share,
    pub(super) chunk: Arc<Chunk>,
}

impl Staged {
    pub(super) fn stored(&self) -> Stored {
        Stored { base: self.base, last: self.last, bytes: self.len, at: self.at, stamp: self.stamp, writer: self.writer }
    }
    pub(super) fn view(&self) -> &[u8] {
        self.chunk.view(self.range())
    }
    pub(super) fn bytes(&self) -> Bytes {
        self.chunk.bytes(self.range())
    }
    /// The checksum that it has in a segment.
    pub(super) fn crc(&self, seed: Seed) -> u32 {
        !self.share.after(seed.register(), self.len as usize)
    }
    fn range(&self) -> Range<usize> {
        self.offset as usize..self.offset as usize + self.len as usize
    }
}

/// Payloads of one log that lie side by side in one segment file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Run {
    pub(super) file: FileId,
    /// Where the payload bytes are.
    pub(super) data_at: u64,
    pub(super) data_len: u64,
    /// Where the run's index is in the file's footer.
    pub(super) index_at: u64,
    pub(super) index_len: u32,
    pub(super) count: u32,
    pub(super) base: i64,
    pub(super) last: i64,
    pub(super) max_at: Millis,
    pub(super) max_stamp: Millis,
    /// Bytes at the front that were trimmed, whole payloads.
    pub(super) dead: u64,
}

impl Run {
    /// Payload bytes that were not trimmed.
    pub(super) fn living(&self) -> u64 {
        self.data_len - self.dead
    }
    /// Bytes of the file that are needed for them.
    pub(super) fn weight(&self) -> u64 {
        self.living() + u64::from(self.index_len)
    }
}

/// The state of a log, as a checkpoint wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Snapshot {
    pub(super) file: FileId,
    pub(super) at: u64,
    pub(super) len: u32,
    pub(super) crc: u32,
}

impl Snapshot {
    /// Bytes of the file that are needed for it.
    pub(super) fn weight(&self) -> u64 {
        u64::from(self.len) + 24
    }
}

/// Positions and versions that damage of the write-ahead log took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hole {
    pub(super) base: i64,
    pub(super) last: i64,
    /// The log's versions after `version` are unknown for `parts` parts.
    pub(super) version: u64,
    pub(super) parts: u32,
    /// The log file and the range in it.
    pub(super) file: FileId,
    pub(super) at: u64,
    pub(super) len: u64,
}

/// One log.
pub(super) struct Log {
    pub(super) id: u64,
    state: Mutex<State>,
}

/// What the lock of a log guards.
#[derive(Default)]
pub(super) struct State {
    /// Parts ever taken, reserved ones included.
    pub(super) version: u64,
    /// The first entry of this process with a part of this log; zero when there was none.
    pub(super) first_lsn: u64,
    /// The last reserved entry with a part of this log.
    pub(super) last_lsn: u64,
    /// The first position that was not trimmed.
    pub(super) start: i64,
    /// One past the last position, reserved ones included.
    pub(super) end: i64,
    /// Payload bytes from `start` on, reserved ones included.
    pub(super) bytes: u64,
    /// Payloads in memory, in order. The first `sealed` of them are in a segment too.
    pub(super) tail: VecDeque<Staged>,
    pub(super) sealed: usize,
    /// Bytes of the others.
    pub(super) unsealed: u64,
    /// Where older payloads lie, in order.
    pub(super) runs: Vec<Run>,
    pub(super) snapshot: Option<Box<Snapshot>>,
    /// The version that the last checkpoint covers: facts after it are in the write-ahead log.
    pub(super) covered: u64,
    /// What damage took. Rare, so that most logs pay eight bytes for it.
    #[allow(clippy::box_collection)]
    pub(super) holes: Option<Box<Vec<Hole>>>,
    /// On the list of what the next checkpoint must look at.
    pub(super) dirty: bool,
    /// Has sealed payloads in memory, and is on the list of those.
    pub(super) cached: bool,
    /// On the list of rows that the manifest must hear of.
    pub(super) changed: bool,
    pub(super) removed: bool,
}

impl Log {
    pub(super) fn new(id: u64, state: State) -> Self {
        Self { id, state: Mutex::new(state) }
    }
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under this lock aborts the process in a release build; in a test the state is still what it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Index of the first payload in memory whose `last >= position`.
    pub(super) fn tail_from(&self, position: i64) -> usize {
        self.tail.partition_point(|s| s.last < position)
    }

    /// How many payloads of the tail are committed.
    pub(super) fn committed_tail(&self, committed: u64) -> usize {
        let mut n = self.tail.len();
        while n > 0 && self.tail[n - 1].lsn > committed {
            n -= 1;
        }
        n
    }

    /// Runs hold what lies before this position; from it on the tail is asked.
    pub(super) fn tail_base(&self) -> i64 {
        self.tail.front().map_or(i64::MAX, |s| s.base)
    }

    pub(super) fn bounds(&self, committed: u64) -> Bounds {
        let n = self.committed_tail(committed);
        let pending: u64 = self.tail.range(n..).map(|s| u64::from(s.len)).sum();
        let end = match (n.checked_sub(1), self.tail.get(n)) {
            (_, None) => self.end,
            (Some(i), _) => self.tail[i].last + 1,
            // Nothing committed in memory: what the runs have, or what was trimmed away.
            (None, Some(_)) => self.runs.last().map_or(self.start, |r| r.last + 1).max(self.start),
        };
        Bounds { start: self.start, end, bytes: self.bytes - pending }
    }
}

/// All logs. Divided, so that making one does not stop all.
pub(super) struct Shelf {
    shards: [RwLock<HashMap<u64, Arc<Log>>>; SHARDS],
}

const SHARDS: usize = 16;

impl Default for Shelf {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()) }
    }
}

impl Shelf {
    fn shard(&self, id: u64) -> &RwLock<HashMap<u64, Arc<Log>>> {
        &self.shards[(id % SHARDS as u64) as usize]
    }
    pub(super) fn get(&self, id: u64) -> Option<Arc<Log>> {
        self.shard(id).read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
    pub(super) fn get_or_new(&self, id: u64) -> Arc<Log> {
        if let Some(log) = self.get(id) {
            return log;
        }
        let mut shard = self.shard(id).write().unwrap_or_else(PoisonError::into_inner);
        shard.entry(id).or_insert_with(|| Arc::new(Log::new(id, State::default()))).clone()
    }
    pub(super) fn insert(&self, log: Arc<Log>) {
        self.shard(log.id).write().unwrap_or_else(PoisonError::into_inner).insert(log.id, log);
    }
    pub(super) fn take(&self, id: u64) -> Option<Arc<Log>> {
        self.shard(id).write().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
    /// Every log, one shard at a time: the caller holds no lock while it looks at them.
    pub(super) fn all(&self) -> Vec<Arc<Log>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.read().unwrap_or_else(PoisonError::into_inner).values().cloned());
        }
        all
    }
}
