//! How much partitions keep when their topic does not say so.

use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "log.retention.bytes",
    kind: Kind::Long,
    default: Some("-1"),
    check: Check::Any,
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "How many bytes of batches a partition keeps when its topic sets no retention.bytes of its own. Any negative number means no limit.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
