//! When records of one partition were finished, and by whom: what a receipt says of them, and what a lease that is settled late
//! or again is judged by. The newest offsets are exact; older ones share a window of time with their neighbours, so that a
//! bounded number of entries reaches far back. Changes by facts only, so that a snapshot and a replay agree.

use std::{collections::BTreeMap, sync::Arc};

use super::runs::Stand;
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

/// What a run of finished records has in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct End {
    pub(super) stand: Stand,
    /// Deliveries that had failed; `None` when they differ.
    pub(super) failures: Option<u16>,
    pub(super) finished: Finished,
}

impl End {
    /// Of both; `None` when they ended differently.
    fn with(&self, other: &End) -> Option<End> {
        let (one, two) = (&self.finished, &other.finished);
        (self.stand == other.stand).then(|| End {
            stand: self.stand,
            failures: self.failures.filter(|_| self.failures == other.failures),
            finished: Finished {
                from: one.from.min(two.from),
                until: one.until.max(two.until),
                by: one.by.clone().filter(|_| one.by == two.by),
            },
        })
    }
}

/// Runs of finished records by their first offset, each with its last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ends(BTreeMap<Offset, (Offset, End)>);

impl Ends {
    pub(super) fn of(&self, offset: Offset) -> Option<&End> {
        let (_, (last, end)) = self.0.range(..=offset).next_back()?;
        (offset <= *last).then_some(end)
    }

    pub(super) fn add(&mut self, first: Offset, last: Offset, end: End) {
        match self.0.range_mut(..first).next_back() {
            Some((_, (before, was))) if *before + 1 == first && *was == end => *before = last,
            _ => self.put(first, last, end),
        }
        if self.0.len() > limits::SHARE_ENDS_MAX {
            self.thin();
        }
    }

    /// As it stood in a snapshot.
    pub(super) fn put(&mut self, first: Offset, last: Offset, mut end: End) {
        let before = self.0.range(..first).next_back().map(|(_, (_, before))| &before.finished.by);
        // One worker's many ends share its name.
        if let Some(by) = before.filter(|by| **by == end.finished.by) {
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

    /// Neighbours of the older half become one, by twos. What cannot is forgotten, the oldest first.
    fn thin(&mut self) {
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
        while self.0.len() > limits::SHARE_ENDS_MAX / 8 * 7 {
            self.0.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(stand: Stand, at: i64, by: &str) -> End {
        End { stand, failures: Some(0), finished: Finished { from: at, until: at, by: Some(by.into()) } }
    }

    #[test]
    fn the_latest_are_exact_and_old_ones_keep_a_window() {
        let mut ends = Ends::default();
        for offset in 0..100_000 {
            ends.add(offset, offset, end(Stand::Accepted, offset * 10, if offset % 2 == 0 { "even" } else { "odd" }));
        }
        assert!(ends.iter().len() <= limits::SHARE_ENDS_MAX);
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
        ends.add(0, 4, end(Stand::Accepted, 7, "w"));
        ends.add(5, 9, end(Stand::Accepted, 7, "w"));
        assert_eq!(ends.iter().len(), 1);
        for offset in 10..10_000 {
            let stand = if offset % 2 == 0 { Stand::Archived } else { Stand::Accepted };
            ends.add(offset, offset, end(stand, offset, "w"));
            assert!(ends.iter().len() <= limits::SHARE_ENDS_MAX);
        }
        assert_eq!(ends.of(5), None, "nothing of it could be joined");
        assert_eq!(ends.of(9_998).map(|end| end.stand), Some(Stand::Archived));
        ends.trim(9_999);
        assert_eq!((ends.iter().len(), ends.of(9_998)), (1, None));
    }
}
