//! How batches are stored.

use super::Resolved;
use crate::settings::setting::{Bearing, Check, Fallback, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "compression.type",
    kind: Kind::Text,
    default: Some("producer"),
    check: Check::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    reach: Reach::Topic,
    fallbacks: &[Fallback { name: "compression.type", times: 1 }],
    prose: "How batches are stored: producer keeps them byte for byte as they came; a codec, or uncompressed, has batches that came otherwise compressed again before they are stored.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// How batches are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// Byte for byte as the producer sent them.
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// As it came unless asked otherwise.
pub(super) fn read(from: &Resolved<'_>) -> Compression {
    match from.text(&SETTING).as_str() {
        "uncompressed" => Compression::Uncompressed,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => Compression::Producer,
    }
}
