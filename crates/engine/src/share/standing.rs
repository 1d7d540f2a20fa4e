//! How one record stands in a share group. A question; nothing changes.

use super::{At, Share, runs::Stand};
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
    /// Acknowledged or given up: everything before it is finished too, and which it was is not kept.
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
}

impl Share {
    /// How the record at an offset stands. `None`: the group has not begun with the partition.
    pub fn standing(&self, now: Now, at: At, offset: Offset) -> Option<Standing> {
        let partition = self.partitions.get(&at)?;
        let plain = |stage, deliveries| Standing { stage, deliveries, owner: None, left_ms: None };
        if offset < partition.runs.start() {
            return Some(plain(Stage::Finished, None));
        }
        let (_, _, cell) = partition.runs.pieces(offset, offset).next()?;
        let failures = cell.failures;
        Some(match cell.stand {
            Stand::Available => plain(Stage::Waiting, Some(failures)),
            Stand::Accepted => plain(Stage::Acknowledged, Some(failures.saturating_add(1))),
            Stand::Archived => plain(Stage::GivenUp, Some(failures)),
            Stand::Condemned => plain(Stage::DeadLetterWaits, Some(failures)),
            Stand::Held | Stand::Delayed => {
                let live = self.grants.get(&cell.grant);
                let owner = live.and_then(|live| live.grant.owner.clone());
                let left_ms = live.map(|live| (live.grant.until - now.mono).max(0));
                let (stage, deliveries) = match cell.stand {
                    Stand::Held => (Stage::Leased, failures.saturating_add(1)),
                    _ => (Stage::Delayed, failures),
                };
                Standing { stage, deliveries: Some(deliveries), owner, left_ms }
            }
        })
    }
}
