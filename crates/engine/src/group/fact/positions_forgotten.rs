//! Positions are gone: deleted, expired, or their topic is.

use crate::fact::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::{ids::TopicId, limits};
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PositionsForgotten {
    pub why: Forgetting,
    pub topics: Vec<(TopicId, Vec<i32>)>,
}

/// Why positions went: people ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forgetting {
    /// OffsetDelete.
    Asked,
    /// `offsets.retention.minutes`.
    Expired,
    /// The topic was purged.
    TopicGone,
}

impl Content for PositionsForgotten {
    const KIND: u8 = 69;
    const VERSION: u8 = 1;
    const NAME: &'static str = "positions forgotten";
    fn write(&self, w: &mut Writer<'_>) {
        w.u8(match self.why {
            Forgetting::Asked => 0,
            Forgetting::Expired => 1,
            Forgetting::TopicGone => 2,
        });
        w.count(self.topics.len());
        for (topic, partitions) in &self.topics {
            w.uuid(topic.0);
            w.count(partitions.len());
            for p in partitions {
                w.i32(*p);
            }
        }
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let why = match r.u8()? {
            0 => Forgetting::Asked,
            1 => Forgetting::Expired,
            2 => Forgetting::TopicGone,
            _ => return Err(BadFact::Invalid { what: "reason for forgetting" }),
        };
        let count = r.count("topics", limits::PARTITIONS_MAX, 17)?;
        let topic = |r: &mut Reader<'_>| {
            let topic = TopicId(r.uuid()?);
            let count = r.count("partitions", limits::PARTITIONS_MAX, 1)?;
            Ok((topic, (0..count).map(|_| r.i32()).collect::<Result<_, _>>()?))
        };
        Ok(Self { why, topics: (0..count).map(|_| topic(r)).collect::<Result<_, BadFact>>()? })
    }
}
