//! Deleted topics. For a day a deletion can be undone; until then the data stays and counts as used space, so on a full
//! disk the oldest deletion is made final first.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;

use super::{Catalog, CatalogFact, Logs, Refusal, Reply, Topic};
use crate::{
    fact::{PurgeReason, TopicDeleted, TopicPurged, TopicRestored},
    ids::{LogNumber, TopicId, TopicName},
    limits,
    machine::{Decision, Now},
};

/// A topic by what its caller knows of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    Name(String),
    Id(TopicId),
}

/// DeleteTopics. To skip the trash, [`purge`](super::Command::Purge) instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteTopic {
    pub target: Target,
    /// `delete.topic.enable`.
    pub enabled: bool,
}

/// Undo a deletion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoreTopic {
    /// By name: the one of that name that was deleted last.
    pub target: Target,
    /// Under which name, when its own is taken or unwanted.
    pub name: Option<String>,
}

/// A topic that can be restored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trashed {
    pub topic: Arc<Topic>,
    pub deleted_at: i64,
    /// Wall-clock milliseconds.
    pub purge_at: i64,
}

/// A topic that is gone for good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gone {
    pub id: TopicId,
    pub name: TopicName,
    /// What may be removed now.
    pub logs: Logs,
    /// `None` when it was never in the trash.
    pub deleted_at: Option<i64>,
    pub why: PurgeReason,
}

/// Deletions in the order in which they become final.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Trash {
    order: BTreeMap<(i64, TopicId), Trashed>,
    purge_at: HashMap<TopicId, i64>,
}

impl Trash {
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Trashed> {
        self.order.values()
    }
    pub(super) fn oldest(&self) -> Option<&Trashed> {
        self.order.values().next()
    }
    pub(super) fn by_id(&self, id: TopicId) -> Option<&Trashed> {
        self.order.get(&(*self.purge_at.get(&id)?, id))
    }
    pub(super) fn enter(&mut self, trashed: Trashed) {
        let id = trashed.topic.id;
        self.purge_at.insert(id, trashed.purge_at);
        self.order.insert((trashed.purge_at, id), trashed);
    }
    fn leave(&mut self, id: TopicId) -> Option<Trashed> {
        let purge_at = self.purge_at.remove(&id)?;
        self.order.remove(&(purge_at, id))
    }
}

impl Trashed {
    fn gone(&self, why: PurgeReason) -> Gone {
        let Topic { id, name, logs, .. } = &*self.topic;
        Gone { id: *id, name: name.clone(), logs: logs.clone(), deleted_at: Some(self.deleted_at), why }
    }
}

impl Catalog {
    fn target(&self, target: &Target) -> Result<&Arc<Topic>, Refusal> {
        match target {
            Target::Name(name) => self.topic(name).ok_or_else(|| Refusal::UnknownName(name.clone())),
            Target::Id(id) => self.topic_by_id(*id).ok_or(Refusal::UnknownId(*id)),
        }
    }

    fn trashed_target(&self, target: &Target) -> Result<&Trashed, Refusal> {
        match target {
            Target::Name(name) => {
                let newest = self.trash.iter().rev().find(|t| t.topic.name.as_str() == name);
                newest.ok_or_else(|| Refusal::NotInTrash(name.clone()))
            }
            Target::Id(id) => self.trashed(*id).ok_or_else(|| Refusal::NotInTrash(id.0.to_string())),
        }
    }

    pub(super) fn delete(&self, now: Now, delete: &DeleteTopic) -> Result<Decision<CatalogFact, Reply>, Refusal> {
        if !delete.enabled {
            return Err(Refusal::DeletionDisabled);
        }
        let id = self.target(&delete.target)?.id;
        let until = now.wall.saturating_add(limits::TRASH_MS);
        let fact = TopicDeleted { id, at: now.wall, purge_at: until };
        Ok(Decision::new(vec![fact.into()], Reply::Deleted { id, until }))
    }

    pub(super) fn apply_deleted(&mut self, deleted: &TopicDeleted) {
        if let Some(topic) = self.leave(deleted.id) {
            self.trash.enter(Trashed { topic, deleted_at: deleted.at, purge_at: deleted.purge_at });
        }
    }

    pub(super) fn restore_topic(&self, restore: &RestoreTopic) -> Result<Decision<CatalogFact, Reply>, Refusal> {
        let trashed = self.trashed_target(&restore.target)?;
        let wanted = restore.name.as_deref().unwrap_or(trashed.topic.name.as_str());
        let name = self.free_name(wanted).map_err(|refusal| match refusal {
            Refusal::Exists(name) => Refusal::NameTaken(name),
            other => other,
        })?;
        let topic = Arc::new(Topic { name: name.clone(), ..Topic::clone(&trashed.topic) });
        let fact = TopicRestored { id: topic.id, name };
        Ok(Decision::new(vec![fact.into()], Reply::Restored(topic)))
    }

    pub(super) fn apply_restored(&mut self, restored: &TopicRestored) {
        if let Some(trashed) = self.trash.leave(restored.id) {
            let mut topic = trashed.topic;
            Arc::make_mut(&mut topic).name = restored.name.clone();
            self.enter(topic);
        }
    }

    pub(super) fn purge(
        &self,
        now: Now,
        DeleteTopic { target, enabled }: &DeleteTopic,
    ) -> Result<Decision<CatalogFact, Reply>, Refusal> {
        if !enabled {
            return Err(Refusal::DeletionDisabled);
        }
        let why = PurgeReason::Asked;
        let topic = match self.target(target) {
            Ok(topic) => topic,
            Err(unknown) => {
                let trashed = self.trashed_target(target).map_err(|_| unknown)?;
                return Ok(purged(trashed.gone(why), Vec::new()));
            }
        };
        let Topic { id, name, logs, .. } = &**topic;
        let gone = Gone { id: *id, name: name.clone(), logs: logs.clone(), deleted_at: None, why };
        Ok(purged(gone, vec![TopicDeleted { id: *id, at: now.wall, purge_at: now.wall }.into()]))
    }

    pub(super) fn purge_oldest(&self) -> Decision<CatalogFact, Reply> {
        match self.trash.oldest() {
            Some(oldest) => purged(oldest.gone(PurgeReason::DiskFull), Vec::new()),
            None => Decision::reply(Reply::NothingToPurge),
        }
    }

    pub(super) fn expired_trash(&self, now: Now) -> Vec<CatalogFact> {
        let over = self.trash.iter().take_while(|t| t.purge_at <= now.wall);
        over.map(|t| TopicPurged { id: t.topic.id, why: PurgeReason::Deadline }.into()).collect()
    }

    pub(super) fn apply_purged(&mut self, id: TopicId) {
        if let Some(trashed) = self.trash.leave(id) {
            self.partitions -= trashed.topic.partitions() as usize;
        }
    }

    /// Every log that a topic has, in use or in the trash, and every group's: what may exist in the store. What exists
    /// there and is not among these was removed while the process died.
    pub fn logs(&self) -> impl Iterator<Item = LogNumber> + '_ {
        let topics = self.topics().chain(self.trash.iter().map(|t| &t.topic));
        topics.flat_map(|t| t.logs.iter()).chain(self.groups.values().copied())
    }
}

fn purged(gone: Gone, mut facts: Vec<CatalogFact>) -> Decision<CatalogFact, Reply> {
    facts.push(TopicPurged { id: gone.id, why: gone.why }.into());
    Decision::new(facts, Reply::Purged(gone))
}
