//! Room that is taken before anything is judged, and who waits for it. Knows bytes and wakers only.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use crate::seam::{Bank, Class, NoCredit};

/// Two purses: entries on their way to a commit, and what is kept for good.
pub(super) struct Vault {
    budget: u64,
    in_flight: u64,
    state: Mutex<Purses>,
}

struct Purses {
    /// Held credits and entries that wait for their commit.
    flying: u64,
    /// Payloads and facts that stay.
    kept: u64,
    queue: VecDeque<(u64, Waker)>,
    /// How many were woken and have not come back yet: that many may pass those who still wait.
    called: usize,
}

/// Wakers that are known to wait beyond this many are answered `Later` and must come back by themselves: a bound on
/// what a storm of connections can make us remember.
const QUEUE: usize = 100_000;

impl Vault {
    pub(super) fn new(budget: u64, in_flight: u64, kept: u64) -> Self {
        Self { budget, in_flight, state: Mutex::new(Purses { flying: 0, kept, queue: VecDeque::new(), called: 0 }) }
    }

    pub(super) fn take(&self, class: Class, bytes: u64, waker: Option<&Waker>) -> Result<(), NoCredit> {
        let max = (self.in_flight / 4).min(self.limit(class));
        if bytes > max {
            return Err(NoCredit::TooLarge { need: bytes, max });
        }
        let mut purses = self.purses();
        let wanted = purses.kept + purses.flying + bytes;
        let limit = self.limit(class);
        // Room that flies may come back unused, but room that is kept does not: full is said only for what is kept.
        if purses.kept + bytes > limit {
            return Err(NoCredit::DiskFull { missing: purses.kept + bytes - limit });
        }
        let overtakes = !purses.queue.is_empty() && purses.called == 0;
        purses.called = purses.called.saturating_sub(1);
        if overtakes || wanted > limit || purses.flying + bytes > self.in_flight {
            if let Some(waker) = waker
                && purses.queue.len() < QUEUE
            {
                purses.queue.push_back((bytes, waker.clone()));
            }
            return Err(NoCredit::Later);
        }
        purses.flying += bytes;
        Ok(())
    }

    /// An entry was committed: it flies no longer, and `kept` bytes of it stay.
    pub(super) fn settle(&self, flown: u64, kept: u64) {
        self.change(|p| {
            p.flying = p.flying.saturating_sub(flown);
            p.kept += kept;
        });
    }

    /// Something that was kept is gone.
    pub(super) fn free(&self, bytes: u64) {
        self.change(|p| p.kept = p.kept.saturating_sub(bytes));
    }

    pub(super) fn wake_everybody(&self) {
        let queue = std::mem::take(&mut self.purses().queue);
        queue.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Bytes kept, bytes flying.
    pub(super) fn used(&self) -> (u64, u64) {
        let purses = self.purses();
        (purses.kept, purses.flying)
    }

    fn limit(&self, class: Class) -> u64 {
        match class {
            Class::Data => self.budget - self.budget / 10,
            Class::Position => self.budget - self.budget / 20,
            Class::Fact => self.budget,
        }
    }

    /// Changes the purses, then wakes from the front everybody for whom there is room together. When nothing flies any
    /// more all are woken, since no later flight would do it: somebody waits only while something flies, so a woken
    /// one who never comes back holds up nobody. When the budget is full for good they come back and learn it.
    fn change(&self, change: impl FnOnce(&mut Purses)) {
        let mut ready = Vec::new();
        {
            let mut purses = self.purses();
            change(&mut purses);
            let mut flying = purses.flying;
            while let Some((bytes, _)) = purses.queue.front() {
                let full = purses.kept + bytes > self.limit(Class::Data);
                if !full && purses.flying > 0 && flying + bytes > self.in_flight {
                    break;
                }
                flying += bytes;
                ready.extend(purses.queue.pop_front());
            }
            purses.called = if purses.queue.is_empty() { 0 } else { purses.called + ready.len() };
        }
        ready.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn purses(&self) -> MutexGuard<'_, Purses> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bank for Vault {
    fn give_back(&self, bytes: u64) {
        self.settle(bytes, 0);
    }
}
