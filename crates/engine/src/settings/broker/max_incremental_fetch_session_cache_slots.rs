//! How many fetch sessions are remembered.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "max.incremental.fetch.session.cache.slots",
    kind: Kind::Int,
    default: Some("1000"),
    check: Check::AtLeast(0),
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "How many incremental fetch sessions the broker remembers; when none is free, fetches go on without a session.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Sessions; 0 is none.
pub(super) fn read(from: &Resolved<'_>) -> usize {
    usize::try_from(from.integer(&SETTING)).unwrap_or(0)
}
