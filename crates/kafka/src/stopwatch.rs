//! Slow requests: where the time of each went, when somebody wants to know. Without a limit no clock is read.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    dispatch::{Cost, card},
    peer::Peer,
};

/// One request's moments.
#[derive(Clone, Copy, Debug)]
struct Times {
    key: i16,
    correlation: i32,
    came: Instant,
    begun: Instant,
    judged: Instant,
    committed: Instant,
}

/// The requests of one connection that are under way, in their order.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    limit: Duration,
    /// The request that is being judged: one at a time.
    now: Option<Times>,
    /// Judged, and waiting for the disk.
    judged: VecDeque<Times>,
    /// On their way to the socket, each with the count of bytes at which it ends.
    answered: VecDeque<(u64, Times)>,
    queued: u64,
    written: u64,
}

impl Stopwatch {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, now: None, judged: VecDeque::new(), answered: VecDeque::new(), queued: 0, written: 0 }
    }

    /// A whole request is there.
    pub(crate) fn came(&mut self, frame: &[u8]) {
        let Some(head) = frame.first_chunk::<8>() else { return };
        let now = Instant::now();
        self.now = Some(Times {
            key: i16::from_be_bytes([head[0], head[1]]),
            correlation: i32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            came: now,
            begun: now,
            judged: now,
            committed: now,
        });
    }

    /// What was produced before it is on disk, so it begins.
    pub(crate) fn begins(&mut self) {
        if let Some(times) = &mut self.now {
            times.begun = Instant::now();
        }
    }

    /// Its answer is made.
    pub(crate) fn judged(&mut self) {
        if let Some(times) = self.now.take() {
            self.judged.push_back(Times { judged: Instant::now(), ..times });
        }
    }

    /// It has no answer.
    pub(crate) fn silent(&mut self) {
        self.now = None;
    }

    /// The first answer that waits, of `bytes`, may go out.
    pub(crate) fn committed(&mut self, bytes: usize) {
        self.queued += bytes as u64;
        if let Some(times) = self.judged.pop_front() {
            self.answered.push_back((self.queued, Times { committed: Instant::now(), ..times }));
        }
    }

    /// The socket took `bytes`.
    pub(crate) fn wrote(&mut self, bytes: usize, peer: &Peer) {
        self.written += bytes as u64;
        while let Some((end, times)) = self.answered.front() {
            if *end > self.written {
                return;
            }
            times.say(self.limit, peer);
            self.answered.pop_front();
        }
    }
}

impl Times {
    fn say(&self, limit: Duration, peer: &Peer) {
        let answered = Instant::now();
        let judgement = self.judged - self.begun;
        let total = answered - self.came;
        // What waits for bytes or for other members is not slow because of it.
        let waits = card(self.key).is_some_and(|card| card.cost == Cost::Wait);
        let wanted = if waits { judgement } else { Duration::ZERO };
        if total - wanted < limit {
            return;
        }
        let ms = |time: Duration| (time.as_secs_f64() * 1e4).round() / 10.0;
        tracing::warn!(
            target: "milena_kafka::slow",
            api = milena_wire::api(self.key).map_or("unknown", |api| api.name),
            correlation = self.correlation,
            client = peer.client(),
            remote = %peer.remote,
            total_ms = ms(total),
            queue_ms = ms(self.begun - self.came),
            judgement_ms = ms(judgement),
            commit_ms = ms(self.committed - self.judged),
            answer_ms = ms(answered - self.committed),
            "slow request"
        );
    }
}
