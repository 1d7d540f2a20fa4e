//! The schema registry in a node: it outlives restarts and power cuts, its topic says the same as it does, and nobody else
//! writes there.

use std::{collections::BTreeMap, sync::Arc};

use milena_node::{
    AppendRefusal, Node, SchemaTrouble, Slice, Topic,
    engine::{
        subject::{Asked, Command, Format, Reference, Refusal, Reply, Shown, Subject, Which},
        topic::{AddPartitions, Refusal as TopicRefusal, SettingsChange, Target},
    },
};
use serde_json::Value;

use crate::world::{World, batch};

fn asked(subject: &str, text: &str) -> Asked {
    Asked {
        subject: Subject::parse(subject),
        format: Format::Avro,
        text: text.into(),
        references: Vec::new(),
        metadata: None,
        rules: None,
        version: None,
        id: None,
        tags: Default::default(),
        normalize: false,
        force: false,
    }
}

/// A record with so many fields, each with a default.
fn wide(fields: usize) -> String {
    let field = |n: usize| format!(r#"{{"name":"f{n}","type":"long","default":0}}"#);
    let fields: Vec<String> = (0..fields).map(field).collect();
    format!(r#"{{"type":"record","name":"Wide","fields":[{}]}}"#, fields.join(","))
}

fn register(world: &World, asked: Asked) -> Result<Shown, Refusal> {
    world.run(|node| async move { node.register_schema(asked).await }).expect("the registry is there")
}

fn change(world: &World, command: Command) -> Result<Reply, Refusal> {
    world.run(|node| async move { node.change_schemas(command).await }).expect("the registry is there")
}

/// Every record of `_schemas` in order: key and value.
async fn records(node: &Node) -> Vec<(String, Option<String>)> {
    let Some(topic) = node.topic("_schemas") else { return Vec::new() };
    let (mut all, mut from) = (Vec::new(), 0);
    loop {
        let found = node.read(&topic, &topic.partitions[0], from, 1 << 20).await.expect("a sound log");
        if found.bytes == 0 {
            return all;
        }
        for slice in &found.slices {
            let Slice::Memory(bytes) = slice else { panic!("read answers from memory") };
            for entry in milena_record::split(bytes) {
                let batch = milena_record::Batch::parse(entry.expect("whole batches").bytes).expect("a batch");
                batch.verify().expect("what is stored is sound");
                let payload = batch.payload(&milena_record::Limits::new(1 << 20)).expect("payload");
                for record in milena_record::Records::new(&batch.header(), &payload) {
                    let record = record.expect("record");
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
                    all.push((text(record.key.expect("every record has a key")), record.value.map(text)));
                }
            }
        }
        from = found.upto + 1;
    }
}

/// What another registry would believe after reading the topic: subject and version, id, text, deleted.
fn rebuilt(records: &[(String, Option<String>)]) -> BTreeMap<(String, i64), (i64, String, bool)> {
    let mut versions = BTreeMap::new();
    for (key, value) in records {
        let key: Value = serde_json::from_str(key).expect("JSON");
        let value: Option<Value> = value.as_ref().map(|value| serde_json::from_str(value).expect("JSON"));
        let subject = key["subject"].as_str().unwrap_or_default().to_string();
        match (key["keytype"].as_str(), value) {
            (Some("SCHEMA"), None) => {
                versions.remove(&(subject, key["version"].as_i64().expect("a number")));
            }
            (Some("SCHEMA"), Some(value)) => {
                let text = value["schema"].as_str().expect("text").to_string();
                let id = value["id"].as_i64().expect("a number");
                let deleted = value["deleted"].as_bool().expect("a truth value");
                versions.insert((subject, key["version"].as_i64().expect("a number")), (id, text, deleted));
            }
            (Some("DELETE_SUBJECT"), Some(value)) => {
                let last = value["version"].as_i64().expect("a number");
                let of = versions.iter_mut().filter(|((s, v), _)| *s == subject && *v <= last);
                of.for_each(|(_, version)| version.2 = true);
            }
            _ => {}
        }
    }
    versions
}

/// The registry and its topic say the same.
fn agree(world: &World) -> usize {
    let (list, records) = world.run(|node| async move {
        let list = node.ask_schemas(|registry| registry.list(":*:", Which::WithDeleted, false)).await.expect("it lives");
        (list, records(&node).await)
    });
    let own = list.into_iter().map(|shown| {
        let key = (shown.subject.to_string(), i64::from(shown.version));
        (key, (i64::from(shown.id), shown.content.text.to_string(), shown.deleted))
    });
    assert_eq!(own.collect::<BTreeMap<_, _>>(), rebuilt(&records));
    records.len()
}

#[test]
fn a_plain_consumer_rebuilds_the_registry_from_its_topic() {
    let world = World::new();
    register(&world, asked("a", &wide(1))).expect("sound");
    register(&world, asked("a", &wide(2))).expect("sound");
    register(&world, asked(":.eu:b", "\"int\"")).expect("sound");
    let reference = Reference { name: "Wide".into(), subject: "a".into(), version: -1 };
    let referring = Asked { references: vec![reference], ..asked("c", r#"{"type":"array","items":"Wide"}"#) };
    register(&world, referring).expect("sound");
    register(&world, asked("d", "\"int\"")).expect("sound");
    let delete = |permanent| Command::DeleteSubject { subject: Subject::parse("d"), permanent };
    change(&world, delete(false)).expect("live");
    assert_eq!(agree(&world), 7, "five versions, a context, a deletion");
    change(&world, delete(true)).expect("soft-deleted");
    agree(&world);
    let world = world.restart();
    assert_eq!(agree(&world), 8);
    assert_eq!(register(&world, asked("e", "\"bytes\"")).expect("sound").id, 5, "ids go on after a restart");
}

#[test]
fn one_at_a_time_of_many_gets_the_next_version() {
    let world = World::new();
    world.run(|node| async move {
        let texts: Vec<String> = (0..12).map(wide).collect();
        let tasks = texts.into_iter().map(|text| {
            let node = node.clone();
            async move { node.register_schema(asked("a", &text)).await.expect("there").expect("defaults everywhere").version }
        });
        let tasks: Vec<_> = tasks.map(tokio::task::spawn_local).collect();
        let mut versions = Vec::new();
        for task in tasks {
            versions.push(task.await.expect("no panic"));
        }
        versions.sort_unstable();
        assert_eq!(versions, (1..=12).collect::<Vec<_>>());
    });
    agree(&world);
}

#[test]
fn clients_read_the_topic_and_do_not_change_it() {
    let world = World::new();
    register(&world, asked("a", "\"int\"")).expect("sound");
    let topic: Arc<Topic> = world.node.topic("_schemas").expect("created by the first registration");
    assert!(matches!(world.produce(&topic, 0, batch(&["mine"])), Err(AppendRefusal::Kept)));
    let kept = |answer: Result<(), TopicRefusal>| assert!(matches!(answer, Err(TopicRefusal::Kept(_))), "{answer:?}");
    let target = Target::Id(topic.id);
    kept(world.run(|node| async move { node.delete_topic(target).await }).expect("room").map(|_| ()));
    let target = Target::Name("_schemas".into());
    kept(world.run(|node| async move { node.purge_topic(target).await }).expect("room").map(|_| ()));
    let add = AddPartitions { name: "_schemas".into(), count: 4, assignments: None, node: 1 };
    kept(world.run(|node| async move { node.add_partitions(add).await }).expect("room").map(|_| ()));
    let change = SettingsChange::Whole(vec![("cleanup.policy".into(), Some("delete".into()))]);
    kept(world.run(|node| async move { node.alter_topic("_schemas", change).await }).expect("room"));
    let deleted = world.run(move |node| async move { node.delete_records(&topic, &topic.partitions[0], -1).await });
    assert!(matches!(deleted.expect("room"), Err(milena_node::DeleteRecordsRefusal::Kept)));
    agree(&world);
}

#[test]
fn somebody_elses_topic_is_not_written() {
    let world = World::new();
    let topic = world.create("_schemas", 1, &[]);
    world.produce(&topic, 0, batch(&["theirs"])).expect("it is nobody's yet");
    let refused = world.run(|node| async move { node.register_schema(asked("a", "\"int\"")).await });
    assert!(matches!(&refused, Err(SchemaTrouble::Topic(words)) if words.contains("milena schema import")), "{refused:?}");
    let losing = World::new();
    losing.create("_schemas", 1, &[]);
    let refused = losing.run(|node| async move { node.register_schema(asked("a", "\"int\"")).await });
    assert!(matches!(&refused, Err(SchemaTrouble::Topic(words)) if words.contains("cleanup.policy")), "{refused:?}");
    let empty = World::new();
    empty.create("_schemas", 1, &[("cleanup.policy", "compact")]);
    register(&empty, asked("a", "\"int\"")).expect("an empty one is taken");
    assert_eq!(agree(&empty), 1);
}

#[test]
fn a_power_cut_leaves_both_or_neither() {
    let mut world = World::on_disk(7);
    let mut known = Vec::new();
    for round in 0..6 {
        for n in 0..8 {
            let subject = format!("s{}", (round + n) % 3);
            let shown = register(&world, asked(&subject, &wide(10 * round + n))).expect("defaults everywhere");
            known.push((subject, shown.version, shown.id));
        }
        world = world.restart();
        agree(&world);
        let ids = known.clone();
        world.run(|node| async move {
            for (subject, version, id) in ids {
                let wanted = milena_node::engine::subject::Wanted::Number(version);
                let found = node.ask_schemas(|registry| registry.version(&Subject::parse(&subject), wanted, false)).await;
                assert_eq!(found.expect("it lives").expect("it was acknowledged").id, id);
            }
        });
    }
}
