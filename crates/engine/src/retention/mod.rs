//! Retention decides where a partition's log starts, exact to the batch and never early. It holds nothing: the batches
//! are described by whoever has them ([`Index`]), and what it decides becomes a [`StartMoved`](crate::fact::StartMoved).
//!
//! A batch expires at its clock's time plus `retention.ms`, to the millisecond. The log start stands at the first batch
//! that lives. On the clock of append that is all there is to say. On the clock of creation a batch may expire behind
//! one that lives: it is left out of answers at once ([`Policy::cut`]), and the log start passes it later.

mod clock;
mod freeing;

pub use clock::Reading;
pub use freeing::Freeing;

use std::ops::Range;

use crate::{
    fact::MoveReason,
    ids::Offset,
    limits,
    settings::topic::{RetentionClock, TopicSettings},
};

/// How long a topic keeps what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Milliseconds; `None` keeps for ever.
    pub ms: Option<i64>,
    /// A batch goes when those after it have this many bytes together; `None` is without limit.
    pub bytes: Option<u64>,
    pub clock: RetentionClock,
    /// Named readers hold up what they have not read, until a batch is so many milliseconds old. `None`: nobody is waited for.
    pub hold_ms: Option<i64>,
}

/// One batch, as an index describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub base: Offset,
    pub last: Offset,
    pub bytes: u64,
    /// Append time.
    pub at: i64,
    /// Greatest timestamp inside; below 0 when there is none.
    pub stamp: i64,
}

/// The committed batches of a partition, in the order of offsets. Batches before the log start may still be there.
pub trait Index {
    /// The first whose `last` is not below this offset.
    fn at(&self, offset: Offset) -> Result<Option<Entry>, Unreadable>;
    /// The first whose append time is not before this.
    fn appended_at(&self, at: i64) -> Result<Option<Entry>, Unreadable>;
    /// The first such that it and all after it have at most this many bytes.
    fn keep_bytes(&self, bytes: u64) -> Result<Option<Entry>, Unreadable>;
    /// At most `max`, from [`Self::at`] this offset.
    fn list(&self, from: Offset, max: usize) -> Result<Vec<Entry>, Unreadable>;
}

/// The index cannot say now. Why is the business of whoever has it; retention waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the index of the partition cannot be read now")]
pub struct Unreadable;

/// What a look at a partition found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sweep {
    /// Move the log start here.
    pub to: Option<(Offset, MoveReason)>,
    /// When to look again: the exact moment at which the first batch that lives will not. `None`: nothing expires by time.
    pub deadline: Option<i64>,
}

/// What of a slice of whole batches is answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cut {
    /// Runs of batches that live: where their bytes lie in the slice, and the last offset of each run.
    pub runs: Vec<(Range<u64>, Offset)>,
    /// What was left out.
    pub hidden_batches: u64,
    pub hidden_offsets: u64,
    pub hidden_bytes: u64,
}

impl From<&TopicSettings> for Policy {
    /// Without `delete` in its `cleanup.policy` a topic keeps everything.
    fn from(settings: &TopicSettings) -> Self {
        let delete = settings.cleanup.delete;
        Self {
            ms: settings.retention_ms.filter(|_| delete),
            bytes: settings.retention_bytes.filter(|_| delete),
            clock: settings.retention_clock,
            hold_ms: (!settings.retention_readers.is_empty()).then_some(settings.retention_readers_max_ms),
        }
    }
}

impl Policy {
    /// Nothing ever goes by itself: no deadline, no look.
    pub fn keeps_everything(&self) -> bool {
        self.ms.is_none() && self.bytes.is_none()
    }

    /// May batches expire behind one that lives? Then answers must be [`cut`](Self::cut).
    pub fn hides(&self) -> bool {
        // What readers hold up is answered to them.
        self.ms.is_some() && self.clock == RetentionClock::Create && self.hold_ms.is_none()
    }

    /// The moment from which a batch is expired. `None`: never by time.
    pub fn expires_at(&self, entry: &Entry) -> Option<i64> {
        let stamped = match self.clock {
            RetentionClock::Create if entry.stamp >= 0 => entry.stamp.min(entry.at),
            RetentionClock::Create | RetentionClock::Append => entry.at,
        };
        // Beyond the end of time is never.
        stamped.checked_add(self.ms?)
    }

    pub fn is_expired(&self, now: i64, entry: &Entry) -> bool {
        self.expires_at(entry).is_some_and(|at| at <= now)
    }

    /// Where the log start belongs at `now` (on the steady clock, [`Reading`]). `start` is where it stands,
    /// `high` the committed end, which it never passes.
    pub fn sweep(&self, now: i64, index: &dyn Index, start: Offset, high: Offset) -> Result<Sweep, Unreadable> {
        // By size first: what it uncovers may have expired behind a batch that lives.
        let by_size = self.start_by_size(index, high)?.clamp(start, high.max(start));
        let to = self.start_by_age(now, index, by_size, high)?.clamp(by_size, high.max(by_size));
        let why = if to > by_size { MoveReason::Age } else { MoveReason::Size };
        let to = (to > start).then_some((to, why));
        let living = match self.ms {
            Some(_) => index.at(to.map_or(start, |(to, _)| to))?,
            None => None,
        };
        let deadline = living.and_then(|entry| self.expires_at(&entry));
        // What expired beyond `high` has to wait for its commit; asking again in the same millisecond would only spin.
        let deadline = if to.is_none() { deadline.map(|at| at.max(now.saturating_add(1))) } else { deadline };
        Ok(Sweep { to, deadline })
    }

    /// As [`Self::sweep`], but not past `read`, below which every reader that is waited for has read everything; unless it
    /// is older than they may take.
    pub fn sweep_held(
        &self,
        now: i64,
        index: &dyn Index,
        (start, high): (Offset, Offset),
        read: Offset,
    ) -> Result<Sweep, Unreadable> {
        let sweep = self.sweep(now, index, start, high)?;
        let (Some((to, why)), Some(hold_ms)) = (sweep.to, self.hold_ms) else { return Ok(sweep) };
        if to <= read {
            return Ok(sweep);
        }
        let patience = Self { ms: Some(hold_ms), bytes: None, clock: RetentionClock::Append, hold_ms: None };
        let forced = patience.start_by_age(now, index, start, high)?;
        let stop = read.max(forced).clamp(start, to);
        let why = if stop > read { MoveReason::Forced } else { why };
        // When readers go on, whoever hears of it looks again; this is when they have had all their time.
        let deadline = match stop == to {
            true => sweep.deadline,
            false => index.at(stop)?.and_then(|entry| patience.expires_at(&entry)).map(|at| at.max(now.saturating_add(1))),
        };
        Ok(Sweep { to: (stop > start).then_some((stop, why)), deadline })
    }

    fn start_by_age(&self, now: i64, index: &dyn Index, start: Offset, high: Offset) -> Result<Offset, Unreadable> {
        let Some(ms) = self.ms else { return Ok(start) };
        match index.at(start)? {
            Some(first) if self.is_expired(now, &first) => {}
            _ => return Ok(start),
        }
        if self.clock == RetentionClock::Append
            && let Some(oldest_living) = now.checked_sub(ms).and_then(|t| t.checked_add(1))
        {
            match index.appended_at(oldest_living)? {
                None => return Ok(high),
                Some(living) if living.last >= start => return Ok(living.base),
                // A clock that was set back: a batch that is gone has a later time than one that is not.
                Some(_) => {}
            }
        }
        self.walk(now, index, start, high)
    }

    /// Past every expired batch, one by one. A long way takes several looks: the deadline has passed, so they follow at once.
    fn walk(&self, now: i64, index: &dyn Index, start: Offset, high: Offset) -> Result<Offset, Unreadable> {
        let entries = index.list(start, limits::RETENTION_STEP_BATCHES)?;
        let expired = entries.iter().take_while(|e| self.is_expired(now, e));
        Ok(expired.last().map_or(start, |e| (e.last + 1).min(high)))
    }

    /// The last batch from which on there are at least `bytes`: what lies before it goes.
    fn start_by_size(&self, index: &dyn Index, high: Offset) -> Result<Offset, Unreadable> {
        let Some(bytes) = self.bytes else { return Ok(0) };
        let Some(less) = bytes.checked_sub(1) else { return Ok(high) };
        let too_few_from = index.keep_bytes(less)?.map_or(high, |e| e.base);
        let enough = too_few_from.checked_sub(1).filter(|o| *o >= 0).map(|before| index.at(before)).transpose()?.flatten();
        // Behind a gap the index may answer the batch after it; then nothing goes, which is late and never early.
        Ok(enough.filter(|e| e.base < too_few_from).map_or(0, |e| e.base))
    }

    /// What of these batches, which lie one behind the other in a slice, is answered at `now`.
    pub fn cut(&self, now: i64, entries: &[Entry]) -> Cut {
        let mut cut = Cut::default();
        let mut at = 0;
        for entry in entries {
            let bytes = at..at + entry.bytes;
            at = bytes.end;
            if self.is_expired(now, entry) {
                cut.hidden_batches += 1;
                cut.hidden_offsets += entry.last.abs_diff(entry.base) + 1;
                cut.hidden_bytes += entry.bytes;
                continue;
            }
            match cut.runs.last_mut().filter(|(run, _)| run.end == bytes.start) {
                Some((run, last)) => (run.end, *last) = (bytes.end, entry.last),
                None => cut.runs.push((bytes, entry.last)),
            }
        }
        cut
    }
}

#[cfg(test)]
mod tests;
