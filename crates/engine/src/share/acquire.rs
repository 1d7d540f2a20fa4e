//! Taking records: which of those that were read may be handed out, and to whom they belong from then on.

use std::collections::HashSet;

use super::{
    Acquire, At, Command, Fact, Grant, Granted, Refusal, Reply, Share, Soft,
    fact::{KEY_LEN, ShareKeyed, ShareStarted, ShareTrimmed},
    partition::Partition,
};
use crate::{
    ids::Offset,
    limits,
    machine::{Decision, Now},
};

/// What is being put together for one answer.
struct Taking<'a> {
    acquire: &'a Acquire,
    /// Records that may still be taken.
    left: i64,
    ranges: Vec<(Offset, Offset)>,
    runs: Vec<(Offset, Offset, u16)>,
    keys: Vec<(Offset, u64)>,
    /// The same without their offsets.
    busy: HashSet<u64>,
}

impl Share {
    pub(super) fn begin(&self, now: Now, starts: &[(At, Offset)]) -> Decision<Fact, Reply> {
        let room = limits::SHARE_PARTITIONS_MAX.saturating_sub(self.partitions.len());
        let fresh = starts.iter().filter(|(at, _)| !self.partitions.contains_key(at)).take(room);
        let started = |(at, start): &(At, Offset)| ShareStarted { at: *at, start: *start, when: now.wall }.into();
        Decision::new(fresh.map(started).collect(), Reply::Done)
    }

    pub(super) fn reset(&self, now: Now, starts: &[(At, Offset)]) -> Result<Decision<Fact, Reply>, Refusal> {
        if !self.roster.is_empty() {
            return Err(Refusal::NotEmpty);
        }
        let fresh = starts.iter().filter(|(at, _)| !self.partitions.contains_key(at)).count();
        if self.partitions.len() + fresh > limits::SHARE_PARTITIONS_MAX {
            return Err(Refusal::TooMany { max: limits::SHARE_PARTITIONS_MAX });
        }
        // What lies behind the new beginning is delivered again.
        self.keeps_letters(starts.iter().map(|(at, start)| (*at, *start)))?;
        let started = |(at, start): &(At, Offset)| ShareStarted { at: *at, start: *start, when: now.wall }.into();
        Ok(Decision::new(starts.iter().map(started).collect(), Reply::Done))
    }

    pub(super) fn draw_key(&self, key: [u8; KEY_LEN]) -> Decision<Fact, Reply> {
        let facts = if self.key.is_some() { Vec::new() } else { vec![ShareKeyed { key }.into()] };
        Decision::new(facts, Reply::Done)
    }

    /// A new secret for a group that has one. One without draws its first at its first lease.
    pub(super) fn change_key(&self, key: [u8; KEY_LEN]) -> Decision<Fact, Reply> {
        let facts = if self.key.is_some() { vec![ShareKeyed { key }.into()] } else { Vec::new() };
        Decision::new(facts, Reply::Done)
    }

    /// Whether the group has begun with the partition.
    pub fn has_begun(&self, at: At) -> bool {
        self.partitions.contains_key(&at)
    }

    /// Where to read for records to take: the first available one from `from` on.
    pub fn available(&self, at: At, from: Offset, end: Offset) -> Option<Offset> {
        let partition = self.partitions.get(&at)?;
        partition.runs.free(from, self.reach(partition, end) - 1).next().map(|(first, ..)| first)
    }

    /// Whether another record of the partition may be held.
    pub fn has_locks(&self, at: At) -> bool {
        self.partitions.get(&at).is_some_and(|p| self.locks_left(p) > 0)
    }

    fn locks_left(&self, partition: &Partition) -> i64 {
        let counts = partition.runs.counts();
        match counts.condemned < limits::SHARE_LETTERS_MAX && counts.delayed < limits::SHARE_DELAYED_MAX {
            true => self.rules.locks_max - counts.held,
            false => 0,
        }
    }

    pub(super) fn acquire(&self, now: Now, acquire: &Acquire) -> Result<Decision<Fact, Reply>, Refusal> {
        let partition = self.partitions.get(&acquire.at).ok_or(Refusal::NotBegun)?;
        let mut facts: Vec<Fact> = self.trimmed(now, acquire.at, acquire.window.start).into_iter().collect();
        let first = acquire.first.max(acquire.window.start);
        let last = acquire.last.min(self.reach(partition, acquire.window.end) - 1);
        let stale = self.rules.by_key && acquire.freed != Some(self.freed);
        let left = if self.rules.paused || stale { 0 } else { acquire.max.min(self.locks_left(partition)).max(0) };
        let mut taking = Taking { acquire, left, ranges: Vec::new(), runs: Vec::new(), keys: Vec::new(), busy: HashSet::new() };
        for (from, to, cell) in partition.runs.free(first, last) {
            if taking.left <= 0 {
                break;
            }
            let cautious = self.caution(cell.failures);
            if cautious.is_some() && !taking.runs.is_empty() {
                break;
            }
            match self.rules.by_key {
                true => taking.by_key(partition, from, to, cell.failures),
                false => taking.range(from, to, cell.failures, cautious),
            }
            if cautious.is_some() && !taking.runs.is_empty() {
                break;
            }
        }
        if taking.ranges.is_empty() {
            return Ok(Decision::new(facts, Reply::Granted(Granted::default())));
        }
        let lock_ms = acquire.lock_ms.unwrap_or(self.rules.lock_ms).clamp(1, limits::SHARE_LOCK_MS_MAX);
        let (grant, until) = (self.fresh_grant(), now.mono.saturating_add(lock_ms));
        let held = Grant { at: acquire.at, owner: Some(acquire.owner.clone()), until };
        facts.push(Fact::Soft(Soft::Held { grant, held, ranges: taking.ranges, keys: taking.keys }));
        Ok(Decision::new(facts, Reply::Granted(Granted { runs: taking.runs, grant, until, since: partition.since })))
    }

    /// How far records may be taken. A group that keeps all the runs it may takes no more than the first that is unfinished: each
    /// that is finished makes room, and none makes another run of it.
    fn reach(&self, partition: &Partition, end: Offset) -> Offset {
        match partition.runs.first_run().filter(|_| partition.runs.len() >= self.rules.runs_max) {
            Some((_, last, _)) => end.min(last + 1),
            None => end,
        }
    }

    /// How many records that failed so often may be handed out together: a poisonous one shall not count against those
    /// beside it. `None`: as many as are wanted.
    fn caution(&self, failures: u16) -> Option<i64> {
        match self.rules.deliveries.saturating_sub(failures) {
            0 | 1 if failures > 0 => Some(1),
            left if failures > 0 && left <= self.rules.deliveries / 2 => Some(limits::SHARE_CAUTIOUS_RECORDS),
            _ => None,
        }
    }

    /// Records went from the log below the group's feet.
    pub(super) fn trimmed(&self, now: Now, at: At, start: Offset) -> Option<Fact> {
        let runs = &self.partitions.get(&at)?.runs;
        (start > runs.start()).then(|| ShareTrimmed { at, to: start, when: now.wall }.into())
    }
}

impl Taking<'_> {
    fn range(&mut self, from: Offset, to: Offset, failures: u16, cautious: Option<i64>) {
        let most = cautious.map_or(self.left, |n| n.min(self.left));
        let mut last = to.min(from.saturating_add(most - 1));
        if cautious.is_none() && last < to {
            // Whole batches, if the client would rather have those.
            last = self.acquire.batch_ends.iter().copied().find(|end| *end >= last).map_or(last, |end| end.min(to));
        }
        self.take(from, last, failures);
    }

    fn by_key(&mut self, partition: &Partition, from: Offset, to: Offset, failures: u16) {
        for offset in from..=to {
            if self.left <= 0 {
                return;
            }
            let known = self.acquire.keys.binary_search_by_key(&offset, |(offset, _)| *offset);
            let key = known.ok().map(|at| self.acquire.keys[at].1);
            if key.is_some_and(|key| partition.is_busy(key) || !self.busy.insert(key)) {
                continue;
            }
            self.keys.extend(key.map(|key| (offset, key)));
            self.take(offset, offset, failures);
        }
    }

    fn take(&mut self, first: Offset, last: Offset, failures: u16) {
        self.left -= last - first + 1;
        let delivery = failures.saturating_add(1);
        match self.ranges.last_mut() {
            Some((_, end)) if *end + 1 == first => *end = last,
            _ => self.ranges.push((first, last)),
        }
        match self.runs.last_mut() {
            Some((_, end, count)) if *end + 1 == first && *count == delivery => *end = last,
            _ => self.runs.push((first, last, delivery)),
        }
    }
}

impl From<Acquire> for Command {
    fn from(acquire: Acquire) -> Self {
        Command::Acquire(acquire)
    }
}
