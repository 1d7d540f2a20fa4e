//! What is built is what is read, for every codec and any record.

use milena_record::*;
use proptest::{collection::vec, option, prelude::*};

const LIMITS: Limits = Limits::new(1 << 20);

#[derive(Clone, Debug, PartialEq)]
struct Plain {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..40), (any::<u8>(), 0..400usize).prop_map(|(b, n)| vec![b; n])]
}

fn plain() -> impl Strategy<Value = Plain> {
    let time =
        prop_oneof![any::<i64>(), Just(-1), Just(0), Just(i64::MAX), Just(i64::MIN), 1_600_000_000_000..1_700_000_000_000i64];
    (time, option::of(bytes()), option::of(bytes()), vec((bytes(), option::of(bytes())), 0..4))
        .prop_map(|(timestamp, key, value, headers)| Plain { timestamp, key, value, headers })
}

fn build(mut builder: Builder, records: &[Plain]) -> Vec<u8> {
    for r in records {
        let headers: Vec<_> = r.headers.iter().map(|(k, v)| RecordHeader { key: k, value: v.as_deref() }).collect();
        builder.push(r.timestamp, r.key.as_deref(), r.value.as_deref(), &headers).unwrap();
    }
    builder.finish().unwrap()
}

fn read(batch: &Batch<'_>) -> Vec<Plain> {
    let payload = batch.payload(&LIMITS).unwrap();
    let mut records = Records::new(&batch.header(), &payload);
    let read = records
        .by_ref()
        .map(|r| {
            let r = r.unwrap();
            assert_eq!(r.headers.len(), r.headers.count());
            Plain {
                timestamp: r.timestamp,
                key: r.key.map(Into::into),
                value: r.value.map(Into::into),
                headers: r.headers.map(|h| (h.key.into(), h.value.map(Into::into))).collect(),
            }
        })
        .collect();
    assert!(records.rest().is_empty());
    read
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_record_survives_every_codec(records in vec(plain(), 1..12), id in 0..5u8, level in option::of(-5..25i32)) {
        let codec = Codec::from_id(id).unwrap();
        let bytes = build(Builder::new(Compression { codec, level }), &records);
        let (batch, facts) = produced(&bytes, usize::MAX).unwrap();
        prop_assert_eq!(facts.count as usize, records.len());
        prop_assert_eq!(facts.codec, codec);
        prop_assert_eq!(facts.max_timestamp, records.iter().map(|r| r.timestamp).max().unwrap());
        prop_assert_eq!(&read(&batch), &records);
        let inside = batch.check_records(&LIMITS).unwrap();
        prop_assert_eq!(inside.max_timestamp, facts.max_timestamp);
        prop_assert_eq!(inside.first_odd_delta, None);
        prop_assert_eq!(inside.first_null_key.map(|n| n as usize), records.iter().position(|r| r.key.is_none()));
    }

    #[test]
    fn recompression_changes_nothing_but_the_packing(records in vec(plain(), 1..8), from in 0..5u8, to in 0..5u8) {
        let bytes = build(
            Builder::new(Codec::from_id(from).unwrap()).transactional().producer(Producer { id: 7, epoch: 3, base_sequence: 9 }),
            &records,
        );
        let to = Codec::from_id(to).unwrap();
        let packed = recompress(&Batch::parse(&bytes).unwrap(), to.into(), &LIMITS).unwrap();
        let (batch, facts) = produced(&packed, usize::MAX).unwrap();
        prop_assert_eq!(facts.codec, to);
        prop_assert!(facts.transactional);
        prop_assert_eq!(facts.producer, Some(Producer { id: 7, epoch: 3, base_sequence: 9 }));
        prop_assert_eq!(read(&batch), records);
    }

    #[test]
    fn numbers_come_back(a in any::<i64>(), b in any::<i32>()) {
        let mut out = Vec::new();
        varint::write_i64(&mut out, a);
        prop_assert_eq!(out.len(), varint::len_i64(a));
        varint::write_i32(&mut out, b);
        prop_assert_eq!(out.len(), varint::len_i64(a) + varint::len_i32(b));
        let mut at = 0;
        prop_assert_eq!(varint::read_i64(&out, &mut at), Ok(a));
        prop_assert_eq!(varint::read_i32(&out, &mut at), Ok(b));
        prop_assert_eq!(at, out.len());
    }
}

#[test]
fn the_checksums_are_the_standard_ones() {
    assert_eq!(crc32c(b"123456789"), 0xE306_9283);
}

#[test]
fn numbers_are_bounded() {
    use varint::{VarintError, read_i32, read_i64};
    assert_eq!(read_i32(&[0x80; 5], &mut 0), Err(VarintError::TooLong));
    assert_eq!(read_i32(&[0x80; 4], &mut 0), Err(VarintError::Truncated));
    assert_eq!(read_i64(&[0xff; 10], &mut 0), Err(VarintError::TooLong));
    assert_eq!(read_i32(&[0xff, 0xff, 0xff, 0xff, 0x0f], &mut 0), Ok(i32::MIN));
    assert_eq!(read_i32(&[], &mut 0), Err(VarintError::Truncated));
}

#[test]
fn place_and_epoch_lie_outside_the_checksum_and_append_time_redoes_it() {
    let mut bytes = crate::sample(Codec::Zstd);
    patch_base_offset(&mut bytes, 1_000);
    patch_leader_epoch(&mut bytes, 5);
    let batch = Batch::parse(&bytes).unwrap();
    assert!(batch.verify().is_ok());
    assert_eq!((batch.header().last_offset(), batch.header().leader_epoch()), (1_002, 5));
    set_log_append_time(&mut bytes, 42);
    let batch = Batch::parse(&bytes).unwrap();
    assert_eq!(batch.verify().unwrap().timestamp_type, TimestampType::LogAppend);
    let payload = batch.payload(&LIMITS).unwrap();
    let seen: Vec<_> = Records::new(&batch.header(), &payload).map(|r| r.unwrap()).map(|r| (r.offset, r.timestamp)).collect();
    assert_eq!(seen, [(1_000, 42), (1_001, 42), (1_002, 42)]);
}

#[test]
fn a_blob_is_cut_into_whole_entries_and_a_tail() {
    let one = crate::sample(Codec::None);
    let two = crate::sample(Codec::Lz4);
    let blob = [&one[..], &two, &one[..one.len() - 1]].concat();
    let mut entries = split(&blob);
    assert_eq!(entries.next().unwrap().unwrap().bytes, one);
    assert_eq!(entries.next().unwrap().unwrap().bytes, two);
    assert_eq!(entries.next(), None);
    assert_eq!(entries.rest().len(), one.len() - 1);
}

#[test]
fn gaps_and_deltas_can_be_renumbered() {
    let mut builder = Builder::new(Codec::None);
    builder.push_at(3, 1, None, Some(b"a"), &[]).unwrap();
    builder.push_at(9, 2, None, Some(b"b"), &[]).unwrap();
    assert_eq!(builder.push_at(9, 2, None, None, &[]), Err(PackError::Order { last: 9, delta: 9 }));
    let bytes = builder.finish().unwrap();
    let batch = Batch::parse(&bytes).unwrap();
    assert_eq!(batch.check_records(&LIMITS).unwrap().first_odd_delta, Some((0, 3)));
    let packed = renumber(&batch, &LIMITS).unwrap().unwrap();
    let facts = Batch::parse(&packed).unwrap().check_records(&LIMITS).unwrap();
    assert_eq!((facts.count, facts.first_odd_delta), (2, None));
}

#[test]
fn the_odd_packings_of_clients_are_read() {
    let plain = crate::sample(Codec::None);
    let payload = plain[61..].to_vec();
    let unpack = |codec, packed: &[u8]| {
        let mut out = Vec::new();
        codec::decompress(codec, packed, &LIMITS, &mut out).map(|()| out)
    };
    let pack = |codec: Codec, part: &[u8]| {
        let mut out = Vec::new();
        codec::compress(codec.into(), part, &mut out).unwrap();
        out
    };
    let halves = payload.split_at(100);
    for codec in [Codec::Gzip, Codec::Zstd, Codec::Snappy] {
        let two = [pack(codec, halves.0), pack(codec, halves.1)].concat();
        assert_eq!(unpack(codec, &two).unwrap(), payload, "two {codec} frames");
    }
    for codec in [Codec::Gzip, Codec::Lz4] {
        let trailing = [pack(codec, &payload), b"garbage".to_vec()].concat();
        assert_eq!(unpack(codec, &trailing).unwrap(), payload, "{codec} with garbage behind it");
    }
    let raw = snap::raw::Encoder::new().compress_vec(&payload).unwrap();
    assert_eq!(unpack(Codec::Snappy, &raw).unwrap(), payload, "raw snappy");

    let long: Vec<u8> = (0..300_000u32).flat_map(|n| (n % 5_000).to_le_bytes()).collect();
    let info = lz4_flex::frame::FrameInfo::new()
        .block_mode(lz4_flex::frame::BlockMode::Linked)
        .block_size(lz4_flex::frame::BlockSize::Max64KB)
        .content_checksum(true);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    std::io::Write::write_all(&mut encoder, &long).unwrap();
    let limits = Limits::new(4 << 20);
    let mut out = Vec::new();
    codec::decompress(Codec::Lz4, &encoder.finish().unwrap(), &limits, &mut out).unwrap();
    assert!(out == long, "linked lz4 blocks");
}
