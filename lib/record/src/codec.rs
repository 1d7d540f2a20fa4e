//! The five ways in which records are packed, and their framings as Kafka clients write them. Decompression is streamed
//! into a buffer that never grows past a limit, whatever a header inside claims.

use std::{
    cell::RefCell,
    fmt,
    io::{self, Read, Write},
    str::FromStr,
};

use zstd::zstd_safe::{self, DCtx, DParameter, ResetDirective};

use crate::{Flaw, PackError};

/// A compression codec, by its number in the attributes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

impl Codec {
    pub const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    /// `Err` gives the number back.
    pub fn from_id(id: u8) -> Result<Self, u8> {
        Self::ALL.get(usize::from(id)).copied().ok_or(id)
    }
    pub fn id(self) -> u8 {
        self as u8
    }
    /// The name that `compression.type` uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not a codec's name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no compression; none, gzip, snappy, lz4 and zstd are")]
pub struct UnknownCodec(pub String);

impl FromStr for Codec {
    type Err = UnknownCodec;
    /// Also takes Kafka's topic setting `uncompressed`.
    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        match name {
            "uncompressed" => Ok(Self::None),
            _ => Self::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| UnknownCodec(name.into())),
        }
    }
}

/// A codec with a level, as `compression.{gzip,lz4,zstd}.level` give it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compression {
    pub codec: Codec,
    /// gzip 1-9 (or -1), zstd -131072-22; out of range is brought into range. Snappy has none; lz4 has one speed here,
    /// its level is ignored. `None` is Kafka's default: gzip 6, zstd 3.
    pub level: Option<i32>,
}

impl Compression {
    pub const NONE: Self = Self { codec: Codec::None, level: None };
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        Self { codec, level: None }
    }
}

/// What decompression may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most bytes of the result (`max.decompressed.message.bytes`).
    pub decompressed: usize,
    /// Largest zstd window, as a power of two. Kafka's decoders take 27 (128 MiB). Only what is really written becomes
    /// resident, so a small result costs little under a large window.
    pub zstd_window_log: u32,
}

impl Limits {
    /// At most `decompressed` bytes, with the zstd window that every Kafka client accepts.
    pub const fn new(decompressed: usize) -> Self {
        Self { decompressed, zstd_window_log: 27 }
    }
}

/// Decompresses `input` and appends to `out` at most `limits.decompressed` bytes.
///
/// Fails with [`Flaw::Bomb`] or [`Flaw::Compressed`]; `out` may then hold a part. What clients are known to send is
/// taken: concatenated gzip members and zstd frames, garbage behind a gzip member or an lz4 frame, linked lz4 blocks, raw
/// snappy and xerial's framing of it.
pub fn decompress(codec: Codec, input: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<(), Flaw> {
    let sink = Sink { codec, limit: limits.decompressed, floor: out.len() };
    match codec {
        Codec::None => sink.fill(input, out),
        Codec::Gzip => gunzip(input, &sink, out),
        Codec::Snappy => unsnappy(input, &sink, out),
        Codec::Lz4 => unlz4(input, &sink, out),
        Codec::Zstd => unzstd(input, limits.zstd_window_log, &sink, out),
    }
}

/// Decompresses lz4 of message formats 0, whose writers computed the frame header's checksum over the wrong bytes.
pub(crate) fn decompress_lz4_with_bad_header(input: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<(), Flaw> {
    match lz4_header_checksum(input) {
        Some((at, checksum)) => {
            let mut head = input[..=at].to_vec();
            head[at] = checksum;
            let sink = Sink { codec: Codec::Lz4, limit: limits.decompressed, floor: out.len() };
            sink.fill(lz4_flex::frame::FrameDecoder::new(head.chain(&input[at + 1..])), out)
        }
        None => decompress(Codec::Lz4, input, limits, out),
    }
}

/// Where decompressed bytes go, and how many may.
struct Sink {
    codec: Codec,
    limit: usize,
    floor: usize,
}

impl Sink {
    fn broken(&self, detail: impl fmt::Display) -> Flaw {
        Flaw::Compressed { codec: self.codec, detail: detail.to_string() }
    }

    fn room(&self, out: &[u8]) -> usize {
        self.limit - (out.len() - self.floor)
    }

    /// Reads to the end, and one byte past the limit if there is one: that byte is the proof of too much.
    fn fill(&self, from: impl Read, out: &mut Vec<u8>) -> Result<(), Flaw> {
        let room = self.room(out);
        let read = from.take(room as u64 + 1).read_to_end(out).map_err(|e| self.broken(e))?;
        if read > room { Err(Flaw::Bomb { limit: self.limit }) } else { Ok(()) }
    }
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

fn gunzip(input: &[u8], sink: &Sink, out: &mut Vec<u8>) -> Result<(), Flaw> {
    let mut rest = input;
    loop {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        sink.fill(&mut member, out)?;
        rest = member.into_inner();
        // Java's reader goes on with a next member and takes anything else for padding.
        if !rest.starts_with(&GZIP_MAGIC) {
            return Ok(());
        }
    }
}

/// Xerial's framing (the only one that Java writes): magic, version, least version, then length-prefixed raw blocks.
const XERIAL_MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
const XERIAL_HEAD: usize = 16;
/// What Java's writer puts in one block.
const XERIAL_BLOCK: usize = 32 * 1024;

fn unsnappy(input: &[u8], sink: &Sink, out: &mut Vec<u8>) -> Result<(), Flaw> {
    if !input.starts_with(&XERIAL_MAGIC) {
        return unsnappy_block(input, sink, out);
    }
    let mut rest = input.get(XERIAL_HEAD..).ok_or_else(|| sink.broken("the snappy header is cut short"))?;
    while !rest.is_empty() {
        // Concatenated streams repeat the header.
        if rest.starts_with(&XERIAL_MAGIC) {
            rest = rest.get(XERIAL_HEAD..).ok_or_else(|| sink.broken("a snappy header is cut short"))?;
            continue;
        }
        let (len, tail) = rest.split_first_chunk().ok_or_else(|| sink.broken("a snappy block length is cut short"))?;
        let len = u32::from_be_bytes(*len) as usize;
        let (block, tail) = tail.split_at_checked(len).ok_or_else(|| sink.broken("a snappy block is cut short"))?;
        unsnappy_block(block, sink, out)?;
        rest = tail;
    }
    Ok(())
}

fn unsnappy_block(block: &[u8], sink: &Sink, out: &mut Vec<u8>) -> Result<(), Flaw> {
    let len = snap::raw::decompress_len(block).map_err(|e| sink.broken(e))?;
    // Three bytes of snappy make at most 64, so a claim beyond that is a lie, and is not believed with memory.
    if len > block.len().saturating_mul(22) {
        return Err(sink.broken(format_args!("{} bytes of snappy cannot become {len}", block.len())));
    }
    if len > sink.room(out) {
        return Err(Flaw::Bomb { limit: sink.limit });
    }
    let start = out.len();
    out.resize(start + len, 0);
    let written = snap::raw::Decoder::new().decompress(block, &mut out[start..]).map_err(|e| sink.broken(e))?;
    out.truncate(start + written);
    Ok(())
}

const LZ4_MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();

fn unlz4(input: &[u8], sink: &Sink, out: &mut Vec<u8>) -> Result<(), Flaw> {
    // Skippable and legacy frames are lz4 too, but not Kafka's.
    if !input.starts_with(&LZ4_MAGIC) {
        return Err(sink.broken("it does not begin with an lz4 frame"));
    }
    sink.fill(lz4_flex::frame::FrameDecoder::new(input), out)
}

/// Where the checksum of an lz4 frame header lies, and what it should be.
fn lz4_header_checksum(input: &[u8]) -> Option<(usize, u8)> {
    let flags = *input.get(4)?;
    let at = 6 + if flags & 0x08 != 0 { 8 } else { 0 } + if flags & 0x01 != 0 { 4 } else { 0 };
    let descriptor = input.get(4..at)?;
    input.get(at)?;
    Some((at, (xxh32_short(descriptor) >> 8) as u8))
}

/// xxHash32 with seed 0 of fewer than 16 bytes, which is all that a frame descriptor can have.
fn xxh32_short(bytes: &[u8]) -> u32 {
    const P1: u32 = 0x9E37_79B1;
    const P2: u32 = 0x85EB_CA77;
    const P3: u32 = 0xC2B2_AE3D;
    const P4: u32 = 0x27D4_EB2F;
    const P5: u32 = 0x1656_67B1;
    debug_assert!(bytes.len() < 16);
    let (words, tail) = bytes.as_chunks::<4>();
    let mut h = P5.wrapping_add(bytes.len() as u32);
    for word in words {
        h = h.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(P3)).rotate_left(17).wrapping_mul(P4);
    }
    for byte in tail {
        h = h.wrapping_add(u32::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    h = (h ^ (h >> 15)).wrapping_mul(P2);
    h = (h ^ (h >> 13)).wrapping_mul(P3);
    h ^ (h >> 16)
}

thread_local! {
    /// Making a context costs more than unpacking a small batch with it.
    static ZSTD: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// A context that grew larger than this is not kept: it holds the window of the largest frame that it met.
const KEPT_CONTEXT: usize = 1 << 20;

fn unzstd(input: &[u8], window_log: u32, sink: &Sink, out: &mut Vec<u8>) -> Result<(), Flaw> {
    let mut context = ZSTD.take().or_else(DCtx::try_create).ok_or_else(|| sink.broken("no memory for a zstd context"))?;
    let filled = context
        .set_parameter(DParameter::WindowLogMax(window_log))
        .map_err(|code| sink.broken(zstd_safe::get_error_name(code)))
        .and_then(|_| sink.fill(zstd::stream::read::Decoder::with_context(input, &mut context), out));
    // Whatever it was in the middle of must not meet the next batch.
    if context.reset(ResetDirective::SessionAndParameters).is_ok() && context.sizeof() <= KEPT_CONTEXT {
        ZSTD.set(Some(context));
    }
    filled
}

/// Compresses `input` and appends to `out`, framed as Java's clients frame it.
pub fn compress(compression: Compression, input: &[u8], out: &mut Vec<u8>) -> Result<(), PackError> {
    let Compression { codec, level } = compression;
    pack(codec, level, input, out).map_err(|e| PackError::Codec { codec, detail: e.to_string() })
}

fn pack(codec: Codec, level: Option<i32>, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    match codec {
        Codec::None => out.extend_from_slice(input),
        Codec::Gzip => {
            let level = match level {
                Some(level) if level >= 0 => flate2::Compression::new(level.clamp(1, 9) as u32),
                _ => flate2::Compression::new(6),
            };
            let mut encoder = flate2::write::GzEncoder::new(out, level);
            encoder.write_all(input)?;
            encoder.finish()?;
        }
        Codec::Snappy => snappy(input, out)?,
        Codec::Lz4 => {
            let info = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, out);
            encoder.write_all(input)?;
            encoder.finish()?;
        }
        Codec::Zstd => {
            let range = zstd::compression_level_range();
            let level = level.unwrap_or(3).clamp(*range.start(), *range.end());
            out.extend_from_slice(&zstd::bulk::compress(input, level)?);
        }
    }
    Ok(())
}

fn snappy(input: &[u8], out: &mut Vec<u8>) -> Result<(), snap::Error> {
    out.extend_from_slice(&XERIAL_MAGIC);
    // Version 1, readable from version 1.
    out.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
    let mut encoder = snap::raw::Encoder::new();
    for block in input.chunks(XERIAL_BLOCK) {
        let head = out.len();
        out.resize(head + 4 + snap::raw::max_compress_len(block.len()), 0);
        let written = encoder.compress(block, &mut out[head + 4..])?;
        out[head..head + 4].copy_from_slice(&(written as u32).to_be_bytes());
        out.truncate(head + 4 + written);
    }
    Ok(())
}
