//! What an instance reads, and from where it begins in partitions in which its group has no position yet.

use super::{At, read_key, read_places, write_key, write_places};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    instance::{InstanceKey, Reading},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadingChosen {
    pub key: InstanceKey,
    /// Wall-clock milliseconds.
    pub at: i64,
    pub reading: Reading,
    /// The ends of the partitions that were there, for an instance that wants what comes from now on: what arrives before
    /// its first fetch is not missed.
    pub begins: Vec<At>,
}

impl Content for ReadingChosen {
    const KIND: u8 = 178;
    const VERSION: u8 = 1;
    const NAME: &'static str = "reading chosen";
    fn write(&self, w: &mut Writer<'_>) {
        write_key(w, &self.key);
        w.i64(self.at);
        self.reading.write(w);
        write_places(w, &self.begins);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { key: read_key(r)?, at: r.i64()?, reading: Reading::read(r)?, begins: read_places(r)? })
    }
}
