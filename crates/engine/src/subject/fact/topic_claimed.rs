//! The topic `_schemas` belongs to the registry from here on: clients read it, and only the registry writes it.

use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    ids::TopicId,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TopicClaimed {
    pub topic: TopicId,
}

impl Content for TopicClaimed {
    const KIND: u8 = 128;
    const VERSION: u8 = 1;
    const NAME: &'static str = "topic of schemas claimed";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.topic.0);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { topic: TopicId(r.uuid()?) })
    }
}
