//! Settings of the broker whose effect is seen on its topics, producers and groups, one test each.

use std::{sync::Arc, time::Duration};

use milena_node::{
    AppendRefusal, Topic,
    engine::{
        group::{Commit, CommitPosition, NamedPartition},
        partition::Refusal,
    },
};
use milena_record::{Batch, Builder, Codec, Flaw};

use crate::world::{MORNING, World, batch, idempotent, stamped};

fn refusal(world: &World, topic: &Arc<Topic>, batch: Vec<u8>) -> AppendRefusal {
    world.produce(topic, 0, batch).expect_err("it is refused")
}

fn start(topic: &Topic) -> i64 {
    topic.partitions[0].view().unwrap().start
}

fn becomes(topic: &Topic, expected: i64) {
    let came = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        start(topic) == expected
    });
    assert!(came, "the log start is {}, expected {expected}", start(topic));
}

#[test]
fn compression_type_of_the_broker_packs_what_topics_take() {
    let world = World::set(&[("compression.type", "zstd")]);
    let topic = world.create("t", 1, &[]);
    world.produce(&topic, 0, batch(&[&"x".repeat(2000)])).unwrap();
    let found = world.node.read_now(&topic.partitions[0], 0, 1 << 20).unwrap();
    assert!(found.bytes < 200, "{} bytes stored", found.bytes);
}

#[test]
fn message_max_bytes_bounds_what_topics_take() {
    let world = World::set(&[("message.max.bytes", "100")]);
    let topic = world.create("t", 1, &[]);
    let refused = refusal(&world, &topic, batch(&[&"x".repeat(200)]));
    assert!(matches!(refused, AppendRefusal::Flaw(Flaw::TooLarge { .. })), "{refused:?}");
    let own = world.create("own", 1, &[("max.message.bytes", "1000")]);
    world.produce(&own, 0, batch(&[&"x".repeat(200)])).unwrap();
}

#[test]
fn log_cleanup_policy_asks_for_keys() {
    let world = World::set(&[("log.cleanup.policy", "compact")]);
    let topic = world.create("t", 1, &[]);
    let refused = refusal(&world, &topic, batch(&["no key"]));
    assert!(matches!(refused, AppendRefusal::Refused(Refusal::NoKey)), "{refused:?}");
}

#[test]
fn log_message_timestamp_type_stamps_with_the_time_of_the_append() {
    let world = World::set(&[("log.message.timestamp.type", "LogAppendTime")]);
    let topic = world.create("t", 1, &[]);
    assert_eq!(world.produce(&topic, 0, stamped(1, &["old"])).unwrap().log_append_time, Some(MORNING));
}

#[test]
fn timestamps_have_bounds_on_both_sides() {
    let broker = [("log.message.timestamp.before.max.ms", "1000"), ("log.message.timestamp.after.max.ms", "2000")];
    let topics = [("message.timestamp.before.max.ms", "1000"), ("message.timestamp.after.max.ms", "2000")];
    for (of_broker, of_topic) in [(&broker[..], &[][..]), (&[], &topics)] {
        let world = World::set(of_broker);
        let topic = world.create("t", 1, of_topic);
        let old = refusal(&world, &topic, stamped(MORNING - 1001, &["x"]));
        assert!(matches!(old, AppendRefusal::Refused(Refusal::TooOld { .. })), "{old:?}");
        let new = refusal(&world, &topic, stamped(MORNING + 2001, &["x"]));
        assert!(matches!(new, AppendRefusal::Refused(Refusal::TooNew { .. })), "{new:?}");
        world.produce(&topic, 0, stamped(MORNING - 1000, &["x"])).unwrap();
        world.produce(&topic, 0, stamped(MORNING + 2000, &["x"])).unwrap();
    }
}

#[test]
fn topics_keep_for_as_long_as_the_broker_says_in_any_unit() {
    for (name, value) in [("log.retention.ms", "7200000"), ("log.retention.minutes", "120"), ("log.retention.hours", "2")] {
        let world = World::set(&[(name, value)]);
        let topic = world.create("t", 1, &[]);
        world.produce(&topic, 0, batch(&["x"])).unwrap();
        world.advance(Duration::from_secs(7199));
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(start(&topic), 0, "{name}");
        world.advance(Duration::from_secs(1));
        becomes(&topic, 1);
    }
}

#[test]
fn topics_keep_as_many_bytes_as_the_broker_says() {
    let size = batch(&["x"]).len();
    let world = World::set(&[("log.retention.bytes", &(2 * size).to_string())]);
    let topic = world.create("t", 1, &[]);
    for _ in 0..5 {
        world.produce(&topic, 0, batch(&["x"])).unwrap();
    }
    world.advance(Duration::from_secs(1));
    becomes(&topic, 3);
}

#[test]
fn a_producer_that_was_silent_for_long_begins_anew() {
    let world = World::set(&[("producer.id.expiration.ms", "60000")]);
    let topic = world.create("t", 1, &[]);
    world.produce(&topic, 0, idempotent(7, 0, 0, &["a"])).unwrap();
    world.advance(Duration::from_millis(59_999));
    let gap = refusal(&world, &topic, idempotent(7, 0, 5, &["b"]));
    assert!(matches!(gap, AppendRefusal::Refused(Refusal::OutOfOrder { .. })), "{gap:?}");
    world.advance(Duration::from_millis(1));
    world.produce(&topic, 0, idempotent(7, 0, 5, &["b"])).unwrap();
}

#[test]
fn positions_of_an_abandoned_group_expire_only_when_asked_for() {
    for (settings, expires) in [(&[("offsets.retention.minutes", "10")][..], true), (&[], false)] {
        let world = World::set(settings);
        let topic = world.create("t", 1, &[]);
        let at = NamedPartition { topic: topic.id, name: topic.name.clone(), partition: 0 };
        let position = CommitPosition { at, offset: 1, leader_epoch: -1, metadata: "".into() };
        let commit = Commit { member: None, instance: None, generation: -1, writer: 0, positions: vec![position] };
        world.run(move |node| async move { node.commit("g", commit).await }).unwrap().unwrap();
        let id = topic.id;
        let kept = || {
            let asked = world.run(move |node| async move { node.ask_group("g", |g| g.position(id, 0).is_some()).await });
            asked.unwrap().unwrap_or(false)
        };
        world.advance(Duration::from_secs(599));
        std::thread::sleep(Duration::from_millis(30));
        assert!(kept());
        world.advance(Duration::from_secs(86_400));
        let gone = (0..if expires { 500 } else { 5 }).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !kept()
        });
        assert_eq!(gone, expires);
    }
}

#[test]
fn what_is_stored_by_default_is_what_was_sent() {
    let world = World::set(&[]);
    let topic = world.create("t", 1, &[]);
    let mut builder = Builder::new(Codec::Gzip);
    builder.push(MORNING, Some(b"k"), Some(b"v"), &[]).unwrap();
    let sent = builder.finish().unwrap();
    world.produce(&topic, 0, sent.clone()).unwrap();
    let read = world.run(move |node| async move { node.read(&topic, &topic.partitions[0], 0, 1 << 20).await }).unwrap();
    let [milena_node::Slice::Memory(stored)] = &read.slices[..] else { panic!("one batch in memory") };
    assert_eq!(Batch::parse(stored).unwrap().header().codec(), Ok(Codec::Gzip));
    // The CRC covers everything but offset and epoch.
    assert_eq!(stored[17..], sent[17..]);
}
