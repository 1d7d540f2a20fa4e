//! Instances under random lives, and the rules that must hold in each.

use proptest::prelude::*;

use super::*;
use crate::{
    ids::{TopicName, Uuid},
    machine::{Machine, Now},
};

const IDLE: i64 = 300_000;

fn key(name: &str) -> InstanceKey {
    InstanceKey { group: "g".into(), name: name.into() }
}

fn settings(auto_commit: bool) -> Settings {
    let (format, reset) = (Format::Binary, Reset::Earliest);
    Settings { format, reset, auto_commit, min_bytes: 1, timeout_ms: 1000, max_records: 0, idle_ms: IDLE as u32 }
}

fn topic() -> TopicId {
    TopicId(Uuid::from_u128(7))
}

fn topics() -> Reading {
    Reading::Topics(vec!["t".parse::<TopicName>().unwrap()])
}

fn now(wall: i64) -> Now {
    Now { wall, mono: wall }
}

/// Instances, and the durable facts that made them.
#[derive(Default)]
struct World {
    instances: Instances,
    log: Vec<InstanceFact>,
}

impl World {
    fn ask(&mut self, at: i64, command: Command) -> Result<Reply, Refusal> {
        let decision = self.instances.decide(now(at), command)?;
        for fact in &decision.facts {
            self.instances.apply(fact);
            if let Fact::Durable(fact) = fact {
                self.log.push(fact.clone());
            }
        }
        Ok(decision.reply)
    }
    fn create(&mut self, name: &str, auto_commit: bool) -> Reply {
        self.ask(1, Command::Create { key: key(name), settings: settings(auto_commit) }).unwrap()
    }
    fn subscribe(&mut self, name: &str) {
        self.ask(2, Command::Choose { key: key(name), reading: topics(), begins: Vec::new() }).unwrap();
    }
    fn deliver(&mut self, name: &str, from: i64, to: i64) -> Result<Reply, Refusal> {
        let version = self.instances.get(&key(name)).map_or(0, |i| i.version);
        self.deliver_at(name, version, from, to)
    }
    fn deliver_at(&mut self, name: &str, version: u64, from: i64, to: i64) -> Result<Reply, Refusal> {
        let ranges = vec![Delivered { topic: topic(), partition: 0, from, to }];
        let turn = self.instances.get(&key(name)).map_or(0, |i| i.turn);
        self.ask(3, Command::Deliver(Deliver { key: key(name), version, turn, fetch: "f".into(), ranges }))
    }
    /// A fetch that begins and then waits.
    fn waits(&mut self, name: &str) -> Deliver {
        let Ok(Reply::Turn(turn)) = self.ask(3, Command::Fetch(key(name))) else { panic!("a turn") };
        let ranges = vec![Delivered { topic: topic(), partition: 0, from: 0, to: 5 }];
        Deliver { key: key(name), version: 0, turn, fetch: "f".into(), ranges }
    }
    /// Records have come, and the fetch has a plan of now.
    fn comes(&mut self, waiting: &Deliver) -> Result<Reply, Refusal> {
        let version = self.instances.get(&waiting.key).map_or(0, |i| i.version);
        self.ask(4, Command::Deliver(Deliver { version, ..waiting.clone() }))
    }
    fn share(&self, name: &str, count: i32) -> Vec<i32> {
        self.instances.share(&key(name), count, |reading| *reading == topics()).collect()
    }
    fn position(&self, name: &str) -> Option<i64> {
        self.instances.get(&key(name))?.positions.get(&(topic(), 0)).copied()
    }
}

#[test]
fn a_client_that_makes_its_instance_again_gets_what_it_never_acknowledged() {
    for auto_commit in [false, true] {
        let mut world = World::default();
        assert_eq!(world.create("a", auto_commit), Reply::Done);
        world.subscribe("a");
        world.deliver("a", 0, 5).unwrap();
        assert_eq!(world.create("a", auto_commit), Reply::Exists);
        // Who commits by asking again has asked again.
        assert_eq!(world.position("a"), auto_commit.then_some(5));
        assert!(world.instances.get(&key("a")).unwrap().reading.is_subscription());
    }
}

/// What came since the first of them subscribed is unread, whoever has its partition now.
#[test]
fn who_begins_at_the_end_begins_where_its_group_did() {
    let mut world = World::default();
    let latest = |world: &mut World, name: &str, reading: Reading, ends: &[i64]| {
        let begins = ends.iter().enumerate().map(|(n, end)| (topic(), n as i32, *end)).collect();
        world.ask(2, Command::Choose { key: key(name), reading, begins }).unwrap();
        world.instances.get(&key(name)).unwrap().begins.values().copied().collect::<Vec<_>>()
    };
    for name in ["a", "b", "c"] {
        world.create(name, false);
    }
    assert_eq!(latest(&mut world, "a", topics(), &[3, 4]), [3, 4]);
    assert_eq!(latest(&mut world, "b", topics(), &[5, 5, 9]), [3, 4, 9], "nobody knew the third");
    let wider = Reading::Topics(vec!["t".parse().unwrap(), "u".parse().unwrap()]);
    assert_eq!(latest(&mut world, "a", wider, &[7, 7, 9]), [3, 4, 9]);
    // Silent, asleep, and back with the same subscription.
    world.ask(IDLE + 5, Command::Call(key("b"))).unwrap();
    assert_eq!(latest(&mut world, "a", topics(), &[8, 8, 9]), [3, 4, 9]);
    assert_eq!(latest(&mut world, "a", Reading::Nothing, &[]), [] as [i64; 0]);
    let by_hand = Reading::Partitions(vec![("t".parse().unwrap(), 0)]);
    assert_eq!(latest(&mut world, "c", by_hand, &[8]), [8], "it shares with nobody");
}

/// Nothing tells a fetch whose client is dead from one whose client listens, but that another came after it.
#[test]
fn a_fetch_that_waits_takes_nothing_from_a_client_that_came_after_it() {
    let mut world = World::default();
    world.create("a", false);
    world.subscribe("a");
    let ghost = world.waits("a");
    assert_eq!(world.create("a", false), Reply::Exists);
    assert_eq!(world.comes(&ghost), Err(Refusal::Overtaken), "its client has lost its memory");
    let (older, newer) = (world.waits("a"), world.waits("a"));
    assert_eq!(world.comes(&older), Err(Refusal::Overtaken));
    assert_eq!(world.position("a"), None);
    assert_eq!(world.comes(&newer), Ok(Reply::Done));
    world.ask(5, Command::Delete(key("a"))).unwrap();
    world.create("a", false);
    let first = world.waits("a");
    assert!(world.comes(&newer).is_err() && world.comes(&first).is_ok(), "the name is another's now");
}

#[test]
fn the_same_subscription_again_moves_nothing() {
    let mut world = World::default();
    world.create("a", false);
    world.subscribe("a");
    world.deliver("a", 0, 5).unwrap();
    let facts = world.log.len();
    world.subscribe("a");
    assert_eq!((world.position("a"), world.log.len()), (Some(5), facts));
}

#[test]
fn whoever_comes_or_goes_sends_all_back_to_what_is_committed() {
    let mut world = World::default();
    for name in ["a", "b"] {
        world.create(name, false);
    }
    world.subscribe("a");
    assert_eq!(world.share("a", 4), [0, 1, 2, 3]);
    world.deliver("a", 0, 5).unwrap();
    let plan = world.instances.get(&key("a")).unwrap().version;
    world.subscribe("b");
    assert_eq!((world.share("a", 4), world.share("b", 4)), (vec![0, 2], vec![1, 3]));
    assert_eq!(world.position("a"), None);
    assert_eq!(world.deliver_at("a", plan, 5, 9), Err(Refusal::Stale));
    world.deliver("a", 0, 5).unwrap();
    world.ask(4, Command::Delete(key("b"))).unwrap();
    assert_eq!((world.share("a", 4), world.position("a")), (vec![0, 1, 2, 3], None));
}

/// Nothing of it can be committed any more, and who commits all the same must hear of that.
#[test]
fn what_was_taken_back_is_remembered_until_the_next_fetch() {
    let mut world = World::default();
    let voided = |world: &World, name: &str| world.instances.get(&key(name)).unwrap().voided;
    for name in ["a", "b"] {
        world.create(name, false);
    }
    world.subscribe("a");
    world.deliver("a", 0, 5).unwrap();
    assert!(!voided(&world, "a"));
    world.subscribe("b");
    assert_eq!((voided(&world, "a"), voided(&world, "b")), (true, false), "b had nothing");
    world.ask(4, Command::Call(key("a"))).unwrap();
    world.ask(4, Command::Seek { key: key("a"), positions: vec![(topic(), 0, 3)] }).unwrap();
    assert!(voided(&world, "a"), "it has not heard of it yet");
    world.deliver("a", 0, 5).unwrap();
    assert!(!voided(&world, "a"));
    // Silent, asleep, and back: an answer without records tells it as well.
    world.ask(IDLE + 5, Command::Call(key("b"))).unwrap();
    assert!(voided(&world, "a"));
    world.ask(IDLE + 6, Command::Tell(key("a"))).unwrap();
    assert!(!voided(&world, "a"));
    let facts = world.log.len();
    world.ask(IDLE + 6, Command::Tell(key("a"))).unwrap();
    assert_eq!(world.log.len(), facts, "there was nothing to tell");
}

/// A snapshot of the version before says nothing of what was taken back.
#[test]
fn a_snapshot_of_the_first_version_is_read() {
    let mut world = World::default();
    world.create("a", false);
    world.subscribe("a");
    world.deliver("a", 0, 5).unwrap();
    let (mut bytes, mut tail) = (Vec::new(), Vec::new());
    world.instances.snapshot(&mut bytes);
    let instance = world.instances.get(&key("a")).unwrap();
    let w = &mut crate::fact::codec::Writer::new(&mut tail);
    w.bool(instance.awake);
    w.i64(instance.seen);
    w.u64(instance.version);
    assert_eq!(bytes.remove(bytes.len() - tail.len() - 1), 0);
    bytes[0] = 1;
    assert_eq!(Instances::restore(&bytes), Ok(world.instances));
}

#[test]
fn the_moment_at_which_another_falls_silent_is_known() {
    let mut world = World::default();
    for name in ["a", "b", "c"] {
        world.create(name, false);
    }
    assert_eq!(world.instances.silent_at(&key("a")), None);
    for name in ["a", "b"] {
        world.subscribe(name);
    }
    world.ask(9, Command::Call(key("a"))).unwrap();
    let at = world.instances.silent_at(&key("a")).unwrap();
    assert_eq!(at, 2 + IDLE + 1, "b's, and c reads nothing");
    world.ask(at - 1, Command::Call(key("a"))).unwrap();
    assert_eq!(world.share("a", 2), [0]);
    world.ask(at, Command::Call(key("a"))).unwrap();
    assert_eq!((world.share("a", 2), world.instances.silent_at(&key("a"))), (vec![0, 1], None));
}

#[test]
fn silence_costs_partitions_only_when_somebody_else_asks_and_a_call_brings_them_back() {
    let mut world = World::default();
    for name in ["a", "b"] {
        world.create(name, false);
        world.subscribe(name);
    }
    // Alone with itself, however long: an hourly job keeps what it has.
    world.ask(IDLE + 2, Command::Call(key("a"))).unwrap();
    assert_eq!(world.share("b", 2), [1]);
    world.ask(IDLE + 3, Command::Call(key("a"))).unwrap();
    assert_eq!((world.share("a", 2), world.share("b", 2)), (vec![0, 1], vec![]));
    world.ask(IDLE + 4, Command::Call(key("b"))).unwrap();
    assert_eq!((world.share("a", 2), world.share("b", 2)), (vec![0], vec![1]));
    // Nobody could call while the broker was down.
    world.instances.started(9 * IDLE);
    world.ask(9 * IDLE, Command::Call(key("a"))).unwrap();
    assert_eq!(world.share("b", 2), [1]);
}

#[test]
fn a_subscription_and_partitions_by_hand_exclude_each_other() {
    let mut world = World::default();
    world.create("a", false);
    world.subscribe("a");
    let by_hand = Reading::Partitions(vec![("t".parse().unwrap(), 0)]);
    let choose = |reading| Command::Choose { key: key("a"), reading, begins: Vec::new() };
    assert_eq!(world.ask(5, choose(by_hand.clone())), Err(Refusal::Exclusive));
    world.ask(5, choose(Reading::Nothing)).unwrap();
    world.ask(5, choose(by_hand)).unwrap();
    assert_eq!(world.ask(5, choose(topics())), Err(Refusal::Exclusive));
}

#[test]
fn a_plan_of_an_instance_that_had_the_name_before_is_void() {
    let mut world = World::default();
    world.create("a", false);
    world.subscribe("a");
    let plan = world.instances.get(&key("a")).unwrap().version;
    world.ask(5, Command::Delete(key("a"))).unwrap();
    world.ask(6, Command::Create { key: key("a"), settings: settings(false) }).unwrap();
    world.subscribe("a");
    assert_eq!(world.deliver_at("a", plan, 0, 5), Err(Refusal::Stale));
}

#[test]
fn the_place_of_the_longest_silent_goes_to_a_new_one_and_never_that_of_one_in_use() {
    let mut world = World::default();
    for n in 0..crate::limits::INSTANCES_MAX {
        world.create(&n.to_string(), false);
    }
    let more = |at| (at, Command::Create { key: key("more"), settings: settings(false) });
    let (at, command) = more(crate::limits::INSTANCE_SILENT_MS);
    assert!(matches!(world.ask(at, command), Err(Refusal::Full { .. })));
    world.ask(5, Command::Call(key("0"))).unwrap();
    let (at, command) = more(crate::limits::INSTANCE_SILENT_MS + 2);
    assert_eq!(world.ask(at, command), Ok(Reply::Done));
    assert_eq!(world.instances.len(), crate::limits::INSTANCES_MAX);
    assert!(world.instances.get(&key("0")).is_some());
}

fn command() -> impl Strategy<Value = Command> {
    let name = prop::sample::select(vec!["a", "b", "c"]).prop_map(key);
    let offset = 0i64..20;
    let by_hand = Reading::Partitions(vec![("t".parse().unwrap(), 1)]);
    let reading = prop::sample::select(vec![Reading::Nothing, topics(), Reading::Pattern("t.*".into()), by_hand]);
    prop_oneof![
        (name.clone(), any::<bool>()).prop_map(|(key, auto)| Command::Create { key, settings: settings(auto) }),
        name.clone().prop_map(Command::Delete),
        (name.clone(), reading, offset.clone())
            .prop_map(|(key, reading, offset)| { Command::Choose { key, reading, begins: vec![(topic(), 0, offset)] } }),
        (name.clone(), offset.clone()).prop_map(|(key, o)| Command::Seek { key, positions: vec![(topic(), 0, o)] }),
        name.clone().prop_map(Command::Call),
        name.clone().prop_map(Command::Fetch),
        name.clone().prop_map(Command::Rewind),
        name.clone().prop_map(Command::Tell),
        (name, offset).prop_map(|(key, from)| {
            let ranges = vec![Delivered { topic: topic(), partition: 0, from, to: from + 3 }];
            Command::Deliver(Deliver { key, version: 0, turn: 0, fetch: "f".into(), ranges })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_log_and_a_snapshot_say_the_same_and_every_partition_has_one_reader(
        commands in prop::collection::vec((command(), 1i64..IDLE), 1..60)
    ) {
        let (mut world, mut at) = (World::default(), 0);
        for (mut command, pause) in commands {
            at += pause;
            if let Command::Deliver(deliver) = &mut command {
                (deliver.version, deliver.turn) = world.instances.get(&deliver.key).map_or((0, 0), |i| (i.version, i.turn));
            }
            let _ = world.ask(at, command);
            let subscribed: Vec<_> = ["a", "b", "c"].iter().filter(|n| world.instances.get(&key(n)).is_some_and(|i| {
                i.awake && i.reading == topics()
            })).collect();
            let mut all: Vec<i32> = subscribed.iter().flat_map(|n| world.share(n, 7)).collect();
            all.sort_unstable();
            prop_assert_eq!(all, if subscribed.is_empty() { vec![] } else { (0..7).collect::<Vec<_>>() });
        }
        let mut replayed = Instances::default();
        for fact in &world.log {
            let mut bytes = Vec::new();
            fact.encode(&mut bytes);
            replayed.apply_durable(&InstanceFact::decode(&bytes).unwrap());
        }
        let mut bytes = Vec::new();
        world.instances.snapshot(&mut bytes);
        let mut restored = Instances::restore(&bytes).unwrap();
        // When somebody called last is not written.
        for instances in [&mut world.instances, &mut replayed, &mut restored] {
            instances.started(0);
        }
        prop_assert_eq!(&replayed, &world.instances);
        prop_assert_eq!(&restored, &world.instances);
        for cut in 0..bytes.len() {
            prop_assert!(Instances::restore(&bytes[..cut]).is_err());
        }
    }
}

#[test]
fn all_instances_together_have_a_bound_in_bytes() {
    let mut world = World::default();
    let names = |n: usize| Reading::Topics((0..n).map(|n| format!("{n:0>200}").parse().unwrap()).collect());
    let choose = |world: &mut World, name: &str, n: usize| {
        world.ask(2, Command::Choose { key: key(name), reading: names(n), begins: Vec::new() })
    };
    let mut refused = None;
    for n in 0..100 {
        let name = format!("{n:0>3}");
        world.create(&name, false);
        if choose(&mut world, &name, 10_000).is_err() {
            refused = Some(name);
            break;
        }
    }
    let refused = refused.expect("a hundred of the largest are too many");
    assert!(world.instances.bytes <= crate::limits::INSTANCES_BYTES_MAX);
    assert!(world.instances.bytes > crate::limits::INSTANCES_BYTES_MAX / 2);
    assert_eq!(choose(&mut world, &refused, 1), Ok(Reply::Done), "what is small finds room");
    assert_eq!(world.deliver(&refused, 0, 5), Ok(Reply::Done));
    world.ask(3, Command::Delete(key("000"))).unwrap();
    assert_eq!(choose(&mut world, &refused, 10_000), Ok(Reply::Done), "who has gone makes room");
    let mut bytes = Vec::new();
    world.instances.snapshot(&mut bytes);
    assert_eq!(Instances::restore(&bytes), Ok(world.instances));
}

/// A position of its own for each partition.
#[test]
fn positions_have_weight_and_who_moves_on_needs_no_more() {
    let mut world = World::default();
    world.create("a", false);
    world.subscribe("a");
    let places = |n: i32| (0..n).map(|partition| (topic(), partition, 7)).collect::<Vec<At>>();
    let seek = |world: &mut World, n| world.ask(3, Command::Seek { key: key("a"), positions: places(n) });
    let many = (crate::limits::INSTANCES_BYTES_MAX / PLACE) as i32;
    assert!(matches!(seek(&mut world, many), Err(Refusal::Heavy { .. })));
    assert_eq!(seek(&mut world, many - 10), Ok(Reply::Done));
    assert_eq!(world.deliver("a", 0, 5), Ok(Reply::Done));
    let version = world.instances.get(&key("a")).map_or(0, |i| i.version);
    let ranges = (0..20).map(|n| Delivered { topic: topic(), partition: many + n, from: 0, to: 1 }).collect();
    let beyond = Command::Deliver(Deliver { key: key("a"), version, turn: 0, fetch: "f".into(), ranges });
    assert!(matches!(world.ask(4, beyond), Err(Refusal::Heavy { .. })));
    world.ask(5, Command::Rewind(key("a"))).unwrap();
    assert_eq!(world.instances.bytes, key("a").weight() + weight(topics().weight(), 0));
    world.ask(5, Command::Delete(key("a"))).unwrap();
    assert_eq!(world.instances.bytes, 0);
}
