//! Produce: places, duplicates, refusals, restarts, and a store that dies.

use milena_node::{AppendRefusal, Damaged, Dead, NoRoom, engine::partition::Refusal};
use milena_record::Flaw;
use milena_store::LogId;

use crate::world::{World, append, batch, idempotent, read_all};

#[test]
fn what_was_acknowledged_is_read_back_and_survives_a_power_cut() {
    let world = World::new();
    let topic = world.create("letters", 3, &[]);
    for i in 0..10 {
        let appended = world.produce(&topic, 1, batch(&[&format!("a{i}"), &format!("b{i}")])).unwrap();
        assert_eq!(appended.base_offset, 2 * i);
        assert_eq!((appended.log_start, appended.log_append_time, appended.duplicate), (0, None, false));
    }
    let world = world.restart();
    let topic = world.node.topic("letters").expect("the topic is still there");
    let view = topic.partitions[1].view().unwrap();
    assert_eq!((view.start, view.high, view.stable, view.epoch), (0, 20, 20, 0));
    let read = {
        let topic = topic.clone();
        world.run(move |node| async move { read_all(&node, &topic, &topic.partitions[1], 0, 64).await })
    };
    let expected: Vec<_> = (0..10).flat_map(|i| [(2 * i, format!("a{i}")), (2 * i + 1, format!("b{i}"))]).collect();
    assert_eq!(read, expected);
    assert_eq!(world.produce(&topic, 1, batch(&["next"])).unwrap().base_offset, 20);
}

#[test]
fn what_was_not_committed_is_not_seen_by_readers() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    // Off the runtimes nobody leads until somebody waits, so the append stays in flight.
    let room = world.node.room_now(200).unwrap().unwrap();
    let partition = &topic.partitions[0];
    let parked = world.node.append(room, &topic, partition, &batch(&["x"]), Default::default());
    assert!(parked.lsn() > world.node.committed().upto());
    assert_eq!(partition.view().unwrap().high, 0);
    let parked = parked.release(&world.node.committed()).expect_err("no answer before the commit");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let appended = runtime.block_on(world.node.release(parked)).unwrap().unwrap();
    assert_eq!(appended.base_offset, 0);
    assert_eq!(partition.view().unwrap().high, 1);
}

#[test]
fn an_idempotent_producer_is_answered_once_and_twice_the_same() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    let id = world.run(|node| async move { node.producer_id().await }).unwrap().unwrap().0;
    let first = world.produce(&topic, 0, idempotent(id, 0, 0, &["a", "b"])).unwrap();
    world.produce(&topic, 0, idempotent(id, 0, 2, &["c"])).unwrap();
    let again = world.produce(&topic, 0, idempotent(id, 0, 0, &["a", "b"])).unwrap();
    assert_eq!((again.base_offset, again.duplicate), (first.base_offset, true));
    let gap = world.produce(&topic, 0, idempotent(id, 0, 9, &["z"])).unwrap_err();
    assert!(matches!(gap, AppendRefusal::Refused(Refusal::OutOfOrder { .. })), "{gap:?}");

    let world = world.restart();
    let topic = world.node.topic("t").unwrap();
    let again = world.produce(&topic, 0, idempotent(id, 0, 2, &["c"])).unwrap();
    assert!(again.duplicate, "the window survives a restart");
    let other = world.run(|node| async move { node.producer_id().await }).unwrap().unwrap().0;
    assert!(other > id, "no id is handed out twice");
}

#[test]
fn a_batch_that_lies_is_refused_and_nothing_is_appended() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    let mut flipped = batch(&["payload"]);
    *flipped.last_mut().unwrap() ^= 1;
    assert!(matches!(world.produce(&topic, 0, flipped), Err(AppendRefusal::Flaw(Flaw::Crc { .. }))));
    let cut = batch(&["payload"]);
    let refused = world.produce(&topic, 0, cut[..cut.len() - 1].to_vec());
    assert!(matches!(refused, Err(AppendRefusal::Flaw(_))), "{refused:?}");
    assert_eq!(topic.partitions[0].view().unwrap().high, 0);
    let mut trailing = batch(&["payload"]);
    trailing.extend_from_slice(&[1, 2, 3, 4, 5]);
    assert_eq!(world.produce(&topic, 0, trailing).unwrap().base_offset, 0, "stray bytes are left out, as in Kafka");
    assert_eq!(world.node.counters().batches_refused.get(), 2);
}

#[test]
fn settings_of_a_topic_decide_about_its_batches() {
    let world = World::new();
    let small = world.create("small", 1, &[("max.message.bytes", "100")]);
    let long = "x".repeat(200);
    let refused = world.produce(&small, 0, batch(&[&long]));
    assert!(matches!(refused, Err(AppendRefusal::Flaw(Flaw::TooLarge { .. }))), "{refused:?}");

    let stamped = world.create("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let appended = world.produce(&stamped, 0, crate::world::stamped(1, &["old"])).unwrap();
    assert_eq!(appended.log_append_time, Some(crate::world::MORNING));

    let keyed = world.create("keyed", 1, &[("cleanup.policy", "compact")]);
    let refused = world.produce(&keyed, 0, batch(&["no key"]));
    assert!(matches!(refused, Err(AppendRefusal::Refused(Refusal::NoKey))), "{refused:?}");

    let packed = world.create("packed", 1, &[("compression.type", "zstd")]);
    world.produce(&packed, 0, batch(&[&long])).unwrap();
    let found = world.node.read_now(&packed.partitions[0], 0, 1 << 20).unwrap();
    assert!(found.bytes < 200, "{} bytes stored", found.bytes);
    let read = world.run(move |node| async move { read_all(&node, &packed, &packed.partitions[0], 0, 1 << 20).await });
    assert_eq!(read, [(0, long)]);
}

/// Whose clock stamped the records is for the topic to say, and the greatest of their times for the records.
#[test]
fn a_header_that_lies_about_times_is_set_right() {
    use milena_record::{Header, TimestampType};

    let world = World::new();
    let made = world.create("made", 1, &[]);
    let packed = world.create("packed", 1, &[("compression.type", "gzip")]);
    let honest = crate::world::stamped(crate::world::MORNING, &["a", "b"]);
    let (mut broker, mut early, mut late) = (honest.clone(), honest.clone(), honest.clone());
    milena_record::set_log_append_time(&mut broker, crate::world::MORNING + 5_000);
    milena_record::set_create_time(&mut early, 5);
    milena_record::set_create_time(&mut late, crate::world::MORNING + 1_000_000);
    for topic in [&made, &packed] {
        for lie in [&broker, &early, &late, &honest] {
            let at = world.produce(topic, 0, lie.clone()).unwrap().base_offset;
            let found = world.node.read_now(&topic.partitions[0], at, 1).unwrap();
            let milena_store::Slice::Memory(bytes) = &found.slices[0] else { panic!("it was written just now") };
            let header = Header::parse(bytes).unwrap();
            assert_eq!((header.timestamp_type(), header.max_timestamp()), (TimestampType::Create, crate::world::MORNING));
        }
    }
    let stamped = world.create("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let refused = world.produce(&stamped, 0, broker);
    assert!(matches!(refused, Err(AppendRefusal::Refused(Refusal::AppendTime))), "{refused:?}");
    assert!(world.produce(&stamped, 0, late).is_ok());
}

#[test]
fn a_topic_may_store_more_than_was_sent() {
    let world = World::new();
    let plain = world.create("plain", 1, &[("compression.type", "uncompressed")]);
    let mut builder = milena_record::Builder::new(milena_record::Codec::Zstd);
    builder.push(crate::world::MORNING, None, Some("x".repeat(50_000).as_bytes()), &[]).unwrap();
    let packed = builder.finish().unwrap();
    assert!(packed.len() < 1000);
    world.produce(&plain, 0, packed).unwrap();
    assert!(world.node.read_now(&plain.partitions[0], 0, 1).unwrap().bytes > 50_000);
}

#[test]
fn an_append_whose_fate_is_unknown_is_asked_for_again_and_written_once() {
    use milena_store::memory::Injected;
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    for injected in [Injected::UnknownStored, Injected::UnknownLost] {
        world.store.inject(injected);
        world.produce(&topic, 0, batch(&[&format!("{injected:?}")])).unwrap();
    }
    let read = world.run(move |node| async move { read_all(&node, &topic, &topic.partitions[0], 0, 1000).await });
    assert_eq!(read, [(0, "UnknownStored".to_owned()), (1, "UnknownLost".to_owned())]);
}

#[test]
fn a_dead_store_is_said_at_once_and_for_good() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    let waiting = {
        let topic = topic.clone();
        let (sent, received) = std::sync::mpsc::channel();
        world.node.runtimes().spawn_on_least_loaded({
            let node = world.node.clone();
            move || async move {
                let at = vec![(topic.partitions[0].clone(), 0)];
                let _ = sent.send(node.wait(at, 1, std::time::Duration::from_secs(60)).await);
            }
        });
        received
    };
    std::thread::sleep(std::time::Duration::from_millis(50));
    world.store.kill("pulled the plug");
    let woken = waiting.recv_timeout(std::time::Duration::from_secs(5)).expect("waiters learn it");
    assert!(woken.is_err(), "{woken:?}");
    let answers = world.run(move |node| async move {
        let room = node.room(100).await;
        let released = node.released(milena_node::Lsn(1)).await;
        let created = node.create_topic(crate::world::create("u", 1, &[])).await;
        (room.map(drop), released.map(drop), created.map(drop))
    });
    assert!(matches!(answers.0, Err(NoRoom::Dead(_))));
    assert!(matches!(answers.1, Err(Dead(_))));
    assert!(matches!(answers.2, Err(NoRoom::Dead(_))));
}

#[test]
fn many_connections_share_commits() {
    let world = World::new();
    let topic = world.create("t", 8, &[]);
    let before = world.node.gauges().commits;
    let (sent, received) = std::sync::mpsc::channel();
    for task in 0..200 {
        let (node, topic, sent) = (world.node.clone(), topic.clone(), sent.clone());
        world.node.runtimes().spawn_on_least_loaded(move || async move {
            for i in 0..5 {
                let parked = append(&node, &topic, task % 8, &batch(&[&format!("{task}-{i}")])).await;
                let _ = sent.send(node.release(parked).await.unwrap().unwrap().base_offset);
            }
        });
    }
    for _ in 0..1000 {
        received.recv_timeout(std::time::Duration::from_secs(20)).expect("every append is answered");
    }
    let commits = world.node.gauges().commits - before;
    assert!(commits < 900, "1000 appends of 200 connections took {commits} commits");
    assert_eq!(topic.partitions.iter().map(|p| p.view().unwrap().high).sum::<i64>(), 1000);
}

#[test]
fn after_damage_readers_must_compare_their_positions() {
    let world = World::new();
    let topic = world.create("t", 2, &[]);
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    let what = "something is missing".to_owned();
    let damaged = Damaged { log: Some(LogId(16)), whose: None, file: "the write-ahead log".into(), what };
    let world = world.restart_with(|recovered| recovered.damage.push(damaged));
    let topic = world.node.topic("t").unwrap();
    let epoch = |partition: usize| topic.partitions[partition].view().unwrap().epoch;
    for _ in 0..200 {
        if epoch(0) == 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!((epoch(0), epoch(1)), (1, 0), "only where there was something to lose");
    world.produce(&topic, 0, batch(&["y"])).unwrap();
    let partition = topic.partitions[0].clone();
    assert_eq!(world.node.epoch_end(&partition, -1, 0).unwrap().map(|ended| ended.end), Some(1));
}
