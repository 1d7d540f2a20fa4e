//! How old timestamps may be when a topic does not say so.

use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "log.message.timestamp.before.max.ms",
    kind: Kind::Long,
    default: Some("9223372036854775807"),
    check: Check::AtLeast(0),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "How far behind the broker's clock timestamps may lie in topics that set no message.timestamp.before.max.ms of their own.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
