//! What can become true of a share group for good: one file a fact, bytes that every later release can read.
//! Who is a member and who holds what are [`super::Soft`] and never written.

pub mod share_deleted;
pub mod share_forgotten;
pub mod share_keyed;
pub mod share_settled;
pub mod share_started;
pub mod share_trimmed;

pub use share_deleted::ShareDeleted;
pub use share_forgotten::ShareForgotten;
pub use share_keyed::{KEY_LEN, ShareKeyed};
pub use share_settled::{SettledRun, ShareSettled};
pub use share_started::ShareStarted;
pub use share_trimmed::ShareTrimmed;

use super::At;
use crate::{
    fact::{
        BadFact,
        codec::{Reader, Writer},
    },
    ids::TopicId,
};

crate::fact::facts! {
    /// What can become true of a share group for good.
    pub enum ShareFact of "share group" { ShareStarted, ShareSettled, ShareTrimmed, ShareForgotten, ShareDeleted, ShareKeyed }
}

pub(super) fn write_at(w: &mut Writer<'_>, at: At) {
    w.uuid(at.topic.0);
    w.i32(at.partition);
}

pub(super) fn read_at(r: &mut Reader<'_>) -> Result<At, BadFact> {
    Ok(At { topic: TopicId(r.uuid()?), partition: r.i32()? })
}

/// An offset: never negative, and never so large that one more would not be a number.
pub(super) fn read_offset(r: &mut Reader<'_>) -> Result<i64, BadFact> {
    match r.i64()? {
        offset if (0..i64::MAX / 2).contains(&offset) => Ok(offset),
        _ => Err(BadFact::Invalid { what: "offset" }),
    }
}
