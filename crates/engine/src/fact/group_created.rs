//! A group has a log of its own from here on.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::{ids::LogNumber, limits};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupCreated {
    pub log: LogNumber,
    pub name: Box<str>,
}

impl Content for GroupCreated {
    const KIND: u8 = 8;
    const VERSION: u8 = 1;
    const NAME: &'static str = "group created";
    fn write(&self, w: &mut Writer<'_>) {
        w.u64(self.log);
        w.str(&self.name);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { log: r.u64()?, name: r.str("bytes of a group name", limits::GROUP_NAME_BYTES_MAX)?.into() })
    }
}
