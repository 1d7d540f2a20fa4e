//! Metadata, topics, partitions and configs.

use anyhow::Result;
use milena_record::Codec;
use milena_wire::{
    AlterConfigsRequest, CreateAclsRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteAclsRequest, DeleteTopicsRequest,
    DescribeAclsRequest, DescribeClientQuotasRequest, DescribeClusterRequest, DescribeConfigsRequest,
    DescribeTopicPartitionsRequest, DescribeTransactionsRequest, DescribeUserScramCredentialsRequest, ElectLeadersRequest,
    IncrementalAlterConfigsRequest, ListConfigResourcesRequest, ListPartitionReassignmentsRequest, ListTransactionsRequest,
    MetadataRequest,
    create_acls::AclCreation,
    create_partitions::CreatePartitionsTopic,
    create_topics::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
    delete_acls::DeleteAclsFilter,
    describe_client_quotas::ComponentData,
    describe_configs::DescribeConfigsResource,
    describe_topic_partitions::TopicRequest,
    describe_user_scram_credentials::UserName,
    incremental_alter_configs::{AlterConfigsResource, AlterableConfig},
    metadata::MetadataRequestTopic,
};
use uuid::Uuid;

use crate::{Conversation, peer::Peer, produce};

pub(crate) const ALL: &[Conversation] = &[
    ("metadata", metadata),
    ("topics", topics),
    ("configs", configs),
    ("config-values", values),
    ("group-configs", group_configs),
    ("client-metrics-configs", client_metrics_configs),
    ("cluster", cluster),
    ("without logins, quotas and transactions", without),
    ("internal topics", internal),
];

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

/// What one group may set for itself (resource type 32).
fn group_configs(peer: &mut Peer) -> Result<()> {
    let values = [
        ("consumer.session.timeout.ms", "46000"),
        ("consumer.session.timeout.ms", "44999"),
        ("consumer.session.timeout.ms", "60001"),
        ("consumer.session.timeout.ms", "-1"),
        ("consumer.session.timeout.ms", "x"),
        ("consumer.session.timeout.ms", ""),
        ("consumer.heartbeat.interval.ms", "6000"),
        ("consumer.heartbeat.interval.ms", "4999"),
        ("consumer.heartbeat.interval.ms", "15001"),
        ("consumer.assignment.interval.ms", "-1"),
        ("consumer.assignment.interval.ms", "0"),
        ("consumer.assignment.interval.ms", "15001"),
        ("share.session.timeout.ms", "50000"),
        ("share.session.timeout.ms", "44999"),
        ("share.session.timeout.ms", "60001"),
        ("share.heartbeat.interval.ms", "4999"),
        ("share.heartbeat.interval.ms", "15001"),
        ("share.record.lock.duration.ms", "20000"),
        ("share.record.lock.duration.ms", "14999"),
        ("share.record.lock.duration.ms", "999"),
        ("share.record.lock.duration.ms", "60001"),
        ("share.delivery.count.limit", "3"),
        ("share.delivery.count.limit", "1"),
        ("share.delivery.count.limit", "11"),
        ("share.partition.max.record.locks", "200"),
        ("share.partition.max.record.locks", "99"),
        ("share.partition.max.record.locks", "4001"),
        ("share.assignment.interval.ms", "15001"),
        ("share.auto.offset.reset", "earliest"),
        ("share.auto.offset.reset", "EARLIEST"),
        ("share.auto.offset.reset", "by_duration:PT1H"),
        ("share.auto.offset.reset", "by_duration:P1DT2H3M4.5S"),
        ("share.auto.offset.reset", "by_duration:-PT1H"),
        ("share.auto.offset.reset", "by_duration:"),
        ("share.auto.offset.reset", "none"),
        ("share.isolation.level", "read_committed"),
        ("share.isolation.level", "READ_COMMITTED"),
        ("share.isolation.level", "serializable"),
        ("share.renew.acknowledge.enable", "false"),
        ("share.renew.acknowledge.enable", "maybe"),
        ("streams.session.timeout.ms", "44999"),
        ("streams.session.timeout.ms", "60001"),
        ("streams.heartbeat.interval.ms", "4999"),
        ("streams.num.standby.replicas", "1"),
        ("streams.num.standby.replicas", "3"),
        ("streams.num.standby.replicas", "-1"),
        ("streams.initial.rebalance.delay.ms", "0"),
        ("streams.initial.rebalance.delay.ms", "-1"),
        ("streams.assignment.interval.ms", "15001"),
        ("errors.deadletterqueue.topic.name", "x"),
        ("no.such.key", "1"),
    ];
    for (key, value) in values {
        alter_and_read(peer, 32, "tuned", key, value)?;
    }
    alter(peer, "append to a number", 32, "tuned", "share.delivery.count.limit", 2, Some("5"))?;
    // A session is longer than a heartbeat, also across two keys and against the broker's own.
    let both = [("consumer.session.timeout.ms", Some("46000")), ("consumer.heartbeat.interval.ms", Some("15000"))];
    alter_some(peer, "both", 32, "tuned", &both)?;
    other_configs(peer, 32, "share.delivery.count.limit", "3")
}

/// What a subscription to clients' metrics may set (resource type 16).
fn client_metrics_configs(peer: &mut Peer) -> Result<()> {
    let values = [
        ("interval.ms", "60000"),
        ("interval.ms", "100"),
        ("interval.ms", "99"),
        ("interval.ms", "3600000"),
        ("interval.ms", "3600001"),
        ("interval.ms", "x"),
        ("metrics", "org.apache.kafka.consumer."),
        ("metrics", "a,b, c,a"),
        ("metrics", "*"),
        ("metrics", ""),
        ("match", "client_id=.*"),
        ("match", "client_software_name=a.*, client_source_port=1"),
        ("match", "client_id"),
        ("match", "client_id=["),
        ("match", "nobody=1"),
        ("match", "client_id=a=b"),
        ("match", ""),
        ("no.such.key", "1"),
    ];
    for (key, value) in values {
        alter_and_read(peer, 16, "watched", key, value)?;
    }
    other_configs(peer, 16, "interval.ms", "60000")
}

/// What holds for both: names, lists, deletion, the old whole change, and who is listed.
fn other_configs(peer: &mut Peer, kind: i8, key: &str, value: &str) -> Result<()> {
    let settle = || std::thread::sleep(std::time::Duration::from_millis(150));
    listed(peer, "before", 1, &[kind])?;
    alter(peer, "empty name", kind, "", key, 0, Some(value))?;
    alter(peer, "null value", kind, "other", key, 0, None)?;
    alter(peer, "delete what nobody set", kind, "other", key, 1, None)?;
    alter(peer, "delete an unknown key", kind, "other", "no.such", 1, None)?;
    settle();
    listed(peer, "nothing new", 1, &[kind])?;
    alter_some(peer, "one good, one bad", kind, "other", &[(key, Some(value)), ("no.such", Some("1"))])?;
    settle();
    peer.ask("not half", 4, &describe(kind, "other", None))?;
    alter(peer, "set", kind, "other", key, 0, Some(value))?;
    alter(peer, "set in another", kind, "another one!", key, 0, Some(value))?;
    settle();
    for version in 1..=4 {
        peer.ask(&format!("described v{version}"), version, &describe(kind, "other", None))?;
    }
    peer.ask("described one", 4, &describe(kind, "other", Some(&[key, "no.such"])))?;
    peer.ask("described nobody", 4, &describe(kind, "nobody", None))?;
    peer.ask("described nameless", 4, &describe(kind, "", None))?;
    listed(peer, "listed v0", 0, &[])?;
    listed(peer, "listed", 1, &[kind])?;
    for (step, configs) in
        [("whole", vec![(key, Some(value))]), ("whole, bad", vec![("no.such", Some("1"))]), ("whole, nothing", vec![])]
    {
        let config = |(name, value): &(&str, Option<&str>)| milena_wire::alter_configs::AlterableConfig {
            name: (*name).into(),
            value: value.map(Into::into),
            ..Default::default()
        };
        let resource = milena_wire::alter_configs::AlterConfigsResource {
            resource_type: kind,
            resource_name: "other".into(),
            configs: configs.iter().map(config).collect(),
            ..Default::default()
        };
        peer.ask(step, 2, &AlterConfigsRequest { resources: vec![resource], ..Default::default() })?;
        settle();
        peer.ask(&format!("{step}, read back"), 4, &describe(kind, "other", None))?;
    }
    alter(peer, "deleted", kind, "another one!", key, 1, None)?;
    settle();
    listed(peer, "one less", 1, &[kind])
}

/// Who has settings, in order of name: Apache Kafka has none.
fn listed(peer: &mut Peer, step: &str, version: i16, kinds: &[i8]) -> Result<()> {
    let asked = ListConfigResourcesRequest { resource_types: kinds.to_vec(), ..Default::default() };
    let answer = peer.talk(version, &asked)?;
    let mut names: Vec<String> =
        answer.config_resources.iter().map(|r| format!("{} {:?}", r.resource_type, r.resource_name.as_str())).collect();
    names.sort();
    peer.said.insert(step.into(), format!("error: {}\nresources: {names:?}", answer.error_code));
    Ok(())
}

fn alter_and_read(peer: &mut Peer, kind: i8, name: &str, key: &str, value: &str) -> Result<()> {
    alter(peer, &format!("{key}={value:?}"), kind, name, key, 0, Some(value))?;
    // Apache Kafka answers before its own configuration has changed.
    std::thread::sleep(std::time::Duration::from_millis(150));
    peer.ask(&format!("{key}={value:?} read back"), 4, &describe(kind, name, Some(&[key])))?;
    alter(peer, &format!("{key}={value:?} deleted"), kind, name, key, 1, None)
}

fn alter_some(peer: &mut Peer, step: &str, kind: i8, name: &str, configs: &[(&str, Option<&str>)]) -> Result<()> {
    let config = |(name, value): &(&str, Option<&str>)| AlterableConfig {
        name: (*name).into(),
        value: value.map(Into::into),
        ..Default::default()
    };
    let configs = configs.iter().map(config).collect();
    let resource = AlterConfigsResource { resource_type: kind, resource_name: name.into(), configs, ..Default::default() };
    peer.ask(step, 1, &IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() }).map(|_| ())
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

fn without(peer: &mut Peer) -> Result<()> {
    for version in 1..=3 {
        let rule = AclCreation {
            resource_type: 2,
            resource_name: "t".into(),
            principal: "User:a".into(),
            host: "*".into(),
            operation: 3,
            permission_type: 3,
            ..Default::default()
        };
        let any = DescribeAclsRequest { resource_type_filter: 1, operation: 1, permission_type: 1, ..Default::default() };
        let filter = DeleteAclsFilter { resource_type_filter: 1, operation: 1, permission_type: 1, ..Default::default() };
        peer.ask(&format!("rules v{version}"), version, &any)?;
        let made = CreateAclsRequest { creations: vec![rule.clone(), rule], ..Default::default() };
        peer.ask(&format!("rules made v{version}"), version, &made)?;
        let removed = DeleteAclsRequest { filters: vec![filter.clone(), filter], ..Default::default() };
        peer.ask(&format!("rules removed v{version}"), version, &removed)?;
    }
    for version in 0..=1 {
        peer.ask(&format!("quotas v{version}"), version, &DescribeClientQuotasRequest::default())?;
        let component = |entity_type: &str, match_type, name: Option<&str>| ComponentData {
            entity_type: entity_type.into(),
            match_type,
            r#match: name.map(Into::into),
            ..Default::default()
        };
        for (step, components) in [
            ("of a user", vec![component("user", 0, Some("a"))]),
            ("of two that are the same", vec![component("user", 0, Some("a")), component("user", 0, Some("b"))]),
            ("of an unknown kind", vec![component("planet", 0, Some("a"))]),
            ("of an unknown match", vec![component("user", 7, None)]),
            ("of none by name", vec![component("user", 0, None)]),
            ("of an address and a user", vec![component("user", 2, None), component("ip", 2, None)]),
            ("of nothing", vec![component("", 2, None)]),
        ] {
            let asked = DescribeClientQuotasRequest { components, ..Default::default() };
            peer.ask(&format!("quotas {step} v{version}"), version, &asked)?;
        }
    }
    let users = |names: &[&str]| DescribeUserScramCredentialsRequest {
        users: Some(names.iter().map(|name| UserName { name: (*name).into(), ..Default::default() }).collect()),
        ..Default::default()
    };
    peer.ask("credentials of all", 0, &DescribeUserScramCredentialsRequest { users: None, ..Default::default() })?;
    for names in [&[][..], &["a"], &["a", "b", "a"], &[""]] {
        peer.ask(&format!("credentials of {names:?}"), 0, &users(names))?;
    }
    for ids in [&[][..], &["t"], &["t", "", "t"]] {
        let transactional_ids = ids.iter().map(|id| (*id).into()).collect();
        let asked = DescribeTransactionsRequest { transactional_ids, ..Default::default() };
        peer.ask(&format!("transactions {ids:?}"), 0, &asked)?;
    }
    for version in 0..=2 {
        for states in [&[][..], &["Ongoing"], &["Ongoing", "Dead", "x", "x", "PrepareEpochFence", "Empty"], &["ongoing"]] {
            let state_filters = states.iter().map(|state| (*state).into()).collect();
            let asked = ListTransactionsRequest { state_filters, ..Default::default() };
            peer.ask(&format!("transactions in {states:?} v{version}"), version, &asked)?;
        }
    }
    for pattern in ["", "a.*", "(", "a(?=b)"] {
        let asked = ListTransactionsRequest { transactional_id_pattern: Some(pattern.into()), ..Default::default() };
        peer.ask(&format!("transactions like {pattern:?}"), 2, &asked)?;
    }
    Ok(())
}

fn internal(peer: &mut Peer) -> Result<()> {
    let topics = vec![create("__transaction_state", 1, 1)];
    // Transactions of others may have made it there already.
    peer.talk(7, &CreateTopicsRequest { topics, timeout_ms: 5_000, ..Default::default() })?;
    let records = produce::batch(&["a"], Codec::None)?;
    peer.ask("written to", 12, &produce::request("__transaction_state", Uuid::nil(), 0, Some(records)))?;
    Ok(())
}
