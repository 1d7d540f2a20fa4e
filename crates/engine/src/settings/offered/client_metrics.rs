//! What a subscription to clients' metrics may set.

use crate::settings::{
    parse::Value,
    setting::{Check, Kind, Reach, Setting, inert},
};

const WHY: &str = "Clients are not asked for their metrics, as with Apache Kafka without a plugin that takes them; the value is kept and shown.";

/// Milliseconds between two reports that may be asked for.
pub(super) const INTERVAL: std::ops::RangeInclusive<i64> = 100..=3_600_000;

const MATCH: Check = Check::With(is_match, "Illegal client matching pattern");

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "interval.ms", Kind::Int, Some("300000"), Reach::ClientMetrics, Check::Any, "How often a client reports."),
    inert(WHY, "match", Kind::List, Some(""), Reach::ClientMetrics, MATCH, "Which clients report."),
    inert(WHY, "metrics", Kind::List, Some(""), Reach::ClientMetrics, Check::Any, "Which metrics are reported."),
];

/// What a pattern may look at (KIP-714).
const SELECTORS: [&str; 6] = [
    "client_id",
    "client_instance_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// The memory that one pattern may take when it is compiled, and its length: what is taken on the way there grows with that.
const PATTERN_BYTES_MAX: usize = 1 << 20;
const PATTERN_LENGTH_MAX: usize = 1024;

fn is_match(value: &Value) -> bool {
    let Value::List(items) = value else { return false };
    items.iter().all(|item| match item.split('=').collect::<Vec<_>>()[..] {
        [name, pattern] => SELECTORS.contains(&name.trim()) && !pattern.is_empty() && is_pattern(pattern.trim()),
        _ => false,
    })
}

/// Whether a text of a client is a regular expression that costs little to compile.
pub fn is_pattern(text: &str) -> bool {
    text.len() <= PATTERN_LENGTH_MAX && regex::RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build().is_ok()
}
