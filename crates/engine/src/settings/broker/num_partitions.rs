//! How many partitions a topic gets when nobody says.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "num.partitions",
    kind: Kind::Int,
    default: Some("1"),
    check: Check::AtLeast(1),
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "How many partitions a topic gets when it is created on sight, or created with -1 partitions.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// At least one.
pub(super) fn read(from: &Resolved<'_>) -> u32 {
    u32::try_from(from.integer(&SETTING)).unwrap_or(0)
}
