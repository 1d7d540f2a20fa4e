//! Whether the first dead letter makes its topic (KIP-1191).

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "errors.deadletterqueue.auto.create.topics.enable",
    kind: Kind::Boolean,
    default: Some("true"),
    check: Check::Any,
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "Whether the first record that a share group gives up makes the topic of its dead letters (KIP-1191). Where it does not, the record waits until somebody makes that topic.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Whether it does.
pub(super) fn read(from: &Resolved<'_>) -> bool {
    from.boolean(&SETTING)
}
