//! Broker settings: one file for each that this broker honours, tables for the others, and the typed whole.
//! The settings that give topics their defaults have no typed reader here: topics read them through [`super::topic`].

mod access_control_allow_origin;
mod auto_create_topics_enable;
mod compression_type;
mod connections_max_idle_ms;
mod delete_topic_enable;
mod errors_deadletterqueue_auto_create_topics_enable;
mod errors_deadletterqueue_topic_name_prefix;
mod fetch_max_bytes;
mod group_initial_rebalance_delay_ms;
mod group_max_session_timeout_ms;
mod group_max_size;
mod group_min_session_timeout_ms;
mod inert;
mod log_cleanup_policy;
mod log_message_timestamp_after_max_ms;
mod log_message_timestamp_before_max_ms;
mod log_message_timestamp_type;
mod log_retention_bytes;
mod log_retention_hours;
mod log_retention_minutes;
mod log_retention_ms;
mod max_connections;
mod max_connections_per_ip;
mod max_connections_per_ip_overrides;
mod max_incremental_fetch_session_cache_slots;
mod message_max_bytes;
mod milena_http_address;
mod milena_registry_address;
mod milena_registry_profile;
mod num_partitions;
mod offset_metadata_max_bytes;
mod offsets_retention_minutes;
mod producer_id_expiration_ms;
mod queued_max_request_bytes;
mod socket_request_max_bytes;

use std::{collections::BTreeMap, sync::LazyLock};

use super::{change::Refusal, layers::BrokerConfig, parse::Value, setting::Setting};

const HONOURED: &[Setting] = &[
    access_control_allow_origin::SETTING,
    auto_create_topics_enable::SETTING,
    compression_type::SETTING,
    connections_max_idle_ms::SETTING,
    delete_topic_enable::SETTING,
    errors_deadletterqueue_auto_create_topics_enable::SETTING,
    errors_deadletterqueue_topic_name_prefix::SETTING,
    fetch_max_bytes::SETTING,
    group_initial_rebalance_delay_ms::SETTING,
    group_max_session_timeout_ms::SETTING,
    group_max_size::SETTING,
    group_min_session_timeout_ms::SETTING,
    log_cleanup_policy::SETTING,
    log_message_timestamp_after_max_ms::SETTING,
    log_message_timestamp_before_max_ms::SETTING,
    log_message_timestamp_type::SETTING,
    log_retention_bytes::SETTING,
    log_retention_hours::SETTING,
    log_retention_minutes::SETTING,
    log_retention_ms::SETTING,
    max_connections::SETTING,
    max_connections_per_ip::SETTING,
    max_connections_per_ip_overrides::SETTING,
    max_incremental_fetch_session_cache_slots::SETTING,
    message_max_bytes::SETTING,
    milena_http_address::SETTING,
    milena_registry_address::SETTING,
    milena_registry_profile::SETTING,
    num_partitions::SETTING,
    offset_metadata_max_bytes::SETTING,
    offsets_retention_minutes::SETTING,
    producer_id_expiration_ms::SETTING,
    queued_max_request_bytes::SETTING,
    socket_request_max_bytes::SETTING,
];

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static Setting>> =
    LazyLock::new(|| HONOURED.iter().chain(inert::all()).map(|s| (s.name, s)).collect());

/// Every broker setting, by name.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    BY_NAME.values().copied()
}

/// The setting of that name.
pub fn setting(name: &str) -> Option<&'static Setting> {
    BY_NAME.get(name).copied()
}

/// Whether it is told only while it is set.
pub(super) fn is_told_when_set(setting: &Setting) -> bool {
    inert::replication::THROTTLES.iter().any(|throttle| throttle.name == setting.name)
}

pub(super) fn known(name: &str) -> Result<&'static Setting, Refusal> {
    setting(name).ok_or_else(|| Refusal::Unknown { noun: "broker", name: name.into() })
}

/// Every honoured broker setting that is not a topic's default, typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerSettings {
    pub auto_create_topics_enable: bool,
    pub num_partitions: u32,
    pub delete_topic_enable: bool,
    pub group_min_session_timeout_ms: i64,
    pub group_max_session_timeout_ms: i64,
    pub group_max_size: usize,
    pub group_initial_rebalance_delay_ms: i64,
    /// Milliseconds after which positions of an abandoned group expire; `None` is never.
    pub offsets_retention_ms: Option<i64>,
    pub offset_metadata_max_bytes: usize,
    pub producer_id_expiration_ms: i64,
    pub fetch_max_bytes: usize,
    pub fetch_session_slots: usize,
    /// Negative is never.
    pub connections_max_idle_ms: i64,
    pub max_connections: usize,
    pub max_connections_per_ip: usize,
    pub max_connections_per_ip_overrides: Vec<(String, usize)>,
    pub socket_request_max_bytes: usize,
    /// Bytes of requests and answers that all connections may hold together.
    pub queued_max_bytes: usize,
    pub http_address: Option<String>,
    /// `auto`, `7` or `8`.
    pub registry_profile: String,
    /// Origins whose pages may use the HTTP doors.
    pub allowed_origins: Option<String>,
    /// Whether the first dead letter makes its topic.
    pub letters_make_topics: bool,
    /// What the names of topics of dead letters begin with.
    pub letters_prefix: String,
}

impl BrokerSettings {
    pub(super) fn resolve(config: &BrokerConfig) -> Self {
        let from = &Resolved(config);
        Self {
            auto_create_topics_enable: auto_create_topics_enable::read(from),
            num_partitions: num_partitions::read(from),
            delete_topic_enable: delete_topic_enable::read(from),
            group_min_session_timeout_ms: group_min_session_timeout_ms::read(from),
            group_max_session_timeout_ms: group_max_session_timeout_ms::read(from),
            group_max_size: group_max_size::read(from),
            group_initial_rebalance_delay_ms: group_initial_rebalance_delay_ms::read(from),
            offsets_retention_ms: offsets_retention_minutes::read(from),
            offset_metadata_max_bytes: offset_metadata_max_bytes::read(from),
            producer_id_expiration_ms: producer_id_expiration_ms::read(from),
            fetch_max_bytes: fetch_max_bytes::read(from),
            fetch_session_slots: max_incremental_fetch_session_cache_slots::read(from),
            connections_max_idle_ms: connections_max_idle_ms::read(from),
            max_connections: max_connections::read(from),
            max_connections_per_ip: max_connections_per_ip::read(from),
            max_connections_per_ip_overrides: max_connections_per_ip_overrides::read(from),
            socket_request_max_bytes: socket_request_max_bytes::read(from),
            queued_max_bytes: queued_max_request_bytes::read(from),
            http_address: milena_http_address::read(from),
            registry_profile: milena_registry_profile::read(from),
            allowed_origins: access_control_allow_origin::read(from),
            letters_make_topics: errors_deadletterqueue_auto_create_topics_enable::read(from),
            letters_prefix: errors_deadletterqueue_topic_name_prefix::read(from),
        }
    }
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self::resolve(&BrokerConfig::default())
    }
}

/// All layers of the broker's configuration, read by kind.
struct Resolved<'a>(&'a BrokerConfig);

impl Resolved<'_> {
    fn integer(&self, setting: &Setting) -> i64 {
        match self.0.effective(setting) {
            Some(Value::Integer(v)) => v,
            other => unreachable!("{} has a default and its kind was checked when it was set: {other:?}", setting.name),
        }
    }

    fn boolean(&self, setting: &Setting) -> bool {
        matches!(self.0.effective(setting), Some(Value::Boolean(true)))
    }

    fn text(&self, setting: &Setting) -> String {
        self.optional_text(setting).unwrap_or_default()
    }

    fn optional_text(&self, setting: &Setting) -> Option<String> {
        self.0.effective(setting).map(|v| v.to_string())
    }
}
