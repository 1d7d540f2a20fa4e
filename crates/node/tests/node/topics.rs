//! Topics: created, deleted, restored, purged, grown, set, and all of it after a restart.

use milena_node::engine::topic::{AddPartitions, Refusal, SettingsChange, Target};

use crate::world::{World, batch, create, read_all};

fn named(name: &str) -> Target {
    Target::Name(name.into())
}

#[test]
fn a_deleted_topic_comes_back_with_everything_and_a_new_epoch() {
    let world = World::new();
    let topic = world.create("t", 2, &[("retention.ms", "-1")]);
    world.produce(&topic, 0, batch(&["kept"])).unwrap();
    world.run(|node| async move { node.delete_topic(named("t")).await }).unwrap().unwrap();
    assert!(world.node.topic("t").is_none());
    assert!(topic.partitions[0].view().is_none());
    let refused = world.produce(&topic, 0, batch(&["late"]));
    assert!(matches!(refused, Err(milena_node::AppendRefusal::Gone)), "{refused:?}");
    world.create("t", 1, &[]);

    let world = world.restart();
    let taken = world.run(|node| async move { node.restore_topic(named("t"), None).await }).unwrap();
    assert!(matches!(taken, Err(Refusal::NameTaken(_))), "{taken:?}");
    let back = world.run(|node| async move { node.restore_topic(named("t"), Some("old".into())).await }).unwrap().unwrap();
    assert_eq!((back.name.as_str(), back.id, back.partitions.len()), ("old", topic.id, 2));
    assert_eq!(back.overrides.get("retention.ms").map(String::as_str), Some("-1"));
    assert_eq!(back.partitions[0].view().unwrap().epoch, 1);
    let copy = back.clone();
    let read = world.run(move |node| async move { read_all(&node, &copy, &copy.partitions[0], 0, 1000).await });
    assert_eq!(read, [(0, "kept".to_owned())]);
    assert_eq!(world.produce(&back, 0, batch(&["more"])).unwrap().base_offset, 1);
    assert_eq!(world.restart().node.topics().len(), 2);
}

#[test]
fn a_purged_topic_is_gone_for_good() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    let gone = world.run(|node| async move { node.purge_topic(named("t")).await }).unwrap().unwrap();
    assert_eq!(gone.id, topic.id);
    assert!(world.node.trash().is_empty());
    let refused = world.run(|node| async move { node.restore_topic(named("t"), None).await }).unwrap();
    assert!(matches!(refused, Err(Refusal::NotInTrash(_))));
    let world = world.restart();
    assert!(world.node.topics().is_empty());
}

#[test]
fn the_trash_lets_go_after_a_day() {
    let world = World::new();
    world.create("t", 1, &[]);
    world.run(|node| async move { node.delete_topic(named("t")).await }).unwrap().unwrap();
    world.advance(std::time::Duration::from_secs(24 * 3600 - 1));
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(world.node.trash().len(), 1);
    world.advance(std::time::Duration::from_secs(1));
    for _ in 0..100 {
        if world.node.trash().is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("a topic outstayed its day in the trash");
}

#[test]
fn a_topic_grows_and_is_set_and_both_last() {
    let world = World::new();
    let topic = world.create("t", 1, &[]);
    world.produce(&topic, 0, batch(&["x"])).unwrap();
    let add = AddPartitions { name: "t".into(), count: 3, assignments: None, node: 0 };
    let grown = world.run(|node| async move { node.add_partitions(add).await }).unwrap().unwrap();
    assert_eq!(grown.partitions.len(), 3);
    assert!(std::sync::Arc::ptr_eq(&grown.partitions[0], &topic.partitions[0]));
    let change = SettingsChange::Some(vec![milena_node::engine::settings::Change::set("retention.ms", "1000")]);
    world.run(|node| async move { node.alter_topic("t", change).await }).unwrap().unwrap();
    assert_eq!(world.node.topic("t").unwrap().settings.retention_ms, Some(1000));

    let world = world.restart();
    let topic = world.node.topic("t").unwrap();
    assert_eq!((topic.partitions.len(), topic.settings.retention_ms), (3, Some(1000)));
    assert_eq!(world.produce(&topic, 2, batch(&["x"])).unwrap().base_offset, 0);
}

#[test]
fn the_same_name_twice_is_refused_and_a_dry_run_changes_nothing() {
    let world = World::new();
    world.create("t", 1, &[]);
    let again = world.run(|node| async move { node.create_topic(create("t", 1, &[])).await }).unwrap();
    assert!(matches!(again, Err(Refusal::Exists(_))));
    let dry = world.node.try_create_topic(create("u", 5, &[])).unwrap();
    assert_eq!(dry.partitions(), 5);
    assert!(world.node.topic("u").is_none());
    let automatic = world.run(|node| async move { node.create_topic_automatically("u").await }).unwrap().unwrap();
    assert_eq!(automatic.partitions.len(), 1);
}

#[test]
fn the_cluster_keeps_its_id() {
    let world = World::new();
    let id = world.node.cluster_id();
    assert!(!id.is_nil());
    assert_eq!(world.restart().node.cluster_id(), id);
}

#[test]
fn a_setting_of_the_broker_reaches_topics_at_once_and_lasts() {
    use milena_node::engine::settings::{Alter, Change, Refusal, Scope};
    let world = World::new();
    world.create("t", 1, &[]);
    world.create("own", 1, &[("retention.ms", "5000")]);
    let alter = |name: &str, value: &str| {
        let alter = Alter::Some(Scope::Cluster, vec![Change::set(name, value)]);
        world.run(|node| async move { node.alter_broker(alter).await }).unwrap()
    };
    assert_eq!(alter("log.retention.ms", "60000"), Ok(()));
    assert!(matches!(alter("no.such.setting", "1"), Err(Refusal::Unknown { .. })));
    let kept = |world: &World, name: &str| world.node.topic(name).unwrap().settings.retention_ms;
    assert_eq!((kept(&world, "t"), kept(&world, "own")), (Some(60_000), Some(5_000)));
    let world = world.restart();
    assert_eq!((kept(&world, "t"), kept(&world, "own")), (Some(60_000), Some(5_000)));
    assert_eq!(world.node.status().topics, 2);
}
