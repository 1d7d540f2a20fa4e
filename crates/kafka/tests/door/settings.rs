//! Settings whose effect a client sees, one test each. Those of connections are in `frames`, those of fetches in `fetching`.

use bytes::Bytes;
use milena_record::{Batch, Builder, Codec};
use milena_wire::*;

use crate::{
    transcript::create,
    world::{Client, World},
};

fn metadata(client: &mut Client<'_>, name: &str) -> metadata::MetadataResponseTopic {
    let topic = metadata::MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
    client.ask(9, &MetadataRequest { topics: Some(vec![topic]), ..Default::default() }).topics.remove(0)
}

fn set(client: &mut Client<'_>, topic: &str, name: &str, value: &str) {
    let config = incremental_alter_configs::AlterableConfig {
        name: name.into(),
        config_operation: 0,
        value: Some(value.into()),
        ..Default::default()
    };
    let resource = incremental_alter_configs::AlterConfigsResource {
        resource_type: 2,
        resource_name: topic.into(),
        configs: vec![config],
        ..Default::default()
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
    assert_eq!(client.ask(1, &request).responses[0].error_code, 0);
}

fn write(client: &mut Client<'_>, codec: Codec) -> produce::PartitionProduceResponse {
    let mut builder = Builder::new(codec);
    for _ in 0..20 {
        builder.push(1_700_000_000_000, Some(b"k"), Some(&[7; 200]), &[]).unwrap();
    }
    let records = Some(Bytes::from(builder.finish().unwrap()));
    let partition = produce::PartitionProduceData { index: 0, records, ..Default::default() };
    let topic = produce::TopicProduceData { name: "t".into(), partition_data: vec![partition], ..Default::default() };
    let request = ProduceRequest { acks: 1, topic_data: vec![topic], ..Default::default() };
    client.ask(9, &request).responses.remove(0).partition_responses.remove(0)
}

fn read(client: &mut Client<'_>, offset: i64) -> Bytes {
    fetched(client, offset).records.unwrap()
}

fn fetched(client: &mut Client<'_>, offset: i64) -> fetch::PartitionData {
    let partition = fetch::FetchPartition { fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = fetch::FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() };
    let request = FetchRequest { session_epoch: -1, topics: vec![topic], ..Default::default() };
    client.ask(11, &request).responses.remove(0).partitions.remove(0)
}

fn join(client: &mut Client<'_>, group: &str, session_timeout_ms: i32) -> JoinGroupResponse {
    let protocol = join_group::JoinGroupRequestProtocol { name: "range".into(), ..Default::default() };
    let request = JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    };
    client.ask(3, &request)
}

#[test]
fn milena_retention_gap_policy_takes_a_reader_over_what_is_gone() {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 1);
    (0..3).for_each(|_| assert_eq!(write(&mut client, Codec::None).error_code, 0));
    let partition = delete_records::DeleteRecordsPartition { partition_index: 0, offset: 20, ..Default::default() };
    let topic = delete_records::DeleteRecordsTopic { name: "t".into(), partitions: vec![partition], ..Default::default() };
    let trim = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() };
    assert_eq!(client.ask(2, &trim).topics[0].partitions[0].error_code, 0);
    let at = |client: &mut Client<'_>, offset: i64| {
        let partition = fetched(client, offset);
        let base = partition.records.as_ref().filter(|r| !r.is_empty()).map(|r| Batch::parse(r).unwrap().header().base_offset());
        (ErrorCode(partition.error_code), base)
    };
    assert_eq!(at(&mut client, 5), (ErrorCode::OFFSET_OUT_OF_RANGE, None), "Kafka's answer unless asked otherwise");
    set(&mut client, "t", "milena.retention.gap.policy", "next");
    assert_eq!(at(&mut client, 5), (ErrorCode::NONE, Some(20)));
    assert_eq!(at(&mut client, 40), (ErrorCode::NONE, Some(40)));
    // Beyond the end is a mistake under either.
    assert_eq!(at(&mut client, 61), (ErrorCode::OFFSET_OUT_OF_RANGE, None));
    set(&mut client, "t", "milena.retention.gap.policy", "error");
    assert_eq!(at(&mut client, 5), (ErrorCode::OFFSET_OUT_OF_RANGE, None));
}

#[test]
fn num_partitions_is_what_a_topic_gets_that_nobody_made() {
    let world = World::with(&[("num.partitions", "5")]);
    let topic = metadata(&mut world.connect(), "t");
    assert_eq!((topic.error_code, topic.partitions.len()), (0, 5));
}

#[test]
fn auto_create_topics_enable_can_be_off() {
    let world = World::with(&[("auto.create.topics.enable", "false")]);
    let topic = metadata(&mut world.connect(), "t");
    assert_eq!(ErrorCode(topic.error_code), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn delete_topic_enable_can_be_off() {
    let world = World::with(&[("delete.topic.enable", "false")]);
    let mut client = world.connect();
    create(&mut client, "t", 1);
    let request = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
    let answer = client.ask(5, &request);
    assert_eq!(ErrorCode(answer.responses[0].error_code), ErrorCode::TOPIC_DELETION_DISABLED);
    assert_eq!(metadata(&mut client, "t").partitions.len(), 1);
}

#[test]
fn message_timestamp_type_tells_the_time_of_the_append() {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 1);
    assert_eq!(write(&mut client, Codec::None).log_append_time_ms, -1);
    set(&mut client, "t", "message.timestamp.type", "LogAppendTime");
    let before = world.node().now().wall;
    let told = write(&mut client, Codec::None).log_append_time_ms;
    assert!((before..before + 10_000).contains(&told));
    let stored = read(&mut client, 20);
    let batch = Batch::parse(&stored).unwrap();
    batch.check_crc().unwrap();
    assert_eq!(batch.header().max_timestamp(), told);
}

#[test]
fn compression_type_packs_what_came_otherwise() {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 1);
    set(&mut client, "t", "compression.type", "zstd");
    assert_eq!(write(&mut client, Codec::Gzip).error_code, 0);
    let stored = read(&mut client, 0);
    let batch = Batch::parse(&stored).unwrap();
    batch.check_crc().unwrap();
    assert_eq!(batch.header().codec(), Ok(Codec::Zstd));
}

#[test]
fn session_timeouts_of_members_have_bounds() {
    let world = World::with(&[("group.min.session.timeout.ms", "2000"), ("group.max.session.timeout.ms", "3000")]);
    let mut client = world.connect();
    for (timeout, expected) in
        [(1999, ErrorCode::INVALID_SESSION_TIMEOUT), (2000, ErrorCode::NONE), (3001, ErrorCode::INVALID_SESSION_TIMEOUT)]
    {
        assert_eq!(ErrorCode(join(&mut client, &format!("g{timeout}"), timeout).error_code), expected);
    }
}

#[test]
fn group_max_size_bounds_a_group() {
    let world = World::with(&[("group.max.size", "1")]);
    let (mut first, mut second) = (world.connect(), world.connect());
    assert_eq!(join(&mut first, "g", 10_000).error_code, 0);
    assert_eq!(ErrorCode(join(&mut second, "g", 10_000).error_code), ErrorCode::GROUP_MAX_SIZE_REACHED);
}

#[test]
fn a_first_member_is_given_company_only_when_asked_for() {
    let world = World::with(&[("group.initial.rebalance.delay.ms", "1500")]);
    let begun = std::time::Instant::now();
    join(&mut world.connect(), "g", 10_000);
    assert!(begun.elapsed().as_millis() >= 1490);
    let world = World::new();
    let begun = std::time::Instant::now();
    join(&mut world.connect(), "g", 10_000);
    assert!(begun.elapsed().as_millis() < 1490);
}

#[test]
fn offset_metadata_max_bytes_bounds_a_note() {
    let world = World::with(&[("offset.metadata.max.bytes", "4")]);
    let mut client = world.connect();
    create(&mut client, "t", 1);
    let mut commit = |note: &str| {
        let partition =
            offset_commit::OffsetCommitRequestPartition { committed_metadata: Some(note.into()), ..Default::default() };
        let topic =
            offset_commit::OffsetCommitRequestTopic { name: "t".into(), partitions: vec![partition], ..Default::default() };
        let request = OffsetCommitRequest { group_id: "g".into(), topics: vec![topic], ..Default::default() };
        ErrorCode(client.ask(8, &request).topics[0].partitions[0].error_code)
    };
    assert_eq!(commit("four"), ErrorCode::NONE);
    assert_eq!(commit("fives"), ErrorCode::OFFSET_METADATA_TOO_LARGE);
}

#[test]
fn an_address_may_have_a_limit_of_its_own() {
    let settings = [("max.connections.per.ip", "1"), ("max.connections.per.ip.overrides", "127.0.0.1:2")];
    let world = World::with(&settings);
    let (mut first, mut second) = (world.connect(), world.connect());
    first.ask(0, &ApiVersionsRequest::default());
    second.ask(0, &ApiVersionsRequest::default());
    assert!(world.connect().is_closed());
}
