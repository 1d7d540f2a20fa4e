//! Membership: joining, syncing, heartbeats, leaving.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use milena_wire::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, ErrorCode, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, Message, Reader, SyncGroupRequest, Text,
    bytes::{BufMut, Bytes, BytesMut},
    consumer_protocol_assignment::TopicPartition,
    join_group::JoinGroupRequestProtocol,
    leave_group::MemberIdentity,
    sync_group::SyncGroupRequestAssignment,
};
use tokio::{
    sync::{Notify, futures::OwnedNotified},
    task::JoinHandle,
};

use super::{Assignor, GroupConfig, assign::Subscriber};
use crate::{Cluster, Error, Lane, Node, Result, Topics};

/// Topics and partitions of one member.
pub(super) type Share = Vec<(Text, i32)>;

/// What the heartbeat task tells the member.
#[derive(Default)]
struct Standing {
    id: Text,
    generation: i32,
    /// Why a join is due; `None` while all is well.
    lost: Option<&'static str>,
    /// Nothing can be done about it.
    fatal: Option<Error>,
}

pub(super) struct Member {
    desk: Arc<Desk>,
    heart: Option<JoinHandle<()>>,
    /// A join under way. It outlives a dropped `next`: what was said to the group cannot be unsaid.
    joining: Option<JoinHandle<Result<Share>>>,
}

/// What joining and beating need.
struct Desk {
    cluster: Cluster,
    group: Text,
    topics: Vec<Text>,
    config: GroupConfig,
    standing: Mutex<Standing>,
    changed: Arc<Notify>,
    /// Joining waits at the broker for the others, who may be in this process.
    lane: Lane,
}

const PROTOCOL: Text = Text::from_static("consumer");
/// Version of the consumers' own blobs that is written. Readers of any version can read it.
const BLOB_VERSION: i16 = 1;

impl Member {
    pub(super) fn new(cluster: Cluster, group: Text, topics: Vec<Text>, config: GroupConfig) -> Self {
        let standing = Standing { generation: -1, lost: Some("it is new"), ..Standing::default() };
        let desk = Desk { cluster, group, topics, config, standing: standing.into(), changed: Arc::default(), lane: Lane::own() };
        Self { desk: Arc::new(desk), heart: None, joining: None }
    }

    pub(super) fn id(&self) -> Text {
        self.desk.with(|s| s.id.clone())
    }
    pub(super) fn generation(&self) -> i32 {
        self.desk.with(|s| s.generation)
    }
    /// Ends when a join has become due.
    pub(super) fn changed(&self) -> OwnedNotified {
        self.desk.changed.clone().notified_owned()
    }
    pub(super) fn must_join(&self) -> Result<Option<&'static str>> {
        self.desk.with(|s| s.fatal.clone().map_or(Ok(s.lost), Err))
    }
    pub(super) fn lose(&self, why: &'static str) {
        self.desk.with(|s| s.lost = Some(why));
    }

    /// Takes part in rebalances until one gives a share. May be dropped and called again.
    pub(super) async fn join(&mut self, reason: &'static str) -> Result<Share> {
        self.stop_heart();
        let desk = self.desk.clone();
        let joining = self.joining.get_or_insert_with(|| tokio::spawn(async move { desk.join(reason).await }));
        let joined = joining.await;
        self.joining = None;
        let share = joined.map_err(|_| Error::Gone)??;
        self.desk.with(|s| s.lost = None);
        self.heart = Some(tokio::spawn(self.desk.clone().beat()));
        Ok(share)
    }

    fn stop_heart(&mut self) {
        if let Some(heart) = self.heart.take() {
            heart.abort();
        }
    }

    pub(super) async fn leave(mut self) -> Result<()> {
        self.stop_heart();
        if let Some(joining) = self.joining.take() {
            joining.abort();
        }
        self.desk.leave().await
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop_heart();
        if let Some(joining) = &self.joining {
            joining.abort();
        }
        self.desk.cluster.close_lane(self.desk.lane);
    }
}

impl Desk {
    fn with<T>(&self, f: impl FnOnce(&mut Standing) -> T) -> T {
        f(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn id(&self) -> Text {
        self.with(|s| s.id.clone())
    }

    fn node(&self) -> Node {
        Node::Group(self.group.clone())
    }

    fn about(&self) -> String {
        format!("group {:?}", &*self.group)
    }

    async fn join(&self, reason: &'static str) -> Result<Share> {
        let mut backoff = self.cluster.backoff(format!("join {}", self.about()));
        loop {
            let error = match self.join_once(reason).await {
                Ok(share) => return Ok(share),
                Err(error) => error,
            };
            match error.code() {
                // The id is in place now, or the rebalance began anew: at once again.
                Some(ErrorCode::MEMBER_ID_REQUIRED | ErrorCode::REBALANCE_IN_PROGRESS) => {}
                Some(ErrorCode::ILLEGAL_GENERATION) => backoff.pause_for(error).await?,
                Some(ErrorCode::UNKNOWN_MEMBER_ID) => {
                    self.with(|s| s.id = Text::default());
                    backoff.pause_for(error).await?;
                }
                Some(ErrorCode::FENCED_INSTANCE_ID) => {
                    self.with(|s| s.fatal = Some(error.clone()));
                    return Err(error);
                }
                _ => {
                    self.cluster.forget_coordinator(&self.node());
                    backoff.pause(error).await?;
                }
            }
        }
    }

    async fn join_once(&self, reason: &'static str) -> Result<Share> {
        let connection = self.cluster.connection(&self.node(), self.lane).await?;
        let version = connection.version::<JoinGroupRequest>()?;
        let subscription = write_subscription(&self.topics);
        let protocol = |a: &Assignor| JoinGroupRequestProtocol {
            name: Text::from_static(a.name()),
            metadata: subscription.clone(),
            ..Default::default()
        };
        let request = JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: millis(self.config.session_timeout),
            rebalance_timeout_ms: millis(self.config.rebalance_timeout),
            member_id: self.id(),
            group_instance_id: self.config.instance.clone().filter(|_| version >= 5),
            protocol_type: PROTOCOL,
            protocols: self.config.assignors.iter().map(protocol).collect(),
            reason: Some(Text::from_static(reason)),
            ..Default::default()
        };
        let patience = self.config.rebalance_timeout + self.cluster.config().options.request_timeout;
        let joined = connection.start(&request, version)?.within(patience).answer().await?;
        if !joined.member_id.is_empty() {
            self.with(|s| s.id = joined.member_id.clone());
        }
        Error::check(joined.error_code, None, || self.about())?;
        self.with(|s| s.generation = joined.generation_id);
        self.sync(joined).await
    }

    async fn sync(&self, joined: JoinGroupResponse) -> Result<Share> {
        let leads = joined.leader == joined.member_id && !joined.skip_assignment;
        let assignments = if leads { self.assign(&joined).await? } else { Vec::new() };
        let connection = self.cluster.connection(&self.node(), self.lane).await?;
        let version = connection.version::<SyncGroupRequest>()?;
        let request = SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: joined.generation_id,
            member_id: joined.member_id.clone(),
            group_instance_id: self.config.instance.clone().filter(|_| version >= 3),
            protocol_type: Some(PROTOCOL),
            protocol_name: joined.protocol_name.clone(),
            assignments,
            ..Default::default()
        };
        let patience = self.config.rebalance_timeout + self.cluster.config().options.request_timeout;
        let synced = connection.start(&request, version)?.within(patience).answer().await?;
        Error::check(synced.error_code, None, || self.about())?;
        read_assignment(synced.assignment)
            .ok_or_else(|| Error::Invalid(format!("{}: the assignment cannot be read", self.about())))
    }

    /// As the leader: shares out what all members asked for.
    async fn assign(&self, joined: &JoinGroupResponse) -> Result<Vec<SyncGroupRequestAssignment>> {
        let name = joined.protocol_name.clone().unwrap_or_default();
        let assignor = Assignor::by_name(&name)
            .ok_or_else(|| Error::Invalid(format!("{} chose the assignor {:?}, which was not offered", self.about(), &*name)))?;
        let members: Vec<Subscriber> = joined
            .members
            .iter()
            .map(|m| Subscriber {
                id: m.member_id.clone(),
                instance: m.group_instance_id.clone(),
                topics: read_subscription(m.metadata.clone()).unwrap_or_default(),
            })
            .collect();
        let mut names: Vec<Text> = members.iter().flat_map(|m| m.topics.clone()).collect();
        names.sort();
        names.dedup();
        let counts = partition_counts(&self.cluster, &names).await?;
        let shares = assignor.assign(&members, &counts);
        let assignment = |(member_id, share): (Text, Share)| SyncGroupRequestAssignment {
            member_id,
            assignment: write_assignment(&share),
            ..Default::default()
        };
        Ok(shares.into_iter().map(assignment).collect())
    }

    /// The heartbeat task: beats until a join is due, and watches for partitions that were added.
    async fn beat(self: Arc<Self>) {
        let (member_id, generation_id) = self.with(|s| (s.id.clone(), s.generation));
        let request = HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id,
            member_id,
            group_instance_id: self.config.instance.clone(),
            ..Default::default()
        };
        let counts = partition_counts(&self.cluster, &self.topics).await.ok();
        let mut looked = tokio::time::Instant::now();
        let (lost, fatal) = loop {
            tokio::time::sleep(self.config.heartbeat).await;
            if let Some(end) = self.heartbeat(&request).await {
                break end;
            }
            if looked.elapsed() > self.cluster.config().metadata_age {
                looked = tokio::time::Instant::now();
                let now = partition_counts(&self.cluster, &self.topics).await.ok();
                if now.is_some() && now != counts {
                    break ("partitions were added", None);
                }
            }
        };
        self.with(|s| (s.lost, s.fatal) = (Some(lost), fatal));
        self.changed.notify_waiters();
    }

    /// One beat. Gives why a join is due, if it is.
    async fn heartbeat(&self, request: &HeartbeatRequest) -> Option<(&'static str, Option<Error>)> {
        let error = self.heartbeat_once(request).await.err()?;
        match error.code() {
            Some(ErrorCode::REBALANCE_IN_PROGRESS) => Some(("the group rebalances", None)),
            Some(ErrorCode::UNKNOWN_MEMBER_ID) => Some(("the group does not know it any more", None)),
            Some(ErrorCode::ILLEGAL_GENERATION) => Some(("a rebalance was missed", None)),
            Some(ErrorCode::FENCED_INSTANCE_ID) => Some(("another has its name", Some(error))),
            // The coordinator moves, or cannot be reached: the session timeout decides.
            _ => {
                self.cluster.forget_coordinator(&self.node());
                None
            }
        }
    }

    async fn heartbeat_once(&self, request: &HeartbeatRequest) -> Result<()> {
        let connection = self.cluster.connection(&self.node(), self.lane).await?;
        let version = connection.version::<HeartbeatRequest>()?;
        let mut request = request.clone();
        if version < 3 {
            request.group_instance_id = None;
        }
        let response = connection.send_version(&request, version).await?;
        Error::check(response.error_code, None, || self.about())
    }

    async fn leave(&self) -> Result<()> {
        let id = self.id();
        if id.is_empty() || self.config.instance.is_some() {
            return Ok(());
        }
        let connection = self.cluster.connection(&self.node(), self.lane).await?;
        let version = connection.version::<LeaveGroupRequest>()?;
        let mut request = LeaveGroupRequest { group_id: self.group.clone(), ..Default::default() };
        if version >= 3 {
            request.members = vec![MemberIdentity { member_id: id, ..Default::default() }];
        } else {
            request.member_id = id;
        }
        let response = connection.send_version(&request, version).await?;
        let mut codes = response.members.first().map(|m| m.error_code).into_iter().chain([response.error_code]);
        let code = codes.find(|code| *code != 0).unwrap_or_default();
        match ErrorCode(code) {
            // Gone is gone.
            ErrorCode::UNKNOWN_MEMBER_ID => Ok(()),
            _ => Error::check(code, None, || self.about()),
        }
    }
}

/// Partitions of each topic that there is.
async fn partition_counts(cluster: &Cluster, topics: &[Text]) -> Result<BTreeMap<Text, i32>> {
    let metadata = cluster.metadata(Topics::Named(topics)).await?;
    let there = metadata.topics.values().filter(|t| !t.error.is_error());
    Ok(there.map(|t| (t.name.clone(), t.partitions.len() as i32)).collect())
}

fn millis(duration: Duration) -> i32 {
    duration.as_millis().min(i32::MAX as u128) as i32
}

/// A blob behind its version.
fn write_blob(message: &impl Message) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(BLOB_VERSION);
    message.encode(&mut out, BLOB_VERSION).expect("every field of ours exists in this version, and names are short");
    out.freeze()
}

/// Reads a blob; a version newer than ours begins with what ours has.
fn read_blob<M: Message>(blob: Bytes) -> Option<M> {
    let mut reader = Reader::new(blob);
    let version = reader.i16().ok()?.min(*M::VERSIONS.end());
    M::decode(&mut reader, version).ok()
}

fn write_subscription(topics: &[Text]) -> Bytes {
    write_blob(&ConsumerProtocolSubscription { topics: topics.to_vec(), ..Default::default() })
}

fn read_subscription(blob: Bytes) -> Option<Vec<Text>> {
    read_blob::<ConsumerProtocolSubscription>(blob).map(|s| s.topics)
}

fn write_assignment(share: &[(Text, i32)]) -> Bytes {
    let mut assigned: Vec<TopicPartition> = Vec::new();
    for (topic, partition) in share {
        match assigned.iter_mut().find(|t| t.topic == *topic) {
            Some(topic) => topic.partitions.push(*partition),
            None => assigned.push(TopicPartition { topic: topic.clone(), partitions: vec![*partition] }),
        }
    }
    write_blob(&ConsumerProtocolAssignment { assigned_partitions: assigned, ..Default::default() })
}

fn read_assignment(blob: Bytes) -> Option<Share> {
    // A member that came after the leader shared out gets nothing at all.
    if blob.is_empty() {
        return Some(Vec::new());
    }
    let assignment = read_blob::<ConsumerProtocolAssignment>(blob)?;
    let of = |t: TopicPartition| t.partitions.into_iter().map(move |p| (t.topic.clone(), p));
    Some(assignment.assigned_partitions.into_iter().flat_map(of).collect())
}
