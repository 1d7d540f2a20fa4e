//! What can become true of the REST door's consumer instances: one file a fact, bytes that every later release can read.

pub mod instance_created;
pub mod instance_deleted;
pub mod instance_dozed;
pub mod instance_rewound;
pub mod instance_told;
pub mod positions_sought;
pub mod reading_chosen;
pub mod records_delivered;

pub use instance_created::InstanceCreated;
pub use instance_deleted::{Ending, InstanceDeleted};
pub use instance_dozed::InstanceDozed;
pub use instance_rewound::InstanceRewound;
pub use instance_told::InstanceTold;
pub use positions_sought::PositionsSought;
pub use reading_chosen::ReadingChosen;
pub use records_delivered::{Delivered, RecordsDelivered};

use super::InstanceKey;
use crate::{
    fact::{
        BadFact,
        codec::{Reader, Writer},
        facts,
    },
    ids::{Offset, TopicId},
    limits,
};

facts! {
    /// What can become true of consumer instances.
    pub enum InstanceFact of "consumer instances" {
        InstanceCreated, InstanceDeleted, ReadingChosen, PositionsSought, RecordsDelivered, InstanceRewound, InstanceDozed,
        InstanceTold,
    }
}

/// A partition and an offset in it.
pub type At = (TopicId, i32, Offset);

pub(super) fn write_key(w: &mut Writer<'_>, key: &InstanceKey) {
    w.str(&key.group);
    w.str(&key.name);
}

pub(super) fn read_key(r: &mut Reader<'_>) -> Result<InstanceKey, BadFact> {
    let mut name = || r.str("bytes of a name", limits::GROUP_NAME_BYTES_MAX).map(Into::into);
    Ok(InstanceKey { group: name()?, name: name()? })
}

pub(super) fn write_places(w: &mut Writer<'_>, places: &[At]) {
    w.count(places.len());
    for (topic, partition, offset) in places {
        w.uuid(topic.0);
        w.i32(*partition);
        w.i64(*offset);
    }
}

pub(super) fn read_places(r: &mut Reader<'_>) -> Result<Vec<At>, BadFact> {
    let count = r.count("positions", limits::PARTITIONS_MAX, 18)?;
    (0..count).map(|_| Ok((TopicId(r.uuid()?), r.i32()?, r.i64()?))).collect()
}

#[cfg(test)]
mod tests;
