//! Giving space back: trims, removals, files that nobody names, holes in files, the cache in memory; and saying no while
//! the disk is full.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hashbrown::HashMap;

use super::{
    Inner,
    keeper::row_of,
    manifest::Item,
    segment::{Kind, file_name},
    shelf::{FileId, Log, Run, State},
    wal::Mark,
};
use crate::{
    disk::{ALIGN, How, Space as DiskSpace},
    plant::Plant,
    seam::{Fault, LogId, NoCredit, Patience},
};

/// A file of no content that takes room.
pub(super) const RESERVE: &str = "reserve";
/// Holes are punched in steps of this size.
const STEP: u64 = 256 << 10;
/// So many bytes that could be given back are reason enough for a manifest edit.
const WORTH: u64 = 1 << 20;
/// While the disk is full it is asked at most this often.
const ASK: Duration = Duration::from_millis(50);

/// A log that is gone.
#[derive(Clone, Copy)]
struct Gone {
    /// Its parts up to this LSN are not replayed.
    lsn: u64,
    /// The manifest knows.
    published: bool,
}

/// What waits to be given back.
pub(super) struct Space {
    /// Logs whose row changed without a checkpoint.
    changed: Mutex<Vec<Arc<Log>>>,
    gone: Mutex<HashMap<u64, Gone>>,
    /// Ranges of files that nobody needs.
    holes: Mutex<Vec<(FileId, u64, u64)>>,
    reclaim: AtomicU64,
    /// Logs with payloads in memory that are in a segment too.
    cached: Mutex<Vec<Arc<Log>>>,
    /// Bytes of credit until the disk is asked again.
    left: AtomicI64,
    red: AtomicBool,
    /// The reserve is on the disk.
    reserved: AtomicU64,
    /// The last answer of the disk.
    last: Mutex<DiskSpace>,
    asked: Mutex<Option<Instant>>,
    /// The last chores met a full disk, whatever the file system says about its room: nothing comes back by itself.
    pub(super) stuck: AtomicBool,
    /// There was no room for a larger log.
    pub(super) no_larger: AtomicBool,
    /// That was said, and no checkpoint has found room since.
    pub(super) told: AtomicBool,
}

impl Space {
    pub(super) fn new(gone: &HashMap<u64, u64>) -> Self {
        let gone = gone.iter().map(|(log, lsn)| (*log, Gone { lsn: *lsn, published: true })).collect();
        Self {
            changed: Mutex::default(),
            gone: Mutex::new(gone),
            holes: Mutex::default(),
            reclaim: AtomicU64::new(0),
            cached: Mutex::default(),
            left: AtomicI64::new(0),
            stuck: AtomicBool::new(false),
            no_larger: AtomicBool::new(false),
            told: AtomicBool::new(false),
            red: AtomicBool::new(false),
            reserved: AtomicU64::new(0),
            last: Mutex::default(),
            asked: Mutex::new(None),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// See [`crate::seam::Store::trim`].
    pub(super) fn trim(self: &Arc<Self>, log: LogId, start: i64) {
        let Some(log) = self.shelf.get(log.0) else { return };
        self.fetch_index(&log, start);
        let mut state = log.lock();
        if start <= state.start {
            // An index that could not be read at the first trim is counted at a later one.
            let start = state.start;
            self.trim_runs(&log, &mut state, start);
            return;
        }
        state.start = start;
        state.end = state.end.max(start);
        while state.tail.front().is_some_and(|s| s.last < start) {
            let Some(first) = state.tail.pop_front() else { break };
            if state.sealed > 0 {
                state.sealed -= 1;
            } else {
                state.bytes -= u64::from(first.len);
                state.unsealed = state.unsealed.saturating_sub(u64::from(first.len));
            }
        }
        self.note_changed(&log, &mut state);
        self.trim_runs(&log, &mut state, start);
        drop(state);
        if self.worth_freeing() {
            self.nudge_keeper();
        }
    }

    /// Reads the index that a trim will need while nobody waits for the log. One that cannot be read is met again, and
    /// judged, under the lock.
    fn fetch_index(&self, log: &Log, start: i64) {
        let run = log.lock().runs.iter().find(|r| r.last >= start).copied();
        if let Some(run) = run.filter(|r| r.base < start) {
            let _ = self.files.index(&run, Patience::Block);
        }
    }

    /// Drops runs below `start`, and counts what of the next one is dead. The manifest hears of it before files go.
    pub(super) fn trim_runs(&self, log: &Arc<Log>, state: &mut State, start: i64) {
        while let Some(run) = state.runs.first().copied().filter(|r| r.last < start) {
            self.note_changed(log, state);
            state.runs.remove(0);
            state.bytes -= run.living();
            lock(&self.space.holes).push((run.file, run.data_at, run.data_len));
            self.files.release(run.file, run.weight());
            self.space.reclaim.fetch_add(run.living(), Ordering::Relaxed);
        }
        let Some(run) = state.runs.first().copied().filter(|r| r.base < start) else { return };
        let dead = self.dead_before(&run, start);
        if dead <= run.dead {
            return;
        }
        self.note_changed(log, state);
        state.runs[0].dead = dead;
        state.bytes -= dead - run.dead;
        self.files.lessen(run.file, dead - run.dead);
        let (from, to) = (run.dead / STEP * STEP, dead / STEP * STEP);
        if to > from {
            lock(&self.space.holes).push((run.file, run.data_at + from, to - from));
            self.space.reclaim.fetch_add(to - from, Ordering::Relaxed);
        }
    }

    /// Bytes of whole payloads of a run below `start`. A damaged index says nothing, and keeps its run whole.
    pub(super) fn dead_before(&self, run: &Run, start: i64) -> u64 {
        if run.base >= start {
            return run.dead;
        }
        let Ok(index) = self.files.index(run, Patience::Block) else { return run.dead };
        index.rows.get(index.from(start)).map_or(run.data_len, |r| r.pos)
    }

    /// Under the log's lock: its row goes into the next edit.
    pub(super) fn note_changed(&self, log: &Arc<Log>, state: &mut State) {
        if !state.changed {
            state.changed = true;
            lock(&self.space.changed).push(log.clone());
        }
    }

    pub(super) fn has_changed_rows(&self) -> bool {
        !lock(&self.space.changed).is_empty() || lock(&self.space.gone).values().any(|g| !g.published)
    }

    /// See [`crate::seam::Store::remove`].
    pub(super) fn remove(self: &Arc<Self>, log: LogId) {
        let Some(log) = self.shelf.get(log.0) else { return };
        let mut state = log.lock();
        if state.removed {
            return;
        }
        state.removed = true;
        state.tail.clear();
        state.sealed = 0;
        // Noted before the shelf forgets it: a manifest written meanwhile knows it by the one or by the other.
        lock(&self.space.gone).insert(log.id, Gone { lsn: state.last_lsn, published: false });
        self.shelf.take(log.id);
        for run in std::mem::take(&mut state.runs) {
            lock(&self.space.holes).push((run.file, run.data_at, run.data_len));
            self.files.release(run.file, run.weight());
            self.space.reclaim.fetch_add(run.living(), Ordering::Relaxed);
        }
        if let Some(s) = state.snapshot.take() {
            self.files.release(s.file, s.weight());
        }
        drop(state);
        if self.worth_freeing() {
            self.nudge_keeper();
        }
    }

    /// Rows that changed and logs that went since the last edit. With a mark also what it makes forgettable.
    pub(super) fn changed_rows(&self, mark: Option<&Mark>) -> Vec<Item> {
        let mut items = Vec::new();
        let changed = std::mem::take(&mut *lock(&self.space.changed));
        for log in changed {
            let mut state = log.lock();
            state.changed = false;
            if !state.removed {
                let mut row = row_of(&state, self.committed_lsn());
                if self.options.plants.has(Plant::TrimResurrects) {
                    row.start = 0;
                }
                items.push(Item::Row(log.id, row));
            }
        }
        lock(&self.space.gone).retain(|log, gone| {
            if !gone.published {
                items.push(Item::Gone(*log, gone.lsn));
                gone.published = true;
            }
            let forget = mark.is_some_and(|m| m.lsn >= gone.lsn);
            if forget {
                items.push(Item::Forget(*log));
            }
            !forget
        });
        items
    }

    /// An edit failed: what it would have told is told by the next one.
    pub(super) fn restore_changed(&self, items: &[Item]) {
        for item in items {
            match item {
                Item::Row(id, _) => {
                    if let Some(log) = self.shelf.get(*id) {
                        self.note_changed(&log, &mut log.lock());
                    }
                }
                Item::Gone(log, lsn) => {
                    lock(&self.space.gone).insert(*log, Gone { lsn: *lsn, published: false });
                }
                Item::Forget(log) => {
                    // The log is gone and the manifest knows: it can be forgotten again.
                    lock(&self.space.gone).entry(*log).or_insert(Gone { lsn: 0, published: true });
                }
                _ => {}
            }
        }
    }

    /// Logs that are gone, whether the manifest knows or not.
    pub(super) fn all_gone(&self) -> HashMap<u64, u64> {
        lock(&self.space.gone).iter().map(|(log, g)| (*log, g.lsn)).collect()
    }

    /// Unlinks what nobody names, after the manifest has heard that nobody does.
    pub(super) fn unlink_dead(&self) -> Result<(), Fault> {
        let dead = self.files.take_dead();
        let holes = std::mem::take(&mut *lock(&self.space.holes));
        self.space.reclaim.store(0, Ordering::Relaxed);
        let early = self.options.plants.has(Plant::UnlinkTooEarly);
        if early {
            self.unlink(&dead)?;
        }
        // Who let a file go noted its row first: taken after the dead, the rows cover them all.
        let items = self.changed_rows(None);
        if !items.is_empty()
            && let Err(fault) = self.edit_manifest(&items)
        {
            self.restore_changed(&items);
            self.files.put_back(&dead);
            lock(&self.space.holes).extend(holes);
            return Err(fault);
        }
        if !early {
            self.unlink(&dead)?;
        }
        self.punch(holes);
        Ok(())
    }

    fn unlink(&self, dead: &[(Kind, FileId)]) -> Result<(), Fault> {
        for (kind, id) in dead {
            let name = file_name(*kind, *id);
            self.disk.unlink(&name).map_err(|source| Fault::Io { operation: "unlink", file: name, source })?;
        }
        Ok(())
    }

    /// Gives back whole blocks of ranges in files that still live. Where that cannot be, the file is written again later,
    /// when half of it is dead.
    fn punch(&self, holes: Vec<(FileId, u64, u64)>) {
        for (id, at, len) in holes {
            let from = at.next_multiple_of(ALIGN as u64);
            let to = (at + len) / ALIGN as u64 * ALIGN as u64;
            if to < from + STEP / 4 || !self.files.names(id) {
                continue;
            }
            let how = How { write: true, ..How::default() };
            let punched = self.disk.open(&file_name(Kind::Segment, id), how).and_then(|f| f.punch(from, to - from));
            if punched.is_ok() {
                self.files.shrink(id, to - from);
            }
        }
    }

    /// Under the log's lock: it has payloads in memory that could go.
    pub(super) fn note_cached(&self, log: &Arc<Log>, state: &mut State) {
        if state.sealed > 0 && !state.cached {
            state.cached = true;
            lock(&self.space.cached).push(log.clone());
        }
    }

    /// Drops payloads from memory that are in segments, oldest first, until at most `keep` bytes of chunks are in use.
    /// Free chunks stay for reuse: a fresh page costs more than a used one.
    pub(super) fn evict(&self, keep: u64) {
        let newest = self.last_mark().lsn;
        for quarter in 1..=4 {
            if self.pool.in_use() <= keep {
                return;
            }
            let logs = std::mem::take(&mut *lock(&self.space.cached));
            let oldest = logs.iter().filter_map(|l| l.lock().tail.front().map(|s| s.lsn)).min().unwrap_or(newest);
            let upto = oldest + (newest.saturating_sub(oldest)) * quarter / 4;
            let kept = logs.into_iter().filter(|log| drop_cached(log, upto)).collect::<Vec<_>>();
            lock(&self.space.cached).extend(kept);
        }
    }

    /// On a full disk every byte is worth a sweep.
    fn worth_freeing(&self) -> bool {
        let bytes = self.space.reclaim.load(Ordering::Relaxed);
        bytes >= WORTH || bytes > 0 && self.is_red()
    }

    pub(super) fn is_red(&self) -> bool {
        self.space.red.load(Ordering::Relaxed)
    }

    /// Refuses records while the disk is full. Asks the disk only now and then, and has the keeper look for room then.
    pub(super) fn admit(self: &Arc<Self>, bytes: u64) -> Result<(), NoCredit> {
        let left = self.space.left.fetch_sub(bytes as i64, Ordering::Relaxed);
        if left > bytes as i64 {
            return Ok(());
        }
        let mut asked = lock(&self.space.asked);
        let red = self.space.red.load(Ordering::Relaxed);
        let missing = match (red, *asked) {
            (true, Some(when)) if when.elapsed() < ASK => self.missing_bytes(None),
            _ => {
                *asked = Some(Instant::now());
                let missing = match self.disk.space() {
                    Ok(space) => self.missing_bytes(Some(space)),
                    // A disk that does not tell is not called full: a write will find out.
                    Err(_) => 0,
                };
                if missing > 0 {
                    self.nudge_keeper();
                }
                missing
            }
        };
        if missing == 0 { Ok(()) } else { Err(NoCredit::DiskFull { missing }) }
    }

    /// Facts are taken also while the disk is full. They look at it too, so that a broker that takes nothing else moves what
    /// is staged while there is room, and not when others have taken it.
    pub(super) fn look_beside(self: &Arc<Self>) {
        const BESIDE: Duration = Duration::from_secs(1);
        // Somebody else looks.
        let Ok(mut asked) = self.space.asked.try_lock() else { return };
        if asked.is_some_and(|when| when.elapsed() < BESIDE) {
            return;
        }
        *asked = Some(Instant::now());
        let was_red = self.is_red();
        let Ok(space) = self.disk.space() else { return };
        if self.missing_bytes(Some(space)) > 0 && !was_red {
            self.nudge_keeper();
        }
    }

    /// What of a disk is kept free. Of a small one a sixteenth is enough.
    pub(super) fn reserve(&self, space: &DiskSpace) -> u64 {
        self.options.reserve.min(space.total / 16)
    }

    /// How much is missing below the reserve, when `free` bytes are free; by the last answer when it is not asked.
    fn missing_bytes(&self, space: Option<DiskSpace>) -> u64 {
        let space = match space {
            Some(space) => {
                *lock(&self.space.last) = space;
                space
            }
            None => *lock(&self.space.last),
        };
        let free = space.free;
        // What is staged must still find its place in segments.
        let need = self.reserve(&space) + self.room.staged() * 2;
        let missing = need.saturating_sub(free);
        let was_red = self.space.red.swap(missing > 0, Ordering::Relaxed);
        if missing > 0 {
            self.space.left.store(0, Ordering::Relaxed);
            if !was_red {
                // Comes and goes with what is staged: who refuses a record because of it says so aloud, once.
                tracing::debug!(missing, free, "the disk is short of room");
            }
        } else {
            self.space.left.store(((free - need) / 2).min(self.options.look) as i64, Ordering::Relaxed);
            if was_red {
                tracing::debug!(free, "the disk has room again");
            }
        }
        missing
    }

    /// Keeps room on the disk, so that on a full one a checkpoint of what a small log holds can still be written: it gives
    /// back what it takes, and without it neither positions nor deletions would go on. Taken, not written: that is quick.
    ///
    /// A manifest fits in beside that: the next start writes a whole one.
    pub(super) fn keep_reserve(&self) {
        let manifest = self.manifest().bytes();
        let reserved = self.space.reserved.load(Ordering::Relaxed);
        if reserved >= self.options.log_min + manifest {
            return;
        }
        let small = self.disk.space().map_or(0, |space| space.total / 16);
        // It is made larger seldom: a manifest grows by each edit.
        let size = (2 * self.options.log_min).min(small).max(self.options.log_min) + 2 * manifest;
        let write = How { write: true, ..How::default() };
        let file = match self.disk.open(RESERVE, How { create: true, ..write }) {
            // An earlier start may have ended before it had taken all of it.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => self.disk.open(RESERVE, write),
            opened => opened,
        };
        let kept = file.map_or(0, |file| {
            // What is there already is not given up for want of more.
            let there = reserved.max(file.len().unwrap_or(0));
            let some = self.options.log_min + manifest;
            [size, some].into_iter().find(|size| *size > there && file.allocate(0, *size).is_ok()).unwrap_or(there)
        });
        if kept == 0 {
            let _ = self.disk.unlink(RESERVE);
        }
        self.space.reserved.store(kept, Ordering::Relaxed);
    }

    /// Lets that room go. Answers whether there was any.
    pub(super) fn spend_reserve(&self) -> bool {
        self.space.reserved.swap(0, Ordering::Relaxed) > 0 && self.disk.unlink(RESERVE).is_ok()
    }

    /// A write found the disk full: records are refused from here on, until it is asked and has room.
    pub(super) fn note_full(&self) {
        self.space.stuck.store(true, Ordering::Relaxed);
        self.space.left.store(0, Ordering::Relaxed);
        *lock(&self.space.asked) = Some(Instant::now());
        if let Ok(space) = self.disk.space() {
            self.missing_bytes(Some(space));
        }
    }
}

/// Drops cached payloads up to an LSN; a few at a time, so that nobody waits long for the log. Are there any left?
fn drop_cached(log: &Log, upto: u64) -> bool {
    loop {
        let mut state = log.lock();
        let mut n = 0;
        while n < 512 && state.sealed > 0 && state.tail.front().is_some_and(|s| s.lsn <= upto) {
            state.tail.pop_front();
            state.sealed -= 1;
            n += 1;
        }
        if n == 512 {
            continue;
        }
        if state.tail.is_empty() {
            state.tail.shrink_to_fit();
        }
        state.cached = state.sealed > 0;
        return state.cached;
    }
}
