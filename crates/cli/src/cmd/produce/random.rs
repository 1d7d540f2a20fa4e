//! Values that nobody wrote: of the topic's schema, and otherwise left to chance.

use std::sync::Arc;

use bytes::Bytes;
use milena_schema::avro::{Dice, Schema};
use milena_serde::framing;

use super::Options;
use crate::{
    cmd::avro,
    failure::{Failure, Kind},
    schemas::Known,
};

pub(super) struct Random {
    schema: Schema,
    id: u32,
    dice: Dice,
    left: u64,
}

impl Random {
    pub(super) fn new(known: Option<&Arc<Known>>, options: &Options, count: u64) -> Result<Self, Failure> {
        let subject = format!("{}-value", options.topic);
        let missing = || {
            Failure::new(Kind::NotFound, format!("the broker's registry has no schema {subject} to make values of"))
                .fix(format!("milena schema register {} FILE.avsc", options.topic))
        };
        let known = known.ok_or_else(missing)?;
        let foreign = || Failure::usage(format!("--random is for Avro, and {subject} is {}", known.format()));
        let schema = known.avro().ok_or_else(foreign)?.clone();
        Ok(Self { schema, id: known.id, dice: avro::dice(options.seed), left: count })
    }

    /// The next value, framed.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut value = Vec::new();
        framing::put_prefix(&mut value, self.id);
        let none = |flaw| Failure::new(Kind::Failed, "no random data can be made").why(flaw);
        self.schema.random(&mut self.dice, &mut value).map_err(none)?;
        Ok(Some(value.into()))
    }
}
