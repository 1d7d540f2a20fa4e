//! How many members a group takes.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "group.max.size",
    kind: Kind::Int,
    default: Some("2147483647"),
    check: Check::AtLeast(1),
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "How many members a classic group takes; the next one is refused with GROUP_MAX_SIZE_REACHED.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// At least one.
pub(super) fn read(from: &Resolved<'_>) -> usize {
    usize::try_from(from.integer(&SETTING)).unwrap_or(0)
}
