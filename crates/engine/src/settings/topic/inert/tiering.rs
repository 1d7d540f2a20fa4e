//! Settings of remote (tiered) storage.

use crate::settings::setting::{Check, Fallback, Kind, Reach, Setting, inert};

const WHY: &str = "There is no tiered storage: all data of a topic is in this broker's store, and enabling it is refused.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "local.retention.bytes", Kind::Long, Some("-2"), Reach::Topic, Check::AtLeast(-2), "How much of a tiered partition stays on local disk.").or(&[Fallback { name: "log.local.retention.bytes", times: 1 }]),
    inert(WHY, "local.retention.ms", Kind::Long, Some("-2"), Reach::Topic, Check::AtLeast(-2), "How long data of a tiered topic stays on local disk.").or(&[Fallback { name: "log.local.retention.ms", times: 1 }]),
    inert(WHY, "remote.log.copy.disable", Kind::Boolean, Some("false"), Reach::Topic, Check::Any, "Whether copying to remote storage is paused."),
    inert(WHY, "remote.log.delete.on.disable", Kind::Boolean, Some("false"), Reach::Topic, Check::Any, "Whether remote data goes when tiering is switched off."),
    inert(WHY, "remote.storage.enable", Kind::Boolean, Some("false"), Reach::Topic, Check::With(off, "this broker has no tiered storage, so a topic cannot use it"), "Whether the topic is tiered."),
];

fn off(value: &crate::settings::Value) -> bool {
    *value == crate::settings::Value::Boolean(false)
}
