//! One noun of the ledger: its facts, the state after each, and what a replay rebuilds. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::seam::*;

/// What a noun is: small, and different after every different history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Chained over all facts and payload heads.
    pub digest: u64,
    pub floor: i64,
    pub next: i64,
    /// Only in the catalog.
    pub removed: BTreeSet<u64>,
}

/// What becomes true of one noun.
pub(super) enum Fact {
    /// The payload's head says it all.
    Empty,
    Note(Vec<u8>),
    Trim(i64),
    Closed,
    Removed(u64),
}

impl Fact {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Fact::Empty => Vec::new(),
            Fact::Note(note) => [&[1], &note[..]].concat(),
            Fact::Trim(start) => [&[2], &start.to_le_bytes()[..]].concat(),
            Fact::Closed => vec![3],
            Fact::Removed(log) => [&[4], &log.to_le_bytes()[..]].concat(),
        }
    }
}

impl State {
    /// The only way that state changes, in life and in replay.
    fn apply(&mut self, fact: &[u8], payload: Option<(Stored, &[u8])>) {
        self.digest = chain(self.digest.wrapping_add(1), fact);
        if let Some((stored, head)) = payload {
            self.digest = chain(self.digest ^ stored.base as u64, head);
            self.digest = chain(self.digest ^ stored.stamp as u64, &stored.writer.to_le_bytes());
            self.next = self.next.max(stored.last + 1);
        }
        let number = fact.get(1..9).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        match (fact.first(), number) {
            (Some(2), Some(start)) => self.floor = self.floor.max(start as i64),
            (Some(4), Some(log)) => {
                self.removed.insert(log);
            }
            _ => {}
        }
    }

    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        for word in [self.digest, self.floor as u64, self.next as u64, self.removed.len() as u64] {
            into.extend_from_slice(&word.to_le_bytes());
        }
        self.removed.iter().for_each(|log| into.extend_from_slice(&log.to_le_bytes()));
        // Snapshots come in all sizes.
        let padding = (self.digest % 700) as usize;
        into.extend(std::iter::repeat_n(self.digest as u8, padding));
    }

    fn decode(bytes: &[u8]) -> Option<State> {
        let word = |i: usize| Some(u64::from_le_bytes(bytes.get(i * 8..i * 8 + 8)?.try_into().ok()?));
        let count = usize::try_from(word(3)?).ok()?;
        let removed = (0..count).map(|i| word(4 + i)).collect::<Option<BTreeSet<u64>>>()?;
        let state = State { digest: word(0)?, floor: word(1)? as i64, next: word(2)? as i64, removed };
        let mut again = Vec::new();
        state.encode(&mut again);
        (again == bytes).then_some(state)
    }
}

fn chain(hash: u64, bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(hash, |h, b| (h.rotate_left(9) ^ u64::from(*b)).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    (hash ^ bytes.len() as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

/// One part that a noun took.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) lsn: Lsn,
    pub(super) stored: Option<Stored>,
    /// The state after it.
    pub(super) state: State,
}

#[derive(Clone, Default)]
pub(super) struct Noun {
    taken: Vec<Taken>,
    unborn: State,
}

impl Noun {
    pub(super) fn version(&self) -> Version {
        Version(self.taken.len() as u64)
    }

    pub(super) fn lsn(&self) -> Lsn {
        self.taken.last().map_or(Lsn(0), |t| t.lsn)
    }

    pub(super) fn state(&self) -> &State {
        self.taken.last().map_or(&self.unborn, |t| &t.state)
    }

    pub(super) fn taken(&self) -> &[Taken] {
        &self.taken
    }

    /// How many parts have an LSN up to this.
    pub(super) fn version_at(&self, upto: Lsn) -> usize {
        self.taken.partition_point(|t| t.lsn <= upto)
    }

    pub(super) fn state_at(&self, upto: Lsn) -> &State {
        self.state_of(self.version_at(upto))
    }

    pub(super) fn state_of(&self, version: usize) -> &State {
        if version == 0 { &self.unborn } else { &self.taken[version - 1].state }
    }

    /// Takes a part whose place is not known yet.
    pub(super) fn push(&mut self, fact: &[u8], payload: Option<(Stored, &[u8])>) {
        let mut state = self.state().clone();
        state.apply(fact, payload);
        self.taken.push(Taken { lsn: Lsn(u64::MAX), stored: payload.map(|(stored, _)| stored), state });
    }

    pub(super) fn pop(&mut self) {
        self.taken.pop();
    }

    /// Now the place of the part after `expected` is known.
    pub(super) fn place(&mut self, expected: Version, lsn: Lsn, at: Millis) {
        let taken = &mut self.taken[expected.0 as usize];
        taken.lsn = lsn;
        if let Some(stored) = &mut taken.stored {
            stored.at = at;
        }
    }

    pub(super) fn truncate(&mut self, upto: Lsn) {
        self.taken.truncate(self.version_at(upto));
    }
}

/// What a recovery handed back.
#[derive(Default)]
pub struct Rebuilt {
    pub(super) nouns: BTreeMap<LogId, (Version, State)>,
    /// What was wrong by itself, and of which log.
    pub(super) problems: Vec<(LogId, String)>,
    last: Lsn,
    facts: u64,
    snapshots: u64,
}

impl Rebuilt {
    /// How many facts and snapshots were handed back.
    pub fn counts(&self) -> (u64, u64) {
        (self.facts, self.snapshots)
    }

    /// A number for the rebuilt state as a whole.
    pub fn digest(&self) -> u64 {
        self.nouns.iter().fold(7, |hash, (id, (version, state))| {
            let words = [id.0, version.0, state.digest, state.floor as u64];
            words.iter().fold(hash, |h, w| chain(h, &w.to_le_bytes()))
        })
    }

    fn problem(&mut self, log: LogId, text: String) {
        if self.problems.len() < 20 {
            self.problems.push((log, text));
        }
    }
}

impl Replay for Rebuilt {
    fn snapshot(&mut self, log: LogId, version: Version, bytes: &[u8]) {
        self.snapshots += 1;
        if self.facts > 0 {
            self.problem(log, "a snapshot came after a fact".into());
        }
        let Some(state) = State::decode(bytes) else {
            return self.problem(log, format!("a snapshot of {} bytes that was never given", bytes.len()));
        };
        if self.nouns.insert(log, (version, state)).is_some() {
            self.problem(log, "a second snapshot".into());
        }
    }

    fn fact(&mut self, part: Replayed<'_>) {
        self.facts += 1;
        if part.lsn < self.last {
            self.problem(part.log, format!("{:?} was replayed after {:?}", part.lsn, self.last));
        }
        self.last = part.lsn;
        let (version, state) = self.nouns.entry(part.log).or_default();
        let before = *version;
        *version = part.version;
        state.apply(part.fact, part.payload);
        if part.version.0 != before.0 + 1 {
            self.problem(part.log, format!("{:?} was replayed on {before:?}", part.version));
        }
    }

    /// What comes behind is handed over as if nothing were missing; the judge finds that the state is another one.
    fn lost(&mut self, lost: Lost) {
        self.nouns.entry(lost.log).or_default().0 = lost.version;
    }
}
