//! An instance is gone. What its group has committed stays.

use super::{read_key, write_key};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    instance::InstanceKey,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceDeleted {
    pub key: InstanceKey,
    pub why: Ending,
}

/// Why an instance went: people ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    Asked,
    /// Nobody had called it for so long that its place was given to a new one.
    Forgotten,
}

impl Content for InstanceDeleted {
    const KIND: u8 = 177;
    const VERSION: u8 = 1;
    const NAME: &'static str = "instance deleted";
    fn write(&self, w: &mut Writer<'_>) {
        write_key(w, &self.key);
        w.u8(match self.why {
            Ending::Asked => 0,
            Ending::Forgotten => 1,
        });
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let key = read_key(r)?;
        let why = match r.u8()? {
            0 => Ending::Asked,
            1 => Ending::Forgotten,
            _ => return Err(BadFact::Invalid { what: "end of an instance" }),
        };
        Ok(Self { key, why })
    }
}
