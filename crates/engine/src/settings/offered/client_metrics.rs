//! What a subscription to clients' metrics may set, once they are asked for.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "Clients are not asked for their metrics; setting it is refused so that nobody relies on it.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "interval.ms", Kind::Int, Some("300000"), Reach::ClientMetrics, Check::Any, "How often a client reports."),
    inert(WHY, "match", Kind::List, Some(""), Reach::ClientMetrics, Check::Any, "Which clients report."),
    inert(WHY, "metrics", Kind::List, Some(""), Reach::ClientMetrics, Check::Any, "Which metrics are reported."),
];
