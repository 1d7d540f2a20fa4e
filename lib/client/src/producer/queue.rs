//! What waits to be sent: one queue of batches a partition. Knows no connection.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use bytes::Bytes;
use milena_record::{Builder, PackError, RecordHeader};
use milena_wire::Text;
use tokio::sync::oneshot;

use super::{NewRecord, Placed, ProducerConfig, identity::Identity, partition_of_key};
use crate::{Error, Result, Retry, Topic};

/// One record, and who waits for its fate.
pub(super) struct Waiting {
    pub(super) record: NewRecord,
    pub(super) timestamp: i64,
    pub(super) size: usize,
    pub(super) done: oneshot::Sender<Result<Placed>>,
}

/// Records that go out together.
pub(super) struct Batch {
    pub(super) records: Vec<Waiting>,
    pub(super) size: usize,
    pub(super) since: Instant,
    /// Waits for nobody.
    pub(super) urgent: bool,
    pub(super) generation: u64,
    /// Tries whose result is not known: the broker may have it.
    pub(super) unsure: u32,
    pub(super) attempts: u32,
    /// Attempts that ended with a producer id that the broker does not know.
    pub(super) fresh_starts: u32,
    /// The bytes as first sent. A retry sends the same, or doubles could not be recognised.
    pub(super) sealed: Option<Sealed>,
    pub(super) last_error: Option<Error>,
}

#[derive(Clone)]
pub(super) struct Sealed {
    pub(super) bytes: Bytes,
    pub(super) identity: Option<Identity>,
    pub(super) base_sequence: i32,
}

/// One partition.
pub(super) struct Queue {
    pub(super) topic: Text,
    pub(super) partition: i32,
    pub(super) batches: VecDeque<Batch>,
    pub(super) in_flight: bool,
    /// Not before.
    pub(super) retry_at: Option<Instant>,
    /// Fruitless looks for who leads the partition, and what the last one found.
    looks: u32,
    pub(super) trouble: Option<Error>,
    /// Under which producer id this partition is written, and the next sequence number.
    pub(super) identity: Option<Identity>,
    pub(super) sequence: i32,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) queues: Vec<Queue>,
    index: HashMap<(Text, i32), usize>,
    /// Queues that have something to send and nothing under way.
    pub(super) active: BTreeSet<usize>,
    /// Where records of a topic without a key go now.
    sticky: HashMap<Text, i32>,
    /// Unfinished records by the flush they belong to.
    unfinished: BTreeMap<u64, usize>,
    generation: u64,
    pub(super) closed: bool,
}

impl State {
    /// Where a record goes.
    pub(super) fn partition(&mut self, topic: &Topic, record: &NewRecord) -> Result<usize> {
        let count = topic.partitions.len();
        let missing = |partition| Error::NoPartition { topic: topic.name.as_str().into(), partition, count };
        let partition = match (record.partition, &record.key) {
            (Some(partition), _) if usize::try_from(partition).is_ok_and(|p| p < count) => partition,
            (Some(partition), _) => return Err(missing(partition)),
            (None, Some(key)) if count > 0 => partition_of_key(key, count as i32),
            (None, None) if count > 0 => self.sticky(topic),
            (None, _) => return Err(missing(0)),
        };
        Ok(self.queue(&topic.name, partition))
    }

    fn sticky(&mut self, topic: &Topic) -> i32 {
        if let Some(&partition) = self.sticky.get(&topic.name)
            && (partition as usize) < topic.partitions.len()
        {
            return partition;
        }
        let led: Vec<i32> = topic.partitions.iter().filter(|p| p.leader >= 0).map(|p| p.index).collect();
        let all: Vec<i32> = topic.partitions.iter().map(|p| p.index).collect();
        let among = if led.is_empty() { &all } else { &led };
        // A hasher with random keys is all the chance that is needed here.
        let partition = among[RandomState::new().hash_one(self.generation) as usize % among.len()];
        self.sticky.insert(topic.name.clone(), partition);
        partition
    }

    fn queue(&mut self, topic: &Text, partition: i32) -> usize {
        let next = self.queues.len();
        let at = *self.index.entry((topic.clone(), partition)).or_insert(next);
        if at == next {
            self.queues.push(Queue {
                topic: topic.clone(),
                partition,
                batches: VecDeque::new(),
                in_flight: false,
                retry_at: None,
                looks: 0,
                trouble: None,
                identity: None,
                sequence: 0,
            });
        }
        at
    }

    pub(super) fn push(&mut self, config: &ProducerConfig, at: usize, waiting: Waiting) {
        let generation = self.generation;
        let queue = &mut self.queues[at];
        let fits = |b: &&mut Batch| b.sealed.is_none() && b.attempts == 0 && b.size + waiting.size <= config.batch_bytes;
        match queue.batches.back_mut().filter(fits) {
            Some(batch) => {
                *self.unfinished.entry(batch.generation).or_default() += 1;
                batch.size += waiting.size;
                batch.records.push(waiting);
            }
            None => {
                *self.unfinished.entry(generation).or_default() += 1;
                queue.batches.push_back(Batch::new(vec![waiting], generation));
            }
        }
        if !queue.in_flight {
            self.active.insert(at);
        }
    }

    /// Begins a flush: everything here waits for nobody. The result is for [`State::is_flushed`].
    pub(super) fn flush(&mut self) -> u64 {
        let generation = self.generation;
        self.generation += 1;
        self.queues.iter_mut().flat_map(|q| &mut q.batches).for_each(|b| b.urgent = true);
        generation
    }

    pub(super) fn is_flushed(&self, generation: u64) -> bool {
        self.unfinished.first_key_value().is_none_or(|(first, _)| *first > generation)
    }

    pub(super) fn finished(&mut self, generation: u64, records: usize) {
        if let Some(left) = self.unfinished.get_mut(&generation) {
            *left = left.saturating_sub(records);
            if *left == 0 {
                self.unfinished.remove(&generation);
            }
        }
    }

    /// Takes the front batch of a queue out. The next record without a key goes elsewhere.
    pub(super) fn take(&mut self, at: usize) -> Option<Batch> {
        self.active.remove(&at);
        let queue = &mut self.queues[at];
        let batch = queue.batches.pop_front()?;
        queue.in_flight = true;
        queue.retry_at = None;
        if queue.batches.is_empty() && self.sticky.get(&queue.topic) == Some(&queue.partition) {
            self.sticky.remove(&queue.topic);
        }
        Some(batch)
    }

    /// Takes the front batch of a queue out for good, if it is as asked. Nothing is under way there.
    pub(super) fn pop_if(&mut self, at: usize, asked: impl FnOnce(&Batch) -> bool) -> Option<Batch> {
        let batches = &mut self.queues[at].batches;
        let popped = if asked(batches.front()?) { batches.pop_front() } else { None };
        if batches.is_empty() {
            self.active.remove(&at);
        }
        popped
    }

    /// The partition has nothing under way any more; `again` goes to its front.
    pub(super) fn put_back(&mut self, at: usize, again: impl DoubleEndedIterator<Item = Batch>, retry_at: Option<Instant>) {
        let queue = &mut self.queues[at];
        again.rev().for_each(|batch| queue.batches.push_front(batch));
        queue.in_flight = false;
        queue.retry_at = retry_at;
        if !queue.batches.is_empty() {
            self.active.insert(at);
        }
    }
}

impl Queue {
    /// When the front batch may go: now, or at a moment.
    pub(super) fn ready_at(&self, config: &ProducerConfig) -> Option<Instant> {
        let front = self.batches.front()?;
        let full = front.urgent || front.attempts > 0 || self.batches.len() > 1 || front.size >= config.batch_bytes;
        let lingered = if full { front.since } else { front.since + config.linger };
        Some(self.retry_at.map_or(lingered, |at| at.max(lingered)))
    }

    /// When the front batch has waited too long.
    pub(super) fn expires_at(&self, config: &ProducerConfig) -> Option<Instant> {
        // A little later, so that whoever wakes then finds it so.
        self.batches.front()?.since.checked_add(config.delivery_timeout.saturating_add(Duration::from_millis(1)))
    }

    /// Somebody looked for who leads the partition: `trouble` says why that is not known still.
    pub(super) fn look_again(&mut self, trouble: Option<Error>, retry: Retry) {
        self.looks = if trouble.is_some() { self.looks + 1 } else { 0 };
        let pause = retry.doubled(self.looks);
        if trouble.is_some() || self.trouble.is_some() {
            self.retry_at = trouble.as_ref().map(|_| Instant::now() + pause);
        }
        self.trouble = trouble;
    }
}

impl Batch {
    pub(super) fn new(records: Vec<Waiting>, generation: u64) -> Self {
        Self {
            size: records.iter().map(|w| w.size).sum(),
            records,
            since: Instant::now(),
            urgent: false,
            generation,
            unsure: 0,
            attempts: 0,
            fresh_starts: 0,
            sealed: None,
            last_error: None,
        }
    }

    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Makes the bytes, once.
    pub(super) fn seal(&mut self, config: &ProducerConfig, identity: Option<Identity>, sequence: i32) -> Result<(), PackError> {
        let mut builder = Builder::new(config.compression);
        if let Some(identity) = identity {
            builder = builder.producer(identity.at(sequence));
        }
        for waiting in &self.records {
            let record = &waiting.record;
            let headers: Vec<_> =
                record.headers.iter().map(|(key, value)| RecordHeader { key, value: value.as_deref() }).collect();
            builder.push(waiting.timestamp, record.key.as_deref(), record.value.as_deref(), &headers)?;
        }
        let bytes = builder.finish()?.into();
        self.sealed = Some(Sealed { bytes, identity, base_sequence: sequence });
        Ok(())
    }

    /// Two halves, to be sealed anew: the whole was too large.
    pub(super) fn split(mut self) -> [Batch; 2] {
        let second = self.records.split_off(self.records.len() / 2);
        [self.records, second].map(|records| {
            let mut half = Batch::new(records, self.generation);
            (half.since, half.urgent) = (self.since, true);
            half
        })
    }
}
