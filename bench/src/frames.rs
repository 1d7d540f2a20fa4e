//! Requests as bytes: what the loader sends, and the little talk before it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use bytes::{Bytes, BytesMut};
use milena_record::{Builder, Codec};
use milena_wire::{
    CreateTopicsRequest, IncrementalAlterConfigsRequest, ProduceRequest, Request, Text,
    create_topics::CreatableTopic,
    frame,
    incremental_alter_configs::{AlterConfigsResource, AlterableConfig},
    produce::{PartitionProduceData, TopicProduceData},
};

/// The newest version that names topics by name.
const PRODUCE: i16 = 9;

/// A Produce frame for one partition: `records` records with values of `size` bytes, acks = all.
pub(crate) fn produce(topic: &str, partition: i32, records: usize, size: usize) -> Result<Vec<u8>> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64;
    let mut batch = Builder::new(Codec::None);
    // Bytes that no codec would squeeze and no page would share.
    let value: Vec<u8> = (0..size).map(|i| (i * 7 + i / 13) as u8).collect();
    for _ in 0..records {
        batch.push(now, None, Some(&value), &[])?;
    }
    let partition_data =
        vec![PartitionProduceData { index: partition, records: Some(Bytes::from(batch.finish()?)), ..Default::default() }];
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData { name: topic.into(), partition_data, ..Default::default() }],
        ..Default::default()
    };
    let mut out = BytesMut::new();
    frame::request(&mut out, PRODUCE, 1, Some(&Text::from("bench")), &request)?;
    Ok(out.to_vec())
}

/// Where the error code of the one partition stands in the answer to [`produce`]: correlation id 4, tag 1, array 1, name, array 1, index 4.
pub(crate) fn error_at(topic: &str) -> usize {
    4 + 1 + 1 + 1 + topic.len() + 1 + 4
}

pub(crate) fn create_topic(address: SocketAddr, name: &str, partitions: i32) -> Result<()> {
    let topic = CreatableTopic { name: name.into(), num_partitions: partitions, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 60_000, ..Default::default() };
    let answer = ask(address, 5, &request)?;
    for topic in answer.topics {
        ensure!(topic.error_code == 0, "creating {name}: error {} {:?}", topic.error_code, topic.error_message);
    }
    Ok(())
}

/// Settings of a group, whatever it becomes.
pub(crate) fn set_group(address: SocketAddr, group: &str, settings: &[(&str, &str)]) -> Result<()> {
    const GROUP: i8 = 32;
    let set = |(name, value): &(&str, &str)| AlterableConfig {
        name: (*name).into(),
        config_operation: 0,
        value: Some((*value).into()),
        ..Default::default()
    };
    let configs = settings.iter().map(set).collect();
    let resource = AlterConfigsResource { resource_type: GROUP, resource_name: group.into(), configs, ..Default::default() };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer = ask(address, 1, &request)?;
    ensure!(answer.responses.iter().all(|r| r.error_code == 0), "settings of {group}: {:?}", answer.responses);
    Ok(())
}

/// One request on a connection of its own.
pub(crate) fn ask<R: Request>(address: SocketAddr, version: i16, request: &R) -> Result<R::Response> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(3))?;
    stream.set_read_timeout(Some(Duration::from_secs(90)))?;
    talk(&mut stream, version, request)
}

/// A connection that stays, and that sends what it has.
pub(crate) fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

/// One request on a connection that stays.
pub(crate) fn talk<R: Request>(stream: &mut TcpStream, version: i16, request: &R) -> Result<R::Response> {
    let mut out = BytesMut::new();
    frame::request(&mut out, version, 1, Some(&Text::from("bench")), request)?;
    stream.write_all(&out)?;
    let (_, mut reader) = frame::open_response(answer(stream)?, R::KEY, version)?;
    Ok(milena_wire::Message::decode(&mut reader, version)?)
}

/// What comes next on a connection, without its length.
pub(crate) fn answer(stream: &mut TcpStream) -> Result<Bytes> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).context("no answer")?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body)?;
    Ok(Bytes::from(body))
}

/// The first durable record: how a start is timed.
pub(crate) fn first_record(address: SocketAddr, topic: &str) -> Result<()> {
    record(address, topic, 0)
}

/// One durable record.
pub(crate) fn record(address: SocketAddr, topic: &str, partition: i32) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(3))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    deliver(&mut stream, topic, &produce(topic, partition, 1, 100)?)
}

/// Sends a produce request of one topic on a connection that stays, and has it acknowledged.
pub(crate) fn deliver(stream: &mut TcpStream, topic: &str, frame: &[u8]) -> Result<()> {
    stream.write_all(frame)?;
    let body = answer(stream)?;
    let at = error_at(topic);
    ensure!(body.get(at..at + 2) == Some(&[0, 0]), "a record was refused: {body:02x?}");
    Ok(())
}
