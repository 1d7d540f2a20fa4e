//! Settings of the log cleaner.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "Compaction is not here yet: topics with cleanup.policy=compact keep every record of every key, so there is no cleaner to tune.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "log.cleaner.backoff.ms", Kind::Long, Some("15000"), Reach::Cluster, Check::AtLeast(0), "How long the cleaner rests when there is nothing to clean."),
    inert(WHY, "log.cleaner.dedupe.buffer.size", Kind::Long, Some("134217728"), Reach::Cluster, Check::Any, "How much memory the cleaner uses to tell keys apart."),
    inert(WHY, "log.cleaner.delete.retention.ms", Kind::Long, Some("86400000"), Reach::Cluster, Check::AtLeast(0), "How long a tombstone stays after its key was compacted."),
    inert(WHY, "log.cleaner.enable", Kind::Boolean, Some("true"), Reach::AtStart, Check::Any, "Whether the cleaner runs."),
    inert(WHY, "log.cleaner.io.buffer.load.factor", Kind::Double, Some("0.9"), Reach::Cluster, Check::Any, "How full the cleaner's memory may get."),
    inert(WHY, "log.cleaner.io.buffer.size", Kind::Int, Some("524288"), Reach::Cluster, Check::AtLeast(0), "How much memory the cleaner reads and writes through."),
    inert(WHY, "log.cleaner.io.max.bytes.per.second", Kind::Double, Some("1.7976931348623157E308"), Reach::Cluster, Check::Any, "How fast the cleaner may read and write."),
    inert(WHY, "log.cleaner.max.compaction.lag.ms", Kind::Long, Some("9223372036854775807"), Reach::Cluster, Check::AtLeast(1), "After how long a record must be eligible for compaction."),
    inert(WHY, "log.cleaner.min.cleanable.ratio", Kind::Double, Some("0.5"), Reach::Cluster, Check::Ratio(0.0, 1.0), "Which share of a log must be uncompacted before it is cleaned."),
    inert(WHY, "log.cleaner.min.compaction.lag.ms", Kind::Long, Some("0"), Reach::Cluster, Check::AtLeast(0), "How long a record stays uncompacted at least."),
    inert(WHY, "log.cleaner.threads", Kind::Int, Some("1"), Reach::Cluster, Check::AtLeast(0), "How many threads clean."),
];
