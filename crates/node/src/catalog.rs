//! Verbs on topics: create, delete, restore, purge, more partitions, other settings. Knows what has to happen around a
//! judgement of the catalog: which partitions close or open, which logs may go, and when.

use std::sync::Arc;

use milena_engine::{
    fact::RaiseReason,
    ids::{CATALOG_LOG, TopicId, Uuid},
    machine::{Machine, Now},
    settings::{Entry, topic},
    topic::{
        AddPartitions, AlterTopic, Catalog, CatalogFact, Command, CreateTopic, DeleteTopic, Gone, Refusal, Reply, RestoreTopic,
        SettingsChange, Target, Topic as Known, Trashed,
    },
};
use milena_store::{Class, LogId, Parked};

use crate::{
    node::Node,
    noun::{Follow, NoRoom},
    topics::{Topic, empty},
};

/// Room for the fact that raises a leader epoch.
const EPOCH_ROOM: u64 = 256;
/// When the clocks have parted the trash is looked at again after this long.
const LATER_MS: i64 = 60_000;

/// Keeps the table in step with the catalog, under the catalog's lock.
struct InStep<'a>(&'a Node);

impl Follow<Catalog> for InStep<'_> {
    fn before(&mut self, catalog: &Catalog, facts: &[CatalogFact]) {
        for fact in facts {
            // Nothing may be appended behind the fact that removes a topic.
            if let CatalogFact::TopicDeleted(deleted) = fact {
                catalog.topic_by_id(deleted.id).into_iter().for_each(|known| self.close(known));
            }
        }
    }

    fn after(&mut self, catalog: &mut Catalog, fact: &CatalogFact) {
        let changed = match fact {
            CatalogFact::TopicCreated(created) => created.id,
            CatalogFact::PartitionsAdded(added) => added.id,
            CatalogFact::TopicSettingsChanged(changed) => changed.id,
            CatalogFact::TopicDeleted(deleted) => return self.0.0.table.hide(deleted.id),
            // A restored topic is found again only when its partitions have entered their new epochs.
            _ => return,
        };
        if let Some(known) = catalog.topic_by_id(changed) {
            self.0.0.table.put(self.0.hub(), known, &self.0.config(), &mut empty);
        }
    }
}

impl InStep<'_> {
    fn close(&self, known: &Known) {
        for log in known.logs.iter() {
            if let Some(partition) = self.0.0.table.by_log(LogId(log)) {
                partition.close();
            }
        }
    }
}

/// What a verb on topics answers: judged and durable, or not even tried.
pub type Judged<T> = Result<Result<T, Refusal>, NoRoom>;

impl Node {
    async fn catalog(&self, command: Command) -> Judged<Reply> {
        let mut follow = InStep(self);
        let log = LogId(CATALOG_LOG);
        let parked = self.hub().command(&self.0.catalog, log, self.now(), command, &mut follow).await?;
        Ok(self.release(parked).await?)
    }

    /// The cluster's id, drawn at the first start.
    pub fn cluster_id(&self) -> Uuid {
        self.0.catalog.hold().machine.cluster().unwrap_or_default()
    }

    /// A new topic. Its id may be nil: then one is drawn. `node` and `default_partitions` are filled in here.
    pub async fn create_topic(&self, mut create: CreateTopic) -> Judged<Arc<Topic>> {
        create.default_partitions = self.settings().num_partitions;
        create.node = self.node_id();
        if create.id.0.is_nil() {
            create.id = TopicId(Uuid::new_v4());
        }
        let id = create.id;
        Ok(self.catalog(Command::Create(create)).await?.and_then(|_| self.found(id)))
    }

    /// Whether [`Node::create_topic`] would succeed; nothing changes.
    pub fn try_create_topic(&self, mut create: CreateTopic) -> Result<Known, Refusal> {
        create.default_partitions = self.settings().num_partitions;
        create.node = self.node_id();
        if create.id.0.is_nil() {
            create.id = TopicId(Uuid::new_v4());
        }
        match self.try_catalog(Command::Create(create))? {
            Reply::Created(created) => Ok(Known::clone(&created.topic)),
            other => unreachable!("create is answered with a topic, not {other:?}"),
        }
    }

    /// A topic that somebody used without creating it, as the broker's settings allow. Answers the one that is there if
    /// somebody else was faster.
    pub async fn create_topic_automatically(&self, name: &str) -> Judged<Arc<Topic>> {
        if let Some(topic) = self.topic(name) {
            return Ok(Ok(topic));
        }
        let id = TopicId(Uuid::new_v4());
        let create = match CreateTopic::automatic(id, name, self.node_id(), &self.settings()) {
            Ok(create) => create,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match self.create_topic(create).await? {
            Err(Refusal::Exists(_)) => Ok(self.topic(name).ok_or_else(|| Refusal::UnknownName(name.into()))),
            other => Ok(other),
        }
    }

    /// Moves a topic to the trash, from where [`Node::restore_topic`] brings it back for a day. Answers until when.
    pub async fn delete_topic(&self, target: Target) -> Judged<(TopicId, i64)> {
        let enabled = self.settings().delete_topic_enable;
        let answer = self.catalog(Command::Delete(DeleteTopic { target, enabled })).await?;
        Ok(answer.map(|reply| match reply {
            Reply::Deleted { id, until } => {
                self.0.retention.set(until, LogId(CATALOG_LOG));
                (id, until)
            }
            other => unreachable!("delete is answered with a deletion, not {other:?}"),
        }))
    }

    /// Undoes a deletion, under another name if `name` says so.
    pub async fn restore_topic(&self, target: Target, name: Option<String>) -> Judged<Arc<Topic>> {
        let known = match self.catalog(Command::Restore(RestoreTopic { target, name })).await? {
            Ok(Reply::Restored(known)) => known,
            Ok(other) => unreachable!("restore is answered with a topic, not {other:?}"),
            Err(refusal) => return Ok(Err(refusal)),
        };
        for log in known.logs.iter() {
            self.raise_epoch(LogId(log)).await?;
        }
        self.show(known.id);
        Ok(self.found(known.id))
    }

    /// Lets a topic go for good, from use or from the trash (`topic rm --now`).
    pub async fn purge_topic(&self, target: Target) -> Judged<Gone> {
        self.purge(Command::Purge(target)).await.map(|answer| {
            answer.map(|gone| gone.unwrap_or_else(|| unreachable!("a purge that was asked for names what it purged")))
        })
    }

    /// The disk is full: the oldest deletion becomes final. `None` when there is none.
    pub(crate) async fn purge_oldest(&self) -> Judged<Option<Gone>> {
        self.purge(Command::PurgeOldest).await
    }

    async fn purge(&self, command: Command) -> Judged<Option<Gone>> {
        match self.catalog(command).await? {
            Ok(Reply::Purged(gone)) => {
                self.let_go(&gone);
                self.forget_topics(&[gone.id]).await?;
                Ok(Ok(Some(gone)))
            }
            Ok(_) => Ok(Ok(None)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Topics that can be restored, the one deleted first in front.
    pub fn trash(&self) -> Vec<Trashed> {
        self.0.catalog.hold().machine.trash().cloned().collect()
    }

    /// More partitions. Answers the topic as it is then.
    pub async fn add_partitions(&self, add: AddPartitions) -> Judged<Arc<Topic>> {
        let name = add.name.clone();
        let add = AddPartitions { node: self.node_id(), ..add };
        let answer = self.catalog(Command::Add(add)).await?;
        Ok(answer.and_then(|_| self.topic(&name).ok_or(Refusal::UnknownName(name))))
    }

    /// Other settings of a topic.
    pub async fn alter_topic(&self, name: &str, change: SettingsChange) -> Judged<()> {
        let answer = self.catalog(Command::Alter(AlterTopic { name: name.into(), change })).await?;
        if answer.is_ok() {
            // What is kept may have become less, or more.
            for partition in self.topic(name).iter().flat_map(|topic| topic.partitions.iter()) {
                self.look_soon(partition);
            }
        }
        Ok(answer.map(|_| ()))
    }

    /// Whether a command on the catalog would succeed, and with which answer; nothing changes. For `validate_only`.
    pub fn try_catalog(&self, command: Command) -> Result<Reply, Refusal> {
        self.0.catalog.hold().machine.decide(self.now(), command).map(|decision| decision.reply)
    }

    /// Every setting of a topic as it stands, for DescribeConfigs.
    pub fn describe_topic(&self, topic: &Topic) -> Vec<Entry> {
        topic::describe(&topic.overrides, &self.config())
    }

    fn found(&self, id: TopicId) -> Result<Arc<Topic>, Refusal> {
        self.topic_by_id(id).ok_or(Refusal::UnknownId(id))
    }

    /// Makes a restored topic findable again.
    fn show(&self, id: TopicId) {
        let held = self.0.catalog.hold();
        if let Some(known) = held.machine.topic_by_id(id) {
            let topic = self.0.table.put(self.hub(), known, &self.config(), &mut empty);
            topic.partitions.iter().for_each(|partition| partition.reopen());
        }
    }

    /// Makes every topic anew: settings of the broker that they do not say themselves have changed.
    pub(crate) fn resolve_topics(&self) {
        let held = self.0.catalog.hold();
        for known in held.machine.topics() {
            // A restored topic is shown by its restore.
            if self.0.table.by_id(known.id).is_some() {
                self.0.table.put(self.hub(), known, &self.config(), &mut empty);
            }
        }
    }

    /// Readers that kept a position across a restore must compare it with the log.
    async fn raise_epoch(&self, log: LogId) -> Result<(), NoRoom> {
        let Some(partition) = self.0.table.by_log(log) else { return Ok(()) };
        let credit = self.hub().credit(Class::Fact, EPOCH_ROOM).await?;
        let parked = {
            let mut state = partition.hold();
            let fact = state.noun.machine.raise_epoch(RaiseReason::Restored);
            let mut bytes = Vec::new();
            fact.encode(&mut bytes);
            let lsn = self.hub().reserve_one(log, &mut state.noun, credit, self.now().wall, &bytes)?;
            state.noun.machine.apply(&fact);
            Parked::new(lsn, ())
        };
        self.release(parked).await?;
        Ok(())
    }

    /// The catalog's fact is durable: the logs may go.
    fn let_go(&self, Gone { id, name, logs, why, .. }: &Gone) {
        tracing::info!(topic = %name, id = %id.0, ?why, "a deleted topic can no longer be restored");
        for log in logs.iter() {
            self.hub().store().remove(LogId(log));
        }
        self.0.table.forget(logs.iter());
    }

    /// Topics whose day in the trash is over go. Answers when to look again.
    pub(crate) async fn empty_trash(&self) -> Result<Option<i64>, NoRoom> {
        if self.reading().parted() {
            return Ok(Some(self.now().wall + LATER_MS));
        }
        loop {
            let Some(expired) = self.expired_trash(self.now()) else { break };
            // One at a time: a purge that was judged here is judged again by its command.
            if self.purge(Command::Purge(Target::Id(expired))).await?.is_err() {
                break;
            }
        }
        Ok(self.0.catalog.hold().machine.deadline())
    }

    fn expired_trash(&self, now: Now) -> Option<TopicId> {
        let held = self.0.catalog.hold();
        held.machine.expire(now).into_iter().find_map(|fact| match fact {
            CatalogFact::TopicPurged(purged) => Some(purged.id),
            _ => None,
        })
    }
}
