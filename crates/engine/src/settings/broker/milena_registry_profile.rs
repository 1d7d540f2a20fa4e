//! In which form the schema registry answers. Ours.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "milena.registry.profile",
    kind: Kind::Text,
    default: Some("auto"),
    check: Check::OneOf(&["auto", "7", "8"]),
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "The form in which the schema registry answers: as releases up to 7 do, as those from 8 on do, or auto: the newer form for clients that send `Confluent-Accept-Unknown-Properties: true`.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// `auto`, `7` or `8`.
pub(super) fn read(from: &Resolved<'_>) -> String {
    from.text(&SETTING)
}
