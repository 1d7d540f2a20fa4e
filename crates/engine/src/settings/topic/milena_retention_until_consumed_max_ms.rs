//! The end of retention's patience with readers. Ours.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "milena.retention.until.consumed.max.ms",
    kind: Kind::Long,
    default: Some("2592000000"),
    check: Check::AtLeast(0),
    reach: Reach::Topic,
    fallbacks: &[],
    prose: "How old a batch may become, in milliseconds since it was stored, while retention waits for the groups of milena.retention.until.consumed. After that it goes, read or not. Thirty days unless set.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Milliseconds.
pub(super) fn read(from: &Resolved<'_>) -> i64 {
    from.integer(&SETTING)
}
