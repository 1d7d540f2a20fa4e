//! What is done beside the commit path: making the log larger or smaller, checkpoints, giving space back. On a thread of
//! its own that sleeps until it is told; without a thread, at the end of a commit.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Instant,
};

use hashbrown::HashMap;

use super::{
    Inner,
    buffer::Aligned,
    files::Files,
    manifest::{self, Item, LogRow},
    segment::{Kind, file_name},
    shelf::{FileId, Hole, Log, Run, Shelf, Snapshot, State},
    wal::{self, LogFile, Mark},
};
use crate::{
    disk::ALIGN,
    seam::{Damaged, Fault, Gauges, LogId, Lost, Lsn, Recovered, Replay, Version},
};

/// The keeper's mailbox, and what only it changes.
pub(super) struct Keeper {
    state: Mutex<Mailbox>,
    wake: Condvar,
    /// Work may be due. Looked at before the mailbox is locked.
    due: AtomicBool,
    /// Held while chores run: one at a time.
    chores: Mutex<()>,
    /// Where the last checkpoint ended.
    pub(super) mark: Mutex<Mark>,
    /// Files of earlier starts that nobody names were looked for.
    swept: AtomicBool,
    pub(super) checkpoints: AtomicU64,
    pub(super) recycled: AtomicU64,
    /// Bytes of the log that one second of reading takes, as measured.
    readable: AtomicU64,
}

#[derive(Default)]
struct Mailbox {
    stop: bool,
    handle: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn new(mark: Mark) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            due: AtomicBool::new(false),
            chores: Mutex::new(()),
            mark: Mutex::new(mark),
            swept: AtomicBool::new(false),
            checkpoints: AtomicU64::new(0),
            recycled: AtomicU64::new(0),
            readable: AtomicU64::new(u64::MAX),
        }
    }
    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A snapshot that could not be read, which says nothing about its bytes.
pub(super) type Unread<'a> = &'a dyn Fn(Fault) -> Result<(), Fault>;

/// Puts what the manifest knows of logs onto the shelf, and hands snapshots over. `unread` says whether to go on without
/// one that cannot be read: a start may not, since the checkpoint after it would write an empty state over a good one.
pub(super) fn load_rows(
    files: &Files,
    shelf: &Shelf,
    rows: HashMap<u64, LogRow>,
    replay: &mut dyn Replay,
    recovered: &mut Recovered,
    unread: Unread<'_>,
) -> Result<(), Fault> {
    let mut order: Vec<(u64, LogRow)> = rows.into_iter().collect();
    // Snapshots are read in the order in which they lie.
    order.sort_by_key(|(id, row)| (row.snapshot.map(|s| (s.file, s.at)), *id));
    let mut reader = SnapshotReader::default();
    for (id, row) in order {
        for run in &row.runs {
            files.hold(Kind::Segment, run.file, run.weight());
        }
        let mut holes = row.holes;
        if let Some(s) = &row.snapshot {
            files.hold(Kind::Snapshots, s.file, s.weight());
            let read = match reader.read(files, id, row.version, s) {
                Ok(bytes) => bytes,
                Err(fault) => unread(fault).map(|()| None)?,
            };
            match read {
                Some(bytes) => replay.snapshot(LogId(id), Version(row.version), bytes),
                None => {
                    holes.push(lost_snapshot(id, row.version, s, recovered));
                    replay.lost(Lost { log: LogId(id), version: Version(row.version), start: row.start, end: row.end });
                }
            }
        }
        if !holes.is_empty() {
            recovered.quarantined.push(LogId(id));
        }
        let state = State {
            version: row.version,
            covered: row.version,
            start: row.start,
            end: row.end,
            bytes: row.runs.iter().map(Run::living).sum(),
            runs: row.runs,
            snapshot: row.snapshot.map(Box::new),
            holes: (!holes.is_empty()).then(|| Box::new(holes)),
            ..State::default()
        };
        shelf.insert(Arc::new(Log::new(id, state)));
    }
    files.measure();
    Ok(())
}

fn lost_snapshot(log: u64, version: u64, s: &Snapshot, recovered: &mut Recovered) -> Hole {
    let name = file_name(Kind::Snapshots, s.file);
    let (at, len) = (s.at, u64::from(s.len));
    let what = format!("its state is damaged in {name} at {at}..{}", at + len);
    recovered.damage.push(Damaged { log: Some(LogId(log)), whose: None, file: name, what });
    Hole { base: 0, last: -1, version: 0, parts: version as u32, file: s.file, at, len }
}

/// Reads snapshots that lie side by side with few reads.
struct SnapshotReader {
    file: Option<FileId>,
    begin: u64,
    /// Mapped, so that nothing of a large snapshot stays when the start is over.
    buffer: Aligned,
    filled: usize,
}

impl Default for SnapshotReader {
    fn default() -> Self {
        Self { file: None, begin: 0, buffer: Aligned::new(1), filled: 0 }
    }
}

impl SnapshotReader {
    /// `None` when the bytes are gone or are not what was written.
    fn read(&mut self, files: &Files, log: u64, version: u64, s: &Snapshot) -> Result<Option<&[u8]>, Fault> {
        const WINDOW: usize = 1 << 20;
        let len = s.len as usize;
        let inside = |r: &Self| r.file == Some(s.file) && s.at >= r.begin && s.at + len as u64 <= r.begin + r.filled as u64;
        if !inside(self) {
            self.file = None;
            self.filled = match files.fill(&mut self.buffer, Kind::Snapshots, s.file, s.at, len.max(WINDOW)) {
                Err(Fault::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                filled => filled?,
            };
            (self.file, self.begin) = (Some(s.file), s.at);
        }
        if !inside(self) {
            return Ok(None);
        }
        let at = (s.at - self.begin) as usize;
        let bytes = &self.buffer[at..at + len];
        Ok(files.is_snapshot(log, version, s, bytes).then_some(bytes))
    }
}

/// What the manifest should know of a log now, between checkpoints.
pub(super) fn row_of(state: &State, committed: u64) -> LogRow {
    LogRow {
        version: state.covered,
        start: state.start,
        end: state.bounds(committed).end,
        runs: state.runs.clone(),
        snapshot: state.snapshot.as_deref().copied(),
        holes: state.holes.as_ref().map_or_else(Vec::new, |h| h.to_vec()),
    }
}

/// What the manifest should know of all logs.
pub(super) fn rows_of(shelf: &Shelf, committed: u64) -> HashMap<u64, LogRow> {
    let row = |log: Arc<Log>| {
        let state = log.lock();
        (!state.removed).then(|| (log.id, row_of(&state, committed)))
    };
    shelf.all().into_iter().filter_map(row).collect()
}

impl Inner {
    /// Tells the keeper that there may be something to do.
    pub(super) fn nudge_keeper(self: &Arc<Self>) {
        if self.keeper.due.swap(true, Ordering::AcqRel) || !self.options.background {
            return;
        }
        let mut mailbox = self.keeper.mailbox();
        if mailbox.stop {
            return;
        }
        if mailbox.handle.is_none() {
            let inner = self.clone();
            let spawned = std::thread::Builder::new().name("milena-keeper".into()).spawn(move || inner.keeper_thread());
            match spawned {
                Ok(handle) => mailbox.handle = Some(handle),
                Err(source) => {
                    drop(mailbox);
                    self.die(Fault::Io { operation: "spawn", file: "the keeper thread".into(), source });
                    return;
                }
            }
        }
        drop(mailbox);
        self.keeper.wake.notify_one();
    }

    fn keeper_thread(self: Arc<Self>) {
        // While there is something to give back a timer runs; after that the thread sleeps for good.
        let mut awake = true;
        let mut commits = 0;
        loop {
            {
                let mut mailbox = self.keeper.mailbox();
                while !mailbox.stop && !self.keeper.due.load(Ordering::Acquire) {
                    if !awake {
                        mailbox = self.keeper.wake.wait(mailbox).unwrap_or_else(PoisonError::into_inner);
                        continue;
                    }
                    let waited = self.keeper.wake.wait_timeout(mailbox, self.options.idle);
                    let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    mailbox = back;
                    if timeout.timed_out() {
                        break;
                    }
                }
                if mailbox.stop {
                    return;
                }
            }
            if self.keeper.due.load(Ordering::Acquire) {
                awake = true;
                self.run_chores();
                continue;
            }
            let now = self.pace.commits.load(Ordering::Relaxed);
            if now == commits && self.dead.get().is_none() {
                let _one = self.chores_lock();
                let rested = self.rest();
                self.judge(rested, false);
                awake = self.room.size() > self.options.log_min;
            }
            commits = now;
        }
    }

    /// Ends the keeper thread and waits for it.
    pub(super) fn stop_keeper(&self) {
        let handle = {
            let mut mailbox = self.keeper.mailbox();
            mailbox.stop = true;
            mailbox.handle.take()
        };
        self.keeper.wake.notify_one();
        if let Some(handle) = handle
            && handle.thread().id() != std::thread::current().id()
        {
            let _ = handle.join();
        }
    }

    /// Without a keeper thread its chores are done where a commit ends. Chores commit too, and so come back here: who
    /// finds them being done leaves them alone, and whoever does them looks again.
    pub(super) fn run_chores_inline(self: &Arc<Self>) {
        const ROUNDS: usize = 4;
        for _ in 0..ROUNDS {
            if self.options.background || !self.keeper.due.load(Ordering::Acquire) {
                return;
            }
            let _one = match self.keeper.chores.try_lock() {
                Ok(one) => one,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            self.do_chores();
        }
    }

    fn run_chores(self: &Arc<Self>) {
        let _one = self.chores_lock();
        self.do_chores();
    }

    /// Does what is due. A full disk is no fault: what could not be written now is tried again when there is room.
    fn do_chores(self: &Arc<Self>) {
        self.keeper.due.store(false, Ordering::Release);
        if self.dead.get().is_none() {
            match self.chores() {
                Ok(true) => self.refuse_large(),
                done => self.judge(done.map(drop), false),
            }
        }
    }

    /// An entry waits for a larger log, and the disk has no room for one: it is told so. Nothing else is the matter.
    fn refuse_large(&self) {
        self.space.no_larger.store(true, Ordering::Relaxed);
        self.room.give_up_larger();
    }

    fn chores_lock(&self) -> MutexGuard<'_, ()> {
        self.keeper.chores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A chore's fault stops the store, but for a full disk. `end` as for a checkpoint.
    fn judge(self: &Arc<Self>, done: Result<(), Fault>, end: bool) {
        let full = done.as_ref().is_err_and(is_full);
        let done = match done {
            Err(fault) if full => {
                self.tell_full(&fault);
                self.note_full();
                if self.spend_reserve() { self.with_the_reserve(end) } else { Err(fault) }
            }
            done => done,
        };
        match done {
            Ok(()) => {
                self.space.stuck.store(false, Ordering::Relaxed);
                self.space.no_larger.store(false, Ordering::Relaxed);
                if !full && !self.is_red() {
                    self.space.told.store(false, Ordering::Relaxed);
                }
                self.keep_reserve();
            }
            Err(fault) if is_full(&fault) => {}
            Err(fault) => self.die(fault),
        }
        if full {
            // Who waits asks again: there is room now, or there will be none by waiting.
            self.room.wake_everybody();
        }
    }

    /// What was trimmed is given back first. Then what is staged finds its place in the room that was kept for this, and
    /// what the checkpoint replaces makes that room again.
    fn with_the_reserve(self: &Arc<Self>, end: bool) -> Result<(), Fault> {
        self.unlink_dead()?;
        self.checkpoint(end)?;
        self.unlink_dead()
    }

    /// Once, until the disk has room again: what it means shows only when the log is full too.
    fn tell_full(&self, fault: &Fault) {
        if !self.space.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(%fault, "the disk is full; positions and deletions go on while the log and the reserve have room");
        }
    }

    /// Answers whether an entry waits for a larger log that the disk has no room for.
    fn chores(self: &Arc<Self>) -> Result<bool, Fault> {
        self.sweep()?;
        let pressure = self.room.pressure();
        let size = self.room.size();
        let tight = pressure.log || pressure.refused;
        let wished = pressure.wish > size / 4;
        // Recovery should read the log in a second; only an entry that does not fit otherwise makes it larger than that.
        let readable = (size * 2).min(self.keeper.readable.load(Ordering::Relaxed));
        let wanted = readable.max(pressure.wish.saturating_mul(4).next_power_of_two()).min(self.options.log_max);
        let grow = (tight || wished) && wanted > size;
        let grows = grow && self.has_room_for(wanted);
        if grows {
            self.switch_log(wanted)?;
        }
        // On a full disk too: what is staged counts twice, and what was trimmed waits for the edit to be let go.
        if pressure.memory || self.is_red() || (tight && !grows) {
            self.checkpoint(false)?;
        }
        self.unlink_dead()?;
        // What is staged may take five eighths of the memory.
        self.evict(self.options.memory / 8 * 3);
        Ok(wished && grow && !grows)
    }

    /// A larger log is a comfort: it may not take what is kept for checkpoints, since they are what makes room. What is
    /// staged counts as it does when records are refused, or a log that grew on a small disk would keep it full for good.
    fn has_room_for(&self, log: u64) -> bool {
        self.disk.space().map_or(true, |space| space.free >= log + self.reserve(&space) + 2 * self.room.staged())
    }

    /// A checkpoint now, on the calling thread. For tests, and for those who want the next start to replay nothing.
    pub(super) fn checkpoint_now(self: &Arc<Self>) -> Result<(), Arc<Fault>> {
        self.flush()?;
        let _one = self.chores_lock();
        let done = self.checkpoint(false).and_then(|_| self.unlink_dead());
        self.judge(done, false);
        self.dead.get().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// Nothing was appended for a while: the log becomes small again, and memory is given back.
    fn rest(self: &Arc<Self>) -> Result<(), Fault> {
        self.checkpoint(false)?;
        if self.room.size() > self.options.log_min && self.switch_log(self.options.log_min)? {
            self.checkpoint(false)?;
        }
        self.unlink_dead()?;
        self.files.rest();
        self.tail.renew();
        self.evict(0);
        self.pool.shrink(1);
        Ok(())
    }

    /// Unlinks files of earlier starts that nobody names: a crash left them. The manifest was read whole before.
    fn sweep(self: &Arc<Self>) -> Result<(), Fault> {
        if self.keeper.swept.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let list = self.disk.list().map_err(|source| Fault::Io { operation: "list", file: self.disk.place(), source })?;
        let logs: Vec<FileId> = self.with_wal(|wal| wal.files()).into_iter().map(|f| f.0).collect();
        for entry in list {
            let Some((_, id)) = entry.name.split_once('-') else { continue };
            let Ok(id) = u64::from_str_radix(id, 16).map(FileId) else { continue };
            self.files.measured(id, entry.bytes);
            let known = self.files.names(id) || logs.contains(&id);
            let ours = ["log-", "seg-", "snap-"].iter().any(|p| entry.name.starts_with(p));
            if ours && !known && id.0 >> 32 < self.term {
                self.disk.unlink(&entry.name).map_err(|source| Fault::Io { operation: "unlink", file: entry.name, source })?;
            }
        }
        Ok(())
    }

    /// Makes a log file of another size, publishes it, and lets frames go there. A smaller one only while nothing is held.
    fn switch_log(self: &Arc<Self>, size: u64) -> Result<bool, Fault> {
        let mut direct = self.direct;
        let id = self.new_file();
        let name = wal::log_name(id);
        let next = wal::make_log(&*self.disk, id, size, &mut direct).inspect_err(|fault| {
            if is_full(fault) {
                let _ = self.disk.unlink(&name);
            }
        })?;
        self.measure_reading(&next);
        let before = self.with_wal(|wal| wal.files());
        let mut logs = before.clone();
        logs.push((next.id, next.size));
        if let Err(fault) = self.edit_manifest(&[Item::Logs(logs)]) {
            // After any other fault the edit may yet reach the disk, and what it names must be there.
            if is_full(&fault) {
                let _ = self.disk.unlink(&name);
            }
            return Err(fault);
        }
        let switched = self.with_wal(|wal| {
            if size < wal.current.size {
                if !self.room.shrunk(size) {
                    return false;
                }
            } else {
                self.room.resized(size, 0);
            }
            wal.switch(next);
            self.log_bytes.store(wal.bytes(), Ordering::Relaxed);
            true
        });
        if !switched {
            self.edit_manifest(&[Item::Logs(before)])?;
            self.disk.unlink(&name).map_err(|source| Fault::Io { operation: "unlink", file: name, source })?;
        }
        Ok(switched)
    }

    /// How much of a log this disk reads in a second, by a sample of a large new file.
    fn measure_reading(&self, log: &LogFile) {
        const SAMPLE: usize = 4 << 20;
        if !self.options.background || log.size < 4 * SAMPLE as u64 {
            return;
        }
        let mut sample = Aligned::new(SAMPLE);
        let begin = Instant::now();
        if log.file.read_at(&mut sample, 0).is_ok_and(|n| n == SAMPLE) {
            let nanos = begin.elapsed().as_nanos().max(1);
            let second = (SAMPLE as u128 * 1_000_000_000 / nanos).min(u128::from(u64::MAX >> 1)) as u64;
            let whole = (second / ALIGN as u64 * ALIGN as u64).max(self.options.log_min);
            self.keeper.readable.store(whole, Ordering::Relaxed);
        }
    }

    /// A new manifest when the edits are longer than what they say.
    pub(super) fn renew_manifest_if_outgrown(self: &Arc<Self>, end: Option<u64>) -> Result<(), Fault> {
        if !self.manifest().outgrown(self.options.manifest_slack) {
            return Ok(());
        }
        let rows = rows_of(&self.shelf, self.committed_lsn());
        let logs = self.with_wal(|wal| wal.files());
        // Asked after the rows: a log that goes meanwhile is in both, and gone wins.
        let gone = self.all_gone();
        let state = manifest::State { term: self.true_term, mark: self.last_mark(), logs, end, rows, gone };
        let mut manifest = self.manifest();
        match manifest.renew(&state) {
            // It is only longer than it need be. There will be room another time.
            Err(fault) if is_full(&fault) => return Ok(()),
            renewed => renewed?,
        }
        self.edit.store(manifest.edit(), Ordering::Release);
        Ok(())
    }

    pub(super) fn edit_manifest(&self, items: &[Item]) -> Result<(), Fault> {
        let mut manifest = self.manifest();
        manifest.append(items)?;
        self.edit.store(manifest.edit(), Ordering::Release);
        Ok(())
    }

    /// See [`crate::seam::Store::close`].
    pub(super) fn close(self: &Arc<Self>) -> Result<(), Arc<Fault>> {
        self.closing.store(true, Ordering::SeqCst);
        self.stop_threads();
        self.flush()?;
        let _one = self.chores_lock();
        // Who was inside `append` when it closed may have reserved since.
        self.flush_upto(Lsn(self.tail.reserved()))?;
        // A full disk leaves the log as it is: the next start replays it.
        self.judge(self.checkpoint(true).map(drop), true);
        if let Some(fault) = self.dead.get() {
            return Err(fault.clone());
        }
        let _ = self.dead.set(Arc::new(Fault::Stopped("the store was closed".into())));
        self.room.wake_everybody();
        self.unlock_directory();
        Ok(())
    }

    /// See [`crate::seam::Store::gauges`]. Asked on threads of sockets: it may not wait for who writes, however long the
    /// disk takes.
    pub(super) fn gauges(&self) -> Gauges {
        let (_, log_used) = self.room.taken();
        let usage = self.files.usage();
        let space = self.disk.space().unwrap_or_default();
        Gauges {
            log_bytes: self.log_bytes.load(Ordering::Relaxed),
            log_used,
            staged_bytes: self.pool.allocated(),
            segment_bytes: usage.iter().map(|(_, u)| u.total).sum(),
            segment_files: usage.len() as u64,
            open_files: self.files.open_count(),
            disk_free: space.free,
            disk_total: space.total,
            commits: self.pace.commits.load(Ordering::Relaxed),
            committed_bytes: self.pace.bytes.load(Ordering::Relaxed),
            sync_nanos_mean: self.pace.mean_nanos(),
            checkpoints: self.keeper.checkpoints.load(Ordering::Relaxed),
            recycled: self.keeper.recycled.load(Ordering::Relaxed),
            quarantined: self.quarantined.load(Ordering::Relaxed),
        }
    }
}

/// No room on the disk. A sync of the manifest that says so is a fault like any other, and so is one of the directory when
/// a new manifest took its name: what it covered is in doubt. All that may be full there is the write of an edit.
pub(super) fn is_full(fault: &Fault) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    match fault {
        Fault::Io { operation, file, source } => {
            matches!(source.kind(), StorageFull | QuotaExceeded) && (file != manifest::NAME || *operation == "write")
        }
        Fault::Stopped(_) => false,
    }
}
