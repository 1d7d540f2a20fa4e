//! Formats 0 and 1, made by hand.

use milena_record::{legacy::messages, *};

const LIMITS: Limits = Limits::new(1 << 20);

fn message(magic: u8, attributes: u8, offset: i64, time: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> Vec<u8> {
    let mut body = vec![magic, attributes];
    if magic == 1 {
        body.extend_from_slice(&time.to_be_bytes());
    }
    for field in [key, value] {
        match field {
            None => body.extend_from_slice(&(-1i32).to_be_bytes()),
            Some(field) => {
                body.extend_from_slice(&(field.len() as i32).to_be_bytes());
                body.extend_from_slice(field);
            }
        }
    }
    let mut out = offset.to_be_bytes().to_vec();
    out.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
    out.extend_from_slice(&(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, &body) as u32).to_be_bytes());
    out.extend_from_slice(&body);
    out
}

fn pack(codec: Codec, set: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    codec::compress(codec.into(), set, &mut out).unwrap();
    out
}

#[test]
fn plain_messages() {
    let blob = [message(0, 0, 5, 0, Some(b"k"), Some(b"v")), message(1, 0, 6, 99, None, None)].concat();
    let read: Vec<_> = split(&blob).flat_map(|e| messages(e.unwrap().bytes, &LIMITS).unwrap()).collect();
    assert_eq!((read[0].offset, read[0].timestamp, read[0].key.as_deref()), (5, -1, Some(&b"k"[..])));
    assert_eq!((read[1].offset, read[1].timestamp, read[1].value.as_deref()), (6, 99, None));
}

#[test]
fn wrappers_give_their_inner_messages_offsets_and_times() {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4] {
        let inner = [message(1, 0, 0, 10, None, Some(b"a")), message(1, 0, 1, 11, None, Some(b"b"))].concat();
        let packed = pack(codec, &inner);
        let wrapper = message(1, codec.id(), 101, 11, None, Some(&packed));
        let read = messages(&wrapper, &LIMITS).unwrap();
        assert_eq!(read.iter().map(|m| (m.offset, m.timestamp)).collect::<Vec<_>>(), [(100, 10), (101, 11)]);
        let stamped = message(1, codec.id() | 8, 101, 77, None, Some(&packed));
        assert!(messages(&stamped, &LIMITS).unwrap().iter().all(|m| m.timestamp == 77));
        let inner = [message(0, 0, 100, 0, None, Some(b"a")), message(0, 0, 101, 0, None, Some(b"b"))].concat();
        let wrapper = message(0, codec.id(), 101, 0, None, Some(&pack(codec, &inner)));
        assert_eq!(messages(&wrapper, &LIMITS).unwrap().iter().map(|m| m.offset).collect::<Vec<_>>(), [100, 101]);
    }
}

#[test]
fn the_wrong_lz4_header_checksum_of_old_writers_is_forgiven_in_format_0_only() {
    for magic in [0, 1] {
        let mut packed = pack(Codec::Lz4, &message(magic, 0, 0, 1, None, Some(b"a")));
        packed[6] ^= 0xff;
        let wrapper = message(magic, Codec::Lz4.id(), 0, 1, None, Some(&packed));
        assert_eq!(messages(&wrapper, &LIMITS).is_ok(), magic == 0);
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let mut flipped = message(1, 0, 5, 0, None, Some(b"v"));
    *flipped.last_mut().unwrap() ^= 1;
    assert!(matches!(messages(&flipped, &LIMITS), Err(Flaw::Record { index: 0, flaw: RecordFlaw::Crc { .. }, .. })));
    let first = message(1, 0, 0, 1, None, Some(b"a"));
    let nested = message(1, Codec::Gzip.id(), 1, 1, None, Some(&pack(Codec::Gzip, &first)));
    let wrapper = message(1, Codec::Gzip.id(), 1, 1, None, Some(&pack(Codec::Gzip, &[first.clone(), nested].concat())));
    assert_eq!(
        messages(&wrapper, &LIMITS),
        Err(Flaw::Record { index: 1, at: first.len(), flaw: RecordFlaw::Nested { magic: 1, codec: 1 } })
    );
    assert_eq!(messages(&message(1, 5, 0, 0, None, None), &LIMITS), Err(Flaw::Codec(5)));
}
