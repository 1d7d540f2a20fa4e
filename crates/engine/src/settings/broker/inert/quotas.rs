//! Settings of client quotas.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "Quotas arrive with users and their rights; until then nothing is throttled, so there is nothing to sample.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "client.quota.callback.class", Kind::Class, None, Reach::AtStart, Check::Any, "A plug-in that decides quotas."),
    inert(WHY, "controller.quota.window.num", Kind::Int, Some("11"), Reach::AtStart, Check::AtLeast(1), "How many samples measure changes to metadata."),
    inert(WHY, "controller.quota.window.size.seconds", Kind::Int, Some("1"), Reach::AtStart, Check::AtLeast(1), "How long each of those samples is."),
    inert(WHY, "quota.window.num", Kind::Int, Some("11"), Reach::AtStart, Check::AtLeast(1), "How many samples measure a client's traffic."),
    inert(WHY, "quota.window.size.seconds", Kind::Int, Some("1"), Reach::AtStart, Check::AtLeast(1), "How long each of those samples is."),
];
