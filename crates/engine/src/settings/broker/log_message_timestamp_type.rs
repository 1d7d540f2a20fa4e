//! Whose timestamps records carry when their topic does not say so.

use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "log.message.timestamp.type",
    kind: Kind::Text,
    default: Some("CreateTime"),
    check: Check::OneOf(&["CreateTime", "LogAppendTime"]),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "Whose timestamps records carry in topics that set no message.timestamp.type of their own: the producer's (CreateTime) or the broker's (LogAppendTime).",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
