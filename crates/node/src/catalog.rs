//! Verbs on topics: create, delete, restore, purge, more partitions, other settings. Knows what has to happen around a
//! judgement of the catalog: which partitions close or open, which logs may go, and when.

use std::sync::Arc;

use milena_engine::{
    fact::RaiseReason,
    ids::{CATALOG_LOG, TopicId, Uuid},
    machine::{Decision, Machine},
    settings::{Entry, topic},
    topic::{
        AddPartitions, AlterTopic, Catalog, CatalogFact, Command, CreateTopic, DeleteTopic, Gone, Refusal, Reply, RestoreTopic,
        SettingsChange, Target, Topic as Known, Trashed,
    },
};
use milena_store::{Class, Credit, LogId, Parked, Part, Version};

use crate::{
    node::Node,
    noun::{Follow, NoRoom, Written},
    topics::{Topic, empty},
};

/// Room for one part of an entry that restores a topic.
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

type Answer<T> = Parked<Result<T, Refusal>>;

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
        if let Err(refusal) = self.judge_target(&target) {
            return Ok(Err(refusal));
        }
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

    /// Undoes a deletion, under another name if `name` says so. Every partition enters a new leader epoch in the same
    /// entry: readers that kept a position must compare it with the log.
    pub async fn restore_topic(&self, target: Target, name: Option<String>) -> Judged<Arc<Topic>> {
        let command = Command::Restore(RestoreTopic { target, name });
        let mut room = EPOCH_ROOM;
        loop {
            let credit = self.hub().credit(Class::Fact, room).await?;
            match self.restore_once(&command, (credit, room))? {
                Ok(parked) => return Ok(self.release(parked).await?),
                Err(more) => room = more,
            }
        }
    }

    /// `Err(bytes)` when the credit is too small. Holds the catalog, then each partition in the order of logs.
    fn restore_once(&self, command: &Command, (credit, room): (Credit, u64)) -> Result<Result<Answer<Arc<Topic>>, u64>, NoRoom> {
        let now = self.now();
        let mut held = self.0.catalog.hold();
        let Decision { facts, reply } = match held.machine.decide(now, command.clone()) {
            Ok(decision) => decision,
            Err(refusal) => return Ok(Ok(Parked::new(held.lsn, Err(refusal)))),
        };
        let Reply::Restored(known) = reply else { unreachable!("restore is answered with a topic, not {reply:?}") };
        let partitions: Vec<_> = known.logs.iter().filter_map(|log| self.0.table.by_log(LogId(log))).collect();
        let needed = EPOCH_ROOM * (1 + partitions.len() as u64);
        if needed > room {
            return Ok(Err(needed));
        }
        let mut states: Vec<_> = partitions.iter().map(|partition| partition.hold()).collect();
        let raised: Vec<_> = states.iter().map(|state| state.noun.machine.raise_epoch(RaiseReason::Restored)).collect();
        let (restored, epochs) = (bytes_of(&facts), bytes_of(&raised));
        let part = |log, expected, fact| Part { log, expected: Version(expected), fact, payload: None };
        let of_catalog = (held.version.0..).zip(&restored).map(|(version, fact)| part(LogId(CATALOG_LOG), version, fact));
        let of_partitions = partitions.iter().zip(&states).zip(&epochs);
        let of_partitions = of_partitions.map(|((partition, state), fact)| part(partition.log(), state.noun.version.0, fact));
        let parts: Vec<Part<'_>> = of_catalog.chain(of_partitions).collect();
        let lsn = self.hub().reserve(credit, Class::Fact, now.wall, &parts)?;
        (held.lsn, held.version) = (lsn, Version(held.version.0 + restored.len() as u64));
        facts.iter().for_each(|fact| held.machine.apply(fact));
        for (state, fact) in states.iter_mut().zip(&raised) {
            state.noun.machine.apply(fact);
            (state.noun.lsn, state.noun.version) = (lsn, Version(state.noun.version.0 + 1));
            state.reopen();
        }
        drop(states);
        let topic = self.0.table.put(self.hub(), &known, &self.config(), &mut empty);
        Ok(Ok(Parked::new(lsn, Ok(topic))))
    }

    /// Lets a topic go for good, from use or from the trash (`topic rm --now`).
    pub async fn purge_topic(&self, target: Target) -> Judged<Gone> {
        if let Err(refusal) = self.judge_target(&target) {
            return Ok(Err(refusal));
        }
        let enabled = self.settings().delete_topic_enable;
        self.purge(Command::Purge(DeleteTopic { target, enabled })).await.map(|answer| {
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
        if let Err(refusal) = self.judge_kept(&add.name) {
            return Ok(Err(refusal));
        }
        let name = add.name.clone();
        let add = AddPartitions { node: self.node_id(), ..add };
        let answer = self.catalog(Command::Add(add)).await?;
        let grown = answer.and_then(|_| self.topic(&name).ok_or(Refusal::UnknownName(name)));
        if let Ok(topic) = &grown {
            self.share_grown(topic.id);
        }
        Ok(grown)
    }

    /// The limit of one CreatePartitions request, before any of it is judged.
    pub fn judge_additions(&self, adds: &[AddPartitions]) -> Result<(), Refusal> {
        self.0.catalog.hold().machine.judge_additions(adds)
    }

    /// Other settings of a topic.
    pub async fn alter_topic(&self, name: &str, change: SettingsChange) -> Judged<()> {
        if let Err(refusal) = self.judge_kept(name) {
            return Ok(Err(refusal));
        }
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

    fn judge_target(&self, target: &Target) -> Result<(), Refusal> {
        match target {
            Target::Name(name) => self.judge_kept(name),
            Target::Id(id) => self.topic_by_id(*id).map_or(Ok(()), |topic| self.judge_kept(topic.name.as_str())),
        }
    }

    fn found(&self, id: TopicId) -> Result<Arc<Topic>, Refusal> {
        self.topic_by_id(id).ok_or(Refusal::UnknownId(id))
    }

    /// Makes every topic anew: settings of the broker that they do not say themselves have changed.
    pub(crate) fn resolve_topics(&self) {
        let held = self.0.catalog.hold();
        for known in held.machine.topics() {
            self.0.table.put(self.hub(), known, &self.config(), &mut empty);
        }
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
        let gone = self.expire_trash().await?;
        for gone in &gone {
            self.let_go(gone);
        }
        self.forget_topics(&gone.iter().map(|gone| gone.id).collect::<Vec<_>>()).await?;
        Ok(self.0.catalog.hold().machine.deadline())
    }

    async fn expire_trash(&self) -> Result<Vec<Gone>, NoRoom> {
        let mut room = EPOCH_ROOM;
        loop {
            let credit = self.hub().credit(Class::Fact, room).await?;
            let parked = {
                let now = self.now();
                let mut held = self.0.catalog.hold();
                let facts = held.machine.expire(now);
                let gone: Vec<Gone> = facts.iter().filter_map(|fact| purged(&held.machine, fact)).collect();
                let follow = &mut InStep(self);
                match self.hub().record(&mut held, LogId(CATALOG_LOG), now.wall, (credit, room), &facts, follow)? {
                    Ok(lsn) => Parked::new(lsn, gone),
                    Err(more) => {
                        room = more;
                        continue;
                    }
                }
            };
            return Ok(self.release(parked).await?);
        }
    }
}

fn bytes_of(facts: &[impl Written]) -> Vec<Vec<u8>> {
    facts.iter().filter_map(Written::written).collect()
}

/// What a fact lets go for good, before it is applied.
fn purged(catalog: &Catalog, fact: &CatalogFact) -> Option<Gone> {
    let CatalogFact::TopicPurged(purged) = fact else { return None };
    let Trashed { topic, deleted_at, .. } = catalog.trashed(purged.id)?;
    let (id, name, logs) = (purged.id, topic.name.clone(), topic.logs.clone());
    Some(Gone { id, name, logs, deleted_at: Some(*deleted_at), why: purged.why })
}
