//! How one record stands in a share group. A question; nothing changes.

use super::{At, Finished, Share, Why, ends::End, runs::Stand};
use crate::{group::MemberId, ids::Offset, machine::Now};

/// What became of one record so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Anybody may take it.
    Waiting,
    Leased,
    /// Kept back until its delay is over.
    Delayed,
    Acknowledged,
    GivenUp,
    /// Given up, and its dead letter is still to be written.
    DeadLetterWaits,
    /// Acknowledged or given up long ago: which it was is not kept any more.
    Finished,
}

/// One record and one group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub stage: Stage,
    /// Deliveries, the one that is going on included. `None`: not kept.
    pub deliveries: Option<u16>,
    /// Who has it.
    pub owner: Option<MemberId>,
    /// Milliseconds until its lease ends or its delay is over.
    pub left_ms: Option<i64>,
    /// When it was acknowledged or given up, and by whom, as far as that is kept.
    pub finished: Option<Finished>,
    /// Why it was given up, as the group's settings of now tell it.
    pub why: Option<Why>,
}

impl Standing {
    fn plain(stage: Stage, deliveries: Option<u16>) -> Self {
        Self { stage, deliveries, owner: None, left_ms: None, finished: None, why: None }
    }
}

impl Share {
    /// How the record at an offset stands. `None`: the group has not begun with the partition.
    pub fn standing(&self, now: Now, at: At, offset: Offset) -> Option<Standing> {
        let partition = self.partitions.get(&at)?;
        let end = partition.ends.of(offset);
        let Some((_, _, cell)) = partition.runs.pieces(offset, offset).next() else {
            let long_ago = Standing::plain(Stage::Finished, None);
            return Some(end.map_or(long_ago, |end| self.done(end.stand, end.failures, Some(end))));
        };
        let failures = cell.failures;
        Some(match cell.stand {
            Stand::Available => Standing::plain(Stage::Waiting, Some(failures)),
            Stand::Accepted | Stand::Archived => self.done(cell.stand, Some(failures), end),
            Stand::Condemned => {
                let note = partition.notes.get(&offset);
                let finished = note.map(|note| Finished::at(note.when, &note.by));
                Standing { finished, why: Some(self.why(failures)), ..Standing::plain(Stage::DeadLetterWaits, Some(failures)) }
            }
            Stand::Held | Stand::Delayed => {
                let live = self.grants.get(&cell.grant);
                let owner = live.and_then(|live| live.grant.owner.clone());
                let left_ms = live.map(|live| (live.grant.until - now.mono).max(0));
                let (stage, deliveries) = match cell.stand {
                    Stand::Held => (Stage::Leased, failures.saturating_add(1)),
                    _ => (Stage::Delayed, failures),
                };
                Standing { owner, left_ms, ..Standing::plain(stage, Some(deliveries)) }
            }
        })
    }

    fn done(&self, stand: Stand, failures: Option<u16>, end: Option<&End>) -> Standing {
        let finished = end.map(|end| end.finished.clone());
        match stand {
            Stand::Accepted => {
                let deliveries = failures.map(|failures| failures.saturating_add(1));
                Standing { finished, ..Standing::plain(Stage::Acknowledged, deliveries) }
            }
            // Nobody gave it up where no delivery failed with it: a marker, or what compaction took.
            _ => {
                let why = failures.filter(|_| end.is_some_and(|end| end.failed)).map(|failures| self.why(failures));
                Standing { finished, why, ..Standing::plain(Stage::GivenUp, failures) }
            }
        }
    }

    /// Why a record was given up after so many failed deliveries.
    pub(super) fn why(&self, failures: u16) -> Why {
        if failures >= self.rules.deliveries { Why::Deliveries } else { Why::Rejected }
    }
}
