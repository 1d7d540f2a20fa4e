//! What a reader is told that stands before the log start. Ours.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "milena.retention.gap.policy",
    kind: Kind::Text,
    default: Some("error"),
    check: Check::OneOf(&["error", "next"]),
    reach: Reach::Topic,
    fallbacks: &[],
    prose: "What a reader gets that asks for an offset which retention has removed: error, Kafka's OFFSET_OUT_OF_RANGE, after which its auto.offset.reset decides, or next, the first record that is still there, as if the removed ones had been compacted away. The expiry ledger has the removed ones either way.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// What becomes of a reader whose next record was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GapPolicy {
    /// It is told so, and decides.
    Error,
    /// It goes on with the first record that is there.
    Next,
}

/// Kafka's answer unless asked otherwise.
pub(super) fn read(from: &Resolved<'_>) -> GapPolicy {
    match from.text(&SETTING).as_str() {
        "next" => GapPolicy::Next,
        _ => GapPolicy::Error,
    }
}
