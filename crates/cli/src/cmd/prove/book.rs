//! The books of one play: each message by its number, when it was due, whether it was acknowledged, and when each group handled
//! it. Knows numbers and times, and no broker.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::time::{Stillness, Time};

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
    time: Arc<Time>,
    inner: Mutex<Inner>,
    /// What happens to the broker or to a consumer at this moment.
    awake: AtomicU64,
    /// Producers that have not sent anything yet: who is still connecting sleeps until nothing.
    expected: AtomicU64,
    /// How often anything was noted.
    notes: AtomicU64,
}

#[derive(Default)]
struct Inner {
    sent: Vec<Sent>,
    /// Of them nobody knows yet what becomes.
    open: u64,
    groups: Vec<Group>,
    errors: u64,
}

/// What a group did, and what it has before it.
#[derive(Default)]
struct Group {
    topic: usize,
    members: usize,
    handled: HashMap<Number, Handled>,
    /// Acknowledged messages that it has not handled.
    before: u64,
    /// Consumers of it that work on a message.
    working: usize,
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
    /// The groups, by their place in the scenario: which topic each reads, and how many consumers it has. So many producers are
    /// expected, each of which says when it [has begun](Self::began).
    pub(super) fn new(groups: &[(usize, usize)], producers: usize, time: Arc<Time>) -> Self {
        let group = |(topic, members): &(usize, usize)| Group { topic: *topic, members: *members, ..Group::default() };
        let inner = Inner { groups: groups.iter().map(group).collect(), ..Inner::default() };
        let (awake, expected) = (AtomicU64::new(0), AtomicU64::new(producers as u64));
        Self { time, inner: Mutex::new(inner), awake, expected, notes: AtomicU64::new(0) }
    }

    /// One producer more has its first message on the way, or none to send.
    pub(super) fn began(&self) {
        self.expected.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn time(&self) -> &Time {
        &self.time
    }

    pub(super) fn now(&self) -> Duration {
        self.time.now()
    }

    /// A consumer works on a message for so long.
    pub(super) async fn work(&self, group: usize, time: Duration) {
        let _working = Working::begin(self, group);
        self.time.rest(time).await;
    }

    /// Something happens, until what is answered is dropped: time passes as it does.
    pub(super) fn wakes(&self) -> Awake<'_> {
        self.awake.fetch_add(1, Ordering::SeqCst);
        Awake(self)
    }

    /// A message of `topic` was due then; its number.
    pub(super) fn due(&self, topic: usize, due: Duration) -> Number {
        let mut inner = self.hold();
        self.note();
        inner.open += 1;
        inner.sent.push(Sent { topic, due, fate: Fate::Open });
        inner.sent.len() as Number - 1
    }

    pub(super) fn fate(&self, number: Number, fate: Fate) {
        let mut inner = self.hold();
        let Inner { sent, open, groups, .. } = &mut *inner;
        let Some(sent) = usize::try_from(number).ok().and_then(|n| sent.get_mut(n)) else { return };
        sent.fate = fate;
        *open -= 1;
        if fate == Fate::Acknowledged {
            let waiting = |group: &&mut Group| group.topic == sent.topic && !group.handled.contains_key(&number);
            groups.iter_mut().filter(waiting).for_each(|group| group.before += 1);
        }
        self.note();
    }

    /// What came is not of this play: some other test left it there.
    pub(super) fn handled(&self, group: usize, number: Number) {
        let now = self.now();
        let mut inner = self.hold();
        let Inner { sent, groups, .. } = &mut *inner;
        let Some(sent) = usize::try_from(number).ok().and_then(|n| sent.get(n)) else { return };
        let group = &mut groups[group];
        let handled = group.handled.entry(number).or_insert(Handled { first: now, times: 0 });
        handled.times += 1;
        if handled.times == 1 && sent.fate == Fate::Acknowledged {
            group.before -= 1;
        }
        self.note();
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

    /// Whether `group` has handled every message that is acknowledged.
    pub(super) fn is_done(&self, group: usize) -> bool {
        self.hold().groups[group].before == 0
    }

    pub(super) fn balance(&self, group: usize, topic: usize) -> Balance {
        let inner = self.hold();
        let handled = &inner.groups[group].handled;
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

    fn note(&self) {
        self.notes.fetch_add(1, Ordering::SeqCst);
    }

    fn hold(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stillness for Book {
    /// Everybody has begun, nothing is on its way to the broker, nothing happens to it, and each group has nothing before it, or everybody of it is
    /// at work. (One who waits while others of his group work may be about to get something.)
    fn is_still(&self) -> bool {
        let inner = self.hold();
        let still = |group: &Group| group.before == 0 || group.working >= group.members;
        let nobody = |count: &AtomicU64| count.load(Ordering::SeqCst) == 0;
        nobody(&self.awake) && nobody(&self.expected) && inner.open == 0 && inner.groups.iter().all(still)
    }

    fn progress(&self) -> u64 {
        self.notes.load(Ordering::SeqCst)
    }
}

struct Working<'a>(&'a Book, usize);
impl<'a> Working<'a> {
    fn begin(book: &'a Book, group: usize) -> Self {
        book.hold().groups[group].working += 1;
        Self(book, group)
    }
}
impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.hold().groups[self.1].working -= 1;
    }
}

/// One more that is awake, as long as this is there.
pub(super) struct Awake<'a>(&'a Book);
impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.0.awake.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_and_not_handled_is_lost_and_nothing_else_is() {
        let book = Book::new(&[(0, 1), (1, 1)], 1, Arc::new(Time::new()));
        let numbers: Vec<Number> = (0..4).map(|n| book.due(usize::from(n == 3), Duration::ZERO)).collect();
        book.fate(numbers[0], Fate::Acknowledged);
        book.fate(numbers[1], Fate::Acknowledged);
        book.fate(numbers[2], Fate::Refused);
        book.fate(numbers[3], Fate::Acknowledged);
        book.handled(0, numbers[0]);
        book.handled(0, numbers[0]);
        book.handled(0, 77);
        assert!(!book.is_done(0) && !book.is_still());
        let balance = book.balance(0, 0);
        assert_eq!((balance.handled, balance.doubled, &balance.lost[..]), (1, 1, &[1][..]));
        book.handled(0, numbers[1]);
        assert!(book.is_done(0), "what was refused, and what another topic has, is not waited for");
        assert!(!book.is_done(1));
        book.handled(1, numbers[3]);
        assert!(book.is_done(1) && !book.is_still(), "its producer connects yet, as far as anybody knows");
        book.began();
        assert!(book.is_still());
        assert_eq!((book.count(Fate::Acknowledged), book.count(Fate::Refused), book.count(Fate::Open)), (3, 1, 0));
    }
}
