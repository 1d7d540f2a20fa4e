//! Produce from outside: what is taken, what is refused with which code, and what never comes back.

use bytes::{Bytes, BytesMut};
use milena_record::{Builder, Codec, Producer, crc32c};
use milena_wire::{
    ApiVersionsRequest, ErrorCode, ListOffsetsRequest, ProduceRequest, ProduceResponse, create_topics, list_offsets, produce,
};

use crate::world::{Client, World};

const T: i64 = 1_700_000_000_000;

fn builder(codec: Codec, count: usize) -> Builder {
    let mut builder = Builder::new(codec);
    for n in 0..count {
        builder.push(T, Some(b"k"), Some(&[b'v'; 50]), &[]).unwrap();
        let _ = n;
    }
    builder
}

fn plain(count: usize) -> Vec<u8> {
    builder(Codec::None, count).finish().unwrap()
}

/// Puts the checksum right again after a change behind it.
fn sealed(mut batch: Vec<u8>) -> Vec<u8> {
    let sum = crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&sum.to_be_bytes());
    batch
}

/// A batch with one change, and a checksum that fits.
fn changed(count: usize, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut batch = plain(count);
    change(&mut batch);
    sealed(batch)
}

/// A topic, and records for partitions of it.
type Given<'a> = (&'a str, &'a [(i32, Option<Vec<u8>>)]);

fn request(topics: &[Given<'_>], acks: i16) -> ProduceRequest {
    let topic = |(name, partitions): &Given<'_>| produce::TopicProduceData {
        name: (*name).into(),
        partition_data: partitions
            .iter()
            .map(|(index, records)| produce::PartitionProduceData {
                index: *index,
                records: records.clone().map(Bytes::from),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    ProduceRequest { acks, timeout_ms: 1000, topic_data: topics.iter().map(topic).collect(), ..Default::default() }
}

fn with_topic(world: &World, name: &str, settings: &[(&str, &str)]) {
    let configs = settings.iter().map(|(name, value)| create_topics::CreatableTopicConfig {
        name: (*name).into(),
        value: Some((*value).into()),
        ..Default::default()
    });
    let topic = create_topics::CreatableTopic {
        name: name.into(),
        num_partitions: 2,
        replication_factor: 1,
        configs: configs.collect(),
        ..Default::default()
    };
    let request = milena_wire::CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() };
    assert_eq!(world.connect().ask(7, &request).topics[0].error_code, 0);
}

fn end(client: &mut Client<'_>, topic: &str) -> i64 {
    let partition = list_offsets::ListOffsetsPartition { timestamp: -1, ..Default::default() };
    let topic = list_offsets::ListOffsetsTopic { name: topic.into(), partitions: vec![partition], ..Default::default() };
    let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
    client.ask(7, &request).topics[0].partitions[0].offset
}

fn first(answer: &ProduceResponse) -> (ErrorCode, i64) {
    let partition = &answer.responses[0].partition_responses[0];
    (ErrorCode(partition.error_code), partition.base_offset)
}

fn produce(client: &mut Client<'_>, records: Vec<u8>) -> (ErrorCode, i64) {
    first(&client.ask(9, &request(&[("t", &[(0, Some(records))])], -1)))
}

#[test]
fn batches_that_lie_are_refused_with_kafkas_code_and_nothing_is_appended() {
    let world = World::new();
    with_topic(&world, "t", &[("max.message.bytes", "2000")]);
    let mut client = world.connect();
    let mut gzip = builder(Codec::Gzip, 3).finish().unwrap();
    let length = gzip.len();
    gzip[length - 12] ^= 0xff;
    let two = [plain(1), plain(1)].concat();
    let cases: Vec<(&str, Vec<u8>, ErrorCode)> = vec![
        ("no bytes", vec![], ErrorCode::INVALID_RECORD),
        (
            "a wrong checksum",
            {
                let mut b = plain(1);
                b[65] ^= 1;
                b
            },
            ErrorCode::CORRUPT_MESSAGE,
        ),
        ("format 0", changed(1, |b| b[16] = 0), ErrorCode::INVALID_RECORD),
        ("format 1", changed(1, |b| b[16] = 1), ErrorCode::INVALID_RECORD),
        ("format 3", changed(1, |b| b[16] = 3), ErrorCode::CORRUPT_MESSAGE),
        ("two batches", two, ErrorCode::INVALID_RECORD),
        ("a control batch", changed(1, |b| b[22] |= 0x20), ErrorCode::INVALID_RECORD),
        ("a codec that does not exist", changed(1, |b| b[22] |= 0x05), ErrorCode::UNKNOWN_SERVER_ERROR),
        ("broken gzip", sealed(gzip), ErrorCode::UNKNOWN_SERVER_ERROR),
        ("a last delta that is too large", changed(2, |b| b[26] = 7), ErrorCode::INVALID_RECORD),
        ("a count that is too large", changed(2, |b| b[60] = 7), ErrorCode::INVALID_RECORD),
        ("a negative count", changed(2, |b| b[57] = 0xff), ErrorCode::INVALID_RECORD),
        (
            "a base offset",
            {
                let mut b = plain(1);
                b[7] = 9;
                b
            },
            ErrorCode::INVALID_RECORD,
        ),
        ("too large a batch", plain(60), ErrorCode::MESSAGE_TOO_LARGE),
        (
            "a transaction",
            changed(1, |b| {
                b[22] |= 0x10;
                b[50] = 1;
                b[43..51].fill(0);
                b[51..53].fill(0);
                b[53..57].fill(0)
            }),
            ErrorCode::INVALID_TXN_STATE,
        ),
        ("half a batch", plain(1)[..40].to_vec(), ErrorCode::INVALID_RECORD),
    ];
    for (what, batch, expected) in cases {
        assert_eq!(produce(&mut client, batch), (expected, -1), "{what}");
    }
    assert_eq!(end(&mut client, "t"), 0, "nothing was appended, and the connection lives");
    assert_eq!(produce(&mut client, plain(2)), (ErrorCode::NONE, 0));
}

#[test]
fn what_kafka_takes_is_taken() {
    let world = World::new();
    with_topic(&world, "t", &[]);
    let mut client = world.connect();
    let mut offset = 0;
    let mut half = plain(1);
    half.extend_from_slice(&plain(1)[..30]);
    let mut stray = plain(1);
    stray.extend_from_slice(&[1, 2, 3, 4, 5]);
    let codecs = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
    let packed = codecs.map(|codec| builder(codec, 1).finish().unwrap());
    for batch in [half, stray].into_iter().chain(packed) {
        assert_eq!(produce(&mut client, batch), (ErrorCode::NONE, offset));
        offset += 1;
    }
    assert_eq!(end(&mut client, "t"), offset);
}

#[test]
fn a_bomb_is_refused_in_bounded_memory() {
    let world = World::new();
    with_topic(&world, "t", &[]);
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let mut builder = Builder::new(codec);
        // 200 MB of nothing: small on the wire with every codec but snappy, which does not fit the topic's limit either.
        for _ in 0..20 {
            builder.push(T, None, Some(&vec![0; 10 << 20]), &[]).unwrap();
        }
        let batch = builder.finish().unwrap();
        let mut client = world.connect();
        assert_eq!(produce(&mut client, batch), (ErrorCode::MESSAGE_TOO_LARGE, -1), "{codec}");
        assert_eq!(end(&mut client, "t"), 0);
    }
}

#[test]
fn idempotent_producers_get_their_answers() {
    let world = World::new();
    with_topic(&world, "t", &[]);
    let mut client = world.connect();
    let mut write = |epoch: i16, base_sequence: i32| {
        let producer = Producer { id: 7, epoch, base_sequence };
        produce(&mut client, builder(Codec::None, 2).producer(producer).finish().unwrap())
    };
    assert_eq!(write(3, 0), (ErrorCode::NONE, 0));
    assert_eq!(write(3, 2), (ErrorCode::NONE, 2));
    assert_eq!(write(3, 0), (ErrorCode::NONE, 0), "a duplicate has its old offset");
    assert_eq!(write(3, 6), (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
    assert_eq!(write(2, 4), (ErrorCode::INVALID_PRODUCER_EPOCH, -1));
    assert_eq!(write(4, 5), (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
    assert_eq!(write(4, 0), (ErrorCode::NONE, 4));
}

#[test]
fn without_acks_nothing_is_answered_and_a_refusal_closes() {
    let world = World::new();
    with_topic(&world, "t", &[]);
    let mut client = world.connect();
    client.send(9, &request(&[("t", &[(0, Some(plain(3)))])], 0));
    assert_eq!(end(&mut client, "t"), 3, "the next answer on the connection is that of the next request");
    client.send(9, &request(&[("missing", &[(0, Some(plain(3)))])], 0));
    assert!(client.is_closed());
}

#[test]
fn a_partition_given_twice_takes_the_last_and_is_answered_once() {
    let world = World::new();
    with_topic(&world, "t", &[]);
    let mut client = world.connect();
    let twice = request(&[("t", &[(0, Some(plain(5))), (1, Some(plain(1)))]), ("t", &[(0, Some(plain(2)))])], -1);
    let answer = client.ask(9, &twice);
    assert_eq!(answer.responses.len(), 1);
    let told: Vec<_> = answer.responses[0].partition_responses.iter().map(|p| (p.index, p.error_code)).collect();
    assert_eq!(told, [(0, 0), (1, 0)]);
    assert_eq!(end(&mut client, "t"), 2);
}

#[test]
fn the_records_that_a_batch_was_refused_for_are_named() {
    let world = World::new();
    with_topic(&world, "t", &[("message.timestamp.after.max.ms", "1000"), ("cleanup.policy", "compact")]);
    let mut client = world.connect();
    let now = world.node().now().wall;
    let mut ask = |records: &[(i64, Option<&[u8]>)], codec| {
        let mut builder = Builder::new(codec);
        for (stamp, key) in records {
            builder.push(*stamp, *key, Some(b"v"), &[]).unwrap();
        }
        let answer = client.ask(9, &request(&[("t", &[(0, Some(builder.finish().unwrap()))])], -1));
        let partition = answer.responses[0].partition_responses[0].clone();
        let named: Vec<_> = partition.record_errors.iter().map(|e| e.batch_index).collect();
        (ErrorCode(partition.error_code), named)
    };
    let (fine, future) = ((now, Some(&b"k"[..])), (now + 3_600_000, Some(&b"k"[..])));
    assert_eq!(ask(&[fine, future, fine, future], Codec::None), (ErrorCode::INVALID_TIMESTAMP, vec![1, 3]));
    assert_eq!(ask(&[fine, (now, None)], Codec::Gzip), (ErrorCode::INVALID_RECORD, vec![1]));
    assert_eq!(ask(&[future; 9], Codec::Lz4), (ErrorCode::INVALID_TIMESTAMP, (0..9).collect()));
    // A fault of time is what is answered; whoever has the other one is named, too.
    assert_eq!(ask(&[(now, None), future, fine], Codec::None), (ErrorCode::INVALID_TIMESTAMP, vec![0, 1]));
    assert_eq!(ask(&[fine], Codec::None), (ErrorCode::NONE, vec![]));
}

/// KIP-110: whoever speaks an older version is not told of Zstandard, and does not bring it either.
#[test]
fn zstandard_comes_with_its_version() {
    let world = World::new();
    with_topic(&world, "t", &[]);
    let mut client = world.connect();
    let mut builder = Builder::new(Codec::Zstd);
    builder.push(world.node().now().wall, None, Some(b"v"), &[]).unwrap();
    let packed = builder.finish().unwrap();
    let mut ask = |version| first(&client.ask(version, &request(&[("t", &[(0, Some(packed.clone()))])], -1))).0;
    assert_eq!((ask(6), ask(7)), (ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, ErrorCode::NONE));
}

#[test]
fn null_records_and_wrong_acks_are_refused() {
    let world = World::new();
    with_topic(&world, "t", &[]);
    let mut client = world.connect();
    let null = client.ask(9, &request(&[("t", &[(0, None)])], -1));
    assert_eq!(first(&null), (ErrorCode::INVALID_RECORD, -1));
    let acks = client.ask(9, &request(&[("t", &[(0, Some(plain(1)))])], 7));
    assert_eq!(first(&acks), (ErrorCode::INVALID_REQUIRED_ACKS, -1));
    assert_eq!(end(&mut client, "t"), 0);
}

#[test]
fn a_thousand_requests_in_flight_are_answered_in_order() {
    let world = World::new();
    with_topic(&world, "t", &[]);
    let mut client = world.connect();
    let sent: Vec<i32> = (0..1000).map(|_| client.send(9, &request(&[("t", &[(0, Some(plain(1)))])], -1))).collect();
    for (offset, correlation) in sent.into_iter().enumerate() {
        let answer = client.answer::<ProduceRequest>(9, correlation);
        assert_eq!(first(&answer), (ErrorCode::NONE, offset as i64));
    }
}

#[test]
fn a_large_batch_arrives_whole_in_small_pieces() {
    let world = World::new();
    with_topic(&world, "t", &[("max.message.bytes", "10000000")]);
    let mut client = world.connect();
    let mut builder = Builder::new(Codec::None);
    builder.push(T, None, Some(&vec![7; 5 << 20]), &[]).unwrap();
    assert_eq!(produce(&mut client, builder.finish().unwrap()), (ErrorCode::NONE, 0));
    client.ask(0, &ApiVersionsRequest::default());
}

#[test]
fn no_mutation_of_a_request_harms_the_broker() {
    let world = World::new();
    with_topic(&world, "t", &[]);
    let mut frame = BytesMut::new();
    let honest = request(&[("t", &[(0, Some(plain(2)))])], -1);
    milena_wire::frame::request(&mut frame, 9, 1, None, &honest).unwrap();
    let frame = frame.freeze();
    for at in 4..frame.len() {
        let mut mutated = frame.to_vec();
        mutated[at] ^= 0x41;
        let mut client = world.connect();
        client.send_bytes(&mutated);
        // Either is fine, as long as it comes: an answer, or the end. A mutated acks=0 has neither until we leave.
        if mutated[14..].first() == frame[14..].first() {
            client.send_frame(&[0, 99, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
            while client.receive().is_some() {}
        }
    }
    let mut client = world.connect();
    assert_eq!(produce(&mut client, plain(1)).0, ErrorCode::NONE);
}
