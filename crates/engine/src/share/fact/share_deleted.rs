//! The group is gone, with everything that it knew.

use crate::fact::{
    BadFact, Content,
    codec::{Reader, Writer},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareDeleted {
    /// Wall-clock milliseconds.
    pub when: i64,
}

impl Content for ShareDeleted {
    const KIND: u8 = 100;
    const VERSION: u8 = 1;
    const NAME: &'static str = "share group deleted";
    fn write(&self, w: &mut Writer<'_>) {
        w.i64(self.when);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { when: r.i64()? })
    }
}
