//! What every test here does with a kit: write, read, and ask over HTTP.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use milena_client::{
    Admin, Cluster, Config, GroupConfig, GroupConsumer, NewRecord, Producer, ProducerConfig, Reader, Retry, Selection,
    admin::NewTopic,
};
use milena_testkit::{Kit, Place};

/// The places that every fault is tried in.
pub(crate) fn places() -> [Place; 2] {
    [Place::Memory, Place::Temporary]
}

pub(crate) fn run<R>(work: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}

pub(crate) async fn cluster(kit: &Kit) -> Cluster {
    let mut config = Config::new([kit.kafka().parse().unwrap()]);
    config.retry = Retry { within: Duration::from_secs(20), ..Retry::default() };
    Cluster::connect(config).await.unwrap()
}

pub(crate) async fn topic(cluster: &Cluster, name: &str, partitions: i32) {
    let topic = NewTopic { partitions, ..NewTopic::new(name) };
    Admin::new(cluster.clone()).create_topic(&topic, false).await.unwrap();
}

pub(crate) fn producer(cluster: &Cluster) -> Producer {
    Producer::new(cluster.clone(), ProducerConfig { delivery_timeout: Duration::from_secs(30), ..ProducerConfig::default() })
}

/// Writes `names` to a topic, one after the other.
pub(crate) async fn write(cluster: &Cluster, topic: &str, names: &[&str]) {
    let producer = producer(cluster);
    for name in names {
        producer.write(NewRecord::new(topic, name.to_string())).await.unwrap();
    }
}

/// All values of a topic.
pub(crate) async fn read(cluster: &Cluster, topic: &str) -> Vec<String> {
    let mut reader = Reader::open(cluster.clone(), &[Selection::all(topic)], Default::default()).await.unwrap();
    let mut values = Vec::new();
    while let Some(message) = reader.next().await.unwrap() {
        values.push(String::from_utf8(message.value.unwrap().to_vec()).unwrap());
    }
    values
}

/// A member of a group that reads a topic.
pub(crate) fn member(cluster: &Cluster, group: &str, topic: &str) -> GroupConsumer {
    GroupConsumer::new(cluster.clone(), group, &[topic.into()], GroupConfig::default())
}

/// Status and body of one request; `None` when the connection ends without an answer.
pub(crate) fn http(address: &str, method: &str, path: &str, token: Option<&str>) -> Option<(u16, String)> {
    http_with(address, method, path, token, "")
}

pub(crate) fn http_with(address: &str, method: &str, path: &str, token: Option<&str>, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{authorization}{length}\r\n{body}")
        .ok()?;
    let mut text = String::new();
    // A reset is an end like any other.
    let _ = stream.read_to_string(&mut text);
    let status = text.split(' ').nth(1)?.parse().ok()?;
    Some((status, text.split_once("\r\n\r\n")?.1.to_string()))
}
