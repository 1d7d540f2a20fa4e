//! The longest session a member may ask for.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "group.max.session.timeout.ms",
    kind: Kind::Int,
    default: Some("1800000"),
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "The longest session timeout, in milliseconds, that a member of a classic group may ask for; above it, joining is refused with INVALID_SESSION_TIMEOUT.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Milliseconds.
pub(super) fn read(from: &Resolved<'_>) -> i64 {
    from.integer(&SETTING)
}
