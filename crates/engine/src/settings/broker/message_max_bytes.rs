//! The largest batch when a topic does not say so.

use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "message.max.bytes",
    kind: Kind::Int,
    default: Some("1048588"),
    check: Check::AtLeast(0),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "The largest record batch, in bytes as stored, that topics take when they set no max.message.bytes of their own.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
