//! The most one fetch carries.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "fetch.max.bytes",
    kind: Kind::Int,
    default: Some("57671680"),
    check: Check::AtLeast(1024),
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "The most bytes of batches that one answer to a fetch carries, whatever the client asks for; the first batch always comes whole.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Bytes.
pub(super) fn read(from: &Resolved<'_>) -> usize {
    usize::try_from(from.integer(&SETTING)).unwrap_or(0)
}
