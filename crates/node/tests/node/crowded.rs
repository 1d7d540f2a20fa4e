//! Everybody at once: producers, readers, members and administrators on all runtimes. Nothing may stand still, and
//! what was acknowledged must add up in the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
    time::Duration,
};

use milena_node::{
    AppendRefusal, Node,
    engine::{
        group::{Commit, CommitPosition, NamedPartition},
        settings::{Alter, Change, Scope},
        topic::{SettingsChange, Target},
    },
};

use crate::world::{World, append, batch, create, read_all};

const ROUNDS: usize = 40;

async fn produce(node: &Node, task: usize, acknowledged: &AtomicI64) {
    let Some(topic) = node.topic("steady") else { return };
    let parked = append(node, &topic, task % 4, &batch(&["x"])).await;
    node.release(parked).await.unwrap().unwrap();
    acknowledged.fetch_add(1, Ordering::SeqCst);
    // And one into a topic that comes and goes.
    if let Some(topic) = node.topic("fleeting") {
        let parked = append(node, &topic, 0, &batch(&["x"])).await;
        match node.release(parked).await.unwrap() {
            Ok(_) | Err(AppendRefusal::Gone) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

async fn read(node: &Node, task: usize) {
    let Some(topic) = node.topic("steady") else { return };
    let partition = &topic.partitions[task % 4];
    let view = partition.view().unwrap();
    let found = node.read(&topic, partition, view.start, 500).await.unwrap();
    assert!(found.bytes > 0 || view.start == view.high);
    let at = topic.partitions.iter().map(|p| (p.clone(), p.view().unwrap().high)).collect();
    node.wait(at, 1, Duration::from_millis(5)).await.unwrap();
}

async fn come_and_go(node: &Node, round: usize) {
    let _ = node.create_topic(create("fleeting", 1 + (round % 3) as i32, &[])).await.unwrap();
    let target = || Target::Name("fleeting".into());
    let _ = node.delete_topic(target()).await.unwrap();
    if round.is_multiple_of(2) {
        let _ = node.restore_topic(target(), None).await.unwrap();
    } else {
        let _ = node.purge_topic(target()).await.unwrap();
    }
}

async fn commit(node: &Node, task: usize, round: usize) {
    let Some(topic) = node.topic("steady") else { return };
    let at = NamedPartition { topic: topic.id, name: topic.name.clone(), partition: task as i32 % 4 };
    let positions = vec![CommitPosition { at, offset: round as i64, leader_epoch: -1, metadata: "".into() }];
    let commit = Commit { member: None, instance: None, generation: -1, writer: 0, positions };
    let group = format!("g{}", task % 3);
    assert_eq!(node.commit(&group, commit).await.unwrap(), Ok(vec![Ok(())]));
    if round.is_multiple_of(7) {
        let _ = node.delete_group(&group).await.unwrap();
    }
    node.lags(&group).await.unwrap();
}

async fn administer(node: &Node, round: usize) {
    let value = (60_000 + round).to_string();
    let change = SettingsChange::Some(vec![Change::set("segment.ms", value.clone())]);
    node.alter_topic("steady", change).await.unwrap().unwrap();
    let alter = Alter::Some(Scope::Cluster, vec![Change::set("producer.id.expiration.ms", value)]);
    node.alter_broker(alter).await.unwrap().unwrap();
    node.producer_id().await.unwrap().unwrap();
    assert!(node.status().topics >= 1);
}

#[test]
fn everybody_at_once() {
    let world = World::new();
    let topic = world.create("steady", 4, &[]);
    let acknowledged = Arc::new(AtomicI64::new(0));
    let (sent, done) = mpsc::channel();
    for task in 0..60 {
        let (node, sent, acknowledged) = (world.node.clone(), sent.clone(), acknowledged.clone());
        world.node.runtimes().spawn_on_least_loaded(move || async move {
            for round in 0..ROUNDS {
                match task % 6 {
                    0 | 1 => produce(&node, task, &acknowledged).await,
                    2 => read(&node, task).await,
                    3 => commit(&node, task, round).await,
                    4 => come_and_go(&node, round).await,
                    _ => administer(&node, round).await,
                }
            }
            let _ = sent.send(task);
        });
    }
    for _ in 0..60 {
        done.recv_timeout(Duration::from_secs(60)).expect("nobody stands still");
    }
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    assert_eq!(acknowledged, 20 * ROUNDS as i64);
    let high = |topic: &milena_node::Topic| topic.partitions.iter().map(|p| p.view().unwrap().high).sum::<i64>();
    assert_eq!(high(&topic), acknowledged);
    let world = world.restart();
    let topic = world.node.topic("steady").unwrap();
    assert_eq!(high(&topic), acknowledged);
    let read = world.run(move |node| async move { read_all(&node, &topic, &topic.partitions[1], 0, 300).await.len() });
    assert_eq!(read as i64, acknowledged / 4);
}
