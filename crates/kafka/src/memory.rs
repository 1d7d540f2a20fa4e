//! The memory that all connections hold together: what they have sent and was not answered yet, and answers that they have
//! not taken yet. Knows bytes, who holds them and who waits for them; knows no socket and no request.
//!
//! Each connection has bounds of its own (`connection`), which thousands of them together exceed. When the sum reaches its
//! limit, those that hold more than [`FLOOR`] are not read from, and requests whose answers may be long wait for their turn,
//! first come first served. What is short goes on as if nothing was: records are taken in, positions committed, members
//! kept. So that nobody waits long for clients that never read, those that have not moved for longest are closed, as many as
//! wait; the more do, the sooner, and strangers sooner than clients that have taken an answer to its end. Below the limit
//! nothing here costs more than a comparison.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::Duration,
};

use milena_node::Node;
use tokio::sync::Notify;

/// A connection holds this much for nothing: small requests and answers are never counted, and go on at the limit.
pub(crate) const FLOOR: usize = 16 << 10;
/// When one waits, a holder that neither sent nor took a byte for so long may be closed; when many do, sooner.
const PATIENCE: Duration = Duration::from_secs(2);
const PATIENCE_LEAST: Duration = Duration::from_millis(250);
/// So much longer one is waited for that has taken an answer to its end: it may be a good client that its machine keeps from
/// running, for a pause of its garbage collector, say. Never longer than [`PATIENCE`].
const FOR_KNOWN: i64 = 4;
/// While somebody waits, the holders are looked at this often.
const TICK: Duration = Duration::from_millis(125);

/// What all connections share.
pub(crate) struct Memory {
    /// For its clock, and so that metrics show what is held.
    node: Node,
    limit: usize,
    waiting: AtomicUsize,
    room: Notify,
    /// Who holds more than the floor.
    holders: Mutex<HashMap<u64, Arc<Holder>>>,
    next: AtomicU64,
    /// When the holders were last looked at.
    looked: AtomicI64,
}

/// One that holds more than the floor.
#[derive(Debug)]
struct Holder {
    /// Milliseconds of the steady clock when it last sent or took something.
    moved: AtomicI64,
    /// It would send more, and is not read from until there is room.
    held_up: AtomicBool,
    /// It has taken an answer to its end.
    known: AtomicBool,
    closed: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Memory {
    pub(crate) fn new(node: Node) -> Arc<Self> {
        let limit = node.settings().queued_max_bytes;
        Arc::new(Self {
            node,
            limit,
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
            holders: Mutex::default(),
            next: AtomicU64::new(0),
            looked: AtomicI64::new(i64::MIN),
        })
    }

    /// What is held now.
    fn held(&self) -> usize {
        usize::try_from(self.node.counters().held.get()).unwrap_or(usize::MAX)
    }

    /// What may still be held. At least the floor: whoever got as far as to ask may have that.
    pub(crate) fn left(&self) -> usize {
        self.limit.saturating_sub(self.held()).max(FLOOR)
    }

    /// Whether nobody may hold more.
    pub(crate) fn is_spent(&self) -> bool {
        self.held() >= self.limit
    }

    /// Whether whoever comes now has to wait: for room, or for those who came before.
    pub(crate) fn must_wait(&self) -> bool {
        self.is_spent() || self.waiting.load(Relaxed) > 0
    }

    /// Waits until somebody may hold more, first come first served. Whoever got through holds what he came for, and then lets
    /// the next one in with [`Memory::pass_on`].
    pub(crate) async fn room(&self) {
        let mut others_first = self.must_wait();
        let _counted = Waiting::begin(self);
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if !others_first && !self.is_spent() {
                return;
            }
            others_first = false;
            tokio::select! {
                () = room => {}
                () = tokio::time::sleep(TICK) => self.close_the_still(self.now()),
            }
        }
    }

    /// Lets the next one in, if there is room and somebody waits.
    pub(crate) fn pass_on(&self) {
        if self.waiting.load(Relaxed) > 0 && !self.is_spent() {
            self.room.notify_one();
        }
    }

    fn change(&self, from: usize, to: usize) {
        if to >= from {
            self.node.counters().held.add((to - from) as u64);
        } else {
            self.node.counters().held.sub((from - to) as u64);
            self.pass_on();
        }
    }

    fn now(&self) -> i64 {
        self.node.now().mono
    }

    /// Closes holders that have not moved for long, one for each that waits. Those that are only held up come last.
    fn close_the_still(&self, now: i64) {
        let looked = self.looked.load(Relaxed);
        // However many wait, one look a tick.
        if now < looked.saturating_add(millis(TICK)) || self.looked.compare_exchange(looked, now, Relaxed, Relaxed).is_err() {
            return;
        }
        let waiting = self.waiting.load(Relaxed);
        let patience = millis(PATIENCE / u32::try_from(1 + waiting / 4).unwrap_or(u32::MAX)).max(millis(PATIENCE_LEAST));
        let holders = hold(&self.holders);
        let patience_with = |holder: &Holder| match holder.known.load(Relaxed) {
            true => (patience * FOR_KNOWN).min(millis(PATIENCE)),
            false => patience,
        };
        let is_still = |holder: &&Arc<Holder>| holder.moved.load(Relaxed).saturating_add(patience_with(holder)) <= now;
        let mut still: Vec<&Arc<Holder>> = holders.values().filter(is_still).collect();
        still.sort_by_key(|holder| (holder.held_up.load(Relaxed), holder.moved.load(Relaxed)));
        for holder in still.into_iter().take(waiting) {
            holder.closed.store(true, Relaxed);
            if let Some(waker) = hold(&holder.waker).take() {
                waker.wake();
            }
        }
    }
}

/// One more that waits, as long as it does.
struct Waiting<'a>(&'a Memory);
impl<'a> Waiting<'a> {
    fn begin(memory: &'a Memory) -> Self {
        memory.waiting.fetch_add(1, Relaxed);
        Self(memory)
    }
}
impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

/// What one connection holds of it; given back when dropped.
pub(crate) struct Share {
    memory: Arc<Memory>,
    held: usize,
    holder: Option<(u64, Arc<Holder>)>,
    known: bool,
}

impl Share {
    pub(crate) fn new(memory: Arc<Memory>) -> Self {
        Self { memory, held: 0, holder: None, known: false }
    }

    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Notes that the connection holds `bytes` now, at the end of its pass, whether something came or went in it, and whether it
    /// is held up for want of room.
    pub(crate) fn settle(&mut self, bytes: usize, moved: bool, held_up: bool, cx: &Context<'_>) {
        let counted = if bytes > FLOOR { bytes } else { 0 };
        if counted == 0 && self.held == 0 {
            return self.memory.pass_on();
        }
        let from = std::mem::replace(&mut self.held, counted);
        self.memory.change(from, counted);
        if counted == 0 {
            return self.leave();
        }
        match &self.holder {
            Some((_, holder)) => {
                holder.held_up.store(held_up, Relaxed);
                if moved {
                    holder.moved.store(self.memory.now(), Relaxed);
                }
                let mut waker = hold(&holder.waker);
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    *waker = Some(cx.waker().clone());
                }
            }
            None => self.enter(cx),
        }
    }

    /// Notes that the client took an answer to its end.
    pub(crate) fn know(&mut self) {
        if !self.known {
            self.known = true;
            if let Some((_, holder)) = &self.holder {
                holder.known.store(true, Relaxed);
            }
        }
    }

    /// Whether it was chosen to make room for others.
    pub(crate) fn is_closed(&self) -> bool {
        self.holder.as_ref().is_some_and(|(_, holder)| holder.closed.load(Relaxed))
    }

    fn enter(&mut self, cx: &Context<'_>) {
        let id = self.memory.next.fetch_add(1, Relaxed);
        let waker = Mutex::new(Some(cx.waker().clone()));
        let moved = AtomicI64::new(self.memory.now());
        let [held_up, known, closed] = [false, self.known, false].map(AtomicBool::new);
        let holder = Arc::new(Holder { moved, held_up, known, closed, waker });
        hold(&self.memory.holders).insert(id, holder.clone());
        self.holder = Some((id, holder));
    }

    fn leave(&mut self) {
        if let Some((id, _)) = self.holder.take() {
            hold(&self.memory.holders).remove(&id);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.leave();
        self.memory.change(self.held, 0);
    }
}

/// Bytes that are held for a request under way, before its connection counts them in its answer.
pub(crate) struct Loan {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Loan {
    /// Waits for room, and holds `bytes`.
    pub(crate) async fn take(memory: &Arc<Memory>, bytes: usize) -> Self {
        memory.room().await;
        memory.change(0, bytes);
        memory.pass_on();
        Self { memory: memory.clone(), bytes }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.memory.change(self.bytes, 0);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
