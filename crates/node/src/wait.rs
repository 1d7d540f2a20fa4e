//! Readers that wait for bytes. Knows who waits at which partition and for how much; reads nothing itself.
//!
//! A waiter is one small record, listed at each partition it waits for. Committed bytes count down what is missing, and
//! only the commit that brings it to zero wakes the reader. There is no poll loop, and no timer but the reader's own
//! deadline, which exists only while it waits.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use crate::{
    lock::Lock,
    release::{Home, Hub},
};

/// Something that readers wait at.
pub(crate) trait Crowd: Send + Sync {
    /// The committed end may have moved: count down, and wake who has enough.
    fn tell(&self);
    /// Takes the waiter off the list, if it is still there.
    fn leave(&self, waiter: &Arc<Waiter>);
}

/// Why a waiting reader was woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woken {
    /// Enough bytes are there now.
    Bytes,
    /// A partition changed under the reader (deleted, trimmed past it): look again.
    Changed,
    /// Time is over.
    Timeout,
}

/// One waiting reader.
pub(crate) struct Waiter {
    missing: AtomicI64,
    changed: AtomicBool,
    home: Home,
    waker: Lock<Option<Waker>>,
}

impl Waiter {
    fn is_ready(&self) -> bool {
        self.missing.load(Ordering::Acquire) <= 0
    }
    /// Answers whether the waiter is done and can be struck off every list.
    pub(crate) fn count(&self, hub: &Hub, bytes: u64) -> bool {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 2);
        let before = self.missing.fetch_sub(bytes, Ordering::AcqRel);
        if before > 0 && before <= bytes {
            self.wake(hub);
        }
        before <= bytes
    }
    pub(crate) fn change(&self, hub: &Hub) {
        self.changed.store(true, Ordering::Release);
        self.missing.store(0, Ordering::Release);
        self.wake(hub);
    }
    fn wake(&self, hub: &Hub) {
        let waker = self.waker.hold().take();
        if let Some(waker) = waker {
            hub.wake_at(self.home, waker);
        }
    }
}

/// A waiter on a partition's list, and up to where that partition has counted for it.
pub(crate) struct Listed {
    pub(crate) waiter: Arc<Waiter>,
    pub(crate) counted: u64,
}

/// The future of a waiting reader: resolves when enough bytes are committed or something changed.
pub(crate) struct Waiting {
    waiter: Arc<Waiter>,
    at: Vec<Arc<dyn Crowd>>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waiting at {}", self.at.len())
    }
}

impl Waiting {
    pub(crate) fn new(hub: &Hub, missing: usize) -> Self {
        let missing = i64::try_from(missing.max(1)).unwrap_or(i64::MAX / 2);
        let waiter = Waiter {
            missing: AtomicI64::new(missing),
            changed: AtomicBool::new(false),
            home: hub.home(),
            waker: Lock::new(None),
        };
        Self { waiter: Arc::new(waiter), at: Vec::new() }
    }
    pub(crate) fn waiter(&self) -> &Arc<Waiter> {
        &self.waiter
    }
    pub(crate) fn listed_at(&mut self, crowd: Arc<dyn Crowd>) {
        self.at.push(crowd);
    }
}

impl Future for Waiting {
    type Output = Woken;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Woken> {
        let waiter = &self.waiter;
        if !waiter.is_ready() {
            *waiter.waker.hold() = Some(cx.waker().clone());
        }
        // Asked again, since the last bytes may have come before the waker was there.
        if !waiter.is_ready() {
            return Poll::Pending;
        }
        Poll::Ready(if waiter.changed.load(Ordering::Acquire) { Woken::Changed } else { Woken::Bytes })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        for crowd in &self.at {
            crowd.leave(&self.waiter);
        }
    }
}
