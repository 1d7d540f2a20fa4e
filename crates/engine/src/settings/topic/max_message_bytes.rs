//! The largest batch a topic takes.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "max.message.bytes",
    kind: Kind::Int,
    default: Some("1048588"),
    check: Check::AtLeast(0),
    reach: Reach::Topic,
    fallbacks: &[Fallback { name: "message.max.bytes", times: 1 }],
    prose: "The largest record batch that may be appended, in bytes as it is stored (compressed, when it is). A larger one is refused with MESSAGE_TOO_LARGE.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Bytes of one batch.
pub(super) fn read(from: &Resolved<'_>) -> u32 {
    u32::try_from(from.integer(&SETTING)).unwrap_or(0)
}
