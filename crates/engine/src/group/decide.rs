//! What a group answers to each command. Changes of the roster are worked out in [`super::draft`]; here stand the rules
//! of admission, in Kafka's order, since clients act on the first error they meet.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Answer, Commit, CommitPosition, Fact, Group, Heartbeat, Join, Leaver, MemberId, NamedPartition, Refusal, Reply, Soft, Sync,
    Synced,
    draft::{self, Draft},
    fact::{Forgetting, GroupDeleted, PartitionPosition, PositionsCommitted, PositionsForgotten, TopicNamed},
    roster::{Member, Phase, Waits},
    subscription::CONSUMER,
};
use crate::{
    ids::TopicId,
    limits,
    machine::{Decision, Now},
};

type Decided = Result<Decision<Fact, Reply>, Refusal>;

// ---- joining ------------------------------------------------------------------------------------

impl Group {
    pub(super) fn join(&self, now: Now, join: Join) -> Decided {
        self.may_have_members()?;
        let (min, max) = (self.rules.session_min_ms, self.rules.session_max_ms);
        if !(min..=max).contains(&i64::from(join.session_ms)) {
            return Err(Refusal::SessionTimeout { asked: join.session_ms, min, max });
        }
        if !self.has_room(join.member.as_ref()) {
            return Ok(self.turned_away(now, join.member.as_ref()));
        }
        self.within_bytes(&join)?;
        if !self.roster.understands(&join.protocol_type, &join.protocols) {
            return Err(Refusal::InconsistentProtocol);
        }
        match join.member.clone() {
            None => Ok(self.join_unnamed(now, join)),
            Some(id) if self.roster.pending.contains_key(&id) => Ok(self.admit(now, id, join)),
            Some(id) => self.join_again(now, &id, join),
        }
    }

    /// While gathering only those who have joined count: the silent ones may be about to go.
    fn has_room(&self, member: Option<&MemberId>) -> bool {
        let (roster, max) = (&self.roster, self.rules.members_max);
        let known = member.and_then(|id| roster.members.get(id));
        match roster.phase {
            Phase::Empty { .. } | Phase::Dead => true,
            Phase::Preparing { .. } => known.is_some_and(|m| m.awaits_join()) || roster.awaiting_join() < max,
            Phase::Completing(_) | Phase::Stable(_) => known.is_some() || roster.members.len() < max,
        }
    }

    fn turned_away(&self, now: Now, member: Option<&MemberId>) -> Decision<Fact, Reply> {
        let full = Reply::Refused(Refusal::Full { max: self.rules.members_max });
        let Some(id) = member.filter(|id| self.roster.members.contains_key(*id) || self.roster.pending.contains_key(*id)) else {
            return Decision::reply(full);
        };
        let mut draft = Draft::of(self, now);
        draft.roster.pending.remove(id);
        draft.remove(id);
        draft.rebalance();
        Decision::new(draft.into_facts(), full)
    }

    /// The members of a group are one entry of the log.
    fn within_bytes(&self, join: &Join) -> Result<(), Refusal> {
        let asked: usize = join.protocols.iter().map(|(name, metadata)| name.len() + metadata.len()).sum::<usize>()
            + join.client_id.len()
            + join.client_host.len()
            + join.instance.as_ref().map_or(0, |i| i.len());
        let others = self.roster.members.values().filter(|m| Some(&m.id) != join.member.as_ref());
        let len = others.map(|m| m.bytes()).sum::<usize>() + asked;
        let names = [&join.client_id, &join.client_host].into_iter().chain(&join.instance);
        let long = names.map(|n| n.len()).max().unwrap_or(0) > limits::GROUP_NAME_BYTES_MAX;
        if len > limits::GROUP_BYTES_MAX || long || join.protocols.len() > limits::MEMBER_PROTOCOLS_MAX {
            return Err(Refusal::TooLarge { len, max: limits::GROUP_BYTES_MAX });
        }
        Ok(())
    }

    /// Without an id. A client that can is told one first, so that a request sent twice does not leave a ghost behind.
    fn join_unnamed(&self, now: Now, join: Join) -> Decision<Fact, Reply> {
        let owner = join.instance.as_ref().unwrap_or(&join.client_id);
        let id = MemberId::from(&*format!("{owner}-{}", join.fresh));
        let Some(instance) = join.instance.clone() else {
            if !join.two_steps {
                return self.admit(now, id, join);
            }
            let mut draft = Draft::of(self, now);
            draft.roster.pending.insert(id.clone(), now.mono.saturating_add(i64::from(join.session_ms)));
            return Decision::new(draft.into_facts(), Reply::ComeAgain(id));
        };
        match self.roster.instances.get(&instance).cloned() {
            None => self.admit(now, id, join),
            Some(old) => self.replace(now, &old, &id, &instance, join),
        }
    }

    fn admit(&self, now: Now, id: MemberId, join: Join) -> Decision<Fact, Reply> {
        let mut draft = Draft::of(self, now);
        draft.add(id, join);
        draft.rebalance();
        Decision::new(draft.into_facts(), Reply::Wait)
    }

    /// A restarted instance. While the group is stable and would agree on the same protocol, nobody else notices.
    fn replace(&self, now: Now, old: &MemberId, new: &MemberId, instance: &Arc<str>, join: Join) -> Decision<Fact, Reply> {
        let skips = join.skips_assignment;
        let mut draft = Draft::of(self, now);
        draft.replace(old, new, instance, join);
        let same = |round: &super::roster::Round| draft.roster.elected_protocol(&round.leader).as_ref() == Some(&round.protocol);
        let undisturbed = matches!(&draft.roster.phase, Phase::Stable(round) if same(round));
        if !undisturbed {
            draft.rebalance();
            return Decision::new(draft.into_facts(), Reply::Wait);
        }
        let leads = draft.roster.round().is_some_and(|round| round.leader == *new);
        let mut joined = draft.joined(new, leads && skips);
        if let Some(joined) = &mut joined {
            joined.skip_assignment = leads && skips;
            if leads && !skips {
                // It would assign the work anew, and nobody else would ask for it: let it believe that it follows (KIP-814).
                joined.leader = old.clone();
            }
        }
        if let Some(member) = draft.roster.member_mut(new) {
            (member.waits, member.until) = (Waits::Nothing, now.mono.saturating_add(i64::from(member.session_ms)));
        }
        draft.remember();
        let reply = joined.map_or(Reply::Wait, |joined| Reply::Now(Answer::Joined(joined)));
        Decision::new(draft.into_facts(), reply)
    }

    fn join_again(&self, now: Now, id: &MemberId, join: Join) -> Decided {
        let member = self.roster.check(id, join.instance.as_ref())?;
        let unchanged = *member.protocols == *join.protocols;
        let current = |tell| draft::joined(&self.roster, id, tell).map(|j| Decision::reply(Reply::Now(Answer::Joined(j))));
        let at_once = match &self.roster.phase {
            Phase::Empty { .. } | Phase::Dead => return Err(Refusal::UnknownMember(id.clone())),
            Phase::Preparing { .. } => None,
            // It missed the answer.
            Phase::Completing(round) if unchanged => current(round.leader == *id),
            Phase::Completing(_) => None,
            // A leader that joins again wants the work assigned anew: it saw partitions or topics change.
            Phase::Stable(round) if unchanged && round.leader != *id => current(false),
            Phase::Stable(_) => None,
        };
        Ok(at_once.unwrap_or_else(|| {
            let mut draft = Draft::of(self, now);
            draft.rejoin(id, join);
            draft.rebalance();
            Decision::new(draft.into_facts(), Reply::Wait)
        }))
    }
}

// ---- members ------------------------------------------------------------------------------------

impl Group {
    /// Members need a group that is there and has a name.
    fn may_have_members(&self) -> Result<(), Refusal> {
        match self.roster.phase {
            _ if self.id.as_str().is_empty() => Err(Refusal::NamelessGroup),
            Phase::Dead => Err(Refusal::Dead),
            _ => Ok(()),
        }
    }

    /// The member that says so, if the generation is the one it knows.
    fn member(&self, id: &MemberId, instance: Option<&Arc<str>>, generation: i32) -> Result<&Arc<Member>, Refusal> {
        let member = self.roster.check(id, instance)?;
        match self.roster.generation {
            now if now != generation => Err(Refusal::IllegalGeneration { asked: generation, now }),
            _ => Ok(member),
        }
    }

    fn session_end(&self, now: Now, member: &Member) -> i64 {
        now.mono.saturating_add(i64::from(member.session_ms))
    }

    fn seen(&self, now: Now, member: &Member) -> Fact {
        Fact::Soft(Soft::Seen { member: member.id.clone(), until: self.session_end(now, member) })
    }

    pub(super) fn sync(&self, now: Now, sync: Sync) -> Decided {
        self.may_have_members()?;
        let member = self.member(&sync.member, sync.instance.as_ref(), sync.generation)?;
        let round = match &self.roster.phase {
            Phase::Empty { .. } | Phase::Dead => return Err(Refusal::UnknownMember(sync.member)),
            Phase::Preparing { .. } => return Err(Refusal::Rebalancing),
            Phase::Completing(round) | Phase::Stable(round) => round,
        };
        let agreed = (&self.roster.protocol_type, &round.protocol);
        if sync.protocol_type.as_ref().is_some_and(|t| Some(t) != agreed.0.as_ref())
            || sync.protocol.as_ref().is_some_and(|p| p != agreed.1)
        {
            return Err(Refusal::InconsistentProtocol);
        }
        if matches!(self.roster.phase, Phase::Stable(_)) {
            let protocol_type = self.roster.protocol_type.clone().unwrap_or_else(|| "".into());
            let synced =
                Synced { protocol_type, protocol: Arc::clone(&round.protocol), assignment: Arc::clone(&member.assignment) };
            let took = Soft::TookAssignment { member: member.id.clone(), until: self.session_end(now, member) };
            return Ok(Decision::new(vec![Fact::Soft(took)], Reply::Now(Answer::Synced(synced))));
        }
        let waits = Soft::AwaitsSync { member: sync.member.clone(), ticket: sync.ticket };
        if round.leader != sync.member {
            return Ok(Decision::new(vec![Fact::Soft(waits)], Reply::Wait));
        }
        self.settle(now, sync)
    }

    fn settle(&self, now: Now, sync: Sync) -> Decided {
        let handed_out: usize = sync.assignments.iter().map(|(id, blob)| id.as_str().len() + blob.len()).sum();
        let len = self.roster.members.values().map(|m| m.bytes()).sum::<usize>() + handed_out;
        if len > limits::GROUP_BYTES_MAX {
            return Err(Refusal::TooLarge { len, max: limits::GROUP_BYTES_MAX });
        }
        let mut draft = Draft::of(self, now);
        let replaced = draft.roster.awaits_sync(&sync.member, sync.ticket);
        draft.settle(sync.assignments.into_iter().collect());
        let mut facts = draft.into_facts();
        if let (Some(old), Some(Fact::Soft(Soft::Seated { sends, .. }))) = (replaced, facts.last_mut()) {
            sends.push((old, Answer::Refused(Refusal::Rebalancing)));
        }
        Ok(Decision::new(facts, Reply::Wait))
    }

    pub(super) fn heartbeat(&self, now: Now, beat: Heartbeat) -> Decided {
        self.may_have_members()?;
        let member = self.member(&beat.member, beat.instance.as_ref(), beat.generation)?;
        let reply = match self.roster.phase {
            Phase::Empty { .. } | Phase::Dead => return Err(Refusal::UnknownMember(beat.member)),
            Phase::Preparing { .. } => Reply::Refused(Refusal::Rebalancing),
            Phase::Completing(_) | Phase::Stable(_) => Reply::Done,
        };
        Ok(Decision::new(vec![self.seen(now, member)], reply))
    }

    pub(super) fn leave(&self, now: Now, leavers: Vec<Leaver>) -> Decided {
        self.may_have_members()?;
        let mut draft = Draft::of(self, now);
        let mut outcomes = Vec::with_capacity(leavers.len());
        let mut changed = false;
        for leaver in leavers {
            let outcome = leaves(&mut draft, &leaver);
            changed |= outcome.is_ok();
            outcomes.push(outcome);
        }
        if !changed {
            return Ok(Decision::reply(Reply::Left(outcomes)));
        }
        draft.rebalance();
        Ok(Decision::new(draft.into_facts(), Reply::Left(outcomes)))
    }

    /// DeleteGroups.
    pub(super) fn delete(&self) -> Decided {
        match self.roster.phase {
            Phase::Dead => Err(Refusal::NotFound(self.id.clone())),
            // Made to be asked: whoever deletes a group that just went, or never was, is told so.
            Phase::Empty { .. } if self.is_blank() => Err(Refusal::NotFound(self.id.clone())),
            Phase::Empty { .. } => Ok(Decision::new(vec![Fact::Durable(GroupDeleted { asked: true }.into())], Reply::Done)),
            _ => Err(Refusal::NotEmpty),
        }
    }
}

fn leaves(draft: &mut Draft<'_>, leaver: &Leaver) -> Result<(), Refusal> {
    let nobody = || Refusal::UnknownMember(MemberId::from(""));
    let id = match (&leaver.member, &leaver.instance) {
        (Some(id), None) if draft.roster.pending.remove(id).is_some() => return Ok(()),
        (Some(id), instance) => draft.roster.check(id, instance.as_ref())?.id.clone(),
        (None, Some(instance)) => draft.roster.instances.get(instance).cloned().ok_or_else(nobody)?,
        (None, None) => return Err(nobody()),
    };
    draft.remove(&id);
    Ok(())
}

// ---- positions ----------------------------------------------------------------------------------

impl Group {
    pub(super) fn commit(&self, now: Now, commit: Commit) -> Decided {
        let committer = self.committer(&commit)?;
        let max = self.rules.metadata_bytes_max;
        let outcome = |p: &CommitPosition| match p.metadata.len() {
            len if len > max => Err(Refusal::MetadataTooLarge { len, max }),
            _ => Ok(()),
        };
        let outcomes: Vec<_> = commit.positions.iter().map(outcome).collect();
        let accepted = commit.positions.into_iter().zip(&outcomes).filter(|(_, o)| o.is_ok()).map(|(p, _)| p);
        let mut facts = self.positions_facts(now, commit.writer, accepted);
        // A commit is a sign of life.
        facts.extend(committer.map(|member| self.seen(now, member)));
        if self.rules.retention_ms.is_some() && self.roster.look.is_none() {
            facts.push(Fact::Soft(Soft::Look(Some(now.mono))));
        }
        Ok(Decision::new(facts, Reply::Positions(outcomes)))
    }

    /// The member that commits, or nobody: a consumer without a group, an administrator, while nobody is here.
    fn committer(&self, commit: &Commit) -> Result<Option<&Arc<Member>>, Refusal> {
        let nameless = MemberId::from("");
        let id = commit.member.as_ref().unwrap_or(&nameless);
        match &self.roster.phase {
            Phase::Empty { .. } if commit.generation < 0 => return Ok(None),
            Phase::Dead => return Err(Refusal::Dead),
            // A group that is not there yet has no generation at all.
            Phase::Empty { .. } if self.is_blank() => return Err(Refusal::NotFound(self.id.clone())),
            _ => {}
        }
        let member = self.member(id, commit.instance.as_ref(), commit.generation)?;
        if matches!(self.roster.phase, Phase::Completing(_)) {
            return Err(Refusal::Rebalancing);
        }
        Ok(Some(member))
    }

    /// What changes. A position that stands where it stood costs no write; when positions expire, one a minute keeps it young.
    fn positions_facts(&self, now: Now, writer: u32, accepted: impl Iterator<Item = CommitPosition>) -> Vec<Fact> {
        let mut named: BTreeMap<TopicId, TopicNamed> = BTreeMap::new();
        let mut topics: BTreeMap<TopicId, BTreeMap<i32, PartitionPosition>> = BTreeMap::new();
        for CommitPosition { at, offset, leader_epoch, metadata } in accepted {
            let stands = self.positions.get(at.topic, at.partition).is_some_and(|p| {
                let same = (p.offset, p.leader_epoch, &p.metadata) == (offset, leader_epoch, &metadata);
                same && (self.rules.retention_ms.is_none() || now.wall < p.at.saturating_add(REFRESH_MS))
            });
            if stands {
                continue;
            }
            if self.positions.topics.get(&at.topic).is_none_or(|t| t.name != at.name) {
                named.entry(at.topic).or_insert_with(|| TopicNamed { topic: at.topic, name: at.name });
            }
            // A partition given twice: the last one counts.
            let position = PartitionPosition { partition: at.partition, offset, leader_epoch, metadata };
            topics.entry(at.topic).or_default().insert(at.partition, position);
        }
        let topics = topics.into_iter().map(|(topic, positions)| (topic, positions.into_values().collect())).collect();
        let committed = PositionsCommitted { at: now.wall, writer, topics };
        let mut facts: Vec<Fact> = named.into_values().map(|n| Fact::Durable(n.into())).collect();
        if !committed.topics.is_empty() {
            facts.push(Fact::Durable(committed.into()));
        }
        facts
    }

    /// OffsetDelete (KIP-496). Consumers protect the topics they read; other kinds of members protect everything.
    pub(super) fn forget_positions(&self, now: Now, partitions: Vec<NamedPartition>) -> Decided {
        let consumers = self.roster.protocol_type.as_deref() == Some(CONSUMER);
        match self.roster.phase {
            Phase::Dead => return Err(Refusal::NotFound(self.id.clone())),
            Phase::Empty { .. } if self.is_blank() => return Err(Refusal::NotFound(self.id.clone())),
            Phase::Empty { .. } => {}
            _ if !consumers => return Err(Refusal::NotEmpty),
            _ => {}
        }
        let read = |p: &NamedPartition| match &self.roster.subscribed {
            Some(topics) => topics.contains(p.name.as_str()),
            None => consumers,
        };
        let outcome = |p: &NamedPartition| if read(p) { Err(Refusal::Subscribed(p.name.clone())) } else { Ok(()) };
        let outcomes: Vec<_> = partitions.iter().map(outcome).collect();
        let free = partitions.iter().zip(&outcomes).filter(|(_, o)| o.is_ok()).map(|(p, _)| (p.topic, p.partition));
        let facts = self.forgetting(now, Forgetting::Asked, free);
        Ok(Decision::new(facts, Reply::Positions(outcomes)))
    }

    pub(super) fn forget_topics(&self, now: Now, topics: &[TopicId]) -> Decision<Fact, Reply> {
        let kept = topics.iter().filter_map(|id| Some((*id, self.positions.topics.get(id)?)));
        let all = kept.flat_map(|(id, topic)| topic.partitions.keys().map(move |p| (id, *p)));
        Decision::new(self.forgetting(now, Forgetting::TopicGone, all), Reply::Done)
    }

    /// Only what is there. When nothing is left, the group itself may have to go.
    pub(super) fn forgetting(&self, now: Now, why: Forgetting, which: impl Iterator<Item = (TopicId, i32)>) -> Vec<Fact> {
        let mut topics: BTreeMap<TopicId, BTreeSet<i32>> = BTreeMap::new();
        for (topic, partition) in which.filter(|(t, p)| self.positions.get(*t, *p).is_some()) {
            topics.entry(topic).or_default().insert(partition);
        }
        if topics.is_empty() {
            return Vec::new();
        }
        let topics = topics.into_iter().map(|(topic, partitions)| (topic, partitions.into_iter().collect())).collect();
        let forgotten = PositionsForgotten { why, topics };
        let mut facts = vec![Fact::Durable(forgotten.into())];
        if self.roster.look.is_none() {
            facts.push(Fact::Soft(Soft::Look(Some(now.mono))));
        }
        facts
    }
}

/// Milliseconds for which a repeated commit does not count as young, when positions expire at all.
const REFRESH_MS: i64 = 60_000;
