//! Hostile crowds before the real binary: readers by the thousand that take nothing, and more connections than descriptors.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use milena_record::{Builder, Codec};
use milena_wire::{
    ApiVersionsRequest, CreateTopicsRequest, FetchRequest, Message, ProduceRequest, Request, create_topics, fetch, frame, produce,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::{
    http::{ask, send},
    server::Server,
};

const CROWD: usize = 1000;
/// Longer than anything here takes, shorter than anybody's patience.
const PATIENCE: Duration = Duration::from_secs(30);
const BATCH: usize = 500_000;
const MIB: u64 = 1 << 20;

struct Client(TcpStream);

impl Client {
    fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.kafka()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn send<Q: Request>(&mut self, version: i16, request: &Q) {
        let mut out = BytesMut::new();
        frame::request(&mut out, version, 1, None, request).unwrap();
        self.0.write_all(&out).unwrap();
    }

    fn answer<Q: Request>(&mut self, version: i16) -> Q::Response {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).unwrap();
        let mut body = vec![0; i32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut body).unwrap();
        let (_, mut reader) = frame::open_response(Bytes::from(body), Q::KEY, version).unwrap();
        Q::Response::decode(&mut reader, version).unwrap()
    }

    fn ask<Q: Request>(&mut self, version: i16, request: &Q) -> Q::Response {
        self.send(version, request);
        self.answer::<Q>(version)
    }

    fn create(&mut self) {
        let topic =
            create_topics::CreatableTopic { name: "t".into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() };
        assert_eq!(self.ask(7, &request).topics[0].error_code, 0);
    }

    fn produce(&mut self, size: usize) {
        let mut builder = Builder::new(Codec::None);
        builder.push(1_700_000_000_000, None, Some(&vec![1; size]), &[]).unwrap();
        let records = Some(Bytes::from(builder.finish().unwrap()));
        let partition = produce::PartitionProduceData { index: 0, records, ..Default::default() };
        let topic = produce::TopicProduceData { name: "t".into(), partition_data: vec![partition], ..Default::default() };
        let request = ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() };
        assert_eq!(self.ask(9, &request).responses[0].partition_responses[0].error_code, 0);
    }

    /// Whether the broker answers.
    fn is_heard(&mut self) -> bool {
        let mut out = BytesMut::new();
        frame::request(&mut out, 0, 1, None, &ApiVersionsRequest::default()).unwrap();
        let mut length = [0; 4];
        self.0.write_all(&out).and_then(|()| self.0.read_exact(&mut length)).is_ok_and(|()| {
            let mut body = vec![0; i32::from_be_bytes(length) as usize];
            self.0.read_exact(&mut body).is_ok()
        })
    }
}

fn fetch_request() -> FetchRequest {
    let partition = fetch::FetchPartition { partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = fetch::FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { max_bytes: 1 << 20, session_epoch: -1, topics: vec![topic], ..Default::default() }
}

/// This process needs a descriptor for each of the crowd as well.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

#[test]
fn a_thousand_readers_that_take_nothing_do_not_fill_the_memory_or_keep_others_waiting() {
    raise_descriptors();
    let dir = tempfile::tempdir().unwrap();
    {
        let server = Server::on(dir.path());
        let mut client = Client::connect(&server);
        client.create();
        (0..4).for_each(|_| client.produce(BATCH));
        server.terminate();
    }
    // After a start everything lies on the disk, so each answer is memory of its own.
    let server = Server::on(dir.path());
    let mut honest = Client::connect(&server);
    honest.produce(1000);
    let before = server.resident();
    let mut crowd = Vec::with_capacity(CROWD);
    for _ in 0..CROWD {
        let mut client = Client::connect(&server);
        // Each of them would have a megabyte in its first answer, and two more behind it.
        (0..3).for_each(|_| client.send(11, &fetch_request()));
        crowd.push(client);
    }
    let mut most = 0;
    for _ in 0..20 {
        honest.produce(1000);
        most = most.max(server.resident());
    }
    let records = honest.ask(11, &fetch_request()).responses.remove(0).partitions.remove(0).records.unwrap();
    assert!(records.len() >= BATCH);
    most = most.max(server.resident());
    // 256 MiB for all, 32 KiB for each that holds little, and what the connections and the allocator take.
    let grown = most.saturating_sub(before);
    assert!(grown < 450 * MIB, "{} MiB more than before", grown / MIB);
}

/// Each message takes little of the log, and half a megabyte of an answer.
fn fill_over_http(http: &str, messages: usize) {
    let clusters = ask(http, "GET", "/v3/clusters", &[], b"").json();
    let topics = format!("/v3/clusters/{}/topics", clusters["data"][0]["cluster_id"].as_str().unwrap());
    let topic = json!({"topic_name": "t", "configs": [{"name": "compression.type", "value": "gzip"}]}).to_string();
    assert_eq!(ask(http, "POST", &topics, &[], topic.as_bytes()).status, 201);
    let message = json!({"value": "x".repeat(BATCH)}).to_string();
    for _ in 0..messages {
        assert_eq!(ask(http, "POST", "/q/v1/topics/t/messages", &[], message.as_bytes()).status, 201);
    }
}

#[test]
fn readers_over_http_that_take_nothing_do_not_fill_the_memory_or_keep_others_waiting() {
    const MESSAGES: usize = 30;
    const LOOK: &str = "/q/v1/topics/t/partitions/0/messages?offset=earliest&max=100";
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    let http = server.ready["http"].as_str().unwrap();
    fill_over_http(http, MESSAGES);
    let before = server.resident();
    // Together they ask for 675 MB.
    let crowd: Vec<_> = (0..45).map(|_| send(http, "GET", LOOK, &[], b"").unwrap()).collect();
    let (mut most, begun) = (0, Instant::now());
    loop {
        assert_eq!(ask(http, "POST", "/q/v1/topics/u/messages", &[], br#"{"value": 1}"#).status, 201, "what is short goes on");
        let looked = ask(http, "GET", LOOK, &[], b"");
        most = most.max(server.resident());
        if looked.status == 200 && looked.json()["messages"].as_array().is_some_and(|found| found.len() == MESSAGES) {
            break;
        }
        assert!(matches!(looked.status, 200 | 503), "{}", looked.status);
        assert!(begun.elapsed() < PATIENCE, "the answers of others are in the way for ever");
    }
    // 256 MiB for all, and what answers take while they are made.
    let grown = most.saturating_sub(before);
    assert!(grown < 450 * MIB, "{} MiB more than before", grown / MIB);
    drop(crowd);
    server.terminate();
}

#[test]
fn more_connections_than_descriptors_do_not_take_those_of_the_store() {
    raise_descriptors();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::with_descriptors(dir.path(), 128);
    let mut honest = Client::connect(&server);
    honest.create();
    let mut crowd: Vec<Client> = (0..300).map(|_| Client::connect(&server)).collect();
    let heard = crowd.iter_mut().filter_map(|client| client.is_heard().then_some(())).count();
    assert!((10..60).contains(&heard), "{heard} connections are served with 128 descriptors");
    // Enough for a checkpoint, which opens files.
    (0..130).for_each(|_| honest.produce(BATCH));
    let records = honest.ask(11, &fetch_request()).responses.remove(0).partitions.remove(0).records.unwrap();
    assert!(records.len() >= BATCH);
    drop(crowd);
    let begun = Instant::now();
    while !Client::connect(&server).is_heard() {
        assert!(begun.elapsed() < PATIENCE, "places come back when others leave");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.terminate();
}

#[test]
fn a_crowd_over_http_is_sent_away_with_words_and_leaves_kafka_its_places() {
    raise_descriptors();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::with_descriptors(dir.path(), 128);
    let mut crowd: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(server.ready["http"].as_str().unwrap()).unwrap()).collect();
    let mut first_line = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n");
        let mut bytes = [0; 12];
        stream.read_exact(&mut bytes).map(|()| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    };
    let lines: Vec<String> = crowd.iter_mut().map(&mut first_line).collect();
    let count = |line: &str| lines.iter().filter(|l| *l == line).count();
    // Who wrote before reading that there is no room may lose the words with the connection.
    let (served, gone) = (count("HTTP/1.1 200"), count("HTTP/1.1 503") + count(""));
    assert!((30..45).contains(&served) && served + gone == 100 && count("HTTP/1.1 503") > 0, "{lines:?}");
    assert!(Client::connect(&server).is_heard(), "a part is kept for Kafka");
    server.terminate();
}

#[test]
fn too_few_descriptors_are_refused_with_words() {
    let output = Server::refused_with_descriptors(64);
    assert!(!output.status.success());
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("64 open files are too few") && words.contains("ulimit -n"), "{words}");
}
