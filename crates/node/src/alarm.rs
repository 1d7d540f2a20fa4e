//! Deadlines, all in one heap. Knows moments and log numbers; knows no noun and judges nothing.
//!
//! An empty heap has no timer, so an idle node has no wake-ups. An entry may be late news (its noun has moved its
//! deadline since); whoever is called looks at the noun and sets the alarm again.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use milena_store::LogId;
use tokio::sync::Notify;

use crate::lock::Lock;

/// Timers stand still while a machine is suspended: what came due in its sleep is noticed this long after it woke up.
const AWAKE_MS: u64 = 60_000;

/// A timer that comes later than this has overslept.
const STALL: Duration = Duration::from_millis(250);
/// While it is waited, no deadline of any group is kept, so this is long enough to hear who lives, and not longer: what came
/// in meanwhile is read within milliseconds, and who lives sends a heartbeat within its interval, 3 s unless it says otherwise.
const PARDON: Duration = Duration::from_secs(3);

/// How long deadlines wait after a thread overslept by `stall`, so that signs of life are read before somebody is judged.
pub(crate) fn pardon(stall: Duration) -> Option<Duration> {
    (stall > STALL).then(|| stall.min(PARDON))
}

/// A heap of moments on one of the clock's two scales.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    heap: Lock<BinaryHeap<Reverse<(i64, u64)>>>,
    earlier: Notify,
}

impl Alarm {
    /// Asks for `log` to be looked at when the clock shows `at`.
    pub(crate) fn set(&self, at: i64, log: LogId) {
        let first = {
            let mut heap = self.heap.hold();
            heap.push(Reverse((at, log.0)));
            heap.peek() == Some(&Reverse((at, log.0)))
        };
        if first {
            self.earlier.notify_one();
        }
    }

    /// Looks at the clock again, which was moved by hand.
    pub(crate) fn look(&self) {
        self.earlier.notify_one();
    }

    /// Waits until something is due and answers at most `max` of it, each log once, and by how much the thread overslept:
    /// a machine that was suspended, or a disk that held everything up.
    pub(crate) async fn due(&self, max: usize, clock: impl Fn() -> i64) -> (Vec<LogId>, Duration) {
        let mut stall = Duration::ZERO;
        loop {
            let next = {
                let mut heap = self.heap.hold();
                let due = take_due(&mut heap, clock(), max);
                if !due.is_empty() {
                    return (due, stall);
                }
                heap.peek().map(|Reverse((at, _))| *at)
            };
            match next {
                None => self.earlier.notified().await,
                Some(at) => {
                    let millis = u64::try_from(at.saturating_sub(clock())).unwrap_or(0);
                    let patience = Duration::from_millis(millis.clamp(1, AWAKE_MS));
                    let asleep = Instant::now();
                    tokio::select! {
                        () = tokio::time::sleep(patience) => stall = asleep.elapsed().saturating_sub(patience),
                        () = self.earlier.notified() => {}
                    }
                }
            }
        }
    }
}

fn take_due(heap: &mut BinaryHeap<Reverse<(i64, u64)>>, now: i64, max: usize) -> Vec<LogId> {
    let mut due = Vec::new();
    while let Some(Reverse((at, log))) = heap.peek().copied() {
        if at > now || due.len() == max {
            break;
        }
        heap.pop();
        if !due.contains(&LogId(log)) {
            due.push(LogId(log));
        }
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sleep_is_pardoned_for_as_long_as_it_takes_to_hear_who_lives() {
        let seconds = Duration::from_secs;
        assert_eq!(pardon(Duration::from_millis(100)), None);
        assert_eq!(pardon(seconds(1)), Some(seconds(1)));
        assert_eq!(pardon(seconds(20)), Some(seconds(3)));
    }
}
