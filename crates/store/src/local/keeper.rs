//! What is done beside the commit path: making the log larger or smaller, checkpoints, giving space back. On a thread of
//! its own that sleeps until it is told; without a thread, at the end of a commit.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use hashbrown::HashMap;

use super::{
    Inner,
    manifest::{Item, LogRow},
    recover::OpenError,
    shelf::{Log, Shelf, State},
    wal,
};
use crate::{
    disk::Disk,
    seam::{Fault, Gauges, LogId, Replay},
};

/// The keeper's mailbox, and what only it changes.
pub(super) struct Keeper {
    state: Mutex<Mailbox>,
    wake: Condvar,
    /// Work may be due. Looked at before the mailbox is locked.
    due: AtomicBool,
    /// Held while chores run: one at a time.
    chores: Mutex<()>,
    /// Logs that are gone, with the LSN up to which their parts are not replayed.
    pub(super) gone: Mutex<HashMap<u64, u64>>,
    pub(super) checkpoints: AtomicU64,
}

#[derive(Default)]
struct Mailbox {
    stop: bool,
    handle: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn new(gone: HashMap<u64, u64>) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            due: AtomicBool::new(false),
            chores: Mutex::new(()),
            gone: Mutex::new(gone),
            checkpoints: AtomicU64::new(0),
        }
    }
    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts what the manifest knows of logs onto the shelf, and hands snapshots over.
pub(super) fn load_rows(
    _disk: &dyn Disk,
    shelf: &Shelf,
    rows: HashMap<u64, LogRow>,
    _replay: &mut dyn Replay,
) -> Result<(), OpenError> {
    for (id, row) in rows {
        let bytes = row.runs.iter().map(|r| r.living()).sum();
        let state = State { version: row.version, start: row.start, end: row.end, bytes, runs: row.runs, ..State::default() };
        shelf.insert(Arc::new(Log::new(id, state)));
    }
    Ok(())
}

/// What the manifest should know of a log.
pub(super) fn row_of(state: &State) -> LogRow {
    LogRow {
        version: state.version,
        start: state.start,
        end: state.end,
        runs: state.runs.clone(),
        snapshot: state.snapshot.as_ref().map(|s| s.1),
        holes: state.holes.as_ref().map_or_else(Vec::new, |h| h.to_vec()),
    }
}

/// What the manifest should know of all logs.
pub(super) fn rows_of(shelf: &Shelf) -> HashMap<u64, LogRow> {
    shelf.all().into_iter().map(|log| (log.id, row_of(&log.lock()))).collect()
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
        loop {
            {
                let mut mailbox = self.keeper.mailbox();
                while !mailbox.stop && !self.keeper.due.load(Ordering::Acquire) {
                    mailbox = self.keeper.wake.wait(mailbox).unwrap_or_else(PoisonError::into_inner);
                }
                if mailbox.stop {
                    return;
                }
            }
            self.run_chores();
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

    /// Without a keeper thread its chores are done where a commit ends.
    pub(super) fn run_chores_inline(self: &Arc<Self>) {
        if !self.options.background && self.keeper.due.load(Ordering::Acquire) {
            self.run_chores();
        }
    }

    fn run_chores(self: &Arc<Self>) {
        let _one = self.keeper.chores.lock().unwrap_or_else(PoisonError::into_inner);
        self.keeper.due.store(false, Ordering::Release);
        if self.dead.get().is_some() {
            return;
        }
        let done = self.chores();
        if let Err(fault) = done {
            self.die(fault);
        }
    }

    fn chores(self: &Arc<Self>) -> Result<(), Fault> {
        let pressure = self.room.pressure();
        let size = self.with_wal(|wal| wal.current.size);
        if (pressure.log || pressure.wish > 0) && size < self.options.log_max {
            let wanted = (size * 2).max(pressure.wish.saturating_mul(4).next_power_of_two());
            self.switch_log(wanted.min(self.options.log_max))?;
        }
        Ok(())
    }

    /// Makes a log file of another size, publishes it, and lets frames go there.
    fn switch_log(self: &Arc<Self>, size: u64) -> Result<(), Fault> {
        let mut direct = self.direct;
        let next = wal::make_log(&*self.disk, self.new_file(), size, &mut direct)?;
        let mut logs: Vec<_> = self.with_wal(|wal| wal.old.iter().chain([&wal.current]).map(|f| (f.id, f.size)).collect());
        logs.push((next.id, next.size));
        self.edit_manifest(&[Item::Logs(logs)])?;
        self.with_wal(|wal| {
            wal.switch(next);
            self.room.resized(size, 0);
        });
        Ok(())
    }

    fn edit_manifest(&self, items: &[Item]) -> Result<(), Fault> {
        let mut manifest = self.manifest();
        manifest.append(items)?;
        self.edit.store(manifest.edit(), Ordering::Release);
        Ok(())
    }

    /// See [`crate::seam::Store::trim`].
    pub(super) fn trim(&self, log: LogId, start: i64) {
        let Some(log) = self.shelf.get(log.0) else { return };
        let mut state = log.lock();
        if start <= state.start {
            return;
        }
        state.start = start;
        state.end = state.end.max(start);
        while let Some(first) = state.tail.front().filter(|s| s.last < start) {
            let len = u64::from(first.len);
            state.bytes -= len;
            state.tail.pop_front();
            state.sealed = state.sealed.saturating_sub(1);
        }
    }

    /// See [`crate::seam::Store::remove`].
    pub(super) fn remove(&self, log: LogId) {
        let Some(log) = self.shelf.take(log.0) else { return };
        let mut state = log.lock();
        state.removed = true;
        state.tail.clear();
        let mut gone = self.keeper.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.insert(log.id, state.last_lsn);
    }

    /// See [`crate::seam::Store::close`].
    pub(super) fn close(self: &Arc<Self>) -> Result<(), Arc<Fault>> {
        self.flush()?;
        self.stop_threads();
        self.die(Fault::Stopped("the store was closed".into()));
        Ok(())
    }

    /// See [`crate::seam::Store::gauges`].
    pub(super) fn gauges(&self) -> Gauges {
        let (_, log_used) = self.room.taken();
        let log_bytes = self.wal.lock().map_or(0, |w| w.current.size + w.old.iter().map(|f| f.size).sum::<u64>());
        Gauges {
            log_bytes,
            log_used,
            staged_bytes: self.pool.allocated(),
            commits: self.pace.commits.load(Ordering::Relaxed),
            committed_bytes: self.pace.bytes.load(Ordering::Relaxed),
            sync_nanos_mean: self.pace.mean_nanos(),
            checkpoints: self.keeper.checkpoints.load(Ordering::Relaxed),
            ..Gauges::default()
        }
    }
}
