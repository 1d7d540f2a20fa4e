//! Facts: what became true, in bytes that every later release can read. One file a fact.
//!
//! A fact states an outcome (`the log start is 17`), never a wish, so that applying it needs no judgement. Its bytes
//! are the kind, the version of that kind, and the content. Files here are append-only: a new meaning is a new version
//! or a new kind, and what was once written stays readable. This room knows nouns' content, and no rule about it.
//!
//! Kinds are unique in the whole engine, so that a fact in the wrong log is seen:
//! To add one: a file with its [`Content`] and a kind of its noun's range, its name in the noun's `facts!`, and its bytes in
//! the golden test. 1-31 catalog, 32-47 partition, 48-51 producer ids, 52-55 writers, 56-59 broker settings, 64-95 groups and positions,
//! 96-111 share groups, 128-143 schemas, 160-161 kept answers, 176-183 consumer instances, 184-185 the expiry ledger.

pub mod codec;

pub mod cluster_founded;
pub mod epoch_raised;
pub mod group_created;
pub mod group_removed;
pub mod partitions_added;
pub mod producer_ids_taken;
pub mod start_moved;
pub mod topic_created;
pub mod topic_deleted;
pub mod topic_purged;
pub mod topic_restored;
pub mod topic_settings_changed;
pub mod writer_interned;

pub use cluster_founded::ClusterFounded;
pub use epoch_raised::{EpochRaised, RaiseReason};
pub use group_created::GroupCreated;
pub use group_removed::GroupRemoved;
pub use partitions_added::PartitionsAdded;
pub use producer_ids_taken::ProducerIdsTaken;
pub use start_moved::{MoveReason, StartMoved};
pub use topic_created::TopicCreated;
pub use topic_deleted::TopicDeleted;
pub use topic_purged::{PurgeReason, TopicPurged};
pub use topic_restored::TopicRestored;
pub use topic_settings_changed::TopicSettingsChanged;
pub use writer_interned::WriterInterned;

use codec::{Reader, Writer};

/// The content of one kind of fact.
pub trait Content: Sized {
    /// Unique in the engine, for ever.
    const KIND: u8;
    /// The version that this release writes; it reads this one and all before.
    const VERSION: u8;
    /// For messages to people.
    const NAME: &'static str;
    fn write(&self, w: &mut Writer<'_>);
    /// `version` is between 1 and [`Self::VERSION`].
    fn read(version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact>;
}

/// Stored bytes that cannot be understood. The node refuses to start with these words.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadFact {
    #[error(
        "the log of a {noun} holds a fact of kind {kind} that this release does not know; a newer release wrote it, so start that one"
    )]
    UnknownKind { noun: &'static str, kind: u8 },
    #[error(
        "{name:?} is stored in version {version}, this release reads up to {known}; a newer release wrote it, so start that one"
    )]
    UnknownVersion { name: &'static str, version: u8, known: u8 },
    #[error("stored content ends too early")]
    Truncated,
    #[error("stored content goes on for {bytes} bytes after its end")]
    Trailing { bytes: usize },
    #[error("stored content counts {count} {what}, at most {max} can be")]
    TooMany { what: &'static str, count: u64, max: usize },
    #[error("stored content holds an impossible {what}")]
    Invalid { what: &'static str },
}

/// Writes one fact: kind, version, content.
pub fn encode<C: Content>(content: &C, into: &mut Vec<u8>) {
    into.extend_from_slice(&[C::KIND, C::VERSION]);
    content.write(&mut Writer::new(into));
}

/// Reads the content that follows the kind.
pub fn decode_content<C: Content>(mut r: Reader<'_>) -> Result<C, BadFact> {
    let version = r.version(C::NAME, C::VERSION)?;
    let content = C::read(version, &mut r)?;
    r.end()?;
    Ok(content)
}

/// Declares the facts of one noun: an enum over contents, with `encode`, `decode` and `name`.
macro_rules! facts {
    ($(#[$meta:meta])* $vis:vis enum $Facts:ident of $noun:literal { $($Fact:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        $vis enum $Facts { $($Fact($Fact)),+ }

        impl $Facts {
            /// Appends kind, version and content.
            $vis fn encode(&self, into: &mut Vec<u8>) {
                match self { $(Self::$Fact(content) => $crate::fact::encode(content, into)),+ }
            }
            /// Reads exactly one fact.
            $vis fn decode(bytes: &[u8]) -> Result<Self, $crate::fact::BadFact> {
                let mut r = $crate::fact::codec::Reader::new(bytes);
                match r.u8()? {
                    $(<$Fact as $crate::fact::Content>::KIND => $crate::fact::decode_content(r).map(Self::$Fact),)+
                    kind => Err($crate::fact::BadFact::UnknownKind { noun: $noun, kind }),
                }
            }
            /// The kind in words.
            $vis fn name(&self) -> &'static str {
                match self { $(Self::$Fact(_) => <$Fact as $crate::fact::Content>::NAME),+ }
            }
        }
        $(impl From<$Fact> for $Facts {
            fn from(content: $Fact) -> Self {
                Self::$Fact(content)
            }
        })+
    };
}
pub(crate) use facts;

#[cfg(test)]
mod tests;
