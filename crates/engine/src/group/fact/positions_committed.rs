//! Members said how far they are.

use crate::fact::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::{
    ids::{Offset, TopicId},
    limits,
};
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PositionsCommitted {
    /// Wall-clock milliseconds.
    pub at: i64,
    /// Who committed, as the node interned it.
    pub writer: u32,
    pub topics: Vec<(TopicId, Vec<PartitionPosition>)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionPosition {
    pub partition: i32,
    pub offset: Offset,
    /// Negative is unknown.
    pub leader_epoch: i32,
    pub metadata: Box<str>,
}

impl Content for PositionsCommitted {
    const KIND: u8 = 68;
    const VERSION: u8 = 1;
    const NAME: &'static str = "positions committed";
    fn write(&self, w: &mut Writer<'_>) {
        w.i64(self.at);
        w.u32(self.writer);
        w.count(self.topics.len());
        for (topic, partitions) in &self.topics {
            w.uuid(topic.0);
            w.count(partitions.len());
            for p in partitions {
                w.i32(p.partition);
                w.i64(p.offset);
                w.i32(p.leader_epoch);
                w.str(&p.metadata);
            }
        }
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let (at, writer) = (r.i64()?, r.u32()?);
        let count = r.count("topics", limits::PARTITIONS_MAX, 17)?;
        let topics = (0..count).map(|_| Ok((TopicId(r.uuid()?), partitions(r)?))).collect::<Result<_, BadFact>>()?;
        Ok(Self { at, writer, topics })
    }
}

fn partitions(r: &mut Reader<'_>) -> Result<Vec<PartitionPosition>, BadFact> {
    let count = r.count("positions", limits::PARTITIONS_MAX, 4)?;
    let partition = |r: &mut Reader<'_>| {
        Ok(PartitionPosition {
            partition: r.i32()?,
            offset: r.i64()?,
            leader_epoch: r.i32()?,
            metadata: r.str("bytes of a note", limits::POSITION_METADATA_BYTES_MAX)?.into(),
        })
    };
    (0..count).map(|_| partition(r)).collect()
}
