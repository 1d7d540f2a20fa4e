//! Names and numbers that mean something. Raw integers live in `wire`; the doors convert.

use std::{fmt, str::FromStr, sync::Arc};

pub use uuid::Uuid;

/// An absolute offset in a partition.
pub type Offset = i64;

/// A topic's id as Kafka clients see it: a UUID that is never zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicId(pub Uuid);

/// A legal topic name: 1 to 249 of `[a-zA-Z0-9._-]`, not `.` or `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicName(Arc<str>);

/// Why a topic name is refused (Kafka: INVALID_TOPIC_EXCEPTION).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadTopicName {
    #[error("a topic name cannot be empty")]
    Empty,
    #[error("a topic name cannot be \".\" or \"..\"")]
    Dots,
    #[error("a topic name has at most 249 characters, this one has {0}")]
    TooLong(usize),
    #[error("{0:?} is not allowed in a topic name; letters, digits, '.', '_' and '-' are")]
    Character(char),
}

impl FromStr for TopicName {
    type Err = BadTopicName;
    fn from_str(s: &str) -> Result<Self, BadTopicName> {
        if s.is_empty() {
            return Err(BadTopicName::Empty);
        }
        if s == "." || s == ".." {
            return Err(BadTopicName::Dots);
        }
        if let Some(c) = s.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
            return Err(BadTopicName::Character(c));
        }
        if s.len() > 249 {
            return Err(BadTopicName::TooLong(s.len()));
        }
        Ok(Self(s.into()))
    }
}
impl TopicName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl std::borrow::Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An idempotent producer's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProducerId(pub i64);

/// Dense id of a log in the store: `0` is the catalog; the catalog hands out the others.
pub type LogNumber = u64;

/// The log of the topic catalog: the first of all, and where the numbers of later logs come from.
pub const CATALOG_LOG: LogNumber = 0;
/// The log of the producer id allocator.
pub const PRODUCER_IDS_LOG: LogNumber = 1;
/// The log of the table of writers.
pub const WRITERS_LOG: LogNumber = 2;
/// The log of the broker's own settings.
pub const BROKER_SETTINGS_LOG: LogNumber = 3;
/// The log of the schema registry.
pub const SUBJECTS_LOG: LogNumber = 4;
/// The log of answers that are kept for who asks again.
pub const ANSWERED_LOG: LogNumber = 11;
/// The log of the REST door's consumer instances.
pub const INSTANCES_LOG: LogNumber = 12;
/// The log of the expiry ledger.
pub const UNREAD_LOG: LogNumber = 13;
/// The first number that the catalog hands out. Those between are kept for nouns that every broker will have once.
pub const FIRST_FREE_LOG: LogNumber = 16;
