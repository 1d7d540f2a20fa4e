//! Whether a topic takes dead letters of share groups (KIP-1191).

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "errors.deadletterqueue.group.enable",
    kind: Kind::Boolean,
    default: Some("true"),
    check: Check::Any,
    reach: Reach::Topic,
    fallbacks: &[],
    prose: "Whether share groups may write dead letters to this topic (KIP-1191). Where they may not, a record that was given up waits for its letter, and the log says so.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Whether they may.
pub(super) fn read(from: &Resolved<'_>) -> bool {
    from.boolean(&SETTING)
}
