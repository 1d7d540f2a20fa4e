//! What a member of a group does when things go wrong, played by a scripted coordinator that also leads every partition.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use milena_client::{
    record::{Builder, Codec},
    wire::{
        AnyRequest, ApiVersionsResponse, ConsumerProtocolAssignment, FetchRequest, FetchResponse, FindCoordinatorResponse,
        HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupResponse, ListOffsetsRequest, ListOffsetsResponse,
        Message as _, MetadataRequest, MetadataResponse, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchResponse,
        SyncGroupResponse, Text, Uuid,
        api_versions::ApiVersion,
        bytes::{BufMut, Bytes, BytesMut},
        consumer_protocol_assignment::TopicPartition,
        fetch::{FetchableTopicResponse, PartitionData},
        join_group::JoinGroupResponseMember,
        list_offsets::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        metadata::{MetadataResponsePartition, MetadataResponseTopic},
        offset_commit::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
        offset_fetch::{OffsetFetchResponsePartition, OffsetFetchResponseTopic},
    },
    *,
};

use crate::peer::{Asked, Deed, only_broker, peer};

const ID: Uuid = Uuid::from_u128(7);
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(2);

const COORDINATOR_LOAD_IN_PROGRESS: i16 = 14;
const REBALANCE_IN_PROGRESS: i16 = 27;
const TOPIC_AUTHORIZATION_FAILED: i16 = 29;
const MEMBER_ID_REQUIRED: i16 = 79;

/// A coordinator with one member, that leads all partitions of the topic `t`.
#[derive(Default)]
struct Broker {
    address: Option<Endpoint>,
    /// Batches of one record each, by partition.
    log: Vec<Vec<Vec<u8>>>,
    positions: BTreeMap<i32, i64>,
    generation: i32,
    joins: usize,
    syncs: usize,
    beats: usize,
    /// Answer to heartbeats, until a join.
    beat_code: i16,
    /// Answers to joins; afterwards 0.
    sync_code: i16,
    commit_codes: BTreeMap<i32, i16>,
    /// The partitions and offsets of each commit that was asked for.
    commits: Vec<BTreeMap<i32, i64>>,
    fetches: usize,
    left: bool,
}

struct Played(Arc<Mutex<Broker>>, Cluster);

type Play = fn(&mut Broker, &Asked) -> Option<Deed>;

impl Played {
    /// With so many records in each partition. `play` is asked before the broker itself.
    async fn start(records: &[usize], play: impl FnMut(&mut Broker, &Asked) -> Option<Deed> + Send + 'static) -> Self {
        Self::start_with(records, Retry { most: Duration::from_millis(20), ..Retry::default() }, play).await
    }

    async fn start_with(
        records: &[usize],
        retry: Retry,
        mut play: impl FnMut(&mut Broker, &Asked) -> Option<Deed> + Send + 'static,
    ) -> Self {
        let log = records.iter().map(|count| (0..*count as i64).map(record).collect()).collect();
        let broker = Arc::new(Mutex::new(Broker { log, ..Default::default() }));
        let script = broker.clone();
        let endpoint = peer(move |asked| {
            let mut broker = script.lock().unwrap();
            play(&mut broker, asked).unwrap_or_else(|| broker.answer(asked))
        })
        .await;
        broker.lock().unwrap().address = Some(endpoint.clone());
        Self(broker, Cluster::new(Config { retry, ..Config::new([endpoint]) }).unwrap())
    }

    fn lock(&self) -> MutexGuard<'_, Broker> {
        self.0.lock().unwrap()
    }

    fn member(&self, config: GroupConfig) -> GroupConsumer {
        GroupConsumer::new(self.1.clone(), "g", &["t".into()], config)
    }

    async fn wait(&self, until: impl Fn(&Broker) -> bool) {
        let waiting = async {
            while !until(&self.lock()) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it must come to that");
    }

    /// Waits in `next`, where nothing comes, until the broker saw something.
    async fn wait_in_next(&self, member: &mut GroupConsumer, until: impl Fn(&Broker) -> bool) {
        tokio::select! {
            biased;
            () = self.wait(until) => {}
            message = member.next() => panic!("{message:?}"),
        }
    }
}

fn record(offset: i64) -> Vec<u8> {
    let mut builder = Builder::new(Codec::None).place(offset, 0);
    builder.push(1, None, Some(b"value"), &[]).unwrap();
    builder.finish().unwrap()
}

fn assignment(partitions: Vec<i32>) -> Bytes {
    let mut blob = BytesMut::new();
    blob.put_i16(0);
    let assigned_partitions = vec![TopicPartition { topic: "t".into(), partitions }];
    ConsumerProtocolAssignment { assigned_partitions, ..Default::default() }.encode(&mut blob, 0).unwrap();
    blob.freeze()
}

impl Broker {
    fn answer(&mut self, asked: &Asked) -> Deed {
        let address = self.address.clone().unwrap();
        match &asked.request {
            AnyRequest::ApiVersions(_) => {
                let offer = |(api_key, max_version)| ApiVersion { api_key, max_version, ..Default::default() };
                let groups = [(8, 10), (9, 7), (10, 2), (11, 5), (12, 3), (13, 3), (14, 3)];
                let others = [(1, 12), (2, 6), (3, 12), (18, 4)];
                let api_keys = groups.into_iter().chain(others).map(offer).collect();
                asked.answer(&ApiVersionsResponse { api_keys, ..Default::default() })
            }
            AnyRequest::Metadata(request) => asked.answer(&self.metadata(request)),
            AnyRequest::FindCoordinator(_) => asked.answer(&FindCoordinatorResponse {
                node_id: 1,
                host: address.host().into(),
                port: address.port().into(),
                ..Default::default()
            }),
            AnyRequest::JoinGroup(request) => asked.answer(&self.join(request)),
            AnyRequest::SyncGroup(_) => {
                self.syncs += 1;
                let assignment = assignment((0..self.log.len() as i32).collect());
                asked.answer(&SyncGroupResponse { error_code: self.sync_code, assignment, ..Default::default() })
            }
            AnyRequest::Heartbeat(_) => {
                self.beats += 1;
                asked.answer(&HeartbeatResponse { error_code: self.beat_code, ..Default::default() })
            }
            AnyRequest::LeaveGroup(_) => {
                self.left = true;
                asked.answer(&LeaveGroupResponse::default())
            }
            AnyRequest::OffsetFetch(_) => asked.answer(&self.positions()),
            AnyRequest::OffsetCommit(request) => asked.answer(&self.commit(request)),
            AnyRequest::ListOffsets(request) => asked.answer(&self.ends(request)),
            AnyRequest::Fetch(request) => asked.answer(&self.fetch(request)),
            other => panic!("{other:?}"),
        }
    }

    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let partition = |n| MetadataResponsePartition { partition_index: n, leader_id: 1, ..Default::default() };
        let topics = request.topics.iter().flatten().map(|t| MetadataResponseTopic {
            name: t.name.clone(),
            topic_id: ID,
            partitions: (0..self.log.len() as i32).map(partition).collect(),
            ..Default::default()
        });
        let brokers = only_broker(self.address.as_ref().unwrap());
        MetadataResponse { brokers, topics: topics.collect(), ..Default::default() }
    }

    fn join(&mut self, request: &JoinGroupRequest) -> JoinGroupResponse {
        self.joins += 1;
        self.generation += 1;
        self.beat_code = 0;
        let metadata = request.protocols[0].metadata.clone();
        JoinGroupResponse {
            generation_id: self.generation,
            protocol_name: Some(request.protocols[0].name.clone()),
            leader: "m".into(),
            member_id: "m".into(),
            members: vec![JoinGroupResponseMember { member_id: "m".into(), metadata, ..Default::default() }],
            ..Default::default()
        }
    }

    fn positions(&self) -> OffsetFetchResponse {
        let position = |(partition, offset): (&i32, &i64)| OffsetFetchResponsePartition {
            partition_index: *partition,
            committed_offset: *offset,
            ..Default::default()
        };
        let partitions = self.positions.iter().map(position).collect();
        let topic = OffsetFetchResponseTopic { name: "t".into(), partitions, ..Default::default() };
        OffsetFetchResponse { topics: vec![topic], ..Default::default() }
    }

    fn commit(&mut self, request: &OffsetCommitRequest) -> OffsetCommitResponse {
        let asked = request.topics.iter().flat_map(|t| &t.partitions);
        let asked: BTreeMap<i32, i64> = asked.map(|p| (p.partition_index, p.committed_offset)).collect();
        let mut partitions = Vec::new();
        for (partition, offset) in &asked {
            let error_code = self.commit_codes.get(partition).copied().unwrap_or(0);
            if error_code == 0 {
                self.positions.insert(*partition, *offset);
            }
            partitions.push(OffsetCommitResponsePartition { partition_index: *partition, error_code, ..Default::default() });
        }
        self.commits.push(asked);
        let topic = OffsetCommitResponseTopic { topic_id: ID, partitions, ..Default::default() };
        OffsetCommitResponse { topics: vec![topic], ..Default::default() }
    }

    fn ends(&self, request: &ListOffsetsRequest) -> ListOffsetsResponse {
        let end = |partition_index: i32, timestamp| ListOffsetsPartitionResponse {
            partition_index,
            offset: if timestamp == -2 { 0 } else { self.log[partition_index as usize].len() as i64 },
            ..Default::default()
        };
        let partitions = request.topics[0].partitions.iter().map(|p| end(p.partition_index, p.timestamp)).collect();
        let topic = ListOffsetsTopicResponse { name: "t".into(), partitions, ..Default::default() };
        ListOffsetsResponse { topics: vec![topic], ..Default::default() }
    }

    /// One record of each partition that has more.
    fn fetch(&mut self, request: &FetchRequest) -> FetchResponse {
        self.fetches += 1;
        // In place of the broker's waiting.
        std::thread::sleep(LOOK);
        let data = |partition: i32, offset: i64| PartitionData {
            partition_index: partition,
            records: self.log[partition as usize].get(offset as usize).map(|r| r.clone().into()),
            ..Default::default()
        };
        let partitions = request.topics.iter().flat_map(|t| &t.partitions).map(|p| data(p.partition, p.fetch_offset)).collect();
        let topic = FetchableTopicResponse { topic: "t".into(), partitions, ..Default::default() };
        FetchResponse { responses: vec![topic], ..Default::default() }
    }
}

fn config() -> GroupConfig {
    GroupConfig { heartbeat: LOOK, ..Default::default() }
}

const AS_IT_IS: Play = |_, _| None;

async fn next(member: &mut GroupConsumer) -> Result<Message> {
    tokio::time::timeout(PATIENCE, member.next()).await.expect("it must not wait")
}

async fn take(member: &mut GroupConsumer, count: usize) -> Vec<(i32, i64)> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let message = next(member).await.unwrap();
        taken.push((message.partition, message.offset));
    }
    taken.sort();
    taken
}

fn positions(offsets: &[i64]) -> BTreeMap<i32, i64> {
    offsets.iter().enumerate().map(|(n, offset)| (n as i32, *offset)).collect()
}

#[tokio::test]
async fn an_error_is_told_once_and_reading_goes_on_behind_it() {
    let mut refused = false;
    let played = Played::start(&[2, 2], move |_, asked| {
        let AnyRequest::Fetch(request) = &asked.request else { return None };
        let partitions = request.topics.iter().flat_map(|t| &t.partitions);
        let behind_the_first = partitions.into_iter().any(|p| p.partition == 0 && p.fetch_offset == 1);
        if refused || !behind_the_first {
            return None;
        }
        refused = true;
        let partitions = vec![PartitionData { error_code: TOPIC_AUTHORIZATION_FAILED, ..Default::default() }];
        let topic = FetchableTopicResponse { topic: "t".into(), partitions, ..Default::default() };
        Some(asked.answer(&FetchResponse { responses: vec![topic], ..Default::default() }))
    })
    .await;
    let mut member = played.member(config());
    let (mut taken, mut errors) = (Vec::new(), Vec::new());
    while taken.len() < 4 {
        match next(&mut member).await {
            Ok(message) => taken.push((message.partition, message.offset)),
            Err(error) => errors.push(error.code().unwrap().0),
        }
    }
    taken.sort();
    assert_eq!(taken, [(0, 0), (0, 1), (1, 0), (1, 1)], "nothing is lost and nothing comes twice");
    assert_eq!(errors, [TOPIC_AUTHORIZATION_FAILED]);
    assert_eq!(played.lock().joins, 1);
}

#[tokio::test]
async fn damage_is_told_each_time_and_the_others_are_read_meanwhile() {
    let played = Played::start(&[3, 40], AS_IT_IS).await;
    *played.lock().log[0][1].last_mut().unwrap() ^= 1;
    let mut member = played.member(config());
    let (mut of_damaged, mut of_whole, mut errors) = (Vec::new(), Vec::new(), 0);
    while errors < 3 || of_whole.len() < 40 {
        match next(&mut member).await {
            Ok(message) if message.partition == 0 => of_damaged.push(message.offset),
            Ok(message) => of_whole.push(message.offset),
            Err(Error::Damaged { partition: 0, offset: 1, .. }) => errors += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((of_damaged, of_whole), (vec![0], (0..40).collect()));
    member.commit().await.unwrap();
    assert_eq!(played.lock().positions, positions(&[1, 40]));
}

#[tokio::test]
async fn a_member_whose_caller_works_is_alive_in_a_rebalance() {
    let played = Played::start(&[2], AS_IT_IS).await;
    let mut member = played.member(config());
    assert_eq!(take(&mut member, 1).await, [(0, 0)]);
    let before = {
        let mut broker = played.lock();
        broker.beat_code = REBALANCE_IN_PROGRESS;
        broker.beats
    };
    // It works, and does not call.
    played.wait(|b| b.beats >= before + 5).await;
    assert_eq!(played.lock().joins, 1);
    assert_eq!(take(&mut member, 1).await, [(0, 0)], "not committed, so it comes again");
    assert_eq!(played.lock().joins, 2);
}

#[tokio::test]
async fn beats_do_not_wait_for_metadata() {
    let played = Played::start(&[0], |broker, asked| match &asked.request {
        AnyRequest::Metadata(_) if broker.syncs > 0 => Some(Deed::Silence),
        _ => None,
    })
    .await;
    let mut member = played.member(config());
    played.wait_in_next(&mut member, |b| b.beats >= 3).await;
}

/// What was said to the group stands, although nobody waits for it any more.
#[tokio::test]
async fn a_join_that_nobody_waits_for_is_kept_alive() {
    let played = Played::start(&[1], AS_IT_IS).await;
    let mut member = played.member(config());
    // Looked at once: the join has begun.
    let _ = tokio::time::timeout(Duration::ZERO, member.next()).await.unwrap_err();
    played.wait(|b| b.beats >= 3).await;
    assert_eq!(take(&mut member, 1).await, [(0, 0)]);
    assert_eq!(played.lock().joins, 1);
}

#[tokio::test]
async fn partitions_that_are_added_are_shared_out() {
    let played = Played::start(&[1], AS_IT_IS).await;
    let cluster_config = Config { metadata_age: LOOK, ..played.1.config().clone() };
    let cluster = Cluster::new(cluster_config).unwrap();
    let mut member = GroupConsumer::new(cluster, "g", &["t".into()], config());
    assert_eq!(take(&mut member, 1).await, [(0, 0)]);
    member.commit().await.unwrap();
    played.lock().log.push(vec![record(0)]);
    assert_eq!(take(&mut member, 1).await, [(1, 0)]);
    assert_eq!(played.lock().joins, 2);
}

#[tokio::test]
async fn where_a_member_began_is_committed() {
    let played = Played::start(&[3, 5], AS_IT_IS).await;
    let mut member = played.member(GroupConfig { begin: From::End, ..config() });
    played.wait_in_next(&mut member, |b| b.fetches > 0).await;
    member.commit().await.unwrap();
    assert_eq!(played.lock().positions, positions(&[3, 5]));
    // Once is enough.
    member.commit().await.unwrap();
    assert_eq!(played.lock().commits.len(), 1);
}

#[tokio::test]
async fn what_came_between_two_beginnings_at_the_end_is_read() {
    let played = Played::start(&[3], |broker, asked| match &asked.request {
        AnyRequest::Fetch(_) if broker.generation == 1 => {
            broker.fetches += 1;
            std::thread::sleep(LOOK);
            Some(asked.answer(&FetchResponse::default()))
        }
        _ => None,
    })
    .await;
    let mut member = played.member(GroupConfig { begin: From::End, ..config() });
    played.wait_in_next(&mut member, |b| b.fetches > 0).await;
    {
        let mut broker = played.lock();
        broker.log[0].push(record(3));
        broker.beat_code = REBALANCE_IN_PROGRESS;
    }
    assert_eq!(take(&mut member, 1).await, [(0, 3)]);
    assert_eq!(played.lock().joins, 2);
}

#[tokio::test]
async fn a_waiting_member_commits_by_itself() {
    let played = Played::start(&[2], AS_IT_IS).await;
    // It waits already when the time has come.
    let mut member = played.member(GroupConfig { auto_commit: Some(Duration::from_millis(200)), ..config() });
    take(&mut member, 2).await;
    played.wait_in_next(&mut member, |b| b.positions == positions(&[2])).await;
}

#[tokio::test]
async fn a_member_that_commits_by_itself_commits_what_it_gives_up() {
    let played = Played::start(&[1, 0], AS_IT_IS).await;
    let mut member = played.member(GroupConfig { auto_commit: Some(Duration::from_secs(3600)), ..config() });
    assert_eq!(take(&mut member, 1).await, [(0, 0)]);
    played.lock().beat_code = REBALANCE_IN_PROGRESS;
    played.wait_in_next(&mut member, |b| b.joins == 2).await;
    assert_eq!(played.lock().commits, [positions(&[1, 0])]);
}

#[tokio::test]
async fn a_refused_partition_does_not_hold_back_the_others() {
    let played = Played::start(&[1, 1], AS_IT_IS).await;
    let mut member = played.member(config());
    assert_eq!(take(&mut member, 2).await, [(0, 0), (1, 0)]);
    played.lock().commit_codes = BTreeMap::from([(0, TOPIC_AUTHORIZATION_FAILED)]);
    let refused = member.commit().await.unwrap_err();
    assert_eq!(refused.code().unwrap().0, TOPIC_AUTHORIZATION_FAILED);
    played.lock().commit_codes.clear();
    member.commit().await.unwrap();
    let commits = std::mem::take(&mut played.lock().commits);
    assert_eq!(commits, [positions(&[1, 1]), positions(&[1])], "what was accepted is not said again");
}

#[tokio::test]
async fn only_what_passes_is_committed_again() {
    let played = Played::start(&[1, 1], |broker, asked| {
        if let AnyRequest::OffsetCommit(_) = &asked.request
            && broker.commits.len() == 1
        {
            broker.commit_codes.clear();
        }
        None
    })
    .await;
    let mut member = played.member(config());
    take(&mut member, 2).await;
    played.lock().commit_codes = BTreeMap::from([(0, COORDINATOR_LOAD_IN_PROGRESS)]);
    member.commit().await.unwrap();
    assert_eq!(played.lock().commits, [positions(&[1, 1]), positions(&[1])]);
}

#[tokio::test]
async fn a_commit_that_nobody_waited_for_is_made_again() {
    let silenced = Arc::new(Mutex::new(false));
    let silent = silenced.clone();
    let played = Played::start(&[2], move |_, asked| match &asked.request {
        AnyRequest::OffsetCommit(request)
            if request.topics[0].partitions[0].committed_offset == 1
                && !std::mem::replace(&mut *silent.lock().unwrap(), true) =>
        {
            Some(Deed::Silence)
        }
        _ => None,
    })
    .await;
    let mut member = played.member(GroupConfig { auto_commit: Some(Duration::ZERO), ..config() });
    take(&mut member, 1).await;
    played.wait_in_next(&mut member, |_| *silenced.lock().unwrap()).await;
    member.commit().await.unwrap();
    assert_eq!(played.lock().positions, positions(&[1]));
}

/// A broker answers one connection's requests in turn, and a join waits there for the others.
#[tokio::test]
async fn leaving_does_not_wait_behind_a_join() {
    let mut blocked = HashSet::new();
    let played = Played::start(&[0], move |broker, asked| {
        if matches!(asked.request, AnyRequest::JoinGroup(_)) && broker.joins == 1 {
            broker.joins += 1;
            blocked.insert(asked.connection);
        }
        blocked.contains(&asked.connection).then_some(Deed::Silence)
    })
    .await;
    let mut member = played.member(config());
    played.wait_in_next(&mut member, |b| b.fetches > 0).await;
    played.lock().beat_code = REBALANCE_IN_PROGRESS;
    played.wait_in_next(&mut member, |b| b.joins == 2).await;
    tokio::time::timeout(PATIENCE, member.leave()).await.expect("it must not wait").unwrap();
    assert!(played.lock().left);
}

/// The pauses here are longer than the test: whoever does not pause is seen to hurry.
async fn joins_before_a_pause(expected: usize, play: Play) -> usize {
    let hour = Duration::from_secs(3600);
    let played = Played::start_with(&[1], Retry { first: hour, most: hour, within: 10 * hour }, play).await;
    let mut member = played.member(config());
    played.wait_in_next(&mut member, |b| b.joins >= expected).await;
    let _ = tokio::time::timeout(Duration::from_millis(300), member.next()).await.expect_err("it never joins");
    std::mem::take(&mut played.lock().joins)
}

#[tokio::test]
async fn a_group_that_never_settles_is_not_hurried() {
    let rebalances = joins_before_a_pause(1, |broker, _| {
        broker.sync_code = REBALANCE_IN_PROGRESS;
        None
    });
    assert_eq!(rebalances.await, 1);
    // The first refusal gives an id, with which to come back at once.
    let refusals = joins_before_a_pause(2, |broker, asked| {
        let AnyRequest::JoinGroup(_) = &asked.request else { return None };
        broker.joins += 1;
        let member_id = "m".into();
        Some(asked.answer(&JoinGroupResponse { error_code: MEMBER_ID_REQUIRED, member_id, ..Default::default() }))
    });
    assert_eq!(refusals.await, 2);
}

#[tokio::test]
async fn what_cannot_work_is_refused() {
    let played = Played::start(&[1], AS_IT_IS).await;
    for begin in [From::Offset(5), From::Last(5)] {
        let refused = next(&mut played.member(GroupConfig { begin, ..config() })).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid(_)), "{refused}");
    }
    let long = Text::from("t".repeat(40_000));
    let mut member = GroupConsumer::new(played.1.clone(), "g", &[long], config());
    let refused = next(&mut member).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(_)), "{refused}");
    assert_eq!(played.lock().joins, 0);
}
