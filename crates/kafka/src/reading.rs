//! One look at everything a fetch asked for: what each partition answers, and how many bytes that makes.
//!
//! Knows limits, isolation and the order of partitions. Waits for nothing: what must come from the disk is marked, and
//! read by [`Look::load`].

use std::sync::Arc;

use milena_engine::ids::TopicId;
use milena_node::{Node, Partition, ReadError, ReadRefusal, Slice, Topic, View};
use milena_wire::{
    ErrorCode,
    fetch::{EpochEndOffset, LeaderIdAndEpoch, PartitionData},
};

use crate::{
    errors::Code,
    session::{Key, Told, TopicRef, Wanted},
};

/// Most bytes that one answer reads from the disk. They are in memory until the client has taken them, and clients may be
/// many and slow; what is left out comes with the next fetch.
const COLD_MAX: usize = 4 << 20;

/// What a fetch allows and asks for, whatever the partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Bytes of the whole answer; the first batch may exceed it.
    pub(crate) max_bytes: usize,
    pub(crate) read_committed: bool,
    /// It comes from somebody who thinks that he is a replica.
    pub(crate) follower: bool,
}

/// One partition's share of the answer.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) key: Key,
    pub(crate) data: PartitionData,
    pub(crate) slices: Vec<Slice>,
    pub(crate) bytes: usize,
    cold: Option<Cold>,
    /// Where its partition stands in [`Look::open`].
    open: Option<usize>,
}

/// Records that lie on the disk only.
#[derive(Debug)]
struct Cold {
    topic: Arc<Topic>,
    partition: i32,
    from: i64,
    max: usize,
}

/// What one look found.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) shares: Vec<Share>,
    pub(crate) bytes: usize,
    /// Partitions that more bytes may come to, each with the high watermark that was seen.
    pub(crate) open: Vec<(Arc<Partition>, i64)>,
    /// Something that is not worth waiting behind: an error in a log, or a divergence.
    pub(crate) urgent: bool,
    /// Bytes that the disk is asked for; 0 when everything was in memory.
    cold: usize,
}

/// What stands in an answer that has no records.
enum Word {
    Seen(View),
    Records { view: View, slices: Vec<Slice>, bytes: usize },
    Cold { view: View, max: usize },
    Diverged { view: View, epoch: i32, end: i64 },
    Unknown(ErrorCode),
    Refused(ReadRefusal),
    Failed(ErrorCode),
}

impl Look {
    /// Looks at every partition in order.
    pub(crate) fn at(node: &Node, terms: Terms, wanted: &[(Key, Wanted)]) -> Self {
        let mut look = Self { shares: Vec::with_capacity(wanted.len()), ..Self::default() };
        let mut last: Option<(TopicRef, Option<Arc<Topic>>)> = None;
        for (key, wants) in wanted {
            let topic = match &last {
                Some((named, topic)) if *named == key.topic => topic.clone(),
                _ => {
                    let topic = find(node, &key.topic);
                    last = Some((key.topic.clone(), topic.clone()));
                    topic
                }
            };
            look.share(node, terms, key, wants, topic);
        }
        look
    }

    /// The same error for everything.
    pub(crate) fn refused(wanted: &[(Key, Wanted)], error: ErrorCode) -> Self {
        let refused = |(key, _): &(Key, Wanted)| {
            let mut data = PartitionData { partition_index: key.partition, ..Default::default() };
            failed(&mut data, error);
            Share { key: key.clone(), data, slices: Vec::new(), bytes: 0, cold: None, open: None }
        };
        Self { shares: wanted.iter().map(refused).collect(), ..Self::default() }
    }

    /// Bytes of records that lie on the disk only: [`Look::load`] them.
    pub(crate) fn disk_bytes(&self) -> usize {
        self.cold
    }

    /// Bytes that the answer may still take.
    fn left(&self, terms: Terms) -> usize {
        terms.max_bytes.saturating_sub(self.bytes)
    }

    fn share(&mut self, node: &Node, terms: Terms, key: &Key, wants: &Wanted, topic: Option<Arc<Topic>>) {
        let by_id = matches!(key.topic, TopicRef::Id(_));
        let Some(topic) = topic else {
            let error = if by_id { ErrorCode::UNKNOWN_TOPIC_ID } else { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION };
            return self.push(key, Word::Unknown(error), terms, None);
        };
        let Some(partition) = topic.partition(key.partition).cloned() else {
            return self.push(key, Word::Unknown(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), terms, None);
        };
        let from = node.resumes(&topic, &partition, wants.offset);
        let word = self.word(node, terms, (wants, from), &topic, &partition);
        let mut open = None;
        if let Word::Seen(view) | Word::Records { view, .. } | Word::Cold { view, .. } = &word {
            open = Some(self.open.len());
            self.open.push((partition.clone(), view.high));
        } else {
            self.urgent = true;
        }
        let cold = match word {
            Word::Cold { max, .. } => Some(Cold { topic, partition: key.partition, from, max }),
            _ => None,
        };
        self.push(key, word, terms, cold);
        if let Some(share) = self.shares.last_mut() {
            share.open = open;
        }
    }

    /// Counts what is sent, at each partition.
    pub(crate) fn count_out(&self) {
        for share in self.shares.iter().filter(|share| share.bytes > 0) {
            if let Some((partition, _)) = share.open.and_then(|at| self.open.get(at)) {
                partition.sends(share.bytes);
            }
        }
    }

    /// What is said of a partition to whoever reads it from `from` on.
    fn word(&self, node: &Node, terms: Terms, (wants, from): (&Wanted, i64), topic: &Topic, partition: &Arc<Partition>) -> Word {
        if terms.follower {
            return Word::Failed(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        if let Some(word) = divergence(node, wants, partition) {
            return word;
        }
        let view = match node.locate(partition, wants.leader_epoch, from) {
            Ok(view) => view,
            Err(refusal) => return Word::Refused(refusal),
        };
        let upto = if terms.read_committed { view.stable } else { view.high };
        if from >= upto {
            return Word::Seen(view);
        }
        let Ok(max_bytes) = usize::try_from(wants.max_bytes) else {
            return Word::Failed(ErrorCode::UNKNOWN_SERVER_ERROR);
        };
        let first = self.bytes == 0;
        let max = max_bytes.min(self.left(terms));
        if max == 0 && !first {
            return Word::Seen(view);
        }
        if node.hides(topic, partition) {
            // Some of what lies there may have expired: that is looked at where looking may take time.
            return self.cold(view, max);
        }
        match node.read_now(partition, from, max) {
            Ok(found) if found.slices.iter().any(|s| matches!(s, Slice::File { .. })) => self.cold(view, max),
            // At least one batch always comes; a second partition's may not break the limit (KIP-74).
            Ok(found) if found.bytes > max && !first => Word::Seen(view),
            Ok(found) => Word::Records { view, bytes: found.bytes, slices: found.slices },
            Err(ReadError::WouldBlock) => self.cold(view, max),
            Err(error) => Word::Failed(error.code()),
        }
    }

    fn cold(&self, view: View, max: usize) -> Word {
        match COLD_MAX.saturating_sub(self.cold) {
            0 => Word::Seen(view),
            left => Word::Cold { view, max: max.min(left) },
        }
    }

    fn push(&mut self, key: &Key, word: Word, terms: Terms, cold: Option<Cold>) {
        let mut data = PartitionData { partition_index: key.partition, ..Default::default() };
        let (mut slices, mut bytes) = (Vec::new(), 0);
        match word {
            Word::Seen(view) => bounds(&mut data, terms, view),
            Word::Records { view, slices: found, bytes: n } => {
                bounds(&mut data, terms, view);
                (slices, bytes) = (found, n);
            }
            Word::Cold { view, max } => {
                bounds(&mut data, terms, view);
                // What it will take is not known yet: as much as it may.
                bytes = max.max(1);
                self.cold += bytes;
            }
            Word::Diverged { view, epoch, end } => {
                bounds(&mut data, terms, view);
                data.diverging_epoch = EpochEndOffset { epoch, end_offset: end, ..Default::default() };
            }
            Word::Unknown(error) => failed(&mut data, error),
            Word::Refused(refusal) => {
                failed(&mut data, refusal.code());
                data.aborted_transactions = None;
                if let ReadRefusal::Fenced(leader_epoch) = refusal {
                    data.current_leader = LeaderIdAndEpoch { leader_epoch, ..Default::default() };
                }
            }
            Word::Failed(error) => {
                failed(&mut data, error);
                data.aborted_transactions = None;
            }
        }
        self.bytes += bytes;
        self.shares.push(Share { key: key.clone(), data, slices, bytes, cold, open: None });
    }

    /// Reads what lies on the disk.
    pub(crate) async fn load(&mut self, node: &Node) {
        if std::mem::take(&mut self.cold) == 0 {
            return;
        }
        for share in &mut self.shares {
            let Some(cold) = share.cold.take() else { continue };
            self.bytes -= share.bytes;
            let Some(partition) = cold.topic.partition(cold.partition) else { continue };
            match node.read(&cold.topic, partition, cold.from, cold.max).await {
                Ok(found) => (share.bytes, share.slices) = (found.bytes, found.slices),
                Err(error) => {
                    share.bytes = 0;
                    failed(&mut share.data, error.code());
                    self.urgent = true;
                }
            }
            self.bytes += share.bytes;
        }
    }
}

impl Share {
    /// What the session compares with what it told before.
    pub(crate) fn told(&self) -> Told {
        Told {
            error: self.data.error_code != 0,
            has_records: self.bytes > 0,
            diverging: self.data.diverging_epoch.epoch >= 0,
            high_watermark: self.data.high_watermark,
            last_stable: self.data.last_stable_offset,
            log_start: self.data.log_start_offset,
        }
    }
}

fn find(node: &Node, topic: &TopicRef) -> Option<Arc<Topic>> {
    match topic {
        TopicRef::Name(name) => node.topic(name),
        TopicRef::Id(id) => node.topic_by_id(TopicId(*id)),
    }
}

/// Whether the reader's log parted from this one before its position (KIP-595); `None` if not, or if it did not say.
fn divergence(node: &Node, wants: &Wanted, partition: &Partition) -> Option<Word> {
    if wants.last_fetched_epoch < 0 {
        return None;
    }
    let end = match node.epoch_end(partition, wants.leader_epoch, wants.last_fetched_epoch) {
        Ok(end) => end,
        Err(refusal) => return Some(Word::Refused(refusal)),
    };
    let view = partition.view()?;
    match end {
        None => {
            let refusal = ReadRefusal::OutOfRange { from: wants.offset, start: view.start, high: view.high };
            Some(Word::Refused(refusal))
        }
        Some(end) if end.epoch < wants.last_fetched_epoch || end.end < wants.offset => {
            Some(Word::Diverged { view, epoch: end.epoch, end: end.end })
        }
        Some(_) => None,
    }
}

fn bounds(data: &mut PartitionData, terms: Terms, view: View) {
    data.high_watermark = view.high;
    data.last_stable_offset = view.stable;
    data.log_start_offset = view.start;
    if !terms.read_committed {
        data.aborted_transactions = None;
    }
}

fn failed(data: &mut PartitionData, error: ErrorCode) {
    data.error_code = error.into();
    data.high_watermark = -1;
    data.last_stable_offset = -1;
    data.log_start_offset = -1;
}
