//! The same node on the local store, in a directory of its own: what it acknowledged is there at the next start.

use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

use milena_node::{
    Node, NodeOptions, Recovery, Topic,
    engine::{
        group::{Commit, CommitPosition, NamedPartition},
        topic::Target,
    },
};
use milena_store::{
    Store,
    disk::RealDisk,
    local::{Local, Options},
};

use crate::world::{append, batch, create, read_all, run};

const PARTITIONS: usize = 12;

fn open(path: &Path) -> Node {
    let disk = Arc::new(RealDisk::open(path).expect("a directory"));
    let options =
        Options { log_max: 4 << 20, memory: 8 << 20, reserve: 0, idle: Duration::from_millis(200), ..Options::default() };
    let mut recovery = Recovery::new();
    let (store, recovered) = Local::open(disk, options, &mut recovery).expect("the store opens");
    let store: Arc<dyn Store> = Arc::new(store);
    Node::start(store, recovery, NodeOptions { runtimes: 2, recovered, ..NodeOptions::default() }).expect("the node starts")
}

/// Values are their own proof: partition, round, number.
fn value(partition: usize, round: usize, i: usize) -> String {
    format!("{partition}.{round}.{i}.{}", "x".repeat(i % 900))
}

const ROUND: usize = 150;

fn write_round(node: &Node, topic: &Arc<Topic>, round: usize) {
    let topic = topic.clone();
    run(node, move |node| async move {
        let mut last = None;
        for i in 0..ROUND {
            for partition in 0..PARTITIONS {
                let parked = append(&node, &topic, partition, &batch(&[&value(partition, round, i)])).await;
                last = Some(parked);
            }
            node.release(last.take().unwrap()).await.unwrap().unwrap();
        }
        let commit = Commit {
            member: None,
            instance: None,
            generation: -1,
            writer: node.writer("test", Ipv4Addr::LOCALHOST.into(), "User:ANONYMOUS").0,
            positions: vec![CommitPosition {
                at: NamedPartition { topic: topic.id, name: topic.name.clone(), partition: 3 },
                offset: round as i64,
                leader_epoch: -1,
                metadata: "".into(),
            }],
        };
        assert_eq!(node.commit("readers", commit).await.unwrap().unwrap(), [Ok(())]);
    });
}

fn check(node: &Node, topic: &Arc<Topic>, rounds: usize) {
    for partition in 0..PARTITIONS {
        let topic = topic.clone();
        let read = run(node, move |node| async move { read_all(&node, &topic, &topic.partitions[partition], 0, 64 << 10).await });
        let expected = (0..rounds).flat_map(|round| (0..ROUND).map(move |i| value(partition, round, i)));
        let read: Vec<_> = read.into_iter().map(|(_, value)| value).collect();
        assert!(read.iter().eq(expected.collect::<Vec<_>>().iter()), "partition {partition} after {rounds} rounds");
    }
    let id = topic.id;
    let position = run(node, move |node| async move { node.ask_group("readers", |g| g.position(id, 3).map(|p| p.offset)).await });
    assert_eq!(position.unwrap().flatten(), Some(rounds as i64 - 1));
}

#[test]
fn everything_is_there_after_clean_stops_with_checkpoints_between() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = open(directory.path());
    run(&node, |node| async move { node.create_topic(create("t", PARTITIONS as i32, &[])).await }).unwrap().unwrap();
    run(&node, |node| async move { node.create_topic(create("gone", 2, &[])).await }).unwrap().unwrap();
    run(&node, |node| async move { node.delete_topic(Target::Name("gone".into())).await }).unwrap().unwrap();
    for round in 0..3 {
        let topic = node.topic("t").expect("the topic is there");
        write_round(&node, &topic, round);
        check(&node, &topic, round + 1);
        node.stop().expect("a clean stop");
        drop((node, topic));
        node = open(directory.path());
        let recovered = node.recovered();
        assert!(recovered.clean && recovered.facts == 0, "a clean stop leaves nothing to replay: {recovered:?}");
        check(&node, &node.topic("t").unwrap(), round + 1);
    }
    assert_eq!(node.trash().len(), 1);
    let back = run(&node, |node| async move { node.restore_topic(Target::Name("gone".into()), None).await }).unwrap().unwrap();
    assert_eq!(back.partitions.len(), 2);
    node.stop().unwrap();
}
