//! A partition on stage, and against a naive model.

use std::collections::HashMap as Model;

use proptest::prelude::*;

use super::*;
use crate::limits;
use crate::{
    script::{Line, Stage, perform_all},
    settings::topic::{Compression, TimestampType, TopicSettings},
};

const DAY: i64 = 86_400_000;

fn at(wall: i64) -> Now {
    Now { wall, mono: wall }
}

fn batch(producer: i64, producer_epoch: i16, sequence: i32, count: i32) -> Batch {
    Batch {
        base: 0,
        last_delta: count - 1,
        count,
        first_stamp: 1_000,
        stamp: 1_000,
        producer,
        producer_epoch,
        sequence,
        codec: Some(Codec::None),
        transactional: false,
        control: false,
        append_time: false,
        size: 100,
    }
}

/// A partition with everything that ever became true of it, to be rebuilt from that.
#[derive(Default)]
struct Kept {
    partition: Partition,
    history: Vec<True>,
}

enum True {
    Fact(Vec<u8>),
    Batch(Batch, i64),
}

impl Kept {
    fn append(&mut self, now: Now, expiry_ms: i64, mut batch: Batch) -> Result<Verdict, Refusal> {
        let verdict = self.partition.place(now, expiry_ms, &batch)?;
        if let Verdict::Placed(placement) = verdict {
            batch.base = placement.base;
            self.partition.apply_batch(&batch, now.wall);
            self.history.push(True::Batch(batch, now.wall));
        }
        Ok(verdict)
    }
    fn apply(&mut self, fact: &PartitionFact) {
        self.partition.apply(fact);
        let mut bytes = Vec::new();
        fact.encode(&mut bytes);
        self.history.push(True::Fact(bytes));
    }
    /// What facts alone, and what a snapshot, make of it. Both must be what is.
    fn check(&self) {
        let mut replayed = Partition::new();
        for known in &self.history {
            match known {
                True::Batch(batch, at) => replayed.apply_batch(batch, *at),
                True::Fact(bytes) => replayed.apply(&PartitionFact::decode(bytes).unwrap()),
            }
        }
        assert_eq!(replayed, self.partition);
        let mut bytes = Vec::new();
        self.partition.snapshot(&mut bytes);
        let restored = Partition::restore(&bytes).unwrap();
        assert_eq!(restored, self.partition);
        let mut again = Vec::new();
        restored.snapshot(&mut again);
        assert_eq!(again, bytes);
    }
}

struct Theatre {
    kept: Kept,
    now: Now,
    expiry_ms: i64,
    settings: TopicSettings,
}

impl Theatre {
    fn append(&mut self, line: &Line) -> String {
        let count = line.or("count", 1);
        let stamp = line.or("stamp", self.now.wall);
        let offered = Batch {
            base: line.or("base", 0),
            last_delta: line.or("last-delta", count - 1),
            first_stamp: line.or("first-stamp", stamp),
            stamp,
            codec: Codec::from_id(line.or("codec", 0)).ok(),
            transactional: line.or("transactional", false),
            control: line.or("control", false),
            size: line.or("size", 100),
            ..batch(line.or("producer", -1), line.or("epoch", 0), line.or("seq", -1), count)
        };
        let contents = line.opt::<bool>("null-key").map(|null_key| Contents {
            null_key,
            least_stamp: line.or("least-stamp", offered.first_stamp),
            greatest_stamp: stamp,
        });
        let rules = Rules::from(&self.settings);
        match rules.judge(self.now, &offered, contents) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(Handling { recompress: Some(codec), .. }) => format!("recompress as {codec:?}"),
            Ok(Handling { stamp, .. }) => {
                let stored = Batch { stamp: stamp.unwrap_or(offered.stamp), ..offered };
                match self.kept.append(self.now, self.expiry_ms, stored) {
                    Ok(Verdict::Placed(p)) => format!("placed {}..={} in epoch {}", p.base, p.last, p.epoch),
                    Ok(Verdict::Duplicate(e)) => format!("duplicate of {}..={} stamped {}", e.base, e.last, e.stamp),
                    Err(refusal) => format!("refused: {refusal}"),
                }
            }
        }
    }
    fn told(&mut self, fact: Option<PartitionFact>) -> String {
        match fact {
            Some(fact) => {
                self.kept.apply(&fact);
                format!("fact: {fact:?}")
            }
            None => "no fact".into(),
        }
    }
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "max.message.bytes" => self.settings.max_message_bytes = value.parse().unwrap(),
            "before.max.ms" => self.settings.timestamp_before_max_ms = value.parse().unwrap(),
            "after.max.ms" => self.settings.timestamp_after_max_ms = value.parse().unwrap(),
            "timestamp.type" => self.settings.timestamp_type = TimestampType::LogAppend,
            "compression" => self.settings.compression = Compression::Zstd,
            "compact" => self.settings.cleanup.compact = value.parse().unwrap(),
            "delete" => self.settings.cleanup.delete = value.parse().unwrap(),
            "expiry" => self.expiry_ms = value.parse().unwrap(),
            other => panic!("no setting {other}"),
        }
    }
}

impl Stage for Theatre {
    fn perform(&mut self, verb: &str, line: &Line) -> Vec<String> {
        let said = match verb {
            "now" => {
                self.now = at(line.word(0));
                return vec![];
            }
            "set" => {
                line.pairs().for_each(|(name, value)| self.set(name, value));
                return vec![];
            }
            "append" => self.append(line),
            "delete-records" => {
                let high = self.kept.partition.next();
                let high = line.or("high", high);
                match self.kept.partition.delete_records(&Rules::from(&self.settings), line.word(0), high) {
                    Ok(fact) => self.told(fact),
                    Err(refusal) => format!("refused: {refusal}"),
                }
            }
            "expire-to" => {
                let fact = self.kept.partition.move_start(line.word(0), MoveReason::Age);
                self.told(fact)
            }
            "raise" => {
                let fact = self.kept.partition.raise_epoch(RaiseReason::Restored);
                self.told(Some(fact))
            }
            "fence" => format!("{:?}", self.kept.partition.fence(line.word(0))),
            "epoch-end" => format!("{:?}", self.kept.partition.epoch_end(line.word(0), self.kept.partition.next())),
            "producers" => {
                let all = self.kept.partition.producers(self.now, self.expiry_ms);
                return all
                    .iter()
                    .map(|p| format!("{} epoch {} at {} stamped {}", p.producer, p.epoch, p.last_sequence, p.last_stamp))
                    .collect();
            }
            "deadline" => format!("{:?}", self.kept.partition.deadline(self.expiry_ms)),
            "forget" => format!("{} forgotten", self.kept.partition.forget_expired(self.now, self.expiry_ms)),
            "log" => format!("{}..{}", self.kept.partition.start(), self.kept.partition.next()),
            "restart" => {
                self.kept.check();
                let mut bytes = Vec::new();
                self.kept.partition.snapshot(&mut bytes);
                self.kept.partition = Partition::restore(&bytes).unwrap();
                format!("restarted from {} bytes", bytes.len())
            }
            other => panic!("no verb {other}"),
        };
        vec![said]
    }
}

#[test]
fn plays() {
    perform_all("partition", || Theatre {
        kept: Kept::default(),
        now: at(1_000_000),
        expiry_ms: DAY,
        settings: TopicSettings::default(),
    });
}

#[test]
fn a_header_is_read_where_kafka_puts_things() {
    let mut head = Vec::new();
    head.extend(7i64.to_be_bytes()); // base offset
    head.extend(88i32.to_be_bytes()); // length after this field
    head.extend(3i32.to_be_bytes()); // leader epoch
    head.push(2); // magic
    head.extend([0xAA; 4]); // checksum
    head.extend(0x34i16.to_be_bytes()); // zstd, transactional, control
    head.extend(4i32.to_be_bytes());
    head.extend(11i64.to_be_bytes());
    head.extend(12i64.to_be_bytes());
    head.extend(13i64.to_be_bytes());
    head.extend(14i16.to_be_bytes());
    head.extend((i32::MAX - 1).to_be_bytes());
    head.extend(5i32.to_be_bytes());
    let batch = Batch::from_head(&head).unwrap();
    let expected = Batch {
        base: 7,
        last_delta: 4,
        count: 5,
        first_stamp: 11,
        stamp: 12,
        producer: 13,
        producer_epoch: 14,
        sequence: i32::MAX - 1,
        codec: Some(Codec::Zstd),
        transactional: true,
        control: true,
        append_time: false,
        size: 100,
    };
    assert_eq!(batch, expected);
    assert_eq!(batch.last(), 11);
    assert_eq!(Batch::from_head(&head[..60]), None);
}

/// Kafka's rules for one producer, told as plainly as possible: every batch of the current epoch, in order.
#[derive(Default)]
struct Naive {
    epoch: i16,
    written: Vec<(i32, i32, Offset)>,
}

#[derive(Debug, PartialEq)]
enum Answer {
    Placed(Offset),
    Again(Offset),
    Fenced,
    OutOfOrder,
}

impl Naive {
    fn append(&mut self, next: &mut Offset, epoch: i16, sequence: i32, count: i32) -> Answer {
        let last = |s: i32, c: i32| (i64::from(s) + i64::from(c) - 1) % (1 << 31);
        let place = |next: &mut Offset| {
            *next += i64::from(count);
            *next - i64::from(count)
        };
        if self.written.is_empty() {
            self.epoch = epoch;
        } else if epoch < self.epoch {
            return Answer::Fenced;
        } else if epoch > self.epoch {
            if sequence != 0 {
                return Answer::OutOfOrder;
            }
            (self.epoch, self.written) = (epoch, Vec::new());
        } else {
            if let Some(same) = self.written.iter().rev().take(5).find(|w| (w.0, w.1) == (sequence, count)) {
                return Answer::Again(same.2);
            }
            let newest = self.written.last().unwrap();
            if i64::from(sequence) != (last(newest.0, newest.1) + 1) % (1 << 31) {
                return Answer::OutOfOrder;
            }
        }
        let base = place(next);
        self.written.push((sequence, count, base));
        Answer::Placed(base)
    }
}

/// What a producer does next, relative to where it is, so that most moves are nearly right.
#[derive(Clone, Debug)]
enum Act {
    Next { producer: i64, count: i32 },
    Again { producer: i64, back: usize },
    Skip { producer: i64, by: i32 },
    NewEpoch { producer: i64, sequence: i32 },
    OldEpoch { producer: i64 },
    Plain,
    Retain,
    Raise,
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let producer = 0..3i64;
    let act = prop_oneof![
        8 => (producer.clone(), 1..4i32).prop_map(|(producer, count)| Act::Next { producer, count }),
        4 => (producer.clone(), 0..8usize).prop_map(|(producer, back)| Act::Again { producer, back }),
        1 => (producer.clone(), -9..9i32).prop_map(|(producer, by)| Act::Skip { producer, by }),
        1 => (producer.clone(), 0..2i32).prop_map(|(producer, sequence)| Act::NewEpoch { producer, sequence }),
        1 => producer.prop_map(|producer| Act::OldEpoch { producer }),
        1 => Just(Act::Plain),
        1 => Just(Act::Retain),
        1 => Just(Act::Raise),
        1 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 0..80)
}

proptest! {
    #[test]
    fn producers_are_answered_as_a_naive_model_answers_them(first in prop_oneof![Just(0), Just(i32::MAX - 5)], acts in acts()) {
        let mut kept = Kept::default();
        let mut models: Model<i64, Naive> = Model::new();
        let mut sent: Model<i64, Vec<(i16, i32, i32)>> = Model::new();
        let mut next = 0;
        for act in acts {
            let of = |p: &i64| sent.get(p).and_then(|s| s.last().copied());
            let after = |p: &i64| of(p).map_or((0, first), |(e, s, c)| (e, ((i64::from(s) + i64::from(c)) % (1 << 31)) as i32));
            let (producer, epoch, sequence, count) = match act {
                Act::Next { producer, count } => (producer, after(&producer).0, after(&producer).1, count),
                Act::Again { producer, back } => match sent.get(&producer).and_then(|s| s.iter().rev().nth(back)) {
                    Some((epoch, sequence, count)) => (producer, *epoch, *sequence, *count),
                    None => continue,
                },
                Act::Skip { producer, by } => (producer, after(&producer).0, (after(&producer).1).saturating_add(by).max(0), 1),
                Act::NewEpoch { producer, sequence } => (producer, after(&producer).0 + 1, sequence, 2),
                Act::OldEpoch { producer } => (producer, (after(&producer).0 - 1).max(0), 0, 1),
                Act::Plain => {
                    let placed = kept.append(at(5), DAY, batch(-1, -1, -1, 2)).unwrap();
                    prop_assert!(matches!(placed, Verdict::Placed(p) if p.base == next));
                    next += 2;
                    continue;
                }
                Act::Retain => {
                    if let Some(fact) = kept.partition.move_start(next, MoveReason::Age) {
                        kept.apply(&fact);
                    }
                    continue;
                }
                Act::Raise => {
                    let fact = kept.partition.raise_epoch(RaiseReason::Loss);
                    kept.apply(&fact);
                    continue;
                }
                Act::Restart => {
                    kept.check();
                    continue;
                }
            };
            let expected = models.entry(producer).or_default().append(&mut next, epoch, sequence, count);
            let got = match kept.append(at(5), DAY, batch(producer, epoch, sequence, count)) {
                Ok(Verdict::Placed(p)) => Answer::Placed(p.base),
                Ok(Verdict::Duplicate(e)) => Answer::Again(e.base),
                Err(Refusal::FencedProducer { .. }) => Answer::Fenced,
                Err(Refusal::OutOfOrder { .. } | Refusal::DuplicateTooOld { .. } | Refusal::EpochBeginsElsewhere { .. }) => {
                    Answer::OutOfOrder
                }
                Err(other) => panic!("{other}"),
            };
            prop_assert_eq!(&got, &expected);
            if matches!(got, Answer::Placed(_)) {
                sent.entry(producer).or_default().push((epoch, sequence, count));
            }
            prop_assert_eq!(kept.partition.next(), next);
        }
        kept.check();
    }

    #[test]
    fn strange_snapshots_are_refused_and_never_believed(bytes: Vec<u8>) {
        let _ = Partition::restore(&bytes);
    }
}

#[test]
fn a_crowd_of_producers_is_bounded_and_the_longest_silent_is_forgotten() {
    let mut kept = Partition::new();
    let max = limits::PRODUCERS_A_PARTITION_MAX as i64;
    for producer in 0..max + 3 {
        let placed = Batch { base: kept.next(), ..batch(producer, 0, 0, 1) };
        kept.apply_batch(&placed, 10 + producer);
    }
    let known = kept.producers(at(10), DAY);
    assert_eq!(known.len() as i64, max);
    assert_eq!(known[0].producer, 3);
    let mut bytes = Vec::new();
    kept.snapshot(&mut bytes);
    assert_eq!(Partition::restore(&bytes).unwrap(), kept);
}

#[test]
fn every_prefix_and_every_flipped_byte_of_a_snapshot_is_survived() {
    let mut kept = Kept::default();
    for sequence in 0..7 {
        kept.append(at(5), DAY, batch(3, 1, sequence, 1)).unwrap();
    }
    kept.apply(&kept.partition.raise_epoch(RaiseReason::Loss));
    let mut bytes = Vec::new();
    kept.partition.snapshot(&mut bytes);
    for len in 0..bytes.len() {
        assert!(Partition::restore(&bytes[..len]).is_err());
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            // What is believed must at least be usable.
            if let Ok(mut partition) = Partition::restore(&flipped) {
                let _ = partition.place(super::tests::at(6), DAY, &batch(3, 1, 7, 1));
                partition.forget_expired(super::tests::at(i64::MAX), 0);
            }
        }
    }
}

#[test]
fn the_last_offset_of_all_is_never_given() {
    let mut partition = Partition::new();
    partition.apply_batch(&Batch { base: i64::MAX - 5, ..batch(-1, -1, -1, 3) }, 1);
    assert_eq!(partition.next(), i64::MAX - 2);
    assert!(partition.place(at(1), DAY, &batch(-1, -1, -1, 2)).is_ok());
    assert_eq!(partition.place(at(1), DAY, &batch(-1, -1, -1, 3)), Err(Refusal::OffsetsUsedUp));
}

#[test]
fn after_an_accepted_loss_no_offset_is_given_twice() {
    let mut kept = Kept::default();
    kept.append(at(5), DAY, batch(-1, -1, -1, 3)).unwrap();
    kept.apply(&StartMoved { to: 10, why: MoveReason::Loss }.into());
    assert_eq!((kept.partition.start(), kept.partition.next()), (10, 10));
    kept.append(at(5), DAY, batch(-1, -1, -1, 1)).unwrap();
    kept.check();
}

#[test]
fn a_snapshot_has_the_bytes_it_always_had() {
    let mut kept = Kept::default();
    kept.append(at(500), DAY, batch(300, 1, 0, 2)).unwrap();
    kept.apply(&kept.partition.raise_epoch(RaiseReason::Restored));
    kept.append(at(1_064), DAY, batch(300, 1, 2, 1)).unwrap();
    kept.apply(&StartMoved { to: 1, why: MoveReason::Age }.into());
    let mut bytes = Vec::new();
    kept.partition.snapshot(&mut bytes);
    let hex: Vec<_> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    // Version; start and length; two epochs; one producer with its epoch and append time; two batches, the newer first.
    let expected = "01 02 04 02 00 02 02 04 01 d8 04 02 d0 10 02 04 00 04 7f 03 02 03 00";
    assert_eq!(hex.join(" "), expected);
}
