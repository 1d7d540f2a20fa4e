//! Where each offset of a source went. A copy has no gaps: what was removed, compacted or never committed is not there, so that
//! its offsets may be smaller than those of its source. Pure.

/// Runs of offsets that were moved by the same amount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map {
    /// First offset there and here, ascending.
    runs: Vec<(i64, i64)>,
    /// The next offset here.
    next: i64,
}

impl Map {
    /// The record at `there` is the next one here.
    pub(super) fn push(&mut self, there: i64) -> i64 {
        let here = self.next;
        let goes_on = self.runs.last().is_some_and(|(first, at)| there - first == here - at);
        if !goes_on {
            self.runs.push((there, here));
        }
        self.next += 1;
        here
    }

    /// The last offset there that was taken.
    pub(super) fn last(&self) -> Option<i64> {
        self.runs.last().map(|(first, here)| first + (self.next - here) - 1)
    }

    /// The next offset here.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// Where a reader goes on here that would go on at `there`: at the first record from it on.
    pub(super) fn here(&self, there: i64) -> i64 {
        let after = self.runs.partition_point(|(first, _)| *first <= there);
        let end = self.runs.get(after).map_or(self.next, |(_, here)| *here);
        match after.checked_sub(1).and_then(|n| self.runs.get(n)) {
            Some((first, here)) => (here + (there - first)).min(end),
            None => self.runs.first().map_or(self.next, |(_, here)| *here),
        }
    }

    pub(super) fn is_same(&self) -> bool {
        self.runs.iter().all(|(there, here)| there == here)
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = (i64, i64)> {
        self.runs.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_closed_and_positions_follow() {
        let mut map = Map::default();
        for there in [5, 6, 9, 10, 20] {
            map.push(there);
        }
        assert_eq!(map.runs().collect::<Vec<_>>(), [(5, 0), (9, 2), (20, 4)]);
        let asked = [0, 5, 6, 7, 8, 9, 10, 11, 19, 20, 21, 90];
        assert_eq!(asked.map(|there| map.here(there)), [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 5]);
        assert!(!map.is_same());
        let mut same = Map::default();
        (0..4).for_each(|n| assert_eq!(same.push(n), n));
        assert!(same.is_same());
        assert_eq!((same.here(2), same.here(4), same.next()), (2, 4, 4));
        assert_eq!((map.last(), same.last(), Map::default().last()), (Some(20), Some(3), None));
        assert_eq!(Map::default().here(3), 0);
    }
}
