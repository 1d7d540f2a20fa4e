//! How long an empty group waits for company.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "group.initial.rebalance.delay.ms",
    kind: Kind::Int,
    default: Some("0"),
    check: Check::AtLeast(0),
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "How long a group that was empty waits for more members after the first one joins, in milliseconds. 0, the default here, starts it at once.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Milliseconds; 0 waits for nobody.
pub(super) fn read(from: &Resolved<'_>) -> i64 {
    from.integer(&SETTING)
}
