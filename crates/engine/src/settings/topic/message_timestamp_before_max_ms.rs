//! How old a timestamp may be.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "message.timestamp.before.max.ms",
    kind: Kind::Long,
    default: Some("9223372036854775807"),
    check: Check::AtLeast(0),
    reach: Reach::Topic,
    fallbacks: &[Fallback { name: "log.message.timestamp.before.max.ms", times: 1 }],
    prose: "How far behind the broker's clock a timestamp may lie, in milliseconds. An older one is refused with INVALID_TIMESTAMP; it does not apply to LogAppendTime.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Milliseconds; the largest number means any age.
pub(super) fn read(from: &Resolved<'_>) -> i64 {
    from.integer(&SETTING)
}
