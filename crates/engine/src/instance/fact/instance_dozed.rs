//! An instance was silent while others of its group wanted to read, so its partitions are theirs; or it is back.

use super::{read_key, write_key};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    instance::InstanceKey,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceDozed {
    pub key: InstanceKey,
    /// Wall-clock milliseconds.
    pub at: i64,
    /// It is back.
    pub awake: bool,
}

impl Content for InstanceDozed {
    const KIND: u8 = 182;
    const VERSION: u8 = 1;
    const NAME: &'static str = "instance dozed";
    fn write(&self, w: &mut Writer<'_>) {
        write_key(w, &self.key);
        w.i64(self.at);
        w.bool(self.awake);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { key: read_key(r)?, at: r.i64()?, awake: r.bool()? })
    }
}
