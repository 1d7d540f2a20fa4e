//! An empty context is no longer listed. Its last id is kept, should it ever come back.

use std::sync::Arc;

use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    subject::fact::read_name,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContextDeleted {
    pub context: Arc<str>,
}

impl Content for ContextDeleted {
    const KIND: u8 = 130;
    const VERSION: u8 = 1;
    const NAME: &'static str = "context deleted";
    fn write(&self, w: &mut Writer<'_>) {
        w.str(&self.context);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { context: read_name(r)? })
    }
}
