//! Starting from what the store kept: snapshots first, then the facts after them, each applied to its noun. Knows which
//! noun lives in which log. Nothing here judges; what cannot be understood refuses the start, with words.

use std::collections::HashMap;

use milena_engine::{
    fact::BadFact,
    ids::{CATALOG_LOG, FIRST_FREE_LOG, PRODUCER_IDS_LOG, WRITERS_LOG},
    machine::Machine,
    partition::{Batch, Partition, PartitionFact},
    producer::{
        ids::{ProducerIds, ProducerIdsFact},
        writers::{Writers, WritersFact},
    },
    topic::{Catalog, CatalogFact},
};
use milena_store::{LogId, Replay, Replayed, Version};

use crate::noun::Noun;

/// Everything that was true when the last process ended. Give it to the store's opening, then to `Node::start`.
#[derive(Debug, Default)]
pub struct Recovery {
    pub(crate) catalog: Noun<Catalog>,
    pub(crate) producer_ids: Noun<ProducerIds>,
    pub(crate) writers: Noun<Writers>,
    partitions: HashMap<u64, Noun<Partition>>,
    /// Snapshots whose noun is known only when the catalog's snapshot has been seen.
    unread: HashMap<u64, (Version, Vec<u8>)>,
    broken: Option<Broken>,
}

/// Stored state that this release cannot understand.
#[derive(Clone, Debug, thiserror::Error)]
#[error("log {log}: {what}")]
pub struct Broken {
    log: u64,
    what: String,
}

impl Broken {
    fn new(log: LogId, what: impl ToString) -> Self {
        Self { log: log.0, what: what.to_string() }
    }
}

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
}

impl Recovery {
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether everything that was handed over was understood.
    pub(crate) fn judge(&mut self) -> Result<(), Broken> {
        let unread: Vec<u64> = self.unread.keys().copied().collect();
        for log in unread {
            let read = self.read_unread(log);
            self.note(LogId(log), read);
        }
        self.producer_ids.machine.recovered();
        self.broken.take().map_or(Ok(()), Err)
    }

    /// The partition of a log as it was; an empty one when nothing was ever written to it.
    pub(crate) fn take_partition(&mut self, log: u64) -> Noun<Partition> {
        self.partitions.remove(&log).unwrap_or_default()
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
            WRITERS_LOG => set(&mut self.writers, version, Writers::restore(bytes)?),
            _ => return Err(BadFact::UnknownKind { noun: "noun of a later release", kind: 0 }),
        }
        Ok(())
    }

    fn read_unread(&mut self, log: u64) -> Result<(), BadFact> {
        let Some((version, bytes)) = self.unread.remove(&log) else { return Ok(()) };
        let noun = self.partitions.entry(log).or_default();
        set(noun, version, Partition::restore(&bytes)?);
        Ok(())
    }

    fn apply(&mut self, part: &Replayed<'_>) -> Result<(), BadFact> {
        match part.log.0 {
            CATALOG_LOG => next(&mut self.catalog, part, CatalogFact::decode),
            PRODUCER_IDS_LOG => next(&mut self.producer_ids, part, ProducerIdsFact::decode),
            WRITERS_LOG => next(&mut self.writers, part, WritersFact::decode),
            log if log < FIRST_FREE_LOG => Err(BadFact::UnknownKind { noun: "noun of a later release", kind: 0 }),
            log => {
                self.read_unread(log)?;
                apply_to_partition(self.partitions.entry(log).or_default(), part)
            }
        }
    }
}

fn set<M>(noun: &mut Noun<M>, version: Version, machine: M) {
    (noun.machine, noun.version) = (machine, version);
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
