//! An instance that had lost what it was given has fetched since and found nothing: it may commit again.

use super::{read_key, write_key};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    instance::InstanceKey,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceTold {
    pub key: InstanceKey,
    /// Wall-clock milliseconds.
    pub at: i64,
}

impl Content for InstanceTold {
    const KIND: u8 = 183;
    const VERSION: u8 = 1;
    const NAME: &'static str = "instance told";
    fn write(&self, w: &mut Writer<'_>) {
        write_key(w, &self.key);
        w.i64(self.at);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { key: read_key(r)?, at: r.i64()? })
    }
}
