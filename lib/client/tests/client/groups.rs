//! Members of classic groups against a real broker, if `MILENA_TEST_BROKER` names one.

use std::{collections::BTreeSet, time::Duration};

use milena_client::{admin::NewTopic, wire::Text, *};

use crate::real::{cluster, make, unique};

fn config() -> GroupConfig {
    GroupConfig {
        session_timeout: Duration::from_secs(10),
        heartbeat: Duration::from_millis(100),
        rebalance_timeout: Duration::from_secs(10),
        ..Default::default()
    }
}

async fn filled(cluster: &Cluster, partitions: i32, records: i32) -> Text {
    let name = unique("group-topic");
    make(&Admin::new(cluster.clone()), &NewTopic { partitions, ..NewTopic::new(name.clone()) }).await;
    fill(cluster, &name, partitions, 0..records).await;
    name
}

async fn fill(cluster: &Cluster, topic: &Text, partitions: i32, records: std::ops::Range<i32>) {
    let producer = Producer::new(cluster.clone(), ProducerConfig::default());
    for n in records {
        let mut record = NewRecord::new(topic.clone(), n.to_string());
        record.partition = Some(n % partitions);
        drop(producer.send(record).await.unwrap());
    }
    producer.close().await;
}

fn number(message: &Message) -> i32 {
    std::str::from_utf8(message.value.as_ref().unwrap()).unwrap().parse().unwrap()
}

async fn take(consumer: &mut GroupConsumer, count: usize) -> BTreeSet<i32> {
    let mut taken = BTreeSet::new();
    while taken.len() < count {
        let message = tokio::time::timeout(Duration::from_secs(20), consumer.next()).await.unwrap().unwrap();
        assert!(taken.insert(number(&message)), "no record twice");
    }
    taken
}

#[tokio::test]
async fn the_next_run_goes_on_where_the_last_committed() {
    let Some(cluster) = cluster().await else { return };
    let topic = filled(&cluster, 3, 30).await;
    let group = unique("resume");
    let mut first = GroupConsumer::new(cluster.clone(), group.clone(), std::slice::from_ref(&topic), config());
    let taken = take(&mut first, 12).await;
    first.commit().await.unwrap();
    // Handed out and not committed: comes again.
    take(&mut first, 3).await;
    let described = Admin::new(cluster.clone()).group(&group).await.unwrap();
    assert_eq!((&*described.state, described.members.len()), ("Stable", 1));
    assert_eq!(described.members[0].assigned, [(topic.clone(), vec![0, 1, 2])]);
    first.leave().await.unwrap();
    let mut second = GroupConsumer::new(cluster.clone(), group.clone(), &[topic], config());
    let rest = take(&mut second, 18).await;
    assert!(taken.is_disjoint(&rest));
    second.commit().await.unwrap();
    second.leave().await.unwrap();
    Admin::new(cluster).delete_group(&group).await.unwrap();
}

#[tokio::test]
async fn members_share_and_take_over() {
    let Some(cluster) = cluster().await else { return };
    for assignor in [Assignor::Range, Assignor::RoundRobin] {
        let topic = filled(&cluster, 4, 40).await;
        let group = unique("share");
        let config = GroupConfig { assignors: vec![assignor], ..config() };
        let member = || GroupConsumer::new(cluster.clone(), group.clone(), std::slice::from_ref(&topic), config.clone());
        let (mut one, mut two) = (member(), member());
        take(&mut one, 40).await;
        one.commit().await.unwrap();
        assert_eq!(one.assignment().len(), 4);
        // Both must be in `next` for the rebalance to come about; nothing is there to read.
        let both = async {
            loop {
                tokio::select! {
                    m = one.next() => panic!("{m:?}"),
                    m = two.next() => panic!("{m:?}"),
                    () = tokio::time::sleep(Duration::from_millis(50)) => {}
                }
                if one.assignment().len() == 2 && two.assignment().len() == 2 {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
        let all: BTreeSet<_> = one.assignment().into_iter().chain(two.assignment()).collect();
        assert_eq!(all.len(), 4, "each partition has one reader");
        two.leave().await.unwrap();
        while one.assignment().len() < 4 {
            assert!(tokio::time::timeout(Duration::from_millis(50), one.next()).await.is_err(), "nothing is there");
        }
        fill(&cluster, &topic, 4, 40..60).await;
        assert_eq!(take(&mut one, 20).await, (40..60).collect());
        one.leave().await.unwrap();
    }
}

#[tokio::test]
async fn a_static_member_comes_back_to_its_share() {
    let Some(cluster) = cluster().await else { return };
    let topic = filled(&cluster, 2, 4).await;
    let group = unique("static");
    let config = GroupConfig { instance: Some("one".into()), auto_commit: Some(Duration::ZERO), ..config() };
    let member = || GroupConsumer::new(cluster.clone(), group.clone(), std::slice::from_ref(&topic), config.clone());
    let mut one = member();
    take(&mut one, 4).await;
    one.commit().await.unwrap();
    one.leave().await.unwrap();
    let described = Admin::new(cluster.clone()).group(&group).await.unwrap();
    assert_eq!(described.members[0].instance.as_deref(), Some("one"), "a static member stays when it leaves");
    fill(&cluster, &topic, 2, 4..8).await;
    let mut again = member();
    assert_eq!(take(&mut again, 4).await, (4..8).collect());
    // A second with the same name fences the first.
    let mut thief = member();
    let _ = tokio::time::timeout(Duration::from_secs(2), thief.next()).await;
    let fenced = tokio::time::timeout(Duration::from_secs(10), again.next()).await.unwrap().unwrap_err();
    assert_eq!(fenced.code().unwrap().name(), "FENCED_INSTANCE_ID");
}

#[tokio::test]
async fn a_new_group_begins_where_it_is_told() {
    let Some(cluster) = cluster().await else { return };
    let topic = filled(&cluster, 1, 5).await;
    let config = GroupConfig { begin: From::End, ..config() };
    let mut late = GroupConsumer::new(cluster.clone(), unique("late"), std::slice::from_ref(&topic), config);
    // Joins; nothing comes.
    assert!(tokio::time::timeout(Duration::from_secs(2), late.next()).await.is_err());
    fill(&cluster, &topic, 1, 5..6).await;
    assert_eq!(take(&mut late, 1).await, BTreeSet::from([5]));
    late.leave().await.unwrap();
}
