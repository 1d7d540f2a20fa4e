//! What can become true of the schema registry: one file a fact, bytes that every later release can read.

pub mod config_changed;
pub mod context_created;
pub mod context_deleted;
pub mod mode_changed;
pub mod schema_registered;
pub mod subject_deleted;
pub mod topic_claimed;
pub mod versions_deleted;
pub mod versions_purged;

pub use config_changed::ConfigChanged;
pub use context_created::ContextCreated;
pub use context_deleted::ContextDeleted;
pub use mode_changed::ModeChanged;
pub use schema_registered::SchemaRegistered;
pub use subject_deleted::SubjectDeleted;
pub use topic_claimed::TopicClaimed;
pub use versions_deleted::VersionsDeleted;
pub use versions_purged::VersionsPurged;

use super::{Subject, limits};
use crate::fact::{
    BadFact,
    codec::{Reader, Writer},
};

crate::fact::facts! {
    /// What can become true of the schema registry.
    pub enum SubjectFact of "schema registry" {
        TopicClaimed,
        ContextCreated,
        ContextDeleted,
        SchemaRegistered,
        VersionsDeleted,
        SubjectDeleted,
        VersionsPurged,
        ConfigChanged,
        ModeChanged,
    }
}

pub(super) fn write_subject(w: &mut Writer<'_>, subject: &Subject) {
    w.str(&subject.context);
    w.str(&subject.name);
}

pub(super) fn read_subject(r: &mut Reader<'_>) -> Result<Subject, BadFact> {
    let context = read_name(r)?;
    Ok(Subject { context, name: read_name(r)? })
}

pub(super) fn read_name(r: &mut Reader<'_>) -> Result<std::sync::Arc<str>, BadFact> {
    r.str("bytes of a subject", limits::SUBJECT_BYTES_MAX).map(Into::into)
}

fn write_versions(w: &mut Writer<'_>, versions: &[i32]) {
    w.count(versions.len());
    versions.iter().for_each(|version| w.i32(*version));
}

fn read_versions(r: &mut Reader<'_>) -> Result<Vec<i32>, BadFact> {
    let count = r.count("versions", limits::VERSIONS_MAX, 1)?;
    (0..count).map(|_| r.i32()).collect()
}

#[cfg(test)]
mod tests;
