//! One partition as a share group sees it: its runs, the letters that are still to be written, the keys that are busy.
//! Changes by facts only, and judges nothing.

use std::collections::{BTreeMap, HashMap};

use super::{
    ends::{End, Ends, Finished, finishing},
    fact::{SettledRun, ShareSettled},
    runs::{Cell, Piece, Runs, Stand},
};
use crate::ids::Offset;

/// Why a record is given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    Rejected,
    Deliveries,
}

/// What a dead letter will say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Note {
    pub(super) by: Box<str>,
    pub(super) reason: Option<Box<str>>,
    pub(super) when: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Partition {
    pub(super) runs: Runs,
    /// When what is finished was finished, and by whom.
    pub(super) ends: Ends,
    /// By the offset of each condemned record.
    pub(super) notes: BTreeMap<Offset, Note>,
    /// Of held records, when the group takes them in order of their keys.
    key_of: BTreeMap<Offset, u64>,
    /// How many held records have the key.
    busy: HashMap<u64, u32>,
    /// When the group began with it, in wall-clock milliseconds.
    pub(super) since: i64,
    /// Records that went before the group was done with them.
    pub(super) lost: i64,
    /// Records that were acknowledged.
    pub(super) accepted: i64,
    /// Dead letters that were written.
    pub(super) buried: i64,
    /// Deliveries that failed.
    pub(super) failed: i64,
}

/// How many records of which grants ended.
pub(super) type Ended = Vec<(u32, i64)>;

impl Partition {
    pub(super) fn from(start: Offset, since: i64) -> Self {
        Self {
            runs: Runs::from(start),
            ends: Ends::default(),
            notes: BTreeMap::new(),
            key_of: BTreeMap::new(),
            busy: HashMap::new(),
            since,
            lost: 0,
            accepted: 0,
            buried: 0,
            failed: 0,
        }
    }

    pub(super) fn is_condemned(&self) -> bool {
        self.runs.counts().condemned > 0
    }
    pub(super) fn is_busy(&self, key: u64) -> bool {
        self.busy.contains_key(&key)
    }
    /// The keys of held records between these.
    pub(super) fn keys(&self, first: Offset, last: Offset) -> Vec<(Offset, u64)> {
        self.key_of.range(first..=last).map(|(offset, key)| (*offset, *key)).collect()
    }

    /// `room`: how many [ends](Ends) are kept.
    pub(super) fn settle(&mut self, fact: &ShareSettled, room: usize) -> Ended {
        let mut pieces = Vec::new();
        for run in &fact.runs {
            let cell = Cell::of(run.stand, run.failures);
            let mut old = Vec::new();
            self.runs.set(run.first, run.last, cell, |was| old.push(was));
            for (first, last, was) in &old {
                let n = last - first + 1;
                match (was.stand, run.stand) {
                    (Stand::Condemned, Stand::Archived) => self.buried += n,
                    (_, Stand::Accepted) if was.stand != Stand::Accepted => self.accepted += n,
                    _ if run.failures > was.failures => self.failed += n,
                    _ => {}
                }
            }
            if cell.is_done() {
                self.finish(fact, run, &old, room);
            }
            self.note(fact, run.first.max(self.runs.start()), run.last, run.stand);
            pieces.extend(old);
        }
        self.runs.advance();
        self.ended(&pieces)
    }

    /// A run is finished. What was given up before was so by whom the note names, not by whom its letter was written.
    fn finish(&mut self, fact: &ShareSettled, run: &SettledRun, old: &[Piece], room: usize) {
        let end = |failed, finished| End { stand: run.stand, failures: Some(run.failures), failed, finished };
        for (first, last, failed) in finishing(old, run.failures) {
            self.ends.add(first, last, end(failed, Finished::at(fact.when, &fact.by)), room);
        }
        for (first, last, _) in old.iter().filter(|(_, _, was)| was.stand == Stand::Condemned) {
            for (offset, note) in self.notes.range(first..=last) {
                self.ends.add(*offset, *offset, end(true, Finished::at(note.when, &note.by)), room);
            }
        }
    }

    fn note(&mut self, fact: &ShareSettled, first: Offset, last: Offset, stand: Stand) {
        if stand == Stand::Condemned {
            let note = Note { by: fact.by.clone(), reason: fact.reason.clone(), when: fact.when };
            (first..=last).for_each(|offset| {
                self.notes.insert(offset, note.clone());
            });
        } else if first <= last && !self.notes.is_empty() {
            let gone: Vec<Offset> = self.notes.range(first..=last).map(|(offset, _)| *offset).collect();
            gone.iter().for_each(|offset| {
                self.notes.remove(offset);
            });
        }
    }

    pub(super) fn trim(&mut self, to: Offset) -> Ended {
        let mut pieces = Vec::new();
        self.lost += self.runs.trim(to, |was| pieces.push(was));
        self.notes = self.notes.split_off(&self.runs.start());
        self.ends.trim(to);
        self.ended(&pieces)
    }

    pub(super) fn give_back(&mut self, ranges: &[(Offset, Offset)]) -> Ended {
        let mut pieces = Vec::new();
        for (first, last) in ranges {
            let held: Vec<Piece> = self.held(*first, *last).collect();
            for (first, last, cell) in held {
                self.runs.set(first, last, Cell::of(Stand::Available, cell.failures), |was| pieces.push(was));
            }
        }
        self.ended(&pieces)
    }

    /// Whoever had these records before, the grant has them now.
    pub(super) fn hold(&mut self, (grant, stand): (u32, Stand), ranges: &[(Offset, Offset)], keys: &[(Offset, u64)]) -> Ended {
        let mut pieces = Vec::new();
        for (first, last) in ranges {
            let before: Vec<Piece> = self.runs.pieces(*first, *last).collect();
            for (first, last, cell) in before {
                let held = Cell { grant, ..Cell::of(stand, cell.failures) };
                self.runs.set(first, last, held, |was| pieces.push(was));
            }
        }
        let ended = self.ended(&pieces);
        for (offset, key) in keys {
            self.key_of.insert(*offset, *key);
            *self.busy.entry(*key).or_default() += 1;
        }
        ended
    }

    /// What somebody has of these, or what is kept back of them.
    pub(super) fn held(&self, first: Offset, last: Offset) -> impl Iterator<Item = Piece> + '_ {
        self.runs.pieces(first, last).filter(|(_, _, cell)| cell.grant != 0)
    }

    /// What was held among these is held no more.
    fn ended(&mut self, pieces: &[Piece]) -> Ended {
        let mut ended: Ended = Vec::new();
        for (first, last, cell) in pieces.iter().filter(|(_, _, cell)| cell.grant != 0) {
            let records = last - first + 1;
            match ended.last_mut() {
                Some((grant, n)) if *grant == cell.grant => *n += records,
                _ => ended.push((cell.grant, records)),
            }
            if !self.key_of.is_empty() {
                self.free_keys(*first, *last);
            }
        }
        ended
    }

    fn free_keys(&mut self, first: Offset, last: Offset) {
        for (offset, key) in self.keys(first, last) {
            self.key_of.remove(&offset);
            if let Some(count) = self.busy.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.busy.remove(&key);
                }
            }
        }
    }
}
