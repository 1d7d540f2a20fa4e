//! A classic consumer group: who is a member, what each of them works on, and how far they have come.
//!
//! ```text
//!                      first member joins (waits for company while group.initial.rebalance.delay.ms)
//!        ┌─────────┐ ───────────────────────────────────────────▶ ┌───────────┐
//!   ●──▶ │  Empty  │                                              │ Preparing │ ◀─┐ the leader joins again, a member joins
//!        └─────────┘ ◀─────────────────────────────────────────── └───────────┘   │ with other metadata, joins anew, leaves,
//!             │        all are gone: the generation is used up        │    ▲      │ or is silent for its session
//!   DeleteGroups,                             all have joined, or the │    │      │
//!   nothing to keep                           rebalance timeout; the  │    │      │
//!   for ten minutes                           silent ones are dropped ▼    │      │
//!             ▼                                                   ┌────────────┐  │
//!        ┌─────────┐     a member never fetches its assignment    │ Completing │ ─┤
//!        │  Dead   │                                              └────────────┘  │
//!        └─────────┘                       the leader hands out assignments │     │
//!                                                                           ▼     │
//!                                                                      ┌────────┐ │
//!                                                                      │ Stable │ ┘
//!                                                                      └────────┘
//! ```
//!
//! What outlives a restart is stated as [`GroupFact`]s: used generation numbers, settled generations, positions. The rest
//! (sessions, who waits for what) is [`Soft`]: applied like every fact, never written, so heartbeats cost nothing.
//! Requests that wait are named by tickets; their answers come out of [`Group::take_sends`] after facts were applied.
//!
//! Must not know: connections, protocol versions, topics beyond their ids and names.

mod command;
mod decide;
mod describe;
mod draft;
mod expire;
pub mod fact;
mod positions;
mod roster;
mod snapshot;
mod subscription;

#[cfg(test)]
mod tests;

use std::{borrow::Borrow, fmt, sync::Arc};

pub use command::{
    Answer, Blob, Command, Commit, CommitPosition, Heartbeat, Join, Joined, Joiner, Leaver, NamedPartition, Refusal, Reply, Sync,
    Synced, Ticket,
};
pub use describe::{Description, MemberDescription, PhaseName};
pub use fact::GroupFact;
pub use positions::{Past, Position};

use self::{
    fact::{GenerationSettled, GroupEmptied},
    positions::Positions,
    roster::Roster,
};
use crate::{
    machine::{Decision, Machine, Now},
    settings::broker::BrokerSettings,
};

/// A group's name. May be empty: Kafka keeps positions under no name at all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GroupId(Arc<str>);

/// A member's id, made by the group: the client's (or instance's) name and a UUID.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MemberId(Arc<str>);

macro_rules! text {
    ($Name:ident) => {
        impl $Name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $Name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl Borrow<str> for $Name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
text!(GroupId);
text!(MemberId);

/// What the broker's settings say about groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    pub session_min_ms: i64,
    pub session_max_ms: i64,
    pub members_max: usize,
    pub company_ms: i64,
    /// `None`: positions never expire.
    pub retention_ms: Option<i64>,
    pub metadata_bytes_max: usize,
}

impl From<&BrokerSettings> for Rules {
    fn from(s: &BrokerSettings) -> Self {
        Self {
            session_min_ms: s.group_min_session_timeout_ms,
            session_max_ms: s.group_max_session_timeout_ms,
            members_max: s.group_max_size,
            company_ms: s.group_initial_rebalance_delay_ms,
            retention_ms: s.offsets_retention_ms,
            metadata_bytes_max: s.offset_metadata_max_bytes.min(crate::limits::POSITION_METADATA_BYTES_MAX),
        }
    }
}

/// What becomes true of a group: for good, or while this broker runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    Durable(GroupFact),
    Soft(Soft),
}

impl Fact {
    /// What has to be written before the reply may go. Soft facts are only applied.
    pub fn durable(&self) -> Option<&GroupFact> {
        match self {
            Fact::Durable(fact) => Some(fact),
            Fact::Soft(_) => None,
        }
    }
}

/// What lasts only while this broker runs. Always after the durable facts of the same decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Soft {
    /// The members and the phase are these now, and these requests are answered. One value for a whole step, since
    /// joining and leaving change many members at once; unchanged members are shared.
    Seated { roster: Arc<Roster>, sends: Vec<(Ticket, Answer)> },
    /// A member gave a sign of life.
    Seen { member: MemberId, until: i64 },
    /// A member waits for what the leader hands out.
    AwaitsSync { member: MemberId, ticket: Ticket },
    /// A member has fetched its assignment.
    TookAssignment { member: MemberId, until: i64 },
    /// Nothing happened; look again then.
    Look(Option<i64>),
}

/// One group.
#[derive(Clone, Debug)]
pub struct Group {
    id: GroupId,
    rules: Rules,
    roster: Arc<Roster>,
    /// What a restart would find.
    settled: Settled,
    positions: Positions,
    /// The highest generation number that any member was ever told.
    used: i32,
    sends: Vec<(Ticket, Answer)>,
}

/// The last thing that members agreed upon for good.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Settled {
    Nothing,
    Generation(Arc<GenerationSettled>),
    Emptied(GroupEmptied),
}

impl Group {
    /// A group that nobody has joined yet.
    pub fn new(id: GroupId, rules: Rules, now: Now) -> Self {
        let roster = Arc::new(Roster::empty(now.wall));
        Self { id, rules, roster, settled: Settled::Nothing, positions: Positions::default(), used: 0, sends: Vec::new() }
    }

    pub fn id(&self) -> &GroupId {
        &self.id
    }

    /// The broker's settings are others now. They are not part of the state: a start gives them anew, too.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Answers to requests that waited, in the order in which they were decided. Take them after every application of
    /// facts, and let each go when what was applied before it has been committed.
    pub fn take_sends(&mut self) -> Vec<(Ticket, Answer)> {
        std::mem::take(&mut self.sends)
    }

    /// Removed: drop it, and meet the next command with a new one.
    pub fn is_dead(&self) -> bool {
        self.roster.is_dead()
    }

    /// Nothing is here that anybody could miss: drop it, and its log if it has one. Ask after every application of facts.
    pub fn is_blank(&self) -> bool {
        self.used == 0 && self.roster.is_vacant() && self.positions.is_empty()
    }
}

impl Machine for Group {
    type Command = Command;
    type Fact = Fact;
    type Reply = Reply;
    type Refusal = Refusal;

    fn decide(&self, now: Now, command: Command) -> Result<Decision<Fact, Reply>, Refusal> {
        match command {
            Command::Join(join) => self.join(now, join),
            Command::Sync(sync) => self.sync(now, sync),
            Command::Heartbeat(beat) => self.heartbeat(now, beat),
            Command::Leave(leavers) => self.leave(now, leavers),
            Command::Commit(commit) => self.commit(now, commit),
            Command::ForgetPositions(partitions) => self.forget_positions(now, partitions),
            Command::ForgetTopics(topics) => Ok(self.forget_topics(now, &topics)),
            Command::Delete => self.delete(),
        }
    }

    fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Durable(fact) => self.apply_durable(fact),
            Fact::Soft(soft) => self.apply_soft(soft),
        }
    }

    /// In `Now::mono`. Nothing while nobody is here and nothing can expire.
    fn deadline(&self) -> Option<i64> {
        self.roster.look
    }

    fn expire(&self, now: Now) -> Vec<Fact> {
        self.expired(now)
    }
}

impl Group {
    /// What a replay of the log does, too.
    pub fn apply_durable(&mut self, fact: &GroupFact) {
        match fact {
            GroupFact::GenerationBegan(began) => self.used = self.used.max(began.generation),
            GroupFact::GenerationSettled(settled) => {
                self.used = self.used.max(settled.generation);
                self.roster = Arc::new(Roster::settled(settled));
                self.settled = Settled::Generation(Arc::new(settled.clone()));
            }
            GroupFact::GroupEmptied(emptied) => {
                self.used = self.used.max(emptied.generation);
                self.roster = Arc::new(Roster::emptied(emptied));
                self.settled = Settled::Emptied(emptied.clone());
            }
            GroupFact::TopicNamed(named) => self.positions.name(named),
            GroupFact::PositionsCommitted(committed) => self.positions.commit(committed),
            GroupFact::PositionsForgotten(forgotten) => self.positions.forget(forgotten),
            GroupFact::GroupDeleted(_) => {
                self.positions = Positions::default();
                self.roster = Arc::new(Roster::dead());
                self.settled = Settled::Nothing;
            }
        }
    }

    fn apply_soft(&mut self, soft: &Soft) {
        match soft {
            Soft::Seated { roster, sends } => {
                self.roster = Arc::clone(roster);
                self.sends.extend(sends.iter().cloned());
            }
            Soft::Seen { member, until } => Arc::make_mut(&mut self.roster).seen(member, *until),
            Soft::AwaitsSync { member, ticket } => {
                let replaced = Arc::make_mut(&mut self.roster).awaits_sync(member, *ticket);
                self.sends.extend(replaced.map(|old| (old, Answer::Refused(Refusal::Rebalancing))));
            }
            Soft::TookAssignment { member, until } => Arc::make_mut(&mut self.roster).took_assignment(member, *until),
            Soft::Look(at) => Arc::make_mut(&mut self.roster).look = *at,
        }
    }
}
