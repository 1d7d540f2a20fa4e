//! A full disk: records are refused, everything else goes on, and what is deleted makes room without a restart.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use milena_node::{DiskState, NoRoom, Topic, engine::topic::Target};
use milena_store::memory::Options;

use crate::world::{World, append, batch, read_all};

fn small() -> World {
    World::with(Options { budget: 2 << 20, in_flight: 1 << 20, ..Options::default() })
}

/// Produces until the disk is full, and answers how many batches went in.
fn fill(world: &World, topic: &Arc<Topic>) -> usize {
    let topic = topic.clone();
    world.run(move |node| async move {
        let big = batch(&[&"x".repeat(50_000)]);
        for count in 0..1000 {
            match node.room(big.len()).await {
                Ok(room) => {
                    let parked = node.append(room, &topic, &topic.partitions[0], &big, Default::default());
                    node.release(parked).await.unwrap().unwrap();
                }
                Err(NoRoom::DiskFull { missing }) => {
                    assert!(missing > 0);
                    return count;
                }
                Err(other) => panic!("{other}"),
            }
        }
        panic!("a thousand batches went into two megabytes");
    })
}

fn accepts_again(world: &World, topic: &Arc<Topic>) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        let topic = topic.clone();
        let accepted = world.run(move |node| async move {
            match node.room(60_000).await {
                Ok(room) => {
                    let parked =
                        node.append(room, &topic, &topic.partitions[0], &batch(&[&"y".repeat(50_000)]), Default::default());
                    node.release(parked).await.unwrap().is_ok()
                }
                Err(_) => false,
            }
        });
        if accepted {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the disk did not heal");
}

#[test]
fn on_a_full_disk_records_are_refused_and_everything_else_goes_on() {
    let world = small();
    let topic = world.create("t", 1, &[]);
    let count = fill(&world, &topic);
    assert!(count > 10);
    assert_eq!(world.node.disk_state(), DiskState::Full);
    let copy = topic.clone();
    let read = world.run(move |node| async move { read_all(&node, &copy, &copy.partitions[0], 0, 100_000).await });
    assert_eq!(read.len(), count, "everything stays readable");
    let other = world.create("u", 3, &[]);
    assert_eq!(other.partitions.len(), 3, "topics can be made");
    let (t, p) = (topic.clone(), topic.partitions[0].clone());
    let deleted = world.run(move |node| async move { node.delete_records(&t, &p, 5).await }).unwrap();
    assert_eq!(deleted, Ok(5), "records can be deleted");
    accepts_again(&world, &other);
}

#[test]
fn a_topic_deleted_on_a_full_disk_makes_room_at_once() {
    let world = small();
    let topic = world.create("t", 1, &[]);
    let other = world.create("u", 1, &[]);
    fill(&world, &topic);
    world.run(|node| async move { node.delete_topic(Target::Name("t".into())).await }).unwrap().unwrap();
    accepts_again(&world, &other);
    assert!(world.node.trash().is_empty(), "a deletion that could be undone was made final");
    assert!(topic.partitions[0].view().is_none());
}

#[test]
fn deletions_are_made_final_oldest_first_and_no_more_than_needed() {
    let world = small();
    for name in ["first", "second"] {
        let topic = world.create(name, 1, &[]);
        for _ in 0..4 {
            let topic = topic.clone();
            world.run(move |node| async move {
                let parked = append(&node, &topic, 0, &batch(&[&"z".repeat(50_000)])).await;
                node.release(parked).await.unwrap().unwrap();
            });
        }
        world.run(move |node| async move { node.delete_topic(Target::Name(name.into())).await }).unwrap().unwrap();
        world.advance(Duration::from_secs(1));
    }
    let topic = world.create("t", 1, &[]);
    fill(&world, &topic);
    accepts_again(&world, &topic);
    let left: Vec<_> = world.node.trash().into_iter().map(|trashed| trashed.topic.name.to_string()).collect();
    assert_eq!(left, ["second"]);
}
