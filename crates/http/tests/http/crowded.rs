//! The memory of all connections together: bodies that do not come, answers that nobody takes, and everybody else who must
//! get an answer all the same.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use milena_http::Surface;
use serde_json::{Value, json};

use crate::server::{Reply, Server};

const LIMIT: u64 = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(20);
const MESSAGES: &str = "/q/v1/topics/t/messages";
const LOOK: &str = "/q/v1/topics/t/partitions/0/messages?offset=earliest&max=100";
const LARGE: usize = 900_000;
/// Of the tests in which answers pile up: an answer has 10 MB.
const MUCH: u64 = 24 << 20;

fn server() -> Server {
    limited(LIMIT)
}

fn limited(limit: u64) -> Server {
    let limit = limit.to_string();
    Server::with(Surface::Common, &[("socket.request.max.bytes", "1048576"), ("queued.max.request.bytes", &limit)])
}

/// Waits until so much is held.
fn comes_to(server: &Server, holds: impl Fn(u64) -> bool) {
    let begun = Instant::now();
    while !holds(server.held()) {
        assert!(begun.elapsed() < PATIENCE, "{} bytes are held", server.held());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn message(size: usize) -> Vec<u8> {
    json!({"value": "x".repeat(size)}).to_string().into_bytes()
}

/// The head of a request, and the beginning of its body.
fn begin(server: &Server, length: &str, some: &[u8]) -> TcpStream {
    let mut stream = server.connect(0);
    let head = format!("POST {MESSAGES} HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n");
    // Who is refused may be cut off.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(some));
    stream
}

fn told_to_come_again(reply: &Reply) {
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.body);
}

/// Bodies that hold nearly all there is, and do not come.
fn slow_ones(server: &Server) -> Vec<TcpStream> {
    let slow = (0..3).map(|_| begin(server, "Content-Length: 1300000", b"{\"value\":")).collect();
    comes_to(server, |held| held == 3 * 1_300_000);
    slow
}

/// What is answered while there is no room.
fn when_full(server: &Server, send: impl Fn() -> Reply) -> Reply {
    let slow = slow_ones(server);
    let reply = send();
    drop(slow);
    comes_to(server, |held| held == 0);
    reply
}

#[test]
fn every_family_of_routes_says_in_its_own_envelope_that_there_is_no_room_and_what_is_short_goes_on() {
    let server = server();
    let large = message(LARGE);
    let send = |path: &str, kind: &str| {
        let reply = when_full(&server, || server.send("POST", path, &[("Content-Type", kind)], &large));
        told_to_come_again(&reply);
        reply.json()
    };
    let queue = send(MESSAGES, "application/json");
    assert_eq!((&queue["error_code"], &queue["retriable"]), (&json!("busy"), &json!(true)));
    assert_eq!(send("/topics/t", "application/vnd.kafka.json.v2+json")["error_code"], 50003);
    assert_eq!(send("/subjects/t-value/versions", "application/json")["error_code"], 503);
    let admin = send("/admin/v1/topics/t/restore", "application/json");
    assert!(admin["why"].as_str().is_some_and(|why| why.contains("queued.max.request.bytes")), "{admin}");
    let lines = when_full(&server, || server.send("POST", MESSAGES, &[("Content-Type", "application/x-ndjson")], &large));
    told_to_come_again(&lines);
    assert_eq!(when_full(&server, || server.send("POST", MESSAGES, &[], &message(1000))).status, 201);
    assert_eq!(when_full(&server, || server.get("/metrics")).status, 200);
}

#[test]
fn bodies_that_do_not_come_hold_what_is_allowed_and_are_given_up_when_others_need_it() {
    let server = server();
    // Others find no room, so whoever sends nothing is not waited for.
    for mut slow in slow_ones(&server) {
        let mut answer = [0; 12];
        while server.send("POST", MESSAGES, &[], &message(LARGE)).status == 503 {
            std::thread::sleep(Duration::from_millis(50));
        }
        slow.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 408");
    }
    assert!(server.crowded_out() >= 3);
    assert_eq!(server.held(), 0);
}

#[test]
fn a_body_without_a_length_holds_what_has_come_of_it() {
    let server = server();
    let piece = vec![b' '; 64 << 10];
    let mut growing = begin(&server, "Transfer-Encoding: chunked", b"");
    for _ in 0..56 {
        let head = format!("{:x}\r\n", piece.len());
        growing.write_all(&[head.as_bytes(), &piece, b"\r\n"].concat()).expect("it reads");
    }
    comes_to(&server, |held| held == 56 * (64 << 10));
    told_to_come_again(&server.send("POST", MESSAGES, &[], &message(LARGE)));
    drop(growing);
    comes_to(&server, |held| held == 0);
    assert_eq!(server.send("POST", MESSAGES, &[], &message(LARGE)).status, 201);
}

#[test]
fn a_body_is_counted_as_it_is_unpacked() {
    let server = server();
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&vec![b' '; 15 << 20]).expect("memory");
    let bomb = packer.finish().expect("memory");
    let send = || server.send("POST", MESSAGES, &[("Content-Encoding", "gzip")], &bomb);
    let slow = begin(&server, "Content-Length: 1300000", b"{");
    comes_to(&server, |held| held == 1_300_000);
    told_to_come_again(&send());
    drop(slow);
    comes_to(&server, |held| held == 0);
    assert_eq!(send().status, 400, "alone it is unpacked, and is no message");
    assert_eq!(server.held(), 0);
}

/// Asks and takes no answer.
fn ask(server: &Server, request: &str) -> TcpStream {
    let mut stream = server.connect(4096);
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).expect("it reads");
    stream
}

/// Twenty messages of 500 kB, of which the log keeps little: all of them are in one answer.
fn fill_much(server: &Server) {
    make_packed(server);
    fill(server, 500_000, 20);
}

/// A topic that packs what is put into it.
fn make_packed(server: &Server) {
    let configs = json!([{"name": "compression.type", "value": "gzip"}, {"name": "max.message.bytes", "value": "10000000"}]);
    let made = server.post(&format!("{}/topics", server.cluster()), &json!({"topic_name": "t", "configs": configs}));
    assert_eq!(made.status, 201, "{}", made.body);
}

fn fill(server: &Server, size: usize, count: usize) {
    (0..count).for_each(|_| assert_eq!(server.send("POST", MESSAGES, &[], &message(size)).status, 201));
}

#[test]
fn answers_that_nobody_takes_hold_what_is_allowed_and_their_connections_are_closed_when_others_need_it() {
    let server = limited(MUCH);
    fill_much(&server);
    let crowd: Vec<TcpStream> = (0..12).map(|_| ask(&server, &format!("GET {LOOK}"))).collect();
    comes_to(&server, |held| held > MUCH / 2);
    let begun = Instant::now();
    let looked = loop {
        let looked = server.get(LOOK);
        assert!(server.held() <= MUCH + (1 << 20), "{} bytes are held", server.held());
        match looked.status {
            200 if looked.json()["messages"].as_array().is_some_and(|messages| messages.len() == 20) => break looked,
            // As many as there was memory for.
            200 => {}
            _ => told_to_come_again(&looked),
        }
        assert!(begun.elapsed() < PATIENCE, "the answers of others are in the way for ever");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(looked.body.len() > 10_000_000);
    assert!(server.crowded_out() > 0);
    drop(crowd);
    comes_to(&server, |held| held == 0);
}

const ACCEPT: [(&str, &str); 1] = [("Accept", "application/vnd.kafka.json.v2+json")];
const RECORDS: &str = "/consumers/g/instances/i/records";

/// An instance that reads the topic from its begin.
fn subscribe(server: &Server) {
    let content = [("Content-Type", "application/vnd.kafka.v2+json")];
    let instance = json!({"name": "i", "format": "json", "auto.offset.reset": "earliest"}).to_string();
    assert_eq!(server.send("POST", "/consumers/g", &content, instance.as_bytes()).status, 200);
    let topics = json!({"topics": ["t"]}).to_string();
    let subscribed = server.send("POST", "/consumers/g/instances/i/subscription", &content, topics.as_bytes());
    assert_eq!(subscribed.status, 204);
}

/// A fetch that has moved its reader is told, and one that finds no memory does not move it.
#[test]
fn a_reader_that_finds_no_memory_misses_nothing() {
    let server = server();
    fill(&server, 900_000, 3);
    subscribe(&server);
    let slow = slow_ones(&server);
    told_to_come_again(&server.send("GET", RECORDS, &ACCEPT, b""));
    drop(slow);
    comes_to(&server, |held| held == 0);
    let mut offsets: Vec<Value> = Vec::new();
    while offsets.len() < 3 {
        let fetched = server.send("GET", RECORDS, &ACCEPT, b"");
        assert_eq!(fetched.status, 200, "{}", fetched.body);
        offsets.extend(fetched.json().as_array().expect("records").iter().map(|record| record["offset"].clone()));
    }
    assert_eq!(offsets, [0, 1, 2]);
}

/// What is unpacked for an answer is not in that answer's own way.
#[test]
fn a_batch_that_unpacks_to_more_than_the_limit_is_read_when_nobody_else_holds_anything() {
    let server = server();
    make_packed(&server);
    // One request is one batch: of 6 MB, which the topic packs.
    let message = json!({"value": "x".repeat(500_000)});
    assert_eq!(server.post(MESSAGES, &Value::from(vec![message; 12])).status, 201);
    subscribe(&server);
    let fetched = server.send("GET", RECORDS, &ACCEPT, b"");
    assert_eq!((fetched.status, fetched.json()[0]["offset"].as_i64()), (200, Some(0)), "{}", fetched.headers);
    assert_eq!(server.held(), 0);
}

#[test]
fn a_worker_that_finds_no_memory_had_no_message() {
    let server = server();
    fill(&server, 900_000, 2);
    let slow = slow_ones(&server);
    let receive = "/q/v1/topics/t/groups/g:receive";
    let refused = server.post(receive, &json!({"wait_ms": 0}));
    told_to_come_again(&refused);
    drop(slow);
    comes_to(&server, |held| held == 0);
    let taken = server.post(receive, &json!({"wait_ms": 5000})).json();
    let message = &taken["messages"][0];
    assert_eq!((&message["id"], &message["delivery_count"]), (&json!("t/0/0"), &json!(1)), "a refusal is no delivery");
}

/// What an event stream had out comes back when its worker takes nothing more.
#[test]
fn a_stream_that_nobody_takes_is_closed_when_others_need_it_and_gives_back_what_it_had() {
    let server = limited(MUCH);
    fill_much(&server);
    let stream = ask(&server, "GET /q/v1/topics/t/groups/g/events?credit=20");
    comes_to(&server, |held| held > 8_000_000);
    let begun = Instant::now();
    let large = vec![b' '; 16_000_000];
    while server.crowded_out() == 0 {
        told_or_done(&server.send("POST", MESSAGES, &[], &large));
        assert!(begun.elapsed() < PATIENCE, "it holds {} for ever", server.held());
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(large);
    let told = server.get("/admin/v1/errors?code=CONNECTION_CLOSED");
    assert!(told.body.contains("queued.max.request.bytes"), "whoever looks after it reads why: {}", told.body);
    let taken = server.post("/q/v1/topics/t/groups/g:receive", &json!({"wait_ms": 20_000}));
    assert_eq!(taken.status, 200, "{}", taken.body);
    assert_eq!(taken.json()["messages"][0]["delivery_count"], 2, "whoever dies at a message shall not meet it for ever");
    drop(stream);
    comes_to(&server, |held| held == 0);
}

/// No message, when there was memory to see that.
fn told_or_done(reply: &Reply) {
    if reply.status != 400 {
        told_to_come_again(reply);
    }
}

/// Whatever clients do in the middle of it, nothing stays held.
#[test]
fn what_was_lent_always_comes_back() {
    let server = server();
    fill(&server, 300_000, 3);
    for round in 0..30_u64 {
        let cut = begin(&server, "Content-Length: 1000000", &vec![b' '; round as usize * 20_000]);
        let asked = begin(&server, "Content-Length: 900000\r\nExpect: 100-continue", b"");
        let mut piped = ask(&server, &format!("HEAD {LOOK}"));
        let again = format!("GET {LOOK} HTTP/1.1\r\nHost: x\r\n\r\n");
        // Some are sent away: there are more of them than sockets.
        let _ = piped.write_all(again.repeat(3).as_bytes());
        let stream = ask(&server, "GET /q/v1/topics/t/groups/g/events?credit=3");
        let lines = begin(&server, "Transfer-Encoding: chunked\r\nContent-Type: application/x-ndjson", b"4\r\n{\"va\r\n");
        std::thread::sleep(Duration::from_millis(round % 7));
        drop((cut, asked, piped, stream, lines));
    }
    let begun = Instant::now();
    // Some of them may be served yet when the last one has gone.
    while server.get(LOOK).status != 200 {
        assert!(begun.elapsed() < PATIENCE, "{} bytes are held", server.held());
        std::thread::sleep(Duration::from_millis(20));
    }
    comes_to(&server, |held| held == 0);
}
