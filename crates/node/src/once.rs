//! Produce with a key of the client's own: what was appended under it once is not appended again, and who asks again is
//! told what was told before. Knows how batches of several partitions and the answer that tells of them share one entry of
//! the log, so that a crash leaves all of it or nothing.

use std::sync::Arc;

use milena_engine::{
    answered::{AnswerKept, AnsweredFact, Key, Known},
    ids::ANSWERED_LOG,
    limits,
    machine::Now,
    partition::Verdict,
    retention,
};
use milena_record::{CHECKED_FROM, HEADER_LEN, patch_base_offset, patch_leader_epoch, stated_crc};
use milena_store::{Class, Credit, LogId, Lsn, Parked, Part, Payload, Verified, Version};

use crate::{
    append::{AppendRefusal, WriterId},
    intake::{self, Intake},
    lock::Held,
    node::Node,
    noun::{NoRoom, Written},
    partition::{Partition, State},
    release::Then,
    topics::Topic,
};

/// What the log takes beside the bytes of each part.
const PART_COST: u64 = 256;

/// Under what a request is known, and what it asked: hashes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OnceKey {
    pub key: Key,
    pub print: [u8; 16],
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Once {
    /// It is done now, and this is the answer that is kept.
    Done(Arc<[u8]>),
    /// It was done before, and this was the answer.
    Again(Arc<[u8]>),
    /// The key was used for something else.
    Other,
}

/// Where one batch went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OncePlaced {
    pub partition: i32,
    pub base_offset: i64,
    /// The broker's time where the topic's clock is the broker's.
    pub log_append_time: Option<i64>,
}

/// A batch on its way into a partition whose lock is held.
struct Entering<'a> {
    partition: &'a Arc<Partition>,
    state: Held<'a, State>,
    intake: Intake<'a>,
    last: i64,
}

impl Node {
    /// Appends batches, each to another partition of the topic, unless that was done under this key before. `answer` says
    /// what is told of it, and kept. All or nothing: a batch that is refused keeps out the others.
    pub async fn append_once(
        &self,
        once: OnceKey,
        topic: &Topic,
        batches: &[(i32, Vec<u8>)],
        writer: WriterId,
        answer: impl Fn(&[OncePlaced]) -> Vec<u8>,
    ) -> Result<Parked<Result<Once, AppendRefusal>>, NoRoom> {
        let now = self.now();
        if let Err(refusal) = self.may_append(topic) {
            return Ok(Parked::new(Lsn(0), Err(refusal)));
        }
        let mut taken = Vec::with_capacity(batches.len());
        for (index, batch) in batches {
            let Some(partition) = topic.partition(*index) else { return Ok(Parked::new(Lsn(0), Err(AppendRefusal::Gone))) };
            match intake::take(&topic.rules, now, batch) {
                Ok(intake) => taken.push((partition, intake)),
                Err(declined) => return Ok(Parked::new(Lsn(0), Err(declined.into()))),
            }
        }
        // One order of locks for everybody.
        taken.sort_by_key(|(partition, _)| partition.index());
        let bytes = taken.iter().map(|(_, intake)| intake.bytes.len() as u64 + PART_COST).sum::<u64>();
        let told = answer_room(&taken, &answer);
        if told > limits::ANSWER_BYTES_MAX {
            return Err(NoRoom::TooLarge { need: told as u64, max: limits::ANSWER_BYTES_MAX as u64 });
        }
        let credit = self.hub().credit(Class::Data, bytes + told as u64 + PART_COST).await?;
        Ok(self.append_once_now(once, topic, taken, writer, (now, credit), &answer)?)
    }

    /// Holds the answers, then the partitions.
    fn append_once_now(
        &self,
        once: OnceKey,
        topic: &Topic,
        taken: Vec<(&Arc<Partition>, Intake<'_>)>,
        writer: WriterId,
        (now, credit): (Now, Credit),
        answer: &impl Fn(&[OncePlaced]) -> Vec<u8>,
    ) -> Result<Parked<Result<Once, AppendRefusal>>, crate::release::Dead> {
        let mut answered = self.0.answered.hold();
        match answered.machine.known(now, &once.key, &once.print) {
            Known::Fresh => {}
            Known::Again(answer) => return Ok(Parked::new(answered.lsn, Ok(Once::Again(answer)))),
            Known::Other => return Ok(Parked::new(answered.lsn, Ok(Once::Other))),
        }
        let mut entering = Vec::with_capacity(taken.len());
        for (partition, intake) in taken {
            match self.judged(now, partition, intake) {
                Ok(one) => entering.push(one),
                Err((lsn, refusal)) => return Ok(Parked::new(lsn, Err(refusal))),
            }
        }
        let placed: Vec<OncePlaced> = entering.iter().map(Entering::placed).collect();
        let answer: Arc<[u8]> = answer(&placed).into();
        let fact: AnsweredFact = AnswerKept { key: once.key, print: once.print, at: now.wall, answer: answer.clone() }.into();
        let written = Written::written(&fact).unwrap_or_default();
        let version = answered.version;
        let mut parts = vec![Part { log: LogId(ANSWERED_LOG), expected: version, fact: &written, payload: None }];
        parts.extend(entering.iter().map(|one| one.part(writer)));
        let lsn = self.hub().reserve(credit, Class::Data, now.wall, &parts)?;
        drop(parts);
        answered.machine.apply(&fact);
        (answered.version, answered.lsn) = (Version(version.0 + 1), lsn);
        entering.into_iter().for_each(|one| self.entered(topic, one, now, lsn));
        Ok(Parked::new(lsn, Ok(Once::Done(answer))))
    }

    /// Gives a batch its place, under the lock of its partition that it keeps.
    fn judged<'a>(
        &self,
        now: Now,
        partition: &'a Arc<Partition>,
        mut intake: Intake<'a>,
    ) -> Result<Entering<'a>, (Lsn, AppendRefusal)> {
        let state = partition.hold();
        if state.is_gone() {
            return Err((state.noun.lsn, AppendRefusal::Gone));
        }
        match state.noun.machine.place(now, self.producer_expiry(), &intake.batch) {
            Ok(Verdict::Placed(placement)) => {
                patch_base_offset(&mut intake.head, placement.base);
                patch_leader_epoch(&mut intake.head, placement.epoch);
                intake.batch.base = placement.base;
                Ok(Entering { partition, state, intake, last: placement.last })
            }
            Ok(Verdict::Duplicate(_)) => unreachable!("a batch without a producer cannot repeat another"),
            Err(refusal) => Err((state.noun.lsn, refusal.into())),
        }
    }

    fn entered(&self, topic: &Topic, one: Entering<'_>, now: Now, lsn: Lsn) {
        let Entering { partition, mut state, intake, last } = one;
        state.noun.lsn = lsn;
        state.noun.version = Version(state.noun.version.0 + 1);
        state.noun.machine.apply_batch(&intake.batch, now.wall);
        let awaited = state.flies(lsn, intake.bytes.len());
        let bytes = intake.bytes.len() as u64;
        let appended = retention::Entry { base: intake.batch.base, last, bytes, at: now.wall, stamp: intake.stamp };
        let alarm = self.retention_after_append(topic, &mut state, &appended);
        drop(state);
        if let Some(at) = alarm {
            self.set_retention_alarm(partition, at);
        }
        if awaited {
            self.hub().when(lsn, Then::Tell(partition.clone()));
        }
        self.count_in(&intake.batch);
    }
}

/// Bytes of the answer at most: what is told of the largest places that there are.
fn answer_room(taken: &[(&Arc<Partition>, Intake<'_>)], answer: &impl Fn(&[OncePlaced]) -> Vec<u8>) -> usize {
    let largest = |(partition, _): &(&Arc<Partition>, Intake<'_>)| OncePlaced {
        partition: partition.index(),
        base_offset: i64::MAX / 2,
        log_append_time: Some(i64::MIN),
    };
    answer(&taken.iter().map(largest).collect::<Vec<_>>()).len()
}

impl Entering<'_> {
    fn placed(&self) -> OncePlaced {
        let (partition, base_offset) = (self.partition.index(), self.intake.batch.base);
        OncePlaced { partition, base_offset, log_append_time: self.intake.append_time }
    }

    fn part(&self, writer: WriterId) -> Part<'_> {
        let payload = Payload {
            base: self.intake.batch.base,
            last: self.last,
            stamp: self.intake.stamp,
            writer: writer.0,
            head: HEADER_LEN as u16,
            patched: &self.intake.head,
            bytes: &self.intake.bytes,
            verified: Some(Verified { from: CHECKED_FROM, crc: stated_crc(&self.intake.head) }),
        };
        Part { log: self.partition.log(), expected: self.state.noun.version, fact: &[], payload: Some(payload) }
    }
}
