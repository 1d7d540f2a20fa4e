//! A topic is gone for good; its logs may go, and it can no longer be restored.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::ids::TopicId;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TopicPurged {
    pub id: TopicId,
    pub why: PurgeReason,
}

/// Why a topic can no longer be restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PurgeReason {
    /// Its time in the trash was over.
    Deadline,
    /// Somebody asked for it.
    Asked,
    /// The disk was full, and undoable deletions go first.
    DiskFull,
}

impl Content for TopicPurged {
    const KIND: u8 = 5;
    const VERSION: u8 = 1;
    const NAME: &'static str = "topic purged";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.id.0);
        w.u8(match self.why {
            PurgeReason::Deadline => 0,
            PurgeReason::Asked => 1,
            PurgeReason::DiskFull => 2,
        });
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let id = TopicId(r.uuid()?);
        let why = match r.u8()? {
            0 => PurgeReason::Deadline,
            1 => PurgeReason::Asked,
            2 => PurgeReason::DiskFull,
            _ => return Err(BadFact::Invalid { what: "reason of a purge" }),
        };
        Ok(Self { id, why })
    }
}
