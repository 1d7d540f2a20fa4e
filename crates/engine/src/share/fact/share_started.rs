//! A share group begins with a partition, or begins anew somewhere else: nothing of what it did there before counts.

use super::{read_at, read_offset, write_at};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    share::At,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareStarted {
    pub at: At,
    /// The first offset that will be delivered.
    pub start: i64,
    /// Wall-clock milliseconds.
    pub when: i64,
}

impl Content for ShareStarted {
    const KIND: u8 = 96;
    const VERSION: u8 = 1;
    const NAME: &'static str = "share started";
    fn write(&self, w: &mut Writer<'_>) {
        write_at(w, self.at);
        w.i64(self.start);
        w.i64(self.when);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { at: read_at(r)?, start: read_offset(r)?, when: r.i64()? })
    }
}
