//! The only clock of the house. Knows wall and monotonic time and when the two part; judges nothing.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use milena_engine::machine::Now;

/// Where the node gets its time from. Injectable, so that tests of retention and sessions need not wait.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The moment, as judgements see it: a wall clock that never jumps while the process lives.
    fn now(&self) -> Now;
    /// Milliseconds that the system's wall clock is ahead of [`Clock::now`]; negative when behind.
    fn skew(&self) -> i64;
}

/// Wall clock at start plus monotonic time since: a correction of the system clock cannot expire or pin data. While a
/// machine sleeps the monotonic clock stands still, so a laptop's nap parts the two until a restart: late, never early.
#[derive(Debug)]
pub struct SystemClock {
    wall_at_start: i64,
    started: Instant,
}

impl SystemClock {
    pub fn new() -> Self {
        Self { wall_at_start: system_millis(), started: Instant::now() }
    }
}
impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}
impl Clock for SystemClock {
    fn now(&self) -> Now {
        let mono = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX / 2);
        Now { wall: self.wall_at_start + mono, mono }
    }
    fn skew(&self) -> i64 {
        system_millis() - self.now().wall
    }
}

fn system_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 2)
}

/// A clock that stands still until it is told to move. After moving it call `Node::look_at_clock`.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Hands>);
#[derive(Debug)]
struct Hands {
    wall: AtomicI64,
    mono: AtomicI64,
    skew: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `wall` milliseconds since 1970.
    pub fn at(wall: i64) -> Self {
        Self(Arc::new(Hands { wall: AtomicI64::new(wall), mono: AtomicI64::new(0), skew: AtomicI64::new(0) }))
    }
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.0.wall.fetch_add(by, Ordering::SeqCst);
        self.0.mono.fetch_add(by, Ordering::SeqCst);
    }
    /// Pretends that somebody set the system's wall clock.
    pub fn set_skew(&self, millis: i64) {
        self.0.skew.store(millis, Ordering::SeqCst);
    }
}
impl Clock for ManualClock {
    fn now(&self) -> Now {
        Now { wall: self.0.wall.load(Ordering::SeqCst), mono: self.0.mono.load(Ordering::SeqCst) }
    }
    fn skew(&self) -> i64 {
        self.0.skew.load(Ordering::SeqCst)
    }
}
