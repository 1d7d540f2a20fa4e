//! Groups: joining, waiting for each other, positions, sessions that end, and all of it after a restart.

use std::{sync::mpsc, time::Duration};

use milena_node::{
    JoinReply, Node,
    engine::{
        group::{
            Commit, CommitPosition, Heartbeat, Join, Joined, Leaver, MemberId, NamedPartition, PhaseName, Refusal, Sync, Ticket,
        },
        ids::Uuid,
    },
};

use crate::world::World;

fn newcomer(member: Option<MemberId>) -> Join {
    Join {
        member,
        instance: None,
        client_id: "test".into(),
        client_host: "/127.0.0.1".into(),
        fresh: Uuid::new_v4(),
        session_ms: 10_000,
        rebalance_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: vec![("range".into(), [0u8; 4].into())],
        two_steps: false,
        skips_assignment: true,
        ticket: Ticket(0),
    }
}

async fn join(node: &Node, member: Option<MemberId>) -> Joined {
    match node.join("g", newcomer(member)).await.expect("room").expect("a seat") {
        JoinReply::Joined(joined) => joined,
        JoinReply::ComeAgain(_) => panic!("one step was asked for"),
    }
}

fn sync(joined: &Joined, assignments: Vec<(MemberId, &[u8])>) -> Sync {
    Sync {
        member: joined.member.clone(),
        instance: None,
        generation: joined.generation,
        protocol_type: None,
        protocol: None,
        assignments: assignments.into_iter().map(|(m, a)| (m, a.into())).collect(),
        ticket: Ticket(0),
    }
}

fn beat(joined: &Joined) -> Heartbeat {
    Heartbeat { member: joined.member.clone(), instance: None, generation: joined.generation }
}

/// One member, settled.
fn settled(world: &World) -> Joined {
    world.run(|node| async move {
        let joined = join(&node, None).await;
        let synced = node.sync("g", sync(&joined, vec![(joined.member.clone(), b"all")])).await.unwrap().unwrap();
        assert_eq!(&*synced.assignment, b"all");
        joined
    })
}

fn position(world: &World, offset: i64) -> CommitPosition {
    let topic = world.node.topic("t").unwrap();
    let at = NamedPartition { topic: topic.id, name: topic.name.clone(), partition: 0 };
    CommitPosition { at, offset, leader_epoch: -1, metadata: "note".into() }
}

fn commit(world: &World, joined: Option<&Joined>, offset: i64) -> Vec<Result<(), Refusal>> {
    let commit = Commit {
        member: joined.map(|j| j.member.clone()),
        instance: None,
        generation: joined.map_or(-1, |j| j.generation),
        writer: 0,
        positions: vec![position(world, offset)],
    };
    world.run(move |node| async move { node.commit("g", commit).await }).unwrap().unwrap()
}

fn committed(world: &World) -> Option<i64> {
    let topic = world.node.topic("t").unwrap().id;
    let asked = world.run(move |node| async move { node.ask_group("g", |g| g.position(topic, 0).map(|p| p.offset)).await });
    asked.unwrap().flatten()
}

#[test]
fn a_first_member_joins_without_delay_and_leads() {
    let world = World::new();
    let first = world.run(|node| async move {
        let mut asked = newcomer(None);
        asked.two_steps = true;
        let JoinReply::ComeAgain(id) = node.join("g", asked).await.unwrap().unwrap() else { panic!("two steps") };
        join(&node, Some(id)).await
    });
    assert_eq!((first.generation, &first.leader), (1, &first.member));
    let described = world.run(|node| async move { node.describe_group("g").await }).unwrap().unwrap();
    assert_eq!((described.phase, described.members.len()), (PhaseName::CompletingRebalance, 1));
    assert_eq!(world.node.groups().len(), 1);
    let unknown = world.run(|node| async move { node.describe_group("h").await }).unwrap();
    assert!(unknown.is_none());
}

#[test]
fn members_wait_for_each_other() {
    let world = World::new();
    let first = settled(&world);
    let (sent, second) = mpsc::channel();
    let node = world.node.clone();
    world.node.runtimes().spawn_on_least_loaded(move || async move {
        let _ = sent.send(join(&node, None).await);
    });
    assert!(second.recv_timeout(Duration::from_millis(100)).is_err(), "the second waits for the first to come back");
    let beating = beat(&first);
    let told = world.run(move |node| async move { node.heartbeat("g", beating).await }).unwrap();
    assert_eq!(told, Err(Refusal::Rebalancing));
    let again = first.member.clone();
    let first = world.run(move |node| async move { join(&node, Some(again)).await });
    let second = second.recv_timeout(Duration::from_secs(10)).expect("both are there");
    assert_eq!((first.generation, second.generation), (2, 2));
    assert_eq!(first.members.len(), 2, "the leader sees everybody");

    let (sent, synced) = mpsc::channel();
    let (node, asking) = (world.node.clone(), sync(&second, vec![]));
    world.node.runtimes().spawn_on_least_loaded(move || async move {
        let _ = sent.send(node.sync("g", asking).await);
    });
    assert!(synced.recv_timeout(Duration::from_millis(50)).is_err(), "the follower waits for the leader's plan");
    let plan = sync(&first, vec![(first.member.clone(), b"a"), (second.member.clone(), b"b")]);
    world.run(move |node| async move { node.sync("g", plan).await }).unwrap().unwrap();
    let synced = synced.recv_timeout(Duration::from_secs(10)).unwrap().unwrap().unwrap();
    assert_eq!(&*synced.assignment, b"b");
}

#[test]
fn positions_survive_a_power_cut_and_the_same_again_costs_no_write() {
    let world = World::new();
    world.create("t", 1, &[]);
    let joined = settled(&world);
    assert_eq!(commit(&world, Some(&joined), 7), [Ok(())]);
    let before = world.node.committed();
    assert_eq!(commit(&world, Some(&joined), 7), [Ok(())]);
    assert_eq!(world.node.committed(), before, "a commit that changes nothing is not written");
    assert_eq!(committed(&world), Some(7));

    let world = world.restart();
    assert_eq!(committed(&world), Some(7));
    let beating = beat(&joined);
    let told = world.run(move |node| async move { node.heartbeat("g", beating).await }).unwrap();
    assert_eq!(told, Ok(()), "the member is still known");
    assert_eq!(commit(&world, Some(&joined), 9), [Ok(())]);
    assert_eq!(committed(&world), Some(9));
}

#[test]
fn a_member_that_says_nothing_loses_its_seat() {
    let world = World::new();
    let joined = settled(&world);
    world.advance(Duration::from_millis(9_000));
    let beating = beat(&joined);
    world.run(move |node| async move { node.heartbeat("g", beating).await }).unwrap().unwrap();
    world.advance(Duration::from_millis(9_000));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(world.node.groups()[0].members, 1);
    world.advance(Duration::from_millis(1_000));
    for _ in 0..200 {
        if world.node.groups().iter().all(|group| group.members == 0) {
            let beating = beat(&joined);
            let told = world.run(move |node| async move { node.heartbeat("g", beating).await }).unwrap();
            assert!(matches!(told, Err(Refusal::UnknownMember(_))), "{told:?}");
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the session did not end");
}

#[test]
fn a_group_is_deleted_when_it_is_empty_and_its_name_can_be_used_again() {
    let world = World::new();
    world.create("t", 1, &[]);
    let joined = settled(&world);
    commit(&world, Some(&joined), 3);
    let delete = || world.run(|node| async move { node.delete_group("g").await }).unwrap();
    assert_eq!(delete(), Err(Refusal::NotEmpty));
    let leaver = Leaver { member: Some(joined.member.clone()), instance: None };
    let left = world.run(|node| async move { node.leave("g", vec![leaver]).await }).unwrap().unwrap();
    assert_eq!(left, [Ok(())]);
    assert_eq!(committed(&world), Some(3));
    assert_eq!(delete(), Ok(()));
    assert_eq!(committed(&world), None);
    assert!(matches!(delete(), Err(Refusal::NotFound(_) | Refusal::Dead)));
    assert_eq!(commit(&world, None, 5), [Ok(())]);
    let world = world.restart();
    assert_eq!(committed(&world), Some(5));
    assert_eq!(world.node.groups().len(), 1);
}

#[test]
fn a_question_to_a_group_that_is_not_there_leaves_nothing_behind() {
    let world = World::new();
    let stranger = Heartbeat { member: "nobody".into(), instance: None, generation: 1 };
    let told = world.run(move |node| async move { node.heartbeat("g", stranger).await }).unwrap();
    assert!(matches!(told, Err(Refusal::UnknownMember(_))));
    assert!(world.node.groups().is_empty());
}

#[test]
fn positions_of_a_purged_topic_go_with_it() {
    let world = World::new();
    world.create("t", 1, &[]);
    assert_eq!(commit(&world, None, 5), [Ok(())]);
    let target = milena_node::engine::topic::Target::Name("t".into());
    world.run(|node| async move { node.purge_topic(target).await }).unwrap().unwrap();
    assert!(world.node.groups().is_empty(), "nothing is left of a group that had nothing else");
}

#[test]
fn those_who_wait_in_a_group_learn_that_the_store_died() {
    let world = World::new();
    settled(&world);
    let (sent, second) = mpsc::channel();
    let node = world.node.clone();
    world.node.runtimes().spawn_on_least_loaded(move || async move {
        let _ = sent.send(node.join("g", newcomer(None)).await.is_err());
    });
    std::thread::sleep(Duration::from_millis(50));
    world.store.kill("pulled the plug");
    assert_eq!(second.recv_timeout(Duration::from_secs(5)), Ok(true));
}
