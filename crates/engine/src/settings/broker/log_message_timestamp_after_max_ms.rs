//! How far ahead timestamps may be when a topic does not say so.

use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "log.message.timestamp.after.max.ms",
    kind: Kind::Long,
    default: Some("3600000"),
    check: Check::AtLeast(0),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "How far ahead of the broker's clock timestamps may lie in topics that set no message.timestamp.after.max.ms of their own.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
