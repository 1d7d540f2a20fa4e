//! The shortest session a member may ask for.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "group.min.session.timeout.ms",
    kind: Kind::Int,
    default: Some("6000"),
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "The shortest session timeout, in milliseconds, that a member of a classic group may ask for; below it, joining is refused with INVALID_SESSION_TIMEOUT.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Milliseconds.
pub(super) fn read(from: &Resolved<'_>) -> i64 {
    from.integer(&SETTING)
}
