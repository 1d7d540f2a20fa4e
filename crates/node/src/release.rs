//! Replies wait here for their place to be on disk. Knows log sequence numbers, threads and wakers; knows no noun.
//!
//! Each runtime has a *seat*: a list, only touched by its own thread, of what waits for which LSN. A commit wakes each
//! seat at most once (its `turn` task), and the seat then wakes its own tasks, which costs no system call. The
//! committing runtime needs no wake at all: its seat is looked at when [`Hub::lead`] returns.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering, fence},
    },
    task::{Context, Poll, Waker},
};

use milena_store::{Committed, Fault, Led, Lsn, Store};
use tokio::sync::Notify;

use crate::{noun::Ops, wait::Crowd};

/// The store has stopped for good: nothing is acknowledged from here on.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store has stopped: {0}")]
pub struct Dead(pub Arc<Fault>);

/// What is done when an LSN is on disk.
pub(crate) enum Then {
    /// A task reads its reply.
    Wake(Waker),
    /// Somebody waits for bytes of this partition.
    Tell(Arc<dyn Crowd>),
}
impl Then {
    fn run(self) {
        match self {
            Then::Wake(waker) => waker.wake(),
            Then::Tell(crowd) => crowd.tell(),
        }
    }
}

struct Entry {
    lsn: Lsn,
    then: Then,
}

/// What other threads see of a runtime's seat.
pub(crate) struct Seat {
    /// The smallest LSN waited for by the runtime; `u64::MAX` when none is.
    oldest: AtomicU64,
    /// Wakers of this runtime's tasks that other threads want woken, so that they cost one wake together.
    mailbox: Mutex<Vec<Waker>>,
    /// Wakes the runtime's turn task.
    turn: OnceLock<Waker>,
}

/// What only the runtime's own thread sees.
struct Chair {
    hub: Arc<Hub>,
    index: u16,
    seat: Arc<Seat>,
    waiting: RefCell<VecDeque<Entry>>,
    /// Registrations since this thread last led: a runtime that never parks must lead all the same.
    unled: Cell<u32>,
}

/// After so many registrations without a park the turn task leads.
const UNLED_LIMIT: u32 = 512;

thread_local! {
    static CHAIR: RefCell<Option<Rc<Chair>>> = const { RefCell::new(None) };
}

/// Where a waiter lives: its runtime's seat, or anywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Home(u16);
const NOWHERE: Home = Home(u16::MAX);

/// The store, and who waits for it.
pub(crate) struct Hub {
    store: Arc<dyn Store>,
    seats: Vec<Arc<Seat>>,
    /// What waits on threads that are no runtime of ours (tests, the main thread).
    strangers: Mutex<VecDeque<Entry>>,
    dead: OnceLock<Arc<Fault>>,
    ops: Ops,
    /// Told once, when the store dies.
    pub(crate) died: Notify,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({} seats)", self.seats.len())
    }
}

impl Hub {
    pub(crate) fn new(store: Arc<dyn Store>, runtimes: usize) -> Self {
        let seat = || Arc::new(Seat { oldest: AtomicU64::new(u64::MAX), mailbox: Mutex::new(Vec::new()), turn: OnceLock::new() });
        Self {
            store,
            seats: (0..runtimes).map(|_| seat()).collect(),
            strangers: Mutex::new(VecDeque::new()),
            dead: OnceLock::new(),
            ops: Ops::new(),
            died: Notify::new(),
        }
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn next_op(&self) -> milena_store::OpId {
        self.ops.next()
    }

    pub(crate) fn dead(&self) -> Option<Dead> {
        self.dead.get().map(|fault| Dead(fault.clone()))
    }

    /// `Err` once the store has stopped.
    pub(crate) fn alive(&self) -> Result<(), Dead> {
        self.dead().map_or(Ok(()), Err)
    }

    fn chair(&self) -> Option<Rc<Chair>> {
        CHAIR.with_borrow(|chair| chair.as_ref().filter(|chair| std::ptr::eq(&*chair.hub, self)).cloned())
    }

    /// Makes the calling thread the runtime `index`.
    pub(crate) fn sit(self: &Arc<Self>, index: usize) {
        let seat = self.seats[index].clone();
        let index = u16::try_from(index).expect("there are at most a few hundred runtimes");
        let chair = Chair { hub: self.clone(), index, seat, waiting: RefCell::default(), unled: Cell::new(0) };
        CHAIR.set(Some(Rc::new(chair)));
    }

    pub(crate) fn home(&self) -> Home {
        self.chair().map_or(NOWHERE, |chair| Home(chair.index))
    }

    /// The runtime's turn: runs when another thread committed, when mail came, or when the runtime is too busy to park.
    pub(crate) async fn turns(&self) {
        let Some(chair) = self.chair() else { return };
        std::future::poll_fn(|cx| {
            chair.seat.turn.get_or_init(|| cx.waker().clone());
            if chair.unled.get() >= UNLED_LIMIT {
                self.lead();
            }
            for waker in std::mem::take(&mut *hold(&chair.seat.mailbox)) {
                waker.wake();
            }
            self.drain(&chair);
            Poll::<()>::Pending
        })
        .await;
    }

    /// Commits what is reserved if nobody does, and wakes the calling runtime's own tasks. The end of a pass.
    pub(crate) fn lead(&self) -> Led {
        let led = self.store.lead();
        if let Some(chair) = self.chair() {
            chair.unled.set(0);
            self.drain(&chair);
        }
        led
    }

    /// Remembers what to do when `lsn` is on disk; does it at once if it is.
    pub(crate) fn when(&self, lsn: Lsn, then: Then) {
        match self.chair() {
            Some(chair) => self.when_here(&chair, lsn, then),
            None => self.when_elsewhere(lsn, then),
        }
    }

    fn when_here(&self, chair: &Chair, lsn: Lsn, then: Then) {
        let mut waiting = chair.waiting.borrow_mut();
        // Almost always the newest; a reader of older state goes before it.
        let place = waiting.iter().rposition(|e| e.lsn <= lsn).map_or(0, |at| at + 1);
        waiting.insert(place, Entry { lsn, then });
        drop(waiting);
        if place == 0 {
            chair.seat.oldest.store(lsn.0, Ordering::Relaxed);
            // Either the committer sees our LSN, or we see its commit.
            fence(Ordering::SeqCst);
            if self.store.committed().covers(lsn) || self.dead.get().is_some() {
                self.drain(chair);
            }
        }
        let unled = chair.unled.get() + 1;
        chair.unled.set(unled);
        if unled == UNLED_LIMIT
            && let Some(turn) = chair.seat.turn.get()
        {
            turn.wake_by_ref();
        }
    }

    fn when_elsewhere(&self, lsn: Lsn, then: Then) {
        hold(&self.strangers).push_back(Entry { lsn, then });
        self.lead();
        self.drain_strangers(self.store.committed());
    }

    fn drain(&self, chair: &Chair) {
        loop {
            let upto = if self.dead.get().is_some() { Lsn(u64::MAX) } else { self.store.committed().upto() };
            loop {
                // Not held while the entry runs: who is woken may register here again.
                let entry = pop_until(&mut chair.waiting.borrow_mut(), upto);
                let Some(entry) = entry else { break };
                entry.then.run();
            }
            let oldest = chair.waiting.borrow().front().map_or(u64::MAX, |e| e.lsn.0);
            chair.seat.oldest.store(oldest, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if oldest == u64::MAX || (oldest > self.store.committed().upto().0 && self.dead.get().is_none()) {
                return;
            }
        }
    }

    fn drain_strangers(&self, proof: Committed) {
        let upto = if self.dead.get().is_some() { Lsn(u64::MAX) } else { proof.upto() };
        let mut ready = Vec::new();
        hold(&self.strangers).retain_mut(|entry| {
            let due = entry.lsn <= upto;
            if due {
                ready.push(std::mem::replace(&mut entry.then, Then::Wake(Waker::noop().clone())));
            }
            !due
        });
        ready.into_iter().for_each(Then::run);
    }

    /// Wakes a task that lives at `home`, through its runtime's mailbox when that is another thread.
    pub(crate) fn wake_at(&self, home: Home, waker: Waker) {
        let here = home != NOWHERE && self.home() == home;
        match self.seats.get(usize::from(home.0)) {
            Some(seat) if !here => {
                let first = {
                    let mut mailbox = hold(&seat.mailbox);
                    mailbox.push(waker);
                    mailbox.len() == 1
                };
                if let (true, Some(turn)) = (first, seat.turn.get()) {
                    turn.wake_by_ref();
                }
            }
            _ => waker.wake(),
        }
    }

    /// Resolves when everything up to `lsn` is on disk.
    pub(crate) fn released(self: &Arc<Self>, lsn: Lsn) -> Released {
        Released { hub: self.clone(), lsn, registered: None }
    }

    /// Wakes the runtimes that wait for something up to `upto`, except the calling one, which looks for itself.
    fn wake_seats(&self, upto: u64) {
        fence(Ordering::SeqCst);
        let here = self.home();
        for (index, seat) in self.seats.iter().enumerate() {
            let concerned = usize::from(here.0) != index && seat.oldest.load(Ordering::Relaxed) <= upto;
            if let (true, Some(turn)) = (concerned, seat.turn.get()) {
                turn.wake_by_ref();
            }
        }
    }
}

impl Hub {
    /// The store has committed: called on whichever thread did.
    pub(crate) fn committed(&self, proof: Committed) {
        self.wake_seats(proof.upto().0);
        self.drain_strangers(proof);
    }
    /// The store stopped for good.
    pub(crate) fn stopped(&self, fault: Arc<Fault>) {
        let _ = self.dead.set(fault);
        self.wake_seats(u64::MAX - 1);
        self.drain_strangers(self.store.committed());
        self.died.notify_one();
    }
}

/// The end of a pass of the calling runtime. A runtime's hook lives as long as any waker of its tasks, so it holds nothing
/// itself: what it needs is found on its thread.
pub(crate) fn end_of_pass() {
    if let Some(chair) = CHAIR.with_borrow(Option::clone) {
        chair.hub.lead();
    }
}

/// The calling thread is no runtime any more.
pub(crate) fn stand_up() {
    // Out of the thread's keep first: what goes with it may look for its chair.
    let chair = CHAIR.take();
    drop(chair);
}

fn pop_until(waiting: &mut VecDeque<Entry>, upto: Lsn) -> Option<Entry> {
    if waiting.front()?.lsn <= upto { waiting.pop_front() } else { None }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A future that resolves with the proof that an LSN is on disk.
#[must_use = "a reply may go out only after this has resolved"]
pub struct Released {
    hub: Arc<Hub>,
    lsn: Lsn,
    registered: Option<Waker>,
}
impl fmt::Debug for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Released({})", self.lsn.0)
    }
}
impl Future for Released {
    type Output = Result<Committed, Dead>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A dead store answers nothing, not even what it committed before: its state may be ahead of the disk.
        if let Some(dead) = self.hub.dead() {
            return Poll::Ready(Err(dead));
        }
        let proof = self.hub.store.committed();
        if proof.covers(self.lsn) {
            return Poll::Ready(Ok(proof));
        }
        if !self.registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.registered = Some(cx.waker().clone());
            self.hub.when(self.lsn, Then::Wake(cx.waker().clone()));
            // Off the runtimes `when` commits by itself.
            if self.hub.store.committed().covers(self.lsn) {
                return Poll::Ready(Ok(self.hub.store.committed()));
            }
        }
        Poll::Pending
    }
}
