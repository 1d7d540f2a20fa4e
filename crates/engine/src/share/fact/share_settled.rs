//! Deliveries ended: acknowledged, given back, rejected, expired, or buried. States how the records stand from here on.

use super::{read_at, read_offset, write_at};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    limits,
    share::{At, Stand},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareSettled {
    pub at: At,
    /// Wall-clock milliseconds.
    pub when: i64,
    /// Whose delivery ended; empty when nobody's did.
    pub by: Box<str>,
    /// In their words, for the dead letter.
    pub reason: Option<Box<str>>,
    pub runs: Vec<SettledRun>,
}

/// Both ends belong to it. Never held, and never delayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SettledRun {
    pub first: i64,
    pub last: i64,
    pub stand: Stand,
    pub failures: u16,
}

impl SettledRun {
    pub(in crate::share) fn write(&self, w: &mut Writer<'_>) {
        w.i64(self.first);
        w.i64(self.last - self.first);
        w.u8(match self.stand {
            Stand::Available | Stand::Held | Stand::Delayed => 0,
            Stand::Accepted => 1,
            Stand::Archived => 2,
            Stand::Condemned => 3,
        });
        w.u32(self.failures.into());
    }
    pub(in crate::share) fn read(r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let (first, more) = (read_offset(r)?, read_offset(r)?);
        let stand = match r.u8()? {
            0 => Stand::Available,
            1 => Stand::Accepted,
            2 => Stand::Archived,
            3 => Stand::Condemned,
            _ => return Err(BadFact::Invalid { what: "stand of a record" }),
        };
        let failures = u16::try_from(r.u32()?).map_err(|_| BadFact::Invalid { what: "delivery count" })?;
        Ok(Self { first, last: first.saturating_add(more), stand, failures })
    }
}

impl Content for ShareSettled {
    const KIND: u8 = 97;
    const VERSION: u8 = 1;
    const NAME: &'static str = "share settled";
    fn write(&self, w: &mut Writer<'_>) {
        write_at(w, self.at);
        w.i64(self.when);
        w.str(&self.by);
        w.option(self.reason.as_deref(), |w, v| w.str(v));
        w.count(self.runs.len());
        self.runs.iter().for_each(|run| run.write(w));
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let (at, when) = (read_at(r)?, r.i64()?);
        let by = r.str("bytes of a member's name", limits::MEMBER_NAME_BYTES_MAX)?.into();
        let reason = r.option(|r| Ok(r.str("bytes of a reason", limits::SHARE_REASON_BYTES_MAX)?.into()))?;
        let count = r.count("runs", limits::SHARE_RUNS_MAX, 4)?;
        let runs = (0..count).map(|_| SettledRun::read(r)).collect::<Result<_, BadFact>>()?;
        Ok(Self { at, when, by, reason, runs })
    }
}
