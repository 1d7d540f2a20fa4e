//! A node on a store in memory, and the few words that tests need about it.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, mpsc},
    time::Duration,
};

use milena_node::{
    AppendRefusal, Appended, ManualClock, Node, NodeOptions, Parked, Partition, Recovery, Slice, Topic,
    engine::{
        ids::{TopicId, Uuid},
        topic::CreateTopic,
    },
};
use milena_record::{Builder, Codec, Producer};
use milena_store::{
    Memory, Recovered, Store,
    dice::Dice,
    local::{self, Local},
    memory::Options as MemoryOptions,
    sim_disk::{Depth, SimDisk},
};

/// A wall-clock moment in 2026.
pub(crate) const MORNING: i64 = 1_790_000_000_000;

pub(crate) struct World {
    /// The store in memory, unless there is a disk.
    pub(crate) store: Memory,
    /// The disk of a local store, and what decides about what a power cut takes from it.
    disk: Option<(SimDisk, Dice)>,
    pub(crate) clock: ManualClock,
    pub(crate) node: Node,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(MemoryOptions { replayable: true, ..MemoryOptions::default() })
    }

    pub(crate) fn with(options: MemoryOptions) -> Self {
        Self::on(Memory::new(options), Recovery::new(), ManualClock::at(MORNING))
    }

    /// A broker that is started with these settings.
    pub(crate) fn set(settings: &[(&str, &str)]) -> Self {
        let clock = ManualClock::at(MORNING);
        let store = Memory::new(MemoryOptions::default());
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect();
        let options = NodeOptions { runtimes: 2, clock: Arc::new(clock.clone()), settings, ..NodeOptions::default() };
        let node = Node::start(Arc::new(store.clone()), Recovery::new(), options).expect("a node starts with these settings");
        Self { store, disk: None, clock, node }
    }

    /// On a local store whose every size is small, on a disk that loses what was not synced when its power is cut.
    pub(crate) fn on_disk(seed: u64) -> Self {
        let (disk, mut recovery) = (SimDisk::default(), Recovery::new());
        let store = open(&disk, &mut recovery);
        let clock = ManualClock::at(MORNING);
        let node = start(store, recovery, &clock);
        Self { store: Memory::new(MemoryOptions::default()), disk: Some((disk, Dice::new(seed))), clock, node }
    }

    fn on(store: Memory, recovery: Recovery, clock: ManualClock) -> Self {
        let node = start(Arc::new(store.clone()), recovery, &clock);
        Self { store, disk: None, clock, node }
    }

    /// A restart of the store in memory that reports what `found` adds.
    pub(crate) fn restart_with(self, found: impl FnOnce(&mut Recovered)) -> Self {
        let mut recovery = Recovery::new();
        let (store, mut recovered) = self.store.restart(&mut recovery);
        let _ = self.node.stop();
        found(&mut recovered);
        let options = NodeOptions { runtimes: 2, clock: Arc::new(self.clock.clone()), recovered, ..NodeOptions::default() };
        let node = Node::start(Arc::new(store.clone()), recovery, options).expect("a node starts");
        Self { store, disk: None, clock: self.clock.clone(), node }
    }

    /// What a power cut and a start do.
    pub(crate) fn restart(mut self) -> Self {
        let mut recovery = Recovery::new();
        let Some((disk, mut dice)) = self.disk.take() else {
            let (store, _) = self.store.restart(&mut recovery);
            let _ = self.node.stop();
            return Self::on(store, recovery, self.clock.clone());
        };
        let moment = disk.go_dark();
        let _ = self.node.stop();
        let (mut left, mut nth) = (None, dice.below(12));
        moment.images(Depth { tears: 4, subsets: 4, spread: 4 }, &mut dice, &mut |_, image| {
            left = Some(image);
            nth = nth.saturating_sub(1);
            nth > 0
        });
        let disk = SimDisk::from_image(left.expect("at least what was synced is left"));
        let store = open(&disk, &mut recovery);
        let node = start(store, recovery, &self.clock);
        Self { store: self.store.clone(), disk: Some((disk, dice)), clock: self.clock.clone(), node }
    }

    pub(crate) fn run<F, R>(&self, make: impl FnOnce(Node) -> F + Send + 'static) -> R
    where
        F: Future<Output = R> + 'static,
        R: Send + 'static,
    {
        run(&self.node, make)
    }

    pub(crate) fn create(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Arc<Topic> {
        let create = create(name, partitions, settings);
        self.run(|node| async move { node.create_topic(create).await }).expect("room").expect("a new topic")
    }

    pub(crate) fn produce(&self, topic: &Arc<Topic>, partition: usize, batch: Vec<u8>) -> Result<Appended, AppendRefusal> {
        let topic = topic.clone();
        self.run(move |node| async move {
            let parked = append(&node, &topic, partition, &batch).await;
            node.release(parked).await.expect("the store lives")
        })
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.node.look_at_clock();
    }
}

/// Runs a future on one of the node's own runtimes, as a connection would.
pub(crate) fn run<F, R>(node: &Node, make: impl FnOnce(Node) -> F + Send + 'static) -> R
where
    F: Future<Output = R> + 'static,
    R: Send + 'static,
{
    let (answer, answered) = mpsc::channel();
    let handle = node.clone();
    node.runtimes().spawn_on_least_loaded(move || async move {
        let _ = answer.send(make(handle).await);
    });
    answered.recv_timeout(Duration::from_secs(20)).expect("the node answers")
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.node.stop();
    }
}

fn open(disk: &SimDisk, recovery: &mut Recovery) -> Arc<dyn Store> {
    let options = local::Options {
        log_min: 64 << 10,
        log_max: 128 << 10,
        memory: 4 << 20,
        reserve: 64 << 10,
        own_file: 16 << 10,
        runs: 3,
        ..local::Options::default()
    };
    let (store, recovered) = Local::open(Arc::new(disk.clone()), options, recovery).expect("a power cut is no damage");
    assert!(recovered.damage.is_empty(), "{recovered:?}");
    Arc::new(store)
}

fn start(store: Arc<dyn Store>, recovery: Recovery, clock: &ManualClock) -> Node {
    let options = NodeOptions { runtimes: 2, clock: Arc::new(clock.clone()), ..NodeOptions::default() };
    Node::start(store, recovery, options).expect("a node starts on a sound store")
}

pub(crate) fn create(name: &str, partitions: i32, settings: &[(&str, &str)]) -> CreateTopic {
    CreateTopic {
        id: TopicId(Uuid::nil()),
        name: name.into(),
        partitions,
        replicas: -1,
        assignments: Vec::new(),
        settings: settings.iter().map(|(n, v)| ((*n).into(), Some((*v).into()))).collect(),
        default_partitions: 1,
        node: 1,
    }
}

pub(crate) async fn append(
    node: &Node,
    topic: &Topic,
    partition: usize,
    batch: &[u8],
) -> Parked<Result<Appended, AppendRefusal>> {
    let room = node.room(batch.len()).await.expect("room");
    let writer = node.writer("test", IpAddr::V4(Ipv4Addr::LOCALHOST), "User:ANONYMOUS");
    node.append(room, topic, &topic.partitions[partition], batch, writer)
}

/// A batch of records whose values are given, stamped with [`MORNING`].
pub(crate) fn batch(values: &[&str]) -> Vec<u8> {
    stamped(MORNING, values)
}

pub(crate) fn stamped(at: i64, values: &[&str]) -> Vec<u8> {
    let mut builder = Builder::new(Codec::None);
    for value in values {
        builder.push(at, None, Some(value.as_bytes()), &[]).expect("a small record");
    }
    builder.finish().expect("a small batch")
}

pub(crate) fn idempotent(id: i64, epoch: i16, sequence: i32, values: &[&str]) -> Vec<u8> {
    let mut builder = Builder::new(Codec::None).producer(Producer { id, epoch, base_sequence: sequence });
    for value in values {
        builder.push(MORNING, None, Some(value.as_bytes()), &[]).expect("a small record");
    }
    builder.finish().expect("a small batch")
}

/// Every value from `from` to the high watermark, with its offset, read `max` bytes at a time.
pub(crate) async fn read_all(node: &Node, topic: &Topic, partition: &Partition, mut from: i64, max: usize) -> Vec<(i64, String)> {
    let mut all = Vec::new();
    loop {
        let found = node.read(topic, partition, from, max).await.expect("a sound log");
        if found.bytes == 0 {
            return all;
        }
        for slice in &found.slices {
            let Slice::Memory(bytes) = slice else { panic!("read answers from memory") };
            for entry in milena_record::split(bytes) {
                values_of(entry.expect("whole batches").bytes, from, &mut all);
            }
        }
        from = found.upto + 1;
    }
}

fn values_of(bytes: &[u8], from: i64, into: &mut Vec<(i64, String)>) {
    let batch = milena_record::Batch::parse(bytes).expect("a batch");
    batch.verify().expect("what is stored is sound");
    let header = batch.header();
    let payload = batch.payload(&milena_record::Limits::new(1 << 20)).expect("payload");
    for record in milena_record::Records::new(&header, &payload) {
        let record = record.expect("record");
        let offset = header.base_offset() + i64::from(record.offset_delta);
        if offset >= from {
            let value = String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned();
            into.push((offset, value));
        }
    }
}
