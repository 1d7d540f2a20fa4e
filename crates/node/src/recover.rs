//! Starting from what the store kept: snapshots first, then the facts after them, each applied to its noun. Knows which
//! noun lives in which log. Nothing here judges; what cannot be understood refuses the start, with words.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use milena_engine::{
    answered::{Answered, AnsweredFact},
    fact::BadFact,
    group::{Group, GroupFact, GroupId, Rules},
    ids::{
        ANSWERED_LOG, BROKER_SETTINGS_LOG, CATALOG_LOG, FIRST_FREE_LOG, INSTANCES_LOG, PRODUCER_IDS_LOG, SUBJECTS_LOG,
        UNREAD_LOG, WRITERS_LOG,
    },
    instance::{InstanceFact, Instances},
    machine::{Machine, Now},
    partition::{Batch, Partition, PartitionFact},
    producer::{
        ids::{ProducerIds, ProducerIdsFact},
        writers::{Writers, WritersFact},
    },
    settings::{BrokerConfig, BrokerConfigFact, broker::BrokerSettings},
    share::{self, Share, ShareFact},
    subject::{Registry, SubjectFact},
    topic::{Catalog, CatalogFact},
    unread::{Ledger, UnreadFact},
};
use milena_store::{Damaged, LogId, Lost, Lsn, Replay, Replayed, Version};

use crate::noun::Noun;

/// Everything that was true when the last process ended. Give it to the store's opening, then to `Node::start`.
#[derive(Debug, Default)]
pub struct Recovery {
    pub(crate) catalog: Noun<Catalog>,
    pub(crate) producer_ids: Noun<ProducerIds>,
    pub(crate) writers: Noun<Writers>,
    pub(crate) subjects: Noun<Registry>,
    pub(crate) instances: Noun<Instances>,
    pub(crate) ledger: Noun<Ledger>,
    pub(crate) answered: Noun<Answered>,
    /// The dynamic settings of the broker: they go on top of what it is started with, which only the start knows.
    broker: Option<(Version, Vec<u8>)>,
    broker_facts: Vec<(Version, Lsn, BrokerConfigFact)>,
    /// The version up to which some of them are lost.
    broker_lost: Version,
    partitions: HashMap<u64, Noun<Partition>>,
    groups: HashMap<u64, Noun<Group>>,
    shares: HashMap<u64, Noun<Share>>,
    /// Snapshots whose noun is known only when the catalog's snapshot has been seen.
    unread: HashMap<u64, (Version, Vec<u8>)>,
    /// Logs that the store has and the catalog does not: their removal was decided, and not finished.
    removed: Vec<LogId>,
    /// What damage took from logs whose inhabitants have not been met since.
    lost: HashMap<u64, Lost>,
    /// Goes on also when it is [`ASKED`] who lost something.
    accepts_loss: bool,
    broken: Option<Broken>,
}

/// Stored state that this release cannot understand, or that is not whole.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{whose}: {what}")]
pub struct Broken {
    whose: String,
    what: String,
}

impl Broken {
    fn new(log: LogId, what: impl ToString) -> Self {
        Self { whose: format!("log {}", log.0), what: what.to_string() }
    }

    /// What the whole broker stands on lost something: whoever goes on without it must say so.
    fn bereft(log: LogId) -> Self {
        let whose = HOUSE.iter().find(|(house, _)| *house == log.0).map_or("what the broker keeps", |(_, words)| words);
        let what = "entries were lost to damage; restore the directory from a backup, \
                    or start with --accept-loss to go on with what is left";
        Self { whose: whose.into(), what: what.into() }
    }
}

/// Who is not gone on without unasked: topics would be missing, ids of schemas be given twice, retention be another one. What the
/// others lose costs nobody a record: numbers and ids are passed over, and the rest is told.
const ASKED: [u64; 3] = [CATALOG_LOG, BROKER_SETTINGS_LOG, SUBJECTS_LOG];

/// Nouns that every broker has once, in words.
const HOUSE: [(u64, &str); 8] = [
    (CATALOG_LOG, "the catalog of topics and groups"),
    (PRODUCER_IDS_LOG, "the producer ids"),
    (WRITERS_LOG, "the table of writers"),
    (BROKER_SETTINGS_LOG, "the broker's settings"),
    (SUBJECTS_LOG, "the schema registry"),
    (INSTANCES_LOG, "the REST proxy's consumers"),
    (UNREAD_LOG, "the ledger of what went unread"),
    (ANSWERED_LOG, "the answers of the queue that must not be given twice"),
];

impl Replay for Recovery {
    fn snapshot(&mut self, log: LogId, version: Version, bytes: &[u8]) {
        if log.0 >= FIRST_FREE_LOG {
            self.unread.insert(log.0, (version, bytes.to_vec()));
            return;
        }
        let read = self.read_fixed(log, version, bytes);
        self.note(log, read);
    }

    fn fact(&mut self, part: Replayed<'_>) {
        if self.broken.is_some() {
            return;
        }
        let applied = self.apply(&part);
        self.note(part.log, applied);
    }

    fn lost(&mut self, lost: Lost) {
        if lost.log.0 >= FIRST_FREE_LOG {
            let known = self.lost.entry(lost.log.0).or_insert(lost);
            (known.version, known.start, known.end) =
                (known.version.max(lost.version), known.start.max(lost.start), known.end.max(lost.end));
        } else if self.accepts_loss || !ASKED.contains(&lost.log.0) {
            self.go_on_without(lost);
        } else if self.broken.is_none() {
            self.broken = Some(Broken::bereft(lost.log));
        }
    }
}

/// Who lives in a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inhabitant {
    /// A noun that every broker has once, in words.
    House(&'static str),
    Partition {
        topic: String,
        partition: i32,
        /// The topic is in the trash.
        deleted: bool,
    },
    /// A group of consumers, or one that shares a queue.
    Group(String),
}

impl fmt::Display for Inhabitant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::House(words) => f.write_str(words),
            Self::Partition { topic, partition, deleted } => {
                write!(f, "{topic}-{partition}{}", if *deleted { " (deleted)" } else { "" })
            }
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

impl Recovery {
    /// Who lives in each log, as far as the catalog knows. Of what was read back: before a node took it.
    pub fn inhabitants(&self) -> HashMap<u64, Inhabitant> {
        let mut all: HashMap<u64, Inhabitant> = HOUSE.into_iter().map(|(log, words)| (log, Inhabitant::House(words))).collect();
        let catalog = &self.catalog.machine;
        let topics = catalog.topics().map(|topic| (topic, false)).chain(catalog.trash().map(|gone| (&gone.topic, true)));
        for (topic, deleted) in topics {
            for (partition, log) in (0..).zip(topic.logs.iter()) {
                all.insert(log, Inhabitant::Partition { topic: topic.name.to_string(), partition, deleted });
            }
        }
        all.extend(catalog.groups().map(|(name, log)| (log, Inhabitant::Group(name.to_string()))));
        all
    }

    /// Says of all that the store found damaged who lives there.
    pub fn name(&self, damage: &mut [Damaged]) {
        let inhabitants = if damage.is_empty() { HashMap::new() } else { self.inhabitants() };
        for found in damage {
            found.whose = found.log.and_then(|log| inhabitants.get(&log.0)).map(ToString::to_string);
        }
    }

    /// What of the stored state this release does not understand.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    pub fn new() -> Self {
        Self::default()
    }

    /// One that goes on with what is left also when the catalog, the registry or the broker's settings lost entries to damage.
    /// Otherwise that refuses the start.
    pub fn accepting_loss(accepts_loss: bool) -> Self {
        Self { accepts_loss, ..Self::default() }
    }

    /// Whether everything that was handed over was understood. What the catalog does not know any more is left out: its
    /// noun was removed, and its bytes were still to go.
    pub(crate) fn judge(&mut self) -> Result<(), Broken> {
        let known: HashSet<u64> = self.catalog.machine.logs().collect();
        let found = self.found();
        let (here, removed): (Vec<u64>, Vec<u64>) = found.partition(|log| known.contains(log));
        self.removed = removed.into_iter().map(LogId).collect();
        let waits = |log: &u64| self.unread.contains_key(log) || self.lost.contains_key(log);
        for log in here.into_iter().filter(waits).collect::<HashSet<_>>() {
            let read = match self.catalog.machine.group_name(log) {
                Some(_) if self.holds_share(log) || self.shares.contains_key(&log) => self.read_share(log),
                Some(_) => self.read_group(log),
                None => self.read_partition(log),
            };
            self.note(LogId(log), read);
        }
        self.producer_ids.machine.recovered();
        self.broken.take().map_or(Ok(()), Err)
    }

    /// Every log that anything was told of.
    fn found(&self) -> impl Iterator<Item = u64> {
        let nouns = self.partitions.keys().chain(self.groups.keys()).chain(self.shares.keys());
        nouns.chain(self.unread.keys()).chain(self.lost.keys()).copied()
    }

    /// Logs that the store has and a catalog that lost entries does not know: their data stay, and their numbers are
    /// given to nobody else.
    pub(crate) fn keep_unknown(&mut self) {
        let unknown = std::mem::take(&mut self.removed);
        if let Some(last) = unknown.iter().max() {
            self.catalog.machine.pass_logs(last.0);
        }
    }

    /// The broker's configuration: `config` as it was started with, and what was changed since.
    pub(crate) fn broker(&mut self, config: BrokerConfig) -> Result<Noun<BrokerConfig>, Broken> {
        let mut noun = Noun::new(config);
        if let Some((version, bytes)) = self.broker.take() {
            let restored = noun.machine.restore(&bytes);
            restored.map_err(|error| Broken::new(LogId(BROKER_SETTINGS_LOG), error))?;
            noun.version = version;
        }
        noun.version = noun.version.max(self.broker_lost);
        for (version, lsn, fact) in std::mem::take(&mut self.broker_facts) {
            if version > noun.version {
                noun.machine.apply(&fact);
                (noun.version, noun.lsn) = (version, lsn);
            }
        }
        Ok(noun)
    }

    /// The partition of a log as it was; an empty one when nothing was ever written to it.
    pub(crate) fn take_partition(&mut self, log: u64) -> Noun<Partition> {
        self.partitions.remove(&log).unwrap_or_default()
    }

    /// Logs that are to be removed from the store.
    pub(crate) fn removed(&mut self) -> Vec<LogId> {
        std::mem::take(&mut self.removed)
    }

    /// The group of a log as it was, if anything was ever written there.
    pub(crate) fn take_group(&mut self, log: u64) -> Option<Noun<Group>> {
        self.groups.remove(&log)
    }

    /// The share group of a log as it was, if anything was ever written there.
    pub(crate) fn take_share(&mut self, log: u64) -> Option<Noun<Share>> {
        self.shares.remove(&log)
    }

    fn note(&mut self, log: LogId, read: Result<(), BadFact>) {
        if let (Err(error), None) = (read, &self.broken) {
            self.broken = Some(Broken::new(log, error));
        }
    }

    fn read_fixed(&mut self, log: LogId, version: Version, bytes: &[u8]) -> Result<(), BadFact> {
        match log.0 {
            CATALOG_LOG => set(&mut self.catalog, version, Catalog::restore(bytes)?),
            PRODUCER_IDS_LOG => set(&mut self.producer_ids, version, ProducerIds::restore(bytes)?),
            INSTANCES_LOG => set(&mut self.instances, version, Instances::restore(bytes)?),
            UNREAD_LOG => set(&mut self.ledger, version, Ledger::restore(bytes)?),
            ANSWERED_LOG => set(&mut self.answered, version, Answered::restore(bytes)?),
            WRITERS_LOG => set(&mut self.writers, version, Writers::restore(bytes)?),
            SUBJECTS_LOG => set(&mut self.subjects, version, Registry::restore(bytes)?),
            BROKER_SETTINGS_LOG => self.broker = Some((version, bytes.to_vec())),
            _ => return Err(BadFact::UnknownKind { noun: "noun of a later release", kind: 0 }),
        }
        Ok(())
    }

    /// A noun of the whole broker stands where its log does, with what is left.
    fn go_on_without(&mut self, lost: Lost) {
        match lost.log.0 {
            CATALOG_LOG => skip(&mut self.catalog, &lost),
            PRODUCER_IDS_LOG => {
                // Each of its entries gave away a block.
                let blocks = lost.version.0.saturating_sub(self.producer_ids.version.0);
                self.producer_ids.machine.pass_blocks(blocks);
                skip(&mut self.producer_ids, &lost);
            }
            INSTANCES_LOG => skip(&mut self.instances, &lost),
            UNREAD_LOG => skip(&mut self.ledger, &lost),
            ANSWERED_LOG => skip(&mut self.answered, &lost),
            WRITERS_LOG => {
                // Each of its entries gave away a number.
                let writers = lost.version.0.saturating_sub(self.writers.version.0);
                self.writers.machine.pass_numbers(writers);
                skip(&mut self.writers, &lost);
            }
            SUBJECTS_LOG => skip(&mut self.subjects, &lost),
            BROKER_SETTINGS_LOG => self.broker_lost = self.broker_lost.max(lost.version),
            _ => {}
        }
    }

    fn read_partition(&mut self, log: u64) -> Result<(), BadFact> {
        let noun = self.partitions.entry(log).or_default();
        if let Some((version, bytes)) = self.unread.remove(&log) {
            set(noun, version, Partition::restore(&bytes)?);
        }
        if let Some(lost) = self.lost.remove(&log) {
            noun.machine.resume(lost.start, lost.end);
            skip(noun, &lost);
        }
        Ok(())
    }

    fn read_group(&mut self, log: u64) -> Result<(), BadFact> {
        let name = self.catalog.machine.group_name(log).unwrap_or_default();
        let rules = Rules::from(&BrokerSettings::default());
        let fresh = || Noun::new(Group::new(GroupId::from(name), rules, Now { wall: 0, mono: 0 }));
        let noun = self.groups.entry(log).or_insert_with(fresh);
        if let Some((version, bytes)) = self.unread.remove(&log) {
            set(noun, version, Group::restore(&bytes, rules)?);
        }
        if let Some(lost) = self.lost.remove(&log) {
            skip(noun, &lost);
        }
        Ok(())
    }

    /// Whether the snapshot of a group's log is that of a share group.
    fn holds_share(&self, log: u64) -> bool {
        self.unread.get(&log).is_some_and(|(_, bytes)| bytes.first() == Some(&share::MARK))
    }

    fn read_share(&mut self, log: u64) -> Result<(), BadFact> {
        let name = self.catalog.machine.group_name(log).unwrap_or_default();
        let fresh = || Noun::new(Share::new(GroupId::from(name), share::Rules::default()));
        let noun = self.shares.entry(log).or_insert_with(fresh);
        if let Some((version, bytes)) = self.unread.remove(&log) {
            set(noun, version, Share::restore(&bytes, share::Rules::default())?);
        }
        if let Some(lost) = self.lost.remove(&log) {
            skip(noun, &lost);
        }
        Ok(())
    }

    fn apply(&mut self, part: &Replayed<'_>) -> Result<(), BadFact> {
        let log = part.log.0;
        match log {
            CATALOG_LOG => next(&mut self.catalog, part, CatalogFact::decode),
            PRODUCER_IDS_LOG => next(&mut self.producer_ids, part, ProducerIdsFact::decode),
            INSTANCES_LOG => next(&mut self.instances, part, |bytes| InstanceFact::decode(bytes).map(Into::into)),
            UNREAD_LOG => {
                if part.version > self.ledger.version {
                    self.ledger.machine.apply(&UnreadFact::decode(part.fact)?);
                    (self.ledger.version, self.ledger.lsn) = (part.version, part.lsn);
                }
                Ok(())
            }
            ANSWERED_LOG => {
                if part.version > self.answered.version {
                    self.answered.machine.apply(&AnsweredFact::decode(part.fact)?);
                    (self.answered.version, self.answered.lsn) = (part.version, part.lsn);
                }
                Ok(())
            }
            WRITERS_LOG => next(&mut self.writers, part, WritersFact::decode),
            SUBJECTS_LOG => next(&mut self.subjects, part, SubjectFact::decode),
            BROKER_SETTINGS_LOG => {
                self.broker_facts.push((part.version, part.lsn, BrokerConfigFact::decode(part.fact)?));
                Ok(())
            }
            _ if log < FIRST_FREE_LOG => Err(BadFact::UnknownKind { noun: "noun of a later release", kind: 0 }),
            _ if part.fact.first().is_some_and(|kind| GROUP_KINDS.contains(kind)) => {
                self.read_group(log)?;
                apply_to_group(self.groups.get_mut(&log).expect("it was just read"), part)
            }
            _ if part.fact.first().is_some_and(|kind| SHARE_KINDS.contains(kind)) => {
                self.read_share(log)?;
                apply_to_share(self.shares.get_mut(&log).expect("it was just read"), part)
            }
            _ => {
                self.read_partition(log)?;
                apply_to_partition(self.partitions.get_mut(&log).expect("it was just read"), part)
            }
        }
    }
}

/// The kinds of facts by which the log of a group is known, also when the catalog has forgotten the group.
const GROUP_KINDS: std::ops::RangeInclusive<u8> = 64..=95;

/// The same of a share group.
const SHARE_KINDS: std::ops::RangeInclusive<u8> = 96..=111;

fn set<M>(noun: &mut Noun<M>, version: Version, machine: M) {
    (noun.machine, noun.version) = (machine, version);
}

/// What follows in the log follows on this.
fn skip<M>(noun: &mut Noun<M>, lost: &Lost) {
    noun.version = noun.version.max(lost.version);
}

/// Applies a fact, unless the noun's snapshot has it already.
fn next<M: Machine>(
    noun: &mut Noun<M>,
    part: &Replayed<'_>,
    decode: impl FnOnce(&[u8]) -> Result<M::Fact, BadFact>,
) -> Result<(), BadFact> {
    if part.version > noun.version {
        noun.machine.apply(&decode(part.fact)?);
        (noun.version, noun.lsn) = (part.version, part.lsn);
    }
    Ok(())
}

fn apply_to_partition(noun: &mut Noun<Partition>, part: &Replayed<'_>) -> Result<(), BadFact> {
    if part.version <= noun.version {
        return Ok(());
    }
    if let Some((stored, head)) = &part.payload {
        let batch = Batch::from_head(head).ok_or(BadFact::Truncated)?;
        noun.machine.apply_batch(&batch, stored.at);
    }
    if !part.fact.is_empty() {
        noun.machine.apply(&PartitionFact::decode(part.fact)?);
    }
    (noun.version, noun.lsn) = (part.version, part.lsn);
    Ok(())
}

fn apply_to_group(noun: &mut Noun<Group>, part: &Replayed<'_>) -> Result<(), BadFact> {
    if part.version > noun.version {
        noun.machine.apply_durable(&GroupFact::decode(part.fact)?);
        (noun.version, noun.lsn) = (part.version, part.lsn);
    }
    Ok(())
}

fn apply_to_share(noun: &mut Noun<Share>, part: &Replayed<'_>) -> Result<(), BadFact> {
    if part.version > noun.version {
        noun.machine.apply_durable(&ShareFact::decode(part.fact)?);
        (noun.version, noun.lsn) = (part.version, part.lsn);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use milena_engine::{
        fact::{GroupCreated, TopicCreated},
        ids::{TopicId, Uuid},
        settings::Overrides,
        topic::{CatalogFact, Command},
    };

    use super::*;

    const FIRST: u64 = FIRST_FREE_LOG;

    /// A topic of two partitions and a group, of which nothing else is known yet.
    fn founded(accepts_loss: bool) -> Recovery {
        let mut recovery = Recovery::accepting_loss(accepts_loss);
        let (id, name) = (TopicId(Uuid::from_u128(1)), "t".parse().unwrap());
        let topic = TopicCreated { id, name, first_log: FIRST, partitions: 2, settings: Overrides::default(), at: 0 };
        let facts: [CatalogFact; 2] = [topic.into(), GroupCreated { log: FIRST + 2, name: "g".into() }.into()];
        for (version, fact) in (1..).zip(facts) {
            let mut bytes = Vec::new();
            fact.encode(&mut bytes);
            let (log, lsn, version) = (LogId(CATALOG_LOG), Lsn(version), Version(version));
            recovery.fact(Replayed { log, lsn, version, at: 0, fact: &bytes, payload: None });
        }
        recovery
    }

    fn lost(log: u64, version: u64, end: i64) -> Lost {
        Lost { log: LogId(log), version: Version(version), start: 0, end }
    }

    #[test]
    fn who_lost_everything_stands_where_its_log_does() {
        let mut recovery = founded(false);
        recovery.lost(lost(FIRST, 3, 7));
        recovery.lost(lost(FIRST, 5, 9));
        recovery.lost(lost(FIRST + 2, 4, 0));
        recovery.judge().unwrap();
        let partition = recovery.take_partition(FIRST);
        assert_eq!((partition.version, partition.machine.next()), (Version(5), 9));
        assert_eq!(recovery.take_partition(FIRST + 1).version, Version(0));
        assert_eq!(recovery.take_group(FIRST + 2).unwrap().version, Version(4));
    }

    #[test]
    fn what_is_damaged_is_named_by_who_lives_there() {
        let damaged = |log: Option<u64>| Damaged { log: log.map(LogId), whose: None, file: "log-1".into(), what: "gone".into() };
        let mut found = [Some(FIRST + 1), Some(FIRST + 2), Some(FIRST + 90), None].map(damaged);
        founded(false).name(&mut found);
        let words = found.map(|damaged| damaged.to_string());
        let (partition, group, nobody) = (FIRST + 1, FIRST + 2, FIRST + 90);
        let expected = [
            format!("t-1, log {partition}: gone"),
            format!("group g, log {group}: gone"),
            format!("log {nobody}: gone"),
            "gone".into(),
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn what_the_house_lost_is_asked_about() {
        let mut recovery = founded(false);
        recovery.lost(lost(SUBJECTS_LOG, 2, 0));
        let refused = recovery.judge().unwrap_err().to_string();
        assert!(refused.contains("the schema registry") && refused.contains("--accept-loss"), "{refused}");
        let mut recovery = founded(false);
        for log in [PRODUCER_IDS_LOG, WRITERS_LOG, INSTANCES_LOG, UNREAD_LOG, ANSWERED_LOG] {
            recovery.lost(lost(log, 2, 0));
        }
        recovery.judge().unwrap();
        assert_eq!((recovery.producer_ids.version, recovery.answered.version), (Version(2), Version(2)));
        assert_ne!(recovery.producer_ids.machine, ProducerIds::default(), "ids that were given away are given to nobody else");
        assert_ne!(recovery.writers.machine, Writers::default(), "and neither are numbers of writers");
        let mut recovery = founded(true);
        for log in [SUBJECTS_LOG, BROKER_SETTINGS_LOG] {
            recovery.lost(lost(log, 2, 0));
        }
        recovery.judge().unwrap();
        assert_eq!(recovery.subjects.version, Version(2));
        assert_eq!(recovery.broker(BrokerConfig::start(&[]).unwrap()).unwrap().version, Version(2));
    }

    #[test]
    fn logs_of_a_catalog_that_lost_entries_are_kept() {
        let mut recovery = founded(true);
        recovery.lost(lost(CATALOG_LOG, 4, 0));
        recovery.lost(lost(FIRST + 40, 1, 1));
        recovery.judge().unwrap();
        recovery.keep_unknown();
        assert_eq!(recovery.removed(), []);
        let decided = recovery.catalog.machine.decide(Now { wall: 0, mono: 0 }, Command::CreateGroup("late".into())).unwrap();
        assert_eq!(decided.facts, [GroupCreated { log: FIRST + 41, name: "late".into() }.into()]);
    }
}
