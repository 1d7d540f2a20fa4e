//! Small inputs that would become enormous stop at the limit, in result and in memory.

use std::io::Write;

use milena_record::{codec::decompress, *};

const LIMIT: usize = 1 << 20;
static CHUNK: [u8; 1 << 16] = [0; 1 << 16];

fn defused(codec: Codec, bomb: &[u8]) {
    let mut out = Vec::new();
    assert_eq!(decompress(codec, bomb, &Limits::new(LIMIT), &mut out), Err(Flaw::Bomb { limit: LIMIT }), "{codec}");
    assert!(out.capacity() <= 3 * LIMIT, "{codec} took {} bytes", out.capacity());
}

#[test]
fn gzip() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..4_096).for_each(|_| encoder.write_all(&CHUNK).unwrap());
    defused(Codec::Gzip, &encoder.finish().unwrap());
}

#[test]
fn gzip_in_many_members() {
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    member.write_all(&CHUNK).unwrap();
    defused(Codec::Gzip, &member.finish().unwrap().repeat(17));
}

#[test]
fn zstd_a_gibibyte_in_a_few_bytes() {
    // A frame by hand: window 128 KiB, then blocks that say "128 KiB of this byte" in four bytes each.
    let mut bomb = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38];
    let blocks = 8_192u32;
    for n in 0..blocks {
        let head = (128 * 1024) << 3 | 1 << 1 | u32::from(n == blocks - 1);
        bomb.extend_from_slice(&head.to_le_bytes()[..3]);
        bomb.push(0);
    }
    defused(Codec::Zstd, &bomb);
    // The first KiB of it: what remains would still be 32 MiB.
    defused(Codec::Zstd, &bomb[..1024]);
}

#[test]
fn zstd_windows_beyond_the_limit_are_refused() {
    // Window descriptor 0xA8: 2^31 bytes.
    let frame = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x01, 0x00, 0x00];
    let mut out = Vec::new();
    assert!(matches!(
        decompress(Codec::Zstd, &frame, &Limits::new(LIMIT), &mut out),
        Err(Flaw::Compressed { codec: Codec::Zstd, .. })
    ));
}

#[test]
fn lz4() {
    let info = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max4MB);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    (0..1_024).for_each(|_| encoder.write_all(&CHUNK).unwrap());
    defused(Codec::Lz4, &encoder.finish().unwrap());
}

#[test]
fn snappy_in_blocks_and_whole() {
    let block = snap::raw::Encoder::new().compress_vec(&CHUNK).unwrap();
    let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for _ in 0..4_096 {
        framed.extend_from_slice(&(block.len() as u32).to_be_bytes());
        framed.extend_from_slice(&block);
    }
    defused(Codec::Snappy, &framed);
    defused(Codec::Snappy, &snap::raw::Encoder::new().compress_vec(&CHUNK.repeat(64)).unwrap());
}

#[test]
fn a_claim_alone_takes_no_memory() {
    // Raw snappy that claims 2^32-1 bytes, and zstd that claims 1 GiB in a single segment.
    let mut out = Vec::new();
    let snappy = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    assert!(matches!(decompress(Codec::Snappy, &snappy, &Limits::new(LIMIT), &mut out), Err(Flaw::Compressed { .. })));
    let zstd = [0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 0x40, 0x01, 0, 0];
    assert!(decompress(Codec::Zstd, &zstd, &Limits::new(LIMIT), &mut out).is_err());
    assert!(out.capacity() <= 2 * LIMIT);
}

#[test]
fn the_limit_itself_is_allowed() {
    for codec in Codec::ALL {
        let plain = vec![7; LIMIT];
        let mut packed = Vec::new();
        codec::compress(codec.into(), &plain, &mut packed).unwrap();
        let mut out = Vec::new();
        decompress(codec, &packed, &Limits::new(LIMIT), &mut out).unwrap();
        assert!(out == plain, "{codec}");
        let mut out = Vec::new();
        assert_eq!(
            decompress(codec, &packed, &Limits::new(LIMIT - 1), &mut out),
            Err(Flaw::Bomb { limit: LIMIT - 1 }),
            "{codec}"
        );
    }
}

/// The zstd context of a thread is used again: no failure may follow it into the next batch.
#[test]
fn a_failure_leaves_nothing_behind() {
    let mut good = Vec::new();
    codec::compress(Codec::Zstd.into(), &CHUNK[..5_000], &mut good).unwrap();
    let mut huge = Vec::new();
    let wide = Compression { codec: Codec::Zstd, level: Some(22) };
    codec::compress(wide, &(0..900_000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>(), &mut huge).unwrap();
    for bad in [&good[..good.len() - 3], &good[..6], &[0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 1, 0, 0], &huge, b"no zstd at all"] {
        assert!(decompress(Codec::Zstd, bad, &Limits::new(LIMIT), &mut Vec::new()).is_err());
        let mut out = Vec::new();
        decompress(Codec::Zstd, &good, &Limits::new(LIMIT), &mut out).unwrap();
        assert!(out == CHUNK[..5_000]);
    }
}
