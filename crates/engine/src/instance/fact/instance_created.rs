//! A REST client made itself a consumer instance.

use super::{read_key, write_key};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    instance::{InstanceKey, Settings},
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceCreated {
    pub key: InstanceKey,
    /// Wall-clock milliseconds.
    pub at: i64,
    pub settings: Settings,
}

impl Content for InstanceCreated {
    const KIND: u8 = 176;
    const VERSION: u8 = 1;
    const NAME: &'static str = "instance created";
    fn write(&self, w: &mut Writer<'_>) {
        write_key(w, &self.key);
        w.i64(self.at);
        self.settings.write(w);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { key: read_key(r)?, at: r.i64()?, settings: Settings::read(r)? })
    }
}
