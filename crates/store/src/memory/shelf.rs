//! What a memory store has: logs, entries that wait for a commit, and the facts that a restart hands back.
//! Plain data behind one lock; knows nothing of credits, wakers or who watches.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use crate::seam::*;

/// What a fact costs beside its bytes, so that a million empty facts are not free.
const FACT_COST: u64 = 64;

pub(super) fn fact_cost(len: usize) -> u64 {
    FACT_COST + len as u64
}

#[derive(Default)]
pub(super) struct Shelf {
    logs: HashMap<LogId, Log>,
    /// Versions with what is only reserved, and the last LSN given.
    reserved: HashMap<LogId, Version>,
    next: Lsn,
    waiting: VecDeque<Entry>,
    /// The latest ops and where they went, so that a repeated one is answered instead of judged.
    ops: HashMap<OpId, Lsn>,
    ops_order: VecDeque<OpId>,
}

/// How many ops are remembered. A retry comes at once or not at all.
const OPS: usize = 4096;

/// Room of an entry: what it took from the flying purse, and what it will keep.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    pub(super) in_flight: u64,
    pub(super) kept: u64,
}

struct Entry {
    lsn: Lsn,
    at: Millis,
    room: Waiting,
    parts: Vec<OwnedPart>,
}

struct OwnedPart {
    log: LogId,
    version: Version,
    fact: Bytes,
    payload: Option<(Stored, u16, Bytes)>,
}

/// What one commit made true.
pub(super) struct Done {
    pub(super) upto: Lsn,
    pub(super) in_flight: u64,
    pub(super) kept: u64,
    /// Logs whose facts have grown long.
    pub(super) long: Vec<LogId>,
}

#[derive(Default)]
pub(super) struct Log {
    payloads: VecDeque<(Stored, Bytes)>,
    start: i64,
    end: i64,
    bytes: u64,
    snapshot: Option<(Version, Bytes)>,
    history: VecDeque<Fact>,
    history_bytes: u64,
}

struct Fact {
    lsn: Lsn,
    version: Version,
    at: Millis,
    fact: Bytes,
    payload: Option<(Stored, Bytes)>,
}

impl Shelf {
    pub(super) fn version(&self, log: LogId) -> Version {
        self.reserved.get(&log).copied().unwrap_or_default()
    }

    pub(super) fn last_lsn(&self) -> Lsn {
        self.next
    }

    pub(super) fn known_op(&self, op: OpId) -> Option<Lsn> {
        self.ops.get(&op).copied()
    }

    pub(super) fn log(&self, log: LogId) -> Result<&Log, ReadError> {
        self.logs.get(&log).ok_or(ReadError::NoLog)
    }

    pub(super) fn kept_bytes(&self) -> u64 {
        self.logs.values().map(Log::kept_bytes).sum()
    }

    /// The first part whose guard does not hold, with the version that its log has.
    pub(super) fn stale(&self, parts: &[Part<'_>]) -> Option<(LogId, Version)> {
        for (i, part) in parts.iter().enumerate() {
            let earlier = parts[..i].iter().filter(|p| p.log == part.log).count() as u64;
            let version = self.version(part.log);
            if part.expected.0 != version.0 + earlier {
                return Some((part.log, version));
            }
        }
        None
    }

    pub(super) fn reserve(&mut self, op: OpId, at: Millis, parts: &[Part<'_>], room: Waiting, remember: bool) -> Lsn {
        self.next = Lsn(self.next.0 + 1);
        let lsn = self.next;
        let parts = parts.iter().map(|part| self.own(at, part)).collect();
        self.waiting.push_back(Entry { lsn, at, room, parts });
        if remember {
            self.remember(op, lsn);
        }
        lsn
    }

    fn own(&mut self, at: Millis, part: &Part<'_>) -> OwnedPart {
        let version = Version(part.expected.0 + 1);
        self.reserved.insert(part.log, version);
        let payload = part.payload.map(|p| {
            let Payload { base, last, stamp, writer, head, patched, bytes, verified: _ } = p;
            let stored = Stored { base, last, bytes: bytes.len() as u32, at, stamp, writer };
            let mut owned = Vec::with_capacity(bytes.len());
            owned.extend_from_slice(patched);
            owned.extend_from_slice(bytes.get(patched.len()..).unwrap_or_default());
            (stored, head, Bytes::from(owned))
        });
        OwnedPart { log: part.log, version, fact: Bytes::copy_from_slice(part.fact), payload }
    }

    fn remember(&mut self, op: OpId, lsn: Lsn) {
        if self.ops_order.len() == OPS
            && let Some(oldest) = self.ops_order.pop_front()
        {
            self.ops.remove(&oldest);
        }
        self.ops.insert(op, lsn);
        self.ops_order.push_back(op);
    }

    /// Makes everything that waits true. `None` when nothing waited. Facts are kept for a replay when `long` says from
    /// how many bytes a log's facts are long; without it they have done their work.
    pub(super) fn commit(&mut self, long: Option<u64>) -> Option<Done> {
        let mut done = Done { upto: self.waiting.back()?.lsn, in_flight: 0, kept: 0, long: Vec::new() };
        while let Some(entry) = self.waiting.pop_front() {
            done.in_flight += entry.room.in_flight;
            done.kept += entry.room.kept;
            for part in entry.parts {
                let id = part.log;
                let log = self.logs.entry(id).or_default();
                log.take(entry.lsn, entry.at, part, long.is_some());
                if long.is_some_and(|bytes| log.history_bytes > bytes.max(2 * log.snapshot_len())) {
                    done.long.push(id);
                }
            }
        }
        done.long.sort_unstable();
        done.long.dedup();
        Some(done)
    }

    /// Forgets what no commit reached, as a power cut does. Its LSNs may be given again: nobody saw them committed.
    pub(super) fn lose_waiting(&mut self) {
        let Some(first) = self.waiting.front() else { return };
        self.next = Lsn(first.lsn.0 - 1);
        let (next, ops) = (self.next, &mut self.ops);
        self.ops_order.retain(|op| ops.get(op).is_some_and(|lsn| *lsn <= next));
        ops.retain(|_, lsn| *lsn <= next);
        for entry in self.waiting.drain(..).rev() {
            for part in entry.parts.iter().rev() {
                self.reserved.insert(part.log, Version(part.version.0 - 1));
            }
        }
    }

    /// All snapshots, then all facts in the order of their LSNs.
    pub(super) fn replay(&self, replay: &mut dyn Replay) -> Recovered {
        let mut recovered = Recovered { clean: true, ..Recovered::default() };
        let mut facts: BTreeMap<(Lsn, usize), (LogId, &Fact)> = BTreeMap::new();
        for (id, log) in &self.logs {
            if let Some((version, bytes)) = &log.snapshot {
                replay.snapshot(*id, *version, bytes);
            }
            for fact in &log.history {
                let nth = facts.range((fact.lsn, 0)..(Lsn(fact.lsn.0 + 1), 0)).count();
                facts.insert((fact.lsn, nth), (*id, fact));
            }
        }
        for (id, fact) in facts.into_values() {
            recovered.clean = false;
            recovered.facts += 1;
            recovered.bytes += fact.fact.len() as u64;
            recovered.payloads += u64::from(fact.payload.is_some());
            replay.fact(Replayed {
                log: id,
                lsn: fact.lsn,
                version: fact.version,
                at: fact.at,
                fact: &fact.fact,
                payload: fact.payload.as_ref().map(|(stored, head)| (*stored, &head[..])),
            });
        }
        recovered
    }

    /// A snapshot stands for all facts up to its version. Answers the bytes that went; the new ones count as kept.
    pub(super) fn publish_snapshot(&mut self, log: LogId, version: Version, bytes: Vec<u8>) -> u64 {
        let Some(log) = self.logs.get_mut(&log) else { return 0 };
        let freed = log.snapshot_len();
        log.snapshot = Some((version, Bytes::from(bytes)));
        freed + log.forget_facts(version)
    }

    pub(super) fn forget_history(&mut self, log: LogId) -> u64 {
        let Some(log) = self.logs.get_mut(&log) else { return 0 };
        let freed = log.snapshot_len();
        log.snapshot = None;
        freed + log.forget_facts(Version(u64::MAX))
    }

    pub(super) fn trim(&mut self, log: LogId, start: i64) -> u64 {
        self.logs.get_mut(&log).map_or(0, |log| log.trim(start))
    }

    pub(super) fn remove(&mut self, log: LogId) -> u64 {
        self.reserved.remove(&log);
        self.logs.remove(&log).map_or(0, |log| log.kept_bytes())
    }
}

impl Log {
    fn kept_bytes(&self) -> u64 {
        self.bytes + self.history_bytes + self.snapshot_len()
    }

    fn snapshot_len(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64)
    }

    fn take(&mut self, lsn: Lsn, at: Millis, part: OwnedPart, keep_fact: bool) {
        let mut head = None;
        if let Some((stored, head_len, bytes)) = part.payload {
            head = Some((stored, bytes.slice(..usize::from(head_len).min(bytes.len()))));
            self.end = self.end.max(stored.last + 1);
            self.bytes += u64::from(stored.bytes);
            self.payloads.push_back((stored, bytes));
        }
        if !keep_fact {
            return;
        }
        self.history_bytes += fact_cost(part.fact.len());
        self.history.push_back(Fact { lsn, version: part.version, at, fact: part.fact, payload: head });
    }

    fn forget_facts(&mut self, upto: Version) -> u64 {
        let mut freed = 0;
        while let Some(fact) = self.history.pop_front_if(|f| f.version <= upto) {
            freed += fact_cost(fact.fact.len());
        }
        self.history_bytes -= freed;
        freed
    }

    fn trim(&mut self, start: i64) -> u64 {
        self.start = self.start.max(start);
        self.end = self.end.max(self.start);
        let mut freed = 0;
        while let Some((stored, _)) = self.payloads.pop_front_if(|(s, _)| s.last < self.start) {
            freed += u64::from(stored.bytes);
        }
        self.bytes -= freed;
        freed
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds { start: self.start, end: self.end, bytes: self.bytes }
    }

    /// Index of the first payload whose `last >= from`.
    fn first(&self, from: i64) -> usize {
        self.payloads.partition_point(|(s, _)| s.last < from)
    }

    pub(super) fn read(&self, from: i64, upto: i64, max: usize) -> Result<Found, ReadError> {
        let mut found = Found { upto: from - 1, ..Found::default() };
        for (stored, bytes) in self.payloads.range(self.first(from)..) {
            let full = !found.slices.is_empty() && found.bytes + bytes.len() > max;
            if full || stored.base >= upto {
                break;
            }
            found.bytes += bytes.len();
            found.upto = stored.last;
            found.slices.push(Slice::Memory(bytes.clone()));
        }
        Ok(found)
    }

    pub(super) fn list(&self, from: i64, max: usize) -> Vec<Stored> {
        self.payloads.range(self.first(from)..).take(max).map(|(s, _)| *s).collect()
    }

    pub(super) fn lookup(&self, query: Query) -> Option<Stored> {
        let mut all = self.payloads.iter().map(|(s, _)| *s);
        match query {
            Query::At(position) => self.payloads.get(self.first(position)).map(|(s, _)| *s),
            Query::AppendedAt(at) => all.find(|s| s.at >= at),
            Query::StampedAt(stamp) => all.find(|s| s.stamp >= stamp),
            Query::GreatestStamp => all.reduce(|best, s| if s.stamp > best.stamp { s } else { best }),
            Query::KeepBytes(bytes) => {
                let mut rest = self.bytes;
                all.find(|s| {
                    let fits = rest <= bytes;
                    rest -= u64::from(s.bytes);
                    fits
                })
            }
        }
    }
}
