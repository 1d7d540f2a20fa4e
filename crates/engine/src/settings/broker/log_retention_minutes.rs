//! The same in minutes.

use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "log.retention.minutes",
    kind: Kind::Int,
    default: None,
    check: Check::With(|v| *v != crate::settings::Value::Integer(0), "anything but 0"),
    reach: Reach::AtStart,
    fallbacks: &[Fallback { name: "log.retention.hours", times: 60 }],
    prose: "log.retention.ms in minutes; read only while that is unset.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
