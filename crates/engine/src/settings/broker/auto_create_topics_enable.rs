//! Whether asking for a topic makes it.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "auto.create.topics.enable",
    kind: Kind::Boolean,
    default: Some("true"),
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "Whether a producer or consumer that asks for a topic which does not exist, and allows it, has it created with the broker's defaults.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Whether it does.
pub(super) fn read(from: &Resolved<'_>) -> bool {
    from.boolean(&SETTING)
}
