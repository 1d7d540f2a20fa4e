//! Retention: exact to the batch, never early, durable, and the space behind it.

use std::{sync::Arc, time::Duration};

use milena_node::{
    Node, Topic,
    engine::{
        fact::MoveReason,
        group::{Commit, CommitPosition, NamedPartition},
        settings::{Alter, Change, offered::Offered},
        share::{At, Verdict, Window},
        topic::SettingsChange,
    },
};

use crate::{
    sharing::{say, take},
    world::{MORNING, World, batch, read_all, stamped},
};

fn start(topic: &Topic) -> i64 {
    topic.partitions[0].view().unwrap().start
}

/// The log start, once it has come to `expected`.
fn becomes(topic: &Topic, expected: i64) {
    for _ in 0..200 {
        if start(topic) == expected {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the log start is {}, expected {expected}", start(topic));
}

fn stays(topic: &Topic, expected: i64) {
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(start(topic), expected);
}

#[test]
fn a_batch_goes_at_its_time_and_not_before() {
    let world = World::new();
    let topic = world.create("t", 1, &[("retention.ms", "10000")]);
    for i in 0..3 {
        world.produce(&topic, 0, batch(&[&format!("{i}")])).unwrap();
        world.advance(Duration::from_secs(2));
    }
    world.advance(Duration::from_millis(3999));
    stays(&topic, 0);
    world.advance(Duration::from_millis(1));
    becomes(&topic, 1);
    world.advance(Duration::from_millis(1999));
    stays(&topic, 1);
    world.advance(Duration::from_secs(3));
    becomes(&topic, 3);
    // The start survives emptiness and restart.
    let world = world.restart();
    let topic = world.node.topic("t").unwrap();
    assert_eq!((start(&topic), topic.partitions[0].view().unwrap().high), (3, 3));
    assert_eq!(world.produce(&topic, 0, batch(&["x"])).unwrap().base_offset, 3);
    world.advance(Duration::from_secs(10));
    becomes(&topic, 4);
}

fn commit(world: &World, topic: &Arc<Topic>, group: &'static str, offset: i64) {
    let at = NamedPartition { topic: topic.id, name: topic.name.clone(), partition: 0 };
    let position = CommitPosition { at, offset, leader_epoch: -1, metadata: "".into() };
    let commit = Commit { member: None, instance: None, generation: -1, writer: 0, positions: vec![position] };
    world.run(move |node| async move { node.commit(group, commit).await }).expect("room").expect("no members");
}

/// A topic whose four batches have expired, and stay for these readers.
fn held_up(world: &World, readers: &str) -> Arc<Topic> {
    let hold = [
        ("retention.ms", "1000"),
        ("milena.retention.until.consumed", readers),
        ("milena.retention.until.consumed.max.ms", "60000"),
    ];
    let topic = of_four(world, &hold);
    world.advance(Duration::from_secs(10));
    stays(&topic, 0);
    topic
}

/// A topic of four batches.
fn of_four(world: &World, settings: &[(&str, &str)]) -> Arc<Topic> {
    let topic = world.create("t", 1, settings);
    for i in 0..4 {
        world.produce(&topic, 0, batch(&[&format!("{i}")])).unwrap();
    }
    topic
}

#[test]
fn a_named_reader_holds_up_retention_until_it_has_read_and_the_maximum_is_told() {
    let world = World::new();
    let topic = held_up(&world, "jobs,audit");
    // The slowest of them counts, and a commit is all it takes.
    commit(&world, &topic, "jobs", 3);
    stays(&topic, 0);
    commit(&world, &topic, "audit", 2);
    becomes(&topic, 2);
    assert_eq!(world.run(|node| async move { node.unread(None).await }).unwrap(), []);
    // The hard maximum, through a restart.
    let world = world.restart();
    world.advance(Duration::from_secs(50));
    let topic = world.node.topic("t").unwrap();
    becomes(&topic, 4);
    let lines = world.run(|node| async move { node.unread(Some("t")).await }).unwrap();
    let line = |l: &milena_node::engine::unread::UnreadRemoved| (l.from, l.to, l.why, l.groups.clone());
    let groups = vec![("audit".into(), 2), ("jobs".into(), 3)];
    assert_eq!(lines.iter().map(line).collect::<Vec<_>>(), [(2, 4, MoveReason::Forced, groups)]);
    let world = world.restart();
    assert_eq!(world.run(|node| async move { node.unread(Some("t")).await }).unwrap(), lines);
}

#[test]
fn a_queue_that_is_named_holds_up_retention_until_it_is_done() {
    let world = World::new();
    let topic = held_up(&world, "workers");
    let of = topic.clone();
    // The second is done before the first: nothing may go until both are.
    world.run(move |node| async move {
        for max in [1, 1] {
            node.share_take("workers", &take(&of, "one", max)).await.unwrap();
        }
        assert!(say(&node, &of, "one", 1, 1, Verdict::Accept).await);
    });
    stays(&topic, 0);
    let of = topic.clone();
    assert!(world.run(move |node| async move { say(&node, &of, "one", 0, 0, Verdict::Accept).await }));
    becomes(&topic, 2);
    assert_eq!(world.run(|node| async move { node.unread(None).await }).unwrap(), []);
    // The hard maximum is told with the queue's name, through a restart.
    let world = world.restart();
    world.advance(Duration::from_secs(50));
    becomes(&world.node.topic("t").unwrap(), 4);
    let lines = world.run(|node| async move { node.unread(Some("t")).await }).unwrap();
    let line = |l: &milena_node::engine::unread::UnreadRemoved| (l.from, l.to, l.why, l.groups.clone());
    assert_eq!(lines.iter().map(line).collect::<Vec<_>>(), [(2, 4, MoveReason::Forced, vec![("workers".into(), 2)])]);
}

/// The queue `workers` holds up retention by its own setting, or does not.
fn let_hold(world: &World, hold: bool) {
    let changes = vec![Change::set("milena.share.hold.retention", hold.to_string())];
    let alter = Alter::SomeOf(Offered::Group, "workers".into(), changes);
    world.run(|node| async move { node.alter_broker(alter).await }).unwrap().unwrap();
}

/// A topic that names no reader, whose four batches stay for the queue `workers`, which has taken the first.
fn held_up_by_a_queue(world: &World, clock: &str) -> Arc<Topic> {
    let topic = of_four(world, &[("retention.ms", "1000"), ("milena.retention.clock", clock)]);
    let_hold(world, true);
    let of = topic.clone();
    world.run(move |node| async move { node.share_take("workers", &take(&of, "one", 1)).await }).unwrap();
    world.advance(Duration::from_secs(10));
    stays(&topic, 0);
    topic
}

#[test]
fn a_queue_that_says_so_itself_holds_up_retention() {
    let world = World::new();
    let topic = held_up_by_a_queue(&world, "append");
    let of = topic.clone();
    assert!(world.run(move |node| async move { say(&node, &of, "one", 0, 0, Verdict::Accept).await }));
    becomes(&topic, 1);
    // A start knows it before it removes anything.
    let world = world.restart();
    world.advance(Duration::from_secs(10));
    let topic = world.node.topic("t").unwrap();
    stays(&topic, 1);
    // It changes its mind.
    let_hold(&world, false);
    becomes(&topic, 4);
    let lines = world.run(|node| async move { node.unread(Some("t")).await }).unwrap();
    assert_eq!(lines.iter().map(|l| (l.from, l.to)).collect::<Vec<_>>(), [(1, 4)]);
}

#[test]
fn a_queue_that_held_up_retention_and_goes_lets_it_go_on() {
    let world = World::new();
    let topic = held_up_by_a_queue(&world, "append");
    world.run(|node| async move { node.delete_share("workers").await }).unwrap().unwrap();
    becomes(&topic, 4);
}

/// By create time a batch that has expired behind a living one is left out of answers, but not where somebody needs it.
#[test]
fn what_a_queue_holds_up_is_answered_to_everybody() {
    let world = World::new();
    let topic = held_up_by_a_queue(&world, "create");
    let read = world.run(move |node| async move { read_all(&node, &topic, &topic.partitions[0], 0, 1000).await });
    assert_eq!(read.len(), 4);
}

/// What the queue `workers` has left to do, what is held of it, and what it lost.
fn standing(world: &World, topic: &Arc<Topic>) -> (i64, i64, i64) {
    let of = topic.clone();
    let ask = move |node: Node| async move {
        let (at, view) = (At { topic: of.id, partition: 0 }, of.partitions[0].view().unwrap());
        node.ask_share("workers", |share| share.depth(at, Window { start: view.start, end: view.stable })).await
    };
    let depth = world.run(ask).unwrap().flatten().expect("the queue has begun");
    (depth.unfinished, depth.held, depth.lost)
}

/// The queue `workers` takes so many, and is done with those from `first` to `last`.
fn does(world: &World, topic: &Arc<Topic>, taken: i64, (first, last): (i64, i64)) {
    let of = topic.clone();
    world.run(move |node| async move {
        node.share_take("workers", &take(&of, "one", taken)).await.unwrap();
        assert!(say(&node, &of, "one", first, last, Verdict::Accept).await);
    });
}

#[test]
fn what_a_queue_lost_is_told_as_soon_as_it_is_gone_and_after_a_restart() {
    let world = World::new();
    let topic = of_four(&world, &[("retention.ms", "1000")]);
    does(&world, &topic, 2, (0, 0));
    assert_eq!(standing(&world, &topic), (3, 1, 0));
    world.advance(Duration::from_secs(10));
    becomes(&topic, 4);
    assert_eq!(standing(&world, &topic), (0, 0, 3));
    // Nobody takes anything, and yet it is stated: the lock is gone with its record.
    let mut held = 1;
    for _ in 0..200 {
        let at = At { topic: topic.id, partition: 0 };
        let ask = move |node: Node| async move { node.ask_share("workers", |share| share.held(node.now(), at, 9)).await };
        held = world.run(ask).unwrap().unwrap().len();
        if held == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(held, 0);
    let world = world.restart();
    let topic = world.node.topic("t").unwrap();
    assert_eq!(standing(&world, &topic), (0, 0, 3));
}

#[test]
fn the_ledger_does_not_count_what_a_queue_had_done_out_of_order() {
    let world = World::new();
    let topic = of_four(&world, &[("retention.ms", "1000")]);
    does(&world, &topic, 4, (1, 2));
    world.advance(Duration::from_secs(10));
    becomes(&topic, 4);
    let lines = world.run(|node| async move { node.unread(Some("t")).await }).unwrap();
    let groups = |at: i64| vec![("workers".into(), at)];
    let said: Vec<_> = lines.iter().map(|l| (l.from, l.to, l.groups.clone())).collect();
    assert_eq!(said, [(0, 1, groups(0)), (3, 4, groups(3))]);
    let world = world.restart();
    assert_eq!(world.run(|node| async move { node.unread(Some("t")).await }).unwrap(), lines);
}

/// A dead letter that could not be written before retention took its record was never written.
#[test]
fn a_letter_whose_record_is_gone_is_lost_and_not_counted_as_written() {
    let world = World::new();
    world.create("dlq.t", 1, &[("errors.deadletterqueue.group.enable", "false")]);
    let topic = of_four(&world, &[("retention.ms", "1000")]);
    let of = topic.clone();
    world.run(move |node| async move {
        node.share_take("workers", &take(&of, "one", 1)).await.unwrap();
        assert!(say(&node, &of, "one", 0, 0, Verdict::Reject).await);
    });
    world.advance(Duration::from_secs(10));
    becomes(&topic, 4);
    // Longer than it takes to look for letters again.
    std::thread::sleep(Duration::from_millis(2_500));
    let of = topic.clone();
    let ask = move |node: Node| async move {
        let at = At { topic: of.id, partition: 0 };
        node.ask_share("workers", |share| share.depth(at, Window { start: 4, end: 4 })).await
    };
    let depth = world.run(ask).unwrap().flatten().expect("the queue has begun");
    assert_eq!((depth.buried, depth.condemned, depth.lost), (0, 0, 4));
}

/// What is in the log is given, whether or not other readers are still shown it: nothing is passed over as if it had never been.
#[test]
fn a_queue_is_given_what_has_expired_by_create_time_as_long_as_it_is_there() {
    let world = World::new();
    let settings = [("retention.ms", "10000"), ("milena.retention.clock", "create")];
    let topic = world.create("t", 1, &settings);
    world.produce(&topic, 0, stamped(MORNING, &["lives"])).unwrap();
    world.produce(&topic, 0, stamped(MORNING - 60_000, &["expired"])).unwrap();
    world.produce(&topic, 0, stamped(MORNING, &["lives too"])).unwrap();
    let of = topic.clone();
    let taken = world.run(move |node| async move { node.share_take("workers", &take(&of, "one", 2)).await }).unwrap();
    assert_eq!(taken.granted.runs, [(0, 1, 1)]);
    let held = milena_record::split(&taken.batches).filter(Result::is_ok).count();
    assert_eq!(held, 2, "both records are given");
    // One that is given up has its letter, too.
    let of = topic.clone();
    assert!(world.run(move |node| async move { say(&node, &of, "one", 1, 1, Verdict::Reject).await }));
    let letters = || world.node.topic("dlq.t").map_or(0, |dead| dead.partitions[0].view().map_or(0, |view| view.high));
    for _ in 0..200 {
        if letters() > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(letters(), 1);
}

#[test]
fn what_has_expired_while_the_broker_was_down_goes_at_the_start() {
    let world = World::new();
    let topic = world.create("t", 1, &[("retention.ms", "10000")]);
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    world.clock.advance(Duration::from_secs(20));
    let world = world.restart();
    becomes(&world.node.topic("t").unwrap(), 1);
}

#[test]
fn bytes_are_kept_to_the_batch() {
    let world = World::new();
    let size = batch(&["x"]).len() as i64;
    let topic = world.create("t", 1, &[("retention.bytes", &(3 * size).to_string())]);
    for _ in 0..8 {
        world.produce(&topic, 0, batch(&["x"])).unwrap();
    }
    world.advance(Duration::from_secs(1));
    becomes(&topic, 5);
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    world.advance(Duration::from_secs(1));
    becomes(&topic, 6);
}

#[test]
fn space_follows_ten_minutes_later_unless_the_clocks_have_parted() {
    let world = World::new();
    let topic = world.create("t", 1, &[("retention.ms", "1000")]);
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    world.advance(Duration::from_secs(1));
    becomes(&topic, 1);
    let bytes = || world.node.log_bytes(&topic.partitions[0]);
    world.advance(Duration::from_secs(599));
    std::thread::sleep(Duration::from_millis(50));
    assert!(bytes() > 0);
    world.clock.set_skew(90_000);
    world.advance(Duration::from_secs(100));
    std::thread::sleep(Duration::from_millis(50));
    assert!(bytes() > 0, "nothing is freed while the clocks have parted");
    world.clock.set_skew(0);
    world.advance(Duration::from_secs(61));
    for _ in 0..200 {
        if bytes() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("space was not given back");
}

#[test]
fn what_grew_old_while_the_machine_slept_goes_and_its_space_too() {
    let world = World::new();
    let topic = world.create("t", 1, &[("retention.ms", "3600000")]);
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    world.clock.nap(Duration::from_secs(3599));
    world.node.look_at_clock();
    stays(&topic, 0);
    world.clock.nap(Duration::from_secs(1));
    world.node.look_at_clock();
    becomes(&topic, 1);
    world.clock.nap(Duration::from_secs(600));
    world.node.look_at_clock();
    for _ in 0..200 {
        if world.node.log_bytes(&topic.partitions[0]) == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("space was not given back");
}

#[test]
fn a_batch_that_was_old_when_it_came_goes_by_its_own_time() {
    let world = World::new();
    let settings = [("retention.ms", "3000"), ("milena.retention.clock", "create")];
    let topic = world.create("t", 1, &settings);
    world.produce(&topic, 0, stamped(MORNING - 2000, &["old"])).unwrap();
    world.advance(Duration::from_millis(999));
    stays(&topic, 0);
    world.advance(Duration::from_millis(1));
    becomes(&topic, 1);
}

#[test]
fn a_thousand_partitions_expire_together() {
    let world = World::new();
    let topic = world.create("t", 1000, &[("retention.ms", "5000")]);
    let copy = topic.clone();
    world.run(move |node| async move {
        let mut last = None;
        for partition in 0..1000 {
            last = Some(crate::world::append(&node, &copy, partition, &batch(&["x"])).await);
        }
        node.release(last.unwrap()).await.unwrap().unwrap();
    });
    let before = world.node.gauges().commits;
    world.advance(Duration::from_secs(5));
    for partition in topic.partitions.iter() {
        for _ in 0..500 {
            if partition.view().unwrap().start == 1 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(partition.view().unwrap().start, 1);
    }
    let commits = world.node.gauges().commits - before;
    assert!(commits < 200, "a thousand expiries took {commits} commits");
}

#[test]
fn a_shorter_retention_holds_at_once() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    world.advance(Duration::from_secs(3600));
    stays(&topic, 0);
    let change = SettingsChange::Some(vec![milena_node::engine::settings::Change::set("retention.ms", "60000")]);
    world.run(|node| async move { node.alter_topic("t", change).await }).unwrap().unwrap();
    becomes(&topic, 1);
}

#[test]
fn by_create_time_an_expired_batch_is_left_out_behind_a_living_one() {
    let world = World::new();
    let settings = [("retention.ms", "10000"), ("milena.retention.clock", "create")];
    let topic = world.create("t", 1, &settings);
    world.produce(&topic, 0, stamped(MORNING, &["lives"])).unwrap();
    world.produce(&topic, 0, stamped(MORNING - 60_000, &["expired"])).unwrap();
    world.produce(&topic, 0, stamped(MORNING, &["lives too"])).unwrap();
    let read = |topic: &Arc<Topic>| {
        let topic = topic.clone();
        world.run(move |node| async move { read_all(&node, &topic, &topic.partitions[0], 0, 1000).await })
    };
    assert_eq!(read(&topic), [(0, "lives".to_owned()), (2, "lives too".to_owned())]);
    assert_eq!(start(&topic), 0);
    assert!(world.node.counters().hidden_batches.get() > 0);
    // A timestamp of the future pins nothing.
    world.produce(&topic, 0, stamped(MORNING + 3_000_000, &["future"])).unwrap();
    world.advance(Duration::from_secs(10));
    becomes(&topic, 4);
}
