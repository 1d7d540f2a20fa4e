//! A partition as it runs: its judgement, what of it is committed, and who waits at it. Knows places and bounds; reads
//! and writes no bytes itself.

use std::{collections::VecDeque, fmt, sync::Arc};

use milena_engine::{ids::TopicId, partition::Partition as Judge};
use milena_store::{LogId, Lsn};

use crate::{
    counters::Count,
    lock::{Held, Lock},
    noun::Noun,
    release::{Dead, Hub, Then},
    retention::Armed,
    wait::{Crowd, Listed, Listing, Place, Waiter, Waiting, Woken},
};

/// One partition. Shared by everybody who has found it; it says so when its topic is gone.
pub struct Partition {
    pub(crate) hub: Arc<Hub>,
    topic: TopicId,
    index: i32,
    log: LogId,
    /// Bytes that consumers were sent.
    sent: Count,
    state: Lock<State>,
}

/// What lies under the partition's lock.
pub(crate) struct State {
    pub(crate) noun: Noun<Judge>,
    /// The committed end.
    high: i64,
    /// The committed log start.
    start: i64,
    /// Appends whose commit has not been seen here yet, in order.
    flight: VecDeque<Flight>,
    /// A log start on its way to be committed.
    moving: Option<(Lsn, i64)>,
    /// Bytes ever appended in this process, and those of them that are committed: what waiters count by.
    appended: u64,
    settled: u64,
    /// The committed end when this process found the partition.
    found: i64,
    crowd: Listing,
    pub(crate) retention: Armed,
    gone: bool,
}

#[derive(Clone, Copy)]
struct Flight {
    lsn: Lsn,
    end: i64,
    appended: u64,
}

/// What readers may see of a partition: committed bounds only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// The first offset that is kept.
    pub start: i64,
    /// The last stable offset: one past the last record that no open transaction can take back.
    pub stable: i64,
    /// The high watermark: one past the last committed record.
    pub high: i64,
    /// The current leader epoch.
    pub epoch: i32,
}

/// What came to a partition and went out of it in this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    pub records_in: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({}-{} in log {})", self.topic.0, self.index, self.log.0)
    }
}

impl Partition {
    pub(crate) fn new(hub: Arc<Hub>, topic: TopicId, index: i32, log: LogId, noun: Noun<Judge>) -> Self {
        let (start, high) = (noun.machine.start(), noun.machine.next());
        let state = State {
            noun,
            high,
            start,
            flight: VecDeque::new(),
            moving: None,
            appended: 0,
            settled: 0,
            found: high,
            crowd: Listing::default(),
            retention: Armed::default(),
            gone: false,
        };
        Self { hub, topic, index, log, sent: Count::default(), state: Lock::new(state) }
    }

    pub fn topic(&self) -> TopicId {
        self.topic
    }
    pub fn index(&self) -> i32 {
        self.index
    }
    pub(crate) fn log(&self) -> LogId {
        self.log
    }

    /// Takes the partition's lock, with committed bounds up to date.
    pub(crate) fn hold(&self) -> Held<'_, State> {
        let mut state = self.state.hold();
        state.settle(self.hub.store().committed().upto());
        state
    }

    /// What readers may see now. `None` when the topic is gone.
    pub fn view(&self) -> Option<View> {
        let state = self.hold();
        (!state.gone).then(|| state.view())
    }

    /// Bytes of this partition go to a consumer.
    pub fn sends(&self, bytes: usize) {
        self.sent.add(bytes as u64);
    }

    /// What came and went since the start.
    pub fn traffic(&self) -> Traffic {
        let (records, bytes_in) = {
            let state = self.hold();
            (state.high - state.found, state.settled)
        };
        Traffic { records_in: u64::try_from(records).unwrap_or(0), bytes_in, bytes_out: self.sent.get() }
    }

    /// The topic was deleted: nothing is appended or read from here on, and who waits learns it.
    pub(crate) fn close(&self) {
        let crowd = {
            let mut state = self.hold();
            state.gone = true;
            state.crowd.drain()
        };
        self.change(crowd);
    }

    /// Everybody who waits here looks again: bounds changed in a way that no byte count tells.
    pub(crate) fn disturb(&self) {
        let crowd = self.hold().crowd.drain();
        self.change(crowd);
    }

    fn change(&self, crowd: impl Iterator<Item = Listed>) {
        for listed in crowd {
            listed.waiter.change(&self.hub);
        }
    }

    /// Lists a waiter that has seen everything below `seen`. Answers at once when there is more already.
    pub(crate) fn list(self: &Arc<Self>, waiter: &Arc<Waiter>, seen: i64) -> Result<Place, Woken> {
        let (place, flying) = {
            let mut state = self.hold();
            if state.gone {
                return Err(Woken::Changed);
            }
            if state.high > seen {
                return Err(Woken::Bytes);
            }
            let counted = state.settled;
            let place = state.crowd.enter(Listed { waiter: waiter.clone(), counted });
            (place, state.flight.back().map(|flight| flight.lsn))
        };
        // The append did not know that somebody would wait when it lands.
        if let Some(lsn) = flying {
            self.hub.when(lsn, Then::Tell(self.clone()));
        }
        Ok(place)
    }
}

impl State {
    /// Moves what the commit has reached from flight to the bounds that readers see.
    fn settle(&mut self, committed: Lsn) {
        while let Some(flight) = self.flight.front().copied() {
            if flight.lsn > committed {
                break;
            }
            (self.high, self.settled) = (flight.end, flight.appended);
            self.flight.pop_front();
        }
        if self.moving.is_some_and(|(lsn, _)| lsn <= committed) {
            self.start = self.moving.take().map_or(self.start, |(_, start)| start);
            self.high = self.high.max(self.start);
        }
    }

    pub(crate) fn view(&self) -> View {
        View { start: self.start, stable: self.high, high: self.high, epoch: self.noun.machine.epoch() }
    }

    /// The topic came back from the trash.
    pub(crate) fn reopen(&mut self) {
        self.gone = false;
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Notes an append that was just reserved. Answers whether somebody waits for it.
    pub(crate) fn flies(&mut self, lsn: Lsn, bytes: usize) -> bool {
        self.appended += bytes as u64;
        self.flight.push_back(Flight { lsn, end: self.noun.machine.next(), appended: self.appended });
        !self.crowd.is_empty()
    }

    /// Notes a log start that was just reserved.
    pub(crate) fn moves(&mut self, lsn: Lsn) {
        self.moving = Some((lsn, self.noun.machine.start()));
    }
}

impl Crowd for Partition {
    fn tell(&self) {
        let dead = self.hub.dead().is_some();
        let mut state = self.hold();
        let settled = state.settled;
        state.crowd.retain(|listed| {
            if dead {
                listed.waiter.change(&self.hub);
                return false;
            }
            let bytes = settled - listed.counted;
            listed.counted = settled;
            bytes == 0 || !listed.waiter.count(&self.hub, bytes)
        });
    }

    fn leave(&self, place: Place, waiter: &Arc<Waiter>) {
        self.state.hold().crowd.leave(place, waiter);
    }
}

/// Waits until `missing` bytes are committed behind what was seen of the partitions, or something changed.
pub(crate) async fn wait(hub: &Hub, at: Vec<(Arc<Partition>, i64)>, missing: usize) -> Result<Woken, Dead> {
    hub.alive()?;
    let mut waiting = Waiting::new(hub, missing);
    for (partition, seen) in at {
        match partition.list(waiting.waiter(), seen) {
            Ok(place) => waiting.listed_at(partition, place),
            Err(woken) => return Ok(woken),
        }
    }
    let woken = waiting.await;
    hub.alive()?;
    Ok(woken)
}

// A hundred thousand idle partitions must stay in tens of megabytes.
const _: () = assert!(size_of::<Partition>() <= 344, "a cold partition has grown");
