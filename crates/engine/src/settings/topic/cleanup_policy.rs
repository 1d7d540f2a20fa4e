//! What may make a record go away.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "cleanup.policy",
    kind: Kind::List,
    default: Some("delete"),
    check: Check::Each(&["compact", "delete"]),
    reach: Reach::Topic,
    fallbacks: &[Fallback { name: "log.cleanup.policy", times: 1 }],
    prose: "delete lets retention remove batches; compact refuses records without a key and, until compaction arrives, keeps every record of every key. Both may be given, or neither.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// What may make a record go away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cleanup {
    /// `retention.ms` and `retention.bytes` apply.
    pub delete: bool,
    /// A record needs a key. Nothing is removed yet: compaction comes later.
    pub compact: bool,
}

/// Neither is allowed: then nothing goes.
pub(super) fn read(from: &Resolved<'_>) -> Cleanup {
    let policies = from.list(&SETTING);
    let has = |policy: &str| policies.iter().any(|p| p == policy);
    Cleanup { delete: has("delete"), compact: has("compact") }
}
