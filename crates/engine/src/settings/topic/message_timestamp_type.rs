//! Whose timestamps records carry.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "message.timestamp.type",
    kind: Kind::Text,
    default: Some("CreateTime"),
    check: Check::OneOf(&["CreateTime", "LogAppendTime"]),
    reach: Reach::Topic,
    fallbacks: &[Fallback { name: "log.message.timestamp.type", times: 1 }],
    prose: "Whether records keep the timestamps that their producer gave (CreateTime) or get the time at which the broker stored them (LogAppendTime).",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Whose timestamps records carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampType {
    Create,
    LogAppend,
}

/// The producer's unless asked otherwise.
pub(super) fn read(from: &Resolved<'_>) -> TimestampType {
    match from.text(&SETTING).as_str() {
        "LogAppendTime" => TimestampType::LogAppend,
        _ => TimestampType::Create,
    }
}
