//! Who commits: the leader that any thread may become, and the commit thread for slow disks.
//!
//! Nothing here waits for more entries to come: a commit takes what is there, and while it runs the next one gathers.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Instant,
};

use super::{
    Inner,
    tail::Batch,
    wal::{Wal, Wrote},
};
use crate::{
    plant::Plant,
    seam::{Committed, Fault, Led, Lsn},
};

/// Above this mean time of a commit the commit thread takes over; below half of it leaders do it again.
const SLOW_MEAN: u64 = 300_000;
/// One commit as slow as this is enough.
const SLOW_ONE: u64 = 1_000_000;
/// A frame of this size keeps a reactor too long.
const LARGE: u64 = 1 << 20;
/// Rounds that a leader makes for others before it hands over.
const ROUNDS: u32 = 4;

/// Whether commits are made by callers or by a thread of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Leading {
    /// By callers while the disk is fast, by the thread while it is slow.
    #[default]
    Measured,
    /// By callers only. There is no commit thread: what a test wants that counts every operation.
    Callers,
    /// By the thread only.
    Thread,
}

/// How commits go, and the commit thread when there is one.
pub(super) struct Pace {
    leading: Leading,
    mean: AtomicU64,
    handed: AtomicBool,
    /// Somebody found the commit lock taken while it had something reserved.
    missed: AtomicBool,
    pub(super) commits: AtomicU64,
    pub(super) bytes: AtomicU64,
    /// Held while anybody is told of a commit or of the end: after the end nothing is acknowledged.
    voice: Mutex<()>,
    thread: Mutex<Thread>,
    wake: Condvar,
}

#[derive(Default)]
struct Thread {
    due: bool,
    stop: bool,
    handle: Option<JoinHandle<()>>,
}

impl Pace {
    pub(super) fn new(leading: Leading) -> Self {
        Self {
            leading,
            mean: AtomicU64::new(0),
            handed: AtomicBool::new(leading == Leading::Thread),
            missed: AtomicBool::new(false),
            commits: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            voice: Mutex::default(),
            thread: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    pub(super) fn mean_nanos(&self) -> u64 {
        self.mean.load(Ordering::Relaxed)
    }

    /// Learns from one commit who should make the next.
    fn learn(&self, nanos: u64, log: u64) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(log, Ordering::Relaxed);
        let old = self.mean.load(Ordering::Relaxed);
        let mean = if old == 0 { nanos } else { old - old / 8 + nanos / 8 };
        self.mean.store(mean, Ordering::Relaxed);
        if self.leading == Leading::Measured {
            if mean > SLOW_MEAN || nanos > SLOW_ONE || log >= LARGE {
                self.handed.store(true, Ordering::Relaxed);
            } else if mean < SLOW_MEAN / 2 {
                self.handed.store(false, Ordering::Relaxed);
            }
        }
    }

    fn voice(&self) -> MutexGuard<'_, ()> {
        self.voice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn thread(&self) -> MutexGuard<'_, Thread> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn pending(&self) -> bool {
        self.tail.reserved() > self.committed.load(Ordering::Acquire)
    }

    /// See [`crate::seam::Store::lead`].
    pub(super) fn lead(self: &Arc<Self>) -> Led {
        if !self.pending() || self.dead.get().is_some() {
            self.run_chores_inline();
            return Led::Nothing;
        }
        if self.pace.handed.load(Ordering::Relaxed) {
            self.wake_commit_thread();
            return Led::Handed;
        }
        let mut led = Led::Nothing;
        for _ in 0..ROUNDS {
            let Some(mut wal) = self.try_wal() else { return led };
            // Reset before the cut: who misses the lock from here on has reserved too late for this commit.
            self.pace.missed.store(false, Ordering::SeqCst);
            let done = self.commit_waiting(&mut wal, Lsn(self.tail.reserved()));
            drop(wal);
            led = if done { Led::Committed } else { led };
            self.run_chores_inline();
            if self.dead.get().is_some() || !self.pace.missed.load(Ordering::SeqCst) || !self.pending() {
                return led;
            }
        }
        // Others keep reserving. The thread goes on, so that this caller gets back to its sockets.
        if self.pace.leading == Leading::Callers {
            while self.pending() && self.dead.get().is_none() {
                let Some(mut wal) = self.try_wal() else { break };
                self.pace.missed.store(false, Ordering::SeqCst);
                self.commit_waiting(&mut wal, Lsn(self.tail.reserved()));
            }
            return led;
        }
        self.wake_commit_thread();
        led
    }

    /// The commit lock, or a mark for its holder to look again.
    fn try_wal(&self) -> Option<MutexGuard<'_, Wal>> {
        for marked in [false, true] {
            match self.wal.try_lock() {
                Ok(wal) => return Some(wal),
                Err(TryLockError::Poisoned(p)) => return Some(p.into_inner()),
                Err(TryLockError::WouldBlock) if marked => return None,
                Err(TryLockError::WouldBlock) => self.pace.missed.store(true, Ordering::SeqCst),
            }
        }
        None
    }

    /// Runs `f` with the commit lock, then looks whether somebody missed a commit meanwhile. However short `f` is: who
    /// finds the lock taken relies on its holder, and nobody else comes.
    pub(super) fn with_wal<R>(self: &Arc<Self>, f: impl FnOnce(&mut Wal) -> R) -> R {
        let mut wal = self.lock_wal();
        let r = f(&mut wal);
        drop(wal);
        if self.pace.missed.load(Ordering::SeqCst) && self.pending() {
            self.lead();
        }
        r
    }

    fn lock_wal(&self) -> MutexGuard<'_, Wal> {
        self.wal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits everything reserved so far, waiting for whoever commits now.
    pub(super) fn flush(self: &Arc<Self>) -> Result<Committed, Arc<Fault>> {
        self.flush_upto(Lsn(self.tail.reserved()))?;
        self.run_chores_inline();
        match self.dead.get() {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.proof()),
        }
    }

    /// Commits up to an LSN that was reserved.
    pub(super) fn flush_upto(self: &Arc<Self>, target: Lsn) -> Result<(), Arc<Fault>> {
        self.with_wal(|wal| {
            if self.committed.load(Ordering::Acquire) < target.0 {
                self.commit_waiting(wal, target);
            }
        });
        match self.dead.get() {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    /// Writes frames until `target` is durable. Answers whether anything was.
    pub(super) fn commit_waiting(self: &Arc<Self>, wal: &mut Wal, target: Lsn) -> bool {
        let mut any = false;
        while self.dead.get().is_none() && self.committed.load(Ordering::Acquire) < target.0 {
            let Some(batch) = self.tail.cut() else { break };
            let mut next = Some(batch);
            while let Some(mut batch) = next {
                next = wal.divide(&mut batch);
                match self.commit_batch(wal, &mut batch) {
                    Ok(()) => self.tail.spare(batch.rows),
                    Err(fault) => {
                        self.die(fault);
                        return any;
                    }
                }
                any = true;
            }
        }
        any
    }

    fn commit_batch(self: &Arc<Self>, wal: &mut Wal, batch: &mut Batch) -> Result<(), Fault> {
        if self.options.plants.has(Plant::AcknowledgeBeforeSync) {
            self.publish(batch.first_lsn + u64::from(batch.entries) - 1);
        }
        let begin = Instant::now();
        let edit = self.edit.load(Ordering::Acquire);
        let wrote = match wal.write(batch, edit) {
            Ok(wrote) => wrote,
            Err(fault) => self.planted_pretence(wal, batch).ok_or(fault)?,
        };
        self.pace.learn(begin.elapsed().as_nanos() as u64, wrote.log);
        self.publish(wrote.last_lsn);
        let pressure = self.room.framed(batch.held, wrote.log, wrote.body);
        if pressure.any() {
            self.nudge_keeper();
        }
        Ok(())
    }

    #[cfg(debug_assertions)]
    fn planted_pretence(&self, wal: &mut Wal, batch: &Batch) -> Option<Wrote> {
        self.options.plants.has(Plant::IgnoreSyncError).then(|| wal.pretend(batch))
    }
    #[cfg(not(debug_assertions))]
    fn planted_pretence(&self, _wal: &mut Wal, _batch: &Batch) -> Option<Wrote> {
        None
    }

    /// The committed LSN is published before anybody is woken. A commit that ends when the store has died is not told:
    /// its entries are there after the next start, as those of any answer that was lost.
    fn publish(&self, lsn: u64) {
        let _voice = self.pace.voice();
        if self.dead.get().is_some() {
            return;
        }
        self.committed.store(lsn, Ordering::Release);
        if let Some((watch, _)) = self.attached.get() {
            watch.committed(self.proof());
        }
    }

    pub(super) fn proof(&self) -> Committed {
        Committed::new(Lsn(self.committed.load(Ordering::Acquire)))
    }

    /// Nothing is acknowledged from here on. The first fault is the one that is told.
    pub(super) fn die(&self, fault: Fault) {
        let fault = Arc::new(fault);
        let voice = self.pace.voice();
        if self.dead.set(fault.clone()).is_ok() {
            tracing::error!(%fault, "the store stops acknowledging until the next start");
            if let Some((watch, _)) = self.attached.get() {
                watch.dead(fault);
            }
            drop(voice);
            self.room.wake_everybody();
        }
    }

    /// Starts the commit thread when there is none, and tells it that there is work.
    fn wake_commit_thread(self: &Arc<Self>) {
        let mut thread = self.pace.thread();
        if thread.stop || thread.due {
            return;
        }
        thread.due = true;
        if thread.handle.is_none() {
            let inner = self.clone();
            let spawned = std::thread::Builder::new().name("milena-commit".into()).spawn(move || inner.commit_thread());
            match spawned {
                Ok(handle) => thread.handle = Some(handle),
                Err(source) => {
                    drop(thread);
                    self.die(Fault::Io { operation: "spawn", file: "the commit thread".into(), source });
                    return;
                }
            }
        }
        drop(thread);
        self.pace.wake.notify_one();
    }

    fn commit_thread(self: Arc<Self>) {
        loop {
            {
                let mut thread = self.pace.thread();
                while !thread.due && !thread.stop {
                    thread = self.pace.wake.wait(thread).unwrap_or_else(PoisonError::into_inner);
                }
                if thread.stop {
                    return;
                }
                thread.due = false;
            }
            // What was reserved while the lock was held found it taken or found the thread due; look until nothing waits.
            while self.pending() && self.dead.get().is_none() {
                let mut wal = self.lock_wal();
                self.commit_waiting(&mut wal, Lsn(self.tail.reserved()));
            }
        }
    }

    /// Ends the commit thread and waits for it.
    pub(super) fn stop_commit_thread(&self) {
        let handle = {
            let mut thread = self.pace.thread();
            thread.stop = true;
            thread.handle.take()
        };
        self.pace.wake.notify_one();
        if let Some(handle) = handle
            && handle.thread().id() != std::thread::current().id()
        {
            let _ = handle.join();
        }
    }
}
