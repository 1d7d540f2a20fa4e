//! The group has nothing to do with these partitions any more: somebody said so, or their topic is gone.

use super::{read_at, write_at};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    limits,
    share::At,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareForgotten {
    pub partitions: Vec<At>,
}

impl Content for ShareForgotten {
    const KIND: u8 = 99;
    const VERSION: u8 = 1;
    const NAME: &'static str = "share forgotten";
    fn write(&self, w: &mut Writer<'_>) {
        w.count(self.partitions.len());
        self.partitions.iter().for_each(|at| write_at(w, *at));
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let count = r.count("partitions", limits::PARTITIONS_MAX, 17)?;
        Ok(Self { partitions: (0..count).map(|_| read_at(r)).collect::<Result<_, BadFact>>()? })
    }
}
