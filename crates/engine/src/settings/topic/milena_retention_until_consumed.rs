//! Readers and queues that retention waits for. Ours.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "milena.retention.until.consumed",
    kind: Kind::List,
    default: Some(""),
    check: Check::Any,
    reach: Reach::Topic,
    fallbacks: &[],
    prose: "Consumer groups that must have read a record, and share groups (queues) that must be done with it, before retention removes it. A group without a position has read nothing. What they have not read after milena.retention.until.consumed.max.ms goes all the same, and the expiry ledger says so.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Names of groups; none is the default.
pub(super) fn read(from: &Resolved<'_>) -> Vec<String> {
    from.list(&SETTING).into_iter().filter(|name| !name.is_empty()).collect()
}
