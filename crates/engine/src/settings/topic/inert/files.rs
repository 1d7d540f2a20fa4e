//! Settings of Kafka's segment files, their indexes and their flushing.

use crate::settings::setting::{Check, Fallback, Kind, Reach, Setting, inert};

const WHY: &str = "Batches of all partitions lie in one write-ahead log and in shared segments that the store arranges by itself; retention is exact to the batch and acknowledged means synced, so sizes, times and flushes of Kafka's files have no counterpart.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "file.delete.delay.ms", Kind::Long, Some("60000"), Reach::Topic, Check::AtLeast(0), "How long a deleted segment file stays on disk.").or(&[Fallback { name: "log.segment.delete.delay.ms", times: 1 }]),
    inert(WHY, "flush.messages", Kind::Long, Some("9223372036854775807"), Reach::Topic, Check::AtLeast(1), "After how many records the partition is synced; here every acknowledged record is.").or(&[Fallback { name: "log.flush.interval.messages", times: 1 }]),
    inert(WHY, "flush.ms", Kind::Long, Some("9223372036854775807"), Reach::Topic, Check::AtLeast(0), "After how long the partition is synced; here before the acknowledgement.").or(&[Fallback { name: "log.flush.interval.ms", times: 1 }]),
    inert(WHY, "index.interval.bytes", Kind::Int, Some("4096"), Reach::Topic, Check::AtLeast(0), "How many bytes lie between two entries of an offset index.").or(&[Fallback { name: "log.index.interval.bytes", times: 1 }]),
    inert(WHY, "preallocate", Kind::Boolean, Some("false"), Reach::Topic, Check::Any, "Whether a segment file is allocated whole when it begins.").or(&[Fallback { name: "log.preallocate", times: 1 }]),
    inert(WHY, "segment.bytes", Kind::Int, Some("1073741824"), Reach::Topic, Check::AtLeast(1048576), "How large a segment file grows; here it has no influence on what is kept.").or(&[Fallback { name: "log.segment.bytes", times: 1 }]),
    inert(WHY, "segment.index.bytes", Kind::Int, Some("10485760"), Reach::Topic, Check::AtLeast(4), "How large an offset index may grow.").or(&[Fallback { name: "log.index.size.max.bytes", times: 1 }]),
    inert(WHY, "segment.jitter.ms", Kind::Long, Some("0"), Reach::Topic, Check::AtLeast(0), "How many milliseconds are taken off segment.ms at random.").or(&[Fallback { name: "log.roll.jitter.ms", times: 1 }]),
    inert(WHY, "segment.ms", Kind::Long, Some("604800000"), Reach::Topic, Check::AtLeast(1), "After how long a new segment begins; here it has no influence on when data goes.").or(&[Fallback { name: "log.roll.ms", times: 1 }]),
];
