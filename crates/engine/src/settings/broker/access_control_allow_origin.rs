//! Which web pages may use the HTTP doors. The name that Kafka's HTTP neighbours gave it.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "access.control.allow.origin",
    kind: Kind::Text,
    default: None,
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "Origins whose web pages may use the HTTP doors, with commas between, or *. Without it a page may look and change nothing.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// As it was written, when there is one.
pub(super) fn read(from: &Resolved<'_>) -> Option<String> {
    from.optional_text(&SETTING)
}
