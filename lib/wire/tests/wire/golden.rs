//! Frames written out by hand from the protocol guide, so that reading and writing cannot be wrong together.

use bytes::{Bytes, BytesMut};
use milena_wire::{
    ApiVersionsRequest, ApiVersionsResponse, FetchRequest, Message, ProduceRequest, Reader, RequestHeader, Text, Uuid,
    api_versions::ApiVersion,
    fetch::{FetchPartition, FetchTopic},
    frame,
    produce::{PartitionProduceData, TopicProduceData},
};

#[test]
fn api_versions_3_as_a_client_sends_it() {
    let body =
        ApiVersionsRequest { client_software_name: "kit".into(), client_software_version: "1.0".into(), ..Default::default() };
    let mut out = BytesMut::new();
    frame::request(&mut out, 3, 5, Some(&Text::from("me")), &body).unwrap();
    let expected = b"\0\0\0\x16\0\x12\0\x03\0\0\0\x05\0\x02me\0\x04kit\x041.0\0";
    assert_eq!(out[..], expected[..]);
    let whole = frame::split(&mut out, frame::MOST).unwrap().unwrap();
    let (header, mut reader) = frame::open(whole).unwrap();
    assert_eq!((header.request_api_key, header.request_api_version, header.correlation_id), (18, 3, 5));
    assert_eq!(ApiVersionsRequest::decode(&mut reader, 3), Ok(body));
}

#[test]
fn the_answer_to_an_unknown_version_of_api_versions() {
    let body = ApiVersionsResponse {
        error_code: 35,
        api_keys: vec![ApiVersion { api_key: 18, min_version: 0, max_version: 4, ..Default::default() }],
        ..Default::default()
    };
    let mut out = BytesMut::new();
    frame::response(&mut out, 0, 9, &body).unwrap();
    assert_eq!(out[..], b"\0\0\0\x10\0\0\0\x09\0\x23\0\0\0\x01\0\x12\0\0\0\x04"[..]);
}

#[test]
fn produce_3_and_13() {
    let partition = PartitionProduceData { index: 2, records: Some(Bytes::from_static(b"RR")), ..Default::default() };
    let mut topic = TopicProduceData { name: "t".into(), partition_data: vec![partition], ..Default::default() };
    let request = |topic: &TopicProduceData| ProduceRequest {
        acks: -1,
        timeout_ms: 30,
        topic_data: vec![topic.clone()],
        ..Default::default()
    };
    let mut out = BytesMut::new();
    request(&topic).encode(&mut out, 3).unwrap();
    assert_eq!(out[..], b"\xff\xff\xff\xff\0\0\0\x1e\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\0\0\x02RR"[..]);
    (topic.topic_id, topic.name) = (Uuid::from_bytes(*b"0123456789abcdef"), Text::default());
    out.clear();
    request(&topic).encode(&mut out, 13).unwrap();
    assert_eq!(out[..], b"\0\xff\xff\0\0\0\x1e\x020123456789abcdef\x02\0\0\0\x02\x03RR\0\0\0"[..]);
}

#[test]
fn fetch_17_with_a_tagged_directory() {
    let partition =
        FetchPartition { partition: 1, fetch_offset: 5, replica_directory_id: Uuid::from_bytes([7; 16]), ..Default::default() };
    let topic = FetchTopic { topic_id: Uuid::from_bytes([1; 16]), partitions: vec![partition], ..Default::default() };
    let request = FetchRequest { max_wait_ms: 500, min_bytes: 1, topics: vec![topic], ..Default::default() };
    let mut out = BytesMut::new();
    request.encode(&mut out, 17).unwrap();
    let expected = [
        &b"\0\0\x01\xf4\0\0\0\x01\x7f\xff\xff\xff\0\0\0\0\0\xff\xff\xff\xff\x02"[..],
        &[1; 16],
        b"\x02\0\0\0\x01\xff\xff\xff\xff\0\0\0\0\0\0\0\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\x01\0\x10",
        &[7; 16],
        b"\0\x01\x01\0",
    ];
    assert_eq!(out[..], expected.concat()[..]);
    assert_eq!(FetchRequest::decode(&mut Reader::new(out.freeze()), 17), Ok(request));
}

#[test]
fn the_client_id_is_never_compact() {
    let header = RequestHeader { client_id: None, ..Default::default() };
    let mut out = BytesMut::new();
    header.encode(&mut out, 2).unwrap();
    assert_eq!(out[..], [0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0]);
}
