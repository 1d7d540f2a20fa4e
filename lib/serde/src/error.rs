//! What can go wrong between a value and a registry.

use milena_schema::{Flaw, avro::Malformed};

/// Why a value was not written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{0} is no address of a registry: http://host:port is expected")]
    Address(String),
    /// Trying again may help.
    #[error("the registry at {address} cannot be reached: {why}")]
    Unreachable {
        address: String,
        why: String,
        /// Nothing listens there, or the name has no address. Otherwise somebody may be there, who did not answer in time, or not
        /// to the end: what the registry knows is not known.
        absent: bool,
    },
    #[error("the registry says no to {request}: {message} (error {code})")]
    Refused { request: String, status: u16, code: i64, message: String },
    #[error("the registry's answer to {request} cannot be read: {why}")]
    Answer { request: String, why: String },
    #[error(transparent)]
    Framing(#[from] crate::framing::Broken),
    #[error("schema {id} of the registry: {flaw}")]
    Schema { id: u32, flaw: Flaw },
    #[error("data of schema {id} cannot be read as {name}: {flaw}")]
    Unreadable { id: u32, name: &'static str, flaw: Flaw },
    #[error("data of schema {id}: {why}")]
    Data { id: u32, why: Malformed },
    /// JSON that its schema refuses, or a Protobuf message that is none.
    #[error("data of schema {id}: {flaw}")]
    Invalid { id: u32, flaw: Flaw },
    #[error("subject names of this kind need the schema's name, and it has none")]
    Nameless,
    #[error("{0}")]
    Unsupported(String),
    /// What a Kafka client said.
    #[cfg(feature = "client")]
    #[error(transparent)]
    Kafka(#[from] milena_client::Error),
    /// A message whose value was not read.
    #[cfg(feature = "client")]
    #[error("the message at {topic}/{partition} @{offset}: {why}")]
    Message { topic: String, partition: i32, offset: i64, why: Box<Error> },
}

impl Error {
    /// Whether the same request may succeed a little later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            #[cfg(feature = "client")]
            Self::Message { why, .. } => why.is_retriable(),
            #[cfg(feature = "client")]
            Self::Kafka(error) => error.is_connection(),
            _ => false,
        }
    }

    /// Whether it is about the data themselves: their bytes, or the schema that they were written with, cannot be read. Whoever
    /// asks again hears the same. All else is about the registry, or about who asks it, and the data may be in order.
    pub fn is_about_data(&self) -> bool {
        match self {
            Self::Framing(_)
            | Self::Schema { .. }
            | Self::Unreadable { .. }
            | Self::Data { .. }
            | Self::Invalid { .. }
            | Self::Unsupported(_) => true,
            #[cfg(feature = "client")]
            Self::Message { why, .. } => why.is_about_data(),
            _ => false,
        }
    }
}
