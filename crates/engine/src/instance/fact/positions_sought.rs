//! A client told its instance where to read from.

use super::{At, read_key, read_places, write_key, write_places};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    instance::InstanceKey,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PositionsSought {
    pub key: InstanceKey,
    /// Wall-clock milliseconds.
    pub at: i64,
    pub positions: Vec<At>,
}

impl Content for PositionsSought {
    const KIND: u8 = 179;
    const VERSION: u8 = 1;
    const NAME: &'static str = "positions sought";
    fn write(&self, w: &mut Writer<'_>) {
        write_key(w, &self.key);
        w.i64(self.at);
        write_places(w, &self.positions);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { key: read_key(r)?, at: r.i64()?, positions: read_places(r)? })
    }
}
