//! How long a batch is kept. Exact to the batch, by the clock that `milena.retention.clock` names.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "retention.ms",
    kind: Kind::Long,
    default: Some("-1"),
    check: Check::AtLeast(-1),
    reach: Reach::Topic,
    fallbacks: &[Fallback { name: "log.retention.ms", times: 1 }],
    prose: "How many milliseconds a batch is kept before it is gone, exact to the batch and within a second. -1 keeps for ever, which is the default here.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Milliseconds, or `None` for ever.
pub(super) fn read(from: &Resolved<'_>) -> Option<i64> {
    Some(from.integer(&SETTING)).filter(|ms| *ms >= 0)
}
