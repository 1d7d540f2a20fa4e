//! A context exists, before its first schema.

use std::sync::Arc;

use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    subject::fact::read_name,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContextCreated {
    pub context: Arc<str>,
}

impl Content for ContextCreated {
    const KIND: u8 = 129;
    const VERSION: u8 = 1;
    const NAME: &'static str = "context created";
    fn write(&self, w: &mut Writer<'_>) {
        w.str(&self.context);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { context: read_name(r)? })
    }
}
