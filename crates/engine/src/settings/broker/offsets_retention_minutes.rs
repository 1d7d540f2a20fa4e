//! When positions of a group that nobody uses expire.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "offsets.retention.minutes",
    kind: Kind::Int,
    default: Some("2147483647"),
    check: Check::AtLeast(1),
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "How many minutes positions are kept after their group lost its last member. The largest number, 2147483647, is the default here and means for ever.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// In milliseconds, or `None` for ever: Kafka allows no zero and no -1 here, so the largest number says it.
pub(super) fn read(from: &Resolved<'_>) -> Option<i64> {
    Some(from.integer(&SETTING)).filter(|m| *m < i64::from(i32::MAX)).map(|m| m * 60_000)
}
