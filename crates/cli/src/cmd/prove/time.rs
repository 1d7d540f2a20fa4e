//! The time of a play: the machine's, or one that passes over stretches in which nobody has anything to do. Knows who sleeps
//! until when, and no message.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::sleep};

/// Shorter stretches are slept through as they are.
const WORTH_IT: Duration = Duration::from_millis(20);
/// So long after a step everybody may say that he is still there, and what the step made due may happen.
const BREATH: Duration = Duration::from_millis(50);
/// When nothing has come about for so long, whoever is waited for waits for time to pass: a lease to run out, say.
const STUCK: Duration = Duration::from_millis(500);
/// How often the driver looks.
const LOOK: Duration = Duration::from_millis(5);

/// The clock of one play. It begins at nought.
pub(super) struct Time {
    begin: Instant,
    /// Milliseconds that were passed over.
    over: AtomicU64,
    /// Those who sleep, by when they want to be woken; a number tells apart who want the same.
    asleep: Mutex<(BTreeSet<(Duration, u64)>, u64)>,
    stepped: Notify,
}

/// What the driver of a clock that steps asks of a play.
pub(super) trait Stillness {
    /// Whether everybody sleeps, or waits for somebody who does.
    fn is_still(&self) -> bool;
    /// A number that changes whenever something comes about.
    fn progress(&self) -> u64;
}

impl Time {
    pub(super) fn new() -> Self {
        Self { begin: Instant::now(), over: AtomicU64::new(0), asleep: Mutex::default(), stepped: Notify::new() }
    }

    pub(super) fn now(&self) -> Duration {
        self.begin.elapsed() + Duration::from_millis(self.over.load(Ordering::SeqCst))
    }

    /// Sleeps until the clock shows `at`.
    pub(super) async fn reach(&self, at: Duration) {
        let _asleep = Asleep::until(self, at);
        loop {
            let stepped = self.stepped.notified();
            tokio::pin!(stepped);
            stepped.as_mut().enable();
            let Some(left) = at.checked_sub(self.now()).filter(|left| !left.is_zero()) else { return };
            tokio::select! {
                () = sleep(left) => {}
                () = stepped => {}
            }
        }
    }

    pub(super) async fn rest(&self, time: Duration) {
        if !time.is_zero() {
            self.reach(self.now() + time).await;
        }
    }

    /// Passes over stretches in which `play` is still, for ever: to the next moment that somebody sleeps until, by `step` at
    /// most. `forward` sets the other clocks.
    pub(super) async fn pass_over(&self, play: &impl Stillness, step: Duration, forward: impl Fn(Duration)) {
        let mut seen = (play.progress(), Instant::now());
        loop {
            sleep(LOOK).await;
            if play.progress() != seen.0 {
                seen = (play.progress(), Instant::now());
            }
            let stuck = seen.1.elapsed() >= STUCK;
            let next = self.hold().0.first().map(|(at, _)| at.saturating_sub(self.now()));
            let Some(by) = next.filter(|by| *by >= WORTH_IT && (stuck || play.is_still())) else { continue };
            let by = Duration::from_millis(u64::try_from(by.min(step).as_millis()).unwrap_or(u64::MAX));
            forward(by);
            self.over.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
            self.stepped.notify_waiters();
            sleep(BREATH).await;
        }
    }

    fn hold(&self) -> MutexGuard<'_, (BTreeSet<(Duration, u64)>, u64)> {
        self.asleep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who sleeps, until he wakes or is killed.
struct Asleep<'a> {
    time: &'a Time,
    place: (Duration, u64),
}
impl<'a> Asleep<'a> {
    fn until(time: &'a Time, at: Duration) -> Self {
        let mut asleep = time.hold();
        asleep.1 += 1;
        let place = (at, asleep.1);
        asleep.0.insert(place);
        Self { time, place }
    }
}
impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.time.hold().0.remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;
    impl Stillness for Still {
        fn is_still(&self) -> bool {
            true
        }
        fn progress(&self) -> u64 {
            0
        }
    }

    #[tokio::test]
    async fn a_day_of_sleep_is_passed_over_and_nobody_wakes_early() {
        let (time, begun, day) = (Time::new(), Instant::now(), Duration::from_secs(86_400));
        let forwarded = AtomicU64::new(0);
        let sleeper = async {
            time.rest(day).await;
            assert!(time.now() >= day);
        };
        let forward = |by: Duration| {
            forwarded.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
        };
        tokio::select! {
            () = sleeper => {}
            () = time.pass_over(&Still, Duration::from_secs(10_000), forward) => {}
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
        assert!(forwarded.load(Ordering::SeqCst) >= 86_000_000);
        assert!(time.hold().0.is_empty(), "who woke sleeps no more");
    }
}
