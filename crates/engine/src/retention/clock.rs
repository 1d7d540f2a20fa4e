//! What time it is, when clocks may lie. Retention runs on a steady clock: the wall clock as it was at start plus the time
//! that passed since, so a wall clock that jumps moves no log start. When both part, somebody is wrong, and nothing that
//! cannot be undone is done until they agree again, or a restart takes the wall clock's word.

use crate::limits;

/// One look at both clocks, by whoever has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Wall-clock milliseconds that never jump: what append times and retention use.
    pub steady: i64,
    /// How far the system's wall clock is ahead of it.
    pub ahead: i64,
}

impl Reading {
    /// The clocks disagree by so much that no space may be freed.
    pub fn parted(&self) -> bool {
        self.ahead.unsigned_abs() >= limits::CLOCKS_PART_MS.unsigned_abs()
    }
}
