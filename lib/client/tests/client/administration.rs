//! The admin layer against a real broker, if `MILENA_TEST_BROKER` names one.

use milena_client::{
    admin::{Change, ConfigSource, NewTopic, Position, Resource},
    wire::Text,
    *,
};

use crate::real::{cluster, make, unique};

#[tokio::test]
async fn topics_live_and_die() {
    let Some(cluster) = cluster().await else { return };
    let admin = Admin::new(cluster.clone());
    let name = unique("admin");
    let topic = NewTopic { partitions: 2, configs: vec![("retention.ms".into(), "60000".into())], ..NewTopic::new(name.clone()) };
    admin.create_topic(&topic, true).await.unwrap();
    assert!(cluster.topic(&name).await.is_err(), "validating makes nothing");
    let made = admin.create_topic(&topic, false).await.unwrap();
    assert_eq!(made.partitions, 2);
    let twice = admin.create_topic(&topic, false).await.unwrap_err();
    assert_eq!(twice.code().unwrap().name(), "TOPIC_ALREADY_EXISTS");
    let bad = admin.create_topic(&NewTopic::new("no/slash"), false).await.unwrap_err();
    assert_eq!(bad.code().unwrap().name(), "INVALID_TOPIC_EXCEPTION");

    admin.create_partitions(&name, 5, false).await.unwrap();
    for _ in 0..100 {
        // Apache Kafka answers before its metadata knows of it, and on a busy machine not even of the topic.
        if cluster.topic(&name).await.is_ok_and(|topic| topic.partitions.len() == 5) {
            break;
        }
        cluster.forget_topic(&name);
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    assert_eq!(cluster.topic(&name).await.unwrap().partitions.len(), 5);
    let fewer = admin.create_partitions(&name, 1, false).await.unwrap_err();
    assert_eq!(fewer.code().unwrap().name(), "INVALID_PARTITIONS");

    let producer = Producer::new(cluster.clone(), ProducerConfig::default());
    for n in 0..4 {
        let mut record = NewRecord::new(name.clone(), n.to_string());
        record.partition = Some(0);
        producer.write(record).await.unwrap();
    }
    assert_eq!(admin.delete_records(&[(name.clone(), 0, 3)]).await.unwrap(), [(name.clone(), 0, 3)]);
    let listed = cluster.list_offsets(&[(name.clone(), 0, At::Start)], false).await.unwrap();
    assert_eq!(listed[0].offset, Some(3));
    let writers = admin.writers(&name, &[0, 1]).await.unwrap();
    assert!(writers.iter().any(|w| w.partition == 0 && w.last_sequence == 3), "{writers:?}");

    admin.delete_topic(&name).await.unwrap();
    let gone = admin.delete_topic(&name).await.unwrap_err();
    assert_eq!(gone.code().unwrap().name(), "UNKNOWN_TOPIC_OR_PARTITION");
}

#[tokio::test]
async fn configs_are_read_and_changed() {
    let Some(cluster) = cluster().await else { return };
    let admin = Admin::new(cluster);
    let name = unique("configs");
    make(&admin, &NewTopic::new(name.clone())).await;
    let topic = Resource::Topic(name.clone());
    let retention = async || {
        let names = ["retention.ms".into()];
        admin.configs(&topic, Some(&names), true).await.unwrap().remove(0)
    };
    assert_ne!(retention().await.source, ConfigSource::Topic);
    assert!(retention().await.documentation.is_some());
    let set = |value: &str| [(Text::from("retention.ms"), Change::Set(value.into()))];
    admin.change_configs(&topic, &set("12345678"), true).await.unwrap();
    assert_ne!(retention().await.source, ConfigSource::Topic, "validating changes nothing");
    admin.change_configs(&topic, &set("12345678"), false).await.unwrap();
    // Apache's broker answers from what it has applied, a moment after the controller agreed.
    let mut entry = retention().await;
    for _ in 0..50 {
        if entry.source == ConfigSource::Topic {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        entry = retention().await;
    }
    assert_eq!((entry.value.as_deref(), entry.source), (Some("12345678"), ConfigSource::Topic));
    assert!(!entry.synonyms.is_empty());
    let bad = admin.change_configs(&topic, &set("many"), false).await.unwrap_err();
    assert_eq!(bad.code().unwrap().name(), "INVALID_CONFIG");
    admin.change_configs(&topic, &[("retention.ms".into(), Change::Unset)], false).await.unwrap();

    let cluster = admin.describe_cluster().await.unwrap();
    let broker = cluster.brokers[0].broker_id;
    assert!(admin.configs(&Resource::Broker(broker), None, false).await.unwrap().len() > 50);
    assert!(admin.config_resources().await.unwrap().contains(&Resource::Topic(name.clone())));
    let dirs = admin.log_dirs(broker).await.unwrap();
    assert!(dirs.iter().flat_map(|d| &d.replicas).any(|r| r.topic == name));
    admin.delete_topic(&name).await.unwrap();
}

#[tokio::test]
async fn positions_are_set_and_forgotten() {
    let Some(cluster) = cluster().await else { return };
    let admin = Admin::new(cluster);
    let (topic, group) = (unique("positions"), unique("group"));
    make(&admin, &NewTopic { partitions: 2, ..NewTopic::new(topic.clone()) }).await;
    let at =
        |partition, offset| Position { topic: topic.clone(), partition, offset, leader_epoch: -1, metadata: "by hand".into() };
    admin.set_positions(&group, &[at(0, 5), at(1, 7)]).await.unwrap();
    assert_eq!(admin.positions(&group).await.unwrap(), [at(0, 5), at(1, 7)]);
    let listed = admin.groups().await.unwrap();
    assert_eq!(listed.iter().find(|g| g.id == group).unwrap().state, "Empty");
    let described = admin.group(&group).await.unwrap();
    assert!(described.members.is_empty());
    admin.delete_positions(&group, &[(topic.clone(), 1)]).await.unwrap();
    assert_eq!(admin.positions(&group).await.unwrap(), [at(0, 5)]);
    admin.delete_group(&group).await.unwrap();
    assert!(admin.positions(&group).await.unwrap().is_empty());
    assert_eq!(admin.delete_group(&group).await.unwrap_err().code().unwrap().name(), "GROUP_ID_NOT_FOUND");
    admin.delete_topic(&topic).await.unwrap();
}
