//! How far ahead a timestamp may be.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "message.timestamp.after.max.ms",
    kind: Kind::Long,
    default: Some("3600000"),
    check: Check::AtLeast(0),
    reach: Reach::Topic,
    fallbacks: &[Fallback { name: "log.message.timestamp.after.max.ms", times: 1 }],
    prose: "How far ahead of the broker's clock a timestamp may lie, in milliseconds. A later one is refused with INVALID_TIMESTAMP; it does not apply to LogAppendTime.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Milliseconds.
pub(super) fn read(from: &Resolved<'_>) -> i64 {
    from.integer(&SETTING)
}
