//! One step of the group, worked out on a copy: members come and go, phases follow each other, requests are answered.
//! The result is facts; the group itself does not change until they are applied. A copy costs two counters a member.
//!
//! The order of things is Kafka's: what rejoining, leaving, silence and late synchronisation cause, observed and documented
//! there; `docs/groups.md` names the script that plays each rule.

use std::sync::Arc;

use super::{
    Answer, Blob, Fact, Group, Join, Joined, MemberId, Refusal, Soft, Synced, Ticket,
    fact::{GenerationBegan, GenerationSettled, GroupEmptied, GroupFact},
    roster::{Company, Member, NEVER, Phase, Roster, Round, Waits},
    subscription,
};
use crate::{limits, machine::Now};

/// How long at least to wait for instances that are away before looking again; a member may ask for no patience at all.
const ABSENCE_MS: i64 = 1_000;

pub(super) struct Draft<'a> {
    pub(super) group: &'a Group,
    pub(super) now: Now,
    pub(super) roster: Roster,
    used: i32,
    facts: Vec<Fact>,
    sends: Vec<(Ticket, Answer)>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(group: &'a Group, now: Now) -> Self {
        let mut roster = (*group.roster).clone();
        roster.begin_sessions(now.mono);
        Self { group, now, roster, used: group.used, facts: Vec::new(), sends: Vec::new() }
    }

    pub(super) fn fact(&mut self, fact: impl Into<GroupFact>) {
        self.facts.push(Fact::Durable(fact.into()));
    }

    /// What became of it all.
    pub(super) fn into_facts(mut self) -> Vec<Fact> {
        self.roster.look = self.group.look_at(&self.roster, self.now);
        self.facts.push(Fact::Soft(Soft::Seated { roster: Arc::new(self.roster), sends: self.sends }));
        self.facts
    }

    fn send(&mut self, ticket: Ticket, answer: Answer) {
        self.sends.push((ticket, answer));
    }

    fn after(&self, ms: i64) -> i64 {
        self.now.mono.saturating_add(ms)
    }

    // ---- members come and go --------------------------------------------------------------------

    /// A newcomer, known under `id` from now on.
    pub(super) fn add(&mut self, id: MemberId, join: Join) {
        self.roster.pending.remove(&id);
        if self.roster.members.is_empty() {
            self.roster.protocol_type = Some(Arc::clone(&join.protocol_type));
        }
        if let Phase::Preparing { company: Some(company), .. } = &mut self.roster.phase {
            company.came = true;
        }
        if let Some(instance) = &join.instance {
            self.roster.instances.insert(Arc::clone(instance), id.clone());
        }
        let member = Member {
            id: id.clone(),
            instance: join.instance,
            client_id: join.client_id,
            client_host: join.client_host,
            session_ms: join.session_ms,
            rebalance_ms: join.rebalance_ms,
            protocols: join.protocols.into(),
            assignment: nothing(),
            // It has no id to send heartbeats with, and its connection may be gone without a trace.
            until: self.after(limits::NEW_MEMBER_JOIN_MS),
            waits: Waits::Join(join.ticket),
        };
        self.roster.members.insert(id, Arc::new(member));
    }

    /// A member joins again. An earlier request of it that still waits is told to.
    pub(super) fn rejoin(&mut self, id: &MemberId, join: Join) {
        let Some(member) = self.roster.member_mut(id) else { return };
        let before = std::mem::replace(&mut member.waits, Waits::Join(join.ticket));
        (member.session_ms, member.rebalance_ms) = (join.session_ms, join.rebalance_ms);
        (member.client_id, member.client_host) = (join.client_id, join.client_host);
        member.protocols = join.protocols.into();
        // One that was never answered keeps its first deadline; the others are not judged while they wait.
        if !matches!(before, Waits::Join(_)) {
            member.until = NEVER;
        }
        self.decline(before, Refusal::Rebalancing);
    }

    /// The same instance came as a new process: it takes the place of the old one, which is fenced (KIP-345).
    pub(super) fn replace(&mut self, old: &MemberId, new: &MemberId, instance: &Arc<str>, join: Join) {
        let Some(gone) = self.roster.members.remove(old) else { return };
        self.decline(gone.waits, Refusal::FencedInstance { instance: Arc::clone(instance), now: new.clone() });
        self.roster.instances.insert(Arc::clone(instance), new.clone());
        match &mut self.roster.phase {
            Phase::Completing(round) | Phase::Stable(round) => {
                if round.leader == *old {
                    round.leader = new.clone();
                }
                if round.unsynced.remove(old) {
                    round.unsynced.insert(new.clone());
                }
            }
            Phase::Preparing { leader: Some(leader), .. } if leader == old => *leader = new.clone(),
            _ => {}
        }
        let mut member = (*gone).clone();
        (member.id, member.waits) = (new.clone(), Waits::Nothing);
        self.roster.members.insert(new.clone(), Arc::new(member));
        self.rejoin(new, join);
    }

    /// It left, or was silent. A request of it that still waits learns that it is no member any more.
    pub(super) fn remove(&mut self, id: &MemberId) {
        let Some(gone) = self.roster.members.remove(id) else { return };
        self.decline(gone.waits, Refusal::UnknownMember(id.clone()));
        if let Some(instance) = &gone.instance
            && self.roster.instances.get(instance) == Some(id)
        {
            self.roster.instances.remove(instance);
        }
        if let Phase::Completing(round) | Phase::Stable(round) = &mut self.roster.phase {
            round.unsynced.remove(id);
        }
    }

    fn decline(&mut self, waits: Waits, refusal: Refusal) {
        if let Waits::Join(ticket) | Waits::Sync(ticket) = waits {
            self.send(ticket, Answer::Refused(refusal));
        }
    }

    // ---- phases ---------------------------------------------------------------------------------

    /// Somebody came, went or changed: gather everybody, or see whether everybody is here.
    pub(super) fn rebalance(&mut self) {
        match self.roster.phase {
            Phase::Dead => {}
            Phase::Empty { .. } => self.begin(),
            Phase::Completing(_) | Phase::Stable(_) => self.gather(),
            Phase::Preparing { .. } => self.proceed(),
        }
    }

    /// The first members of an empty group: with a delay, others may come in time for the same generation.
    fn begin(&mut self) {
        if self.roster.members.is_empty() {
            return;
        }
        let (step, patience) = (self.group.rules.company_ms, self.roster.rebalance_ms());
        let company = Company { left_ms: (patience - step).max(0), came: false };
        self.roster.phase = Phase::Preparing { until: self.after(step), leader: None, company: Some(company) };
        if step <= 0 {
            self.complete_gathering();
        }
    }

    fn gather(&mut self) {
        let leader = self.roster.round().map(|round| round.leader.clone());
        if matches!(self.roster.phase, Phase::Completing(_)) {
            self.take_assignments_back();
        }
        let until = self.after(self.roster.rebalance_ms());
        self.roster.phase = Phase::Preparing { until, leader, company: None };
        self.proceed();
    }

    /// Nothing handed out in this generation counts any more.
    fn take_assignments_back(&mut self) {
        let ids: Vec<MemberId> = self.roster.members.keys().cloned().collect();
        for id in ids {
            let now = self.now.mono;
            let Some(member) = self.roster.member_mut(&id) else { continue };
            member.assignment = nothing();
            if let Waits::Sync(ticket) = member.waits {
                member.waits = Waits::Nothing;
                member.until = now.saturating_add(i64::from(member.session_ms));
                self.send(ticket, Answer::Refused(Refusal::Rebalancing));
            }
        }
    }

    fn proceed(&mut self) {
        let all_here = self.roster.pending.is_empty() && self.roster.awaiting_join() == self.roster.members.len();
        if let Phase::Preparing { company: None, .. } = self.roster.phase
            && all_here
        {
            self.complete_gathering();
        }
    }

    /// The time for gathering is over, or a step of waiting for company is.
    pub(super) fn gathering_timed_out(&mut self) {
        let step = self.group.rules.company_ms;
        if let Phase::Preparing { until, company: Some(company), .. } = &mut self.roster.phase
            && company.came
            && company.left_ms > 0
        {
            let next = step.min(company.left_ms);
            *until = self.now.mono.saturating_add(next);
            *company = Company { left_ms: company.left_ms - next, came: false };
            return;
        }
        self.complete_gathering();
    }

    /// Those who joined make the next generation. Instances that are away keep their place until their session ends.
    fn complete_gathering(&mut self) {
        let absent = self.roster.members.values().filter(|m| !m.awaits_join() && m.instance.is_none());
        for id in absent.map(|m| m.id.clone()).collect::<Vec<_>>() {
            self.remove(&id);
        }
        if self.roster.members.is_empty() {
            return self.empty();
        }
        let Phase::Preparing { leader, .. } = &self.roster.phase else { return };
        let joined = |id: &MemberId| self.roster.members.get(id).is_some_and(|m| m.awaits_join());
        let leader = leader.clone().filter(joined).or_else(|| {
            let first = self.roster.members.values().find(|m| m.awaits_join());
            first.map(|m| m.id.clone())
        });
        match leader {
            Some(leader) => self.begin_generation(leader),
            // Only instances that are away are left. Wait until one comes back or their sessions end.
            None => {
                let until = self.after(self.roster.rebalance_ms().max(ABSENCE_MS));
                self.roster.phase = Phase::Preparing { until, leader: None, company: None };
            }
        }
    }

    fn next_generation(&mut self) -> i32 {
        // Kafka's numbers are positive; after the last one they begin again.
        self.used = self.used.max(self.roster.generation).checked_add(1).unwrap_or(1);
        self.roster.generation = self.used;
        self.used
    }

    fn empty(&mut self) {
        let generation = self.next_generation();
        let (at, protocol_type) = (self.now.wall, self.roster.protocol_type.clone());
        self.roster.phase = Phase::Empty { since: at };
        self.roster.subscribed = Some(Arc::default());
        self.fact(GroupEmptied { generation, at, protocol_type });
    }

    fn begin_generation(&mut self, leader: MemberId) {
        let Some(protocol) = self.roster.elected_protocol(&leader) else {
            unreachable!("every member was admitted only with a protocol that all others offer")
        };
        let generation = self.next_generation();
        self.fact(GenerationBegan { generation });
        let unsynced = self.roster.members.keys().cloned().collect();
        let until = self.after(self.roster.rebalance_ms());
        let metadata = self.roster.members.values().map(|m| m.metadata(&protocol));
        self.roster.subscribed = subscription::topics(self.roster.protocol_type.as_deref().unwrap_or_default(), metadata);
        self.roster.phase = Phase::Completing(Round { protocol, leader: leader.clone(), unsynced, until });
        for id in self.roster.members.keys().cloned().collect::<Vec<_>>() {
            let answer = self.joined(&id, id == leader);
            let now = self.now.mono;
            let Some(member) = self.roster.member_mut(&id) else { continue };
            member.until = now.saturating_add(i64::from(member.session_ms));
            if let Waits::Join(ticket) = std::mem::replace(&mut member.waits, Waits::Nothing)
                && let Some(joined) = answer
            {
                self.send(ticket, Answer::Joined(joined));
            }
        }
    }

    /// The current generation as `id` is told it.
    pub(super) fn joined(&self, id: &MemberId, tell_members: bool) -> Option<Joined> {
        joined(&self.roster, id, tell_members)
    }

    /// The leader has decided. Everybody who waits gets their part, and from here on a restart finds the group like this.
    pub(super) fn settle(&mut self, mut assignments: std::collections::BTreeMap<MemberId, Blob>) {
        let Phase::Completing(round) = &self.roster.phase else { return };
        let round = round.clone();
        let protocol_type = self.roster.protocol_type.clone().unwrap_or_else(|| "".into());
        self.roster.phase = Phase::Stable(round.clone());
        for id in self.roster.members.keys().cloned().collect::<Vec<_>>() {
            let now = self.now.mono;
            let Some(member) = self.roster.member_mut(&id) else { continue };
            member.assignment = assignments.remove(&id).unwrap_or_else(nothing);
            if let Waits::Sync(ticket) = member.waits {
                member.waits = Waits::Nothing;
                member.until = now.saturating_add(i64::from(member.session_ms));
                let (protocol_type, protocol) = (Arc::clone(&protocol_type), Arc::clone(&round.protocol));
                let assignment = Arc::clone(&member.assignment);
                self.send(ticket, Answer::Synced(Synced { protocol_type, protocol, assignment }));
            }
        }
        self.remember();
    }

    /// States the generation as it stands, so that a restart finds it.
    pub(super) fn remember(&mut self) {
        let Some(round) = self.roster.round() else { return };
        let settled = GenerationSettled {
            generation: self.roster.generation,
            at: self.now.wall,
            protocol_type: self.roster.protocol_type.clone().unwrap_or_else(|| "".into()),
            protocol: Arc::clone(&round.protocol),
            leader: round.leader.clone(),
            members: self.roster.members.values().map(|m| m.settle()).collect(),
        };
        self.fact(settled);
    }
}

/// The current generation of `roster` as `id` is told it. None while there is no agreement.
pub(super) fn joined(roster: &Roster, id: &MemberId, tell_members: bool) -> Option<Joined> {
    let round = roster.round()?;
    Some(Joined {
        member: id.clone(),
        generation: roster.generation,
        protocol_type: roster.protocol_type.clone()?,
        protocol: Arc::clone(&round.protocol),
        leader: round.leader.clone(),
        skip_assignment: false,
        members: if tell_members { roster.joiners(&round.protocol) } else { Vec::new() },
    })
}

fn nothing() -> Blob {
    Blob::from([])
}
