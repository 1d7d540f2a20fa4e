//! The Kafka record batch: read, verify, patch, build, compress. Pure: bytes in, bytes out.
//!
//! Magic 2 is the format that everything written since Kafka 0.11 has ([`Batch`], [`Header`], [`Builder`]); the two
//! older formats are read only ([`legacy`]). A broker keeps a produced batch as it came: it judges it with
//! [`produced`], gives it its place with [`patch_base_offset`] and [`patch_leader_epoch`] (both outside the checksum)
//! and stores the same bytes. Looking inside, with or without decompression, is the caller's choice: [`Batch::payload`]
//! and [`Records`] for reading, [`Batch::check_records`] for judging.
//!
//! ```
//! use milena_record::{Batch, Builder, Codec, Limits, RecordHeader, Records, patch_base_offset, produced};
//!
//! let mut builder = Builder::new(Codec::Zstd);
//! builder.push(1_700_000_000_000, Some(b"key"), Some(b"value"), &[RecordHeader { key: b"h", value: None }])?;
//! let mut bytes = builder.finish()?;
//!
//! // As a broker: judge it, and give it its place.
//! let (_, facts) = produced(&bytes, 1 << 20)?;
//! assert_eq!(facts.count, 1);
//! patch_base_offset(&mut bytes, 42);
//!
//! // As a reader.
//! let batch = Batch::parse(&bytes)?;
//! let payload = batch.payload(&Limits::new(1 << 20))?;
//! let record = Records::new(&batch.header(), &payload).next().expect("one record")?;
//! assert_eq!((record.offset, record.value), (42, Some(&b"value"[..])));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every count and size that comes from outside is bounded before it allocates; decompression stops at a [`Limits`].
//! This room must not know: protocol messages, error codes, files, clocks.
#![forbid(unsafe_code)]

mod build;
pub mod codec;
mod flaw;
mod header;
pub mod legacy;
mod partitioner;
mod record;
mod split;
pub mod varint;
mod verify;

pub use build::{Builder, Control, PackError, Producer, RecompressError, recompress, renumber};
pub use codec::{Codec, Compression, Limits};
pub use flaw::{Flaw, RecordFlaw};
pub use header::{
    CHECKED_FROM, HEADER_LEN, Header, MAGIC, TimestampType, crc32c, patch_base_offset, patch_leader_epoch, set_create_time,
    set_log_append_time, stated_crc,
};
pub use partitioner::{murmur2, partition_of_key};
pub use record::{Headers, Record, RecordHeader, Records};
pub use split::{Entry, Split, split};
pub use verify::{Batch, Facts, RecordFacts, produced};
