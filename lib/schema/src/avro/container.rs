//! Container files (`.avro`): a schema, then blocks of data, each compressed and closed by the file's sync marker.

mod codec;
mod read;
mod write;

pub use codec::{Codec, Squeeze};
pub use read::{Block, Damage, Reader};
pub use write::{BLOCK, Writer};

/// What every container file begins with.
pub const MAGIC: [u8; 4] = *b"Obj\x01";
/// Sixteen bytes that close the header and every block.
pub type Sync = [u8; 16];

/// Bytes of one block, compressed or not, and of the header.
pub const BLOCK_LIMIT: usize = 256 << 20;
/// Bytes of the header's metadata.
const META_LIMIT: usize = 16 << 20;

/// Why a container file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("not an Avro container file: {0}")]
    NotAvro(&'static str),
    #[error("the file's schema: {0}")]
    Schema(crate::Flaw),
    #[error("codec {0} is not known; known are null, deflate, snappy, bzip2, xz and zstandard")]
    Codec(String),
    #[error("damaged at byte {at}: {what}")]
    Damaged { at: u64, what: String },
}
