//! Share groups on a running node: taking, saying what became of it, dead letters, and what a crash leaves of all that.

use std::{sync::Arc, time::Duration};

use milena_node::{
    Node, Take, Taken, Topic, Woken,
    engine::{
        group::MemberId,
        share::{AckBatch, Acknowledge, At, Verdict},
        topic::Target,
    },
};

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
