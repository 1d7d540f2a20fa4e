//! Whether topics can be deleted.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "delete.topic.enable",
    kind: Kind::Boolean,
    default: Some("true"),
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "Whether topics can be deleted. When not, DeleteTopics is refused with TOPIC_DELETION_DISABLED.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Whether they can.
pub(super) fn read(from: &Resolved<'_>) -> bool {
    from.boolean(&SETTING)
}
