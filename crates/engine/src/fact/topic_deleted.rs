//! A topic went to the trash: its name is free, its data can be restored for a while.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::ids::TopicId;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TopicDeleted {
    pub id: TopicId,
    /// Wall-clock milliseconds.
    pub at: i64,
    /// When the trash lets it go, if nothing else does earlier. Wall-clock milliseconds.
    pub purge_at: i64,
}

impl Content for TopicDeleted {
    const KIND: u8 = 3;
    const VERSION: u8 = 1;
    const NAME: &'static str = "topic deleted";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.id.0);
        w.i64(self.at);
        w.i64(self.purge_at.wrapping_sub(self.at));
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let (id, at) = (TopicId(r.uuid()?), r.i64()?);
        Ok(Self { id, at, purge_at: at.wrapping_add(r.i64()?) })
    }
}
