//! That the tables are Kafka's, that values are judged as Kafka judges them, and that layers are resolved in its order.
//! What Kafka does was asked of a running 4.3.1.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    differences::DIFFERENCES,
    offered::Offered,
    topic::{Cleanup, Compression, RetentionClock, TimestampType, TopicSettings},
    *,
};
use crate::machine::{Machine, Now};

const NOW: Now = Now { wall: 0, mono: 0 };
/// Names that Kafka 4.3's broker does not have: tools know one from the schema registry and the REST proxy, the others are of
/// Kafka 4.4 (KIP-1191).
const ELSEWHERE: [&str; 9] = [
    "access.control.allow.origin",
    "errors.deadletterqueue.auto.create.topics.enable",
    "errors.deadletterqueue.copy.record.enable",
    "errors.deadletterqueue.group.enable",
    "errors.deadletterqueue.topic.name",
    "errors.deadletterqueue.topic.name.prefix",
    // Its DescribeConfigs tells them only while they are set.
    "follower.replication.throttled.rate",
    "leader.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
];
const KAFKA: &str = include_str!("kafka-4.3.1.tsv");

/// Scope and name to the other columns.
fn kafka() -> BTreeMap<(&'static str, &'static str), Vec<&'static str>> {
    let rows = KAFKA.lines().filter(|l| !l.starts_with('#')).map(|l| l.split('\t').collect::<Vec<_>>());
    rows.map(|r| ((r[0], r[1]), r[2..].to_vec())).collect()
}

fn ours() -> Vec<(&'static str, &'static Setting)> {
    let topic = topic::all().map(|s| ("TOPIC", s));
    let broker = broker::all().map(|s| ("BROKER", s));
    let group = Offered::Group.settings().iter().map(|s| ("GROUP", s));
    let metrics = Offered::ClientMetrics.settings().iter().map(|s| ("CLIENT_METRICS", s));
    topic.chain(broker).chain(group).chain(metrics).collect()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "BOOLEAN",
        Kind::Text => "STRING",
        Kind::Int => "INT",
        Kind::Short => "SHORT",
        Kind::Long => "LONG",
        Kind::Double => "DOUBLE",
        Kind::List => "LIST",
        Kind::Class => "CLASS",
        Kind::Password => "PASSWORD",
    }
}

#[test]
fn every_name_that_kafka_lists_is_here_with_its_type_default_and_reach() {
    let kafka = kafka();
    for (scope, s) in ours().into_iter().filter(|(_, s)| !s.name.starts_with("milena.") && !ELSEWHERE.contains(&s.name)) {
        let theirs = kafka.get(&(scope, s.name)).unwrap_or_else(|| panic!("{scope} {} is no setting of Kafka's", s.name));
        assert_eq!(kind(s.kind), theirs[0], "type of {}", s.name);
        let default = DIFFERENCES.iter().find(|d| d.name == s.name).map_or(s.default.unwrap_or("<null>"), |d| d.kafka);
        assert_eq!(default, theirs[1], "default of {scope} {}", s.name);
        assert_eq!(if s.read_only() { "ro" } else { "rw" }, theirs[2], "{} read-only", s.name);
        assert_eq!(if s.sensitive() { "secret" } else { "open" }, theirs[3], "{} sensitive", s.name);
        if scope == "BROKER" {
            assert_eq!(format!("{:?}", s.reach), theirs[4], "where {} may be changed", s.name);
        }
    }
    let names: BTreeSet<_> = ours().iter().map(|(scope, s)| (*scope, s.name)).collect();
    let missing: Vec<_> = kafka.keys().filter(|k| !names.contains(*k)).collect();
    assert!(missing.is_empty(), "not answered: {missing:?}");
}

#[test]
fn every_setting_has_words_a_valid_default_and_a_reason_if_it_does_nothing() {
    let mut names = BTreeSet::new();
    for (scope, s) in ours() {
        assert!(names.insert((scope, s.name)), "{} is there twice", s.name);
        assert!(s.prose.len() > 15 && s.prose.ends_with('.'), "{} needs a sentence", s.name);
        if let Some(default) = s.default {
            let value = s.value(default).unwrap_or_else(|why| panic!("default of {}: {why}", s.name));
            assert_eq!(value.to_string(), default, "{} shows its default otherwise", s.name);
        }
        if let Bearing::Inert { because } | Bearing::Reported { because } = s.bearing {
            assert!(because.len() > 60 && because.ends_with('.'), "{} needs a reason", s.name);
        }
        for fallback in s.fallbacks {
            assert!(
                broker::setting(fallback.name).is_some(),
                "{} falls back to {}, which is no broker setting",
                s.name,
                fallback.name
            );
        }
    }
}

/// `proofs.txt` against the settings and the sources: nothing is called honoured that no test sees.
#[test]
fn every_honoured_setting_names_the_test_that_sees_its_effect() {
    let lines = include_str!("proofs.txt").lines().filter(|line| !line.starts_with('#'));
    let mut proofs = BTreeMap::new();
    for line in lines {
        let [scope, name, file, test] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("SCOPE NAME FILE TEST: {line}") };
        let source = std::fs::read_to_string(format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR")));
        let source = source.unwrap_or_else(|error| panic!("{file} of {name}: {error}"));
        let source = source.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        let test = format!("#[test]\nfn {test}() {{");
        assert!(source.contains(&test), "{file} has no such test: {line}");
        assert!(proofs.insert((scope, name), line).is_none(), "{name} is there twice");
    }
    let honoured = ours().into_iter().filter(|(_, s)| matches!(s.bearing, Bearing::Honoured { .. }));
    for (scope, setting) in honoured {
        assert!(proofs.remove(&(scope, setting.name)).is_some(), "no test sees {scope} {}: proofs.txt", setting.name);
    }
    assert!(proofs.is_empty(), "not honoured: {proofs:?}");
}

#[test]
fn differences_are_differences() {
    for d in DIFFERENCES {
        let s = topic::setting(d.name).or_else(|| broker::setting(d.name)).or_else(|| Offered::Group.setting(d.name)).unwrap();
        assert_eq!(s.default, Some(d.ours), "{}", d.name);
        assert_ne!(d.kafka, d.ours);
    }
}

/// One change of one topic setting, and what is shown then, or the refusal.
fn set(name: &str, value: &str) -> Result<String, Refusal> {
    topic::alter(&Overrides::new(), &[Change::set(name, value)]).map(|o| o[name].clone())
}

#[test]
fn values_are_judged_and_shown_as_kafka_does() {
    for (name, value, shown) in [
        ("retention.ms", "-1", "-1"),
        ("retention.ms", " 5", "5"),
        ("retention.ms", "+5", "5"),
        ("retention.bytes", "-2", "-2"),
        ("cleanup.policy", "", ""),
        ("cleanup.policy", " compact", "compact"),
        ("cleanup.policy", "delete,delete", "delete"),
        ("cleanup.policy", "compact,delete", "compact,delete"),
        ("compression.type", " gzip", "gzip"),
        ("max.message.bytes", "0", "0"),
        ("min.insync.replicas", "99", "99"),
        ("min.cleanable.dirty.ratio", "1", "1.0"),
        ("min.cleanable.dirty.ratio", "1e-1", "0.1"),
        ("min.cleanable.dirty.ratio", "NaN", "NaN"),
        ("preallocate", "TRUE", "true"),
        ("preallocate", " true", "true"),
        ("compression.gzip.level", "-1", "-1"),
        ("compression.zstd.level", "-131072", "-131072"),
        ("remote.storage.enable", "false", "false"),
        ("leader.replication.throttled.replicas", "*", "*"),
        ("leader.replication.throttled.replicas", "0:1,1:1", "0:1,1:1"),
        ("leader.replication.throttled.replicas", "", ""),
        ("segment.bytes", "1048576", "1048576"),
    ] {
        assert_eq!(set(name, value).as_deref(), Ok(shown), "{name}={value:?}");
    }
    for (name, value) in [
        ("retention.ms", "-2"),
        ("retention.ms", ""),
        ("retention.ms", "1.0"),
        ("retention.ms", "0x10"),
        ("retention.ms", "9223372036854775808"),
        ("cleanup.policy", "Delete"),
        ("cleanup.policy", "delete,"),
        ("cleanup.policy", ","),
        ("compression.type", "none"),
        ("compression.type", "GZIP"),
        ("compression.type", ""),
        ("max.message.bytes", "-1"),
        ("max.message.bytes", "2147483648"),
        ("message.timestamp.type", "createtime"),
        ("segment.bytes", "1048575"),
        ("min.insync.replicas", "0"),
        ("min.cleanable.dirty.ratio", "1.5"),
        ("min.cleanable.dirty.ratio", "-0.1"),
        ("preallocate", "yes"),
        ("compression.gzip.level", "0"),
        ("compression.gzip.level", "10"),
        ("compression.zstd.level", "23"),
        ("remote.storage.enable", "true"),
        ("leader.replication.throttled.replicas", "none"),
        ("max.compaction.lag.ms", "0"),
        ("milena.retention.clock", "producer"),
    ] {
        assert!(matches!(set(name, value), Err(Refusal::BadValue { .. })), "{name}={value:?}");
    }
    assert!(matches!(set("message.format.version", "3.0"), Err(Refusal::Unknown { .. })));
    let long = "x".repeat(VALUE_BYTES_MAX + 1);
    assert!(matches!(set("cleanup.policy", &long), Err(Refusal::BadValue { .. })));
}

#[test]
fn doubles_are_shown_as_java_shows_them() {
    let io = broker::setting("log.cleaner.io.max.bytes.per.second").unwrap();
    assert_eq!(io.value("1.7976931348623157E308").unwrap().to_string(), "1.7976931348623157E308");
    for (given, shown) in [("10000000", "1.0E7"), ("0.0001", "1.0E-4"), ("123.5", "123.5"), ("-0", "-0.0"), ("0", "0.0")] {
        assert_eq!(io.value(given).unwrap().to_string(), shown);
    }
}

#[test]
fn lists_are_appended_to_and_subtracted_from_beginning_at_the_default() {
    let policy = |current: &Overrides, op, value: &str| {
        let change = Change { name: "cleanup.policy".into(), op, value: Some(value.into()) };
        topic::alter(current, &[change])
    };
    let none = Overrides::new();
    let both = policy(&none, Op::Append, "compact").unwrap();
    assert_eq!(both["cleanup.policy"], "delete,compact");
    assert_eq!(policy(&both, Op::Append, "compact").unwrap(), both);
    let compact = policy(&both, Op::Subtract, "delete").unwrap();
    assert_eq!(compact["cleanup.policy"], "compact");
    assert_eq!(policy(&compact, Op::Subtract, "compact").unwrap()["cleanup.policy"], "");
    assert_eq!(policy(&none, Op::Subtract, "foo").unwrap()["cleanup.policy"], "delete");
    assert!(matches!(policy(&none, Op::Append, ""), Err(Refusal::BadValue { .. })));
    let number = Change { name: "retention.ms".into(), op: Op::Append, value: Some("5".into()) };
    assert!(matches!(topic::alter(&none, &[number]), Err(Refusal::NotAList { .. })));
}

#[test]
fn deleting_needs_no_known_name_but_setting_needs_a_value_once() {
    let none = Overrides::new();
    assert_eq!(topic::alter(&none, &[Change::delete("never.heard.of")]), Ok(none.clone()));
    let null = Change { name: "retention.ms".into(), op: Op::Set, value: None };
    assert!(matches!(topic::alter(&none, &[null]), Err(Refusal::NullValue { .. })));
    let twice = [Change::set("retention.ms", "1"), Change::set("retention.ms", "2")];
    assert!(matches!(topic::alter(&none, &twice), Err(Refusal::Twice { .. })));
    let lags = [Change::set("min.compaction.lag.ms", "10"), Change::set("max.compaction.lag.ms", "5")];
    assert!(matches!(topic::alter(&none, &lags), Err(Refusal::Conflict(_))));
}

fn config(changes: &[(Scope, Change)]) -> BrokerConfig {
    let mut config = BrokerConfig::start(&[]).unwrap();
    for (scope, change) in changes {
        let decision = config.decide(NOW, Alter::Some(*scope, vec![change.clone()])).unwrap();
        decision.facts.iter().for_each(|f| config.apply(f));
    }
    config
}

/// Value, source and synonyms as one line.
fn line(entries: &[Entry], name: &str) -> String {
    let e = entries.iter().find(|e| e.setting.name == name).unwrap();
    let synonyms: Vec<_> =
        e.synonyms.iter().map(|g| format!("{}={}@{:?}", g.name, g.value.as_deref().unwrap_or("-"), g.source)).collect();
    format!("{} {:?} [{}]", e.value.as_deref().unwrap_or("-"), e.source, synonyms.join(" "))
}

#[test]
fn a_topic_falls_back_to_broker_cluster_start_and_default_in_that_order() {
    let none = Overrides::new();
    let topic_line = |o: &Overrides, c: &BrokerConfig| line(&topic::describe(o, c), "retention.ms");
    assert_eq!(topic_line(&none, &config(&[])), "-1 Default []");

    let cluster = (Scope::Cluster, Change::set("log.retention.ms", "1000"));
    let broker = (Scope::Broker, Change::set("log.retention.ms", "2000"));
    let one = config(std::slice::from_ref(&cluster));
    assert_eq!(topic_line(&none, &one), "1000 Cluster [log.retention.ms=1000@Cluster log.retention.hours=-1@Default]");
    let two = config(&[cluster, broker]);
    let both = "log.retention.ms=2000@Broker log.retention.ms=1000@Cluster log.retention.hours=-1@Default";
    assert_eq!(topic_line(&none, &two), format!("2000 Broker [{both}]"));
    assert_eq!(TopicSettings::resolve(&none, &two).retention_ms, Some(2000));
    let own = topic::replace(&[("retention.ms".into(), Some("3000".into()))]).unwrap();
    assert_eq!(topic_line(&own, &two), format!("3000 Topic [retention.ms=3000@Topic {both}]"));

    // Hours at start: the value counts, and Kafka still calls it a default without synonyms.
    let hours = BrokerConfig::start(&[("log.retention.hours".into(), Some("24".into()))]).unwrap();
    assert_eq!(topic_line(&none, &hours), "86400000 Default []");
    let minutes = [("log.retention.hours".into(), Some("24".into())), ("log.retention.minutes".into(), Some("300".into()))];
    let minutes = BrokerConfig::start(&minutes).unwrap();
    assert_eq!(TopicSettings::resolve(&none, &minutes).retention_ms, Some(18_000_000));
    assert_eq!(
        line(&minutes.describe(), "log.retention.minutes"),
        "300 Start [log.retention.minutes=300@Start log.retention.hours=24@Start log.retention.hours=-1@Default]"
    );
}

#[test]
fn the_cluster_shows_only_what_was_set_for_it() {
    let config = config(&[(Scope::Cluster, Change::set("max.connections", "5"))]);
    let entries = config.describe_cluster();
    assert_eq!(entries.len(), 1);
    assert_eq!(line(&entries, "max.connections"), "5 Cluster [max.connections=5@Cluster]");
    assert_eq!(
        line(&config.describe(), "max.connections"),
        "5 Cluster [max.connections=5@Cluster max.connections=2147483647@Default]"
    );
    assert_eq!(config.settings().max_connections, 5);
}

#[test]
fn what_is_read_at_the_start_cannot_be_changed_later() {
    let config = config(&[]);
    let alter = |scope, name: &str, value: &str| config.decide(NOW, Alter::Some(scope, vec![Change::set(name, value)]));
    assert!(matches!(alter(Scope::Broker, "node.id", "7"), Err(Refusal::ReadOnly { .. })));
    assert!(matches!(alter(Scope::Cluster, "auto.create.topics.enable", "false"), Err(Refusal::ReadOnly { .. })));
    assert!(matches!(alter(Scope::Cluster, "ssl.client.auth", "none"), Err(Refusal::NeedsBroker { .. })));
    assert!(matches!(alter(Scope::Broker, "listeners", "PLAINTEXT://:1"), Err(Refusal::ReadOnly { .. })));
    assert!(matches!(alter(Scope::Broker, "ssl.keystore.password", "x"), Err(Refusal::NeedsListener { .. })));
    assert!(matches!(alter(Scope::Cluster, "foo.bar", "x"), Err(Refusal::Unknown { .. })));
    assert!(matches!(alter(Scope::Cluster, "max.connections", "abc"), Err(Refusal::BadValue { .. })));
    assert!(matches!(alter(Scope::Cluster, "log.roll.ms", "0"), Err(Refusal::BadValue { .. })));
    assert!(matches!(alter(Scope::Cluster, "log.retention.ms", "0"), Err(Refusal::BadValue { .. })));
    assert!(alter(Scope::Cluster, "log.retention.ms", "-1").is_ok());
    assert!(BrokerConfig::start(&[("log.retention.hours".into(), Some("0".into()))]).is_err());
    assert!(alter(Scope::Cluster, "max.connections", "5").is_ok());
    assert!(config.decide(NOW, Alter::Some(Scope::Cluster, vec![Change::delete("node.id")])).is_ok());
}

#[test]
fn dynamic_settings_survive_a_restart_as_facts() {
    let before = config(&[
        (Scope::Cluster, Change::set("max.connections", "5")),
        (Scope::Broker, Change::set("message.max.bytes", "2000000")),
        (Scope::Broker, Change::set("log.retention.ms", "1")),
        (Scope::Broker, Change::delete("log.retention.ms")),
    ]);
    let mut after = BrokerConfig::start(&[]).unwrap();
    for (scope, name, value) in [(Scope::Cluster, "max.connections", "5"), (Scope::Broker, "message.max.bytes", "2000000")] {
        let changes = vec![(name.into(), Some(value.into()))];
        after.apply(&BrokerConfigChanged { scope, changes }.into());
    }
    assert_eq!(before, after);
    let mut bytes = Vec::new();
    before.snapshot(&mut bytes);
    let mut restored = BrokerConfig::start(&[]).unwrap();
    restored.restore(&bytes).unwrap();
    assert_eq!(before, restored);
    assert_eq!(TopicSettings::resolve(&Overrides::new(), &after).max_message_bytes, 2_000_000);
    let whole = after.decide(NOW, Alter::Whole(Scope::Broker, vec![])).unwrap();
    whole.facts.iter().for_each(|f| after.apply(f));
    assert_eq!(line(&after.describe(), "message.max.bytes"), "1048588 Default [message.max.bytes=1048588@Default]");
}

#[test]
fn secrets_are_never_shown() {
    let secret = [("sasl.jaas.config".to_string(), Some("user and password".to_string()))];
    let config = BrokerConfig::start(&secret).unwrap();
    assert_eq!(line(&config.describe(), "sasl.jaas.config"), "- Start [sasl.jaas.config=-@Start]");
    let bad = broker::setting("sasl.jaas.config").unwrap();
    let long = "x".repeat(VALUE_BYTES_MAX + 1);
    let refused = BrokerConfig::start(&[(bad.name.into(), Some(long.clone()))]).unwrap_err();
    assert!(!refused.to_string().contains(&long));
}

#[test]
fn honoured_settings_come_out_typed() {
    let t = TopicSettings::default();
    assert_eq!((t.retention_ms, t.retention_bytes, t.retention_clock), (None, None, RetentionClock::Append));
    assert_eq!((t.compression, t.timestamp_type), (Compression::Producer, TimestampType::Create));
    assert_eq!(t.cleanup, Cleanup { delete: true, compact: false });
    let asked: Vec<_> = [
        ("retention.ms", "5"),
        ("retention.bytes", "0"),
        ("milena.retention.clock", "create"),
        ("compression.type", "zstd"),
        ("message.timestamp.type", "LogAppendTime"),
        ("message.timestamp.after.max.ms", "7"),
        ("cleanup.policy", "compact"),
        ("max.message.bytes", "99"),
    ]
    .map(|(n, v)| (n.to_string(), Some(v.to_string())))
    .into();
    let t = TopicSettings::resolve(&topic::replace(&asked).unwrap(), &BrokerConfig::default());
    assert_eq!((t.retention_ms, t.retention_bytes, t.retention_clock), (Some(5), Some(0), RetentionClock::Create));
    assert_eq!((t.compression, t.timestamp_type, t.timestamp_after_max_ms), (Compression::Zstd, TimestampType::LogAppend, 7));
    assert_eq!((t.cleanup, t.max_message_bytes), (Cleanup { delete: false, compact: true }, 99));

    let b = BrokerConfig::default().settings();
    assert_eq!((b.offsets_retention_ms, b.group_initial_rebalance_delay_ms, b.num_partitions), (None, 0, 1));
    let asked = [
        ("offsets.retention.minutes".to_string(), Some("10".to_string())),
        ("max.connections.per.ip.overrides".into(), Some("10.0.0.1:3, [::1]:4".into())),
        ("milena.http.address".into(), Some("127.0.0.1:8080".into())),
    ];
    let b = BrokerConfig::start(&asked).unwrap().settings();
    assert_eq!(b.offsets_retention_ms, Some(600_000));
    assert_eq!(b.max_connections_per_ip_overrides, [("10.0.0.1".to_string(), 3), ("::1".to_string(), 4)]);
    assert_eq!(b.http_address.as_deref(), Some("127.0.0.1:8080"));
}

/// A broker's configuration after these changes to one group or subscription.
fn set_on(config: &mut BrokerConfig, kind: Offered, name: &str, changes: &[Change]) -> Result<(), Refusal> {
    let decision = config.decide(NOW, Alter::SomeOf(kind, name.into(), changes.to_vec()))?;
    decision.facts.iter().for_each(|f| config.apply(f));
    Ok(())
}

#[test]
fn a_group_falls_back_to_the_broker_and_then_to_its_default() {
    let mut config = config(&[]);
    let shown = |config: &BrokerConfig, name: &str| line(&Offered::Group.describe(config, "g"), name);
    let below = "group.consumer.session.timeout.ms=45000@Default";
    assert_eq!(shown(&config, "consumer.session.timeout.ms"), format!("45000 Default [{below}]"));
    let isolation = "share.isolation.level=read_uncommitted@Default";
    assert_eq!(shown(&config, "share.isolation.level"), format!("read_uncommitted Default [{isolation}]"));
    let asked = [Change::set("consumer.session.timeout.ms", "50000"), Change::set("share.isolation.level", "read_committed")];
    set_on(&mut config, Offered::Group, "g", &asked).unwrap();
    assert_eq!(
        shown(&config, "consumer.session.timeout.ms"),
        format!("50000 Group [consumer.session.timeout.ms=50000@Group {below}]")
    );
    assert_eq!(
        shown(&config, "share.isolation.level"),
        format!("read_committed Group [share.isolation.level=read_committed@Group {isolation}]")
    );
    let setting = Offered::Group.setting("consumer.session.timeout.ms").unwrap();
    assert_eq!(Offered::Group.effective(&config, "g", setting), Some(Value::Integer(50_000)));
    assert_eq!(Offered::Group.effective(&config, "another", setting), Some(Value::Integer(45_000)));
    assert_eq!(line(&Offered::ClientMetrics.describe(&config, "g"), "interval.ms"), "300000 Default []");
    set_on(&mut config, Offered::ClientMetrics, "g", &[Change::set("interval.ms", "100")]).unwrap();
    assert_eq!(
        line(&Offered::ClientMetrics.describe(&config, "g"), "interval.ms"),
        "100 ClientMetrics [interval.ms=100@ClientMetrics]"
    );
    assert_eq!(config.resources(Offered::Group).collect::<Vec<_>>(), ["g"]);
    let taken_back = ["consumer.session.timeout.ms", "share.isolation.level"].map(Change::delete);
    set_on(&mut config, Offered::Group, "g", &taken_back).unwrap();
    assert_eq!(config.resources(Offered::Group).count(), 0);
    assert_eq!(config.resources(Offered::ClientMetrics).collect::<Vec<_>>(), ["g"]);
}

#[test]
fn settings_of_groups_are_judged_as_kafka_does() {
    let config = config(&[]);
    let judged = |kind, name: &str, value: &str| {
        config.decide(NOW, Alter::SomeOf(kind, "g".into(), vec![Change::set(name, value)])).map(|_| ())
    };
    let group = |name: &str, value: &str| judged(Offered::Group, name, value);
    for (name, value) in [
        ("consumer.session.timeout.ms", "44999"),
        ("consumer.session.timeout.ms", "60001"),
        ("share.record.lock.duration.ms", "14999"),
        ("share.delivery.count.limit", "11"),
        ("streams.num.standby.replicas", "3"),
    ] {
        assert!(matches!(group(name, value), Err(Refusal::Conflict(_))), "{name}={value}");
    }
    for (name, value) in [
        ("consumer.session.timeout.ms", "-1"),
        ("share.delivery.count.limit", "1"),
        ("share.auto.offset.reset", "EARLIEST"),
        ("share.auto.offset.reset", "by_duration:"),
        ("share.auto.offset.reset", "by_duration:P"),
        ("share.auto.offset.reset", "by_duration:PT"),
        ("share.auto.offset.reset", "by_duration:P1DT"),
        ("share.auto.offset.reset", "by_duration:-PT1H"),
        ("share.auto.offset.reset", "by_duration:PT-1H"),
        ("share.auto.offset.reset", "by_duration:PT1M1H"),
        ("share.auto.offset.reset", "by_duration:PT1.0123456789S"),
        ("share.auto.offset.reset", "by_duration:P1Y"),
        ("share.isolation.level", "READ_COMMITTED"),
    ] {
        assert!(matches!(group(name, value), Err(Refusal::BadValue { .. })), "{name}={value}");
    }
    for value in ["earliest", "by_duration:PT1H", "by_duration:P1DT2H3M4.5S", "by_duration:pt0.001s", "by_duration:-PT-5M"] {
        assert_eq!(group("share.auto.offset.reset", value), Ok(()), "{value}");
    }
    assert!(matches!(group("no.such", "1"), Err(Refusal::Unknown { .. })));
    let metrics = |name: &str, value: &str| judged(Offered::ClientMetrics, name, value);
    assert_eq!(metrics("interval.ms", "99"), Err(Refusal::BadInterval { ms: 99 }));
    assert!(matches!(metrics("no.such", "1"), Err(Refusal::UnknownMetrics { .. })));
    for value in ["client_id", "client_id=[", "nobody=1", "client_id=a=b", "client_id="] {
        assert!(matches!(metrics("match", value), Err(Refusal::BadValue { .. })), "{value}");
    }
    assert_eq!(metrics("match", "client_software_name=a.*, client_source_port=1"), Ok(()));
    assert_eq!(metrics("match", ""), Ok(()));
}

/// What each of them does is seen by the tests of share groups; here, that it is this setting that says so.
#[test]
fn share_groups_work_by_their_own_settings_and_else_by_the_brokers() {
    use crate::share::{Rules, Start, letter_is_whole, letter_topic};
    type Expect = fn(&mut Rules);
    let own: [(&str, &str, Expect); 15] = [
        ("share.session.timeout.ms", "50000", |r| r.session_ms = 50_000),
        ("share.heartbeat.interval.ms", "6000", |r| r.heartbeat_ms = 6_000),
        ("share.record.lock.duration.ms", "20000", |r| r.lock_ms = 20_000),
        ("share.delivery.count.limit", "3", |r| r.deliveries = 3),
        ("share.partition.max.record.locks", "200", |r| r.locks_max = 200),
        ("share.auto.offset.reset", "latest", |r| r.start = Start::Latest),
        ("share.renew.acknowledge.enable", "false", |r| r.renew = false),
        ("milena.share.dead.letters", "false", |r| r.letters = false),
        ("milena.share.order", "key", |r| r.by_key = true),
        ("milena.share.record.lock.duration.ms", "604800000", |r| r.lock_ms = 604_800_000),
        ("milena.share.delivery.count.limit", "1000", |r| r.deliveries = 1_000),
        ("milena.share.delay.ms", "60000", |r| r.delay_ms = 60_000),
        ("milena.share.paused", "true", |r| r.paused = true),
        ("milena.share.hold.retention", "true", |r| r.holds = true),
        ("milena.share.start.ms", "7", |r| r.start = Start::Since(7)),
    ];
    for (name, value, change) in own {
        let mut config = config(&[]);
        set_on(&mut config, Offered::Group, "g", &[Change::set(name, value)]).unwrap();
        let mut expected = Rules::default();
        change(&mut expected);
        assert_ne!(expected, Rules::default(), "{name} says something");
        assert_eq!(Rules::of(&config, "g"), expected, "{name}");
        assert_eq!(Rules::of(&config, "another"), Rules::default(), "{name}");
        let fallback = Offered::Group.setting(name).unwrap().fallbacks.first();
        if let Some(broker) = fallback {
            let config = BrokerConfig::start(&[(broker.name.to_owned(), Some(value.to_owned()))]).unwrap();
            assert_eq!(Rules::of(&config, "g"), expected, "{}", broker.name);
        }
    }
    let mut config = config(&[]);
    set_on(&mut config, Offered::Group, "g", &[Change::set("errors.deadletterqueue.topic.name", "dead")]).unwrap();
    assert_eq!((letter_topic(&config, "g").as_deref(), letter_topic(&config, "another")), (Some("dead"), None));
    set_on(&mut config, Offered::Group, "g", &[Change::set("errors.deadletterqueue.copy.record.enable", "false")]).unwrap();
    assert_eq!((letter_is_whole(&config, "g"), letter_is_whole(&config, "another")), (false, true));
    for bad in ["__dead", "dead letters"] {
        set_on(&mut config, Offered::Group, "g", &[Change::set("errors.deadletterqueue.topic.name", bad)]).unwrap_err();
    }
}

/// Beyond what Kafka allows a group: from one delivery to a thousand, and locks from a second to a week.
#[test]
fn a_queue_has_limits_that_fit_whatever_the_brokers_bounds_are() {
    let set = |name: &str, value: &str| {
        let mut config = config(&[]);
        set_on(&mut config, Offered::Group, "g", &[Change::set(name, value)]).map(|_| crate::share::Rules::of(&config, "g"))
    };
    for (name, sound, beyond) in [
        ("milena.share.record.lock.duration.ms", ["1000", "604800000"], ["999", "604800001"]),
        ("milena.share.delivery.count.limit", ["1", "1000"], ["0", "1001"]),
        ("milena.share.delay.ms", ["0", "604800000"], ["-1", "604800001"]),
    ] {
        sound.iter().for_each(|value| assert!(set(name, value).is_ok(), "{name}={value}"));
        beyond.iter().for_each(|value| assert!(set(name, value).is_err(), "{name}={value}"));
    }
}

#[test]
fn the_broker_bounds_what_a_share_group_may_set() {
    for (bound, at, name, beyond) in [
        ("group.share.min.session.timeout.ms", "10000", "share.session.timeout.ms", "9999"),
        ("group.share.max.session.timeout.ms", "70000", "share.session.timeout.ms", "70001"),
        ("group.share.min.heartbeat.interval.ms", "1000", "share.heartbeat.interval.ms", "999"),
        ("group.share.max.heartbeat.interval.ms", "20000", "share.heartbeat.interval.ms", "20001"),
        ("group.share.min.record.lock.duration.ms", "2000", "share.record.lock.duration.ms", "1999"),
        ("group.share.max.record.lock.duration.ms", "90000", "share.record.lock.duration.ms", "90001"),
        ("group.share.min.delivery.count.limit", "4", "share.delivery.count.limit", "3"),
        ("group.share.max.delivery.count.limit", "20", "share.delivery.count.limit", "21"),
        ("group.share.min.partition.max.record.locks", "300", "share.partition.max.record.locks", "299"),
        ("group.share.max.partition.max.record.locks", "5000", "share.partition.max.record.locks", "5001"),
    ] {
        let mut config = BrokerConfig::start(&[(bound.to_owned(), Some(at.to_owned()))]).unwrap();
        let refused = set_on(&mut config, Offered::Group, "g", &[Change::set(name, beyond)]);
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{name}={beyond} is beyond {bound}: {refused:?}");
        set_on(&mut config, Offered::Group, "g", &[Change::set(name, at)]).unwrap_or_else(|e| panic!("{name}={at}: {e}"));
    }
}

#[test]
fn settings_of_groups_survive_a_restart_and_have_a_bound() {
    let mut config = config(&[(Scope::Cluster, Change::set("max.connections", "5"))]);
    set_on(&mut config, Offered::Group, "grüße", &[Change::set("share.delivery.count.limit", "3")]).unwrap();
    let (mut bytes, mut restored) = (Vec::new(), BrokerConfig::default());
    config.snapshot(&mut bytes);
    restored.restore(&bytes).unwrap();
    assert_eq!(config, restored);
    // What the first release wrote had none.
    let mut first = BrokerConfig::default();
    first.restore(b"\x01\x01\x00\x01\x0fmax.connections\x01\x015").unwrap();
    assert_eq!(first.settings().max_connections, 5);
    let one = || [Change::set("interval.ms", "1000")];
    for n in 1..crate::limits::RESOURCES_WITH_SETTINGS_MAX {
        let name = format!("s{n}").into();
        let changes = vec![("interval.ms".into(), Some("1000".into()))];
        restored.apply(&ResourceConfigChanged { kind: Offered::ClientMetrics, name, changes }.into());
    }
    let refused = set_on(&mut restored, Offered::ClientMetrics, "one more", &one());
    assert!(matches!(refused, Err(Refusal::TooManyResources { .. })));
    set_on(&mut restored, Offered::ClientMetrics, "s1", &[Change::delete("interval.ms")]).unwrap();
    set_on(&mut restored, Offered::ClientMetrics, "one more", &one()).unwrap();
}

/// As Kafka refuses it, in its words: from what holds now, wherever that was set, to more than twice or less than half of it.
#[test]
fn threads_are_at_most_doubled_or_halved_at_once() {
    let mut config = config(&[]);
    let mut try_ = |scope, change: Change| {
        let decision = config.decide(NOW, Alter::Some(scope, vec![change]))?;
        decision.facts.iter().for_each(|f| config.apply(f));
        Ok::<_, Refusal>(())
    };
    let refused = |words: &str| Err(Refusal::Step(words.into()));
    let set = |count: &str| Change::set("num.io.threads", count);
    let more = "Dynamic thread count update validation failed for num.io.threads=80, value should not be greater than double the current value 8";
    assert_eq!(try_(Scope::Broker, set("80")), refused(more));
    assert_eq!(try_(Scope::Cluster, set("17")), refused(&more.replace("80", "17")));
    assert_eq!(try_(Scope::Cluster, set("16")), Ok(()));
    let less =
        "Dynamic thread count update validation failed for num.io.threads=7, value should be at least half the current value 16";
    assert_eq!(try_(Scope::Broker, set("7")), refused(less));
    assert_eq!(try_(Scope::Broker, set("32")), Ok(()));
    // The broker's own value holds, whatever is said for all of them.
    assert_eq!(try_(Scope::Cluster, set("500")), Ok(()));
    // Going back to that is a step, too.
    assert!(matches!(try_(Scope::Broker, Change::delete("num.io.threads")), Err(Refusal::Step(_))));
    let cleaner = "Log cleaner threads cannot be increased to more than double the current value 1";
    assert_eq!(try_(Scope::Broker, Change::set("log.cleaner.threads", "3")), refused(cleaner));
    assert!(matches!(try_(Scope::Broker, set("0")), Err(Refusal::BadValue { .. })), "less than one is another error");
    // A start is no step.
    BrokerConfig::start(&[("num.io.threads".into(), Some("80".into()))]).unwrap();
}

#[test]
fn manual_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
    let page = manual::page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).unwrap();
        std::fs::write(path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == page, "docs/settings.md is stale: UPDATE_DOCS=1 cargo test -p milena-engine manual");
}

#[test]
fn what_was_written_about_the_broker_stays_readable() {
    let fact = BrokerConfigChanged {
        scope: Scope::Broker,
        changes: vec![("max.connections".into(), Some("5".into())), ("log.retention.ms".into(), None)],
    };
    let golden = b"\x38\x01\x01\x02\x0fmax.connections\x01\x015\x10log.retention.ms\x00";
    let mut bytes = Vec::new();
    BrokerConfigFact::from(fact.clone()).encode(&mut bytes);
    assert_eq!(bytes, golden);
    assert_eq!(BrokerConfigFact::decode(golden), Ok(fact.into()));
    for end in 0..golden.len() {
        assert!(BrokerConfigFact::decode(&golden[..end]).is_err(), "cut at {end}");
    }
    let changes = vec![("interval.ms".into(), Some("5".into())), ("match".into(), None)];
    let fact = ResourceConfigChanged { kind: Offered::ClientMetrics, name: "s".into(), changes };
    let golden = b"\x39\x01\x01\x01s\x02\x0binterval.ms\x01\x015\x05match\x00";
    let mut bytes = Vec::new();
    BrokerConfigFact::from(fact.clone()).encode(&mut bytes);
    assert_eq!(bytes, golden);
    assert_eq!(BrokerConfigFact::decode(golden), Ok(fact.into()));
}

/// Apache Kafka tells quotas of replication only while they are set, and takes them at any time.
#[test]
fn a_throttle_is_taken_and_told_while_it_is_set() {
    const NAME: &str = "leader.replication.throttled.rate";
    let mut config = BrokerConfig::start(&[]).unwrap();
    let told = |config: &BrokerConfig| config.describe().into_iter().find(|e| e.setting.name == NAME).and_then(|e| e.value);
    assert_eq!(told(&config), None);
    assert!(!config.describe().iter().any(|entry| entry.setting.name == NAME));
    for (value, after) in [(Some("1000"), Some("1000")), (None, None)] {
        let change = value.map_or(Change::delete(NAME), |value| Change::set(NAME, value));
        let decision = config.decide(NOW, Alter::Some(Scope::Broker, vec![change])).unwrap();
        decision.facts.iter().for_each(|fact| config.apply(fact));
        assert_eq!(told(&config).as_deref(), after);
    }
}
