//! What one log must show, and whether it does: every answer of the store beside the naive one.

use std::os::unix::fs::FileExt;

use super::{
    judge::{Depth, Tally},
    noun::Noun,
};
use crate::{dice::Dice, seam::*};

/// The bytes of a payload follow from its place.
pub(super) fn payload_bytes(log: LogId, base: i64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Dice::new(log.0 << 40 ^ base as u64).fill(&mut bytes);
    bytes
}

/// What a read beside others found.
pub(super) struct Beside {
    bytes: Vec<u8>,
    upto: i64,
}

impl Beside {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// What one log must show.
pub(super) struct Shown {
    log: LogId,
    floor: i64,
    end: i64,
    living: Vec<Stored>,
    /// A log that never had a payload may be unknown to the index.
    may_be_unknown: bool,
}

impl Shown {
    pub(super) fn new(log: LogId, noun: &Noun, upto: Lsn) -> Self {
        let state = noun.state_at(upto);
        let stored = || noun.taken()[..noun.version_at(upto)].iter().filter_map(|t| t.stored);
        Self {
            log,
            floor: state.floor,
            end: state.next.max(state.floor),
            living: stored().filter(|s| s.last >= state.floor).collect(),
            may_be_unknown: stored().next().is_none() && state.floor == 0,
        }
    }

    pub(super) fn payloads(&self) -> u64 {
        self.living.len() as u64
    }

    pub(super) fn check(&self, store: &dyn Store, depth: Depth, dice: &mut Dice) -> Result<(), String> {
        if self.may_be_unknown && store.bounds(self.log).is_none() {
            return Ok(());
        }
        same("bounds", &store.bounds(self.log), &Some(Bounds { start: self.floor, end: self.end, bytes: self.bytes() }))?;
        let list = store.list(self.log, i64::MIN, usize::MAX).map_err(|e| format!("list: {e}"))?;
        same("list", &list, &self.living)?;
        let mut from = self.floor;
        while from < self.end {
            let max = [0, 1, 300, 5000, 1 << 20][dice.below(5) as usize];
            let upto = self.read(store, from, i64::MAX, max, Patience::Block)?;
            if upto < from {
                break;
            }
            from = upto + 1;
        }
        if depth == Depth::Closely {
            for _ in 0..12 {
                self.random_read(store, dice)?;
                self.random_lookup(store, dice)?;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.living.iter().map(|s| u64::from(s.bytes)).sum()
    }

    fn position(&self, dice: &mut Dice) -> i64 {
        dice.below((self.end + 4) as u64) as i64 - 2
    }

    fn random_read(&self, store: &dyn Store, dice: &mut Dice) -> Result<(), String> {
        let from = self.position(dice);
        let upto = if dice.chance(1, 2) { i64::MAX } else { self.position(dice) };
        let max = dice.below(9000) as usize;
        let patience = if dice.chance(1, 3) { Patience::Now } else { Patience::Block };
        self.read(store, from, upto, max, patience)?;
        let max = 1 + dice.below(5) as usize;
        let list = store.list(self.log, from, max).map_err(|e| format!("list: {e}"))?;
        let expected: Vec<Stored> = self.living.iter().filter(|s| s.last >= from).take(max).copied().collect();
        same("list from", &list, &expected)
    }

    /// Reads once and compares. Answers how far it read.
    fn read(&self, store: &dyn Store, from: i64, upto: i64, max: usize, patience: Patience) -> Result<i64, String> {
        let found = match store.read(self.log, from, upto, max, patience) {
            Ok(found) => found,
            Err(ReadError::WouldBlock) if patience == Patience::Now => return Ok(from - 1),
            Err(e) => return Err(format!("read from {from}: {e}")),
        };
        self.judge_found(&found, from, upto, max)
            .map_err(|e| format!("read from {from} below {upto}, at most {max} bytes: {e}"))?;
        Ok(found.upto)
    }

    fn judge_found(&self, found: &Found, from: i64, upto: i64, max: usize) -> Result<(), String> {
        let expected: Vec<&Stored> = self.living.iter().filter(|s| s.last >= from && s.base < upto).collect();
        let got = bytes_of(found)?;
        if got.is_empty() {
            return match expected.first() {
                Some(first) => Err(format!("nothing, although {first:?} is there")),
                None => same("upto of nothing", &found.upto, &(from - 1)),
            };
        }
        let count = self.compare(&expected, &got)?;
        same("length", &found.bytes, &got.len())?;
        same("upto", &found.upto, &expected[count - 1].last)?;
        if count > 1 && got.len() > max { Err(format!("{count} payloads of {} bytes", got.len())) } else { Ok(()) }
    }

    /// Every payload that was ever stored, trimmed or not.
    pub(super) fn ever(log: LogId, noun: &Noun) -> Self {
        let living = noun.taken().iter().filter_map(|t| t.stored).collect();
        Self { log, floor: 0, end: noun.state().next, living, may_be_unknown: true }
    }

    /// How many whole payloads of `expected` these bytes are, from the first.
    fn compare(&self, expected: &[&Stored], got: &[u8]) -> Result<usize, String> {
        let mut rest = got;
        for (count, stored) in expected.iter().enumerate() {
            if rest.is_empty() {
                return Ok(count);
            }
            let whole = payload_bytes(self.log, stored.base, stored.bytes as usize);
            rest = rest.strip_prefix(&whole[..]).ok_or_else(|| format!("other bytes than were stored at {stored:?}"))?;
        }
        if rest.is_empty() { Ok(expected.len()) } else { Err(format!("{} bytes behind the last payload", rest.len())) }
    }

    /// A read while others append and trim: whole payloads that follow each other, from where it was asked for or from
    /// where the log starts by now.
    pub(super) fn read_beside(store: &dyn Store, log: LogId, from: i64, max: usize) -> Result<Beside, String> {
        let found = store.read(log, from, i64::MAX, max, Patience::Block);
        let found = found.map_err(|e| format!("{log:?}: read from {from} beside others: {e}"))?;
        Ok(Beside { bytes: bytes_of(&found)?, upto: found.upto })
    }

    /// Are these the payloads from some place at or behind `from`, up to `beside.upto`?
    pub(super) fn judge_beside(&self, beside: &Beside, from: i64) -> Result<(), String> {
        if beside.bytes.is_empty() {
            return Ok(());
        }
        let upto = beside.upto;
        let run: Vec<&Stored> = self.living.iter().filter(|s| s.last >= from && s.last <= upto).collect();
        // Trims may have moved the begin, so the run is known by its end.
        for begin in 0..run.len() {
            let len: usize = run[begin..].iter().map(|s| s.bytes as usize).sum();
            if len == beside.bytes.len() {
                return self.compare(&run[begin..], &beside.bytes).map(|_| ());
            }
        }
        Err(format!("{:?}: {} bytes up to {upto}, read from {from}, are no payloads", self.log, beside.bytes.len()))
    }

    fn random_lookup(&self, store: &dyn Store, dice: &mut Dice) -> Result<(), String> {
        let near = self.living.get(dice.below(self.payloads()) as usize).copied();
        let near = near.unwrap_or(Stored { base: 0, last: 0, bytes: 1, at: 0, stamp: 0, writer: 0 });
        let step = dice.below(3) as i64 - 1;
        for query in [
            Query::At(self.position(dice)),
            Query::AppendedAt(near.at + step),
            Query::StampedAt(near.stamp + step),
            Query::GreatestStamp,
            Query::KeepBytes(dice.below(self.bytes() + 10)),
        ] {
            let got = store.lookup(self.log, query).map_err(|e| format!("{query:?}: {e}"))?;
            same(&format!("{query:?}"), &got, &self.naive(query))?;
        }
        Ok(())
    }

    fn naive(&self, query: Query) -> Option<Stored> {
        let all = || self.living.iter().copied();
        match query {
            Query::At(position) => all().find(|s| s.last >= position),
            Query::AppendedAt(at) => all().find(|s| s.at >= at),
            Query::StampedAt(stamp) => all().find(|s| s.stamp >= stamp),
            Query::GreatestStamp => {
                let greatest = all().map(|s| s.stamp).max()?;
                all().find(|s| s.stamp == greatest)
            }
            Query::KeepBytes(bytes) => {
                let rest = |from: usize| self.living[from..].iter().map(|s| u64::from(s.bytes)).sum::<u64>();
                (0..self.living.len()).find(|i| rest(*i) <= bytes).map(|i| self.living[i])
            }
        }
    }

    pub(super) fn no_lies(&self, store: &dyn Store, excused: bool, tally: &mut Tally) -> Result<(), String> {
        for stored in &self.living {
            let found = match store.read(self.log, stored.base, stored.base + 1, 0, Patience::Block) {
                Ok(found) => found,
                Err(ReadError::NoLog) if !excused => return Err("it is gone, and nobody says why".into()),
                Err(_) => {
                    tally.damaged += 1;
                    continue;
                }
            };
            let got = bytes_of(&found)?;
            if got.is_empty() && !excused {
                return Err(format!("nothing is served at {stored:?}, and nobody says why"));
            }
            self.compare(&[stored], &got)?;
            tally.served += u64::from(!got.is_empty());
        }
        Ok(())
    }
}

/// All bytes of what was found, also those behind a file.
pub(crate) fn bytes_of(found: &Found) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    for slice in &found.slices {
        match slice {
            Slice::Memory(bytes) => all.extend_from_slice(bytes),
            Slice::File { file, at, len } => {
                let start = all.len();
                all.resize(start + len, 0);
                file.read_exact_at(&mut all[start..], *at).map_err(|e| format!("slice of a file: {e}"))?;
            }
        }
    }
    Ok(all)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, expected: &T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{what}: got {got:?}, expected {expected:?}")) }
}
