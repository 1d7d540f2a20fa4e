//! Produce: one batch into one partition, from the bytes of a socket to a parked answer, on the thread that read them.
//! Nothing here waits. Knows the order judge, reserve, apply; the judgements are the engine's.

use std::sync::Arc;

use milena_engine::{
    partition::{Batch as Judged, Refusal, Verdict},
    retention,
    topic::is_internal,
};
use milena_record::{CHECKED_FROM, Flaw, HEADER_LEN, patch_base_offset, patch_leader_epoch, stated_crc};
use milena_store::{Class, Credit, Lsn, Parked, Part, Payload, Verified, Version};

use crate::{
    intake::{self, Declined, Intake},
    node::Node,
    noun::NoRoom,
    partition::{Partition, State},
    release::{Dead, Then},
    topics::Topic,
};

/// Who wrote a batch, as the envelope of the batch names it. 0 is nobody in particular.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WriterId(pub u32);

/// What a producer is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// Offset of the first record.
    pub base_offset: i64,
    /// The broker's time where the topic's clock is the broker's; for a duplicate the batch's greatest timestamp, as
    /// Kafka answers it.
    pub log_append_time: Option<i64>,
    /// The first offset that is kept.
    pub log_start: i64,
    /// It was here already: nothing was written.
    pub duplicate: bool,
}

/// Why nothing was appended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendRefusal {
    /// The topic was deleted.
    #[error("the partition is gone")]
    Gone,
    /// Only the broker itself writes to this topic.
    #[error("this topic is written by the schema registry alone")]
    Kept,
    /// INVALID_TOPIC_EXCEPTION. The name is one of those that Apache Kafka's brokers write by themselves.
    #[error("Cannot append to internal topic {0}")]
    Internal(String),
    /// The bytes are not what a batch must be.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// The topic's rules or the partition's state speak against it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The topic stores the batch larger than it was sent, and there is no room for that just now. Take as much and try
    /// again.
    #[error("{need} bytes are needed in the log, room was taken for {had}")]
    Room { need: usize, had: u64 },
    #[error(transparent)]
    Dead(#[from] Dead),
}
impl From<Declined> for AppendRefusal {
    fn from(declined: Declined) -> Self {
        match declined {
            Declined::Flaw(flaw) => Self::Flaw(flaw),
            Declined::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl AppendRefusal {
    /// Whether the log itself refused (Kafka answers the log start then), or the batch never came that far (-1).
    pub fn in_the_log(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Flaw(flaw) => !matches!(
                flaw,
                Flaw::NoBatch
                    | Flaw::SecondBatch
                    | Flaw::Magic(_)
                    | Flaw::Truncated { .. }
                    | Flaw::Length(_)
                    | Flaw::Crc { .. }
                    | Flaw::TooLarge { .. }
            ),
            Self::Gone | Self::Kept | Self::Internal(_) | Self::Room { .. } | Self::Dead(_) => false,
        }
    }
}

/// Room for one batch, taken before it is judged.
#[derive(Debug)]
pub struct Room {
    pub(crate) credit: Credit,
    pub(crate) bytes: u64,
}

impl Node {
    /// Whether clients may write to the topic at all.
    pub(crate) fn may_append(&self, topic: &Topic) -> Result<(), AppendRefusal> {
        if self.keeps(topic.id) {
            return Err(AppendRefusal::Kept);
        }
        match is_internal(topic.name.as_str()) {
            true => Err(AppendRefusal::Internal(topic.name.as_str().into())),
            false => Ok(()),
        }
    }

    /// Appends exactly one whole batch, as it came from the socket. Synchronous, about a microsecond and a checksum;
    /// the answer may be read when its place is committed ([`Node::released`]).
    pub fn append(
        &self,
        room: Room,
        topic: &Topic,
        partition: &Arc<Partition>,
        batch: &[u8],
        writer: WriterId,
    ) -> Parked<Result<Appended, AppendRefusal>> {
        if let Err(dead) = self.hub().alive() {
            return Parked::new(Lsn(0), Err(dead.into()));
        }
        if let Err(refusal) = self.may_append(topic) {
            return Parked::new(Lsn(0), Err(refusal));
        }
        let now = self.now();
        let mut intake = match intake::take(&topic.rules, now, batch) {
            Ok(intake) => intake,
            Err(declined) => {
                self.counters().batches_refused.add(1);
                // Nothing of the partition's state is in this answer.
                return Parked::new(Lsn(0), Err(declined.into()));
            }
        };
        // A topic's own compression may make more of a batch than was sent.
        let need = intake.bytes.len();
        let room = match need as u64 > room.bytes {
            false => room,
            true => match self.exchange(room, need) {
                Ok(room) => room,
                Err(refusal) => return Parked::new(Lsn(0), Err(refusal)),
            },
        };
        self.place(room, topic, partition, &mut intake, writer)
    }

    fn exchange(&self, room: Room, need: usize) -> Result<Room, AppendRefusal> {
        let had = room.bytes;
        drop(room);
        match self.room_now(need) {
            Some(Ok(room)) => Ok(room),
            Some(Err(NoRoom::Dead(dead))) => Err(dead.into()),
            Some(Err(_)) | None => Err(AppendRefusal::Room { need, had }),
        }
    }

    /// The short part under the partition's lock.
    fn place(
        &self,
        room: Room,
        topic: &Topic,
        partition: &Arc<Partition>,
        intake: &mut Intake<'_>,
        writer: WriterId,
    ) -> Parked<Result<Appended, AppendRefusal>> {
        let now = self.now();
        let mut state = partition.hold();
        if state.is_gone() {
            return Parked::new(state.noun.lsn, Err(AppendRefusal::Gone));
        }
        let placement = match state.noun.machine.place(now, self.producer_expiry(), &intake.batch) {
            Ok(Verdict::Placed(placement)) => placement,
            Ok(Verdict::Duplicate(earlier)) => {
                self.counters().duplicates.add(1);
                let log_start = state.noun.machine.start();
                let log_append_time = Some(earlier.stamp);
                let appended = Appended { base_offset: earlier.base, log_append_time, log_start, duplicate: true };
                return Parked::new(state.noun.lsn, Ok(appended));
            }
            Err(refusal) => {
                self.counters().batches_refused.add(1);
                return Parked::new(state.noun.lsn, Err(refusal.into()));
            }
        };
        patch_base_offset(&mut intake.head, placement.base);
        patch_leader_epoch(&mut intake.head, placement.epoch);
        intake.batch.base = placement.base;
        let entry = Entry { partition, intake, last: placement.last, writer, at: now.wall };
        let told = match self.enter(room, &mut state, &entry) {
            Ok(told) => told,
            Err(dead) => return Parked::new(Lsn(0), Err(dead.into())),
        };
        let (lsn, log_start) = (state.noun.lsn, state.noun.machine.start());
        let bytes = intake.bytes.len() as u64;
        let appended = retention::Entry { base: placement.base, last: placement.last, bytes, at: now.wall, stamp: intake.stamp };
        let alarm = self.retention_after_append(topic, &mut state, &appended);
        drop(state);
        if let Some(at) = alarm {
            self.set_retention_alarm(partition, at);
        }
        if told {
            self.hub().when(lsn, Then::Tell(partition.clone()));
        }
        self.count_in(&intake.batch);
        let log_append_time = intake.append_time;
        Parked::new(lsn, Ok(Appended { base_offset: placement.base, log_append_time, log_start, duplicate: false }))
    }

    /// Reserves and applies. Answers whether somebody waits for the bytes.
    fn enter(&self, room: Room, state: &mut State, entry: &Entry<'_>) -> Result<bool, Dead> {
        let Entry { partition, intake, last, writer, at } = entry;
        let payload = Payload {
            base: intake.batch.base,
            last: *last,
            stamp: intake.stamp,
            writer: writer.0,
            head: HEADER_LEN as u16,
            patched: &intake.head,
            bytes: &intake.bytes,
            // The batch's own checksum was verified, or made anew, and covers what placing it does not touch.
            verified: Some(Verified { from: CHECKED_FROM, crc: stated_crc(&intake.head) }),
        };
        // The batch is the fact: its header says everything that a replay needs.
        let part = Part { log: partition.log(), expected: state.noun.version, fact: &[], payload: Some(payload) };
        state.noun.lsn = self.hub().reserve(room.credit, Class::Data, *at, &[part])?;
        state.noun.version = Version(state.noun.version.0 + 1);
        state.noun.machine.apply_batch(&intake.batch, *at);
        let lsn = state.noun.lsn;
        Ok(state.flies(lsn, intake.bytes.len()))
    }

    pub(crate) fn count_in(&self, batch: &Judged) {
        let counters = self.counters();
        counters.batches_in.add(1);
        counters.records_in.add(u64::try_from(batch.count).unwrap_or(0));
        let before = counters.bytes_in.add(batch.size as u64);
        self.guard_disk(before, batch.size as u64);
    }
}

struct Entry<'a> {
    partition: &'a Partition,
    intake: &'a Intake<'a>,
    last: i64,
    writer: WriterId,
    at: i64,
}
