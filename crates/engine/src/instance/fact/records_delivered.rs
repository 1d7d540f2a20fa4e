//! An instance is about to be given these records. Durable before the answer leaves, so that a commit after a restart
//! covers what was delivered and nothing else.

use super::{read_key, write_key};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    ids::{Offset, TopicId},
    instance::InstanceKey,
    limits,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordsDelivered {
    pub key: InstanceKey,
    /// Wall-clock milliseconds.
    pub at: i64,
    /// By this name a client may ask for the same records again.
    pub fetch: Box<str>,
    pub ranges: Vec<Delivered>,
}

/// A run of offsets of one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivered {
    pub topic: TopicId,
    pub partition: i32,
    pub from: Offset,
    /// One past the last.
    pub to: Offset,
}

impl Content for RecordsDelivered {
    const KIND: u8 = 180;
    const VERSION: u8 = 1;
    const NAME: &'static str = "records delivered";
    fn write(&self, w: &mut Writer<'_>) {
        write_key(w, &self.key);
        w.i64(self.at);
        w.str(&self.fetch);
        write_ranges(w, &self.ranges);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let (key, at) = (read_key(r)?, r.i64()?);
        let fetch = r.str("bytes of a fetch's name", limits::FETCH_NAME_BYTES_MAX)?.into();
        Ok(Self { key, at, fetch, ranges: read_ranges(r)? })
    }
}

pub(in crate::instance) fn write_ranges(w: &mut Writer<'_>, ranges: &[Delivered]) {
    w.count(ranges.len());
    for range in ranges {
        w.uuid(range.topic.0);
        w.i32(range.partition);
        w.i64(range.from);
        w.i64(range.to);
    }
}

pub(in crate::instance) fn read_ranges(r: &mut Reader<'_>) -> Result<Vec<Delivered>, BadFact> {
    let count = r.count("ranges", limits::PARTITIONS_MAX, 19)?;
    let range =
        |r: &mut Reader<'_>| Ok(Delivered { topic: TopicId(r.uuid()?), partition: r.i32()?, from: r.i64()?, to: r.i64()? });
    (0..count).map(|_| range(r)).collect()
}
