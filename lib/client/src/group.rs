//! The easy way to share reading: a member of a classic consumer group.
//!
//! Members share the partitions of the topics they name; each partition is read by one. Positions are stored with the
//! group when [`GroupConsumer::commit`] is called (or by time, on request), so that another member, or the next run, goes
//! on there. Rebalances are eager: all give up everything, and get their share anew.

mod assign;
mod member;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use milena_wire::{
    ErrorCode, OffsetCommitRequest, Text,
    offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
};

use crate::{Admin, At, Cluster, Error, From, Lane, Message, Node, OutOfRange, Progress, Reader, ReaderConfig, Result};
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
    /// Where to begin in partitions without a position: [`From::Start`], [`From::End`] or a time.
    pub begin: From,
    /// Commit by itself when this long has passed, what was handed out before the call.
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
    /// Given by the group, and not yet begun with.
    share: Option<Share>,
    reader: Option<Reader>,
    /// The next offset to be handed out in each partition, where something was handed out since the last commit.
    handed_out: BTreeMap<(Text, i32), i64>,
    committed_at: Instant,
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
            handed_out: BTreeMap::new(),
            committed_at: Instant::now(),
        }
    }

    /// What this member reads now. Empty before it joined, and while it rebalances.
    pub fn assignment(&self) -> Vec<(Text, i32)> {
        let progress = self.reader.iter().flat_map(|r| r.progress());
        progress.map(|p| (p.topic.clone(), p.partition)).collect()
    }

    /// How far each partition is.
    pub fn progress(&self) -> &[Progress] {
        self.reader.as_ref().map_or(&[], |r| r.progress())
    }

    /// The id that the group gave to this member; empty before it joined.
    pub fn member_id(&self) -> Text {
        self.member.id()
    }

    /// The next record of any partition of this member; joins and rebalances when need be, and waits for as long as it
    /// takes. May be dropped at any await.
    pub async fn next(&mut self) -> Result<Message> {
        loop {
            if self.config.auto_commit.is_some_and(|every| self.committed_at.elapsed() >= every) {
                self.commit().await?;
            }
            let changed = self.member.changed();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(reason) = self.member.must_join()? {
                self.give_up().await;
                self.share = Some(self.member.join(reason).await?);
                continue;
            }
            if let Some(share) = &self.share {
                let progress = self.begin(share).await?;
                self.reader = Some(Reader::at(self.cluster.clone(), progress, self.config.reader.clone()));
                self.share = None;
                continue;
            }
            let Some(reader) = &mut self.reader else {
                self.member.lose("it has no share");
                continue;
            };
            tokio::select! {
                biased;
                () = changed => {}
                message = next_of(reader) => {
                    let message = message?;
                    let place = (message.topic.clone(), message.partition);
                    self.handed_out.insert(place, message.offset + 1);
                    return Ok(message);
                }
            }
        }
    }

    /// Stops reading: another may have the partitions soon.
    async fn give_up(&mut self) {
        if self.reader.take().is_some() && self.config.auto_commit.is_some() {
            // What was handed out is done by now: the caller asked for more. A refusal only means to read it again.
            let _ = self.commit().await;
        }
        (self.share, self.reader) = (None, None);
        self.handed_out.clear();
    }

    /// Where to begin in each partition: at the group's position, or as configured.
    async fn begin(&self, share: &Share) -> Result<Vec<Progress>> {
        let positions = Admin::new(self.cluster.clone()).positions(&self.group).await?;
        let known: BTreeMap<(&Text, i32), i64> = positions.iter().map(|p| ((&p.topic, p.partition), p.offset)).collect();
        let unknown = share.iter().filter(|(t, p)| !known.contains_key(&(t, *p)));
        let at = match self.config.begin {
            From::End | From::Last(_) => At::End,
            From::Time(time) => At::Time(time),
            From::Start | From::Offset(_) => At::Start,
        };
        let asked: Vec<_> = unknown.map(|(t, p)| (t.clone(), *p, at)).collect();
        let mut listed = BTreeMap::new();
        for ((topic, partition, _), found) in asked.iter().zip(self.cluster.list_offsets(&asked, false).await?) {
            listed.insert((topic, *partition), found.offset);
        }
        // No record is that late: begin with the next one.
        let late: Vec<_> = listed.iter().filter(|(_, o)| o.is_none()).map(|((t, p), _)| ((*t).clone(), *p, At::End)).collect();
        for ((topic, partition, _), found) in late.iter().zip(self.cluster.list_offsets(&late, false).await?) {
            let place = asked.iter().find(|(t, p, _)| t == topic && p == partition);
            listed.extend(place.map(|(t, p, _)| ((t, *p), found.offset)));
        }
        let from = |topic: &Text, partition: i32| {
            let place = (topic, partition);
            known.get(&place).copied().or(listed.get(&place).copied().flatten()).unwrap_or(0)
        };
        Ok(share.iter().map(|(t, p)| Progress::new(t, *p, from(t, *p), None, -1, -1)).collect())
    }

    /// Stores with the group that everything handed out so far is done.
    ///
    /// After a rebalance that this member has not seen yet the broker refuses (ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS
    /// or UNKNOWN_MEMBER_ID): then what was handed out since the last commit will be handed out again, to whoever has the
    /// partition.
    pub async fn commit(&mut self) -> Result<()> {
        self.committed_at = Instant::now();
        if self.handed_out.is_empty() {
            return Ok(());
        }
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for ((topic, partition), offset) in &self.handed_out {
            let partition = OffsetCommitRequestPartition {
                partition_index: *partition,
                committed_offset: *offset,
                committed_metadata: Some(Text::default()),
                ..Default::default()
            };
            match topics.last_mut().filter(|t| t.name == *topic) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(OffsetCommitRequestTopic {
                    name: topic.clone(),
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        self.commit_topics(topics).await?;
        self.handed_out.clear();
        Ok(())
    }

    async fn commit_topics(&self, mut topics: Vec<OffsetCommitRequestTopic>) -> Result<()> {
        let mut backoff = self.cluster.backoff(format!("commit to group {:?}", &*self.group));
        let node = Node::Group(self.group.clone());
        loop {
            let result = async {
                for topic in &mut topics {
                    topic.topic_id = self.cluster.topic_id(&topic.name).await?;
                }
                let nameless = topics.iter().any(|topic| topic.topic_id.is_nil());
                let connection = self.cluster.connection(&node, Lane::Main).await?;
                // Version 10 names topics by id.
                let version = connection.version_to::<OffsetCommitRequest>(if nameless { 9 } else { i16::MAX })?;
                let request = OffsetCommitRequest {
                    group_id: self.group.clone(),
                    generation_id_or_member_epoch: self.member.generation(),
                    member_id: self.member.id(),
                    group_instance_id: self.config.instance.clone().filter(|_| version >= 7),
                    topics: topics.clone(),
                    ..Default::default()
                };
                let response = connection.send_version(&request, version).await?;
                let bad = response.topics.iter().flat_map(|t| &t.partitions).find(|p| p.error_code != 0);
                Error::check(bad.map_or(0, |p| p.error_code), None, || format!("commit to group {:?}", &*self.group))
            }
            .await;
            let Err(error) = result else { return Ok(()) };
            match error.code() {
                Some(ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE) => {
                    self.cluster.forget_coordinator(&node);
                }
                Some(ErrorCode::UNKNOWN_TOPIC_ID) => topics.iter().for_each(|topic| self.cluster.forget_topic(&topic.name)),
                Some(ErrorCode::ILLEGAL_GENERATION | ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::REBALANCE_IN_PROGRESS) => {
                    self.member.lose("a commit was refused");
                    return Err(error);
                }
                _ if error.is_connection() => self.cluster.forget_coordinator(&node),
                _ => {}
            }
            backoff.pause(error).await?;
        }
    }

    /// Leaves, so that the others take over at once. A static member stays until its session ends, since it is expected
    /// to come back. Nothing is committed by this.
    pub async fn leave(mut self) -> Result<()> {
        self.reader = None;
        self.member.leave().await
    }
}

/// The reader's next record. A reader without partitions has none and never will.
async fn next_of(reader: &mut Reader) -> Result<Message> {
    match reader.next().await? {
        Some(message) => Ok(message),
        None => std::future::pending().await,
    }
}
