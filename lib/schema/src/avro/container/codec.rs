//! The six codecs of container files, by their names there.

use std::{
    io::{Read, Write},
    str::FromStr,
};

use super::{BLOCK_LIMIT, Error};

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Codec {
    #[default]
    Null,
    Deflate,
    Snappy,
    Bzip2,
    Xz,
    Zstandard,
}

impl Codec {
    pub const ALL: [Self; 6] = [Self::Null, Self::Deflate, Self::Snappy, Self::Bzip2, Self::Xz, Self::Zstandard];

    /// As the header of a file names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstandard => "zstandard",
        }
    }
}

impl FromStr for Codec {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| Error::Codec(name.to_owned()))
    }
}

/// A codec and how hard it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Squeeze {
    pub codec: Codec,
    /// The codec's own scale; `None` is its usual level. Null, snappy and bzip2 have none.
    pub level: Option<u32>,
}

impl Squeeze {
    /// What a block becomes in the file. Without a codec that is itself.
    pub fn pack_owned(self, data: Vec<u8>) -> std::io::Result<Vec<u8>> {
        if self.codec == Codec::Null { Ok(data) } else { self.pack(&data) }
    }

    pub(crate) fn pack(self, data: &[u8]) -> std::io::Result<Vec<u8>> {
        match self.codec {
            Codec::Null => Ok(data.to_vec()),
            Codec::Deflate => {
                let level = flate2::Compression::new(self.level.unwrap_or(6).min(9));
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(data)?;
                encoder.finish()
            }
            Codec::Snappy => {
                let mut packed = snap::raw::Encoder::new().compress_vec(data).map_err(std::io::Error::other)?;
                packed.extend_from_slice(&checksum(data).to_be_bytes());
                Ok(packed)
            }
            Codec::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
                encoder.write_all(data)?;
                encoder.finish()
            }
            Codec::Xz => {
                let options = lzma_rust2::XzOptions::with_preset(self.level.unwrap_or(6).min(9));
                let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options)?;
                encoder.write_all(data)?;
                encoder.finish()
            }
            Codec::Zstandard => zstd::bulk::compress(data, self.level.unwrap_or(3).min(22) as i32),
        }
    }

    /// What a block held, at most [`BLOCK_LIMIT`] bytes of it.
    pub(crate) fn unpack(codec: Codec, packed: &[u8]) -> std::io::Result<Vec<u8>> {
        match codec {
            Codec::Null => Ok(packed.to_vec()),
            Codec::Deflate => bounded(flate2::read::DeflateDecoder::new(packed)),
            Codec::Snappy => unsnap(packed),
            Codec::Bzip2 => bounded(bzip2::read::BzDecoder::new(packed)),
            Codec::Xz => bounded(lzma_rust2::XzReader::new(packed, true)),
            Codec::Zstandard => bounded(zstd::stream::read::Decoder::new(packed)?),
        }
    }
}

fn bounded(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    reader.take(BLOCK_LIMIT as u64 + 1).read_to_end(&mut data)?;
    if data.len() > BLOCK_LIMIT { Err(swollen()) } else { Ok(data) }
}

fn swollen() -> std::io::Error {
    std::io::Error::other(format!("a block unpacks to more than {} MiB", BLOCK_LIMIT >> 20))
}

/// A raw snappy block, and the CRC-32 of what it holds, big-endian.
fn unsnap(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let (packed, sum) = packed.split_last_chunk::<4>().ok_or_else(|| std::io::Error::other("a snappy block without checksum"))?;
    let length = snap::raw::decompress_len(packed).map_err(std::io::Error::other)?;
    // Snappy makes at most 64 bytes of 3; a length beyond that is a lie.
    if length > BLOCK_LIMIT || length > packed.len().saturating_mul(32) {
        return Err(swollen());
    }
    let data = snap::raw::Decoder::new().decompress_vec(packed).map_err(std::io::Error::other)?;
    if checksum(&data) == u32::from_be_bytes(*sum) {
        Ok(data)
    } else {
        Err(std::io::Error::other("a snappy block's checksum is wrong"))
    }
}

fn checksum(data: &[u8]) -> u32 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, data) as u32
}
