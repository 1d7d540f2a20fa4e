//! Compression levels.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "When compression.type makes the broker compress again, each codec runs at its usual level; the level changes how small batches get, never what consumers read.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "compression.gzip.level", Kind::Int, Some("-1"), Reach::Cluster, Check::BetweenOr(1, 9, -1), "The level of gzip, 1 to 9, or -1 for the usual one."),
    inert(WHY, "compression.lz4.level", Kind::Int, Some("9"), Reach::Cluster, Check::Between(1, 17), "The level of lz4, 1 to 17."),
    inert(WHY, "compression.zstd.level", Kind::Int, Some("3"), Reach::Cluster, Check::Between(-131072, 22), "The level of zstd; negative levels are faster and larger."),
];
