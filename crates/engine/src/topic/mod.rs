//! The catalog of topics: which topics there are, what they are called, which logs their partitions live in, and which
//! deleted ones can still be restored. Also where every log of the broker gets its number, and which groups have one.
//!
//! ```text
//!            create                  delete                purge: asked, 24 h over, disk full
//!   (none) ---------> in use <----------------> in the trash --------------------------------> gone
//!                                   restore
//! ```
//!
//! It holds no offsets and no records, and knows nothing of members or positions of groups. Whatever removes logs for
//! good says which ([`Gone`]), for whoever has to let their bytes go.

mod alter;
mod create;
mod logs;
mod names;
mod refusal;
mod snapshot;
mod trash;

pub use alter::{AddPartitions, AlterTopic, Change as SettingsChange};
pub use create::{Assignment, CreateTopic, Created, judge_request};
pub use logs::Logs;
pub use refusal::Refusal;
pub use trash::{DeleteTopic, Gone, RestoreTopic, Target, Trashed};

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;

use names::Folded;
use trash::Trash;

use crate::{
    fact::{
        ClusterFounded, GroupCreated, GroupRemoved, PartitionsAdded, TopicCreated, TopicDeleted, TopicPurged, TopicRestored,
        TopicSettingsChanged, facts,
    },
    ids::{FIRST_FREE_LOG, LogNumber, TopicId, TopicName, Uuid},
    limits,
    machine::{Decision, Machine, Now},
    settings::Overrides,
};

/// The topic in which Apache Kafka's controllers keep what they know. Nobody makes it, there or here.
pub const CONTROLLERS_TOPIC: &str = "__cluster_metadata";

/// The topics in which Apache Kafka's brokers keep positions, transactions and share groups. Here those are no topics: nothing
/// makes one of these by itself, since who reads it would find nothing and wait for ever, and nobody may write to it, as there.
const INTERNAL_TOPICS: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// Whether a topic of this name is Apache Kafka's own.
pub fn is_internal(name: &str) -> bool {
    name.starts_with("__") && INTERNAL_TOPICS.contains(&name)
}

facts! {
    /// What can become true of the catalog.
    pub enum CatalogFact of "topic catalog" {
        ClusterFounded,
        TopicCreated,
        TopicDeleted,
        TopicRestored,
        TopicPurged,
        PartitionsAdded,
        TopicSettingsChanged,
        GroupCreated,
        GroupRemoved,
    }
}

/// A topic. Shared: a change makes a new one, so whoever holds it sees one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    pub id: TopicId,
    pub name: TopicName,
    pub logs: Logs,
    /// What was set explicitly.
    pub settings: Overrides,
    /// Wall-clock milliseconds.
    pub created_at: i64,
}

impl Topic {
    pub fn partitions(&self) -> u32 {
        self.logs.count()
    }
}

/// The catalog.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Catalog {
    cluster: Option<Uuid>,
    next_log: LogNumber,
    /// Partitions of all topics, those in the trash included.
    partitions: usize,
    by_name: BTreeMap<TopicName, Arc<Topic>>,
    by_id: HashMap<TopicId, Arc<Topic>>,
    folded: Folded,
    trash: Trash,
    groups: BTreeMap<Arc<str>, LogNumber>,
    group_names: HashMap<LogNumber, Arc<str>>,
}

/// Everything that can be asked of the catalog. For a dry run, decide and drop the facts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Give the cluster its id, if it has none.
    Found(Uuid),
    Create(CreateTopic),
    Add(AddPartitions),
    Alter(AlterTopic),
    Delete(DeleteTopic),
    Restore(RestoreTopic),
    /// Let a topic go for good, from use or from the trash.
    Purge(DeleteTopic),
    /// The disk is full: let the topic go that has been in the trash for longest.
    PurgeOldest,
    /// Give a group a log, if it has none.
    CreateGroup(Box<str>),
    /// The group is empty and has no positions; its log may go.
    RemoveGroup(LogNumber),
}

/// What is answered when the facts are true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    Founded(Uuid),
    Created(Created),
    /// The new partitions, by the number of the first.
    Added {
        first: u32,
        logs: Vec<LogNumber>,
    },
    Altered(Overrides),
    /// Until when it can be restored, in wall-clock milliseconds.
    Deleted {
        id: TopicId,
        until: i64,
    },
    /// The topic as it is again. Each of its partitions enters a new leader epoch.
    Restored(Arc<Topic>),
    Purged(Gone),
    /// There was nothing in the trash.
    NothingToPurge,
    Group(LogNumber),
    Removed,
}

impl Default for Catalog {
    fn default() -> Self {
        Self {
            cluster: None,
            next_log: FIRST_FREE_LOG,
            partitions: 0,
            by_name: BTreeMap::new(),
            by_id: HashMap::new(),
            folded: Folded::default(),
            trash: Trash::default(),
            groups: BTreeMap::new(),
            group_names: HashMap::new(),
        }
    }
}

impl Machine for Catalog {
    type Command = Command;
    type Fact = CatalogFact;
    type Reply = Reply;
    type Refusal = Refusal;

    fn decide(&self, now: Now, command: Command) -> Result<Decision<CatalogFact, Reply>, Refusal> {
        match command {
            Command::Found(cluster) => Ok(self.found(now, cluster)),
            Command::Create(create) => self.create(now, create),
            Command::Add(add) => self.add(&add),
            Command::Alter(alter) => self.alter(alter),
            Command::Delete(delete) => self.delete(now, &delete),
            Command::Restore(restore) => self.restore_topic(&restore),
            Command::Purge(delete) => self.purge(now, &delete),
            Command::PurgeOldest => Ok(self.purge_oldest()),
            Command::CreateGroup(name) => self.create_group(name),
            Command::RemoveGroup(log) => Ok(self.remove_group(log)),
        }
    }

    fn apply(&mut self, fact: &CatalogFact) {
        match fact {
            CatalogFact::ClusterFounded(founded) => self.cluster = Some(founded.cluster),
            CatalogFact::TopicCreated(created) => self.apply_created(created),
            CatalogFact::TopicDeleted(deleted) => self.apply_deleted(deleted),
            CatalogFact::TopicRestored(restored) => self.apply_restored(restored),
            CatalogFact::TopicPurged(purged) => self.apply_purged(purged.id),
            CatalogFact::PartitionsAdded(added) => self.apply_added(added),
            CatalogFact::TopicSettingsChanged(changed) => self.apply_settings(changed),
            CatalogFact::GroupCreated(created) => self.apply_group(created.log, &created.name),
            CatalogFact::GroupRemoved(removed) => {
                if let Some(name) = self.group_names.remove(&removed.log) {
                    self.groups.remove(&name);
                }
            }
        }
    }

    /// When the next topic leaves the trash, in `Now::wall`.
    fn deadline(&self) -> Option<i64> {
        self.trash.oldest().map(|t| t.purge_at)
    }

    /// Topics whose time in the trash is over. Ask [`Catalog::trashed`] for their logs before applying.
    fn expire(&self, now: Now) -> Vec<CatalogFact> {
        self.expired_trash(now)
    }
}

impl Catalog {
    /// The cluster's id, once it has one.
    pub fn cluster(&self) -> Option<Uuid> {
        self.cluster
    }
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_name.get(name)
    }
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.by_id.get(&id)
    }
    /// Topics in use, by name.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values()
    }
    /// Topics in use whose name is `from` or later, by name: for answers in pages.
    pub fn topics_from<'a>(&'a self, from: &str) -> impl Iterator<Item = &'a Arc<Topic>> + use<'a> {
        let bounds = (std::ops::Bound::Included(from), std::ops::Bound::Unbounded);
        self.by_name.range::<str, _>(bounds).map(|(_, topic)| topic)
    }
    /// Topics that can be restored, the one deleted first in front.
    pub fn trash(&self) -> impl Iterator<Item = &Trashed> {
        self.trash.iter()
    }
    pub fn trashed(&self, id: TopicId) -> Option<&Trashed> {
        self.trash.by_id(id)
    }
    /// The log of a group.
    pub fn group(&self, name: &str) -> Option<LogNumber> {
        self.groups.get(name).copied()
    }
    /// The group that lives in a log.
    pub fn group_name(&self, log: LogNumber) -> Option<&str> {
        self.group_names.get(&log).map(|name| &**name)
    }
    /// All groups with their logs, by name.
    pub fn groups(&self) -> impl Iterator<Item = (&str, LogNumber)> {
        self.groups.iter().map(|(name, log)| (&**name, *log))
    }
    /// Partitions of all topics, those in the trash included.
    pub fn partitions(&self) -> usize {
        self.partitions
    }

    fn found(&self, now: Now, cluster: Uuid) -> Decision<CatalogFact, Reply> {
        match self.cluster {
            Some(known) => Decision::reply(Reply::Founded(known)),
            None => Decision::new(vec![ClusterFounded { cluster, at: now.wall }.into()], Reply::Founded(cluster)),
        }
    }

    fn create_group(&self, name: Box<str>) -> Result<Decision<CatalogFact, Reply>, Refusal> {
        if let Some(log) = self.group(&name) {
            return Ok(Decision::reply(Reply::Group(log)));
        }
        if name.len() > limits::GROUP_NAME_BYTES_MAX {
            return Err(Refusal::GroupNameTooLong { bytes: name.len() });
        }
        if self.groups.len() >= limits::GROUPS_MAX {
            return Err(Refusal::TooManyGroups { max: limits::GROUPS_MAX });
        }
        let log = self.logs_for(1)?;
        Ok(Decision::new(vec![GroupCreated { log, name }.into()], Reply::Group(log)))
    }

    fn remove_group(&self, log: LogNumber) -> Decision<CatalogFact, Reply> {
        let facts = self.group_names.get(&log).map(|_| GroupRemoved { log }.into()).into_iter().collect();
        Decision::new(facts, Reply::Removed)
    }

    fn apply_group(&mut self, log: LogNumber, name: &str) {
        let name: Arc<str> = name.into();
        self.groups.insert(name.clone(), log);
        self.group_names.insert(log, name);
        self.take_logs(log, 1);
    }

    /// The first of `count` new logs. Numbers are dense and never used again: whoever holds an old one finds nothing,
    /// and not somebody else's data.
    fn logs_for(&self, count: u32) -> Result<LogNumber, Refusal> {
        match self.next_log.checked_add(count.into()) {
            Some(_) => Ok(self.next_log),
            None => Err(Refusal::TooManyPartitions { max: limits::PARTITIONS_MAX }),
        }
    }

    fn take_logs(&mut self, first: LogNumber, count: u32) {
        self.next_log = self.next_log.max(first.saturating_add(count.into()));
    }

    /// Numbers up to this one are somebody's, although nobody here knows whose: damage took the facts.
    pub fn pass_logs(&mut self, last: LogNumber) {
        self.take_logs(last, 1);
    }

    /// Puts a topic where its name and id are looked up.
    fn enter(&mut self, topic: Arc<Topic>) {
        self.folded.enter(&topic.name);
        self.by_id.insert(topic.id, topic.clone());
        self.by_name.insert(topic.name.clone(), topic);
    }

    fn leave(&mut self, id: TopicId) -> Option<Arc<Topic>> {
        let topic = self.by_id.remove(&id)?;
        self.by_name.remove(topic.name.as_str());
        self.folded.leave(&topic.name);
        Some(topic)
    }

    /// Replaces a topic in use by a changed copy.
    fn change(&mut self, id: TopicId, change: impl FnOnce(&mut Topic)) {
        let Some(topic) = self.by_id.get_mut(&id) else { return };
        change(Arc::make_mut(topic));
        let topic = topic.clone();
        self.by_name.insert(topic.name.clone(), topic);
    }
}

#[cfg(test)]
mod tests;
