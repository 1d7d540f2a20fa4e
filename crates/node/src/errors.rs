//! First-chance errors: every error that a door tells a client, kept from the moment it is told, before anybody swallows it.
//!
//! Knows how many are kept and how the same one again is counted; which errors are expected is for the doors to say. Nothing
//! here is touched while requests succeed.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// How many different errors are kept. The one that was quiet longest makes room.
const KEPT: usize = 1024;
/// Longest text of an error that is kept, in bytes; clients choose some of them.
const TEXT_MAX: usize = 256;
/// How many pairs of API and code are counted apart. The rest is counted together.
const COUNTED: usize = 1024;

/// One error, as a door tells it to a client.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Told {
    /// `kafka` or `http`.
    pub door: &'static str,
    /// Kafka's name of the API, or method and path.
    pub api: String,
    /// Kafka's name of the code, or a status.
    pub code: String,
    /// What the client calls itself.
    pub client: String,
    pub address: IpAddr,
    pub principal: &'static str,
    /// The topic, partition or group that it is about.
    pub subject: String,
    pub cause: String,
    /// Part of how the protocol works, so not shown unless asked for.
    pub expected: bool,
}

/// An error with how often it was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub told: Told,
    pub count: u64,
    /// Wall-clock milliseconds.
    pub first: i64,
    pub last: i64,
    /// The number of its last time: grows by one with every error of the node.
    pub number: u64,
    hash: u64,
}

#[derive(Debug, Default)]
struct Ring {
    seen: Vec<Seen>,
    counts: BTreeMap<(String, String), u64>,
}

/// The errors of a node, in memory only.
#[derive(Debug)]
pub struct Errors {
    ring: Mutex<Ring>,
    hasher: RandomState,
    /// The number of the newest error; followers wait on it.
    newest: watch::Sender<u64>,
}

impl Default for Errors {
    fn default() -> Self {
        Self { ring: Mutex::default(), hasher: RandomState::new(), newest: watch::Sender::new(0) }
    }
}

impl Errors {
    /// Notes an error that was told `times` times at `now`, in wall-clock milliseconds.
    pub fn note(&self, now: i64, mut told: Told, times: u64) {
        for text in [&mut told.api, &mut told.code, &mut told.client, &mut told.subject, &mut told.cause] {
            shorten(text);
        }
        // The words may hold numbers that differ from time to time; the same error is still the same.
        let same = (told.door, &told.api, &told.code, &told.client, told.address, &told.subject);
        let hash = self.hasher.hash_one(same);
        let mut ring = self.ring();
        ring.count(&told, times);
        let number = *self.newest.borrow() + 1;
        match ring.seen.iter_mut().find(|seen| seen.hash == hash) {
            Some(seen) => {
                (seen.count, seen.last, seen.number) = (seen.count + times, now, number);
                seen.told.cause = told.cause;
            }
            None => ring.keep(Seen { told, count: times, first: now, last: now, number, hash }),
        }
        // Under the lock, so that numbers never go back.
        self.newest.send_replace(number);
    }

    /// What was told after the error of this number, oldest first.
    pub fn since(&self, number: u64) -> Vec<Seen> {
        let mut seen: Vec<Seen> = self.ring().seen.iter().filter(|seen| seen.number > number).cloned().collect();
        seen.sort_unstable_by_key(|seen| seen.number);
        seen
    }

    /// `(API, code, how often)` since the start.
    pub fn counts(&self) -> Vec<(String, String, u64)> {
        self.ring().counts.iter().map(|((api, code), n)| (api.clone(), code.clone(), *n)).collect()
    }

    /// Changes with every error: the number of the newest.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn count(&mut self, told: &Told, times: u64) {
        // Paths are the clients' to choose, so they are not counted apart.
        let api = if told.door == "http" { "HTTP" } else { &told.api };
        let key = (api.to_owned(), told.code.clone());
        let full = self.counts.len() >= COUNTED && !self.counts.contains_key(&key);
        let key = if full { ("other".into(), "other".into()) } else { key };
        *self.counts.entry(key).or_default() += times;
    }

    fn keep(&mut self, new: Seen) {
        if self.seen.len() < KEPT {
            return self.seen.push(new);
        }
        if let Some(oldest) = self.seen.iter_mut().min_by_key(|seen| seen.number) {
            *oldest = new;
        }
    }
}

fn shorten(text: &mut String) {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(client: &str, cause: &str) -> Told {
        Told {
            door: "kafka",
            api: "Produce".into(),
            code: "MESSAGE_TOO_LARGE".into(),
            client: client.into(),
            address: [127, 0, 0, 1].into(),
            principal: "ANONYMOUS",
            subject: "orders/0".into(),
            cause: cause.into(),
            expected: false,
        }
    }

    #[test]
    fn the_same_again_is_counted_and_keeps_its_first_time() {
        let errors = Errors::default();
        errors.note(10, told("a", "2000 bytes"), 1);
        errors.note(20, told("b", "x"), 1);
        errors.note(30, told("a", "3000 bytes"), 1);
        let seen = errors.since(0);
        let shown: Vec<_> = seen.iter().map(|s| (&*s.told.client, &*s.told.cause, s.count, s.first, s.last, s.number)).collect();
        assert_eq!(shown, [("b", "x", 1, 20, 20, 2), ("a", "3000 bytes", 2, 10, 30, 3)]);
        assert_eq!(errors.since(2).len(), 1);
        assert_eq!(errors.counts(), [("Produce".into(), "MESSAGE_TOO_LARGE".into(), 3)]);
    }

    #[test]
    fn a_flood_of_different_ones_stays_within_its_bounds() {
        let errors = Errors::default();
        let watch = errors.watch();
        for n in 0..KEPT as i64 + 500 {
            let mut told = told(&format!("client-{n}"), &"ä".repeat(500));
            told.code = format!("CODE_{n}");
            errors.note(n, told, 1);
        }
        let seen = errors.since(0);
        assert_eq!((seen.len(), seen[0].first, *watch.borrow()), (KEPT, 500, KEPT as u64 + 500));
        assert!(seen.iter().all(|s| s.told.cause.len() <= TEXT_MAX + 3));
        let counts = errors.counts();
        assert_eq!(counts.len(), COUNTED + 1);
        assert_eq!(counts.iter().map(|c| c.2).sum::<u64>(), KEPT as u64 + 500);
    }
}
