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
    Unreachable { address: String, why: String },
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
    #[cfg(feature = "client")]
    #[error("nothing was committed: a message waits for its schema; `next` gives it, or says why not")]
    Held,
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
            #[cfg(feature = "client")]
            Self::Held => true,
            _ => false,
        }
    }
}
