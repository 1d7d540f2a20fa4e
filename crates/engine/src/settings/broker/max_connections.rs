//! How many connections are accepted in all.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "max.connections",
    kind: Kind::Int,
    default: Some("2147483647"),
    check: Check::AtLeast(0),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "How many connections the broker holds at a time; the next one is closed at once.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Connections.
pub(super) fn read(from: &Resolved<'_>) -> usize {
    usize::try_from(from.integer(&SETTING)).unwrap_or(0)
}
