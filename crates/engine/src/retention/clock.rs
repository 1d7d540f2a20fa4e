//! What time it is, when clocks may lie. Retention runs on the wall clock as it was at start plus the time that passed
//! since; a wall clock that jumps moves no log start. When both part, somebody is wrong, and nothing that cannot be
//! undone is done until they agree again, or a restart takes the wall clock's word.

use crate::{limits, machine::Now};

/// The wall clock at start, and what has passed since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clocks {
    start: Now,
}

/// One look at both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Wall-clock milliseconds that never jump: what append times and retention use.
    pub steady: i64,
    /// How far the wall clock is ahead of it.
    pub ahead: i64,
}

impl Clocks {
    pub fn started(at: Now) -> Self {
        Self { start: at }
    }
    pub fn read(&self, now: Now) -> Reading {
        let steady = self.start.wall.saturating_add(now.mono.saturating_sub(self.start.mono));
        Reading { steady, ahead: now.wall.saturating_sub(steady) }
    }
}

impl Reading {
    /// The clocks disagree by so much that no space may be freed.
    pub fn parted(&self) -> bool {
        self.ahead.unsigned_abs() >= limits::CLOCKS_PART_MS.unsigned_abs()
    }
}
