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
    /// Takes the waiter off its place on the list, if it is still there.
    fn leave(&self, place: Place, waiter: &Arc<Waiter>);
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

/// A place on a list of waiters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(u32);

/// The waiters of one partition. Coming and going costs the same however many there are: ten thousand readers whose
/// patience ends twice a second must not look for each other.
#[derive(Default)]
pub(crate) struct Listing {
    places: Vec<Option<Listed>>,
    free: Vec<u32>,
}

impl Listing {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }
    pub(crate) fn enter(&mut self, listed: Listed) -> Place {
        match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = Some(listed);
                Place(place)
            }
            None => {
                self.places.push(Some(listed));
                Place(self.places.len() as u32 - 1)
            }
        }
    }
    pub(crate) fn leave(&mut self, Place(place): Place, waiter: &Arc<Waiter>) {
        let Some(slot) = self.places.get_mut(place as usize) else { return };
        // Whoever was woken has left already, and somebody else may stand there now.
        if slot.as_ref().is_some_and(|listed| Arc::ptr_eq(&listed.waiter, waiter)) {
            *slot = None;
            self.free.push(place);
            self.shrink();
        }
    }
    /// Keeps those for whom `stays` says so.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&mut Listed) -> bool) {
        for (place, slot) in (0..).zip(&mut self.places) {
            if slot.as_mut().is_some_and(|listed| !stays(listed)) {
                *slot = None;
                self.free.push(place);
            }
        }
        self.shrink();
    }
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Listed> + use<> {
        std::mem::take(self).places.into_iter().flatten()
    }
    /// An idle partition keeps no room for readers that have gone.
    fn shrink(&mut self) {
        if self.is_empty() && self.places.capacity() > 4 {
            *self = Self::default();
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
    at: Vec<(Arc<dyn Crowd>, Place)>,
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
    pub(crate) fn listed_at(&mut self, crowd: Arc<dyn Crowd>, place: Place) {
        self.at.push((crowd, place));
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
        for (crowd, place) in &self.at {
            crowd.leave(*place, &self.waiter);
        }
    }
}
