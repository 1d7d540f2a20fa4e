//! What the names of dead-letter topics begin with (KIP-1191).

use super::Resolved;
use crate::{
    ids::TopicName,
    settings::{
        parse::Value,
        setting::{Bearing, Check, Kind, Reach, Setting},
    },
};

/// Names of topics have 249 bytes at most; there must be room for that of the topic that a letter comes from.
const BYTES_MAX: usize = 100;
const EXPECTED: &str = "the beginning of a topic's name: at most 100 letters, digits, '.', '_' and '-', not beginning with '__'";

pub(super) const SETTING: Setting = Setting {
    name: "errors.deadletterqueue.topic.name.prefix",
    kind: Kind::Text,
    default: Some("dlq."),
    check: Check::With(begins_a_name, EXPECTED),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "What stands before a topic's name in the name of its dead letters, for share groups that name no topic for them (KIP-1191). What is given up in a topic with such a name has no dead letter.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

fn begins_a_name(value: &Value) -> bool {
    let begins = |text: &str| (1..=BYTES_MAX).contains(&text.len()) && !text.starts_with("__");
    matches!(value, Value::Text(text) if begins(text) && format!("{text}t").parse::<TopicName>().is_ok())
}

/// The prefix, which is not empty.
pub(super) fn read(from: &Resolved<'_>) -> String {
    from.text(&SETTING)
}
