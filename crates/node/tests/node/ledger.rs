//! A ledger of everything that was acknowledged, kept through power cuts: random histories of produces, deletions,
//! restores, positions and settings, each checked against what the node says after every start.

use std::collections::BTreeMap;

use milena_node::{
    Sought,
    engine::{
        group::{Commit, CommitPosition, NamedPartition},
        ids::TopicId,
        topic::Target,
    },
};
use milena_store::memory::Options;
use proptest::prelude::*;

use crate::world::{MORNING, World, batch, create, idempotent, read_all};

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    Create { name: usize, partitions: i32 },
    Delete { name: usize },
    Restore { name: usize },
    Purge { name: usize },
    Produce { name: usize, partition: usize, records: usize },
    ProduceTwice { name: usize, partition: usize },
    DeleteRecords { name: usize, partition: usize, upto: i64 },
    Commit { name: usize, offset: i64 },
    DeleteGroup,
    PowerCut,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    prop_oneof![
        2 => (name(), 1..4).prop_map(|(name, partitions)| Step::Create { name, partitions }),
        1 => name().prop_map(|name| Step::Delete { name }),
        1 => name().prop_map(|name| Step::Restore { name }),
        1 => name().prop_map(|name| Step::Purge { name }),
        6 => (name(), 0..4usize, 1..5usize).prop_map(|(name, partition, records)| Step::Produce { name, partition, records }),
        2 => (name(), 0..4usize).prop_map(|(name, partition)| Step::ProduceTwice { name, partition }),
        1 => (name(), 0..4usize, 0..8i64).prop_map(|(name, partition, upto)| Step::DeleteRecords { name, partition, upto }),
        2 => (name(), 0..99i64).prop_map(|(name, offset)| Step::Commit { name, offset }),
        1 => Just(Step::DeleteGroup),
        2 => Just(Step::PowerCut),
    ]
}

#[derive(Clone, Debug, Default)]
struct Log {
    start: i64,
    values: Vec<String>,
}

#[derive(Clone, Debug)]
struct Account {
    id: TopicId,
    partitions: Vec<Log>,
    epoch: i32,
}

#[derive(Debug, Default)]
struct Ledger {
    topics: BTreeMap<&'static str, Account>,
    trash: Vec<(&'static str, Account)>,
    positions: BTreeMap<TopicId, i64>,
    written: usize,
    padding: usize,
    sequence: i32,
}

impl Ledger {
    fn take(&mut self, mut world: World, step: &Step) -> World {
        match step {
            Step::Create { name, partitions } => self.create(&world, NAMES[*name], *partitions),
            Step::Delete { name } => {
                let answer = world.run({
                    let target = Target::Name(NAMES[*name].into());
                    move |node| async move { node.delete_topic(target).await.unwrap() }
                });
                assert_eq!(answer.is_ok(), self.topics.contains_key(NAMES[*name]));
                self.trash.extend(self.topics.remove_entry(NAMES[*name]));
                world.advance(std::time::Duration::from_millis(10));
            }
            Step::Restore { name } => self.restore(&world, NAMES[*name]),
            Step::Purge { name } => {
                let target = Target::Name(NAMES[*name].into());
                let gone = world.run(move |node| async move { node.purge_topic(target).await.unwrap() });
                if let Ok(gone) = gone {
                    self.positions.remove(&gone.id);
                    self.topics.retain(|_, account| account.id != gone.id);
                    self.trash.retain(|(_, account)| account.id != gone.id);
                }
            }
            Step::Produce { name, partition, records } => self.produce(&world, NAMES[*name], *partition, *records),
            Step::ProduceTwice { name, partition } => self.produce_twice(&world, NAMES[*name], *partition),
            Step::DeleteRecords { name, partition, upto } => self.delete_records(&world, NAMES[*name], *partition, *upto),
            Step::Commit { name, offset } => self.commit(&world, NAMES[*name], *offset),
            Step::DeleteGroup => {
                let deleted = world.run(|node| async move { node.delete_group("readers").await.unwrap() });
                assert_eq!(deleted.is_ok(), !self.positions.is_empty(), "{deleted:?}");
                self.positions.clear();
            }
            Step::PowerCut => {
                world = world.restart();
                self.check(&world);
            }
        }
        world
    }

    fn create(&mut self, world: &World, name: &'static str, partitions: i32) {
        let wanted = create(name, partitions, &[]);
        let answer = world.run(move |node| async move { node.create_topic(wanted).await.unwrap() });
        assert_eq!(answer.is_ok(), !self.topics.contains_key(name));
        if let Ok(topic) = answer {
            let partitions = vec![Log::default(); topic.partitions.len()];
            self.topics.insert(name, Account { id: topic.id, partitions, epoch: 0 });
        }
    }

    fn restore(&mut self, world: &World, name: &'static str) {
        let target = Target::Name(name.into());
        let answer = world.run(move |node| async move { node.restore_topic(target, None).await.unwrap() });
        let newest = self.trash.iter().rposition(|(n, _)| *n == name);
        match (answer, newest) {
            (Ok(topic), Some(newest)) if !self.topics.contains_key(name) => {
                let (_, mut account) = self.trash.remove(newest);
                assert_eq!(topic.id, account.id);
                account.epoch += 1;
                self.topics.insert(name, account);
            }
            (Err(_), None) => {}
            (Err(_), Some(_)) if self.topics.contains_key(name) => {}
            (answer, newest) => panic!("restore of {name}: {answer:?}, in the trash at {newest:?}"),
        }
    }

    fn produce(&mut self, world: &World, name: &str, partition: usize, records: usize) {
        let (Some(topic), Some(account)) = (world.node.topic(name), self.topics.get_mut(name)) else { return };
        let Some(log) = account.partitions.get_mut(partition) else { return };
        let values: Vec<_> = (0..records).map(|i| format!("{}{}", self.written + i, "_".repeat(self.padding))).collect();
        self.written += records;
        let values_ref: Vec<_> = values.iter().map(String::as_str).collect();
        let appended = world.produce(&topic, partition, batch(&values_ref)).unwrap();
        assert_eq!(appended.base_offset, log.values.len() as i64);
        log.values.extend(values);
    }

    /// The same idempotent batch twice, as after an answer that was lost.
    fn produce_twice(&mut self, world: &World, name: &str, partition: usize) {
        let (Some(topic), Some(account)) = (world.node.topic(name), self.topics.get_mut(name)) else { return };
        let Some(log) = account.partitions.get_mut(partition) else { return };
        // A producer of its own each time: sequences are counted by partition.
        self.sequence += 1;
        let value = format!("once {}", self.sequence);
        let sent = || idempotent(i64::from(self.sequence), 0, 0, &[&value]);
        let first = world.produce(&topic, partition, sent()).unwrap();
        let again = world.produce(&topic, partition, sent()).unwrap();
        assert_eq!((again.base_offset, again.duplicate), (first.base_offset, true));
        log.values.push(value);
    }

    fn delete_records(&mut self, world: &World, name: &str, partition: usize, upto: i64) {
        let (Some(topic), Some(account)) = (world.node.topic(name), self.topics.get_mut(name)) else { return };
        let Some(log) = account.partitions.get_mut(partition) else { return };
        let answer =
            world.run(move |node| async move { node.delete_records(&topic, &topic.partitions[partition], upto).await.unwrap() });
        assert_eq!(answer.is_ok(), upto <= log.values.len() as i64);
        if answer.is_ok() {
            log.start = log.start.max(upto);
        }
    }

    fn commit(&mut self, world: &World, name: &str, offset: i64) {
        let Some(topic) = world.node.topic(name) else { return };
        let at = NamedPartition { topic: topic.id, name: topic.name.clone(), partition: 0 };
        let positions = vec![CommitPosition { at, offset, leader_epoch: -1, metadata: "".into() }];
        let commit = Commit { member: None, instance: None, generation: -1, writer: 0, positions };
        let outcome = world.run(move |node| async move { node.commit("readers", commit).await.unwrap() });
        assert_eq!(outcome, Ok(vec![Ok(())]));
        self.positions.insert(topic.id, offset);
    }

    fn check(&self, world: &World) {
        let topics: Vec<_> = world.node.topics().iter().map(|topic| topic.name.to_string()).collect();
        assert!(topics.iter().eq(self.topics.keys()), "{topics:?} and {:?}", self.topics.keys());
        let trash: Vec<_> = world.node.trash().iter().map(|trashed| trashed.topic.id).collect();
        assert!(trash.iter().eq(self.trash.iter().map(|(_, account)| &account.id)));
        for (name, account) in &self.topics {
            let topic = world.node.topic(name).unwrap();
            assert_eq!(topic.id, account.id);
            for (partition, log) in account.partitions.iter().enumerate() {
                let view = topic.partitions[partition].view().unwrap();
                assert_eq!((view.start, view.high, view.epoch), (log.start, log.values.len() as i64, account.epoch));
                let copy = topic.clone();
                let (start, high) = (log.start, view.high);
                let (read, newest) = world.run(move |node| async move {
                    let partition = &copy.partitions[partition];
                    let newest = node.seek(partition, Sought::Since(MORNING)).await.unwrap();
                    (read_all(&node, &copy, partition, start, 20_000).await, newest)
                });
                assert!(read.iter().map(|(_, value)| value).eq(&log.values[start as usize..]), "{name}-{partition}");
                assert_eq!(newest.map(|found| found.offset), (start < high).then_some(start));
            }
        }
        let ids: Vec<_> = self.positions.keys().copied().collect();
        let positions = world.run(move |node| async move {
            let ask = |group: &milena_node::engine::group::Group| {
                ids.iter().map(|id| group.position(*id, 0).map(|position| position.offset)).collect::<Vec<_>>()
            };
            node.ask_group("readers", ask).await.unwrap()
        });
        match positions {
            Some(positions) => {
                assert!(positions.iter().eq(self.positions.values().map(|offset| Some(*offset)).collect::<Vec<_>>().iter()))
            }
            None => assert!(self.positions.is_empty(), "the group is gone, and {:?} with it", self.positions),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// The same on the local store. Padding makes it write segments and recycle its log.
    #[test]
    fn everything_acknowledged_outlives_the_power_of_a_disk(
        steps in prop::collection::vec(step(), 1..80),
        padding in prop_oneof![Just(0usize), 500..5000usize],
        seed: u64,
    ) {
        let (mut world, mut ledger) = (World::on_disk(seed), Ledger { padding, ..Ledger::default() });
        for step in &steps {
            world = ledger.take(world, step);
        }
        ledger.check(&world.restart());
    }

    #[test]
    fn everything_acknowledged_is_there_after_every_power_cut(steps in prop::collection::vec(step(), 1..80)) {
        // Snapshots every few facts, so that a start stands on snapshots and facts both.
        let options = Options { replayable: true, snapshot_after: 300, ..Options::default() };
        let (mut world, mut ledger) = (World::with(options), Ledger::default());
        for step in &steps {
            world = ledger.take(world, step);
        }
        ledger.check(&world.restart());
    }
}
