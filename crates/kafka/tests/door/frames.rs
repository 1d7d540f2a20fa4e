//! Frames and headers that lie: each is answered or its connection closed, and nobody else notices.

use bytes::{BufMut, BytesMut};
use milena_wire::{
    AlterPartitionReassignmentsRequest, ApiVersionsRequest, ApiVersionsResponse, DescribeConfigsRequest, ElectLeadersRequest,
    ErrorCode, FindCoordinatorRequest, Message, MetadataRequest, OffsetCommitRequest, OffsetFetchRequest,
    alter_partition_reassignments, describe_configs, elect_leaders, offset_commit, offset_fetch,
};

use crate::{
    transcript::create,
    world::{Client, World, body, framed, opened},
};

/// What a hostile byte stream leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Answered,
    Closed,
}

fn fate(client: &mut Client<'_>) -> Fate {
    if client.receive().is_some() { Fate::Answered } else { Fate::Closed }
}

/// An honest client gets its answer.
fn check_honest(world: &World) {
    let versions = world.connect().ask(
        4,
        &ApiVersionsRequest { client_software_name: "honest".into(), client_software_version: "1".into(), ..Default::default() },
    );
    assert_eq!(versions.error_code, 0);
}

fn flexible_header(key: i16, version: i16, tags: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_i16(key);
    out.put_i16(version);
    out.put_i32(1);
    out.put_i16(-1);
    out.put_slice(tags);
    out.to_vec()
}

#[test]
fn streams_that_are_no_frames_are_closed() {
    let world = World::new();
    let mut streams: Vec<Vec<u8>> = [-1, i32::MIN, i32::MAX, (100 << 20) + 1].map(|n: i32| n.to_be_bytes().to_vec()).into();
    streams.push(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec());
    streams.push(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec());
    streams.push(vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
    for stream in streams {
        let mut client = world.connect();
        client.send_bytes(&stream);
        assert!(client.is_closed(), "{stream:?}");
        check_honest(&world);
    }
}

#[test]
fn a_frame_of_the_limit_is_read_and_one_byte_more_closes() {
    let world = World::with(&[("socket.request.max.bytes", "2000")]);
    let mut frame = framed(3, 1, &body(&MetadataRequest { topics: None, ..Default::default() }, 1));
    frame.resize(2000, 0);
    let mut client = world.connect();
    client.send_frame(&frame);
    assert_eq!(fate(&mut client), Fate::Answered, "bytes behind the body are ignored");
    frame.push(0);
    client.send_frame(&frame);
    assert_eq!(fate(&mut client), Fate::Closed);
}

#[test]
fn headers_that_lie_are_answered_or_closed_as_kafka_does() {
    let world = World::new();
    let metadata = |tags: &[u8]| {
        let mut frame = flexible_header(3, 9, tags);
        frame.extend_from_slice(&body(&MetadataRequest { topics: None, ..Default::default() }, 9));
        frame
    };
    let mut null_client = framed(3, 1, &body(&MetadataRequest { topics: None, ..Default::default() }, 1));
    null_client[8..10].copy_from_slice(&(-2i16).to_be_bytes());
    let mut long_client = null_client.clone();
    long_client[8..10].copy_from_slice(&i16::MAX.to_be_bytes());
    let mut negative = framed(3, 1, &body(&MetadataRequest { topics: None, ..Default::default() }, 1));
    negative[4..8].copy_from_slice(&(-5i32).to_be_bytes());
    let cases: Vec<(&str, Vec<u8>, Fate)> = vec![
        ("an empty frame", vec![], Fate::Closed),
        ("three bytes", vec![0, 18, 0], Fate::Closed),
        ("an unknown key", framed(999, 0, &[]), Fate::Closed),
        ("a negative key", framed(-1, 0, &[]), Fate::Closed),
        ("a key that is not served", framed(24, 0, &[0; 64]), Fate::Closed),
        ("an unknown version", framed(3, 99, &[0; 64]), Fate::Closed),
        ("a negative version", framed(3, -1, &[0; 64]), Fate::Closed),
        ("an old produce", framed(0, 2, &[0; 64]), Fate::Closed),
        ("a client id of length -2 is null", null_client, Fate::Answered),
        ("a client id longer than the frame", long_client, Fate::Closed),
        ("a negative correlation id", negative, Fate::Answered),
        ("an unknown tag in the header", metadata(&[1, 9, 2, 0, 0]), Fate::Answered),
        ("2^31 tags", metadata(&[0x80, 0x80, 0x80, 0x80, 0x08]), Fate::Closed),
        ("a tag count of six bytes", metadata(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]), Fate::Closed),
        ("a tag longer than the frame", metadata(&[1, 9, 0xff, 0xff, 0xff, 0xff, 0x07]), Fate::Closed),
        ("a body that is cut short", framed(3, 1, &[0, 0]), Fate::Closed),
        ("a million topics in no bytes", framed(3, 1, &1_000_000i32.to_be_bytes()), Fate::Closed),
        ("a compact count of 2^32-1 is null", framed(3, 9, &[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 0, 0]), Fate::Answered),
    ];
    for (what, frame, expected) in cases {
        let mut client = world.connect();
        client.send_frame(&frame);
        assert_eq!(fate(&mut client), expected, "{what}");
        check_honest(&world);
    }
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    let world = World::new();
    let mut client = world.connect();
    client.send_frame(&flexible_header(18, 99, &[0]));
    let mut reader = opened::<ApiVersionsRequest>(client.receive().unwrap(), 0);
    let answer = ApiVersionsResponse::decode(&mut reader, 0).unwrap();
    assert_eq!(ErrorCode(answer.error_code), ErrorCode::UNSUPPORTED_VERSION);
    let told: Vec<_> = answer.api_keys.iter().map(|k| (k.api_key, k.min_version, k.max_version)).collect();
    assert_eq!(told, [(18, 0, 4)]);
    client.send_frame(&flexible_header(18, 99, &[]));
    assert_eq!(fate(&mut client), Fate::Closed, "without the tag byte Kafka closes");
}

#[test]
fn every_served_version_is_told_and_produce_0_to_2_beside_them() {
    let world = World::new();
    let answer = world.connect().ask(0, &ApiVersionsRequest::default());
    for key in answer.api_keys {
        let card = milena_kafka::card(key.api_key).unwrap();
        let first = if key.api_key == 0 { 0 } else { *card.versions.start() };
        assert_eq!((key.min_version, key.max_version), (first, *card.versions.end()), "{}", card.name);
        let known = milena_wire::api(key.api_key).unwrap();
        assert_eq!(*card.versions.end(), known.latest_stable(), "{} is served in its last stable version", card.name);
        assert_eq!((*card.versions.start(), card.name), (known.versions.0, known.name));
    }
}

#[test]
fn requests_pushed_without_reading_are_held_back_and_answered_in_order() {
    const MANY: usize = 2000;
    let world = World::new();
    let broker = describe_configs::DescribeConfigsResource {
        resource_type: 4,
        resource_name: "1".into(),
        configuration_keys: None,
        ..Default::default()
    };
    let request = DescribeConfigsRequest { resources: vec![broker], include_documentation: true, ..Default::default() };
    let mut stream = BytesMut::new();
    for n in 0..MANY {
        milena_wire::frame::request(&mut stream, 4, n as i32, None, &request).unwrap();
    }
    let (mut reading, mut writing) = tokio::io::split(world.connect().stream);
    let begun = || world.node().counters().requests().find(|(key, ..)| *key == 32).map_or(0, |(_, all, _)| all);
    world.runtime.block_on(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let push = async {
            writing.write_all(&stream).await.unwrap();
        };
        let pull = async {
            // Long enough for everything that would be begun to have been begun.
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            let ahead = begun();
            assert!((1..500).contains(&ahead), "{ahead} requests were begun for a client that does not read");
            for n in 0..MANY {
                let length = reading.read_i32().await.unwrap();
                assert!(length > 20_000, "the answers are too small for this test");
                let mut frame = vec![0; length as usize];
                reading.read_exact(&mut frame).await.unwrap();
                assert_eq!(frame[..4], (n as i32).to_be_bytes());
            }
        };
        tokio::time::timeout(3 * crate::world::PATIENCE, async { tokio::join!(push, pull) }).await.unwrap();
    });
}

#[test]
fn a_small_request_cannot_ask_for_the_same_thing_without_end() {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 1);
    let note = "x".repeat(4000);
    let position =
        offset_commit::OffsetCommitRequestPartition { committed_metadata: Some(note.as_str().into()), ..Default::default() };
    let topic = offset_commit::OffsetCommitRequestTopic { name: "t".into(), partitions: vec![position], ..Default::default() };
    let commit = OffsetCommitRequest { group_id: "g".into(), topics: vec![topic], ..Default::default() };
    assert_eq!(client.ask(8, &commit).topics[0].partitions[0].error_code, 0);
    // The same partition over and over, in one topic and in many.
    let many =
        offset_fetch::OffsetFetchRequestTopics { name: "t".into(), partition_indexes: vec![0; 10_000], ..Default::default() };
    let group = offset_fetch::OffsetFetchRequestGroup { group_id: "g".into(), topics: Some(vec![many; 3]), ..Default::default() };
    let answer = client.ask(9, &OffsetFetchRequest { groups: vec![group], ..Default::default() });
    let told: Vec<_> = answer.groups[0].topics.iter().flat_map(|topic| &topic.partitions).collect();
    assert_eq!(told.len(), 16);
    assert!(told.iter().all(|position| position.metadata.as_ref().is_some_and(|m| m.as_str() == note)));
    let keys = vec!["".into(); 10_000];
    let answer = client.ask(4, &FindCoordinatorRequest { coordinator_keys: keys, ..Default::default() });
    assert_eq!(answer.coordinators.len(), 16);
    // A long name, and many partitions under it.
    let topic = elect_leaders::TopicPartitions {
        topic: "x".repeat(30_000).into(),
        partitions: (0..10_000).collect(),
        ..Default::default()
    };
    let request = ElectLeadersRequest { topic_partitions: Some(vec![topic]), ..Default::default() };
    let correlation = client.send(2, &request);
    let frame = client.receive().unwrap();
    assert!(frame.len() < 600_000, "{} bytes for ten thousand partitions, answer {correlation}", frame.len());
    let index = alter_partition_reassignments::ReassignablePartition { replicas: Some(vec![1]), ..Default::default() };
    let topic = alter_partition_reassignments::ReassignableTopic {
        name: "x".repeat(30_000).into(),
        partitions: vec![index; 10_000],
        ..Default::default()
    };
    client.send(1, &AlterPartitionReassignmentsRequest { topics: vec![topic], ..Default::default() });
    let frame = client.receive().unwrap();
    assert!(frame.len() < 600_000, "{} bytes for ten thousand partitions", frame.len());
}

#[test]
fn too_many_connections_are_refused_and_places_come_back() {
    let world = World::with(&[("max.connections", "3"), ("max.connections.per.ip", "2")]);
    let mut first = world.connect();
    first.ask(0, &ApiVersionsRequest::default());
    let mut second = world.connect();
    second.ask(0, &ApiVersionsRequest::default());
    assert!(world.connect().is_closed(), "a third connection from one address");
    drop(first);
    // The place is given back when the connection's task has seen the end.
    let came_back = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        !world.door.node().counters().connections.get().ge(&2)
    });
    assert!(came_back);
    world.connect().ask(0, &ApiVersionsRequest::default());
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let world = World::with(&[("connections.max.idle.ms", "1200")]);
    let mut idle = world.connect();
    let mut slow = world.connect();
    slow.send_bytes(&[0, 0]);
    let mut busy = world.connect();
    for _ in 0..8 {
        busy.ask(0, &ApiVersionsRequest::default());
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    assert!(idle.is_closed(), "nothing ever came");
    assert!(slow.is_closed(), "a frame that never ends is no sign of life");
    busy.ask(0, &ApiVersionsRequest::default());
}

/// Ten thousand idle connections must fit: each is a task of this size, and holds no buffer.
#[test]
fn a_connection_is_small() {
    let world = World::new();
    let (_near, far) = tokio::io::duplex(64);
    let ends = milena_kafka::Ends { remote: "127.0.0.1:1".parse().unwrap(), local: "127.0.0.1:2".parse().unwrap() };
    let size = std::mem::size_of_val(&milena_kafka::serve_connection(far, ends, world.door.clone()));
    assert!(size <= 1500, "{size} bytes a connection");
}
