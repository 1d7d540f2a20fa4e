//! One planted flaw at a time, and the name that `produced` or `check_records` gives it.

use milena_record::*;

const LIMITS: Limits = Limits::new(1 << 20);

fn refused(bytes: &[u8]) -> Flaw {
    produced(bytes, 1 << 20).expect_err("the flaw must be seen")
}

/// Changes bytes of a good batch at `at` and repairs the checksum.
fn with(codec: Codec, at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = crate::sample(codec);
    bytes[at..at + new.len()].copy_from_slice(new);
    crate::reseal(&mut bytes);
    bytes
}

#[test]
fn headers_that_lie_are_named() {
    let good = crate::sample(Codec::None);
    assert_eq!(refused(&[]), Flaw::NoBatch);
    assert_eq!(refused(&good[..good.len() - 1]), Flaw::NoBatch);
    assert_eq!(refused(&[&good[..], &good].concat()), Flaw::SecondBatch);
    assert_eq!(refused(&with(Codec::None, 8, &13i32.to_be_bytes())), Flaw::Length(13));
    assert_eq!(refused(&with(Codec::None, 8, &(-1i32).to_be_bytes())), Flaw::Length(-1));
    assert_eq!(refused(&with(Codec::None, 8, &40i32.to_be_bytes())[..52]), Flaw::Truncated { needed: 61, present: 52 });
    for magic in [0i8, 1, 3, -1] {
        assert_eq!(refused(&with(Codec::None, 16, &[magic as u8])), Flaw::Magic(magic));
    }
    assert_eq!(refused(&with(Codec::None, 0, &1i64.to_be_bytes())), Flaw::BaseOffset(1));
    assert_eq!(produced(&good, 100).unwrap_err(), Flaw::TooLarge { len: good.len(), limit: 100 });
    let mut flipped = good.clone();
    flipped[70] ^= 1;
    assert!(matches!(refused(&flipped), Flaw::Crc { .. }));
    for codec in 5..8u8 {
        assert_eq!(refused(&with(Codec::None, 21, &[0, codec])), Flaw::Codec(codec));
    }
    assert_eq!(refused(&with(Codec::None, 21, &[0, 0x20])), Flaw::Control);
    for count in [0, -1, i32::MIN] {
        assert_eq!(refused(&with(Codec::None, 57, &i32::to_be_bytes(count))), Flaw::Count(count));
    }
    for (count, delta) in [(3, 3), (3, 1), (3, -1), (2, 2), (i32::MAX, 2)] {
        let mut bytes = with(Codec::Zstd, 57, &i32::to_be_bytes(count));
        bytes[23..27].copy_from_slice(&i32::to_be_bytes(delta));
        crate::reseal(&mut bytes);
        assert_eq!(refused(&bytes), Flaw::OffsetRange { count, last_offset_delta: delta });
    }
}

#[test]
fn what_kafka_accepts_is_accepted() {
    let good = crate::sample(Codec::None);
    for tail in [&[0; 5][..], &good[..good.len() / 2], &good[..11]] {
        let blob = [&good[..], tail].concat();
        assert_eq!(produced(&blob, 1 << 20).unwrap().0.bytes(), good);
    }
    // Reserved attribute bits, and a producer id below -1.
    assert!(produced(&with(Codec::None, 21, &[0x7f, 0x80]), 1 << 20).is_ok());
    assert_eq!(produced(&with(Codec::None, 43, &(-5i64).to_be_bytes()), 1 << 20).unwrap().1.producer, None);
}

/// A batch around hand-made records.
fn around(payload: &[u8], count: i32) -> Vec<u8> {
    let mut bytes = crate::sample(Codec::None)[..61].to_vec();
    bytes.extend_from_slice(payload);
    let len = bytes.len() as i32 - 12;
    bytes[8..12].copy_from_slice(&len.to_be_bytes());
    bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    bytes[57..61].copy_from_slice(&count.to_be_bytes());
    crate::reseal(&mut bytes);
    bytes
}

fn inside(payload: &[u8], count: i32) -> RecordFlaw {
    let bytes = around(payload, count);
    match Batch::parse(&bytes).unwrap().check_records(&LIMITS) {
        Err(Flaw::Record { flaw, .. }) => flaw,
        other => panic!("{payload:?}: {other:?}"),
    }
}

#[test]
fn records_that_lie_are_named() {
    // length 6 (zigzag 12): attributes, time, offset, key -1, value -1, no headers
    let good = [12, 0, 0, 0, 1, 1, 0];
    assert!(Batch::parse(&around(&good, 1)).unwrap().check_records(&LIMITS).is_ok());
    assert_eq!(inside(&[14, 0, 0, 0, 1, 1, 0], 1), RecordFlaw::Truncated);
    assert_eq!(inside(&[14, 0, 0, 0, 1, 1, 0, 9], 1), RecordFlaw::LengthLies { stated: 7, actual: 6 });
    assert_eq!(inside(&[1, 0, 0, 0, 1, 1, 0], 1), RecordFlaw::Length(-1));
    assert_eq!(inside(&[0, 0, 0, 0, 1, 1, 0], 1), RecordFlaw::LengthLies { stated: 0, actual: 6 });
    assert_eq!(inside(&[12, 0, 0, 0, 4, 1, 0], 1), RecordFlaw::Truncated, "the key eats the header count");
    assert_eq!(inside(&[12, 0, 0, 0, 20, 1, 0], 1), RecordFlaw::KeyLength(10));
    assert_eq!(inside(&[12, 0, 0, 0, 1, 20, 0], 1), RecordFlaw::ValueLength(10));
    assert_eq!(inside(&[12, 0, 0, 0, 1, 1, 1], 1), RecordFlaw::HeaderCount(-1));
    assert_eq!(inside(&[12, 0, 0, 0, 1, 1, 2], 1), RecordFlaw::HeaderCount(1));
    assert_eq!(inside(&[16, 0, 0, 0, 1, 1, 2, 1, 1], 1), RecordFlaw::HeaderKey(0));
    assert_eq!(inside(&[16, 0, 0, 0, 1, 1, 2, 8, 1], 1), RecordFlaw::HeaderKey(0));
    assert_eq!(inside(&[16, 0, 0, 0, 1, 1, 2, 0, 8], 1), RecordFlaw::HeaderValue(0));
    assert_eq!(inside(&[24, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0, 0], 1), RecordFlaw::Varint);
    assert_eq!(inside(&good, 2), RecordFlaw::Missing { stated: 2 });
    assert_eq!(inside(&[&good[..], &good].concat(), 1), RecordFlaw::Surplus(7));
    let second = Batch::parse(&around(&[&good[..], &[14, 0]].concat(), 2)).unwrap().check_records(&LIMITS);
    assert_eq!(second, Err(Flaw::Record { index: 1, at: 7, flaw: RecordFlaw::Truncated }));
}

#[test]
fn a_count_that_cannot_fit_is_refused_by_the_header_alone() {
    let bytes = around(&[12, 0, 0, 0, 1, 1, 0], 1_000_000);
    assert!(matches!(refused(&bytes), Flaw::Record { flaw: RecordFlaw::Missing { stated: 1_000_000 }, .. }));
}

#[test]
fn odd_deltas_are_reported_and_left_to_the_caller() {
    let bytes = around(&[12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 4, 1, 1, 0], 3);
    let facts = Batch::parse(&bytes).unwrap().check_records(&LIMITS).unwrap();
    assert_eq!((facts.count, facts.first_odd_delta, facts.first_null_key), (3, Some((1, 0)), Some(0)));
}

#[test]
fn broken_compression_is_named_with_its_codec() {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let bytes = with(codec, 61, &[0; 12]);
        let (batch, _) = produced(&bytes, 1 << 20).unwrap();
        match batch.check_records(&LIMITS) {
            Err(Flaw::Compressed { codec: named, .. }) => assert_eq!(named, codec),
            other => panic!("{codec}: {other:?}"),
        }
        let cut = crate::sample(codec);
        let mut cut = cut[..cut.len() - 9].to_vec();
        let len = cut.len() as i32 - 12;
        cut[8..12].copy_from_slice(&len.to_be_bytes());
        crate::reseal(&mut cut);
        assert!(Batch::parse(&cut).unwrap().check_records(&LIMITS).is_err(), "{codec} cut short");
    }
}
