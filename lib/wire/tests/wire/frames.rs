//! Splitting a stream, and naming callers who speak something else.

use bytes::{Bytes, BytesMut};
use milena_wire::{
    Malformed, Message, MetadataRequest, MetadataResponse, Unencodable,
    frame::{self, Refused},
};

#[test]
fn frames_are_split_wherever_the_stream_is_cut() {
    let stream: Vec<u8> = [&b"\0\0\0\x03abc"[..], b"\0\0\0\0", b"\0\0\0\x01x"].concat();
    for cut in 0..=stream.len() {
        let mut buffer = BytesMut::new();
        let mut frames = Vec::new();
        for part in [&stream[..cut], &stream[cut..]] {
            buffer.extend_from_slice(part);
            while let Some(frame) = frame::split(&mut buffer, 10).unwrap() {
                frames.push(frame);
            }
        }
        assert_eq!(frames, ["abc", "", "x"], "cut at {cut}");
    }
}

#[test]
fn the_cap_holds_to_the_byte() {
    let split = |length: i32, most| frame::split(&mut BytesMut::from(&length.to_be_bytes()[..]), most);
    assert_eq!(split(100 << 20, frame::MOST), Ok(None));
    let length = (100 << 20) + 1;
    assert_eq!(split(length, frame::MOST), Err(Refused::TooLong { length: length as usize, most: frame::MOST }));
    assert_eq!(split(-1, frame::MOST), Err(Refused::Negative(-1)));
}

#[test]
fn other_languages_are_named() {
    for line in ["GET / HTTP/1.1", "POST /topics/x", "PUT /x", "HEAD /", "DELETE /", "OPTIONS *", "PRI * HTTP/2.0", "PATCH /"] {
        assert_eq!(frame::split(&mut BytesMut::from(line), frame::MOST), Err(Refused::Http), "{line}");
    }
    assert_eq!(frame::split(&mut BytesMut::from(&b"\x16\x03\x01\x02\0\x01"[..]), frame::MOST), Err(Refused::Tls));
    assert!(Refused::Http.to_string().contains("HTTP") && Refused::Tls.to_string().contains("TLS"));
    // With a limit this high it is a length like any other.
    assert_eq!(frame::split(&mut BytesMut::from("GET "), usize::MAX), Ok(None));
}

#[test]
fn a_request_is_opened_by_its_header() {
    assert_eq!(frame::peek(b"\0\x03\0\x0c\0\0\0\x07"), Some((3, 12, 7)));
    assert_eq!(frame::peek(b"\0\x03\0\x0c\0\0\0"), None);
    let error = |bytes: &'static [u8]| frame::open(Bytes::from_static(bytes)).err();
    assert_eq!(error(b"\0\x03\0"), Some(Malformed::Short { at: 0, wanted: 8, left: 3 }));
    assert_eq!(error(b"\0\x63\0\0\0\0\0\x01\0\0"), Some(Malformed::Key { key: 99 }));
    let (header, reader) = frame::open(Bytes::from_static(b"\0\x12\x03\xe7\0\0\0\x01\xff\xff\0xyz")).unwrap();
    assert_eq!(
        (header.request_api_version, reader.remaining()),
        (999, 3),
        "a version from the future has a header like the latest"
    );
}

#[test]
fn a_refused_value_leaves_nothing_behind() {
    let mut out = BytesMut::from("before");
    let bad = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(frame::request(&mut out, 0, 1, None, &bad), Err(Unencodable::Null { field: "topics", version: 0 }));
    assert_eq!(out, "before");
    frame::response(&mut out, 12, 4, &MetadataResponse::default()).unwrap();
    let (header, mut reader) = frame::open_response(out.freeze().slice(10..), 3, 12).unwrap();
    assert_eq!((header.correlation_id, MetadataResponse::decode(&mut reader, 12)), (4, Ok(MetadataResponse::default())));
}
