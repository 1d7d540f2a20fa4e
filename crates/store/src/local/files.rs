//! Sealed files as readers see them: a bounded number of them open, a bounded number of their indexes in memory. And who
//! still needs them: a file that nobody names any more can go.

use std::{
    hash::Hash,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashbrown::HashMap;

use super::{
    buffer::Aligned,
    codec::Seed,
    segment::{self, Index, Kind, file_name},
    shelf::{FileId, Run, Snapshot},
};
use crate::{
    disk::{Disk, DiskFile, How},
    seam::{Fault, Patience, ReadError},
};

/// Keeps what was used last, within a budget of weight.
struct Recent<K, V> {
    entries: HashMap<K, (V, u64, u64)>,
    weight: u64,
    budget: u64,
    clock: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    fn new(budget: u64) -> Self {
        Self { entries: HashMap::new(), weight: 0, budget, clock: 0 }
    }
    fn get(&mut self, key: &K) -> Option<V> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.2 = self.clock;
        Some(entry.0.clone())
    }
    fn put(&mut self, key: K, value: V, weight: u64) {
        self.clock += 1;
        if let Some((_, old, _)) = self.entries.insert(key, (value, weight, self.clock)) {
            self.weight -= old;
        }
        self.weight += weight;
        if self.weight > self.budget && self.entries.len() > 1 {
            self.make_room();
        }
    }
    /// Drops the least recently used quarter: looking for the oldest at each insertion would cost more than what is kept.
    fn make_room(&mut self) {
        let mut ticks: Vec<u64> = self.entries.values().map(|e| e.2).collect();
        let quarter = ticks.len() / 4;
        let (_, limit, _) = ticks.select_nth_unstable(quarter);
        let limit = *limit;
        let newest = self.clock;
        let mut weight = 0;
        self.entries.retain(|_, (_, w, tick)| {
            let kept = *tick > limit || *tick == newest;
            weight += if kept { *w } else { 0 };
            kept
        });
        self.weight = weight;
        if self.weight > self.budget && self.entries.len() > 1 {
            self.make_room();
        }
    }
    fn drop_key(&mut self, key: &K) {
        if let Some((_, weight, _)) = self.entries.remove(key) {
            self.weight -= weight;
        }
    }
    fn clear(&mut self) {
        self.entries.clear();
        self.weight = 0;
    }
}

/// How much of a file is still needed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) kind: Kind,
    /// Runs or snapshots that are named.
    pub(super) refs: u32,
    pub(super) living: u64,
    pub(super) total: u64,
}

impl Usage {
    /// Worth writing again. Small segments are not: merges take them. States always are: they join the next file.
    pub(super) fn is_half_dead(&self) -> bool {
        let large = self.kind == Kind::Snapshots || self.total >= 64 << 10;
        large && self.living * 2 < self.total
    }
}

struct State {
    open: Recent<FileId, Arc<dyn DiskFile>>,
    indexes: Recent<(FileId, u64), Arc<Index>>,
    usage: HashMap<FileId, Usage>,
}

pub(super) struct Files {
    disk: Arc<dyn Disk>,
    seed: Seed,
    state: Mutex<State>,
}

impl Files {
    pub(super) fn new(disk: Arc<dyn Disk>, seed: Seed, open: usize, indexes: u64) -> Self {
        let state = State { open: Recent::new(open as u64), indexes: Recent::new(indexes), usage: HashMap::new() };
        Self { disk, seed, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody names `living` bytes of a file.
    pub(super) fn hold(&self, kind: Kind, id: FileId, living: u64) {
        let mut state = self.state();
        let usage = state.usage.entry(id).or_insert(Usage { kind, refs: 0, living: 0, total: 0 });
        usage.refs += 1;
        usage.living += living;
        usage.total = usage.total.max(usage.living);
    }

    /// Somebody names them no more.
    pub(super) fn release(&self, id: FileId, living: u64) {
        if let Some(usage) = self.state().usage.get_mut(&id) {
            usage.refs = usage.refs.saturating_sub(1);
            usage.living = usage.living.saturating_sub(living);
        }
    }

    /// Some of what is named is not needed any more.
    pub(super) fn lessen(&self, id: FileId, dead: u64) {
        if let Some(usage) = self.state().usage.get_mut(&id) {
            usage.living = usage.living.saturating_sub(dead);
        }
    }

    /// A hole was punched: those bytes are on the disk no more.
    pub(super) fn shrink(&self, id: FileId, bytes: u64) {
        if let Some(usage) = self.state().usage.get_mut(&id) {
            usage.total = usage.total.saturating_sub(bytes).max(usage.living);
        }
    }

    /// Files that nobody names. They are forgotten here; the caller unlinks them.
    pub(super) fn take_dead(&self) -> Vec<(Kind, FileId)> {
        let mut state = self.state();
        let dead: Vec<_> = state.usage.iter().filter(|(_, u)| u.refs == 0).map(|(id, u)| (u.kind, *id)).collect();
        for (_, id) in &dead {
            state.usage.remove(id);
            state.open.drop_key(id);
        }
        dead
    }

    /// What `take_dead` gave could not be unlinked.
    pub(super) fn put_back(&self, dead: &[(Kind, FileId)]) {
        let mut state = self.state();
        for (kind, id) in dead {
            state.usage.entry(*id).or_insert(Usage { kind: *kind, refs: 0, living: 0, total: 0 });
        }
    }

    pub(super) fn usage(&self) -> Vec<(FileId, Usage)> {
        self.state().usage.iter().map(|(id, u)| (*id, *u)).collect()
    }

    pub(super) fn names(&self, id: FileId) -> bool {
        self.state().usage.contains_key(&id)
    }

    pub(super) fn open_count(&self) -> u64 {
        self.state().open.entries.len() as u64
    }

    /// Closes what nobody reads, and forgets indexes.
    pub(super) fn rest(&self) {
        let mut state = self.state();
        state.open.clear();
        state.indexes.clear();
    }

    /// The open file.
    pub(super) fn file(&self, kind: Kind, id: FileId, patience: Patience) -> Result<Arc<dyn DiskFile>, ReadError> {
        if let Some(file) = self.state().open.get(&id) {
            return Ok(file);
        }
        if patience == Patience::Now {
            return Err(ReadError::WouldBlock);
        }
        self.open(kind, id).map_err(|fault| ReadError::Fault(Arc::new(fault)))
    }

    fn open(&self, kind: Kind, id: FileId) -> Result<Arc<dyn DiskFile>, Fault> {
        let opened = self.disk.open(&file_name(kind, id), How::default());
        let file = opened.map_err(|source| fault("open", kind, id, source))?;
        self.state().open.put(id, file.clone(), 1);
        Ok(file)
    }

    /// The index of a run.
    pub(super) fn index(&self, run: &Run, patience: Patience) -> Result<Arc<Index>, ReadError> {
        let key = (run.file, run.index_at);
        if let Some(index) = self.state().indexes.get(&key) {
            return Ok(index);
        }
        let file = self.file(Kind::Segment, run.file, patience)?;
        let bytes = read(&*file, Kind::Segment, run.file, run.index_at, run.index_len as usize, patience)?;
        let index = segment::take_index(self.seed, &bytes, run).ok_or_else(|| {
            let range = run.index_at..run.index_at + u64::from(run.index_len);
            damaged(run.file, range, run.base..run.last.saturating_add(1))
        })?;
        let index = Arc::new(index);
        self.state().indexes.put(key, index.clone(), index.weight());
        Ok(index)
    }

    /// Whole payloads of a run, rows `rows` of its index, verified. Fewer when a later one is damaged or not at hand.
    pub(super) fn payloads(
        &self,
        run: &Run,
        index: &Index,
        rows: std::ops::Range<usize>,
        patience: Patience,
        verify: bool,
    ) -> Result<(Vec<u8>, usize), ReadError> {
        let wanted = &index.rows[rows];
        let Some((first, last)) = wanted.first().zip(wanted.last()) else { return Ok((Vec::new(), 0)) };
        let at = run.data_at + first.pos;
        let len = (last.pos + u64::from(last.stored.bytes) - first.pos) as usize;
        let file = self.file(Kind::Segment, run.file, patience)?;
        let mut bytes = read(&*file, Kind::Segment, run.file, at, len, patience)?;
        let mut good = 0;
        for row in wanted {
            let begin = (row.pos - first.pos) as usize;
            let range = begin..begin + row.stored.bytes as usize;
            let sound = bytes.get(range.clone()).is_some_and(|b| !verify || self.seed.crc(b) == row.crc);
            if !sound {
                if good == 0 {
                    let in_file = at + range.start as u64..at + range.end as u64;
                    return Err(damaged(run.file, in_file, row.stored.base..row.stored.last.saturating_add(1)));
                }
                bytes.truncate(begin);
                break;
            }
            good += 1;
        }
        Ok((bytes, good))
    }

    /// Bytes of a file, unverified.
    pub(super) fn range(&self, kind: Kind, id: FileId, at: u64, len: usize) -> Result<Vec<u8>, ReadError> {
        let file = self.file(kind, id, Patience::Block)?;
        read(&*file, kind, id, at, len, Patience::Block)
    }

    /// The same into a buffer that grows for it. Answers how many there are: a file that ends early has fewer.
    pub(super) fn fill(&self, into: &mut Aligned, kind: Kind, id: FileId, at: u64, len: usize) -> Result<usize, Fault> {
        let known = self.state().open.get(&id);
        let file = known.map_or_else(|| self.open(kind, id), Ok)?;
        let end = file.len().map_err(|e| fault("measure", kind, id, e))?;
        let len = len.min(end.saturating_sub(at) as usize);
        into.reserve(len);
        file.read_at(&mut into[..len], at).map_err(|e| fault("read", kind, id, e))
    }

    /// Are these the bytes that were written as a snapshot?
    pub(super) fn is_snapshot(&self, log: u64, version: u64, s: &Snapshot, bytes: &[u8]) -> bool {
        segment::snapshot_crc(self.seed, log, version, bytes) == s.crc
    }

    /// The directory says how large a file is: what of it is not living is dead since an earlier start.
    pub(super) fn measured(&self, id: FileId, bytes: u64) {
        if let Some(usage) = self.state().usage.get_mut(&id) {
            usage.total = usage.total.max(bytes);
        }
    }

    /// After a start the living bytes are known. How large files are is told later, by `measured`.
    pub(super) fn measure(&self) {
        self.state().usage.values_mut().for_each(|u| u.total = u.living);
    }

    /// The bytes of a snapshot. `None` when they are not what was written; an error when they could not be read, which says
    /// nothing about them.
    pub(super) fn snapshot(&self, log: u64, version: u64, s: &Snapshot) -> Result<Option<Vec<u8>>, ReadError> {
        let bytes = self.range(Kind::Snapshots, s.file, s.at, s.len as usize)?;
        Ok((bytes.len() == s.len as usize && self.is_snapshot(log, version, s, &bytes)).then_some(bytes))
    }
}

fn fault(operation: &'static str, kind: Kind, id: FileId, source: io::Error) -> Fault {
    Fault::Io { operation, file: file_name(kind, id), source }
}

pub(super) fn damaged(file: FileId, range: std::ops::Range<u64>, positions: std::ops::Range<i64>) -> ReadError {
    ReadError::Damaged { file: file_name(Kind::Segment, file), range, positions }
}

/// Reads a range; a file that ends early answers fewer bytes.
fn read(file: &dyn DiskFile, kind: Kind, id: FileId, at: u64, len: usize, patience: Patience) -> Result<Vec<u8>, ReadError> {
    // The manifest and the index are behind checksums, but a length is still no reason to take memory for nothing.
    if len > 64 << 20 && file.len().is_ok_and(|end| at + len as u64 > end) {
        return Ok(Vec::new());
    }
    let failed = |e| ReadError::Fault(Arc::new(fault("read", kind, id, e)));
    let mut bytes = vec![0; len];
    let n = match patience {
        Patience::Block => file.read_at(&mut bytes, at).map_err(failed)?,
        Patience::Now => match file.read_now(&mut bytes, at) {
            Ok(n) if n == len => n,
            Ok(_) => return Err(ReadError::WouldBlock),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(ReadError::WouldBlock),
            Err(e) => return Err(failed(e)),
        },
    };
    bytes.truncate(n);
    Ok(bytes)
}
