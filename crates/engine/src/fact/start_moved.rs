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
    /// `milena.retention.until.consumed.max.ms`: readers that retention waited for have not read it.
    Forced,
}

impl MoveReason {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Age => 0,
            Self::Size => 1,
            Self::Asked => 2,
            Self::Loss => 3,
            Self::Forced => 4,
        }
    }
    pub(crate) fn of_code(code: u8) -> Result<Self, BadFact> {
        Ok(match code {
            0 => Self::Age,
            1 => Self::Size,
            2 => Self::Asked,
            3 => Self::Loss,
            4 => Self::Forced,
            _ => return Err(BadFact::Invalid { what: "reason of a moved log start" }),
        })
    }
}

impl Content for StartMoved {
    const KIND: u8 = 32;
    const VERSION: u8 = 1;
    const NAME: &'static str = "log start moved";
    fn write(&self, w: &mut Writer<'_>) {
        w.i64(self.to);
        w.u8(self.why.code());
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let to = r.i64()?;
        let why = MoveReason::of_code(r.u8()?)?;
        if to < 0 {
            return Err(BadFact::Invalid { what: "log start" });
        }
        Ok(Self { to, why })
    }
}
