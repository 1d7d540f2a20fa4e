//! When a silent connection is closed.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "connections.max.idle.ms",
    kind: Kind::Long,
    default: Some("600000"),
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "After how many milliseconds without a request a connection is closed. A request that waits for data is not idleness.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Milliseconds; negative is never.
pub(super) fn read(from: &Resolved<'_>) -> i64 {
    from.integer(&SETTING)
}
