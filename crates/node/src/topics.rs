//! The topics that are there, as doors find them. Knows names, ids and partitions; the judgement about them is the
//! catalog's.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use milena_engine::{
    ids::{TopicId, TopicName},
    partition::Rules,
    settings::topic::TopicSettings,
};

use crate::partition::Partition;

/// A topic at one moment. A change makes a new one; who holds an old one meets its partitions all the same, and learns
/// from them when the topic is gone.
#[derive(Debug)]
pub struct Topic {
    pub name: TopicName,
    pub id: TopicId,
    pub partitions: Arc<[Arc<Partition>]>,
    pub settings: Arc<TopicSettings>,
    pub(crate) rules: Rules,
}

impl Topic {
    /// The partition of this number, if there is one.
    pub fn partition(&self, index: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(index).ok()?)
    }
}

/// All topics, by name and by id. Readers share one short lock; nothing is judged or awaited under it.
#[derive(Debug, Default)]
pub(crate) struct Table(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    by_name: HashMap<TopicName, Arc<Topic>>,
    by_id: HashMap<TopicId, Arc<Topic>>,
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
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        let mut all: Vec<_> = self.read().by_name.values().cloned().collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }
    /// Adds a topic, or puts it in place of what it was before.
    pub(crate) fn put(&self, topic: Arc<Topic>) {
        let mut maps = self.write();
        maps.by_name.insert(topic.name.clone(), topic.clone());
        maps.by_id.insert(topic.id, topic);
    }
    pub(crate) fn take(&self, id: TopicId) -> Option<Arc<Topic>> {
        let mut maps = self.write();
        let topic = maps.by_id.remove(&id)?;
        maps.by_name.remove(&topic.name);
        Some(topic)
    }
}
