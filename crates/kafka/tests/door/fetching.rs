//! Fetch from outside: waiting, sessions, and never an empty answer while data is there.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use bytes::Bytes;
use milena_record::{Batch, Builder, Codec};
use milena_wire::{CreateTopicsRequest, ErrorCode, FetchRequest, FetchResponse, ProduceRequest, create_topics, fetch, produce};
use proptest::prelude::*;

use crate::world::{Client, World};

fn create(client: &mut Client<'_>, name: &str, partitions: i32) {
    let topic = create_topics::CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: 1,
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() };
    assert_eq!(client.ask(7, &request).topics[0].error_code, 0);
}

fn produce_request(topic: &str, index: i32, records: usize, size: usize) -> ProduceRequest {
    let mut builder = Builder::new(Codec::None);
    for _ in 0..records {
        builder.push(1_700_000_000_000, None, Some(&vec![1; size]), &[]).unwrap();
    }
    let records = Some(Bytes::from(builder.finish().unwrap()));
    let partition = produce::PartitionProduceData { index, records, ..Default::default() };
    let topic = produce::TopicProduceData { name: topic.into(), partition_data: vec![partition], ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() }
}

fn produce(client: &mut Client<'_>, topic: &str, index: i32, records: usize, size: usize) {
    let answer = client.ask(9, &produce_request(topic, index, records, size));
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

fn wants(partition: i32, offset: i64, max_bytes: i32) -> fetch::FetchPartition {
    fetch::FetchPartition { partition, fetch_offset: offset, partition_max_bytes: max_bytes, ..Default::default() }
}

fn fetch_request(topic: &str, partitions: Vec<fetch::FetchPartition>) -> FetchRequest {
    let topic = fetch::FetchTopic { topic: topic.into(), partitions, ..Default::default() };
    FetchRequest { max_wait_ms: 0, min_bytes: 1, session_epoch: -1, topics: vec![topic], ..Default::default() }
}

fn mentioned(answer: &FetchResponse) -> Vec<(i32, i64, usize)> {
    let all = answer.responses.iter().flat_map(|t| &t.partitions);
    all.map(|p| (p.partition_index, p.high_watermark, p.records.as_ref().map_or(0, Bytes::len))).collect()
}

#[test]
fn a_waiting_fetch_is_woken_by_the_bytes_it_waits_for() {
    let world = World::new();
    let (mut reader, mut writer) = (world.connect(), world.connect());
    create(&mut writer, "t", 2);
    let mut patient = fetch_request("t", vec![wants(0, 0, 1 << 20), wants(1, 0, 1 << 20)]);
    patient.max_wait_ms = 8000;
    let begun = Instant::now();
    let correlation = reader.send(11, &patient);
    std::thread::sleep(Duration::from_millis(50));
    produce(&mut writer, "t", 1, 1, 10);
    let answer = reader.answer::<FetchRequest>(11, correlation);
    assert!(begun.elapsed() < Duration::from_secs(4), "it did not wait for its time to be over");
    let told = mentioned(&answer);
    assert_eq!((told[0].2, told[1].1), (0, 1));
    assert!(told[1].2 > 0);
}

#[test]
fn minimal_bytes_are_waited_for_and_then_what_is_there_is_given() {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 1);
    produce(&mut client, "t", 0, 1, 10);
    let mut greedy = fetch_request("t", vec![wants(0, 0, 1 << 20)]);
    (greedy.min_bytes, greedy.max_wait_ms) = (1 << 19, 200);
    let begun = Instant::now();
    let answer = client.ask(11, &greedy);
    assert!(begun.elapsed() >= Duration::from_millis(190));
    assert!(mentioned(&answer)[0].2 > 0);
}

#[test]
fn a_deleted_topic_wakes_who_waits_at_it() {
    let world = World::new();
    let (mut reader, mut admin) = (world.connect(), world.connect());
    create(&mut admin, "t", 1);
    let mut patient = fetch_request("t", vec![wants(0, 0, 1 << 20)]);
    patient.max_wait_ms = 8000;
    let correlation = reader.send(11, &patient);
    std::thread::sleep(Duration::from_millis(50));
    let delete = milena_wire::DeleteTopicsRequest { topic_names: vec!["t".into()], timeout_ms: 1000, ..Default::default() };
    admin.ask(3, &delete);
    let begun = Instant::now();
    let answer = reader.answer::<FetchRequest>(11, correlation);
    assert!(begun.elapsed() < Duration::from_secs(4));
    let error = ErrorCode(answer.responses[0].partitions[0].error_code);
    assert_eq!(error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn a_client_that_leaves_is_waited_for_no_longer() {
    let world = World::new();
    let (mut reader, mut admin) = (world.connect(), world.connect());
    create(&mut admin, "t", 1);
    let mut patient = fetch_request("t", vec![wants(0, 0, 1 << 20)]);
    patient.max_wait_ms = 60_000;
    reader.send(11, &patient);
    std::thread::sleep(Duration::from_millis(50));
    let connections = || world.node().counters().connections.get();
    assert_eq!(connections(), 2);
    drop(reader);
    assert!((0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        connections() == 1
    }));
}

#[test]
fn a_session_tells_only_what_is_new() {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 3);
    produce(&mut client, "t", 0, 2, 10);
    let mut full = fetch_request("t", (0..3).map(|p| wants(p, 0, 1 << 20)).collect());
    full.session_epoch = 0;
    let begun = client.ask(12, &full);
    assert!(begun.session_id > 0);
    assert_eq!(mentioned(&begun).len(), 3, "a full fetch is answered in full");
    let next = |epoch: i32, topics: Vec<fetch::FetchTopic>| FetchRequest {
        session_id: begun.session_id,
        session_epoch: epoch,
        max_wait_ms: 0,
        min_bytes: 1,
        topics,
        ..Default::default()
    };
    let moved = fetch::FetchTopic { topic: "t".into(), partitions: vec![wants(0, 2, 1 << 20)], ..Default::default() };
    let quiet = client.ask(12, &next(1, vec![moved]));
    assert_eq!((quiet.session_id, mentioned(&quiet)), (begun.session_id, vec![]));
    produce(&mut client, "t", 2, 1, 10);
    let news = client.ask(12, &next(2, vec![]));
    assert_eq!(mentioned(&news).iter().map(|p| (p.0, p.1)).collect::<Vec<_>>(), [(2, 1)]);
    let wrong = client.ask(12, &next(7, vec![]));
    assert_eq!(ErrorCode(wrong.error_code), ErrorCode::INVALID_FETCH_SESSION_EPOCH);
    let unknown = client.ask(12, &FetchRequest { session_id: i32::MAX, ..next(1, vec![]) });
    assert_eq!(ErrorCode(unknown.error_code), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
}

#[test]
fn sessions_are_as_many_as_the_setting_says() {
    let world = World::with(&[("max.incremental.fetch.session.cache.slots", "2")]);
    let mut client = world.connect();
    create(&mut client, "t", 1);
    let mut full = fetch_request("t", vec![wants(0, 0, 1 << 20)]);
    full.session_epoch = 0;
    let given: Vec<bool> = (0..4).map(|_| client.ask(12, &full).session_id > 0).collect();
    assert_eq!(given, [true, true, false, false]);
}

#[test]
fn fetch_max_bytes_of_the_broker_bounds_an_answer() {
    let world = World::with(&[("fetch.max.bytes", "5000")]);
    let mut client = world.connect();
    create(&mut client, "t", 1);
    for _ in 0..50 {
        produce(&mut client, "t", 0, 1, 500);
    }
    let answer = client.ask(11, &fetch_request("t", vec![wants(0, 0, 1 << 20)]));
    let bytes = mentioned(&answer)[0].2;
    assert!(bytes > 3000 && bytes <= 5000, "{bytes}");
}

#[test]
fn an_impossible_isolation_is_refused() {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 1);
    let mut odd = fetch_request("t", vec![wants(0, 0, 1 << 20)]);
    odd.isolation_level = 2;
    let answer = client.ask(11, &odd);
    assert_eq!(ErrorCode(answer.error_code), ErrorCode::UNKNOWN_SERVER_ERROR);
    assert_eq!(answer.responses[0].partitions[0].error_code, answer.error_code);
}

#[test]
fn nobody_is_a_replica_here() {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 1);
    let mut follower = fetch_request("t", vec![wants(0, 0, 1 << 20)]);
    follower.replica_id = 7;
    let answer = client.ask(11, &follower);
    assert_eq!(ErrorCode(answer.responses[0].partitions[0].error_code), ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

#[test]
fn what_lies_on_the_disk_comes_whole_and_in_bounded_answers() {
    const BATCHES: i64 = 40;
    const SIZE: usize = 300_000;
    let directory = tempfile::tempdir().unwrap();
    {
        let world = World::on_disk(directory.path());
        let mut client = world.connect();
        create(&mut client, "t", 1);
        for _ in 0..BATCHES {
            produce(&mut client, "t", 0, 1, SIZE);
        }
    }
    let world = World::on_disk(directory.path());
    let mut client = world.connect();
    let (mut next, mut answers) = (0, 0);
    while next < BATCHES {
        let mut request = fetch_request("t", vec![wants(0, next, i32::MAX)]);
        request.max_wait_ms = 1000;
        let answer = client.ask(11, &request);
        let records = answer.responses[0].partitions[0].records.clone().unwrap();
        assert!(!records.is_empty(), "empty at {next} although data is there");
        assert!(records.len() <= (4 << 20) + 2 * SIZE, "{} bytes of the disk in one answer", records.len());
        for (base, last) in batches(&records) {
            assert_eq!(base, next);
            next = last + 1;
        }
        answers += 1;
    }
    assert!(answers >= 3);
}

/// The batches of an answer, as (base, last) offsets; fails if one is not whole.
fn batches(mut records: &[u8]) -> Vec<(i64, i64)> {
    let mut found = Vec::new();
    while !records.is_empty() {
        let length = 12 + i32::from_be_bytes(records[8..12].try_into().unwrap()) as usize;
        assert!(length <= records.len(), "half a batch");
        let batch = Batch::parse(&records[..length]).unwrap();
        batch.check_crc().unwrap();
        let header = batch.header();
        found.push((header.base_offset(), header.base_offset() + i64::from(header.last_offset_delta())));
        records = &records[length..];
    }
    found
}

/// A topic with three partitions of batches of different sizes, made once: high watermarks 40, 7 and 0.
static STOCKED: Mutex<Option<World>> = Mutex::new(None);

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the limits: below the high watermark an answer carries at least one whole batch, it begins with the batch
    /// that holds the offset asked for, and nothing is left out between batches.
    #[test]
    fn no_answer_is_empty_while_data_is_there(
        offsets in [0i64..=40, 0i64..=7, 0i64..=0],
        order in Just([0, 1, 2]).prop_shuffle(),
        max_bytes in prop_oneof![Just(0), 0..2000i32, Just(i32::MAX)],
        partition_max in prop_oneof![Just(0), 0..1000i32, Just(i32::MAX)],
        min_bytes in prop_oneof![Just(0), Just(1), 0..1000i32],
        version in 4i16..=12,
        with_session in any::<bool>(),
    ) {
        let mut stocked = STOCKED.lock().unwrap();
        let world = stocked.get_or_insert_with(stock);
        let mut client = world.connect();
        let ends = [40, 7, 0];
        let partitions = order.iter().map(|p| wants(*p, offsets[*p as usize], partition_max)).collect();
        let mut request = fetch_request("t", partitions);
        (request.max_bytes, request.min_bytes, request.max_wait_ms) = (max_bytes, min_bytes, 1);
        if with_session && version >= 7 {
            request.session_epoch = 0;
        }
        let answer = client.ask(version, &request);
        let (mut total, mut biggest) = (0, 0);
        for told in answer.responses.iter().flat_map(|t| &t.partitions) {
            prop_assert_eq!(told.error_code, 0);
            let records = told.records.clone().unwrap_or_default();
            total += records.len();
            biggest = biggest.max(records.len());
            let mut next = offsets[told.partition_index as usize];
            for (nth, (base, last)) in batches(&records).into_iter().enumerate() {
                if nth == 0 {
                    prop_assert!(base <= next && next <= last, "{next} is not in {base}..={last}");
                } else {
                    prop_assert_eq!(base, next);
                }
                next = last + 1;
            }
        }
        let is_data = order.iter().any(|p| offsets[*p as usize] < ends[*p as usize]);
        prop_assert_eq!(total > 0, is_data, "empty although data is there, or the other way round");
        // One batch may break the limits, a second may not.
        prop_assert!(total <= biggest.max(usize::try_from(max_bytes).unwrap()));
    }
}

fn stock() -> World {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 3);
    for n in 0..10 {
        produce(&mut client, "t", 0, 4, 10 + 20 * n);
    }
    produce(&mut client, "t", 1, 7, 100);
    drop(client);
    world
}
