//! Where the HTTP listener is. Ours.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "milena.http.address",
    kind: Kind::Text,
    default: None,
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "The address of this broker's HTTP listener (health, metrics, administration), so that a client that knows only the Kafka address finds it.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// As `host:port`, when there is one.
pub(super) fn read(from: &Resolved<'_>) -> Option<String> {
    from.optional_text(&SETTING)
}
