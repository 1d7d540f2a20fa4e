//! The easy way to share reading: a member of a classic consumer group.
//!
//! Members share the partitions of the topics they name; each partition is read by one. Positions are stored with the
//! group when [`GroupConsumer::commit`] is called (or by time, on request), so that another member, or the next run, goes
//! on there. Rebalances are eager: all give up everything, and get their share anew.

mod assign;
mod commit;
mod member;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use milena_wire::Text;

use crate::{Admin, At, Cluster, Error, From, Message, OutOfRange, Progress, Reader, ReaderConfig, Result};
pub use assign::Assignor;
use member::{Member, Share};

/// How a member behaves.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// A name that survives restarts: a member that comes back within the session timeout keeps its partitions (KIP-345).
    pub instance: Option<Text>,
    /// Without a heartbeat for this long, the group goes on without the member.
    pub session_timeout: Duration,
    pub heartbeat: Duration,
    /// How long the others wait for this member in a rebalance: the longest pause between two calls of `next`.
    pub rebalance_timeout: Duration,
    /// In order of preference. All members must have one in common.
    pub assignors: Vec<Assignor>,
    /// Where to begin in partitions without a position: [`From::Start`], [`From::End`] or a time. Anything else is refused.
    pub begin: From,
    /// Commit by itself when this long has passed, what was handed out before the call of `next`.
    pub auto_commit: Option<Duration>,
    pub reader: ReaderConfig,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            instance: None,
            session_timeout: Duration::from_secs(45),
            heartbeat: Duration::from_secs(3),
            rebalance_timeout: Duration::from_secs(300),
            assignors: vec![Assignor::Range, Assignor::RoundRobin],
            begin: From::Start,
            auto_commit: None,
            reader: ReaderConfig { out_of_range: OutOfRange::Start, ..ReaderConfig::default() },
        }
    }
}

/// A member of a group. [`GroupConsumer::leave`] tells the others at once that it is gone; dropping it does so only after
/// the session timeout.
pub struct GroupConsumer {
    cluster: Cluster,
    group: Text,
    config: GroupConfig,
    member: Member,
    /// Given by the group, in this generation.
    share: Option<Share>,
    /// Reads the share. A reader that gave an error is let go, and the next begins anew.
    reader: Option<Reader>,
    /// Shown by `peek`, and not handed out yet: it goes with the share.
    shown: Option<Message>,
    /// Where this member is in each partition of its share that it has begun with.
    places: BTreeMap<Partition, Place>,
    /// Where this member began in partitions without a position, for when it gets them again: what came since then must not be
    /// missed, though nothing was committed.
    begun: BTreeMap<Partition, i64>,
    committed_at: Instant,
}

type Partition = (Text, i32);

/// Where a member is in one partition.
struct Place {
    /// The next offset to be handed out.
    next: i64,
    /// Whether the group has that as its position.
    stored: bool,
    /// Not to be read sooner, after an error.
    not_before: Option<Instant>,
}

impl GroupConsumer {
    /// A member of `group` that reads `topics`. Joins at the first [`GroupConsumer::next`].
    pub fn new(cluster: Cluster, group: impl Into<Text>, topics: &[Text], config: GroupConfig) -> Self {
        let group = group.into();
        Self {
            member: Member::new(cluster.clone(), group.clone(), topics.to_vec(), config.clone()),
            cluster,
            group,
            config,
            share: None,
            reader: None,
            shown: None,
            places: BTreeMap::new(),
            begun: BTreeMap::new(),
            committed_at: Instant::now(),
        }
    }

    /// What this member reads now. Empty before it joined, and while it rebalances.
    pub fn assignment(&self) -> Vec<(Text, i32)> {
        self.share.clone().unwrap_or_default()
    }

    /// How far each partition is, what `peek` shows counted as read. Empty after an error, until the next call of `next`.
    pub fn progress(&self) -> &[Progress] {
        self.reader.as_ref().map_or(&[], |r| r.progress())
    }

    /// The id that the group gave to this member; empty before it joined.
    pub fn member_id(&self) -> Text {
        self.member.id()
    }

    /// The next record of any partition of this member; joins and rebalances when need be, and waits for as long as it
    /// takes. May be dropped at any await.
    ///
    /// After an error the next call goes on behind what was handed out. What lasts, such as damage, is told again each time; the
    /// other partitions are read meanwhile.
    pub async fn next(&mut self) -> Result<Message> {
        self.peek().await?;
        self.accept().ok_or(Error::Gone)
    }

    /// The record that [`GroupConsumer::next`] would give, without handing it out: no commit goes past it. Does all that `next`
    /// does, so that whoever cannot do anything with a record yet asks again, and is shown it again, or another where the
    /// partition went to another member. May be dropped at any await.
    pub async fn peek(&mut self) -> Result<&Message> {
        let begin = beginning(self.config.begin)?;
        loop {
            let changed = self.member.changed();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(reason) = self.member.must_join()? {
                self.give_up().await;
                self.share = Some(self.member.join(reason).await?);
                continue;
            }
            let due = self.commit_due();
            if due.is_some_and(|due| Instant::now() >= due) {
                self.commit_by_itself().await?;
                continue;
            }
            if self.shown.is_some() {
                break;
            }
            let Some(reader) = &mut self.reader else {
                self.read(begin).await?;
                continue;
            };
            let message = tokio::select! {
                biased;
                () = changed => continue,
                () = sleep_until(due) => continue,
                message = next_of(reader) => message,
            };
            return match message {
                Ok(message) => Ok(self.shown.insert(message)),
                Err(error) => Err(self.let_go(error)),
            };
        }
        self.shown.as_ref().ok_or(Error::Gone)
    }

    /// Hands out what [`GroupConsumer::peek`] showed last. `None` if that was handed out already, or given up in a rebalance.
    pub fn accept(&mut self) -> Option<Message> {
        self.shown.take().map(|message| self.handed_out(message))
    }

    fn handed_out(&mut self, message: Message) -> Message {
        let place = Place { next: message.offset + 1, stored: false, not_before: None };
        self.places.insert((message.topic.clone(), message.partition), place);
        message
    }

    /// After a reader's error: what it gave up is read again, but only after a while, so that the others get their turn.
    fn let_go(&mut self, error: Error) -> Error {
        let after = Instant::now().checked_add(self.cluster.config().retry.most);
        for failed in self.reader.take().iter().flat_map(|r| r.progress()).filter(|p| p.done) {
            if let Some(place) = self.places.get_mut(&(failed.topic.clone(), failed.partition)) {
                place.not_before = after;
            }
        }
        error
    }

    /// Stops reading: another may have the partitions soon.
    async fn give_up(&mut self) {
        (self.share, self.reader, self.shown) = (None, None, None);
        if self.config.auto_commit.is_some() {
            // What was handed out is done by now: the caller asked for more. A refusal only means to read it again.
            let _ = self.commit().await;
        }
        self.places.clear();
    }

    /// Begins to read the share, or goes on where it was.
    async fn read(&mut self, begin: At) -> Result<()> {
        let Some(share) = self.share.clone() else {
            self.member.lose("it has no share");
            return Ok(());
        };
        if !share.iter().all(|partition| self.places.contains_key(partition)) {
            self.begin(&share, begin).await?;
        }
        let progress = share.iter().filter_map(|partition| {
            let place = self.places.get(partition)?;
            Some(Progress::new(&partition.0, partition.1, place.next, None, -1, -1).not_before(place.not_before))
        });
        self.reader = Some(Reader::at(self.cluster.clone(), progress.collect(), self.config.reader.clone()));
        Ok(())
    }

    /// Finds out where to begin in each partition: at the group's position, where this member began before, or as configured.
    async fn begin(&mut self, share: &Share, begin: At) -> Result<()> {
        let positions = Admin::new(self.cluster.clone()).positions(&self.group).await?;
        let known: BTreeMap<Partition, i64> = positions.into_iter().map(|p| ((p.topic, p.partition), p.offset)).collect();
        let unknown = share.iter().filter(|p| !known.contains_key(p) && !self.begun.contains_key(p));
        let unknown: Vec<Partition> = unknown.cloned().collect();
        let listed = self.list(&unknown, begin).await?;
        self.begun.extend(unknown.into_iter().zip(listed));
        for partition in share {
            let position = known.get(partition);
            let next = position.or(self.begun.get(partition)).copied().unwrap_or(0);
            self.places.insert(partition.clone(), Place { next, stored: position.is_some(), not_before: None });
        }
        Ok(())
    }

    /// The offset of a place in each partition; its end, where no record is that late.
    async fn list(&self, partitions: &[Partition], at: At) -> Result<Vec<i64>> {
        let committed = self.config.reader.committed;
        let ask = |at| partitions.iter().map(move |(topic, partition)| (topic.clone(), *partition, at)).collect::<Vec<_>>();
        let listed = self.cluster.list_offsets(&ask(at), committed).await?;
        let offsets: Vec<Option<i64>> = listed.iter().map(|l| l.offset).collect();
        if offsets.iter().all(Option::is_some) {
            return Ok(offsets.into_iter().flatten().collect());
        }
        let ends = self.cluster.list_offsets(&ask(At::End), committed).await?;
        Ok(offsets.into_iter().zip(ends).map(|(offset, end)| offset.or(end.offset).unwrap_or(0)).collect())
    }

    /// Leaves, so that the others take over at once. A static member stays until its session ends, since it is expected
    /// to come back. Nothing is committed by this.
    pub async fn leave(mut self) -> Result<()> {
        self.reader = None;
        self.member.leave().await
    }
}

/// Where to begin, as brokers can be asked for it. The others would have to be the same in every partition, which is never meant.
fn beginning(from: From) -> Result<At> {
    match from {
        From::Start => Ok(At::Start),
        From::End => Ok(At::End),
        From::Time(time) => Ok(At::Time(time)),
        From::Offset(_) | From::After(_) | From::Last(_) => {
            Err(Error::Invalid(format!("a group begins at the start, at the end or at a time, not at {from:?}")))
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// The reader's next record. A reader without partitions has none and never will.
async fn next_of(reader: &mut Reader) -> Result<Message> {
    match reader.next().await? {
        Some(message) => Ok(message),
        None => std::future::pending().await,
    }
}
