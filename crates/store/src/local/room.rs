//! Room in the write-ahead log and in staging memory: who took it, who waits for it. Knows bytes and wakers only.
//!
//! An entry's room changes its name three times: *held* (credit taken, or reserved and not yet in a frame), *used* (in a
//! frame that no checkpoint has passed), free. What is held is counted at the worst that it may cost, so that `append`
//! never fails and never waits.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use crate::seam::{Bank, Class, NoCredit};

/// Wakers remembered at most. Beyond it callers are answered `Later` and come back by themselves.
const QUEUE: usize = 100_000;

/// The whole account.
pub(super) struct Room {
    state: Mutex<Account>,
}

#[derive(Default)]
struct Account {
    /// Bytes of the log file that takes frames now.
    size: u64,
    /// Of them, bytes in frames (and at skipped ends) that no checkpoint has passed.
    used: u64,
    held: u64,
    /// Bytes in memory that no checkpoint has passed.
    staged: u64,
    memory: u64,
    /// The dearest entry since the log took this size: so much may be skipped at the end of a lap.
    dearest: u64,
    /// Largest cost of one entry, ever.
    max: u64,
    /// A wish for a larger log: the greatest cost that did not fit the present one.
    wish: u64,
    refused: bool,
    queue: VecDeque<(u64, Class, Waker)>,
    /// How many were woken and have not come back yet: that many may pass those who still wait.
    called: usize,
}

/// What the keeper should do about the room, if anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Pressure {
    /// The log file is at least half full.
    pub(super) log: bool,
    /// Staging memory is at least half full.
    pub(super) memory: bool,
    /// Somebody was refused.
    pub(super) refused: bool,
    /// An entry of this cost wants a larger log; zero when none does.
    pub(super) wish: u64,
}

impl Pressure {
    pub(super) fn any(&self) -> bool {
        self.log || self.memory || self.refused || self.wish > 0
    }
}

impl Account {
    fn limit(&self, class: Class) -> u64 {
        let size = self.size.saturating_sub(self.dearest);
        match class {
            Class::Data => size - size.min(self.size / 8),
            Class::Position => size - size.min(self.size / 16),
            Class::Fact => size,
        }
    }
    fn memory_limit(&self, class: Class) -> u64 {
        match class {
            Class::Data => self.memory - self.memory / 8,
            Class::Position => self.memory - self.memory / 16,
            Class::Fact => self.memory,
        }
    }
    fn fits(&self, class: Class, cost: u64) -> bool {
        self.used + self.held + cost <= self.limit(class) && self.staged + self.held + cost <= self.memory_limit(class)
    }
    fn pressure(&self) -> Pressure {
        Pressure {
            log: self.used + self.held > self.size / 2,
            memory: self.staged + self.held > self.memory / 2,
            refused: self.refused,
            wish: self.wish,
        }
    }
    /// Everybody at the front for whom there is room together. When nothing is held any more all are woken: nobody's
    /// commit would do it later, and a woken one may never come back.
    fn ready(&mut self) -> Vec<Waker> {
        let mut ready = Vec::new();
        let mut more = 0;
        while let Some((cost, class, _)) = self.queue.front() {
            if self.held > 0 && !self.fits(*class, more + cost) {
                break;
            }
            more += cost;
            ready.extend(self.queue.pop_front().map(|(_, _, waker)| waker));
        }
        self.called = if self.queue.is_empty() { 0 } else { self.called + ready.len() };
        ready
    }
}

impl Room {
    /// `max`: largest cost of one entry. `memory`: bytes that may be staged.
    pub(super) fn new(max: u64, memory: u64) -> Self {
        Self { state: Mutex::new(Account { max, memory, ..Account::default() }) }
    }

    /// Takes room for one entry, or says why not and remembers the waker.
    pub(super) fn take(&self, class: Class, cost: u64, waker: Option<&Waker>) -> Result<Pressure, (NoCredit, Pressure)> {
        let mut a = self.lock();
        if cost > a.max {
            let max = a.max;
            return Err((NoCredit::TooLarge { need: cost, max }, a.pressure()));
        }
        // An entry takes at most a quarter of the log, so that a checkpoint always has work left while it waits.
        let small_log = cost > a.size / 4;
        if small_log {
            a.wish = a.wish.max(cost);
        }
        a.dearest = a.dearest.max(cost.min(a.size / 4));
        // Facts overtake data that waits: they have an eighth of their own, and half of it is not for positions.
        let overtakes = class == Class::Data && !a.queue.is_empty() && a.called == 0;
        a.called = a.called.saturating_sub(1);
        if small_log || overtakes || !a.fits(class, cost) {
            a.refused = true;
            if let Some(waker) = waker
                && a.queue.len() < QUEUE
            {
                a.queue.push_back((cost, class, waker.clone()));
            }
            return Err((NoCredit::Later, a.pressure()));
        }
        a.held += cost;
        Ok(a.pressure())
    }

    /// An entry turned out dearer than its credit.
    pub(super) fn hold_more(&self, cost: u64) {
        self.lock().held += cost;
    }

    /// Held room became a frame of `log` bytes, `skipped` ones at the end of a lap included, with `body` bytes in memory.
    pub(super) fn framed(&self, held: u64, log: u64, body: u64) -> Pressure {
        let mut a = self.lock();
        a.held = a.held.saturating_sub(held);
        a.used += log;
        a.staged += body;
        let (pressure, ready) = (a.pressure(), a.ready());
        drop(a);
        ready.into_iter().for_each(Waker::wake);
        pressure
    }

    /// A checkpoint passed: what it passed is free.
    pub(super) fn recycled(&self, log: u64, staged: u64) {
        self.change(|a| {
            a.used = a.used.saturating_sub(log);
            a.staged = a.staged.saturating_sub(staged);
            a.refused = false;
        });
    }

    /// Frames go to a file of another size from here on, of which `used` bytes are taken.
    pub(super) fn resized(&self, size: u64, used: u64) {
        self.change(|a| {
            a.size = size;
            a.used = used;
            a.dearest = 0;
            a.refused = false;
            if a.wish <= size / 4 {
                a.wish = 0;
            }
        });
    }

    /// There is no larger log to be had: who waits for one asks again, and is refused.
    pub(super) fn give_up_larger(&self) {
        self.lock().wish = 0;
        self.wake_everybody();
    }

    /// What the keeper should do now. A refusal is told once.
    pub(super) fn pressure(&self) -> Pressure {
        let mut a = self.lock();
        let pressure = a.pressure();
        a.refused = false;
        pressure
    }

    /// Bytes held and bytes used.
    pub(super) fn taken(&self) -> (u64, u64) {
        let a = self.lock();
        (a.held, a.used)
    }

    /// How much of what records may take is taken, from 0 to 1. `None` when somebody waits for room.
    pub(super) fn fullness(&self) -> Option<f64> {
        let a = self.lock();
        if !a.queue.is_empty() || a.refused {
            return None;
        }
        let part = |taken: u64, limit: u64| taken as f64 / limit.max(1) as f64;
        let log = part(a.used + a.held, a.limit(Class::Data));
        Some(log.max(part(a.staged + a.held, a.memory_limit(Class::Data))).min(1.0))
    }

    pub(super) fn size(&self) -> u64 {
        self.lock().size
    }

    /// Makes the log `size` bytes large if nothing is held and nothing used. The caller holds the commit lock.
    pub(super) fn shrunk(&self, size: u64) -> bool {
        let mut a = self.lock();
        let idle = a.held == 0 && a.used == 0;
        if idle {
            a.size = size;
            a.dearest = a.dearest.min(size / 4);
        }
        idle
    }

    pub(super) fn staged(&self) -> u64 {
        self.lock().staged
    }

    pub(super) fn wake_everybody(&self) {
        let queue = std::mem::take(&mut self.lock().queue);
        queue.into_iter().for_each(|(_, _, waker)| waker.wake());
    }

    fn change(&self, change: impl FnOnce(&mut Account)) {
        let mut a = self.lock();
        change(&mut a);
        let ready = a.ready();
        drop(a);
        ready.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bank for Room {
    fn give_back(&self, bytes: u64) {
        self.change(|a| a.held = a.held.saturating_sub(bytes));
    }
}
