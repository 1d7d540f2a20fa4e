//! What becomes true because time passed: locks run out, delays are over, members are silent.

use std::collections::BTreeMap;

use super::{At, Fact, Share, Soft, settle::Draft};
use crate::machine::Now;

/// Grants that are ended at once; the next look follows immediately.
const AT_ONCE: usize = 1_000;

impl Share {
    pub(super) fn expired(&self, now: Now) -> Vec<Fact> {
        let mut drafts: BTreeMap<(At, &str), Draft> = BTreeMap::new();
        for (_, grant) in self.due.iter().take_while(|(until, _)| *until <= now.mono).take(AT_ONCE) {
            let Some(live) = self.grants.get(grant) else { continue };
            let owner = live.grant.owner.as_ref().map_or("", |owner| owner.as_str());
            // Without an owner it was a delay, and its failure is counted already.
            self.free(*grant, live.grant.owner.is_some(), drafts.entry((live.grant.at, owner)).or_default());
        }
        let (why, mut next) = (Some("the lock ran out"), self.fresh_grant());
        let mut facts: Vec<Fact> =
            drafts.into_iter().flat_map(|((at, by), draft)| self.ended(now, at, draft, (by, why), &mut next)).collect();
        if facts.is_empty() && self.look <= now.mono {
            facts.extend(self.silent(now));
        }
        facts
    }

    /// Members that gave no sign of life. What they hold is free when its lock runs out.
    fn silent(&self, now: Now) -> Vec<Fact> {
        match self.roster.without_silent(now.mono) {
            Some(roster) => vec![Fact::Soft(Soft::Seated(roster))],
            None => vec![Fact::Soft(Soft::Look(self.roster.earliest()))],
        }
    }
}
