//! Records went from the partition before the group was done with them: their time was up, or somebody deleted them.

use super::{read_at, read_offset, write_at};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    share::At,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareTrimmed {
    pub at: At,
    /// The first offset that is left.
    pub to: i64,
    /// Wall-clock milliseconds.
    pub when: i64,
}

impl Content for ShareTrimmed {
    const KIND: u8 = 98;
    const VERSION: u8 = 1;
    const NAME: &'static str = "share trimmed";
    fn write(&self, w: &mut Writer<'_>) {
        write_at(w, self.at);
        w.i64(self.to);
        w.i64(self.when);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { at: read_at(r)?, to: read_offset(r)?, when: r.i64()? })
    }
}
