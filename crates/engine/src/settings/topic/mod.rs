//! Topic settings: one file for each that this broker honours, a table for the others, and the typed whole that a
//! partition works with.

mod cleanup_policy;
mod compression_type;
mod errors_deadletterqueue_group_enable;
mod inert;
mod max_message_bytes;
mod message_timestamp_after_max_ms;
mod message_timestamp_before_max_ms;
mod message_timestamp_type;
mod milena_retention_clock;
mod milena_retention_gap_policy;
mod milena_retention_until_consumed;
mod milena_retention_until_consumed_max_ms;
mod retention_bytes;
mod retention_ms;

use std::{collections::BTreeMap, sync::LazyLock};

pub use cleanup_policy::Cleanup;
pub use compression_type::Compression;
pub use message_timestamp_type::TimestampType;
pub use milena_retention_clock::RetentionClock;
pub use milena_retention_gap_policy::GapPolicy;

use super::{
    broker,
    change::{self, Change, Overrides, Refusal},
    describe::{Entry, Given, Source},
    layers::BrokerConfig,
    parse::Value,
    setting::Setting,
};

const HONOURED: &[Setting] = &[
    cleanup_policy::SETTING,
    compression_type::SETTING,
    errors_deadletterqueue_group_enable::SETTING,
    max_message_bytes::SETTING,
    message_timestamp_after_max_ms::SETTING,
    message_timestamp_before_max_ms::SETTING,
    message_timestamp_type::SETTING,
    milena_retention_clock::SETTING,
    milena_retention_gap_policy::SETTING,
    milena_retention_until_consumed::SETTING,
    milena_retention_until_consumed_max_ms::SETTING,
    retention_bytes::SETTING,
    retention_ms::SETTING,
];

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static Setting>> =
    LazyLock::new(|| HONOURED.iter().chain(inert::all()).map(|s| (s.name, s)).collect());

/// Every topic setting, by name.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    BY_NAME.values().copied()
}

/// The setting of that name.
pub fn setting(name: &str) -> Option<&'static Setting> {
    BY_NAME.get(name).copied()
}

fn known(name: &str) -> Result<&'static Setting, Refusal> {
    setting(name).ok_or_else(|| Refusal::Unknown { noun: "topic", name: name.into() })
}

/// IncrementalAlterConfigs on a topic: what is set afterwards.
pub fn alter(current: &Overrides, changes: &[Change]) -> Result<Overrides, Refusal> {
    let next = change::incremental(current, changes, known)?;
    consistent(&next).map(|()| next)
}

/// AlterConfigs and CreateTopics: everything that is set afterwards.
pub fn replace(asked: &[(String, Option<String>)]) -> Result<Overrides, Refusal> {
    let next = change::whole(asked, known)?;
    consistent(&next).map(|()| next)
}

/// What no single value can say wrong.
fn consistent(overrides: &Overrides) -> Result<(), Refusal> {
    let lag = |name: &str| {
        let text = overrides.get(name).map(String::as_str).or(setting(name)?.default)?;
        text.parse::<i64>().ok()
    };
    match (lag("min.compaction.lag.ms"), lag("max.compaction.lag.ms")) {
        (Some(min), Some(max)) if min > max => {
            Err(Refusal::Conflict(format!("min.compaction.lag.ms ({min}) is above max.compaction.lag.ms ({max})")))
        }
        _ => Ok(()),
    }
}

/// DescribeConfigs of a topic: every setting as it stands.
pub fn describe(overrides: &Overrides, broker: &BrokerConfig) -> Vec<Entry> {
    let from = Resolved { overrides, broker };
    all().map(|s| Entry::new(s, from.value(s).map(|v| v.to_string()), from.given(s))).collect()
}

/// Every honoured topic setting, typed. Resolve when an override or the broker's configuration changes; share as an `Arc`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicSettings {
    /// Milliseconds; `None` keeps for ever.
    pub retention_ms: Option<i64>,
    /// Bytes a partition; `None` is without limit.
    pub retention_bytes: Option<u64>,
    pub retention_clock: RetentionClock,
    /// Groups that must have read a record before it goes.
    pub retention_readers: Vec<String>,
    /// How old a batch may become while retention waits for them.
    pub retention_readers_max_ms: i64,
    /// What a reader is told that stands before the log start.
    pub gap_policy: GapPolicy,
    /// Bytes of one batch.
    pub max_message_bytes: u32,
    pub timestamp_type: TimestampType,
    pub timestamp_before_max_ms: i64,
    pub timestamp_after_max_ms: i64,
    pub compression: Compression,
    pub cleanup: Cleanup,
    /// Whether share groups may write dead letters to it.
    pub takes_letters: bool,
}

impl TopicSettings {
    /// Topic before broker (dynamic, then at start) before default.
    pub fn resolve(overrides: &Overrides, broker: &BrokerConfig) -> Self {
        let from = &Resolved { overrides, broker };
        Self {
            retention_ms: retention_ms::read(from),
            retention_bytes: retention_bytes::read(from),
            retention_clock: milena_retention_clock::read(from),
            retention_readers: milena_retention_until_consumed::read(from),
            retention_readers_max_ms: milena_retention_until_consumed_max_ms::read(from),
            gap_policy: milena_retention_gap_policy::read(from),
            max_message_bytes: max_message_bytes::read(from),
            timestamp_type: message_timestamp_type::read(from),
            timestamp_before_max_ms: message_timestamp_before_max_ms::read(from),
            timestamp_after_max_ms: message_timestamp_after_max_ms::read(from),
            compression: compression_type::read(from),
            cleanup: cleanup_policy::read(from),
            takes_letters: errors_deadletterqueue_group_enable::read(from),
        }
    }
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self::resolve(&Overrides::new(), &BrokerConfig::default())
    }
}

/// A topic's overrides on top of the broker's configuration.
struct Resolved<'a> {
    overrides: &'a Overrides,
    broker: &'a BrokerConfig,
}

impl Resolved<'_> {
    fn value(&self, setting: &Setting) -> Option<Value> {
        if let Some(text) = self.overrides.get(setting.name) {
            return setting.value(text).ok();
        }
        let from_broker = setting.fallbacks.first().and_then(|f| broker::setting(f.name)).and_then(|s| self.broker.effective(s));
        from_broker.or_else(|| setting.default_value())
    }

    /// The topic's own value, then what the broker's setting of the same meaning shows.
    fn given(&self, setting: &'static Setting) -> Vec<Given> {
        let own = self.overrides.get(setting.name);
        let own = own.map(|v| Given { name: setting.name, value: Some(v.clone()), source: Source::Topic });
        let broker = setting.fallbacks.first().and_then(|f| broker::setting(f.name));
        own.into_iter().chain(broker.map(|s| self.broker.given(s)).unwrap_or_default()).collect()
    }

    fn integer(&self, setting: &Setting) -> i64 {
        match self.value(setting) {
            Some(Value::Integer(v)) => v,
            other => unreachable!("{} has a default and its kind was checked when it was set: {other:?}", setting.name),
        }
    }

    fn boolean(&self, setting: &Setting) -> bool {
        matches!(self.value(setting), Some(Value::Boolean(true)))
    }

    fn text(&self, setting: &Setting) -> String {
        self.value(setting).map(|v| v.to_string()).unwrap_or_default()
    }

    fn list(&self, setting: &Setting) -> Vec<String> {
        match self.value(setting) {
            Some(Value::List(items)) => items,
            _ => Vec::new(),
        }
    }
}
