//! The catalog in bytes, for a checkpoint. Topics come by name, and a name is written as what it adds to the one before,
//! so that a hundred thousand of them take a few megabytes and some milliseconds.

use std::sync::Arc;

use super::{Catalog, Logs, Topic, Trashed};
use crate::{
    fact::{
        BadFact,
        codec::{Reader, Writer},
        topic_created::judge_logs,
        topic_settings_changed::{read_setting, write_setting},
    },
    ids::{FIRST_FREE_LOG, TopicId},
    limits,
};

const NAME: &str = "snapshot of the topic catalog";
const VERSION: u8 = 1;

/// What the next topic is written as a difference to.
#[derive(Default)]
struct Before {
    name: String,
    log: u64,
    at: i64,
}

impl Catalog {
    /// Appends the whole state. The same state gives the same bytes.
    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let mut w = Writer::new(into);
        w.u8(VERSION);
        w.option(self.cluster, |w, id| w.uuid(id));
        w.u64(self.next_log);
        let mut before = Before::default();
        w.count(self.by_name.len());
        self.topics().for_each(|topic| before.write(&mut w, topic));
        w.count(self.trash.iter().count());
        for trashed in self.trash.iter() {
            before.write(&mut w, &trashed.topic);
            w.i64(trashed.deleted_at);
            w.i64(trashed.purge_at.wrapping_sub(trashed.deleted_at));
        }
        w.count(self.groups.len());
        for (name, log) in self.groups() {
            w.str(name);
            w.u64(log);
        }
    }

    /// Reads what [`Self::snapshot`] wrote.
    pub fn restore(bytes: &[u8]) -> Result<Self, BadFact> {
        let mut r = Reader::new(bytes);
        r.version(NAME, VERSION)?;
        let mut catalog = Self { cluster: r.option(|r| r.uuid())?, ..Self::default() };
        catalog.next_log = r.u64()?.max(FIRST_FREE_LOG);
        let mut before = Before::default();
        let topics = r.count("topics", limits::PARTITIONS_MAX, LEAST_TOPIC)?;
        let topics = (0..topics).map(|_| before.read(&mut r).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        catalog.enter_all(&topics);
        for _ in 0..r.count("deleted topics", limits::PARTITIONS_MAX, LEAST_TOPIC)? {
            let topic = Arc::new(before.read(&mut r)?);
            catalog.partitions += topic.partitions() as usize;
            let deleted_at = r.i64()?;
            let purge_at = deleted_at.wrapping_add(r.i64()?);
            catalog.trash.enter(Trashed { topic, deleted_at, purge_at });
        }
        for _ in 0..r.count("groups", limits::GROUPS_MAX, 2)? {
            let name = r.str("bytes of a group name", limits::GROUP_NAME_BYTES_MAX)?;
            let log = r.u64()?;
            catalog.apply_group(log, name);
        }
        r.end()?;
        Ok(catalog)
    }

    /// As [`Self::enter`] for each, in bulk: they come by name, and everything is built in one go.
    fn enter_all(&mut self, topics: &[Arc<Topic>]) {
        self.partitions += topics.iter().map(|t| t.partitions() as usize).sum::<usize>();
        topics.iter().for_each(|t| self.folded.enter(&t.name));
        self.by_id = topics.iter().map(|t| (t.id, t.clone())).collect();
        self.by_name = topics.iter().map(|t| (t.name.clone(), t.clone())).collect();
    }
}

/// Bytes that a topic takes at least: id, two lengths, one log run, time, settings.
const LEAST_TOPIC: usize = 16 + 2 + 3 + 1 + 1;

impl Before {
    fn write(&mut self, w: &mut Writer<'_>, topic: &Topic) {
        let name = topic.name.as_str();
        let same = name.bytes().zip(self.name.bytes()).take_while(|(a, b)| a == b).count();
        w.count(same);
        w.str(&name[same..]);
        w.uuid(topic.id.0);
        w.count(topic.logs.runs().count());
        for (first, count) in topic.logs.runs() {
            w.i64(first.wrapping_sub(self.log) as i64);
            w.u32(count);
            self.log = first.wrapping_add(count.into());
        }
        w.i64(topic.created_at.wrapping_sub(self.at));
        w.count(topic.settings.len());
        topic.settings.iter().for_each(|(name, value)| write_setting(w, name, value));
        self.name.replace_range(same.., &name[same..]);
        self.at = topic.created_at;
    }

    fn read(&mut self, r: &mut Reader<'_>) -> Result<Topic, BadFact> {
        let same = r.count("bytes of a topic name", limits::TOPIC_NAME_BYTES_MAX, 0)?;
        let rest = r.str("bytes of a topic name", limits::TOPIC_NAME_BYTES_MAX)?;
        let bad_name = BadFact::Invalid { what: "topic name" };
        if !self.name.is_char_boundary(same) {
            return Err(bad_name);
        }
        self.name.replace_range(same.., rest);
        let name = self.name.parse().map_err(|_| bad_name)?;
        let id = TopicId(r.uuid()?);
        let logs = self.read_logs(r)?;
        self.at = self.at.wrapping_add(r.i64()?);
        let count = r.count("settings", limits::SETTINGS_AN_OWNER_MAX, 2)?;
        let settings = (0..count).map(|_| read_setting(r)).collect::<Result<_, _>>()?;
        Ok(Topic { id, name, logs, settings, created_at: self.at })
    }

    fn read_logs(&mut self, r: &mut Reader<'_>) -> Result<Logs, BadFact> {
        let runs = r.count("runs of logs", limits::PARTITIONS_MAX, 2)?;
        let mut logs: Option<Logs> = None;
        for _ in 0..runs {
            let first = self.log.wrapping_add(r.i64()? as u64);
            let count = r.u32()?;
            judge_logs(first, count)?;
            if logs.as_ref().map_or(0, Logs::count) + count > limits::PARTITIONS_MAX as u32 {
                return Err(BadFact::Invalid { what: "number of partitions" });
            }
            self.log = first + u64::from(count);
            match &mut logs {
                Some(logs) => logs.add(first, count),
                None => logs = Some(Logs::new(first, count)),
            }
        }
        logs.ok_or(BadFact::Invalid { what: "topic without partitions" })
    }
}
