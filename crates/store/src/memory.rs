//! The store that forgets: everything rests in memory, and is gone with the process.
//!
//! It is the honest partner of every test above the seam: on request it answers `Stale`
//! and `Unknown` as a store with several writers does, dies, loses what was not committed, and opens again from what
//! was. It knows no files and no noun of Kafka. Bounded by [`Options::budget`]: what does not fit is refused.

mod credit;
mod shelf;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use self::{
    credit::Vault,
    shelf::{Shelf, Waiting},
};
use crate::seam::*;

/// How large a memory store may become, and whether it can be opened again.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of payloads, and of facts where they are kept. Nine tenths are for data, the rest is kept for facts.
    pub budget: u64,
    /// Bytes of entries that may wait for a commit. One entry takes at most a quarter of it.
    pub in_flight: u64,
    /// Keep facts, so that [`Memory::restart`] can hand them back. Without it a fact is dropped once it is committed.
    pub replayable: bool,
    /// A log whose kept facts outgrow this many bytes is asked for a snapshot.
    pub snapshot_after: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { budget: 256 << 20, in_flight: 64 << 20, replayable: false, snapshot_after: 64 << 10 }
    }
}

/// What the next append meets instead of an ordinary answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Injected {
    /// Answered `Stale`; nothing was stored.
    Stale,
    /// Answered `Unknown`, and the entry was stored. The same op finds it.
    UnknownStored,
    /// Answered `Unknown`, and the entry was lost on the way. The same op stores it.
    UnknownLost,
}

/// A store in memory. Cheap to clone: all clones are the same store.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    vault: Arc<Vault>,
    shelf: Mutex<Shelf>,
    /// Held by the one who commits: it gives `Watch` its order.
    commit: Mutex<()>,
    committed: AtomicU64,
    /// The last LSN reserved: lets a leader with nothing to do leave after two loads.
    reserved: AtomicU64,
    injected: Mutex<VecDeque<Injected>>,
    dead: OnceLock<Arc<Fault>>,
    attached: OnceLock<(Arc<dyn Watch>, Arc<dyn Snapshots>)>,
    commits: AtomicU64,
    committed_bytes: AtomicU64,
}

impl Memory {
    pub fn new(options: Options) -> Self {
        Self::over(options, Shelf::default())
    }

    fn over(options: Options, shelf: Shelf) -> Self {
        let vault = Arc::new(Vault::new(options.budget, options.in_flight, shelf.kept_bytes()));
        let last = shelf.last_lsn().0;
        Self {
            inner: Arc::new(Inner {
                options,
                vault,
                shelf: Mutex::new(shelf),
                commit: Mutex::new(()),
                committed: AtomicU64::new(last),
                reserved: AtomicU64::new(last),
                injected: Mutex::default(),
                dead: OnceLock::new(),
                attached: OnceLock::new(),
                commits: AtomicU64::new(0),
                committed_bytes: AtomicU64::new(0),
            }),
        }
    }

    /// What a power cut and a start would do: this store is dead from here on, what it had not committed is lost, and
    /// a new one stands on what it had. Facts come back only if [`Options::replayable`] kept them.
    pub fn restart(&self, replay: &mut dyn Replay) -> (Memory, Recovered) {
        let _commit = lock(&self.inner.commit);
        let stopped = Fault::Stopped("the memory store was started again elsewhere".into());
        // A store that died earlier keeps its first fault.
        let _ = self.inner.dead.set(Arc::new(stopped));
        let mut shelf = std::mem::take(&mut *lock(&self.inner.shelf));
        shelf.lose_waiting();
        let recovered = shelf.replay(replay);
        (Self::over(self.inner.options, shelf), recovered)
    }

    /// The next append meets this; several are met in order.
    pub fn inject(&self, what: Injected) {
        lock(&self.inner.injected).push_back(what);
    }

    /// The world misbehaves: nothing is acknowledged from here on.
    pub fn kill(&self, why: &str) {
        let _commit = lock(&self.inner.commit);
        self.inner.die(Fault::Stopped(why.into()));
    }
}

impl Inner {
    fn die(&self, fault: Fault) {
        let fault = Arc::new(fault);
        if self.dead.set(fault.clone()).is_ok() {
            if let Some((watch, _)) = self.attached.get() {
                watch.dead(fault);
            }
            self.vault.wake_everybody();
        }
    }

    /// Commits whatever waits. The caller holds `commit`.
    fn commit_waiting(&self) -> bool {
        let done = {
            let mut shelf = lock(&self.shelf);
            if self.dead.get().is_some() {
                return false;
            }
            let long = self.options.replayable.then_some(self.options.snapshot_after);
            let Some(done) = shelf.commit(long) else { return false };
            // Published before any wake, and under the lock, so that no read can see more than the proof says.
            self.committed.store(done.upto.0, Ordering::Release);
            done
        };
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.committed_bytes.fetch_add(done.in_flight, Ordering::Relaxed);
        if let Some((watch, _)) = self.attached.get() {
            watch.committed(Committed::new(done.upto));
        }
        self.vault.settle(done.in_flight, done.kept);
        self.ask_for_snapshots(&done.long);
        true
    }

    /// Replaces long histories by snapshots. No lock of the shelf is held while a noun is asked, since it takes its own.
    fn ask_for_snapshots(&self, long: &[LogId]) {
        let Some((_, snapshots)) = self.attached.get() else { return };
        for &log in long {
            let mut bytes = Vec::new();
            let size_and_freed = match snapshots.snapshot(log, &mut bytes) {
                // State beyond the committed LSN could still be lost: asked again after the next commit.
                Some((_, lsn)) if lsn.0 > self.committed.load(Ordering::Acquire) => continue,
                Some((version, _)) => (bytes.len() as u64, lock(&self.shelf).publish_snapshot(log, version, bytes)),
                None => (0, lock(&self.shelf).forget_history(log)),
            };
            self.vault.settle(0, size_and_freed.0);
            self.vault.free(size_and_freed.1);
        }
    }

    /// What an entry keeps once it is committed.
    fn kept_by(&self, parts: &[Part<'_>]) -> u64 {
        let fact = |p: &Part<'_>| if self.options.replayable { shelf::fact_cost(p.fact.len()) } else { 0 };
        parts.iter().map(|p| fact(p) + p.payload.map_or(0, |b| b.bytes.len() as u64)).sum()
    }
}

impl Store for Memory {
    fn credit(&self, class: Class, bytes: u64, waker: Option<&Waker>) -> Result<Credit, NoCredit> {
        if let Some(fault) = self.inner.dead.get() {
            return Err(NoCredit::Dead(fault.clone()));
        }
        self.inner.vault.take(class, bytes, waker)?;
        Ok(Credit { bytes, bank: Some(self.inner.vault.clone()) })
    }

    fn append(&self, mut credit: Credit, op: OpId, at: Millis, parts: &[Part<'_>]) -> Reserved {
        let injected = lock(&self.inner.injected).pop_front();
        let mut shelf = lock(&self.inner.shelf);
        if let Some(fault) = self.inner.dead.get() {
            return Reserved::Dead(fault.clone());
        }
        if let Some(lsn) = shelf.known_op(op) {
            return Reserved::At(lsn);
        }
        if let Some((log, version)) = shelf.stale(parts) {
            return Reserved::Stale { log, version };
        }
        match (injected, parts.first()) {
            (Some(Injected::Stale), Some(part)) => {
                return Reserved::Stale { log: part.log, version: shelf.version(part.log) };
            }
            (Some(Injected::UnknownLost), _) => return Reserved::Unknown,
            _ => {}
        }
        // The room now belongs to the entry; the commit settles it.
        credit.bank = None;
        let waiting = Waiting { in_flight: credit.bytes, kept: self.inner.kept_by(parts) };
        let lsn = shelf.reserve(op, at, parts, waiting, self.inner.options.replayable);
        self.inner.reserved.store(lsn.0, Ordering::Release);
        if injected == Some(Injected::UnknownStored) { Reserved::Unknown } else { Reserved::At(lsn) }
    }

    fn lead(&self) -> Led {
        let mut led = Led::Nothing;
        // Looks again after leaving: what was reserved while `commit` was held found the door closed.
        while self.inner.reserved.load(Ordering::Acquire) > self.inner.committed.load(Ordering::Acquire) {
            let Ok(_commit) = self.inner.commit.try_lock() else { break };
            if !self.inner.commit_waiting() {
                break;
            }
            led = Led::Committed;
        }
        led
    }

    fn flush(&self) -> Result<Committed, Arc<Fault>> {
        let commit = lock(&self.inner.commit);
        self.inner.commit_waiting();
        drop(commit);
        // What was reserved meanwhile found the door closed, as in `lead`.
        self.lead();
        match self.inner.dead.get() {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.committed()),
        }
    }

    fn committed(&self) -> Committed {
        Committed::new(Lsn(self.inner.committed.load(Ordering::Acquire)))
    }

    fn read(&self, log: LogId, from: i64, upto: i64, max: usize, _patience: Patience) -> Result<Found, ReadError> {
        lock(&self.inner.shelf).log(log)?.read(from, upto, max)
    }

    fn list(&self, log: LogId, from: i64, max: usize) -> Result<Vec<Stored>, ReadError> {
        Ok(lock(&self.inner.shelf).log(log)?.list(from, max))
    }

    fn lookup(&self, log: LogId, query: Query) -> Result<Option<Stored>, ReadError> {
        Ok(lock(&self.inner.shelf).log(log)?.lookup(query))
    }

    fn bounds(&self, log: LogId) -> Option<Bounds> {
        lock(&self.inner.shelf).log(log).ok().map(|l| l.bounds())
    }

    fn trim(&self, log: LogId, start: i64) {
        let freed = lock(&self.inner.shelf).trim(log, start);
        self.inner.vault.free(freed);
    }

    fn remove(&self, log: LogId) {
        let freed = lock(&self.inner.shelf).remove(log);
        self.inner.vault.free(freed);
    }

    fn attach(&self, watch: Arc<dyn Watch>, snapshots: Arc<dyn Snapshots>) {
        // Set once by contract; a second call changes nothing.
        let _ = self.inner.attached.set((watch, snapshots));
    }

    fn gauges(&self) -> Gauges {
        let (kept, in_flight) = self.inner.vault.used();
        Gauges {
            log_bytes: self.inner.options.in_flight,
            log_used: in_flight,
            staged_bytes: kept,
            disk_total: self.inner.options.budget,
            disk_free: self.inner.options.budget.saturating_sub(kept),
            commits: self.inner.commits.load(Ordering::Relaxed),
            committed_bytes: self.inner.committed_bytes.load(Ordering::Relaxed),
            ..Gauges::default()
        }
    }

    fn close(&self) -> Result<(), Arc<Fault>> {
        self.flush()?;
        let _commit = lock(&self.inner.commit);
        self.inner.die(Fault::Stopped("the store was closed".into()));
        Ok(())
    }
}

/// A panic elsewhere aborts the process by the rules of the house; here the data is whole between statements, so a
/// poisoned lock is simply taken.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
