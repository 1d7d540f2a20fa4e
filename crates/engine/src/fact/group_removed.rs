//! A group and its log are gone. The log's number is never used again.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::ids::LogNumber;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupRemoved {
    pub log: LogNumber,
}

impl Content for GroupRemoved {
    const KIND: u8 = 9;
    const VERSION: u8 = 1;
    const NAME: &'static str = "group removed";
    fn write(&self, w: &mut Writer<'_>) {
        w.u64(self.log);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { log: r.u64()? })
    }
}
