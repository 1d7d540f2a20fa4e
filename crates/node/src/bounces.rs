//! Clients that were told an address and never came back: what a wrong advertised address looks like from the server.
//!
//! Knows, for each client address, what it was told last and whether it has asked for anything but addresses since. Touched
//! once a connection and at each answer that names the broker, never on the path of records.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many client addresses are remembered; those that came back are forgotten first.
const KNOWN: usize = 1024;
/// How long a client may take to come back before it counts as gone, in milliseconds.
const PATIENCE: i64 = 10_000;

/// A client that was told an address and did not come back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounce {
    pub from: IpAddr,
    /// What the client calls itself.
    pub client: String,
    /// `HOST:PORT` as it was told.
    pub told: String,
    /// When it was told that first, in wall-clock milliseconds.
    pub at: i64,
    /// How often since.
    pub times: u64,
}

#[derive(Debug)]
struct Entry {
    bounce: Bounce,
    came: bool,
}

#[derive(Debug, Default)]
pub struct Bounces(Mutex<HashMap<IpAddr, Entry>>);

impl Bounces {
    /// A client was told where the broker is.
    pub fn told(&self, now: i64, from: IpAddr, client: &str, told: &str) {
        let mut known = self.known();
        if let Some(entry) = known.get_mut(&from)
            && entry.bounce.told == told
        {
            entry.bounce.times += 1;
            return;
        }
        if known.len() >= KNOWN && !known.contains_key(&from) {
            let oldest = known.iter().min_by_key(|(_, e)| (!e.came, e.bounce.at)).map(|(ip, _)| *ip);
            oldest.and_then(|ip| known.remove(&ip));
        }
        let bounce = Bounce { from, client: client.to_owned(), told: told.to_owned(), at: now, times: 1 };
        known.insert(from, Entry { bounce, came: false });
    }

    /// A client asked for something that only a client asks that has found its broker.
    pub fn came(&self, from: IpAddr) {
        if let Some(entry) = self.known().get_mut(&from) {
            entry.came = true;
        }
    }

    /// Who did not come back, the newest first.
    pub fn gone(&self, now: i64) -> Vec<Bounce> {
        let known = self.known();
        let gone = known.values().filter(|e| !e.came && now - e.bounce.at >= PATIENCE);
        let mut gone: Vec<Bounce> = gone.map(|e| e.bounce.clone()).collect();
        gone.sort_unstable_by_key(|b| std::cmp::Reverse((b.at, b.from)));
        gone
    }

    fn known(&self) -> MutexGuard<'_, HashMap<IpAddr, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn who_comes_back_is_no_bounce_until_it_is_told_something_else() {
        let bounces = Bounces::default();
        bounces.told(0, A, "a", "localhost:9092");
        bounces.told(0, B, "b", "localhost:9092");
        assert!(bounces.gone(PATIENCE - 1).is_empty());
        bounces.came(B);
        bounces.told(500, A, "a", "localhost:9092");
        bounces.told(500, B, "b", "localhost:9092");
        let gone: Vec<_> = bounces.gone(PATIENCE).into_iter().map(|b| (b.from, b.at, b.times)).collect();
        assert_eq!(gone, [(A, 0, 2)]);
        bounces.told(1000, B, "b", "elsewhere:9092");
        assert_eq!(bounces.gone(PATIENCE + 1000).len(), 2);
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_those_that_did_not_come() {
        let bounces = Bounces::default();
        bounces.told(0, A, "a", "x:1");
        for n in 0..5000u32 {
            let ip = IpAddr::V4((0x0b00_0000 + n).into());
            bounces.told(1 + i64::from(n), ip, "c", "x:1");
            bounces.came(ip);
        }
        assert_eq!(bounces.known().len(), KNOWN);
        assert_eq!(bounces.gone(1 << 40).len(), 1);
    }
}
