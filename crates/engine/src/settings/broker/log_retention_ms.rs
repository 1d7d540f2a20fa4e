//! How long topics keep batches when they do not say so themselves.

use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "log.retention.ms",
    kind: Kind::Long,
    default: None,
    check: Check::BetweenOr(1, i64::MAX, -1),
    reach: Reach::Cluster,
    fallbacks: &[
        Fallback { name: "log.retention.minutes", times: 60000 },
        Fallback { name: "log.retention.hours", times: 3600000 },
    ],
    prose: "How many milliseconds batches are kept in topics that set no retention.ms of their own; -1 keeps for ever. Unset, the minutes count, and then the hours.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
