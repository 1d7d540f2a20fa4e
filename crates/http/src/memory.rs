//! The memory that all connections of this door hold together: bodies of requests that are worked on, and answers that
//! nobody has taken yet. Knows bytes and who holds them; knows no socket and no route.
//!
//! Each body and each answer has a bound of its own, which thousands of them together exceed. What is short ([`FLOOR`]) is
//! never counted and goes on as if nothing was. When the sum would pass its limit, a body that is longer is refused before it
//! is read, and an answer is made shorter, or refused if asking for it has changed nothing. What was done already is told in
//! any case. Whoever holds much and does not move while others find no room is closed after [`PATIENCE`].
//!
//! The limit is that of the Kafka door (`queued.max.request.bytes`), the sum is not: clients of the one that take nothing must
//! not be felt at the other, and here a request is refused where a client of Kafka waits. A long body or answer costs two
//! additions, a short one nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use milena_node::Node;

/// A body or an answer of this size is held for nothing.
pub(crate) const FLOOR: usize = 16 << 10;
/// While others find no room, whoever holds more than the floor and neither sends nor takes a byte for so long is closed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// All connections together hold as much as they may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("requests and answers under way hold as much memory as they may together (queued.max.request.bytes); try again soon")]
pub(crate) struct Spent;

/// What all connections share.
pub(crate) struct Memory {
    /// Whose counters have the sum, so that metrics show it.
    node: Node,
    limit: u64,
    wanted: AtomicU64,
}

impl Memory {
    pub(crate) fn of(node: Node) -> Arc<Self> {
        let limit = node.settings().queued_max_bytes as u64;
        Arc::new(Self { node, limit, wanted: AtomicU64::new(0) })
    }

    /// Nothing yet.
    pub(crate) fn loan(self: &Arc<Self>) -> Loan {
        Loan { memory: self.clone(), held: 0 }
    }

    /// Bytes that hold what they take until the last of their clones is dropped, whether there is room or not.
    pub(crate) fn lend(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        if counted(bytes.len()) == 0 { bytes } else { self.loan().lend(bytes) }
    }

    /// How often somebody has found no room so far. While it stands still, nobody is in the way of others.
    pub(crate) fn wanted(&self) -> u64 {
        self.wanted.load(Relaxed)
    }

    /// Notes that somebody was closed because he held what others needed.
    pub(crate) fn crowd_out(&self) {
        self.node.counters().crowded_out.add(1);
    }

    fn left(&self) -> u64 {
        self.limit.saturating_sub(self.node.counters().http_held.get())
    }
}

/// What one body, or one answer, holds of it; given back when dropped.
pub(crate) struct Loan {
    memory: Arc<Memory>,
    held: u64,
}

impl Loan {
    /// All that is held, as a loan of its own; nothing is left.
    pub(crate) fn rest(&mut self) -> Self {
        let nothing = self.memory.loan();
        std::mem::replace(self, nothing)
    }

    /// Whether it is so much that it counts.
    pub(crate) fn counts(&self) -> bool {
        self.held > 0
    }

    /// Holds this many bytes from now on, no more than before or more, if there is room. However much it is, it finds room when
    /// nobody else holds anything: what is larger than the limit is not refused for ever.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Spent> {
        let (held, to) = (&self.memory.node.counters().http_held, counted(bytes));
        if to <= self.held {
            held.sub(self.held - to);
        } else if !held.add_within(to - self.held, self.memory.limit, self.held) {
            self.memory.wanted.fetch_add(1, Relaxed);
            return Err(Spent);
        }
        self.held = to;
        Ok(())
    }

    /// The same for what must be told, whether there is room for it or not.
    pub(crate) fn hold_anyway(&mut self, bytes: usize) {
        if self.hold(bytes).is_err() {
            self.memory.node.counters().http_held.add(counted(bytes) - self.held);
            self.held = counted(bytes);
        }
    }

    /// Holds as much as there is room for, this many bytes at most, and answers how many may be used: at least the floor.
    pub(crate) fn hold_upto(&mut self, most: usize) -> usize {
        let left = usize::try_from(self.memory.left()).unwrap_or(usize::MAX).saturating_add(self.held as usize);
        if left < most {
            self.memory.wanted.fetch_add(1, Relaxed);
        }
        let asked = most.min(left);
        if self.hold(asked).is_ok() { asked.max(FLOOR).min(most) } else { FLOOR.min(most) }
    }

    /// The bytes, which hold what they take until the last of their clones is dropped.
    pub(crate) fn lend(mut self, bytes: Bytes) -> Bytes {
        self.hold_anyway(bytes.len());
        if self.counts() { Bytes::from_owner(Lent { bytes, _loan: self }) } else { bytes }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.memory.node.counters().http_held.sub(self.held);
    }
}

/// The bytes go before what is held for them is given back.
struct Lent {
    bytes: Bytes,
    _loan: Loan,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What is short does not even touch what all share.
fn counted(bytes: usize) -> u64 {
    if bytes > FLOOR { bytes as u64 } else { 0 }
}

#[cfg(test)]
pub(crate) mod tests {
    use milena_node::{NodeOptions, Recovery};
    use milena_store::memory::Options;

    use super::*;

    /// A memory of this size, of a node that nobody else knows.
    pub(crate) fn memory(limit: u64) -> Arc<Memory> {
        let store = Arc::new(milena_store::Memory::new(Options::default()));
        let node = Node::start(store, Recovery::new(), NodeOptions { runtimes: 1, ..NodeOptions::default() });
        Arc::new(Memory { node: node.expect("a node starts"), limit, wanted: AtomicU64::new(0) })
    }

    fn held(memory: &Memory) -> u64 {
        memory.node.counters().http_held.get()
    }

    #[test]
    fn what_is_short_is_free_and_what_is_long_has_a_limit_together() {
        let memory = memory(1_000_000);
        let (mut first, mut second) = (memory.loan(), memory.loan());
        assert_eq!((first.hold(FLOOR), held(&memory)), (Ok(()), 0));
        assert_eq!((first.hold(600_000), held(&memory)), (Ok(()), 600_000));
        assert_eq!((second.hold(400_001), memory.wanted(), held(&memory)), (Err(Spent), 1, 600_000));
        assert_eq!((second.hold(400_000), held(&memory)), (Ok(()), 1_000_000));
        assert_eq!(second.hold(FLOOR), Ok(()), "it may shrink when there is nothing left");
        second.hold_anyway(500_000);
        assert_eq!(held(&memory), 1_100_000, "what must be told is");
        drop((first, second));
        assert_eq!(held(&memory), 0);
    }

    #[test]
    fn one_alone_may_be_larger_than_the_limit() {
        let memory = memory(100_000);
        let (mut alone, mut late) = (memory.loan(), memory.loan());
        assert_eq!((alone.hold(90_000), alone.hold(5_000_000)), (Ok(()), Ok(())));
        assert_eq!(late.hold(FLOOR + 1), Err(Spent));
        assert_eq!(late.hold_upto(1_000_000), FLOOR, "what is short goes on");
        drop(alone);
        assert_eq!((late.hold_upto(1_000_000), held(&memory)), (100_000, 100_000));
    }

    #[test]
    fn lent_bytes_hold_until_the_last_clone_of_them_is_gone() {
        let memory = memory(1_000_000);
        let lent = memory.loan().lend(Bytes::from(vec![1; 50_000]));
        let part = lent.slice(1..2);
        drop(lent);
        assert_eq!(held(&memory), 50_000, "a part of it keeps all of it");
        drop(part);
        assert_eq!(held(&memory), 0);
    }
}
