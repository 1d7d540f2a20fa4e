//! Verbs on groups, as doors call them. Knows how to wait for an answer that comes later; everything else is in
//! [`crate::groups`] and the engine.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use milena_engine::{
    group::{
        Answer, Command, Commit, Description, Group, Heartbeat, Join, Joined, Leaver, MemberId, NamedPartition, PhaseName,
        Refusal, Reply, Rules, Sync, Synced, Ticket,
    },
    ids::TopicId,
    machine::Machine,
    share,
};
use milena_store::{Class, Lsn, Parked};
use tokio::sync::oneshot;

use crate::{groups::Cell, node::Node, noun::NoRoom, release::Dead};

/// What a group answers: judged and durable, or not even tried.
pub type Told<T> = Result<Result<T, Refusal>, NoRoom>;

/// A JoinGroup answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JoinReply {
    Joined(Joined),
    /// MEMBER_ID_REQUIRED: come again with this id (KIP-394).
    ComeAgain(MemberId),
}

/// A group in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    pub name: Arc<str>,
    pub phase: PhaseName,
    /// Empty when it never had members.
    pub protocol_type: String,
    pub members: usize,
}

/// A group that is on its way out is gone after about a commit.
const LEAVING: Duration = Duration::from_millis(1);

impl Node {
    /// Joins, and waits until the generation begins. `ticket` is filled in here.
    pub async fn join(&self, group: &str, mut join: Join) -> Told<JoinReply> {
        join.ticket = self.0.groups.ticket();
        match self.later(group, join.ticket, Command::Join(join)).await? {
            Ok(Now::Reply(Reply::ComeAgain(member))) => Ok(Ok(JoinReply::ComeAgain(member))),
            Ok(Now::Answer(Answer::Joined(joined))) => Ok(Ok(JoinReply::Joined(joined))),
            Ok(Now::Answer(Answer::Refused(refusal))) | Err(refusal) => Ok(Err(refusal)),
            Ok(other) => unreachable!("a join is answered with a generation, not {other:?}"),
        }
    }

    /// Hands in or waits for an assignment. `ticket` is filled in here.
    pub async fn sync(&self, group: &str, mut sync: Sync) -> Told<Synced> {
        sync.ticket = self.0.groups.ticket();
        match self.later(group, sync.ticket, Command::Sync(sync)).await? {
            Ok(Now::Answer(Answer::Synced(synced))) => Ok(Ok(synced)),
            Ok(Now::Answer(Answer::Refused(refusal))) | Err(refusal) => Ok(Err(refusal)),
            Ok(other) => unreachable!("a sync is answered with an assignment, not {other:?}"),
        }
    }

    pub async fn heartbeat(&self, group: &str, beat: Heartbeat) -> Told<()> {
        Ok(self.at_once(group, Command::Heartbeat(beat)).await?.map(|_| ()))
    }

    /// One outcome a member, in the order asked.
    pub async fn leave(&self, group: &str, leavers: Vec<Leaver>) -> Told<Vec<Result<(), Refusal>>> {
        Ok(self.at_once(group, Command::Leave(leavers)).await?.map(outcomes))
    }

    /// One outcome a position, in the order asked.
    pub async fn commit(&self, group: &str, commit: Commit) -> Told<Vec<Result<(), Refusal>>> {
        let held = self.held_by(&commit);
        let outcomes = self.at_once(group, Command::Commit(commit)).await?.map(outcomes);
        held.iter().for_each(|partition| self.look_soon(partition));
        Ok(outcomes)
    }

    /// OffsetDelete. One outcome a partition, in the order asked.
    pub async fn forget_positions(&self, group: &str, partitions: Vec<NamedPartition>) -> Told<Vec<Result<(), Refusal>>> {
        Ok(self.of_existing(group, Command::ForgetPositions(partitions)).await?.map(outcomes))
    }

    pub async fn delete_group(&self, group: &str) -> Told<()> {
        if self.is_share(group) {
            return Ok(match self.delete_share(group).await? {
                Ok(()) => Ok(()),
                Err(share::Refusal::NotEmpty | share::Refusal::LettersWait { .. }) => Err(Refusal::NotEmpty),
                Err(_) => Err(Refusal::NotFound(group.into())),
            });
        }
        Ok(self.of_existing(group, Command::Delete).await?.map(|_| ()))
    }

    /// All groups, by name.
    pub fn groups(&self) -> Vec<Listing> {
        let listing = |cell: &Arc<Cell>| {
            let state = cell.state.hold();
            let group = &state.noun.machine;
            let (phase, protocol_type) = (group.phase(), group.protocol_type().to_owned());
            let shown = !group.is_dead() && !group.is_blank();
            shown.then(|| Listing { name: group.id().as_str().into(), phase, protocol_type, members: group.members() })
        };
        self.0.groups.all().iter().filter_map(listing).collect()
    }

    /// DescribeGroups. `None`: there is no such group.
    pub async fn describe_group(&self, group: &str) -> Result<Option<Description>, Dead> {
        self.ask_group(group, |group| (!group.is_blank()).then(|| group.describe())).await.map(Option::flatten)
    }

    /// Asks something of a group that changes nothing. What it answers is durable when it is answered. `None`: there is no
    /// such group.
    pub async fn ask_group<R>(&self, group: &str, question: impl FnOnce(&Group) -> R) -> Result<Option<R>, Dead> {
        let Some(cell) = self.0.groups.find(group) else { return Ok(None) };
        let parked = {
            let state = cell.state.hold();
            let answer = (!state.noun.machine.is_dead()).then(|| question(&state.noun.machine));
            Parked::new(state.noun.lsn, answer)
        };
        self.release(parked).await
    }

    /// Positions on topics that are gone for good go too, and stay gone when this is answered.
    pub(crate) async fn forget_topics(&self, topics: &[TopicId]) -> Result<(), NoRoom> {
        let mut last = Lsn::default();
        for cell in self.0.groups.all() {
            let concerned = cell.state.hold().noun.machine.positions().any(|(topic, ..)| topics.contains(&topic));
            if concerned {
                let command = Command::ForgetTopics(topics.to_vec());
                let forgotten = self.step(&cell, Class::Fact, None, |group, now| group.decide(now, command.clone())).await?;
                last = forgotten.map_or(last, |parked| last.max(parked.lsn()));
            }
        }
        self.released(last).await?;
        self.share_forget_topics(topics).await
    }

    /// A crash may have come between the end of a topic and the end of the positions on it.
    pub(crate) async fn forget_lost_topics(self) {
        let mut lost = BTreeSet::new();
        for cell in self.0.groups.all() {
            let state = cell.state.hold();
            lost.extend(state.noun.machine.positions().map(|(topic, ..)| topic));
        }
        for cell in self.0.shares.all() {
            lost.extend(cell.state.hold().noun.machine.partitions().map(|at| at.topic));
        }
        {
            let catalog = self.0.catalog.hold();
            lost.retain(|id| catalog.machine.topic_by_id(*id).is_none() && catalog.machine.trashed(*id).is_none());
        }
        let lost: Vec<_> = lost.into_iter().collect();
        if let Err(error) = self.forget_topics(&lost).await {
            tracing::warn!(%error, "positions on topics that are gone stay until the next start");
        }
    }

    /// The broker's settings have changed.
    pub(crate) fn set_group_rules(&self) {
        let rules = Rules::from(&*self.settings());
        for cell in self.0.groups.all() {
            cell.state.hold().noun.machine.set_rules(rules);
        }
    }

    /// The group of this name, made if there is none. `None`: a share group has the name.
    fn group_cell(&self, name: &str) -> Option<Arc<Cell>> {
        if let Some(cell) = self.0.groups.find(name) {
            return Some(cell);
        }
        let _one_at_a_time = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.0.shares.find(name).is_none();
        free.then(|| self.0.groups.find_or(name, || (self.blank_group(name), None)))
    }

    /// A command whose answer does not wait for others.
    async fn at_once(&self, group: &str, command: Command) -> Told<Reply> {
        loop {
            let Some(cell) = self.group_cell(group) else { return Ok(Err(Refusal::InconsistentProtocol)) };
            if let Some(parked) = self.step(&cell, Class::Position, None, |group, now| group.decide(now, command.clone())).await?
            {
                return Ok(self.release(parked).await?.and_then(refused));
            }
            tokio::time::sleep(LEAVING).await;
        }
    }

    /// A command that makes no sense for a group that is not there.
    async fn of_existing(&self, name: &str, command: Command) -> Told<Reply> {
        let class = if matches!(command, Command::Delete) { Class::Fact } else { Class::Position };
        let judge = |group: &Group, now| match group.is_blank() {
            true => Err(Refusal::NotFound(name.into())),
            false => group.decide(now, command.clone()),
        };
        loop {
            let Some(cell) = self.0.groups.find(name) else { return Ok(Err(Refusal::NotFound(name.into()))) };
            if let Some(parked) = self.step(&cell, class, None, judge).await? {
                return Ok(self.release(parked).await?.and_then(refused));
            }
            tokio::time::sleep(LEAVING).await;
        }
    }

    /// A command that may be answered when others have come.
    async fn later(&self, group: &str, ticket: Ticket, command: Command) -> Told<Now> {
        loop {
            let Some(cell) = self.group_cell(group) else { return Ok(Err(Refusal::InconsistentProtocol)) };
            let (promise, promised) = oneshot::channel();
            let decided = self
                .step(&cell, Class::Position, Some((ticket, promise)), |group, now| group.decide(now, command.clone()))
                .await?;
            let Some(parked) = decided else {
                tokio::time::sleep(LEAVING).await;
                continue;
            };
            return match self.release(parked).await?.and_then(refused) {
                Ok(Reply::Wait) => self.promised(&cell, promised).await,
                Ok(Reply::Now(answer)) => Ok(Ok(Now::Answer(answer))),
                other => Ok(other.map(Now::Reply)),
            };
        }
    }

    async fn promised(&self, cell: &Cell, promised: oneshot::Receiver<Parked<Answer>>) -> Told<Now> {
        match promised.await {
            Ok(parked) => Ok(Ok(Now::Answer(self.release(parked).await?))),
            // Only a node that stops, or whose store died, breaks a promise.
            Err(_) => {
                self.release(Parked::new(Self::applied(cell), ())).await?;
                Ok(Err(Refusal::Dead))
            }
        }
    }
}

#[derive(Debug)]
enum Now {
    Reply(Reply),
    Answer(Answer),
}

fn outcomes(reply: Reply) -> Vec<Result<(), Refusal>> {
    match reply {
        Reply::Left(outcomes) | Reply::Positions(outcomes) => outcomes,
        other => unreachable!("this is answered with outcomes, not {other:?}"),
    }
}

fn refused(reply: Reply) -> Result<Reply, Refusal> {
    match reply {
        Reply::Refused(refusal) => Err(refusal),
        other => Ok(other),
    }
}
