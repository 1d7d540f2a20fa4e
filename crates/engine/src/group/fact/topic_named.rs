//! The name of a topic whose positions the group keeps by id: subscriptions are by name.

use crate::fact::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::{
    ids::{TopicId, TopicName},
    limits,
};
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicNamed {
    pub topic: TopicId,
    pub name: TopicName,
}

impl Content for TopicNamed {
    const KIND: u8 = 67;
    const VERSION: u8 = 1;
    const NAME: &'static str = "topic named";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.topic.0);
        w.str(self.name.as_str());
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let topic = TopicId(r.uuid()?);
        let name = r.str("bytes of a topic name", limits::TOPIC_NAME_BYTES_MAX)?;
        Ok(Self { topic, name: name.parse().map_err(|_| BadFact::Invalid { what: "topic name" })? })
    }
}
