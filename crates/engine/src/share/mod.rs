//! A share group: members that take records one by one or many at a time, work on them, and say what became of each.
//!
//! ```text
//!                     taken                      acknowledged
//!    ┌───────────┐ ──────────────▶ ┌────────┐ ──────────────────▶ Accepted
//!    │ Available │                 │  Held  │
//!    └───────────┘ ◀────────────── └────────┘ ── rejected, or ──▶ Condemned ── dead letter written ──▶ Archived
//!                   given back, or             the last delivery
//!                   the lock ran out           failed
//! ```
//!
//! How records stand is durable ([`ShareFact`]): what was accepted or given up stays so, and so does the number of failed
//! deliveries, which rises when a delivery ends without an acknowledgement, not when it begins. Who holds what, and who is
//! a member, is [`Soft`]: a restart frees every lock, and no record is lost or finished by that.
//!
//! Must not know: connections, protocol versions, the bytes of records, how a dead letter is written.

mod acquire;
mod command;
mod describe;
mod ends;
mod expire;
pub mod fact;
mod members;
mod partition;
mod runs;
mod settings;
mod settle;
mod snapshot;
mod standing;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub use command::{
    AckBatch, Acknowledge, Acquire, Beat, Beaten, Command, Dropping, Granted, Lease, LeaseOutcome, LeaseRefusal, Letter, Refusal,
    Reply, Settle, Verdict, Window,
};
pub use describe::{Depth, Description, Held, MemberDescription};
pub use ends::Finished;
pub use fact::{KEY_LEN, ShareFact};
pub use members::{Member, Roster};
pub use partition::Why;
pub use runs::Stand;
pub use settings::{letter_is_whole, letter_topic};
pub use snapshot::MARK;
pub use standing::{Stage, Standing};

use self::{ends::Ends, partition::Partition};
use crate::{
    group::{GroupId, MemberId},
    ids::{Offset, TopicId},
    limits,
    machine::{Decision, Machine, Now},
};

/// A partition of a topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct At {
    pub topic: TopicId,
    pub partition: i32,
}

/// Where a group begins with a partition that it never saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    Earliest,
    Latest,
    /// Records that are at most this old, in milliseconds.
    Within(i64),
    /// Records of this moment and after it, in wall-clock milliseconds.
    Since(i64),
}

/// What settings say about a share group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    pub session_ms: i64,
    pub heartbeat_ms: i64,
    pub lock_ms: i64,
    /// Deliveries after which a record is given up.
    pub deliveries: u16,
    /// Records of one partition that may be held at a time.
    pub locks_max: i64,
    /// Runs that are kept of one partition; with more of them only the first unfinished records are handed out.
    pub runs_max: usize,
    pub members_max: usize,
    pub start: Start,
    pub renew: bool,
    /// Given-up records are written to a dead-letter topic.
    pub letters: bool,
    /// At most one unacknowledged record a key at a time.
    pub by_key: bool,
    /// How long a record rests after a failed delivery, in milliseconds.
    pub delay_ms: i64,
    /// Nothing is handed out.
    pub paused: bool,
    /// Retention waits for this group in every partition that it has begun with.
    pub holds: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            session_ms: 45_000,
            heartbeat_ms: 5_000,
            lock_ms: 30_000,
            deliveries: 5,
            locks_max: 2_000,
            runs_max: limits::SHARE_RUNS_MAX,
            members_max: 200,
            start: Start::Earliest,
            renew: true,
            letters: true,
            by_key: false,
            delay_ms: 0,
            paused: false,
            holds: false,
        }
    }
}

/// What becomes true of a share group: for good, or while this broker runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    Durable(ShareFact),
    Soft(Soft),
}

impl Fact {
    /// What has to be written before the reply may go.
    pub fn durable(&self) -> Option<&ShareFact> {
        match self {
            Fact::Durable(fact) => Some(fact),
            Fact::Soft(_) => None,
        }
    }

    /// Whether every later taking rests on it: all that lasts, but for what became of single deliveries.
    pub fn is_ground(&self) -> bool {
        self.durable().is_some_and(|fact| !matches!(fact, ShareFact::ShareSettled(_)))
    }
}
impl<F: Into<ShareFact>> From<F> for Fact {
    fn from(fact: F) -> Self {
        Fact::Durable(fact.into())
    }
}

/// What lasts only while this broker runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Soft {
    /// These records are held now.
    Held { grant: u32, held: Grant, ranges: Vec<(Offset, Offset)>, keys: Vec<(Offset, u64)> },
    /// These records are free again; no delivery failed.
    Returned { at: At, ranges: Vec<(Offset, Offset)> },
    /// The members are these now.
    Seated(Arc<Roster>),
    /// A member gave a sign of life.
    Seen { member: MemberId, until: i64 },
    /// Members were looked at; none is silent before this.
    Look(i64),
}

/// One taking of records, with one end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    pub at: At,
    /// Nobody: the records are kept back until their delay is over.
    pub owner: Option<MemberId>,
    /// In `Now::mono`.
    pub until: i64,
}

#[derive(Clone, Debug)]
struct Live {
    grant: Grant,
    /// Between these it has records.
    first: Offset,
    last: Offset,
    /// So many.
    left: i64,
}

/// One share group.
#[derive(Clone, Debug)]
pub struct Share {
    id: GroupId,
    rules: Rules,
    partitions: BTreeMap<At, Partition>,
    grants: HashMap<u32, Live>,
    due: BTreeSet<(i64, u32)>,
    next_grant: u32,
    roster: Arc<Roster>,
    /// No member is silent before this.
    look: i64,
    /// Rises whenever records may have become available: who waits looks again.
    freed: u64,
    /// Records were condemned and wait for their letters.
    condemned: BTreeSet<At>,
    /// Partitions of which more is finished since somebody asked.
    moved: BTreeSet<At>,
    /// Anything was ever true of it for good.
    stated: bool,
    /// What leases are signed with, once there was one.
    key: Option<[u8; KEY_LEN]>,
    /// The one before, whose leases are still good.
    former_key: Option<[u8; KEY_LEN]>,
    dead: bool,
}

/// A moment that never comes.
const NEVER: i64 = i64::MAX;

impl Share {
    /// A group that did nothing yet.
    pub fn new(id: GroupId, rules: Rules) -> Self {
        Self {
            id,
            rules,
            partitions: BTreeMap::new(),
            grants: HashMap::new(),
            due: BTreeSet::new(),
            next_grant: 1,
            roster: Arc::default(),
            look: NEVER,
            freed: 0,
            condemned: BTreeSet::new(),
            moved: BTreeSet::new(),
            stated: false,
            key: None,
            former_key: None,
            dead: false,
        }
    }

    pub fn id(&self) -> &GroupId {
        &self.id
    }
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
    /// Settings are not part of the state: a start gives them anew.
    pub fn set_rules(&mut self, rules: Rules) {
        if self.rules != rules {
            // More locks, or the end of a pause: who waits looks again.
            self.freed += 1;
        }
        if self.rules.holds != rules.holds {
            self.moved.extend(self.partitions.keys().copied());
        }
        self.rules = rules;
    }
    /// Removed: drop it, and meet the next command with a new one.
    pub fn is_dead(&self) -> bool {
        self.dead
    }
    /// Nothing is here that anybody could miss.
    pub fn is_blank(&self) -> bool {
        self.partitions.is_empty() && self.roster.is_empty()
    }
    /// It has or had something to keep, and so a log.
    pub fn is_stated(&self) -> bool {
        self.stated
    }
    /// What leases are signed with, once there was one.
    pub fn key(&self) -> Option<[u8; KEY_LEN]> {
        self.key
    }
    /// What leases that come back may be signed with: the secret, and the one before it.
    pub fn keys(&self) -> [Option<[u8; KEY_LEN]>; 2] {
        [self.key, self.former_key]
    }
    /// Everything of a partition below this is finished. `None`: the group has not begun with it.
    pub fn finished_below(&self, at: At) -> Option<Offset> {
        self.partitions.get(&at).map(|partition| partition.runs.start())
    }
    /// What is not finished of `from..to`, in order, as first and last offsets. Nothing, if the group has not begun with it.
    pub fn unfinished(&self, at: At, from: Offset, to: Offset) -> Vec<(Offset, Offset)> {
        let mut open: Vec<(Offset, Offset)> = Vec::new();
        let Some(partition) = self.partitions.get(&at) else { return open };
        for (first, last, _) in partition.runs.pieces(from, to - 1).filter(|(_, _, cell)| !cell.is_done()) {
            match open.last_mut() {
                Some((_, end)) if *end + 1 == first => *end = last,
                _ => open.push((first, last)),
            }
        }
        open
    }
    /// Records of a topic that went before the group was done with them, as far as that was stated.
    pub fn lost(&self, topic: TopicId) -> i64 {
        let of_topic = At { topic, partition: 0 }..=At { topic, partition: i32::MAX };
        self.partitions.range(of_topic).map(|(_, partition)| partition.lost).sum()
    }
    /// Whether the group has begun with any partition of a topic.
    pub fn has_begun_topic(&self, topic: TopicId) -> bool {
        self.partitions.range(At { topic, partition: 0 }..=At { topic, partition: i32::MAX }).next().is_some()
    }
    /// A topic that the group reads has more partitions, with which it can begin.
    pub fn grown(&mut self) {
        self.freed += 1;
    }
    /// Partitions in which retention may have to wait less, or more, since this was asked last: more is finished, or the group
    /// begins, ends, or changes its mind.
    pub fn take_moved(&mut self) -> BTreeSet<At> {
        std::mem::take(&mut self.moved)
    }
    /// Compare it to see whether records became available since.
    pub fn freed(&self) -> u64 {
        self.freed
    }
}

impl Machine for Share {
    type Command = Command;
    type Fact = Fact;
    type Reply = Reply;
    type Refusal = Refusal;

    fn decide(&self, now: Now, command: Command) -> Result<Decision<Fact, Reply>, Refusal> {
        match command {
            Command::Begin(starts) => Ok(self.begin(now, &starts)),
            Command::Reset(starts) => self.reset(now, &starts),
            Command::Acquire(acquire) => self.acquire(now, &acquire),
            Command::Acknowledge(acknowledge) => self.acknowledge(now, &acknowledge),
            Command::Settle(settle) => Ok(self.settle(now, &settle)),
            Command::Drop(dropping) => Ok(self.drop_member(now, &dropping)),
            Command::GiveBack { grant, from } => Ok(self.give_back(now, grant, from)),
            Command::Beat(beat) => self.beat(now, beat),
            Command::Buried { at, offset } => Ok(self.buried(now, at, offset)),
            Command::Finish { at, first, last, as_work } => Ok(self.finish(now, at, (first, last), as_work)),
            Command::Trim { at, to } => Ok(Decision::new(self.trimmed(now, at, to).into_iter().collect(), Reply::Done)),
            Command::Key(key) => Ok(self.draw_key(key)),
            Command::ChangeKey(key) => Ok(self.change_key(key)),
            Command::Forget(partitions) => self.forget(&partitions),
            Command::ForgetTopics(topics) => Ok(self.forget_topics(&topics)),
            Command::Delete => self.delete(now),
        }
    }

    fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Durable(fact) => self.apply_durable(fact),
            Fact::Soft(soft) => self.apply_soft(soft),
        }
    }

    /// In `Now::mono`: the first lock to run out, or the first member that may be silent.
    fn deadline(&self) -> Option<i64> {
        let lock = self.due.first().map_or(NEVER, |(until, _)| *until);
        Some(lock.min(self.look)).filter(|at| *at != NEVER)
    }

    fn expire(&self, now: Now) -> Vec<Fact> {
        self.expired(now)
    }
}

impl Share {
    /// What a replay of the log does, too.
    pub fn apply_durable(&mut self, fact: &ShareFact) {
        self.stated = true;
        match fact {
            ShareFact::ShareStarted(started) => {
                self.drop_partition(started.at);
                self.partitions.insert(started.at, Partition::from(started.start, started.when));
                self.moved.insert(started.at);
                self.freed += 1;
            }
            ShareFact::ShareSettled(settled) => {
                let full = !self.has_locks(settled.at);
                let room = Ends::room(self.partitions.len());
                if let Some(partition) = self.partitions.get_mut(&settled.at) {
                    let frees = full || self.rules.by_key || settled.runs.iter().any(|run| run.stand == Stand::Available);
                    self.freed += u64::from(frees);
                    let before = partition.runs.start();
                    let ended = partition.settle(settled, room);
                    let condemned = partition.is_condemned();
                    if partition.runs.start() > before {
                        self.moved.insert(settled.at);
                    }
                    self.end(&ended);
                    self.mark_condemned(settled.at, condemned);
                }
            }
            ShareFact::ShareTrimmed(trimmed) => {
                if let Some(partition) = self.partitions.get_mut(&trimmed.at) {
                    let ended = partition.trim(trimmed.to);
                    let condemned = partition.is_condemned();
                    // Locks, keys and room for letters that were taken by what is gone.
                    self.freed += 1;
                    self.moved.insert(trimmed.at);
                    self.end(&ended);
                    self.mark_condemned(trimmed.at, condemned);
                }
            }
            ShareFact::ShareForgotten(forgotten) => {
                forgotten.partitions.iter().for_each(|at| self.drop_partition(*at));
                // It may begin with them anew.
                self.freed += 1;
            }
            ShareFact::ShareKeyed(keyed) => self.former_key = self.key.replace(keyed.key),
            ShareFact::ShareDeleted(_) => {
                let all: Vec<At> = self.partitions.keys().copied().collect();
                all.into_iter().for_each(|at| self.drop_partition(at));
                (self.roster, self.look, self.dead) = (Arc::default(), NEVER, true);
                self.freed += 1;
            }
        }
    }

    fn apply_soft(&mut self, soft: &Soft) {
        match soft {
            Soft::Held { grant, held, ranges, keys } => self.hold(*grant, held, ranges, keys),
            Soft::Returned { at, ranges } => {
                if let Some(partition) = self.partitions.get_mut(at) {
                    let ended = partition.give_back(ranges);
                    self.end(&ended);
                    self.freed += 1;
                }
            }
            Soft::Seated(roster) => {
                self.roster = Arc::clone(roster);
                self.look = self.roster.earliest();
            }
            Soft::Seen { member, until } => Arc::make_mut(&mut self.roster).seen(member, *until),
            Soft::Look(at) => self.look = *at,
        }
    }

    fn hold(&mut self, grant: u32, held: &Grant, ranges: &[(Offset, Offset)], keys: &[(Offset, u64)]) {
        // They come in the order of the deliveries that ended, which is not that of their offsets.
        let (first, last) = (ranges.iter().map(|(first, _)| *first).min(), ranges.iter().map(|(_, last)| *last).max());
        let (Some(partition), Some(first), Some(last)) = (self.partitions.get_mut(&held.at), first, last) else { return };
        let stand = if held.owner.is_some() { Stand::Held } else { Stand::Delayed };
        let ended = partition.hold((grant, stand), ranges, keys);
        let left = ranges.iter().map(|(first, last)| last - first + 1).sum();
        self.grants.insert(grant, Live { grant: held.clone(), first, last, left });
        self.due.insert((held.until, grant));
        self.next_grant = grant.wrapping_add(1).max(1);
        self.end(&ended);
    }

    /// So many records of these grants are held no more.
    fn end(&mut self, ended: &[(u32, i64)]) {
        for (grant, records) in ended {
            let Some(live) = self.grants.get_mut(grant) else { continue };
            live.left -= records;
            if live.left <= 0 {
                self.due.remove(&(live.grant.until, *grant));
                self.grants.remove(grant);
            }
        }
    }

    fn mark_condemned(&mut self, at: At, condemned: bool) {
        if condemned {
            self.condemned.insert(at);
        } else {
            self.condemned.remove(&at);
        }
    }

    fn drop_partition(&mut self, at: At) {
        if self.partitions.remove(&at).is_some() {
            self.moved.insert(at);
        }
        self.condemned.remove(&at);
        let gone: Vec<u32> = self.grants.iter().filter(|(_, live)| live.grant.at == at).map(|(grant, _)| *grant).collect();
        for grant in gone {
            if let Some(live) = self.grants.remove(&grant) {
                self.due.remove(&(live.grant.until, grant));
            }
        }
    }

    /// A number for a grant that no living one has.
    fn fresh_grant(&self) -> u32 {
        let mut grant = self.next_grant.max(1);
        while self.grants.contains_key(&grant) {
            grant = grant.wrapping_add(1).max(1);
        }
        grant
    }
}
