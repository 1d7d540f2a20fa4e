//! When the space before a log start may be given back: a while after the start moved, so that a wrong clock or setting
//! can be noticed while the data still exists. On a full disk at once.
//!
//! This is memory of the process, not state: after a restart the wait begins anew, which is late and never early.

use std::collections::VecDeque;

use super::Reading;
use crate::{fact::MoveReason, ids::Offset, limits};

/// Starts whose space was not given back yet, oldest first; about a dozen at most.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Freeing {
    pub(super) waiting: VecDeque<Moves>,
}

/// Moves of one minute, which wait together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moves {
    first_at: i64,
    /// When the last of them may be freed, on the steady clock.
    free_at: i64,
    to: Offset,
    /// Somebody asked for the last of them: no clock had a part in it.
    asked: bool,
}

const TOGETHER_MS: i64 = 60_000;

impl Freeing {
    /// The log start moved to `to`.
    pub fn moved(&mut self, now: Reading, to: Offset, why: MoveReason) {
        let asked = why == MoveReason::Asked;
        let free_at = now.steady.saturating_add(limits::FREEING_TRAILS_MS);
        match self.waiting.back_mut() {
            Some(last) if now.steady.saturating_sub(last.first_at) < TOGETHER_MS && last.asked == asked => {
                (last.free_at, last.to) = (free_at, to);
            }
            _ => self.waiting.push_back(Moves { first_at: now.steady, free_at, to, asked }),
        }
    }

    /// Up to where space may be given back now; that much is forgotten here. `red`: the disk is full.
    pub fn due(&mut self, now: Reading, red: bool) -> Option<Offset> {
        let free = |m: &Moves| (m.asked || !now.parted()) && (red || m.free_at <= now.steady);
        let last = self.waiting.iter().rposition(free)?;
        self.waiting.drain(..=last).next_back().map(|m| m.to)
    }

    /// When [`Self::due`] will have something to say, on the steady clock, unless the clocks have parted.
    pub fn deadline(&self) -> Option<i64> {
        self.waiting.front().map(|m| m.free_at)
    }
}
