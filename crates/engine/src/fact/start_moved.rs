//! A partition's log start moved forward: what lies before it is gone from every answer.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::ids::Offset;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartMoved {
    /// The first offset that is kept.
    pub to: Offset,
    pub why: MoveReason,
}

/// What moved a log start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MoveReason {
    /// `retention.ms`.
    Age,
    /// `retention.bytes`.
    Size,
    /// A DeleteRecords request.
    Asked,
    /// Damage was accepted with `--accept-loss`.
    Loss,
}

impl Content for StartMoved {
    const KIND: u8 = 32;
    const VERSION: u8 = 1;
    const NAME: &'static str = "log start moved";
    fn write(&self, w: &mut Writer<'_>) {
        w.i64(self.to);
        w.u8(match self.why {
            MoveReason::Age => 0,
            MoveReason::Size => 1,
            MoveReason::Asked => 2,
            MoveReason::Loss => 3,
        });
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let to = r.i64()?;
        let why = match r.u8()? {
            0 => MoveReason::Age,
            1 => MoveReason::Size,
            2 => MoveReason::Asked,
            3 => MoveReason::Loss,
            _ => return Err(BadFact::Invalid { what: "reason of a moved log start" }),
        };
        if to < 0 {
            return Err(BadFact::Invalid { what: "log start" });
        }
        Ok(Self { to, why })
    }
}
