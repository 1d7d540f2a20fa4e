//! Which clock a batch ages by. Ours.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "milena.retention.clock",
    kind: Kind::Text,
    default: Some("append"),
    check: Check::OneOf(&["append", "create"]),
    reach: Reach::Topic,
    fallbacks: &[],
    prose: "The clock that retention.ms counts on: append, when this broker stored the batch, or create, the newest timestamp that its producer gave, but never later than when it was stored.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// What a batch's age is counted from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetentionClock {
    /// When this broker stored it.
    Append,
    /// The newest timestamp its producer gave, clamped to when it was stored: the future pins nothing.
    Create,
}

/// By append unless asked otherwise.
pub(super) fn read(from: &Resolved<'_>) -> RetentionClock {
    match from.text(&SETTING).as_str() {
        "create" => RetentionClock::Create,
        _ => RetentionClock::Append,
    }
}
