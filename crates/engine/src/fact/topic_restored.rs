//! A deleted topic is back, perhaps under another name. Id, logs and settings are as they were.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
    topic_created::read_topic_name,
};
use crate::ids::{TopicId, TopicName};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicRestored {
    pub id: TopicId,
    pub name: TopicName,
}

impl Content for TopicRestored {
    const KIND: u8 = 4;
    const VERSION: u8 = 1;
    const NAME: &'static str = "topic restored";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.id.0);
        w.str(self.name.as_str());
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { id: TopicId(r.uuid()?), name: read_topic_name(r)? })
    }
}
