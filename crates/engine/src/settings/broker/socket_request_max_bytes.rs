//! The largest request.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "socket.request.max.bytes",
    kind: Kind::Int,
    default: Some("104857600"),
    check: Check::AtLeast(1),
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "The largest request, in bytes, that is read from a connection; announcing a larger one closes it.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Bytes.
pub(super) fn read(from: &Resolved<'_>) -> usize {
    usize::try_from(from.integer(&SETTING)).unwrap_or(0)
}
