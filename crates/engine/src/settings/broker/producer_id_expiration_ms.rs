//! When the memory of an idempotent producer goes.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "producer.id.expiration.ms",
    kind: Kind::Int,
    default: Some("86400000"),
    check: Check::AtLeast(1),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "How many milliseconds a partition remembers an idempotent producer's last batches after the last one came.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Milliseconds.
pub(super) fn read(from: &Resolved<'_>) -> i64 {
    from.integer(&SETTING)
}
