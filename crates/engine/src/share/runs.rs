//! What became of each record of one partition, in runs: a range of offsets that stand alike is one entry of sixteen bytes.
//! Knows ranges and counts; judges nothing, and knows neither members nor time.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::Offset;

/// How the records of a run stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Stand {
    /// Anybody may take them.
    Available,
    /// Taken: the grant says by whom and until when.
    Held,
    /// Kept back for a while: the grant says until when.
    Delayed,
    /// Acknowledged.
    Accepted,
    /// Given up, and nothing is left to do.
    Archived,
    /// Given up; the dead letter is still to be written.
    Condemned,
}

/// One run's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    pub(super) stand: Stand,
    /// Deliveries that ended without an acknowledgement.
    pub(super) failures: u16,
    /// Which grant holds them or keeps them back; 0 for none.
    pub(super) grant: u32,
}

impl Cell {
    pub(super) const FRESH: Self = Self { stand: Stand::Available, failures: 0, grant: 0 };

    pub(super) fn of(stand: Stand, failures: u16) -> Self {
        Self { stand, failures, grant: 0 }
    }
    /// What a restart makes of it: locks are not kept.
    pub(super) fn durable(self) -> Self {
        match self.stand {
            Stand::Held | Stand::Delayed => Self::of(Stand::Available, self.failures),
            _ => self,
        }
    }
    pub(super) fn is_done(self) -> bool {
        matches!(self.stand, Stand::Accepted | Stand::Archived)
    }
}

/// A range of offsets that stand alike; both ends belong to it.
pub(super) type Piece = (Offset, Offset, Cell);

/// How many records stand how, between start and end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) held: i64,
    pub(super) delayed: i64,
    pub(super) done: i64,
    pub(super) condemned: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Runs {
    /// Everything below is finished.
    start: Offset,
    /// Nothing from here on was ever touched.
    end: Offset,
    /// First offset of each run between start and end. Neighbours differ.
    runs: BTreeMap<Offset, Cell>,
    /// Where the runs begin that are available: whoever looks for one does not walk over all that are not.
    free: BTreeSet<Offset>,
    counts: Counts,
}

impl Runs {
    pub(super) fn from(start: Offset) -> Self {
        Self { start, end: start, runs: BTreeMap::new(), free: BTreeSet::new(), counts: Counts::default() }
    }
    pub(super) fn start(&self) -> Offset {
        self.start
    }
    pub(super) fn end(&self) -> Offset {
        self.end
    }
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// The pieces of `first..=last`, in order, without what is finished below the start. What was never touched is fresh.
    pub(super) fn pieces(&self, first: Offset, last: Offset) -> impl Iterator<Item = Piece> + '_ {
        let from = first.max(self.start);
        let inside = self.runs.range(..=from).next_back().filter(|_| from < self.end);
        let key = inside.map_or(from, |(key, _)| *key);
        let mut runs = self.runs.range(key..).peekable();
        let mut at = from;
        std::iter::from_fn(move || {
            if at > last {
                return None;
            }
            let (to, cell) = match runs.next() {
                Some((_, cell)) => (runs.peek().map_or(self.end, |(key, _)| **key) - 1, *cell),
                None => (last, Cell::FRESH),
            };
            let piece = (at, to.min(last), cell);
            at = to.saturating_add(1);
            Some(piece)
        })
    }

    /// The pieces of `first..=last` that are available, in order.
    pub(super) fn free(&self, first: Offset, last: Offset) -> impl Iterator<Item = Piece> + '_ {
        let from = first.max(self.start);
        let key = self.free.range(..=from).next_back().map_or(from, |key| *key);
        let touched = self.free.range(key..).filter_map(move |key| {
            let cell = *self.runs.get(key)?;
            Some((from.max(*key), last.min(self.last_of(*key)), cell))
        });
        let untouched = (from.max(self.end), last, Cell::FRESH);
        touched.take_while(move |(first, ..)| *first <= last).chain([untouched]).filter(|(first, last, _)| first <= last)
    }

    /// The last offset of the first run, if anything between start and end is unfinished.
    pub(super) fn first_run(&self) -> Option<Piece> {
        self.runs.first_key_value().map(|(key, cell)| (*key, self.last_of(*key), *cell))
    }

    /// The last offset of the run that begins there.
    fn last_of(&self, key: Offset) -> Offset {
        self.runs.range(key + 1..).next().map_or(self.end, |(next, _)| *next) - 1
    }

    /// Makes `first..=last` stand as `cell` says. What it was before goes to `was`.
    pub(super) fn set(&mut self, first: Offset, last: Offset, cell: Cell, mut was: impl FnMut(Piece)) {
        let first = first.max(self.start);
        if first > last {
            return;
        }
        self.reach(last + 1);
        self.split(first);
        self.split(last + 1);
        let inside: Vec<Piece> = self.pieces(first, last).collect();
        for piece in inside {
            self.remove(piece);
            was(piece);
        }
        self.insert(first, cell);
        self.count((first, last, cell), 1);
        self.merge(last + 1);
        self.merge(first);
    }

    /// Moves the start behind everything that is finished.
    pub(super) fn advance(&mut self) {
        while let Some((first, cell)) = self.runs.first_key_value().map(|(first, cell)| (*first, *cell)) {
            if !cell.is_done() {
                break;
            }
            let last = self.last_of(first);
            self.remove((first, last, cell));
            self.start = last + 1;
        }
    }

    /// Everything below `to` is gone. Answers how many of it were not finished; what they were goes to `was`.
    pub(super) fn trim(&mut self, to: Offset, mut was: impl FnMut(Piece)) -> i64 {
        if to <= self.start {
            return 0;
        }
        self.reach(to);
        self.split(to);
        let gone: Vec<Piece> = self.pieces(self.start, to - 1).collect();
        let mut lost = 0;
        for piece in gone {
            self.remove(piece);
            if !piece.2.is_done() {
                lost += piece.1 - piece.0 + 1;
            }
            was(piece);
        }
        self.start = to;
        self.advance();
        lost
    }

    fn reach(&mut self, end: Offset) {
        if end > self.end {
            let tail = self.end;
            self.end = end;
            self.insert(tail, Cell::FRESH);
            self.merge(tail);
        }
    }

    fn split(&mut self, at: Offset) {
        if at <= self.start || at >= self.end {
            return;
        }
        if let Some((key, cell)) = self.runs.range(..=at).next_back()
            && *key != at
        {
            let cell = *cell;
            self.insert(at, cell);
        }
    }

    fn merge(&mut self, at: Offset) {
        let Some(cell) = self.runs.get(&at).copied() else { return };
        if self.runs.range(..at).next_back().is_some_and(|(_, before)| *before == cell) {
            self.runs.remove(&at);
            self.free.remove(&at);
        }
    }

    fn insert(&mut self, at: Offset, cell: Cell) {
        self.runs.insert(at, cell);
        if cell.stand == Stand::Available {
            self.free.insert(at);
        }
    }

    fn remove(&mut self, piece: Piece) {
        self.runs.remove(&piece.0);
        self.free.remove(&piece.0);
        self.count(piece, -1);
    }

    fn count(&mut self, (first, last, cell): Piece, sign: i64) {
        let n = sign * (last - first + 1);
        match cell.stand {
            Stand::Available => {}
            Stand::Held => self.counts.held += n,
            Stand::Delayed => self.counts.delayed += n,
            Stand::Accepted | Stand::Archived => self.counts.done += n,
            Stand::Condemned => self.counts.condemned += n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stand(n: u8) -> Stand {
        [Stand::Available, Stand::Held, Stand::Accepted, Stand::Archived, Stand::Condemned][usize::from(n % 5)]
    }

    proptest! {
        /// Runs say the same as one value a record would.
        #[test]
        fn runs_are_an_array_in_fewer_bytes(steps in prop::collection::vec((0..60i64, 0..20i64, 0..7u8), 1..60)) {
            let mut runs = Runs::from(0);
            let mut plain: BTreeMap<i64, Cell> = BTreeMap::new();
            for (first, len, what) in steps {
                let last = first + len;
                match what {
                    5 => runs.advance(),
                    6 => { runs.trim(first, |_| {}); }
                    n => {
                        let cell = Cell::of(stand(n), 0);
                        runs.set(first, last, cell, |_| {});
                        (first..=last).for_each(|at| { plain.insert(at, cell); });
                    }
                }
                plain.retain(|at, _| *at >= runs.start());
                for at in runs.start()..90 {
                    let said: Vec<_> = runs.pieces(at, at).collect();
                    let want = plain.get(&at).copied().unwrap_or(Cell::FRESH);
                    prop_assert_eq!(&said[..], &[(at, at, want)][..]);
                }
                let count = |s: &[Stand]| plain.values().filter(|c| s.contains(&c.stand)).count() as i64;
                prop_assert_eq!(runs.counts().held, count(&[Stand::Held]));
                prop_assert_eq!(runs.counts().done, count(&[Stand::Accepted, Stand::Archived]));
                for from in [0, first] {
                    let free: Vec<i64> =
                        (runs.start().max(from)..90).filter(|at| plain.get(at).is_none_or(|c| c.stand == Stand::Available)).collect();
                    let said: Vec<i64> = runs.free(from, 89).flat_map(|(first, last, _)| first..=last).collect();
                    prop_assert_eq!(said, free);
                }
                let cells: Vec<_> = runs.pieces(runs.start(), runs.end() - 1).map(|p| p.2).collect();
                prop_assert!(cells.windows(2).all(|pair| pair[0] != pair[1]), "neighbours are merged");
            }
        }
    }
}
