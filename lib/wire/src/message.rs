//! What every message can do, and the two ways in which it can fail. Knows no particular message.

use std::{fmt::Debug, ops::RangeInclusive};

use bytes::BytesMut;

use crate::{Reader, Struct};

/// A request, a response, a header or a blob, in every version of it.
///
/// A field that a version does not have is at its default after decoding. Encoding refuses a field that is not at its default where the version has no
/// place for it, unless the protocol says that it may be left out in silence (`ignorable` in the definition).
pub trait Message: Sized + Clone + Debug + Default + PartialEq {
    /// The name in the protocol, such as `ProduceRequest`.
    const NAME: &'static str;
    /// The API key; -1 for headers and blobs, which have none.
    const KEY: i16;
    /// The versions that can be read and written.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields (KIP-482).
    const FLEXIBLE: Option<i16>;
    /// The definition, for tools.
    const FIELDS: &'static Struct;

    /// Reads the message at the reader's place. Bytes behind it are left alone: Kafka ignores them.
    fn decode(from: &mut Reader, version: i16) -> Result<Self, Malformed>;

    /// Appends the message. On an error `out` holds a part of it: truncate.
    fn encode(&self, out: &mut BytesMut, version: i16) -> Result<(), Unencodable>;

    /// Shows every error code in it that is not 0: where it stands, the code, and the words beside it.
    fn errors(&self, _see: &mut dyn FnMut(Place<'_>, i16, Option<&str>)) {}

    /// The group, transaction or key that a request is about, if it is about one.
    fn subject(&self) -> Option<&str> {
        None
    }
}

/// Where in an answer an error code stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// A topic, group or resource.
    pub name: Option<&'a str>,
    /// A topic that is named by its id; else nil.
    pub id: uuid::Uuid,
    /// A partition of it.
    pub index: Option<i32>,
}

/// A message that asks, and the type of its answer.
pub trait Request: Message {
    /// Its answer.
    type Response: Response;
}

/// A message that answers.
pub trait Response: Message {}

#[allow(missing_docs)] // each has its sentence in front
/// Why bytes are not the message they should be. Positions are byte offsets from the start of the reader's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("{message} has no version {version}")]
    Version { message: &'static str, version: i16 },
    #[error("no message kind has the key {key}")]
    Key { key: i16 },
    #[error("at byte {at}: {wanted} bytes are needed, {left} are left")]
    Short { at: usize, wanted: usize, left: usize },
    #[error("at byte {at}: null where the version allows none")]
    Null { at: usize },
    #[error("at byte {at}: {length} is no possible length")]
    Length { at: usize, length: i64 },
    #[error("at byte {at}: a variable-length number does not fit 32 bits")]
    Varint { at: usize },
    #[error("at byte {at}: {count} elements are claimed, at most {most} can follow")]
    Count { at: usize, count: u64, most: u64 },
    #[error("at byte {at}: tag {tag} is not above the one before it")]
    TagOrder { at: usize, tag: u32 },
    #[error("at byte {at}: tag {tag} claims {claimed} bytes, its value has {actual}")]
    TagSize { at: usize, tag: u32, claimed: usize, actual: usize },
    #[error("at byte {at}: decoding would take more than {budget} bytes of memory")]
    Budget { at: usize, budget: usize },
}

#[allow(missing_docs)] // each has its sentence in front
/// Why a value cannot be written in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    #[error("{message} has no version {version}")]
    Version { message: &'static str, version: i16 },
    #[error("version {version} has no field {field}, and it is not at its default")]
    Absent { field: &'static str, version: i16 },
    #[error("version {version} does not let {field} be null")]
    Null { field: &'static str, version: i16 },
    #[error("version {version} has no tagged fields")]
    Tags { version: i16 },
    #[error("tag {tag} is given twice")]
    TagTwice { tag: u32 },
    #[error("{length} bytes are too many: a string has at most 32767, anything else 2147483647")]
    TooLong { length: usize },
}
