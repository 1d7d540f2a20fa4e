//! Settings of compaction.

use crate::settings::setting::{Check, Fallback, Kind, Reach, Setting, inert};

const WHY: &str = "Compaction is not here yet: topics with cleanup.policy=compact keep every record of every key, so there is no cleaner to tune.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "delete.retention.ms", Kind::Long, Some("86400000"), Reach::Topic, Check::AtLeast(0), "How long a tombstone stays after its key was compacted.").or(&[Fallback { name: "log.cleaner.delete.retention.ms", times: 1 }]),
    inert(WHY, "max.compaction.lag.ms", Kind::Long, Some("9223372036854775807"), Reach::Topic, Check::AtLeast(1), "After how long a record must be eligible for compaction.").or(&[Fallback { name: "log.cleaner.max.compaction.lag.ms", times: 1 }]),
    inert(WHY, "min.cleanable.dirty.ratio", Kind::Double, Some("0.5"), Reach::Topic, Check::Ratio(0.0, 1.0), "Which share of the log must be uncompacted before it is cleaned.").or(&[Fallback { name: "log.cleaner.min.cleanable.ratio", times: 1 }]),
    inert(WHY, "min.compaction.lag.ms", Kind::Long, Some("0"), Reach::Topic, Check::AtLeast(0), "How long a record stays uncompacted at least.").or(&[Fallback { name: "log.cleaner.min.compaction.lag.ms", times: 1 }]),
];
