//! The Kafka messages: every client-facing key, every version that Apache Kafka 4.3.1 knows, both directions, and the frames they travel in.
//!
//! Definitions are text files in `messages/`; `cargo xtask codegen` turns them (the format is told in `xtask/src/codegen/definition.rs`) into the types re-exported here, one module an API key
//! (`produce::ProduceRequest`, `produce::TopicProduceData` …). This crate knows bytes and versions. It does no I/O, reads no clock, and judges nothing:
//! what a message *means* is for the rooms above.
//!
//! ```
//! use milena_wire::{Message, Reader, metadata::MetadataRequest};
//! let request = MetadataRequest { allow_auto_topic_creation: false, ..Default::default() };
//! let mut out = bytes::BytesMut::new();
//! request.encode(&mut out, 12).unwrap();
//! assert_eq!(MetadataRequest::decode(&mut Reader::new(out.freeze()), 12).unwrap(), request);
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;
pub mod frame;
#[allow(clippy::field_reassign_with_default)] // the reader starts from the defaults, since most versions lack some fields
mod generated;
pub mod hot;
mod message;
mod reader;
mod schema;
mod tags;
mod text;
mod writer;

pub use bytes;
pub use error::ErrorCode;
pub use generated::*;
pub use message::{Malformed, Message, Place, Request, Response, Unencodable};
pub use reader::Reader;
pub use schema::{Api, Field, Kind, Standard, Struct, Versions, api, latest_stable};
pub use tags::UnknownTags;
pub use text::Text;
pub use uuid::Uuid;
