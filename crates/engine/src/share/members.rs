//! Who is a member of a share group, and which partitions each one reads. Kept in memory only: after a restart members are
//! told that they are unknown, and join again as they would with any broker.

use std::{collections::BTreeMap, sync::Arc};

use super::{Beat, Beaten, Fact, NEVER, Refusal, Reply, Share, Soft};
use crate::{
    group::MemberId,
    ids::TopicId,
    machine::{Decision, Now},
};

/// What a member is given to read.
pub(super) type Assignment = BTreeMap<TopicId, Vec<i32>>;

/// Topics by name, with id and number of partitions.
type Topics = BTreeMap<Arc<str>, (TopicId, u32)>;

const JOIN: i32 = 0;
const LEAVE: i32 = -1;

/// The members at one moment. Opaque outside of the group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roster {
    pub(super) epoch: i32,
    pub(super) members: BTreeMap<MemberId, Member>,
    pub(super) topics: Topics,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    pub(super) rack: Option<Arc<str>>,
    pub(super) client_id: Arc<str>,
    pub(super) client_host: Arc<str>,
    pub(super) subscribed: Vec<Arc<str>>,
    pub(super) epoch: i32,
    /// The answer that told the present one may have been lost.
    pub(super) previous: i32,
    pub(super) assignment: Assignment,
    /// In `Now::mono`.
    pub(super) until: i64,
}

impl Roster {
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn earliest(&self) -> i64 {
        self.members.values().map(|m| m.until).min().unwrap_or(NEVER)
    }

    pub(super) fn seen(&mut self, member: &MemberId, until: i64) {
        if let Some(member) = self.members.get_mut(member) {
            member.until = until;
        }
    }

    /// The roster without those that were silent for too long; `None` if nobody was.
    pub(super) fn without_silent(&self, now: i64) -> Option<Arc<Self>> {
        let mut roster = self.clone();
        roster.members.retain(|_, m| m.until > now);
        (roster.members.len() < self.members.len()).then(|| {
            roster.reassign();
            Arc::new(roster)
        })
    }

    fn without(&self, member: &MemberId) -> Self {
        let mut roster = self.clone();
        roster.members.remove(member);
        roster.reassign();
        roster
    }

    /// A new epoch: every partition has somebody who reads it, and every member has something to read, as far as it goes.
    fn reassign(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.members.values_mut().for_each(|m| m.assignment.clear());
        for (name, (topic, partitions)) in &self.topics {
            let mut readers: Vec<&mut Member> =
                self.members.values_mut().filter(|m| m.subscribed.binary_search(name).is_ok()).collect();
            let (members, partitions) = (readers.len(), *partitions as usize);
            if members == 0 || partitions == 0 {
                continue;
            }
            for turn in 0..members.max(partitions) {
                let partition = (turn % partitions) as i32;
                let list = readers[turn % members].assignment.entry(*topic).or_default();
                if !list.contains(&partition) {
                    list.push(partition);
                }
            }
        }
    }
}

impl Share {
    /// Topics that anybody in the group reads, or will when this beat is judged: the caller finds out which exist.
    pub fn reads(&self) -> impl Iterator<Item = &Arc<str>> {
        self.roster.members.values().flat_map(|m| m.subscribed.iter())
    }

    pub(super) fn beat(&self, now: Now, beat: Beat) -> Result<Decision<Fact, Reply>, Refusal> {
        match beat.epoch {
            LEAVE => self.leave(&beat.member),
            JOIN => self.join(now, beat),
            _ => self.stay(now, beat),
        }
    }

    fn leave(&self, member: &MemberId) -> Result<Decision<Fact, Reply>, Refusal> {
        if !self.roster.members.contains_key(member) {
            return Err(Refusal::UnknownMember(member.clone()));
        }
        let seated = Fact::Soft(Soft::Seated(Arc::new(self.roster.without(member))));
        let beaten = Beaten { epoch: LEAVE, heartbeat_ms: self.rules.heartbeat_ms, assignment: None };
        Ok(Decision::new(vec![seated], Reply::Beaten(beaten)))
    }

    fn join(&self, now: Now, beat: Beat) -> Result<Decision<Fact, Reply>, Refusal> {
        if beat.subscribed.as_ref().is_none_or(Vec::is_empty) {
            return Err(Refusal::Invalid("SubscribedTopicNames must be set in first request."));
        }
        let known = self.roster.members.contains_key(&beat.member);
        if !known && self.roster.members.len() >= self.rules.members_max {
            return Err(Refusal::Full { max: self.rules.members_max });
        }
        Ok(self.seat(now, beat, true))
    }

    fn stay(&self, now: Now, beat: Beat) -> Result<Decision<Fact, Reply>, Refusal> {
        let unknown = || Refusal::UnknownMember(beat.member.clone());
        let member = self.roster.members.get(&beat.member).ok_or_else(unknown)?;
        if beat.epoch != member.epoch && beat.epoch != member.previous {
            return Err(Refusal::Fenced { got: beat.epoch, had: member.epoch });
        }
        if beat.subscribed.as_ref().is_some_and(Vec::is_empty) {
            return Err(Refusal::Invalid("SubscribedTopicNames must not be empty."));
        }
        let news = beat.subscribed.as_ref().is_some_and(|names| sorted(names) != member.subscribed)
            || beat.topics != self.roster.topics
            || member.epoch != self.roster.epoch;
        if news {
            return Ok(self.seat(now, beat, false));
        }
        let seen = Soft::Seen { member: beat.member, until: now.mono.saturating_add(self.rules.session_ms) };
        let assignment = (beat.epoch != member.epoch).then(|| member.assignment.clone());
        let beaten = Beaten { epoch: member.epoch, heartbeat_ms: self.rules.heartbeat_ms, assignment };
        Ok(Decision::new(vec![Fact::Soft(seen)], Reply::Beaten(beaten)))
    }

    /// The roster with what this beat changes, and what the member is told of it.
    fn seat(&self, now: Now, beat: Beat, joins: bool) -> Decision<Fact, Reply> {
        let mut roster = Roster::clone(&self.roster);
        let before = roster.members.remove(&beat.member);
        let subscribed = match (&beat.subscribed, &before) {
            (Some(names), _) => sorted(names),
            (None, Some(before)) => before.subscribed.clone(),
            (None, None) => Vec::new(),
        };
        let again = before.as_ref().is_some_and(|m| m.subscribed == subscribed) && beat.topics == roster.topics;
        let (epoch, assignment) = before.map_or((JOIN, Assignment::new()), |m| (m.epoch, m.assignment));
        let member = Member {
            rack: beat.rack,
            client_id: beat.client_id,
            client_host: beat.client_host,
            subscribed,
            epoch,
            previous: epoch,
            assignment,
            until: now.mono.saturating_add(self.rules.session_ms),
        };
        roster.topics = beat.topics;
        roster.members.insert(beat.member.clone(), member);
        if !again {
            roster.reassign();
        }
        let now_at = roster.epoch;
        let told = roster.members.get_mut(&beat.member).map(|member| {
            member.previous = if joins { now_at } else { member.epoch };
            member.epoch = now_at;
            member.assignment.clone()
        });
        let beaten = Beaten { epoch: now_at, heartbeat_ms: self.rules.heartbeat_ms, assignment: told };
        Decision::new(vec![Fact::Soft(Soft::Seated(Arc::new(roster)))], Reply::Beaten(beaten))
    }
}

fn sorted(names: &[Arc<str>]) -> Vec<Arc<str>> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names
}
