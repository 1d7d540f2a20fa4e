//! Fetch sessions (KIP-227): what a consumer asked for last time, so that it need not say it again.
//!
//! Pure protocol state, kept for all connections of the node. Knows slots, epochs and eviction; reads nothing, waits for nothing.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use milena_wire::{Text, Uuid};

/// A session may be pushed out by a larger one only when it is this old, and by any when unused for as long (as Kafka).
const SETTLED_MS: i64 = 120_000;
/// What all sessions may weigh together, in bytes. Kafka counts sessions only, and each may be as large as a request.
/// A fetch that finds no room goes on without a session.
const WEIGHT_MAX: usize = 64 << 20;
/// About what one partition of a session takes, its topic's name aside.
const PARTITION_WEIGHT: usize = 256;

/// How the request named the topic: by name up to version 12, by id from 13 on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TopicRef {
    Name(Text),
    Id(Uuid),
}

/// One partition of one topic, as a fetch names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    pub topic: TopicRef,
    pub partition: i32,
}

impl Key {
    /// Bytes that a session keeps for it.
    fn weight(&self) -> usize {
        let name = if let TopicRef::Name(name) = &self.topic { name.len() } else { 0 };
        PARTITION_WEIGHT + name
    }
}

/// What is wanted of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    pub offset: i64,
    pub max_bytes: i32,
    /// -1: the client does not know one.
    pub leader_epoch: i32,
    /// -1: the client does not know one.
    pub last_fetched_epoch: i32,
}

/// The part of an answer that decides whether an incremental answer mentions the partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    pub error: bool,
    pub has_records: bool,
    pub diverging: bool,
    pub high_watermark: i64,
    pub last_stable: i64,
    pub log_start: i64,
}

#[derive(Clone, Debug)]
struct Entry {
    key: Key,
    wanted: Wanted,
    high_watermark: i64,
    last_stable: i64,
    log_start: i64,
}

/// One consumer's session. Partitions answered with data move to the back, so that hungry ones come first next time.
#[derive(Debug)]
struct Session {
    by_place: BTreeMap<u64, Entry>,
    places: HashMap<Key, u64>,
    next_place: u64,
    by_id: bool,
    next_epoch: i32,
    created: i64,
    used: i64,
    /// What the cache thinks the session's size is; the eviction index is keyed by it.
    indexed_size: usize,
    weight: usize,
}

/// Why an incremental fetch is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// FETCH_SESSION_ID_NOT_FOUND (70).
    NotFound,
    /// INVALID_FETCH_SESSION_EPOCH (71).
    BadEpoch,
    /// FETCH_SESSION_TOPIC_ID_ERROR (106): the session began with names and goes on with ids, or the other way round.
    TopicIds,
}

/// A fetch request's words about its session.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub id: i32,
    pub epoch: i32,
    pub by_id: bool,
    pub partitions: Vec<(Key, Wanted)>,
    pub forgotten: Vec<Key>,
}

/// What one fetch has to look at, in order, and how its answer is to be shaped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Context {
    /// No session: answer everything, id 0.
    Sessionless { partitions: Vec<(Key, Wanted)> },
    /// A full fetch that may begin a session when it is answered.
    Full { partitions: Vec<(Key, Wanted)> },
    /// Answer what changed, under this id.
    Incremental { id: i32, epoch: i32, partitions: Vec<(Key, Wanted)> },
}
impl Context {
    pub fn partitions(&self) -> &[(Key, Wanted)] {
        match self {
            Context::Sessionless { partitions } | Context::Full { partitions } | Context::Incremental { partitions, .. } => {
                partitions
            }
        }
    }
}

/// All sessions of the node.
#[derive(Debug)]
pub struct Sessions {
    slots: usize,
    sessions: HashMap<i32, Session>,
    /// (last use, id).
    by_use: BTreeSet<(i64, i32)>,
    /// (number of partitions, id). Age is judged only when a smaller one is looked for.
    by_size: BTreeSet<(usize, i32)>,
    next_id: i32,
    evicted: u64,
    weight: usize,
}

impl Sessions {
    /// `slots` is `max.incremental.fetch.session.cache.slots`; `seed` keeps ids of one start apart from those of another.
    pub fn new(slots: usize, seed: u32) -> Self {
        Self {
            slots,
            sessions: HashMap::new(),
            by_use: BTreeSet::new(),
            by_size: BTreeSet::new(),
            next_id: (seed & 0x3fff_ffff) as i32 + 1,
            evicted: 0,
            weight: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.sessions.len()
    }
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Begins a fetch: finds or ends the session and says what to look at. `mono` is a clock that never jumps, in milliseconds.
    pub fn begin(&mut self, mono: i64, request: Request) -> Result<Context, Refusal> {
        if request.epoch == 0 || request.epoch == -1 {
            if request.id != 0 {
                self.remove(request.id);
            }
            let partitions = request.partitions;
            return Ok(match request.epoch {
                0 => Context::Full { partitions },
                _ => Context::Sessionless { partitions },
            });
        }
        let id = request.id;
        let session = self.sessions.get_mut(&id).ok_or(Refusal::NotFound)?;
        if session.by_id != request.by_id {
            return Err(Refusal::TopicIds);
        }
        if session.next_epoch != request.epoch {
            return Err(Refusal::BadEpoch);
        }
        self.weight -= session.weight;
        session.update(request.partitions, &request.forgotten);
        self.weight += session.weight;
        if self.weight > WEIGHT_MAX {
            // The client begins anew, and without a session if need be.
            self.remove(id);
            return Err(Refusal::NotFound);
        }
        if session.by_place.is_empty() {
            // As Kafka: a session without partitions is over, and its answer says so by id 0.
            self.remove(id);
            return Ok(Context::Sessionless { partitions: Vec::new() });
        }
        session.next_epoch = next_epoch(session.next_epoch);
        let partitions = session.by_place.values().map(|e| (e.key.clone(), e.wanted)).collect();
        self.touch(id, mono);
        Ok(Context::Incremental { id, epoch: request.epoch, partitions })
    }

    /// Opens a session for a full fetch, if there is a slot for one of its size. Answers 0 if not.
    pub fn open(&mut self, mono: i64, by_id: bool, partitions: &[(Key, Wanted)], told: &[Told]) -> i32 {
        let weight: usize = partitions.iter().map(|(key, _)| key.weight()).sum();
        if !self.can_carry(mono, weight) || !self.make_room(mono, partitions.len()) {
            return 0;
        }
        let id = self.fresh_id();
        let mut session = Session {
            by_place: BTreeMap::new(),
            places: HashMap::new(),
            next_place: 0,
            by_id,
            next_epoch: 1,
            created: mono,
            used: mono,
            indexed_size: 0,
            weight: 0,
        };
        session.update(partitions.to_vec(), &[]);
        for ((key, _), told) in partitions.iter().zip(told) {
            session.settle(key, told);
        }
        session.indexed_size = session.by_place.len();
        self.weight += session.weight;
        self.by_use.insert((mono, id));
        self.by_size.insert((session.indexed_size, id));
        self.sessions.insert(id, session);
        id
    }

    /// Notes what an incremental answer will tell, and says for each partition whether it has to be mentioned.
    pub fn settle(&mut self, id: i32, told: &[(Key, Told)]) -> Vec<bool> {
        let Some(session) = self.sessions.get_mut(&id) else { return vec![true; told.len()] };
        told.iter().map(|(key, told)| session.settle(key, told)).collect()
    }

    /// Whether an answer would mention the partition, without noting anything: a waiting fetch asks this.
    pub fn is_news(&self, id: i32, key: &Key, told: &Told) -> bool {
        let Some(session) = self.sessions.get(&id) else { return true };
        session.places.get(key).and_then(|p| session.by_place.get(p)).is_none_or(|e| e.is_news(told))
    }

    fn remove(&mut self, id: i32) {
        if let Some(session) = self.sessions.remove(&id) {
            self.weight -= session.weight;
            self.by_use.remove(&(session.used, id));
            self.by_size.remove(&(session.indexed_size, id));
        }
    }

    fn touch(&mut self, id: i32, mono: i64) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        self.by_use.remove(&(session.used, id));
        self.by_size.remove(&(session.indexed_size, id));
        session.used = mono;
        session.indexed_size = session.by_place.len();
        self.by_use.insert((session.used, id));
        self.by_size.insert((session.indexed_size, id));
    }

    /// Whether so much more can be carried, without those that were unused for long if need be.
    fn can_carry(&mut self, mono: i64, weight: usize) -> bool {
        while self.weight + weight > WEIGHT_MAX {
            let Some((_, stale)) = self.by_use.first().copied().filter(|(used, _)| mono - used > SETTLED_MS) else {
                return false;
            };
            self.evicted += 1;
            self.remove(stale);
        }
        true
    }

    /// Makes room for a session of `size` partitions: a free slot, one unused for long, or a settled smaller one.
    fn make_room(&mut self, mono: i64, size: usize) -> bool {
        if self.sessions.len() < self.slots {
            return true;
        }
        let stale = self.by_use.first().copied().filter(|(used, _)| mono - used > SETTLED_MS);
        let victim = stale.map(|(_, id)| id).or_else(|| {
            self.by_size
                .iter()
                .take_while(|(other, _)| *other < size)
                .find(|(_, id)| self.sessions.get(id).is_some_and(|s| mono - s.created > SETTLED_MS))
                .map(|(_, id)| *id)
        });
        let Some(victim) = victim else { return false };
        self.evicted += 1;
        self.remove(victim);
        true
    }

    fn fresh_id(&mut self) -> i32 {
        loop {
            let id = self.next_id;
            self.next_id = if id == i32::MAX { 1 } else { id + 1 };
            if !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }
}

impl Session {
    fn update(&mut self, partitions: Vec<(Key, Wanted)>, forgotten: &[Key]) {
        for (key, wanted) in partitions {
            if let Some(entry) = self.places.get(&key).and_then(|p| self.by_place.get_mut(p)) {
                entry.wanted = wanted;
                continue;
            }
            let entry = Entry { key: key.clone(), wanted, high_watermark: -1, last_stable: -1, log_start: -1 };
            let place = self.fresh_place();
            self.weight += key.weight();
            self.places.insert(key, place);
            self.by_place.insert(place, entry);
        }
        for key in forgotten {
            if let Some(place) = self.places.remove(key) {
                self.weight -= key.weight();
                self.by_place.remove(&place);
            }
        }
    }

    fn settle(&mut self, key: &Key, told: &Told) -> bool {
        let Some(place) = self.places.get(key).copied() else { return true };
        let Some(mut entry) = self.by_place.remove(&place) else { return true };
        let news = entry.is_news(told);
        // After an error nothing is known to have been told, so the next good answer is news whatever it says.
        entry.high_watermark = if told.error { -1 } else { told.high_watermark };
        entry.last_stable = told.last_stable;
        entry.log_start = told.log_start;
        let place = if told.has_records { self.fresh_place() } else { place };
        self.places.insert(key.clone(), place);
        self.by_place.insert(place, entry);
        news
    }

    fn fresh_place(&mut self) -> u64 {
        self.next_place += 1;
        self.next_place - 1
    }
}

impl Entry {
    fn is_news(&self, told: &Told) -> bool {
        told.error
            || told.has_records
            || told.diverging
            || told.high_watermark != self.high_watermark
            || told.last_stable != self.last_stable
            || told.log_start != self.log_start
    }
}

fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

#[cfg(test)]
mod tests;
