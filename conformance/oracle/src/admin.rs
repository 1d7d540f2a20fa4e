//! Metadata, topics, partitions and configs.

use anyhow::Result;
use milena_wire::{
    AlterConfigsRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeClusterRequest,
    DescribeConfigsRequest, DescribeTopicPartitionsRequest, ElectLeadersRequest, IncrementalAlterConfigsRequest,
    ListConfigResourcesRequest, ListPartitionReassignmentsRequest, MetadataRequest,
    create_partitions::CreatePartitionsTopic,
    create_topics::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
    describe_configs::DescribeConfigsResource,
    describe_topic_partitions::TopicRequest,
    incremental_alter_configs::{AlterConfigsResource, AlterableConfig},
    metadata::MetadataRequestTopic,
};
use uuid::Uuid;

use crate::{Conversation, peer::Peer};

pub(crate) const ALL: &[Conversation] =
    &[("metadata", metadata), ("topics", topics), ("configs", configs), ("config-values", values), ("cluster", cluster)];

fn metadata(peer: &mut Peer) -> Result<()> {
    let id = peer.topic("described", 2, &[])?;
    for version in 0..=13 {
        let named = |name: &str| vec![MetadataRequestTopic { name: Some(name.into()), ..Default::default() }];
        let ask = |topics| MetadataRequest { topics: Some(topics), allow_auto_topic_creation: false, ..Default::default() };
        peer.ask(&format!("v{version}"), version, &ask(named("described")))?;
        if version >= 4 {
            peer.ask(&format!("v{version} unknown"), version, &ask(named("nobody")))?;
            peer.ask(&format!("v{version} bad name"), version, &ask(named("bad name!")))?;
        }
        if version >= 1 {
            peer.ask(&format!("v{version} none"), version, &ask(Vec::new()))?;
        }
        if version >= 12 {
            let by_id = |id| vec![MetadataRequestTopic { topic_id: id, name: None, ..Default::default() }];
            peer.ask(&format!("v{version} by id"), version, &ask(by_id(id)))?;
            peer.ask(&format!("v{version} unknown id"), version, &ask(by_id(Uuid::from_u128(9))))?;
        }
        if (8..=10).contains(&version) {
            let mut all = ask(named("described"));
            (all.include_cluster_authorized_operations, all.include_topic_authorized_operations) = (true, true);
            peer.ask(&format!("v{version} operations"), version, &all)?;
        }
    }
    Ok(())
}

fn create(name: &str, partitions: i32, replicas: i16) -> CreatableTopic {
    CreatableTopic { name: name.into(), num_partitions: partitions, replication_factor: replicas, ..Default::default() }
}

fn topics(peer: &mut Peer) -> Result<()> {
    peer.topic("there", 1, &[])?;
    let config = |name: &str, value: Option<&str>| CreatableTopic {
        configs: vec![CreatableTopicConfig { name: name.into(), value: value.map(Into::into), ..Default::default() }],
        ..create("configured", 1, 1)
    };
    let assigned = |lists: Vec<Vec<i32>>| CreatableTopic {
        assignments: lists
            .into_iter()
            .enumerate()
            .map(|(i, broker_ids)| CreatableReplicaAssignment { partition_index: i as i32, broker_ids, ..Default::default() })
            .collect(),
        ..create("assigned", -1, -1)
    };
    let long = "x".repeat(250);
    let cases: Vec<(&str, Vec<CreatableTopic>)> = vec![
        ("exists", vec![create("there", 1, 1)]),
        ("twice", vec![create("twice", 1, 1), create("twice", 1, 1)]),
        ("empty name", vec![create("", 1, 1)]),
        ("dots", vec![create("..", 1, 1)]),
        ("bad character", vec![create("a b", 1, 1)]),
        ("too long", vec![create(&long, 1, 1)]),
        ("no partitions", vec![create("zero", 0, 1)]),
        ("negative partitions", vec![create("negative", -2, 1)]),
        ("default partitions", vec![create("defaults", -1, -1)]),
        ("two replicas", vec![create("replicas", 1, 2)]),
        ("no replicas", vec![create("replicas", 1, 0)]),
        ("unknown config", vec![config("no.such", Some("1"))]),
        ("bad config", vec![config("retention.ms", Some("soon"))]),
        ("null config", vec![config("retention.ms", None)]),
        ("good config", vec![config("retention.ms", Some("1000"))]),
        ("assigned", vec![assigned(vec![vec![1], vec![1]])]),
        ("assigned to nobody", vec![assigned(vec![vec![5]])]),
        ("assigned twice", vec![assigned(vec![vec![1, 1]])]),
        ("collides", vec![create("col.lide", 1, 1), create("col_lide", 1, 1)]),
    ];
    for (step, topics) in &cases {
        for version in [2, 4, 5, 7] {
            let mut asked =
                CreateTopicsRequest { topics: topics.clone(), timeout_ms: 5000, validate_only: true, ..Default::default() };
            asked.validate_only = true;
            peer.ask(&format!("v{version} {step}"), version, &asked)?;
        }
    }
    for (step, count) in [("same", 1), ("fewer", 0), ("more", 3)] {
        for version in 0..=3 {
            let topic = CreatePartitionsTopic { name: "there".into(), count, assignments: None, ..Default::default() };
            let asked =
                CreatePartitionsRequest { topics: vec![topic], timeout_ms: 5000, validate_only: true, ..Default::default() };
            peer.ask(&format!("partitions v{version} {step}"), version, &asked)?;
        }
    }
    for version in 1..=5 {
        let asked = DeleteTopicsRequest { topic_names: vec!["nobody".into()], timeout_ms: 5000, ..Default::default() };
        peer.ask(&format!("delete v{version} nobody"), version, &asked)?;
    }
    Ok(())
}

fn describe(kind: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsRequest {
    let configuration_keys = keys.map(|keys| keys.iter().map(|k| (*k).into()).collect());
    DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: kind,
            resource_name: name.into(),
            configuration_keys,
            ..Default::default()
        }],
        include_synonyms: true,
        ..Default::default()
    }
}

/// Every config of a topic and of the broker: names, types, defaults, sources, synonyms.
fn configs(peer: &mut Peer) -> Result<()> {
    peer.topic("configured", 1, &[("retention.ms", "777")])?;
    for (what, kind, name) in [("topic", 2, "configured"), ("broker", 4, "1")] {
        let answer = peer.talk(4, &describe(kind, name, None))?;
        for config in answer.results.first().map(|r| r.configs.as_slice()).unwrap_or_default() {
            if config.name.starts_with("milena.") {
                continue;
            }
            let text = format!(
                "value: {:?}\nsource: {}\ntype: {}\nread only: {}\nsensitive: {}\nsynonyms: {:?}",
                config.value,
                config.config_source,
                config.config_type,
                config.read_only,
                config.is_sensitive,
                config.synonyms.iter().map(|s| s.name.to_string()).collect::<Vec<_>>()
            );
            peer.said.insert(format!("{what} {}", config.name.as_str()), text);
        }
    }
    for version in 1..=4 {
        peer.ask(&format!("v{version} two keys"), version, &describe(2, "configured", Some(&["retention.ms", "no.such"])))?;
        peer.ask(&format!("v{version} unknown topic"), version, &describe(2, "nobody", None))?;
        peer.ask(&format!("v{version} unknown kind"), version, &describe(77, "x", None))?;
        peer.ask(&format!("v{version} another broker"), version, &describe(4, "99", None))?;
    }
    Ok(())
}

fn alter(peer: &mut Peer, step: &str, kind: i8, name: &str, key: &str, operation: i8, value: Option<&str>) -> Result<()> {
    let config =
        AlterableConfig { name: key.into(), config_operation: operation, value: value.map(Into::into), ..Default::default() };
    let resource =
        AlterConfigsResource { resource_type: kind, resource_name: name.into(), configs: vec![config], ..Default::default() };
    peer.ask(step, 1, &IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() }).map(|_| ())
}

fn values(peer: &mut Peer) -> Result<()> {
    peer.topic("valued", 1, &[])?;
    for (key, value) in [
        ("retention.ms", "-1"),
        ("retention.ms", "-2"),
        ("retention.ms", "x"),
        ("retention.bytes", "-2"),
        ("retention.bytes", "1.5"),
        ("cleanup.policy", ""),
        ("cleanup.policy", " compact"),
        ("cleanup.policy", "delete,delete"),
        ("cleanup.policy", "nonsense"),
        ("min.insync.replicas", "99"),
        ("min.insync.replicas", "0"),
        ("compression.type", "none"),
        ("compression.type", "zstd"),
        ("compression.type", "uncompressed"),
        ("segment.bytes", "1000"),
        ("segment.bytes", "1048576"),
        ("max.message.bytes", "-1"),
        ("max.message.bytes", "0"),
        ("message.timestamp.type", "Nonsense"),
        ("message.timestamp.type", "LogAppendTime"),
        ("message.timestamp.after.max.ms", "-1"),
        ("flush.ms", "-1"),
        ("preallocate", "maybe"),
        ("unclean.leader.election.enable", "TRUE"),
        ("segment.ms", "0"),
        ("no.such.key", "1"),
        ("compression.gzip.level", "99"),
        ("compression.zstd.level", "1"),
        ("file.delete.delay.ms", "-5"),
        ("remote.storage.enable", "true"),
        ("local.retention.ms", "-2"),
        ("min.cleanable.dirty.ratio", "2"),
        ("index.interval.bytes", "-1"),
    ] {
        alter(peer, &format!("{key}={value:?}"), 2, "valued", key, 0, Some(value))?;
        // Apache Kafka answers before its own configuration has changed.
        std::thread::sleep(std::time::Duration::from_millis(150));
        let back = describe(2, "valued", Some(&[key]));
        peer.ask(&format!("{key}={value:?} read back"), 4, &back)?;
        alter(peer, &format!("{key}={value:?} deleted"), 2, "valued", key, 1, None)?;
    }
    let mut twice = describe(2, "valued", Some(&["retention.ms", "retention.ms"]));
    twice.resources.push(twice.resources[0].clone());
    peer.ask("described twice", 4, &twice)?;
    alter(peer, "delete an unknown key", 2, "valued", "no.such", 1, None)?;
    alter(peer, "operation 9", 2, "valued", "retention.ms", 9, Some("1"))?;
    alter(peer, "null value", 2, "valued", "retention.ms", 0, None)?;
    alter(peer, "append to a list", 2, "valued", "cleanup.policy", 2, Some("compact"))?;
    alter(peer, "subtract from a list", 2, "valued", "cleanup.policy", 3, Some("delete"))?;
    alter(peer, "append to a number", 2, "valued", "retention.ms", 2, Some("5"))?;
    alter(peer, "unknown topic", 2, "nobody", "retention.ms", 0, Some("5"))?;
    alter(peer, "unknown kind", 77, "x", "retention.ms", 0, Some("5"))?;
    alter(peer, "read-only broker key", 4, "1", "log.dirs", 0, Some("/x"))?;
    alter(peer, "broker key", 4, "1", "message.max.bytes", 0, Some("2000000"))?;
    alter(peer, "broker key deleted", 4, "1", "message.max.bytes", 1, None)?;
    let asked = AlterConfigsRequest {
        resources: vec![milena_wire::alter_configs::AlterConfigsResource {
            resource_type: 2,
            resource_name: "valued".into(),
            configs: vec![milena_wire::alter_configs::AlterableConfig {
                name: "retention.ms".into(),
                value: Some("5".into()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    for version in 0..=2 {
        peer.ask(&format!("alter v{version}"), version, &asked)?;
    }
    Ok(())
}

fn cluster(peer: &mut Peer) -> Result<()> {
    peer.topic("clustered", 3, &[])?;
    for version in 0..=2 {
        peer.ask(&format!("v{version}"), version, &DescribeClusterRequest { endpoint_type: 1, ..Default::default() })?;
    }
    let topic = |name: &str| TopicRequest { name: name.into(), ..Default::default() };
    let asked = |limit| DescribeTopicPartitionsRequest {
        topics: vec![topic("clustered"), topic("a-nobody")],
        response_partition_limit: limit,
        ..Default::default()
    };
    peer.ask("topic partitions", 0, &asked(2000))?;
    peer.ask("topic partitions, two at a time", 0, &asked(2))?;
    peer.ask("reassignments", 0, &ListPartitionReassignmentsRequest { timeout_ms: 1000, topics: None, ..Default::default() })?;
    for version in 0..=2 {
        peer.ask(
            &format!("elections v{version}"),
            version,
            &ElectLeadersRequest { topic_partitions: Some(Vec::new()), timeout_ms: 1000, ..Default::default() },
        )?;
    }
    peer.ask("resources v0", 0, &ListConfigResourcesRequest::default())?;
    Ok(())
}
