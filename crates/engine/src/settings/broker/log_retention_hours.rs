//! The same in hours, and where the default lives.

use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "log.retention.hours",
    kind: Kind::Int,
    default: Some("-1"),
    check: Check::With(|v| *v != crate::settings::Value::Integer(0), "anything but 0"),
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "log.retention.ms in hours; read only while that and the minutes are unset. -1, for ever, is the default here.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
