//! What becomes true of a group because time passed: sessions end, gathering is over, an assignment was never fetched,
//! positions nobody comes back for expire (only when asked to), and a group with nothing left to keep goes.

use super::{
    Fact, Group, MemberId, Position, Soft,
    draft::Draft,
    fact::{Forgetting, GroupDeleted},
    roster::{NEVER, Phase, Roster},
    subscription::CONSUMER,
};
use crate::{ids::TopicId, limits, machine::Now};

/// Deadlines of the wall clock are looked at again after this at the latest: that clock may jump.
const LOOK_AGAIN_MS: i64 = 60 * 60 * 1_000;

impl Group {
    pub(super) fn expired(&self, now: Now) -> Vec<Fact> {
        if self.roster.look.is_none_or(|at| at > now.mono) {
            return Vec::new();
        }
        let mut facts = self.forgetting(now, Forgetting::Expired, self.expired_positions(now).into_iter());
        if !facts.is_empty() {
            // What follows from it is seen by looking again at once.
            facts.push(Fact::Soft(Soft::Look(Some(now.mono))));
            return facts;
        }
        if self.nothing_to_keep(&self.roster).is_some_and(|at| at <= now.wall) {
            return vec![Fact::Durable(GroupDeleted { asked: false }.into())];
        }
        if !self.roster.restored && self.roster.earliest() > now.mono {
            return vec![Fact::Soft(Soft::Look(self.look_at(&self.roster, now)))];
        }
        let mut draft = Draft::of(self, now);
        draft.drop_silent();
        draft.end_phase();
        draft.into_facts()
    }

    /// When to look next, if `roster` is how things stand.
    pub(super) fn look_at(&self, roster: &Roster, now: Now) -> Option<i64> {
        let wall = [self.nothing_to_keep(roster), self.first_to_expire(roster)].into_iter().flatten().min();
        let by_wall = wall.map(|at| now.mono.saturating_add(at.saturating_sub(now.wall).clamp(0, LOOK_AGAIN_MS)));
        let look = by_wall.into_iter().fold(roster.earliest(), i64::min);
        (look != NEVER).then_some(look)
    }

    /// When a group without members and positions goes, in wall-clock time. One that never was anything is the node's to drop.
    fn nothing_to_keep(&self, roster: &Roster) -> Option<i64> {
        match roster.phase {
            Phase::Empty { since } if roster.is_vacant() && self.positions.is_empty() && self.used > 0 => {
                Some(since.saturating_add(limits::EMPTY_GROUP_MS))
            }
            _ => None,
        }
    }

    /// When the first position expires, in wall-clock time.
    fn first_to_expire(&self, roster: &Roster) -> Option<i64> {
        let retention = self.rules.retention_ms?;
        self.aging(roster).map(|(_, _, from)| from.saturating_add(retention)).min()
    }

    fn expired_positions(&self, now: Now) -> Vec<(TopicId, i32)> {
        let Some(retention) = self.rules.retention_ms else { return Vec::new() };
        let due = self.aging(&self.roster).filter(|(_, _, from)| from.saturating_add(retention) <= now.wall);
        due.map(|(topic, partition, _)| (topic, partition)).collect()
    }

    /// Positions that grow old, and since when. Kafka's rules: in a group that lost its members since it did; in one that
    /// never had any since the commit; in a stable one of consumers since the commit, for topics that nobody reads.
    fn aging<'a>(&'a self, roster: &'a Roster) -> impl Iterator<Item = (TopicId, i32, i64)> + 'a {
        let consumers = roster.protocol_type.as_deref() == Some(CONSUMER);
        self.positions.iter().filter_map(move |(topic, name, partition, position): (_, _, _, &Position)| {
            let from = match (&roster.phase, &roster.protocol_type, &roster.subscribed) {
                (Phase::Empty { .. }, None, _) => Some(position.at),
                // Committed by an administrator after it became empty: that counts, too.
                (Phase::Empty { since }, Some(_), _) => Some(position.at.max(*since)),
                (Phase::Stable(_), _, Some(read)) if consumers && !read.contains(name.as_str()) => Some(position.at),
                _ => None,
            };
            from.map(|from| (topic, partition, from))
        })
    }
}

impl Draft<'_> {
    /// Newcomers that never came back, and members that gave no sign of life for their session.
    fn drop_silent(&mut self) {
        let now = self.now.mono;
        let newcomers = self.roster.pending.len();
        self.roster.pending.retain(|_, until| *until > now);
        let silent: Vec<MemberId> = self.roster.members.values().filter(|m| m.until <= now).map(|m| m.id.clone()).collect();
        for id in &silent {
            self.remove(id);
        }
        if !silent.is_empty() || self.roster.pending.len() < newcomers {
            self.settle_absence(!silent.is_empty());
        }
    }

    /// A newcomer that stays away only matters to those who gather.
    fn settle_absence(&mut self, members_went: bool) {
        if members_went || matches!(self.roster.phase, Phase::Preparing { .. }) {
            self.rebalance();
        }
    }

    fn end_phase(&mut self) {
        let now = self.now.mono;
        match &self.roster.phase {
            Phase::Preparing { until, .. } if *until <= now => self.gathering_timed_out(),
            Phase::Completing(round) | Phase::Stable(round) if !round.unsynced.is_empty() && round.until <= now => {
                for id in round.unsynced.clone() {
                    self.remove(&id);
                }
                self.rebalance();
            }
            _ => {}
        }
    }
}
