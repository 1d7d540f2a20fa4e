//! A partition entered a new leader epoch: readers that kept positions across it must compare them with the log.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::ids::Offset;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochRaised {
    pub epoch: i32,
    /// The first offset that belongs to it.
    pub start: Offset,
    pub why: RaiseReason,
}

/// What raised an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RaiseReason {
    /// The topic came back from the trash.
    Restored,
    /// Data that readers may have seen may have been lost.
    Loss,
    /// The store was opened from a backup.
    Backup,
}

impl Content for EpochRaised {
    const KIND: u8 = 33;
    const VERSION: u8 = 1;
    const NAME: &'static str = "leader epoch raised";
    fn write(&self, w: &mut Writer<'_>) {
        w.i32(self.epoch);
        w.i64(self.start);
        w.u8(match self.why {
            RaiseReason::Restored => 0,
            RaiseReason::Loss => 1,
            RaiseReason::Backup => 2,
        });
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let (epoch, start) = (r.i32()?, r.i64()?);
        let why = match r.u8()? {
            0 => RaiseReason::Restored,
            1 => RaiseReason::Loss,
            2 => RaiseReason::Backup,
            _ => return Err(BadFact::Invalid { what: "reason of a raised epoch" }),
        };
        if epoch < 0 || start < 0 {
            return Err(BadFact::Invalid { what: "leader epoch" });
        }
        Ok(Self { epoch, start, why })
    }
}
