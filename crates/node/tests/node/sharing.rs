//! Share groups on a running node: taking, saying what became of it, dead letters, and what a crash leaves of all that.

use std::{sync::Arc, time::Duration};

use milena_node::{
    Node, Take, Taken, Topic, Woken,
    engine::{
        group::MemberId,
        settings::{Alter, Change, offered::Offered},
        share::{AckBatch, Acknowledge, At, Lease, Settle, Verdict, Window},
        topic::{AddPartitions, Target},
    },
};

use milena_record::{Builder, Codec, RecordHeader};

use crate::world::{World, batch, read_all};

const GROUP: &str = "workers";

pub(crate) fn take(topic: &Arc<Topic>, who: &str, max: i64) -> Take {
    Take {
        topic: topic.clone(),
        partition: 0,
        owner: MemberId::from(who),
        max,
        strictly: true,
        max_bytes: 1 << 20,
        lock_ms: None,
    }
}

async fn taken(node: &Node, topic: &Arc<Topic>, who: &str, max: i64) -> Vec<(i64, i64, u16)> {
    let Taken { granted, batches } = node.share_take(GROUP, &take(topic, who, max)).await.expect("a taking");
    assert_eq!(granted.runs.is_empty(), batches.is_empty());
    granted.runs
}

pub(crate) async fn say(node: &Node, topic: &Topic, who: &str, first: i64, last: i64, verdict: Verdict) -> bool {
    let at = At { topic: topic.id, partition: 0 };
    let batches = vec![AckBatch { first, last, verdicts: vec![verdict] }];
    let told = node.share_acknowledge(GROUP, Acknowledge { at, owner: MemberId::from(who), batches }).await;
    told.expect("room").is_ok()
}

#[test]
fn one_at_a_time_and_across_a_crash() {
    let world = World::on_disk(7);
    let topic = world.create("orders", 1, &[]);
    world.produce(&topic, 0, batch(&["a", "b", "c"])).unwrap();
    let of = topic.clone();
    world.run(move |node| async move {
        assert_eq!(taken(&node, &of, "one", 1).await, [(0, 0, 1)]);
        assert_eq!(taken(&node, &of, "two", 1).await, [(1, 1, 1)]);
        assert!(!say(&node, &of, "two", 0, 0, Verdict::Accept).await, "it is not theirs");
        assert!(say(&node, &of, "one", 0, 0, Verdict::Accept).await);
        assert!(say(&node, &of, "two", 1, 1, Verdict::Release).await);
        assert_eq!(taken(&node, &of, "three", 1).await, [(1, 1, 2)]);
    });
    let world = world.restart();
    let topic = world.node.topic("orders").expect("it was created");
    world.run(move |node| async move {
        assert_eq!(taken(&node, &topic, "four", 9).await, [(1, 1, 2), (2, 2, 1)], "locks are free, counts are kept");
        assert!(say(&node, &topic, "four", 1, 2, Verdict::Accept).await);
        assert!(taken(&node, &topic, "four", 9).await.is_empty());
    });
}

#[test]
fn a_lock_that_runs_out_wakes_who_waits() {
    let world = World::new();
    let topic = world.create("orders", 1, &[]);
    world.produce(&topic, 0, batch(&["a"])).unwrap();
    let of = topic.clone();
    let freed = world.run(move |node| async move {
        assert_eq!(taken(&node, &of, "one", 1).await, [(0, 0, 1)]);
        assert!(taken(&node, &of, "two", 1).await.is_empty());
        node.share_freed(GROUP)
    });
    let (node, clock) = (world.node.clone(), world.clock.clone());
    let of = topic.clone();
    world.run(move |_| async move {
        let partition = of.partition(0).expect("one").clone();
        let seen = [(partition, 1)];
        let waits = node.share_wait(GROUP, freed, &seen, Duration::from_secs(15));
        clock.advance(Duration::from_secs(31));
        node.look_at_clock();
        assert_eq!(waits.await.expect("the store lives"), Woken::Changed);
        assert_eq!(taken(&node, &of, "two", 1).await, [(0, 0, 2)]);
    });
}

/// Locks are held by the clock that nobody sets, and that stands still while the machine sleeps.
#[test]
fn a_clock_that_jumps_ends_no_lock() {
    let world = World::new();
    let topic = world.create("orders", 1, &[]);
    world.produce(&topic, 0, batch(&["a"])).unwrap();
    let of = topic.clone();
    world.run(move |node| async move { assert_eq!(taken(&node, &of, "one", 1).await, [(0, 0, 1)]) });
    world.clock.nap(Duration::from_secs(86_400));
    world.clock.set_skew(-3_600_000);
    world.node.look_at_clock();
    let of = topic.clone();
    world.run(move |node| async move {
        assert!(taken(&node, &of, "two", 1).await.is_empty(), "a day passed on the wall, and nobody worked meanwhile");
        assert!(say(&node, &of, "one", 0, 0, Verdict::Accept).await, "it is still theirs");
    });
}

/// All values and header names of a topic.
fn letters(world: &World, name: &str) -> Vec<(i64, String)> {
    let Some(topic) = world.node.topic(name) else { return Vec::new() };
    world.run(move |node| async move {
        let partition = topic.partition(0).expect("one").clone();
        read_all(&node, &topic, &partition, 0, 1 << 20).await
    })
}

fn wait_for_letters(world: &World, count: usize) -> Vec<(i64, String)> {
    for _ in 0..2_000 {
        let found = letters(world, "dlq.orders");
        if found.len() >= count {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("there are no {count} letters, but {:?}", letters(world, "dlq.orders"));
}

#[test]
fn what_is_given_up_is_buried_once_and_whole() {
    let world = World::on_disk(11);
    let topic = world.create("orders", 1, &[]);
    world.produce(&topic, 0, batch(&["a", "b"])).unwrap();
    let of = topic.clone();
    world.run(move |node| async move {
        taken(&node, &of, "one", 1).await;
        assert!(say(&node, &of, "one", 0, 0, Verdict::Reject).await);
        for delivery in 1..=5 {
            assert_eq!(taken(&node, &of, "one", 1).await, [(1, 1, delivery)]);
            assert!(say(&node, &of, "one", 1, 1, Verdict::Release).await);
        }
        assert!(taken(&node, &of, "one", 9).await.is_empty(), "after the last delivery nobody gets it");
    });
    assert_eq!(wait_for_letters(&world, 2), [(0, "a".into()), (1, "b".into())]);
    // Whatever is in the middle of being written when the power goes is written once.
    let world = world.restart();
    assert_eq!(wait_for_letters(&world, 2), [(0, "a".into()), (1, "b".into())]);
    let topic = world.node.topic("orders").expect("it was created");
    let again = world.run(move |node| async move { taken(&node, &topic, "two", 9).await });
    assert!(again.is_empty());
    assert_eq!(letters(&world, "dlq.orders").len(), 2);
}

async fn reject(node: &Node, topic: &Arc<Topic>, offset: i64) {
    assert_eq!(taken(node, topic, "one", 1).await, [(offset, offset, 1)]);
    assert!(say(node, topic, "one", offset, offset, Verdict::Reject).await);
}

#[test]
fn where_letters_go_is_said_by_settings() {
    let world = World::set(&[
        ("errors.deadletterqueue.topic.name.prefix", "dead-"),
        ("errors.deadletterqueue.auto.create.topics.enable", "false"),
    ]);
    let (orders, bills) = (world.create("orders", 1, &[]), world.create("bills", 1, &[]));
    let closed = world.create("dead-orders", 1, &[("errors.deadletterqueue.group.enable", "false")]);
    for topic in [&orders, &bills] {
        world.produce(topic, 0, batch(&["a"])).unwrap();
    }
    let (first, second) = (orders.clone(), bills.clone());
    world.run(move |node| async move {
        reject(&node, &first, 0).await;
        reject(&node, &second, 0).await;
    });
    // One topic takes none, the other is not there: the records wait, and whoever is asked says so.
    std::thread::sleep(Duration::from_millis(300));
    let waiting = |topic: &Arc<Topic>| {
        let at = At { topic: topic.id, partition: 0 };
        world.run(move |node| async move {
            let depth = node.ask_share(GROUP, move |share| share.depth(at, Window { start: 0, end: 1 })).await;
            depth.expect("the store lives").flatten().expect("it was begun").condemned
        })
    };
    assert_eq!((waiting(&orders), waiting(&bills), closed.partitions[0].view().unwrap().high), (1, 1, 0));
    // The one gets its topic; the other waits on, and does not hold it up.
    world.create("dead-bills", 1, &[]);
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while letters(&world, "dead-bills").is_empty() {
        assert!(std::time::Instant::now() < until, "the letter of bills never came");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((waiting(&orders), waiting(&bills)), (1, 0));
}

#[test]
fn letters_of_others_are_no_obstacle_to_sending_back() {
    let world = World::new();
    let topic = world.create("orders", 1, &[]);
    let dead = world.create("dlq.orders", 1, &[]);
    // More foreign letters than the group may hold at a time.
    let foreign: Vec<String> = (0..2_100).map(|n| n.to_string()).collect();
    let foreign: Vec<&str> = foreign.iter().map(String::as_str).collect();
    world.produce(&dead, 0, batch(&foreign)).unwrap();
    world.produce(&topic, 0, batch(&["mine"])).unwrap();
    let of = topic.clone();
    world.run(move |node| async move { reject(&node, &of, 0).await });
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while dead.partitions[0].view().unwrap().high < 2_101 {
        assert!(std::time::Instant::now() < until, "the letter never came");
        std::thread::sleep(Duration::from_millis(20));
    }
    let back = world.run(|node| async move { node.redrive(GROUP, "orders", None, 10).await });
    assert_eq!(back.unwrap(), 1);
    assert_eq!(letters(&world, "orders"), [(0, "mine".into()), (1, "mine".into())]);
}

#[test]
fn a_late_word_about_what_was_given_up_is_lost() {
    let world = World::new();
    let topic = world.create("orders", 1, &[]);
    world.produce(&topic, 0, batch(&["a", "b"])).unwrap();
    let of = topic.clone();
    let outcomes = world.run(move |node| async move {
        reject(&node, &of, 0).await;
        assert_eq!(taken(&node, &of, "one", 1).await, [(1, 1, 1)]);
        assert!(say(&node, &of, "one", 1, 1, Verdict::Accept).await);
        for _ in 0..2_000 {
            if node.topic("dlq.orders").is_some_and(|dead| dead.partitions[0].view().is_some_and(|view| view.high == 1)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut outcomes = Vec::new();
        for offset in [0, 1] {
            let at = At { topic: of.id, partition: 0 };
            let window = Window { start: 0, end: 2 };
            let depth = node.ask_share(GROUP, move |share| share.depth(at, window)).await.expect("the store lives").flatten();
            let since = depth.expect("it was begun").since;
            let lease = Lease { at, offset, delivery: 1, grant: Some(1), since, runs: true, key: None };
            let settle = Settle { by: "one".into(), reason: None, leases: vec![(lease, Verdict::Accept, None)] };
            let told = node.share_settle(GROUP, settle).await.expect("room").expect("a group");
            outcomes.push(told[0].is_ok());
        }
        outcomes
    });
    assert_eq!(outcomes, [false, true], "buried is not acknowledged; what was acknowledged may be acknowledged again");
}

#[test]
fn a_topic_that_is_gone_is_forgotten() {
    let world = World::new();
    let topic = world.create("orders", 1, &[]);
    world.produce(&topic, 0, batch(&["a"])).unwrap();
    let of = topic.clone();
    world.run(move |node| async move {
        assert_eq!(taken(&node, &of, "one", 1).await, [(0, 0, 1)]);
        node.purge_topic(Target::Id(of.id)).await.expect("room").expect("it is there");
        let left = node.ask_share(GROUP, |share| share.partitions().count()).await.expect("the store lives");
        assert_eq!(left, Some(0));
    });
    let world = world.restart();
    assert_eq!(world.node.shares().len(), 1);
    world.run(|node| async move {
        node.delete_group(GROUP).await.expect("room").expect("nobody is in it");
    });
    assert!(world.node.shares().is_empty());
}

#[test]
fn names_of_share_groups_and_of_others_do_not_mix() {
    let world = World::new();
    let topic = world.create("orders", 1, &[]);
    world.produce(&topic, 0, batch(&["a"])).unwrap();
    world.run(move |node| async move {
        taken(&node, &topic, "one", 1).await;
        let listed: Vec<_> = node.shares().into_iter().map(|share| (share.name.to_string(), share.state)).collect();
        assert_eq!(listed, [(GROUP.to_owned(), "Empty")]);
        assert!(node.groups().is_empty());
    });
}

/// What says that it is a letter of the group, given up in a topic of that name.
fn letter_of(source: &str, value: &str) -> Vec<u8> {
    let headers = [("__dlq.errors.group", GROUP), ("__dlq.errors.topic", source)];
    let headers = headers.map(|(key, value)| RecordHeader { key: key.as_bytes(), value: Some(value.as_bytes()) });
    let mut builder = Builder::new(Codec::None);
    builder.push(0, None, Some(value.as_bytes()), &headers).expect("a small record");
    builder.finish().expect("a batch")
}

#[test]
fn letters_of_another_topic_in_the_same_pile_are_passed_and_stay() {
    let world = World::new();
    let [orders, bills] = ["orders", "bills"].map(|name| world.create(name, 1, &[]));
    let dead = world.create("dlq.orders", 1, &[]);
    // More of them than a group may hold at a time.
    for _ in 0..2_100 {
        world.produce(&dead, 0, letter_of("bills", "bill")).unwrap();
    }
    world.produce(&dead, 0, letter_of("orders", "one")).unwrap();
    world.produce(&dead, 0, letter_of("orders", "two")).unwrap();
    let counted = |max| world.run(move |node| async move { node.count_dead_letters(GROUP, "orders", None, max).await }).unwrap();
    let redrive = |max| world.run(move |node| async move { node.redrive(GROUP, "orders", None, max).await }).unwrap();
    assert_eq!((counted(1), counted(10)), (1, 2));
    assert!(world.node.shares().is_empty(), "to look makes no group");
    assert_eq!(redrive(1), 1);
    assert_eq!(counted(1), 1, "what went back does not count");
    assert_eq!((redrive(10), redrive(10), counted(10)), (1, 0, 0));
    assert_eq!(letters(&world, "orders"), [(0, "one".into()), (1, "two".into())]);
    assert_eq!(bills.partitions[0].view().unwrap().high, 0);
    let _ = orders;
    let reader = format!("{GROUP}.redrive");
    let held = world.run(move |node| async move {
        let (at, window) = (At { topic: dead.id, partition: 0 }, Window { start: 0, end: 2_102 });
        node.ask_share(&reader, move |share| share.depth(at, window)).await.expect("the store lives").flatten()
    });
    let held = held.expect("it was begun");
    assert_eq!((held.unfinished, held.held, held.accepted), (2_100, 0, 2), "nothing is kept from anybody");
}

#[test]
fn a_group_that_is_not_there_has_no_letters_and_gets_no_name() {
    let world = World::new();
    world.create("orders", 1, &[]);
    let dead = world.create("dlq.orders", 1, &[]);
    world.produce(&dead, 0, batch(&["no letter"])).unwrap();
    assert_eq!(world.run(|node| async move { node.redrive("nobody", "orders", None, 10).await }).unwrap(), 0);
    assert!(world.node.shares().is_empty());
}

#[test]
fn an_extended_lease_of_a_former_life_keeps_back_its_key() {
    let keyed = |key: &str| {
        let mut builder = Builder::new(Codec::None);
        builder.push(0, Some(key.as_bytes()), Some(b"v"), &[]).expect("a small record");
        builder.finish().expect("a batch")
    };
    let world = World::on_disk(23);
    let topic = world.create("orders", 1, &[]);
    ["k", "k", "other"].into_iter().for_each(|key| {
        world.produce(&topic, 0, keyed(key)).unwrap();
    });
    let by_key = Change::set("milena.share.order", "key");
    let of = topic.clone();
    let since = world.run(move |node| async move {
        let alter = Alter::SomeOf(Offered::Group, GROUP.to_owned(), vec![by_key]);
        node.alter_broker(alter).await.expect("room").expect("it is a setting");
        let taken = node.share_take(GROUP, &take(&of, "one", 1)).await.expect("a taking");
        assert_eq!(taken.granted.runs, [(0, 0, 1)]);
        // The first durable fact of the group is its beginning.
        taken.granted.since
    });
    let world = world.restart();
    let topic = world.node.topic("orders").expect("it was created");
    world.run(move |node| async move {
        let at = At { topic: topic.id, partition: 0 };
        let lease = Lease { at, offset: 0, delivery: 1, grant: None, since, runs: true, key: None };
        let settle = Settle { by: "one".into(), reason: None, leases: vec![(lease, Verdict::Renew, None)] };
        let told = node.share_settle(GROUP, settle).await.expect("room").expect("a group");
        assert!(told[0].is_ok(), "{told:?}");
        assert_eq!(taken(&node, &topic, "two", 9).await, [(2, 2, 1)], "the other of the same key waits");
    });
}

/// What was taken and is not read, since the answer has no room for it, was never given.
#[test]
fn what_a_taking_has_no_room_for_is_free_as_before() {
    let world = World::new();
    let topic = world.create("orders", 1, &[]);
    let large = "x".repeat(2_000);
    for value in ["a", "b", &large, "c", "d", "e"] {
        world.produce(&topic, 0, batch(&[value])).unwrap();
    }
    let of = topic.clone();
    world.run(move |node| async move {
        let few = Take { max_bytes: 1_000, ..take(&of, "one", 100) };
        let got = node.share_take(GROUP, &few).await.expect("a taking");
        assert_eq!(got.granted.runs, [(0, 1, 1)], "the third is too large to come with them");
        assert_eq!(taken(&node, &of, "two", 0).await, []);
        assert_eq!(taken(&node, &of, "two", 100).await, [(2, 5, 1)]);
        assert!(say(&node, &of, "one", 0, 1, Verdict::Accept).await);
        assert!(!say(&node, &of, "one", 2, 2, Verdict::Accept).await, "it is not theirs");
    });
}

#[test]
fn a_partition_that_is_added_to_a_topic_is_read_from_its_first_record() {
    let world = World::new();
    let changes = vec![Change::set("share.auto.offset.reset", "latest")];
    let alter = Alter::SomeOf(Offered::Group, GROUP.into(), changes);
    world.run(|node| async move { node.alter_broker(alter).await }).unwrap().unwrap();
    let topic = world.create("orders", 1, &[]);
    world.produce(&topic, 0, batch(&["before"])).unwrap();
    let of = topic.clone();
    assert_eq!(world.run(move |node| async move { taken(&node, &of, "one", 9).await }), []);
    let add = AddPartitions { name: "orders".into(), count: 2, assignments: None, node: 0 };
    world.run(|node| async move { node.add_partitions(add).await }).unwrap().unwrap();
    let topic = world.node.topic("orders").unwrap();
    world.produce(&topic, 1, batch(&["new"])).unwrap();
    let taken = world.run(move |node| async move {
        node.share_take(GROUP, &Take { partition: 1, ..take(&topic, "one", 9) }).await.expect("a taking").granted.runs
    });
    assert_eq!(taken, [(0, 0, 1)]);
}
