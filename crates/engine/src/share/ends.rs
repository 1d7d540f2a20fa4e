//! When records of one partition were finished, and by whom: what a receipt says of them, and what a lease that is settled late
//! or again is judged by. The newest offsets are exact; older ones share a window of time with their neighbours, so that a
//! bounded number of entries reaches far back. Changes by facts only, so that a snapshot and a replay agree.

use std::{collections::BTreeMap, sync::Arc};

use super::runs::{Piece, Stand};
use crate::{ids::Offset, limits};

/// When a record was finished, and by whom, as far as that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finished {
    /// Between these two moments, both in wall-clock milliseconds; the same when it is known exactly.
    pub from: i64,
    pub until: i64,
    /// Whose delivery it was. `None`: nobody's, or no longer known.
    pub by: Option<Arc<str>>,
}

impl Finished {
    /// At one moment; by nobody, if the name is empty.
    pub(super) fn at(moment: i64, by: &str) -> Self {
        Self { from: moment, until: moment, by: (!by.is_empty()).then(|| by.into()) }
    }
}

/// What a run of finished records has in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct End {
    pub(super) stand: Stand,
    /// Deliveries that had failed; `None` when they differ.
    pub(super) failures: Option<u16>,
    /// Its last delivery failed: it was rejected, or had been delivered often enough.
    pub(super) failed: bool,
    pub(super) finished: Finished,
}

impl End {
    /// Of both; `None` when they ended differently.
    fn with(&self, other: &End) -> Option<End> {
        let (one, two) = (&self.finished, &other.finished);
        ((self.stand, self.failed) == (other.stand, other.failed)).then(|| End {
            stand: self.stand,
            failures: self.failures.filter(|_| self.failures == other.failures),
            failed: self.failed,
            finished: Finished {
                from: one.from.min(two.from),
                until: one.until.max(two.until),
                by: one.by.clone().filter(|_| one.by == two.by),
            },
        })
    }
}

/// Neighbours that are looked at for the same name, so that it is kept once.
const NEAR: usize = 8;

/// Runs of finished records by their first offset, each with its last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ends(BTreeMap<Offset, (Offset, End)>);

impl Ends {
    /// How many a partition of a group keeps that has begun with so many.
    pub(super) fn room(partitions: usize) -> usize {
        (limits::SHARE_ENDS_OF_GROUP / partitions.max(1)).clamp(limits::SHARE_ENDS_MIN, limits::SHARE_ENDS_MAX)
    }

    pub(super) fn of(&self, offset: Offset) -> Option<&End> {
        let (_, (last, end)) = self.0.range(..=offset).next_back()?;
        (offset <= *last).then_some(end)
    }

    pub(super) fn add(&mut self, first: Offset, last: Offset, end: End, room: usize) {
        match self.0.range_mut(..first).next_back() {
            Some((_, (before, was))) if *before + 1 == first && *was == end => *before = last,
            _ => self.put(first, last, end),
        }
        if self.0.len() > room {
            self.thin(room);
        }
    }

    /// As it stood in a snapshot.
    pub(super) fn put(&mut self, first: Offset, last: Offset, mut end: End) {
        let mut near = self.0.range(..first).rev().take(NEAR).map(|(_, (_, before))| &before.finished.by);
        if let Some(by) = near.find(|by| **by == end.finished.by) {
            end.finished.by.clone_from(by);
        }
        self.0.insert(first, (last, end));
    }

    /// The records below are gone.
    pub(super) fn trim(&mut self, to: Offset) {
        while let Some(entry) = self.0.first_entry().filter(|entry| entry.get().0 < to) {
            entry.remove();
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (Offset, Offset, &End)> {
        self.0.iter().map(|(first, (last, end))| (*first, *last, end))
    }

    /// Neighbours of the older half become one, by twos. What cannot is forgotten, the longest finished first.
    fn thin(&mut self, room: usize) {
        let newer = self.0.keys().nth(self.0.len() / 2).copied().unwrap_or_default();
        let newer = self.0.split_off(&newer);
        let mut older = std::mem::replace(&mut self.0, newer).into_iter().peekable();
        while let Some((first, (last, end))) = older.next() {
            let next = older.peek().filter(|(next, _)| *next == last + 1);
            let joined = next.and_then(|(_, (last, other))| Some((*last, end.with(other)?)));
            if joined.is_some() {
                older.next();
            }
            self.0.insert(first, joined.unwrap_or((last, end)));
        }
        let keep = room / 8 * 7;
        if let Some(surplus) = self.0.len().checked_sub(keep).filter(|surplus| *surplus > 0) {
            let mut by_age: Vec<(i64, Offset)> = self.0.iter().map(|(first, (_, end))| (end.finished.until, *first)).collect();
            by_age.sort_unstable();
            by_age.iter().take(surplus).for_each(|(_, first)| {
                self.0.remove(first);
            });
        }
    }
}

/// What of these pieces becomes finished now, `failed` or not, in as few runs as can be: a replay finds fewer and longer pieces
/// than those that lived through it, who were split by who held what.
pub(super) fn finishing(old: &[Piece], failures: u16) -> Vec<(Offset, Offset, bool)> {
    let mut runs: Vec<(Offset, Offset, bool)> = Vec::new();
    for (first, last, was) in old.iter().filter(|(_, _, was)| !was.is_done() && was.stand != Stand::Condemned) {
        let failed = failures > was.failures;
        match runs.last_mut() {
            Some((_, end, same)) if *end + 1 == *first && *same == failed => *end = *last,
            _ => runs.push((*first, *last, failed)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::runs::Cell;

    const ROOM: usize = limits::SHARE_ENDS_MAX;

    fn end(stand: Stand, at: i64, by: &str) -> End {
        End { stand, failures: Some(0), failed: false, finished: Finished::at(at, by) }
    }

    #[test]
    fn the_latest_are_exact_and_old_ones_keep_a_window() {
        let mut ends = Ends::default();
        for offset in 0..100_000 {
            ends.add(offset, offset, end(Stand::Accepted, offset * 10, if offset % 2 == 0 { "even" } else { "odd" }), ROOM);
        }
        assert!(ends.iter().len() <= ROOM);
        for offset in 0..100_000 {
            let Some(end) = ends.of(offset) else { panic!("{offset} is forgotten") };
            assert!((end.finished.from..=end.finished.until).contains(&(offset * 10)), "{offset}: {end:?}");
            if offset > 99_900 {
                assert_eq!((end.finished.from, end.finished.until), (offset * 10, offset * 10));
                assert_eq!(end.finished.by.as_deref(), Some(if offset % 2 == 0 { "even" } else { "odd" }));
            }
        }
    }

    #[test]
    fn what_ended_alike_is_one_and_what_did_not_is_told_apart() {
        let mut ends = Ends::default();
        ends.add(0, 4, end(Stand::Accepted, 7, "w"), ROOM);
        ends.add(5, 9, end(Stand::Accepted, 7, "w"), ROOM);
        assert_eq!(ends.iter().len(), 1);
        for offset in 10..10_000 {
            let stand = if offset % 2 == 0 { Stand::Archived } else { Stand::Accepted };
            ends.add(offset, offset, end(stand, offset, "w"), ROOM);
            assert!(ends.iter().len() <= ROOM);
        }
        assert_eq!(ends.of(5), None, "nothing of it could be joined");
        assert_eq!(ends.of(9_998).map(|end| end.stand), Some(Stand::Archived));
        ends.trim(9_999);
        assert_eq!((ends.iter().len(), ends.of(9_998)), (1, None));
    }

    #[test]
    fn what_was_finished_last_is_forgotten_last_wherever_it_lies() {
        let mut ends = Ends::default();
        let stand = |offset: i64| if offset % 2 == 0 { Stand::Archived } else { Stand::Accepted };
        (1..300).for_each(|offset| ends.add(offset, offset, end(stand(offset), offset, "w"), ROOM));
        ends.add(0, 0, end(Stand::Accepted, 1_000, "slow"), ROOM);
        (300..400).for_each(|offset| ends.add(offset, offset, end(stand(offset), 1_000 + offset, "w"), ROOM));
        assert_eq!(ends.of(0).map(|end| end.finished.until), Some(1_000));
    }

    #[test]
    fn a_group_with_many_partitions_keeps_less_of_each() {
        assert_eq!((Ends::room(0), Ends::room(1), Ends::room(100)), (ROOM, ROOM, ROOM));
        assert_eq!(Ends::room(limits::SHARE_PARTITIONS_MAX), limits::SHARE_ENDS_MIN);
        let mut ends = Ends::default();
        (0..300).for_each(|offset| ends.add(offset, offset, end(Stand::Accepted, offset, "w"), limits::SHARE_ENDS_MIN));
        assert!(ends.iter().len() <= limits::SHARE_ENDS_MIN && ends.of(0).is_some());
    }

    #[test]
    fn who_held_what_makes_no_difference() {
        let held = |grant| Cell { grant, ..Cell::of(Stand::Held, 0) };
        let lived = [(0, 4, held(1)), (5, 9, held(2)), (10, 12, Cell::of(Stand::Available, 0))];
        assert_eq!(finishing(&lived, 0), finishing(&[(0, 12, Cell::FRESH)], 0));
        let failed = [(0, 4, held(1)), (5, 9, Cell::of(Stand::Condemned, 1)), (10, 10, Cell::of(Stand::Accepted, 0))];
        assert_eq!(finishing(&failed, 1), [(0, 4, true)]);
    }
}
