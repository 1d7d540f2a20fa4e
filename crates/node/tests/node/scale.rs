//! Many partitions, and what an append costs in allocations.

use std::time::{Duration, Instant};

use crate::world::{World, batch, create};

#[test]
fn a_hundred_thousand_partitions_are_created_and_started_quickly() {
    let world = World::new();
    let begun = Instant::now();
    for i in 0..10 {
        let wanted = create(&format!("t{i}"), 10_000, &[]);
        world.run(|node| async move { node.create_topic(wanted).await }).unwrap().unwrap();
    }
    let created = begun.elapsed();
    let topic = world.node.topic("t7").unwrap();
    world.produce(&topic, 9_999, batch(&["x"])).unwrap();
    let begun = Instant::now();
    let world = world.restart();
    let started = begun.elapsed();
    let topic = world.node.topic("t7").unwrap();
    assert_eq!(topic.partitions[9_999].view().unwrap().high, 1);
    assert_eq!(world.node.status().partitions, 100_000);
    // Generous for a debug build on a busy machine; the bench has the real figures.
    assert!(created < Duration::from_secs(10), "created in {created:?}");
    assert!(started < Duration::from_secs(5), "started in {started:?}");
    eprintln!("100,000 partitions: created in {created:?}, started in {started:?}");
}
