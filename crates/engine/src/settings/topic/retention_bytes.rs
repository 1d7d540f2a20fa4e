//! How much of a partition is kept.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "retention.bytes",
    kind: Kind::Long,
    default: Some("-1"),
    check: Check::Any,
    reach: Reach::Topic,
    fallbacks: &[Fallback { name: "log.retention.bytes", times: 1 }],
    prose: "How many bytes of batches each partition keeps; the oldest batches go first, whole, as soon as the others fill the limit. Any negative number means no limit.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Bytes, or `None` without limit. Kafka accepts any negative number, so do we.
pub(super) fn read(from: &Resolved<'_>) -> Option<u64> {
    u64::try_from(from.integer(&SETTING)).ok()
}
