//! The schema registry as it runs. Knows how a text is judged without holding anybody up, and that a change is one entry
//! of the log: the registry's facts, and the records that say the same in the topic `_schemas`.

use std::sync::{Arc, MutexGuard, PoisonError, atomic::Ordering};

use milena_engine::{
    ids::{SUBJECTS_LOG, TopicId, Uuid},
    machine::{Decision, Machine, Now},
    partition::{Batch, Verdict as Placed},
    subject::{
        Among, Asked, Command, Found, Look, Refusal, Registry, Reply, Shown, Sought, Spelling, Spellings, SubjectFact, Verdict,
        Which,
        record::{Record, TOPIC},
    },
    topic::{CreateTopic, Refusal as TopicRefusal},
};
use milena_record::{Builder, Codec, HEADER_LEN, patch_base_offset, patch_leader_epoch};
use milena_store::{Class, Credit, LogId, Lsn, Parked, Part, Payload, Version};

use crate::{
    catalog::Judged,
    node::Node,
    noun::{NoRoom, Noun, Written},
    partition::{Partition, State},
    release::{Dead, Then},
    topics::Topic,
};

/// The first guess at the room of a change: a schema of a few kilobytes, twice.
const FIRST_GUESS: u64 = 16 << 10;
/// What the log takes beside the bytes of a part.
const PART_COST: u64 = 128;
/// How often a judgement is made anew because its subject changed meanwhile. Each time somebody else got ahead.
const TRIES: usize = 64;

/// Why the registry cannot be asked, or told, anything now.
#[derive(Debug, thiserror::Error)]
pub enum SchemaTrouble {
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The topic `_schemas` is not as the registry needs it.
    #[error("{0}")]
    Topic(String),
    /// Others change the subject faster than this schema can be judged.
    #[error("the subject changes too fast; try again")]
    Busy,
    /// The judgement was lost: a fault of ours.
    #[error("the schema could not be judged: the work was lost")]
    Lost,
}
impl From<Dead> for SchemaTrouble {
    fn from(dead: Dead) -> Self {
        Self::NoRoom(dead.into())
    }
}

/// What a verb on schemas answers: judged and durable, or not even tried.
pub type Told<T> = Result<Result<T, Refusal>, SchemaTrouble>;

impl Written for SubjectFact {
    fn written(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        Some(bytes)
    }
}

/// What a judgement under the registry's lock led to.
enum Step {
    Done(Parked<Result<Reply, Refusal>>),
    /// The facts and the records need more room than was taken.
    Room(u64),
    /// There is no topic for the records yet.
    Topic,
}

impl Node {
    /// Asks the registry something that changes nothing.
    pub async fn ask_schemas<R>(&self, ask: impl FnOnce(&Registry) -> R) -> Result<R, Dead> {
        let parked = {
            let held = self.0.subjects.hold();
            Parked::new(held.lsn, ask(&held.machine))
        };
        self.release(parked).await
    }

    /// Registers a schema, or finds that it is there.
    pub async fn register_schema(&self, asked: Asked) -> Told<Shown> {
        for _ in 0..TRIES {
            let (lsn, look) = self.see_schemas(|registry| registry.look(asked.clone(), &self.spellings()));
            let judged = match look {
                Ok(Look::Judge(question)) => {
                    let sent = question.spelling();
                    let judged = self.judge(move || question.judge()).await?;
                    self.note_spelling(sent, judged.as_ref().ok().map(|judged| &*judged.content().text));
                    judged
                }
                Ok(Look::Known(known)) => return self.tell(lsn, Ok(known)).await,
                Err(refusal) => return self.tell(lsn, Err(refusal)).await,
            };
            let judged = match judged {
                Ok(judged) => Arc::new(judged),
                Err(refusal) => return self.tell(lsn, Err(refusal)).await,
            };
            match self.change_schemas(Command::Register(judged)).await? {
                Ok(Reply::Registered(shown)) => return Ok(Ok(shown)),
                Ok(other) => unreachable!("a registration is answered with a version, not {other:?}"),
                Err(Refusal::Changed) => {}
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Err(SchemaTrouble::Busy)
    }

    /// The version of a subject that is this schema. A subject that says no context is looked through in each that has it.
    pub async fn find_schema(&self, asked: Asked, deleted: bool) -> Told<Shown> {
        let subjects = self.see_schemas(|registry| registry.everywhere(&asked.subject)).1;
        let mut first = None;
        for subject in subjects {
            match self.find_schema_in(Asked { subject, ..asked.clone() }, deleted).await? {
                // A subject that is there and has another schema says more than one that is not.
                Err(Refusal::NoSchema) => first = Some(Refusal::NoSchema),
                Err(refusal @ Refusal::NoSubject(_)) => first = first.or(Some(refusal)),
                told => return Ok(told),
            }
        }
        Ok(Err(first.unwrap_or(Refusal::NoSubject(asked.subject))))
    }

    async fn find_schema_in(&self, asked: Asked, deleted: bool) -> Told<Shown> {
        let (lsn, look) = self.see_schemas(|registry| {
            let subject = asked.subject.clone();
            let which = if deleted { Which::WithDeleted } else { Which::Live };
            if !registry.has(&subject, which) {
                return Err(Refusal::NoSubject(subject));
            }
            registry.look_up(Asked { subject, ..asked }, &self.spellings(), deleted, None)
        });
        let found = match look {
            Ok(Look::Judge(question)) => {
                // In normal form a version may be found whose text is another one.
                let sent = question.spelling().filter(|sent| !sent.is_normalized());
                let refers = question.refers();
                let found = self.judge(move || question.find()).await?;
                // Nor is a schema that came whole another spelling of one in parts.
                let same = found.as_ref().ok().filter(|found| found.content.references.is_empty() != refers);
                self.note_spelling(sent, same.map(|found| &*found.content.text));
                found
            }
            Ok(Look::Known(known)) => Ok(known),
            Err(refusal) => Err(refusal),
        };
        self.tell(lsn, found).await
    }

    /// Whether a schema would get along with earlier ones. In words, a text that is no schema is answered, not refused.
    pub async fn compare_schema(&self, asked: Asked, among: Among, in_words: bool) -> Told<Verdict> {
        let (lsn, look) = self.see_schemas(|registry| registry.look_up(asked, &self.spellings(), false, Some(among)));
        let verdict = match look {
            Ok(Look::Judge(question)) if in_words => self.judge(move || Ok(question.verdict_in_words())).await?,
            Ok(Look::Judge(question)) => self.judge(move || question.verdict()).await?,
            Ok(Look::Known(_)) => Ok(Verdict { compatible: true, messages: Vec::new() }),
            Err(Refusal::BadSchema(why)) if in_words => Ok(Verdict { compatible: false, messages: vec![why] }),
            Err(refusal) => Err(refusal),
        };
        self.tell(lsn, verdict).await
    }

    /// Reads a stored schema for what its text alone does not say.
    pub async fn read_schema(&self, shown: &Shown, sought: Sought) -> Told<Found> {
        let (lsn, reading) = self.see_schemas(|registry| registry.reading(shown));
        let found = self.judge(move || reading.find(&sought)).await?;
        self.tell(lsn, found).await
    }

    fn see_schemas<R>(&self, look: impl FnOnce(&Registry) -> R) -> (Lsn, R) {
        let held = self.0.subjects.hold();
        (held.lsn, look(&held.machine))
    }

    fn spellings(&self) -> MutexGuard<'_, Spellings> {
        self.0.spellings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_spelling(&self, sent: Option<Spelling>, stored: Option<&str>) {
        if let (Some(sent), Some(stored)) = (sent, stored) {
            self.spellings().note(sent, stored);
        }
    }

    /// How often the registry has changed since the start: what was answered before the last change may not hold any more.
    pub fn schema_changes(&self) -> u64 {
        self.0.schema_changes.load(Ordering::Acquire)
    }

    /// Does what takes long (parsing, comparing, compiling) away from the threads of sockets. A fault in there costs one
    /// answer.
    pub async fn aside<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Result<R, SchemaTrouble> {
        self.judge(work).await
    }

    async fn judge<R: Send + 'static>(&self, judge: impl FnOnce() -> R + Send + 'static) -> Result<R, SchemaTrouble> {
        self.0.pool.run(judge).await.map_err(|_| SchemaTrouble::Lost)
    }

    /// Also a refusal waits for what it stands on.
    async fn tell<R>(&self, lsn: Lsn, answer: Result<R, Refusal>) -> Told<R> {
        self.released(lsn).await?;
        Ok(answer)
    }

    /// Makes a change true, in the registry and in its topic at once.
    pub async fn change_schemas(&self, command: Command) -> Told<Reply> {
        let mut room = FIRST_GUESS;
        loop {
            let credit = self.hub().credit(Class::Fact, room).await?;
            let topic = self.schemas_topic();
            match self.change_once(topic.as_deref(), &command, (credit, room))? {
                Step::Done(parked) => return Ok(self.release(parked).await?),
                Step::Room(more) => room = more,
                Step::Topic => self.open_schemas_topic().await?,
            }
        }
    }

    /// Holds the registry, then the partition of its topic.
    fn change_once(
        &self,
        topic: Option<&Topic>,
        command: &Command,
        (credit, room): (Credit, u64),
    ) -> Result<Step, SchemaTrouble> {
        let now = self.now();
        let mut held = self.0.subjects.hold();
        let Decision { facts, reply } = match held.machine.decide(now, command.clone()) {
            Ok(decision) => decision,
            Err(refusal) => return Ok(Step::Done(Parked::new(held.lsn, Err(refusal)))),
        };
        if facts.is_empty() {
            return Ok(Step::Done(Parked::new(held.lsn, Ok(reply))));
        }
        let records: Vec<Record> = facts.iter().flat_map(|fact| held.machine.records(fact)).collect();
        let change = Change { facts: facts.iter().filter_map(Written::written).collect(), batch: batch_of(now, &records)? };
        if change.size() > room {
            return Ok(Step::Room(change.size()));
        }
        let lsn = match (change.batch.is_empty(), topic) {
            (true, _) => self.reserve_facts(&mut held, credit, now, &change)?,
            (false, Some(topic)) => self.reserve_both(&mut held, topic, credit, now, change)?,
            (false, None) => return Ok(Step::Topic),
        };
        self.0.schema_changes.fetch_add(1, Ordering::AcqRel);
        for fact in &facts {
            held.machine.apply(fact);
            if let SubjectFact::TopicClaimed(claimed) = fact {
                let _ = self.0.kept.set(claimed.topic);
            }
        }
        Ok(Step::Done(Parked::new(lsn, Ok(reply))))
    }

    fn reserve_facts(&self, held: &mut Noun<Registry>, credit: Credit, now: Now, change: &Change) -> Result<Lsn, Dead> {
        let parts: Vec<Part<'_>> = change.parts(held.version).collect();
        held.lsn = self.hub().reserve(credit, Class::Fact, now.wall, &parts)?;
        held.version = Version(held.version.0 + parts.len() as u64);
        Ok(held.lsn)
    }

    fn reserve_both(
        &self,
        held: &mut Noun<Registry>,
        topic: &Topic,
        credit: Credit,
        now: Now,
        mut change: Change,
    ) -> Result<Lsn, SchemaTrouble> {
        let partition = topic.partition(0).ok_or_else(|| gone("it has no partition"))?;
        let mut state = partition.hold();
        if state.is_gone() {
            return Err(gone("it was deleted"));
        }
        let batch = placed(&state, now, self.producer_expiry(), &mut change.batch)?;
        let facts: Vec<Part<'_>> = change.parts(held.version).collect();
        let payload = Payload {
            base: batch.base,
            last: batch.last(),
            stamp: batch.stamp,
            writer: 0,
            head: HEADER_LEN as u16,
            patched: &[],
            bytes: &change.batch,
            verified: None,
        };
        let record = Part { log: partition.log(), expected: state.noun.version, fact: &[], payload: Some(payload) };
        let count = facts.len() as u64;
        let parts: Vec<Part<'_>> = facts.into_iter().chain([record]).collect();
        let lsn = self.hub().reserve(credit, Class::Fact, now.wall, &parts)?;
        (held.lsn, held.version) = (lsn, Version(held.version.0 + count));
        (state.noun.lsn, state.noun.version) = (lsn, Version(state.noun.version.0 + 1));
        state.noun.machine.apply_batch(&batch, now.wall);
        self.fly(partition, state, lsn, change.batch.len());
        Ok(lsn)
    }

    fn fly(&self, partition: &Arc<Partition>, mut state: crate::lock::Held<'_, State>, lsn: Lsn, bytes: usize) {
        let awaited = state.flies(lsn, bytes);
        drop(state);
        if awaited {
            self.hub().when(lsn, Then::Tell(partition.clone()));
        }
    }

    /// The topic `_schemas`, once it is the registry's.
    fn schemas_topic(&self) -> Option<Arc<Topic>> {
        self.topic_by_id(*self.0.kept.get()?)
    }

    /// Whether a topic is written by the broker alone.
    pub fn keeps(&self, topic: TopicId) -> bool {
        self.0.kept.get() == Some(&topic)
    }

    /// As [`Node::keeps`], for a topic that is named.
    pub(crate) fn judge_kept(&self, name: &str) -> Result<(), TopicRefusal> {
        let kept = name == TOPIC && self.topic(name).is_some_and(|topic| self.keeps(topic.id));
        if kept { Err(TopicRefusal::Kept(name.into())) } else { Ok(()) }
    }

    /// Creates `_schemas`, or takes an empty one, and makes it the registry's.
    async fn open_schemas_topic(&self) -> Result<(), SchemaTrouble> {
        if let Some(kept) = self.0.kept.get() {
            let there = self.topic_by_id(*kept).is_some();
            // Somebody else was faster.
            return if there { Ok(()) } else { Err(gone(&format!("the topic with id {} is not there any more", kept.0))) };
        }
        let topic = match self.topic(TOPIC) {
            Some(topic) => topic,
            None => match self.create_schemas_topic().await? {
                Ok(topic) => topic,
                Err(TopicRefusal::Exists(_)) => return Ok(()),
                Err(refusal) => return Err(gone(&refusal.to_string())),
            },
        };
        let partition = topic.partition(0).filter(|_| topic.partitions.len() == 1);
        let empty = partition.and_then(|partition| partition.view()).is_some_and(|view| view.high == 0);
        if self.keeps(topic.id) {
            return Ok(());
        }
        if !empty {
            return Err(gone(
                "a topic of that name is there, and it is not the registry's: it has records or several partitions. Read it with `milena schema import`, rename or delete it, and try again",
            ));
        }
        if topic.settings.cleanup.delete || !topic.settings.cleanup.compact {
            return Err(gone(
                "a topic of that name is there whose cleanup.policy is not `compact` alone, so retention could take schemas from its readers. Set it, or delete the topic, and try again",
            ));
        }
        // A claim writes no record, so it needs no topic.
        Box::pin(self.change_schemas(Command::Claim(topic.id))).await?.map_err(|refusal| gone(&refusal.to_string()))?;
        Ok(())
    }

    async fn create_schemas_topic(&self) -> Judged<Arc<Topic>> {
        let create = CreateTopic {
            id: TopicId(Uuid::nil()),
            name: TOPIC.into(),
            partitions: 1,
            replicas: -1,
            assignments: Vec::new(),
            // Other registries insist on it. Every record has a key, and only the newest of each key means anything.
            settings: vec![("cleanup.policy".into(), Some("compact".into()))],
            default_partitions: 1,
            node: self.node_id(),
        };
        self.create_topic(create).await
    }
}

fn gone(what: &str) -> SchemaTrouble {
    SchemaTrouble::Topic(format!("the topic {TOPIC} cannot be written: {what}"))
}

/// The bytes of a change: facts, and one batch of the records that say the same.
struct Change {
    facts: Vec<Vec<u8>>,
    batch: Vec<u8>,
}

impl Change {
    fn size(&self) -> u64 {
        let facts = self.facts.iter().map(|fact| fact.len() as u64 + PART_COST).sum::<u64>();
        facts + self.batch.len() as u64 + PART_COST
    }

    fn parts(&self, version: Version) -> impl Iterator<Item = Part<'_>> {
        let part = |(expected, fact)| Part { log: LogId(SUBJECTS_LOG), expected: Version(expected), fact, payload: None };
        (version.0..).zip(self.facts.iter().map(Vec::as_slice)).map(part)
    }
}

/// One batch of all records; no bytes for none.
fn batch_of(now: Now, records: &[Record]) -> Result<Vec<u8>, SchemaTrouble> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let too_large = |error: milena_record::PackError| gone(&error.to_string());
    let mut builder = Builder::new(Codec::None);
    for Record { key, value } in records {
        let value = value.as_ref().map(String::as_bytes);
        builder.push(now.wall, Some(key.as_bytes()), value, &[]).map_err(too_large)?;
    }
    builder.finish().map_err(too_large)
}

/// Gives the batch its place at the end of the partition.
fn placed(state: &State, now: Now, expiry: i64, bytes: &mut [u8]) -> Result<Batch, SchemaTrouble> {
    let mut batch = Batch::from_head(bytes).ok_or_else(|| gone("its records are no batch"))?;
    match state.noun.machine.place(now, expiry, &batch) {
        Ok(Placed::Placed(placement)) => {
            patch_base_offset(bytes, placement.base);
            patch_leader_epoch(bytes, placement.epoch);
            batch.base = placement.base;
            Ok(batch)
        }
        Ok(Placed::Duplicate(_)) => Err(gone("a batch without a producer cannot repeat another")),
        Err(refusal) => Err(gone(&refusal.to_string())),
    }
}
