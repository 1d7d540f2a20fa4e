//! Fetch: bounds, waiting, and that no answer is empty while data is there.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use milena_node::{ReadRefusal, Sought, Topic, Woken};
use proptest::prelude::*;

use crate::world::{MORNING, World, batch, read_all, stamped};

fn wait(world: &World, topic: &Arc<Topic>, partitions: &[usize], missing: usize, patience: Duration) -> mpsc::Receiver<Woken> {
    let at = partitions.iter().map(|p| (topic.partitions[*p].clone(), topic.partitions[*p].view().unwrap().high)).collect();
    let (sent, received) = mpsc::channel();
    let node = world.node.clone();
    world.node.runtimes().spawn_on_least_loaded(move || async move {
        let _ = sent.send(node.wait(at, missing, patience).await.unwrap());
    });
    std::thread::sleep(Duration::from_millis(30));
    received
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn a_position_outside_of_the_log_or_of_another_epoch_is_refused() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    world.produce(&topic, 0, batch(&["a", "b"])).unwrap();
    let at = |from| world.node.locate(&topic.partitions[0], -1, from);
    assert_eq!(at(2).unwrap().high, 2);
    assert_eq!(at(3), Err(ReadRefusal::OutOfRange { from: 3, start: 0, high: 2 }));
    assert_eq!(at(-1), Err(ReadRefusal::OutOfRange { from: -1, start: 0, high: 2 }));
    assert_eq!(world.node.locate(&topic.partitions[0], 7, 0), Err(ReadRefusal::UnknownEpoch(0)));
}

#[test]
fn a_waiter_is_woken_by_the_bytes_it_waits_for_and_by_nothing_less() {
    let world = World::new();
    let topic = world.create("t", 3, &[]);
    let size = batch(&["x"]).len();
    let any = wait(&world, &topic, &[0, 1], 1, LONG);
    let both = wait(&world, &topic, &[0, 1], 2 * size, LONG);
    let other = wait(&world, &topic, &[2], 1, Duration::from_millis(300));
    world.produce(&topic, 1, batch(&["x"])).unwrap();
    assert_eq!(any.recv_timeout(LONG), Ok(Woken::Bytes));
    assert!(both.recv_timeout(Duration::from_millis(50)).is_err(), "half of the bytes are not enough");
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    assert_eq!(both.recv_timeout(LONG), Ok(Woken::Bytes));
    assert_eq!(other.recv_timeout(LONG), Ok(Woken::Timeout));
}

#[test]
fn a_waiter_that_comes_too_late_is_answered_at_once() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    let partition = topic.partitions[0].clone();
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    let started = Instant::now();
    let woken = world.run(move |node| async move { node.wait(vec![(partition, 0)], 1, LONG).await.unwrap() });
    assert_eq!(woken, Woken::Bytes);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_waiter_learns_that_its_topic_is_gone() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    let waiter = wait(&world, &topic, &[0], 1, LONG);
    let id = topic.id;
    world.run(move |node| async move { node.delete_topic(milena_node::engine::topic::Target::Id(id)).await }).unwrap().unwrap();
    assert_eq!(waiter.recv_timeout(LONG), Ok(Woken::Changed));
}

#[test]
fn ten_thousand_waiters_are_woken_by_one_append() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    let (sent, received) = mpsc::channel();
    for _ in 0..10_000 {
        let (node, partition, sent) = (world.node.clone(), topic.partitions[0].clone(), sent.clone());
        world.node.runtimes().spawn_on_least_loaded(move || async move {
            let _ = sent.send(node.wait(vec![(partition, 0)], 1, LONG).await.unwrap());
        });
    }
    std::thread::sleep(Duration::from_millis(300));
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    for _ in 0..10_000 {
        assert_eq!(received.recv_timeout(LONG), Ok(Woken::Bytes));
    }
}

#[test]
fn records_are_found_by_their_time() {
    let world = World::new();
    let topic = world.create("t", 1, &[("message.timestamp.after.max.ms", "9223372036854775807")]);
    for (i, at) in [10, 30, 20, 40].into_iter().enumerate() {
        world.produce(&topic, 0, stamped(MORNING + at, &[&format!("{i}"), "second"])).unwrap();
    }
    let seek = |sought| {
        let partition = topic.partitions[0].clone();
        let found = world.run(move |node| async move { node.seek(&partition, sought).await }).unwrap();
        found.map(|found| (found.offset, found.timestamp - MORNING))
    };
    assert_eq!(seek(Sought::Since(0)), Some((0, 10)));
    assert_eq!(seek(Sought::Since(MORNING + 11)), Some((2, 30)));
    assert_eq!(seek(Sought::Since(MORNING + 31)), Some((6, 40)));
    assert_eq!(seek(Sought::Since(MORNING + 41)), None);
    assert_eq!(seek(Sought::Newest), Some((6, 40)));
    let (t, p) = (topic.clone(), topic.partitions[0].clone());
    let start = world.run(move |node| async move { node.delete_records(&t, &p, 1).await }).unwrap();
    assert_eq!(start, Ok(1));
    assert_eq!(seek(Sought::Since(0)), Some((1, 10)), "not before the log start, inside a batch either");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the sizes and limits: below the high watermark an answer carries at least one whole batch, and reading
    /// on brings every record once and in order.
    #[test]
    fn no_answer_is_empty_while_data_is_there(
        batches in prop::collection::vec((0usize..3, 1usize..4, 0usize..400), 1..30),
        max in 0usize..2000,
        from in 0i64..10,
    ) {
        let world = World::new();
        let topic = world.create("t", 3, &[]);
        let mut expected = vec![Vec::new(); 3];
        for (i, (partition, records, size)) in batches.iter().enumerate() {
            let values: Vec<_> = (0..*records).map(|r| format!("{i}.{r}.{}", "x".repeat(*size))).collect();
            let values: Vec<_> = values.iter().map(String::as_str).collect();
            let base = world.produce(&topic, *partition, batch(&values)).unwrap().base_offset;
            expected[*partition].extend((base..).zip(values.iter().map(|v| (*v).to_owned())));
        }
        for (partition, expected) in expected.into_iter().enumerate() {
            let high = topic.partitions[partition].view().unwrap().high;
            prop_assert_eq!(high, expected.len() as i64);
            let topic = topic.clone();
            let read = world.run(move |node| async move {
                if from < high {
                    let found = node.read(&topic, &topic.partitions[partition], from, max).await.unwrap();
                    assert!(found.bytes > 0, "empty at {from} of {high} with max {max}");
                }
                read_all(&node, &topic, &topic.partitions[partition], 0, max).await
            });
            prop_assert_eq!(read, expected);
        }
    }
}
