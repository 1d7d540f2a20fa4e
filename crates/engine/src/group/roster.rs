//! The roster: members, newcomers who were only told their id, and the phase that they are in together. A value; it
//! changes by being replaced (see [`super::draft`]) or by the three signs of life at the end. It judges nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Blob, Joiner, MemberId, Refusal, Ticket,
    fact::{GenerationSettled, GroupEmptied, SettledMember},
    subscription,
};

/// A moment that never comes.
pub(super) const NEVER: i64 = i64::MAX;

/// Opaque outside of the group: what [`super::Soft::Seated`] carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster {
    /// Set by the first member; stays when the last one goes.
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) generation: i32,
    pub(super) members: BTreeMap<MemberId, Arc<Member>>,
    /// `group.instance.id` to member.
    pub(super) instances: BTreeMap<Arc<str>, MemberId>,
    /// Those who were told an id and have not come back yet, and until when they may.
    pub(super) pending: BTreeMap<MemberId, i64>,
    pub(super) phase: Phase,
    /// What the members of the last generation read; `None` when their metadata does not say.
    pub(super) subscribed: Option<Arc<BTreeSet<String>>>,
    /// Read back from facts: sessions have to be counted from now.
    pub(super) restored: bool,
    /// No deadline lies before this. Signs of life only move deadlines away, so it stays true without being kept exact.
    pub(super) look: Option<i64>,
}

/// The phase, each with what only it knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Empty {
        /// Wall-clock milliseconds.
        since: i64,
    },
    Preparing {
        /// When those who have not joined are dropped.
        until: i64,
        /// The last generation's leader stays leader if it joins.
        leader: Option<MemberId>,
        /// While a group that was empty waits for more than its first member.
        company: Option<Company>,
    },
    Completing(Round),
    Stable(Round),
    Dead,
}

/// Waiting for company, in steps of `group.initial.rebalance.delay.ms` while newcomers keep coming.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Company {
    /// What is left of the rebalance timeout after this step.
    pub(super) left_ms: i64,
    /// Somebody came during this step.
    pub(super) came: bool,
}

/// One generation's agreement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Round {
    pub(super) protocol: Arc<str>,
    pub(super) leader: MemberId,
    /// Members that have not asked for their assignment yet.
    pub(super) unsynced: BTreeSet<MemberId>,
    /// When those are dropped.
    pub(super) until: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) instance: Option<Arc<str>>,
    pub(super) client_id: Arc<str>,
    pub(super) client_host: Arc<str>,
    pub(super) session_ms: i32,
    pub(super) rebalance_ms: i32,
    pub(super) protocols: Arc<[(Arc<str>, Blob)]>,
    pub(super) assignment: Blob,
    /// The session's end, or [`NEVER`] while it waits for an answer of ours.
    pub(super) until: i64,
    pub(super) waits: Waits,
}

/// What a member waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waits {
    Nothing,
    Join(Ticket),
    Sync(Ticket),
}

impl Member {
    pub(super) fn awaits_join(&self) -> bool {
        matches!(self.waits, Waits::Join(_))
    }

    pub(super) fn offers(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| **name == *protocol)
    }

    pub(super) fn metadata(&self, protocol: &str) -> Blob {
        let found = self.protocols.iter().find(|(name, _)| **name == *protocol);
        found.map_or_else(|| Blob::from([]), |(_, metadata)| Arc::clone(metadata))
    }

    /// What it costs to remember it.
    pub(super) fn bytes(&self) -> usize {
        let protocols: usize = self.protocols.iter().map(|(name, metadata)| name.len() + metadata.len() + 16).sum();
        protocols + self.assignment.len() + self.id.as_str().len() + self.client_id.len() + self.client_host.len() + 64
    }

    fn settled(m: &SettledMember) -> Self {
        Self {
            id: m.id.clone(),
            instance: m.instance.clone(),
            client_id: Arc::clone(&m.client_id),
            client_host: Arc::clone(&m.client_host),
            session_ms: m.session_ms,
            rebalance_ms: m.rebalance_ms,
            protocols: Arc::clone(&m.protocols),
            assignment: Arc::clone(&m.assignment),
            until: NEVER,
            waits: Waits::Nothing,
        }
    }

    pub(super) fn settle(&self) -> SettledMember {
        SettledMember {
            id: self.id.clone(),
            instance: self.instance.clone(),
            client_id: Arc::clone(&self.client_id),
            client_host: Arc::clone(&self.client_host),
            session_ms: self.session_ms,
            rebalance_ms: self.rebalance_ms,
            protocols: Arc::clone(&self.protocols),
            assignment: Arc::clone(&self.assignment),
        }
    }
}

impl Roster {
    pub(super) fn empty(since: i64) -> Self {
        Self {
            protocol_type: None,
            generation: 0,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: BTreeMap::new(),
            phase: Phase::Empty { since },
            subscribed: Some(Arc::default()),
            restored: false,
            // Whoever made it may go on with facts from a log: time has to be looked at once.
            look: Some(i64::MIN),
        }
    }

    pub(super) fn dead() -> Self {
        Self { phase: Phase::Dead, look: None, ..Self::empty(0) }
    }

    /// As facts left it: sessions begin when time is first looked at.
    pub(super) fn settled(fact: &GenerationSettled) -> Self {
        let members: BTreeMap<_, _> = fact.members.iter().map(|m| (m.id.clone(), Arc::new(Member::settled(m)))).collect();
        let instances = fact.members.iter().filter_map(|m| Some((m.instance.clone()?, m.id.clone()))).collect();
        let round =
            Round { protocol: Arc::clone(&fact.protocol), leader: fact.leader.clone(), unsynced: BTreeSet::new(), until: NEVER };
        let subscribed = subscription::topics(&fact.protocol_type, members.values().map(|m| m.metadata(&fact.protocol)));
        Self {
            protocol_type: Some(Arc::clone(&fact.protocol_type)),
            generation: fact.generation,
            members,
            instances,
            phase: Phase::Stable(round),
            subscribed,
            restored: true,
            ..Self::empty(0)
        }
    }

    pub(super) fn emptied(fact: &GroupEmptied) -> Self {
        Self { protocol_type: fact.protocol_type.clone(), generation: fact.generation, restored: true, ..Self::empty(fact.at) }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.phase == Phase::Dead
    }

    /// Neither members nor newcomers.
    pub(super) fn is_vacant(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    pub(super) fn round(&self) -> Option<&Round> {
        match &self.phase {
            Phase::Completing(round) | Phase::Stable(round) => Some(round),
            _ => None,
        }
    }

    /// The patience of the most patient member.
    pub(super) fn rebalance_ms(&self) -> i64 {
        self.members.values().map(|m| i64::from(m.rebalance_ms)).max().unwrap_or(0).max(0)
    }

    pub(super) fn awaiting_join(&self) -> usize {
        self.members.values().filter(|m| m.awaits_join()).count()
    }

    /// Whether a member that offers these could work with everybody here.
    pub(super) fn understands(&self, protocol_type: &str, protocols: &[(Arc<str>, Blob)]) -> bool {
        if matches!(self.phase, Phase::Empty { .. } | Phase::Dead) || self.members.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type) && protocols.iter().any(|(name, _)| self.all_offer(name))
    }

    fn all_offer(&self, protocol: &str) -> bool {
        self.members.values().all(|m| m.offers(protocol))
    }

    /// What the members agree upon: each votes for the first of its own that all offer; the leader's order breaks ties.
    pub(super) fn elected_protocol(&self, leader: &MemberId) -> Option<Arc<str>> {
        let order = &self.members.get(leader)?.protocols;
        let candidates: Vec<&Arc<str>> = order.iter().map(|(name, _)| name).filter(|name| self.all_offer(name)).collect();
        let favourite = |m: &Arc<Member>| m.protocols.iter().map(|(name, _)| name).find(|n| candidates.contains(n)).cloned();
        let mut votes: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for name in self.members.values().filter_map(favourite) {
            *votes.entry(name).or_default() += 1;
        }
        let most = votes.values().copied().max()?;
        candidates.into_iter().find(|name| votes.get(*name) == Some(&most)).cloned()
    }

    /// Everybody, as the leader of `protocol` sees them.
    pub(super) fn joiners(&self, protocol: &str) -> Vec<Joiner> {
        let joiner =
            |m: &Arc<Member>| Joiner { member: m.id.clone(), instance: m.instance.clone(), metadata: m.metadata(protocol) };
        self.members.values().map(joiner).collect()
    }

    /// Whether `member`, said to be `instance`, is who it says.
    pub(super) fn check(&self, member: &MemberId, instance: Option<&Arc<str>>) -> Result<&Arc<Member>, Refusal> {
        let unknown = || Refusal::UnknownMember(member.clone());
        if let Some(instance) = instance {
            let now = self.instances.get(instance).ok_or_else(unknown)?;
            if now != member {
                return Err(Refusal::FencedInstance { instance: Arc::clone(instance), now: now.clone() });
            }
        }
        self.members.get(member).ok_or_else(unknown)
    }

    pub(super) fn member_mut(&mut self, id: &MemberId) -> Option<&mut Member> {
        self.members.get_mut(id).map(Arc::make_mut)
    }

    /// The next moment at which a member, a newcomer or the phase wants a say.
    pub(super) fn earliest(&self) -> i64 {
        let phase = match &self.phase {
            Phase::Preparing { until, .. } => *until,
            Phase::Completing(round) | Phase::Stable(round) if !round.unsynced.is_empty() => round.until,
            _ => NEVER,
        };
        let members = self.members.values().map(|m| m.until);
        members.chain(self.pending.values().copied()).fold(phase, i64::min)
    }

    /// After a restart sessions are counted from the first moment that anybody looks.
    pub(super) fn begin_sessions(&mut self, now_mono: i64) {
        if std::mem::take(&mut self.restored) {
            for member in self.members.values_mut().map(Arc::make_mut) {
                member.until = now_mono.saturating_add(i64::from(member.session_ms));
            }
        }
    }

    pub(super) fn seen(&mut self, member: &MemberId, until: i64) {
        if let Some(m) = self.member_mut(member)
            && m.waits == Waits::Nothing
        {
            m.until = until;
        }
    }

    /// Gives back the ticket that waited before, if one did.
    pub(super) fn awaits_sync(&mut self, member: &MemberId, ticket: Ticket) -> Option<Ticket> {
        self.synced(member);
        let m = self.member_mut(member)?;
        m.until = NEVER;
        match std::mem::replace(&mut m.waits, Waits::Sync(ticket)) {
            Waits::Join(old) | Waits::Sync(old) => Some(old),
            Waits::Nothing => None,
        }
    }

    pub(super) fn took_assignment(&mut self, member: &MemberId, until: i64) {
        self.synced(member);
        self.seen(member, until);
    }

    fn synced(&mut self, member: &MemberId) {
        if let Phase::Completing(round) | Phase::Stable(round) = &mut self.phase {
            round.unsynced.remove(member);
        }
    }
}
