//! How batches are stored when a topic does not say so.

use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "compression.type",
    kind: Kind::Text,
    default: Some("producer"),
    check: Check::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "How batches are stored in topics that set no compression.type of their own; producer keeps them as they came.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
