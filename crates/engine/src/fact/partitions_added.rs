//! A topic has more partitions than before.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
    topic_created::read_logs,
};
use crate::ids::{LogNumber, TopicId};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartitionsAdded {
    pub id: TopicId,
    /// The log of the first new partition; the others follow.
    pub first_log: LogNumber,
    /// How many were added.
    pub count: u32,
}

impl Content for PartitionsAdded {
    const KIND: u8 = 6;
    const VERSION: u8 = 1;
    const NAME: &'static str = "partitions added";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.id.0);
        w.u64(self.first_log);
        w.u32(self.count);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let id = TopicId(r.uuid()?);
        let (first_log, count) = read_logs(r)?;
        Ok(Self { id, first_log, count })
    }
}
