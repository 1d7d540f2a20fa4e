//! The books of one play: each message by its number, when it was due, whether it was acknowledged, and when each group handled
//! it. Knows numbers and times, and no broker.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A message, by the order in which they were due.
pub(super) type Number = u64;

/// What became of a message on its way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// Nobody knows yet.
    Open,
    Acknowledged,
    /// Its producer was told that it is not there; it may be all the same.
    Refused,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    topic: usize,
    due: Duration,
    fate: Fate,
}

/// How a group handled a message.
#[derive(Clone, Copy, Debug)]
struct Handled {
    first: Duration,
    times: u32,
}

pub(super) struct Book {
    begin: Instant,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sent: Vec<Sent>,
    /// By the place of the group in the scenario.
    handled: Vec<HashMap<Number, Handled>>,
    errors: u64,
}

/// What the books say of a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Balance {
    pub(super) handled: u64,
    pub(super) lost: Vec<Number>,
    pub(super) doubled: u64,
    /// Times from due to handled, in order.
    pub(super) delays: Vec<Duration>,
}

impl Book {
    pub(super) fn new(groups: usize) -> Self {
        let inner = Inner { handled: vec![HashMap::new(); groups], ..Inner::default() };
        Self { begin: Instant::now(), inner: Mutex::new(inner) }
    }

    pub(super) fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    pub(super) fn begin(&self) -> Instant {
        self.begin
    }

    /// A message of `topic` was due then; its number.
    pub(super) fn due(&self, topic: usize, due: Duration) -> Number {
        let mut inner = self.hold();
        inner.sent.push(Sent { topic, due, fate: Fate::Open });
        inner.sent.len() as Number - 1
    }

    pub(super) fn fate(&self, number: Number, fate: Fate) {
        let mut inner = self.hold();
        if let Some(sent) = usize::try_from(number).ok().and_then(|n| inner.sent.get_mut(n)) {
            sent.fate = fate;
        }
    }

    /// What came is not of this play: some other test left it there.
    pub(super) fn handled(&self, group: usize, number: Number) {
        let now = self.now();
        let mut inner = self.hold();
        if usize::try_from(number).is_ok_and(|n| n < inner.sent.len()) {
            inner.handled[group].entry(number).and_modify(|h| h.times += 1).or_insert(Handled { first: now, times: 1 });
        }
    }

    /// A consumer met an error and went on.
    pub(super) fn error(&self) {
        self.hold().errors += 1;
    }

    pub(super) fn errors(&self) -> u64 {
        self.hold().errors
    }

    /// How many have this fate.
    pub(super) fn count(&self, fate: Fate) -> u64 {
        self.hold().sent.iter().filter(|sent| sent.fate == fate).count() as u64
    }

    /// Whether `group`, which reads `topic`, has handled every message that is acknowledged.
    pub(super) fn is_done(&self, group: usize, topic: usize) -> bool {
        let inner = self.hold();
        let handled = &inner.handled[group];
        (0..).zip(&inner.sent).all(|(n, sent)| sent.topic != topic || sent.fate != Fate::Acknowledged || handled.contains_key(&n))
    }

    pub(super) fn balance(&self, group: usize, topic: usize) -> Balance {
        let inner = self.hold();
        let handled = &inner.handled[group];
        let mut balance = Balance::default();
        for (number, sent) in (0..).zip(&inner.sent).filter(|(_, sent)| sent.topic == topic) {
            match handled.get(&number) {
                Some(h) => {
                    balance.handled += 1;
                    balance.doubled += u64::from(h.times > 1);
                    balance.delays.push(h.first.saturating_sub(sent.due));
                }
                None if sent.fate == Fate::Acknowledged => balance.lost.push(number),
                None => {}
            }
        }
        balance.delays.sort();
        balance
    }

    fn hold(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_and_not_handled_is_lost_and_nothing_else_is() {
        let book = Book::new(2);
        let numbers: Vec<Number> = (0..4).map(|n| book.due(usize::from(n == 3), Duration::ZERO)).collect();
        book.fate(numbers[0], Fate::Acknowledged);
        book.fate(numbers[1], Fate::Acknowledged);
        book.fate(numbers[2], Fate::Refused);
        book.fate(numbers[3], Fate::Acknowledged);
        book.handled(0, numbers[0]);
        book.handled(0, numbers[0]);
        book.handled(0, 77);
        assert!(!book.is_done(0, 0));
        let balance = book.balance(0, 0);
        assert_eq!((balance.handled, balance.doubled, &balance.lost[..]), (1, 1, &[1][..]));
        book.handled(0, numbers[1]);
        assert!(book.is_done(0, 0), "what was refused, and what another topic has, is not waited for");
        assert!(!book.is_done(1, 1));
        assert_eq!((book.count(Fate::Acknowledged), book.count(Fate::Refused), book.count(Fate::Open)), (3, 1, 0));
    }
}
