//! A topic exists, with its id, its settings and the logs of its partitions.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
    topic_settings_changed::{read_setting, write_setting},
};
use crate::{
    ids::{LogNumber, TopicId, TopicName},
    limits,
    settings::Overrides,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicCreated {
    pub id: TopicId,
    pub name: TopicName,
    /// Partition `p` lives in log `first_log + p`.
    pub first_log: LogNumber,
    pub partitions: u32,
    /// What was set explicitly.
    pub settings: Overrides,
    /// Wall-clock milliseconds.
    pub at: i64,
}

impl Content for TopicCreated {
    const KIND: u8 = 2;
    const VERSION: u8 = 1;
    const NAME: &'static str = "topic created";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.id.0);
        w.str(self.name.as_str());
        w.u64(self.first_log);
        w.u32(self.partitions);
        w.i64(self.at);
        w.count(self.settings.len());
        self.settings.iter().for_each(|(name, value)| write_setting(w, name, value));
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let id = TopicId(r.uuid()?);
        let name = read_topic_name(r)?;
        let (first_log, partitions) = read_logs(r)?;
        let at = r.i64()?;
        let count = r.count("settings", limits::SETTINGS_AN_OWNER_MAX, 2)?;
        let settings = (0..count).map(|_| read_setting(r)).collect::<Result<_, _>>()?;
        Ok(Self { id, name, first_log, partitions, settings, at })
    }
}

pub(crate) fn read_topic_name(r: &mut Reader<'_>) -> Result<TopicName, BadFact> {
    let text = r.str("bytes of a topic name", limits::TOPIC_NAME_BYTES_MAX)?;
    text.parse().map_err(|_| BadFact::Invalid { what: "topic name" })
}

/// First log and how many follow, such that the last number exists.
pub(crate) fn read_logs(r: &mut Reader<'_>) -> Result<(LogNumber, u32), BadFact> {
    let (first, count) = (r.u64()?, r.u32()?);
    judge_logs(first, count)?;
    Ok((first, count))
}

pub(crate) fn judge_logs(first: LogNumber, count: u32) -> Result<(), BadFact> {
    let exists = count > 0 && count as usize <= limits::PARTITIONS_MAX && first.checked_add(count.into()).is_some();
    if exists { Ok(()) } else { Err(BadFact::Invalid { what: "run of logs" }) }
}
