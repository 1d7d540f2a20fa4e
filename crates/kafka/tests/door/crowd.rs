//! The memory of all connections together: many that take nothing, or send nothing more, and one that must not notice.

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use milena_record::{Builder, Codec};
use milena_wire::{ErrorCode, FetchRequest, HeartbeatRequest, ProduceRequest, fetch, frame, produce};

use crate::{
    transcript::create,
    world::{Client, PATIENCE, World},
};

const LIMIT: u64 = 4 << 20;
/// What one answer, or one read of a socket, may add to it.
const SLACK: u64 = 2 << 20;
/// Five times more than the limit would be held if each of them held one answer only.
const CROWD: usize = 20;
const BATCH: usize = 250_000;

fn world() -> World {
    World::with(&[("socket.request.max.bytes", "1048576"), ("queued.max.request.bytes", &LIMIT.to_string())])
}

fn held(world: &World) -> u64 {
    world.node().counters().held.get()
}

/// Waits until so much is held.
fn comes_to(world: &World, holds: impl Fn(u64) -> bool) {
    let begun = Instant::now();
    while !holds(held(world)) {
        assert!(begun.elapsed() < PATIENCE, "{} bytes are held", held(world));
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn batch(size: usize) -> Bytes {
    let mut builder = Builder::new(Codec::None);
    builder.push(1_700_000_000_000, None, Some(&vec![1; size]), &[]).unwrap();
    Bytes::from(builder.finish().unwrap())
}

fn produce_request(size: usize) -> ProduceRequest {
    let partition = produce::PartitionProduceData { index: 0, records: Some(batch(size)), ..Default::default() };
    let topic = produce::TopicProduceData { name: "t".into(), partition_data: vec![partition], ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() }
}

fn produce(client: &mut Client<'_>, size: usize) {
    let answer = client.ask(9, &produce_request(size));
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

fn fetch_request() -> FetchRequest {
    let partition = fetch::FetchPartition { partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = fetch::FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { max_bytes: 1 << 20, session_epoch: -1, topics: vec![topic], ..Default::default() }
}

/// What an honest client does is done although the memory of all is spent: records are taken in, and a member is heard.
fn check_short_ones(world: &World, honest: &mut Client<'_>) {
    produce(honest, 1000);
    let beat = honest.ask(3, &HeartbeatRequest { group_id: "g".into(), ..Default::default() });
    assert_eq!(ErrorCode(beat.error_code), ErrorCode::UNKNOWN_MEMBER_ID);
    assert!(held(world) >= LIMIT, "it was not spent while it was asked for nothing");
}

/// And records are given out, after somebody who takes none was closed.
fn check_long_ones(world: &World, honest: &mut Client<'_>) {
    let answer = honest.ask(11, &fetch_request());
    assert!(answer.responses[0].partitions[0].records.as_ref().is_some_and(|records| records.len() >= BATCH));
    assert!(world.node().counters().crowded_out.get() > 0);
}

#[test]
fn readers_that_take_nothing_hold_what_is_allowed_and_nobody_else_notices() {
    let world = world();
    let mut honest = world.connect();
    create(&mut honest, "t", 1);
    (0..4).for_each(|_| produce(&mut honest, BATCH));
    let mut crowd: Vec<Client<'_>> = (0..CROWD).map(|_| world.connect_by(4096)).collect();
    for client in &mut crowd {
        // More than one, so that it would hold more than one answer.
        for _ in 0..4 {
            client.send(11, &fetch_request());
        }
    }
    comes_to(&world, |held| held >= LIMIT);
    check_short_ones(&world, &mut honest);
    assert!(held(&world) <= LIMIT + SLACK, "{} bytes are held", held(&world));
    check_long_ones(&world, &mut honest);
    assert!(held(&world) <= LIMIT + SLACK, "{} bytes are held", held(&world));
    drop(crowd);
    comes_to(&world, |held| held == 0);
}

#[test]
fn requests_that_are_never_sent_to_their_end_hold_what_is_allowed_and_nobody_else_notices() {
    let world = world();
    let mut honest = world.connect();
    create(&mut honest, "t", 1);
    produce(&mut honest, BATCH);
    let mut whole = BytesMut::new();
    frame::request(&mut whole, 9, 1, None, &produce_request(1_000_000)).unwrap();
    let mut crowd: Vec<Client<'_>> = Vec::new();
    for _ in 0..CROWD {
        let mut client = world.connect();
        client.send_bytes(&whole[..600_000]);
        crowd.push(client);
    }
    comes_to(&world, |held| held >= LIMIT);
    check_short_ones(&world, &mut honest);
    assert!(held(&world) <= LIMIT + SLACK, "{} bytes are held", held(&world));
    check_long_ones(&world, &mut honest);
    // What is large goes through as well: this is such a request, sent by somebody who means it.
    produce(&mut honest, 900_000);
    drop(crowd);
    comes_to(&world, |held| held == 0);
}

#[test]
fn a_reader_that_is_slow_and_steady_is_not_closed() {
    let world = world();
    let mut honest = world.connect();
    create(&mut honest, "t", 1);
    (0..4).for_each(|_| produce(&mut honest, BATCH));
    let mut slow = world.connect_by(4096);
    let correlation = slow.send(11, &fetch_request());
    let mut crowd: Vec<Client<'_>> = (0..8).map(|_| world.connect_by(4096)).collect();
    for client in &mut crowd {
        client.send(11, &fetch_request());
    }
    let waiting = honest.send(11, &fetch_request());
    // It takes a hundred bytes now and then, far longer than anybody is waited for who takes none.
    let mut taken = Vec::new();
    while world.node().counters().crowded_out.get() == 0 {
        let mut some = [0; 8192];
        let n = slow.take(&mut some);
        taken.extend_from_slice(&some[..n]);
        std::thread::sleep(Duration::from_millis(50));
    }
    honest.answer::<FetchRequest>(11, waiting);
    let mut rest = BytesMut::from(&taken[4..]);
    let length = i32::from_be_bytes(taken[..4].try_into().unwrap()) as usize;
    while rest.len() < length {
        let mut some = vec![0; length - rest.len()];
        let n = slow.take(&mut some);
        assert!(n > 0, "the slow reader was closed");
        rest.put_slice(&some[..n]);
    }
    let (header, _) = frame::open_response(rest.freeze(), 1, 11).unwrap();
    assert_eq!(header.correlation_id, correlation);
}

#[test]
fn a_client_that_took_its_answers_until_now_may_pause_while_strangers_are_closed() {
    let world = world();
    let mut good = world.connect_by(4096);
    create(&mut good, "t", 1);
    (0..4).for_each(|_| produce(&mut good, BATCH));
    let correlation = good.send(11, &fetch_request());
    let mut length = [0; 4];
    assert_eq!(good.take(&mut length), 4);
    // So many wait that strangers are closed as soon as anybody ever is.
    let mut crowd: Vec<Client<'_>> = (0..200).map(|_| world.connect_by(4096)).collect();
    for client in &mut crowd {
        client.send(11, &fetch_request());
    }
    std::thread::sleep(Duration::from_millis(700));
    assert!(world.node().counters().crowded_out.get() > 0, "nobody was closed meanwhile");
    let (mut answer, length) = (BytesMut::new(), i32::from_be_bytes(length) as usize);
    while answer.len() < length {
        let mut some = vec![0; length - answer.len()];
        let n = good.take(&mut some);
        assert!(n > 0, "the client that paused was closed");
        answer.put_slice(&some[..n]);
    }
    let (header, _) = frame::open_response(answer.freeze(), 1, 11).unwrap();
    assert_eq!(header.correlation_id, correlation);
}
