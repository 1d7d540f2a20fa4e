//! The rules about single fields: nulls, defaults, what a version cannot say, unknown tags, strings.

use bytes::{Bytes, BytesMut};
use milena_wire::{
    ApiVersionsResponse, ErrorCode, FetchRequest, FetchResponse, InitProducerIdRequest, Malformed, Message, MetadataRequest,
    MetadataResponse, ProduceResponse, Reader, RequestHeader, Text, Unencodable, api, metadata::MetadataRequestTopic,
};

fn written<M: Message>(message: &M, version: i16) -> Result<Bytes, Unencodable> {
    let mut out = BytesMut::new();
    message.encode(&mut out, version).map(|()| out.freeze())
}

fn read<M: Message>(bytes: &[u8], version: i16) -> Result<M, Malformed> {
    M::decode(&mut Reader::new(Bytes::copy_from_slice(bytes)), version)
}

#[test]
fn a_value_that_a_version_would_lose_is_refused() {
    let asks = MetadataRequest { allow_auto_topic_creation: false, ..Default::default() };
    let error = Unencodable::Absent { field: "allow_auto_topic_creation", version: 3 };
    assert_eq!(written(&asks, 3), Err(error));
    assert_eq!(read::<MetadataRequest>(&written(&asks, 4).unwrap(), 4), Ok(asks));
    let two_phase = InitProducerIdRequest { enable2_pc: true, ..Default::default() };
    assert!(written(&two_phase, 5).is_err() && written(&two_phase, 6).is_ok());
    let unknown = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(written(&unknown, 0), Err(Unencodable::Null { field: "topics", version: 0 }));
}

#[test]
fn what_may_be_dropped_is_dropped_and_comes_back_as_the_default() {
    let asks = FetchRequest { session_id: 7, session_epoch: 8, rack_id: "r1".into(), ..Default::default() };
    let got: FetchRequest = read(&written(&asks, 4).unwrap(), 4).unwrap();
    assert_eq!((got.session_id, got.session_epoch, &got.rack_id), (0, -1, &Text::from("")));
    let tells = MetadataResponse { cluster_id: Some("c".into()), controller_id: 3, ..Default::default() };
    let got: MetadataResponse = read(&written(&tells, 0).unwrap(), 0).unwrap();
    assert_eq!((got.cluster_id, got.controller_id), (None, -1));
}

#[test]
fn other_negative_lengths_are_null_as_in_kafka() {
    assert_eq!(read::<MetadataRequest>(&(-2i32).to_be_bytes(), 1).unwrap().topics, None);
    let compact = [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 0, 0];
    assert_eq!(read::<MetadataRequest>(&compact, 9).unwrap().topics, None);
    assert_eq!(read::<MetadataRequest>(&(-2i32).to_be_bytes(), 0), Err(Malformed::Null { at: 0 }));
}

#[test]
fn the_null_of_a_metadata_topic_depends_on_the_version() {
    let by_id =
        MetadataRequest { topics: Some(vec![MetadataRequestTopic { name: None, ..Default::default() }]), ..Default::default() };
    assert_eq!(written(&by_id, 9), Err(Unencodable::Null { field: "name", version: 9 }));
    assert!(written(&by_id, 10).is_ok());
    assert_eq!(read::<MetadataRequest>(&[2, 0, 0, 1, 0, 0, 0], 9), Err(Malformed::Null { at: 1 }));
}

#[test]
fn unknown_tags_are_kept_and_written_in_order() {
    let mut header = RequestHeader { client_id: Some("c".into()), ..Default::default() };
    header.unknown_tags.insert(9, Bytes::from_static(b"nine"));
    header.unknown_tags.insert(2, Bytes::from_static(b"two"));
    let bytes = written(&header, 2).unwrap();
    assert_eq!(bytes[11..], *b"\x02\x02\x03two\x09\x04nine");
    assert_eq!(read::<RequestHeader>(&bytes, 2), Ok(header.clone()));
    assert_eq!(written(&header, 1), Err(Unencodable::Tags { version: 1 }));

    let mut twice = ApiVersionsResponse { zk_migration_ready: true, ..Default::default() };
    twice.unknown_tags.insert(3, Bytes::new());
    assert_eq!(written(&twice, 3), Err(Unencodable::TagTwice { tag: 3 }));
}

#[test]
fn tags_out_of_order_twice_or_of_a_wrong_size_are_refused() {
    let header = |tags: &[u8]| read::<RequestHeader>(&[&[0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff][..], tags].concat(), 2);
    assert!(header(&[2, 1, 0, 2, 0]).is_ok());
    assert_eq!(header(&[2, 2, 0, 1, 0]), Err(Malformed::TagOrder { at: 13, tag: 1 }));
    assert_eq!(header(&[2, 2, 0, 2, 0]), Err(Malformed::TagOrder { at: 13, tag: 2 }));
    assert_eq!(header(&[1, 2, 9]), Err(Malformed::Short { at: 13, wanted: 9, left: 0 }));
    let produced = |tag: &[u8]| read::<ProduceResponse>(&[&[1, 0, 0, 0, 0][..], tag].concat(), 10);
    assert!(produced(&[1, 0, 1, 1]).is_ok(), "no endpoints, in a tag of one byte");
    assert!(matches!(produced(&[1, 0, 2, 1, 0]), Err(Malformed::TagSize { tag: 0, claimed: 2, actual: 1, .. })));
    assert!(matches!(produced(&[1, 0, 0, 1]), Err(Malformed::Short { left: 0, .. })), "a field does not read beyond its tag");
}

#[test]
fn strings_have_at_most_32767_bytes_and_are_mended_as_java_does() {
    let named = |n: usize| RequestHeader { client_id: Some("x".repeat(n).into()), ..Default::default() };
    assert_eq!(read::<RequestHeader>(&written(&named(32767), 1).unwrap(), 1), Ok(named(32767)));
    assert_eq!(written(&named(32768), 1), Err(Unencodable::TooLong { length: 32768 }));
    let fetch = FetchRequest { rack_id: "x".repeat(32768).into(), ..Default::default() };
    assert_eq!(written(&fetch, 12), Err(Unencodable::TooLong { length: 32768 }));
    let latin: RequestHeader = read(b"\0\x03\0\0\0\0\0\x01\0\x03a\xe9b", 1).unwrap();
    assert_eq!(latin.client_id.unwrap(), "a\u{fffd}b");
}

#[test]
fn a_varint_of_too_many_bits_is_refused() {
    let size = |bytes: &[u8]| read::<MetadataRequest>(bytes, 9);
    assert_eq!(size(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]), Err(Malformed::Varint { at: 0 }));
    assert_eq!(size(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(Malformed::Varint { at: 0 }));
}

#[test]
fn decoding_slices_the_frame() {
    let frame = Bytes::copy_from_slice(b"\0\x03\0\0\0\0\0\x01\0\x06client");
    let header = RequestHeader::decode(&mut Reader::new(frame.clone()), 1).unwrap();
    let client = header.client_id.unwrap();
    assert_eq!(client.as_bytes().as_ptr(), frame[10..].as_ptr());
    let copy = client.clone();
    assert_eq!(copy.as_bytes().as_ptr(), client.as_bytes().as_ptr());
}

#[test]
fn headers_and_advertised_versions() {
    let versions = api(18).unwrap();
    assert_eq!((versions.request_header_version(2), versions.request_header_version(3)), (1, 2));
    assert_eq!(
        (versions.response_header_version(3), versions.response_header_version(4)),
        (0, 0),
        "a client that asks knows nothing yet"
    );
    let fetch = api(FetchResponse::KEY).unwrap();
    assert_eq!((fetch.response_header_version(11), fetch.response_header_version(12)), (0, 1));
    assert_eq!(api(17).unwrap().request_header_version(1), 1);
    assert_eq!(
        (api(22).unwrap().latest_stable(), api(22).unwrap().versions.1),
        (5, 6),
        "the last version of InitProducerId is not final"
    );
}

#[test]
fn error_codes_have_names_and_words() {
    assert_eq!(ErrorCode::NOT_LEADER_OR_FOLLOWER.to_string(), "NOT_LEADER_OR_FOLLOWER (6)");
    assert!(ErrorCode(6).retriable() && !ErrorCode(-1).retriable() && ErrorCode(0) == ErrorCode::NONE);
    assert_eq!(ErrorCode::all().count(), 135);
    for code in ErrorCode::all() {
        assert!(code.words().ends_with('.') && code.words().len() > 8, "{code} has no words");
    }
    assert_eq!((ErrorCode(134).name(), ErrorCode(-2).name(), ErrorCode(i16::MIN).name()), ("UNKNOWN", "UNKNOWN", "UNKNOWN"));
}
