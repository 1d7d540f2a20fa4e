//! How long the note on a position may be.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "offset.metadata.max.bytes",
    kind: Kind::Int,
    default: Some("4096"),
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "How many bytes the note that a client stores with a committed position may have; a longer one is refused with OFFSET_METADATA_TOO_LARGE.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Bytes.
pub(super) fn read(from: &Resolved<'_>) -> usize {
    usize::try_from(from.integer(&SETTING)).unwrap_or(0)
}
