//! Membership: joining, syncing, heartbeats, leaving.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
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
    /// Partitions of each topic, as this member shared them out.
    counted: Option<BTreeMap<Text, i32>>,
    /// Why a join is due; `None` while all is well.
    lost: Option<&'static str>,
    /// Nothing can be done about it.
    fatal: Option<Error>,
}

pub(super) struct Member {
    desk: Arc<Desk>,
    heart: Option<Heart>,
    /// A join under way. It outlives a dropped `next`: what was said to the group cannot be unsaid.
    joining: Option<JoinHandle<Result<(Share, Heart)>>>,
}

/// Beats until it is dropped.
struct Heart(JoinHandle<()>);

impl Drop for Heart {
    fn drop(&mut self) {
        self.0.abort();
    }
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
        let lost = self.desk.with(|s| s.fatal.clone().map_or(Ok(s.lost), Err))?;
        Ok(lost.or(self.joining.as_ref().map(|_| "it has begun to")))
    }
    pub(super) fn lose(&self, why: &'static str) {
        self.desk.with(|s| s.lost = Some(why));
    }

    /// Takes part in rebalances until one gives a share. May be dropped and called again.
    pub(super) async fn join(&mut self, reason: &'static str) -> Result<Share> {
        self.heart = None;
        let desk = self.desk.clone();
        let joining = self.joining.get_or_insert_with(|| tokio::spawn(desk.join_and_beat(reason)));
        let joined = joining.await;
        self.joining = None;
        let (share, heart) = joined.map_err(|_| Error::Gone)??;
        self.heart = Some(heart);
        Ok(share)
    }

    pub(super) async fn leave(mut self) -> Result<()> {
        self.heart = None;
        if let Some(joining) = self.joining.take() {
            joining.abort();
            // Nothing more is sent by it after this, least of all another join.
            let _ = joining.await;
        }
        self.desk.cluster.close_lane(self.desk.lane);
        self.desk.leave().await
    }
}

impl Drop for Member {
    fn drop(&mut self) {
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

    /// The heart begins here, and not when somebody asks for the share: until then the session might end.
    async fn join_and_beat(self: Arc<Self>, reason: &'static str) -> Result<(Share, Heart)> {
        let share = self.join(reason).await?;
        self.with(|s| s.lost = None);
        Ok((share, Heart(tokio::spawn(self.beat()))))
    }

    async fn join(&self, reason: &'static str) -> Result<Share> {
        let mut backoff = self.cluster.backoff(format!("join {}", self.about()));
        let mut nameless = self.id().is_empty();
        loop {
            let asked = Instant::now();
            let error = match self.join_once(reason).await {
                Ok(share) => return Ok(share),
                Err(error) => error,
            };
            // A broker that had it wait for the others was there all the while.
            if error.code().is_some() && asked.elapsed() > self.cluster.config().retry.most {
                backoff.reset();
            }
            match error.code() {
                // The id is in place now: at once again. Once.
                Some(ErrorCode::MEMBER_ID_REQUIRED) if std::mem::take(&mut nameless) => {}
                // The rebalance began anew, which may happen as often as somebody comes or goes.
                Some(ErrorCode::REBALANCE_IN_PROGRESS) => tokio::time::sleep(backoff.wait()).await,
                Some(ErrorCode::MEMBER_ID_REQUIRED | ErrorCode::ILLEGAL_GENERATION) => backoff.pause_for(error).await?,
                Some(ErrorCode::UNKNOWN_MEMBER_ID) => {
                    nameless = true;
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
        let subscription = write_subscription(&self.topics)?;
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
        self.with(|s| (s.generation, s.counted) = (joined.generation_id, None));
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
        let own = counts.iter().filter(|(topic, _)| self.topics.contains(topic));
        let own = own.map(|(topic, count)| (topic.clone(), *count)).collect();
        self.with(|s| s.counted = Some(own));
        let shares = assignor.assign(&members, &counts);
        let assignment = |(member_id, share): (Text, Share)| {
            let assignment = write_assignment(&share)?;
            Ok(SyncGroupRequestAssignment { member_id, assignment, ..Default::default() })
        };
        shares.into_iter().map(assignment).collect()
    }

    /// The heartbeat task. Looking at metadata may take long, and no beat waits for it.
    async fn beat(self: Arc<Self>) {
        tokio::select! {
            () = self.beat_while_member() => {}
            () = self.watch_partitions() => {}
        }
    }

    /// Beats until the group does not count it as a member any more. While the group rebalances it beats on: whoever works on what
    /// was handed out is alive, and joins at the next call.
    async fn beat_while_member(&self) {
        let (member_id, generation_id) = self.with(|s| (s.id.clone(), s.generation));
        let request = HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id,
            member_id,
            group_instance_id: self.config.instance.clone(),
            ..Default::default()
        };
        loop {
            tokio::time::sleep(self.config.heartbeat).await;
            let Err(error) = self.heartbeat_once(&request).await else { continue };
            match error.code() {
                Some(ErrorCode::REBALANCE_IN_PROGRESS) => self.call_to_join("the group rebalances"),
                Some(ErrorCode::UNKNOWN_MEMBER_ID) => return self.call_to_join("the group does not know it any more"),
                Some(ErrorCode::ILLEGAL_GENERATION) => return self.call_to_join("a rebalance was missed"),
                Some(ErrorCode::FENCED_INSTANCE_ID) => {
                    self.with(|s| s.fatal = Some(error));
                    return self.call_to_join("another has its name");
                }
                // The coordinator moves, or cannot be reached: the session timeout decides.
                _ => self.cluster.forget_coordinator(&self.node()),
            }
        }
    }

    /// Calls to join when topics have other partitions than were shared out. Never ends.
    async fn watch_partitions(&self) {
        // The leader knows what it shared out; the others look now.
        let mut known = self.with(|s| s.counted.take());
        loop {
            if known.is_some() {
                tokio::time::sleep(self.cluster.config().metadata_age).await;
            }
            match partition_counts(&self.cluster, &self.topics).await {
                Ok(now) if known.as_ref().is_some_and(|known| *known != now) => {
                    self.call_to_join("partitions were added");
                    known = Some(now);
                }
                Ok(now) => known = Some(now),
                Err(_) => tokio::time::sleep(self.config.heartbeat).await,
            }
        }
    }

    fn call_to_join(&self, why: &'static str) {
        self.with(|s| s.lost = Some(why));
        self.changed.notify_waiters();
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
        // Not by the lane of its own: there it would wait behind a join, which waits for the others.
        let connection = self.cluster.connection(&self.node(), Lane::Main).await?;
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
fn write_blob(message: &impl Message) -> Result<Bytes> {
    let mut out = BytesMut::new();
    out.put_i16(BLOB_VERSION);
    // Every field of ours exists in this version, but a name may be longer than any can be.
    let written = message.encode(&mut out, BLOB_VERSION);
    written.map_err(|why| Error::Invalid(format!("the topics cannot be told to the group: {why}")))?;
    Ok(out.freeze())
}

/// Reads a blob; a version newer than ours begins with what ours has.
fn read_blob<M: Message>(blob: Bytes) -> Option<M> {
    let mut reader = Reader::new(blob);
    let version = reader.i16().ok()?.min(*M::VERSIONS.end());
    M::decode(&mut reader, version).ok()
}

fn write_subscription(topics: &[Text]) -> Result<Bytes> {
    write_blob(&ConsumerProtocolSubscription { topics: topics.to_vec(), ..Default::default() })
}

fn read_subscription(blob: Bytes) -> Option<Vec<Text>> {
    read_blob::<ConsumerProtocolSubscription>(blob).map(|s| s.topics)
}

fn write_assignment(share: &[(Text, i32)]) -> Result<Bytes> {
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
