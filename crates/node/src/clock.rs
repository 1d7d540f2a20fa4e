//! The only clock of the house. Knows wall and monotonic time and when the two part; judges nothing.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use milena_engine::machine::Now;
use rustix::time::{ClockId, clock_gettime};

/// Where the node gets its time from. Injectable, so that tests of retention and sessions need not wait.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The moment, as judgements see it: a wall clock that never jumps while the process lives.
    fn now(&self) -> Now;
    /// Milliseconds that the system's wall clock is ahead of [`Clock::now`]; negative when behind.
    fn skew(&self) -> i64;
}

/// Wall clock at start plus the time since: a correction of the system clock cannot expire or pin data. The time that a
/// machine was suspended counts for the wall clock, since data grew old, and not for the monotonic one: nobody could send a
/// heartbeat.
#[derive(Debug)]
pub struct SystemClock {
    wall_at_start: i64,
    started: Steady,
}

/// The kernel's two clocks that nobody sets, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Steady {
    /// Stands still while the machine is suspended.
    awake: i64,
    /// Does not.
    all: i64,
}

impl Steady {
    fn read() -> Self {
        let awake = millis(ClockId::Monotonic);
        #[cfg(target_os = "linux")]
        let all = millis(ClockId::Boottime);
        // Elsewhere a nap parts the clocks until a restart: space is freed late, never early.
        #[cfg(not(target_os = "linux"))]
        let all = awake;
        Self { awake, all }
    }
}

fn millis(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

impl SystemClock {
    pub fn new() -> Self {
        Self { wall_at_start: system_millis(), started: Steady::read() }
    }

    fn at(&self, steady: Steady) -> Now {
        Now { wall: self.wall_at_start + (steady.all - self.started.all), mono: steady.awake - self.started.awake }
    }
}
impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}
impl Clock for SystemClock {
    fn now(&self) -> Now {
        self.at(Steady::read())
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
    /// Pretends that the machine was suspended: data grows old, and nobody could have done anything meanwhile.
    pub fn nap(&self, length: Duration) {
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX / 4);
        self.0.wall.fetch_add(length, Ordering::SeqCst);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nap_counts_for_the_age_of_data_and_not_for_the_patience_with_members() {
        let clock = SystemClock::new();
        let (before, nap) = (Steady::read(), 8 * 3_600_000);
        let asleep = Steady { all: before.all + nap, ..before };
        let (then, now) = (clock.at(before), clock.at(asleep));
        assert_eq!((now.wall - then.wall, now.mono - then.mono), (nap, 0));
    }

    #[test]
    fn the_clocks_agree_at_the_start() {
        let clock = SystemClock::new();
        assert!(clock.skew().abs() < 1000);
        assert!(clock.now().mono < 1000);
    }
}
