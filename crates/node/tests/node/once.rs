//! Appending under a key: once, and told alike, over restarts and power cuts, in several partitions at a time.

use std::sync::Arc;

use milena_node::{AppendRefusal, Node, Once, OnceKey, OncePlaced, Topic, WriterId};

use crate::world::{World, batch, read_all};

fn key(n: u8) -> OnceKey {
    OnceKey { key: [n; 16], print: [9; 16] }
}

fn told(placed: &[OncePlaced]) -> Vec<u8> {
    placed.iter().map(|place| format!("{}@{} ", place.partition, place.base_offset)).collect::<String>().into_bytes()
}

/// A value of that name into partitions 0 and 2. Not waited for unless `waits`.
async fn put(node: &Node, topic: &Topic, key: OnceKey, value: &str, waits: bool) -> Option<Result<Once, AppendRefusal>> {
    let batches = [(2, batch(&[value])), (0, batch(&[value]))];
    let parked = node.append_once(key, topic, &batches, WriterId::default(), told).await.expect("room");
    if waits { Some(node.release(parked).await.expect("it lives")) } else { None }
}

fn put_and_wait(world: &World, topic: &Arc<Topic>, key: OnceKey, value: &'static str) -> Result<Once, AppendRefusal> {
    let topic = topic.clone();
    world.run(move |node| async move { put(&node, &topic, key, value, true).await.expect("waited for") })
}

fn values(world: &World, topic: &Arc<Topic>, partition: usize) -> Vec<String> {
    let topic = topic.clone();
    let read = world.run(move |node| async move { read_all(&node, &topic, &topic.partitions[partition], 0, 64 << 10).await });
    read.into_iter().map(|(_, value)| value).collect()
}

#[test]
fn what_was_done_under_a_key_is_not_done_again_also_after_a_restart() {
    let world = World::new();
    let topic = world.create("t", 3, &[]);
    let first = put_and_wait(&world, &topic, key(1), "a").expect("taken");
    assert_eq!(first, Once::Done(b"0@0 2@0 "[..].into()));
    assert_eq!(put_and_wait(&world, &topic, key(1), "a").expect("known"), Once::Again(b"0@0 2@0 "[..].into()));
    let other = OnceKey { print: [8; 16], ..key(1) };
    assert_eq!(put_and_wait(&world, &topic, other, "b").expect("known"), Once::Other);
    let world = world.restart();
    let topic = world.node.topic("t").expect("it was durable");
    assert_eq!(put_and_wait(&world, &topic, key(1), "a").expect("known"), Once::Again(b"0@0 2@0 "[..].into()));
    assert_eq!(put_and_wait(&world, &topic, key(2), "c").expect("taken"), Once::Done(b"0@1 2@1 "[..].into()));
    assert_eq!((values(&world, &topic, 0), values(&world, &topic, 1)), (vec!["a".into(), "c".into()], Vec::new()));
}

#[test]
fn a_refused_batch_keeps_out_the_others_and_the_key_stays_free() {
    let world = World::new();
    let topic = world.create("t", 3, &[("max.message.bytes", "200")]);
    let large: &'static str = "x".repeat(500).leak();
    assert!(matches!(put_and_wait(&world, &topic, key(1), large), Err(AppendRefusal::Flaw(_))));
    assert!(values(&world, &topic, 0).is_empty());
    assert!(matches!(put_and_wait(&world, &topic, key(1), "a"), Ok(Once::Done(_))));
}

/// Whatever of the entry was on disk when the power went: the messages of a key are all there with its answer, or none is.
#[test]
fn a_power_cut_leaves_the_messages_and_their_answer_or_neither() {
    for seed in 0..12 {
        let mut world = World::on_disk(seed);
        world.create("t", 3, &[]);
        for round in 0..5u8 {
            let topic = world.node.topic("t").expect("it was durable");
            let value: &'static str = format!("{round}").leak();
            let part = topic.clone();
            world.run(move |node| async move { put(&node, &part, key(round), value, round % 2 == 0).await });
            world = world.restart();
            let topic = world.node.topic("t").expect("it was durable");
            let again = put_and_wait(&world, &topic, key(round), value).expect("taken or known");
            assert!(round % 2 != 0 || matches!(again, Once::Again(_)), "what was acknowledged is known");
            let all: Vec<String> = (0..=round).map(|n| n.to_string()).collect();
            assert_eq!((values(&world, &topic, 0), values(&world, &topic, 2)), (all.clone(), all), "seed {seed}, round {round}");
        }
    }
}
