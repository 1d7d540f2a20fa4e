//! The topics that are there, as doors find them. Knows names, ids and partitions; the judgement about them is the
//! catalog's.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashMap;
use milena_engine::{
    ids::{TopicId, TopicName},
    partition::{Partition as Judge, Rules},
    retention::Policy,
    settings::{BrokerConfig, Overrides, topic::TopicSettings},
    topic::Topic as Known,
};
use milena_store::LogId;

use crate::{noun::Noun, partition::Partition, release::Hub};

/// A topic at one moment. A change makes a new one; who holds an old one meets its partitions all the same, and learns
/// from them when the topic is gone.
#[derive(Debug)]
pub struct Topic {
    pub name: TopicName,
    pub id: TopicId,
    pub partitions: Arc<[Arc<Partition>]>,
    /// What holds for it, whoever said so.
    pub settings: Arc<TopicSettings>,
    /// What was set on it explicitly.
    pub overrides: Overrides,
    /// Wall-clock milliseconds.
    pub created_at: i64,
    pub(crate) rules: Rules,
    pub(crate) policy: Policy,
}

impl Topic {
    /// The partition of this number, if there is one.
    pub fn partition(&self, index: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(index).ok()?)
    }

    /// How long its batches are kept.
    pub fn policy(&self) -> Policy {
        self.policy
    }
}

/// All topics, by name and by id, and all partitions by log, those in the trash included. Readers share one short lock;
/// nothing is judged or awaited under it.
#[derive(Debug, Default)]
pub(crate) struct Table(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    by_name: HashMap<TopicName, Arc<Topic>>,
    by_id: HashMap<TopicId, Arc<Topic>>,
    by_log: HashMap<u64, Arc<Partition>>,
}

impl Table {
    fn read(&self) -> RwLockReadGuard<'_, Maps> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, Maps> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<Topic>> {
        self.read().by_name.get(name).cloned()
    }
    pub(crate) fn by_id(&self, id: TopicId) -> Option<Arc<Topic>> {
        self.read().by_id.get(&id).cloned()
    }
    pub(crate) fn by_log(&self, log: LogId) -> Option<Arc<Partition>> {
        self.read().by_log.get(&log.0).cloned()
    }
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        let mut all: Vec<_> = self.read().by_name.values().cloned().collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }
    /// Every partition, those in the trash included.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.read().by_log.values().cloned().collect()
    }
    /// Topics and their partitions, without those in the trash.
    pub(crate) fn count(&self) -> (usize, usize) {
        let maps = self.read();
        (maps.by_name.len(), maps.by_name.values().map(|topic| topic.partitions.len()).sum())
    }

    /// Makes a topic as the catalog knows it findable, in place of what it was before. Partitions that are there already
    /// stay the same; `fresh` makes the others.
    pub(crate) fn put(&self, hub: &Arc<Hub>, known: &Known, config: &BrokerConfig, fresh: &mut Fresh<'_>) -> Arc<Topic> {
        let mut maps = self.write();
        let partitions = partitions_of(&mut maps.by_log, hub, known, fresh);
        let topic = Arc::new(topic_of(known, config, partitions));
        if let Some(before) = maps.by_id.insert(topic.id, topic.clone()) {
            maps.by_name.remove(&before.name);
        }
        maps.by_name.insert(topic.name.clone(), topic.clone());
        topic
    }

    /// Keeps the partitions of a topic in the trash, closed, for a restore and for snapshots.
    pub(crate) fn put_closed(&self, hub: &Arc<Hub>, known: &Known, fresh: &mut Fresh<'_>) {
        let partitions = partitions_of(&mut self.write().by_log, hub, known, fresh);
        partitions.iter().for_each(|partition| partition.close());
    }

    /// The topic can no longer be found; its partitions can, by log.
    pub(crate) fn hide(&self, id: TopicId) {
        let mut maps = self.write();
        if let Some(topic) = maps.by_id.remove(&id) {
            maps.by_name.remove(&topic.name);
        }
    }

    /// The partitions of these logs are gone for good.
    pub(crate) fn forget(&self, logs: impl Iterator<Item = u64>) {
        let mut maps = self.write();
        for log in logs {
            maps.by_log.remove(&log);
        }
    }
}

/// Makes the state of a partition that is not there yet: empty for a new one, what was read back at a start.
pub(crate) type Fresh<'a> = dyn FnMut(u64) -> Noun<Judge> + 'a;

/// An empty partition.
pub(crate) fn empty(_log: u64) -> Noun<Judge> {
    Noun::new(Judge::new())
}

fn partitions_of(
    by_log: &mut HashMap<u64, Arc<Partition>>,
    hub: &Arc<Hub>,
    known: &Known,
    fresh: &mut Fresh<'_>,
) -> Arc<[Arc<Partition>]> {
    by_log.reserve(known.partitions() as usize);
    let mut partition = |(index, log): (i32, u64)| {
        by_log
            .entry(log)
            .or_insert_with(|| Arc::new(Partition::new(hub.clone(), known.id, index, LogId(log), fresh(log))))
            .clone()
    };
    (0..).zip(known.logs.iter()).map(&mut partition).collect()
}

fn topic_of(known: &Known, config: &BrokerConfig, partitions: Arc<[Arc<Partition>]>) -> Topic {
    let settings = TopicSettings::resolve(&known.settings, config);
    Topic {
        name: known.name.clone(),
        id: known.id,
        partitions,
        rules: Rules::from(&settings),
        policy: Policy::from(&settings),
        settings: Arc::new(settings),
        overrides: known.settings.clone(),
        created_at: known.created_at,
    }
}
