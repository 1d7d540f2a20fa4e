//! Settings of Kafka's segment files, their indexes and their flushing.

use crate::settings::setting::{Check, Fallback, Kind, Reach, Setting, inert};

const WHY: &str = "Batches of all partitions lie in one write-ahead log and in shared segments that the store arranges by itself; retention is exact to the batch and acknowledged means synced, so sizes, times and flushes of Kafka's files have no counterpart.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "cordoned.log.dirs", Kind::List, Some(""), Reach::Broker, Check::Any, "Directories that get no new partitions."),
    inert(WHY, "log.flush.interval.messages", Kind::Long, Some("9223372036854775807"), Reach::Cluster, Check::AtLeast(1), "After how many records a partition is synced; here every acknowledged record is."),
    inert(WHY, "log.flush.interval.ms", Kind::Long, None, Reach::Cluster, Check::Any, "After how long a partition is synced; here before the acknowledgement.").or(&[Fallback { name: "log.flush.scheduler.interval.ms", times: 1 }]),
    inert(WHY, "log.flush.offset.checkpoint.interval.ms", Kind::Int, Some("60000"), Reach::AtStart, Check::AtLeast(0), "How often the place of the last sync is written down."),
    inert(WHY, "log.flush.scheduler.interval.ms", Kind::Long, Some("9223372036854775807"), Reach::AtStart, Check::Any, "How often the need to sync is looked at."),
    inert(WHY, "log.flush.start.offset.checkpoint.interval.ms", Kind::Int, Some("60000"), Reach::AtStart, Check::AtLeast(0), "How often log starts are written down; here each move of a log start is."),
    inert(WHY, "log.index.interval.bytes", Kind::Int, Some("4096"), Reach::Cluster, Check::AtLeast(0), "How many bytes lie between two entries of an offset index."),
    inert(WHY, "log.index.size.max.bytes", Kind::Int, Some("10485760"), Reach::Cluster, Check::AtLeast(4), "How large an offset index may grow."),
    inert(WHY, "log.preallocate", Kind::Boolean, Some("false"), Reach::Cluster, Check::Any, "Whether a segment file is allocated whole when it begins."),
    inert(WHY, "log.retention.check.interval.ms", Kind::Long, Some("300000"), Reach::AtStart, Check::AtLeast(1), "How often expired segments are looked for; here each batch has its deadline."),
    inert(WHY, "log.roll.hours", Kind::Int, Some("168"), Reach::AtStart, Check::AtLeast(1), "After how many hours a new segment begins."),
    inert(WHY, "log.roll.jitter.hours", Kind::Int, Some("0"), Reach::AtStart, Check::AtLeast(0), "How many hours are taken off that at random."),
    inert(WHY, "log.roll.jitter.ms", Kind::Long, None, Reach::Cluster, Check::AtLeast(0), "How many milliseconds are taken off that at random.").or(&[Fallback { name: "log.roll.jitter.hours", times: 3_600_000 }]),
    inert(WHY, "log.roll.ms", Kind::Long, None, Reach::Cluster, Check::AtLeast(1), "After how many milliseconds a new segment begins.").or(&[Fallback { name: "log.roll.hours", times: 3_600_000 }]),
    inert(WHY, "log.segment.bytes", Kind::Int, Some("1073741824"), Reach::Cluster, Check::AtLeast(1048576), "How large a segment file grows; here it has no influence on what is kept."),
    inert(WHY, "log.segment.delete.delay.ms", Kind::Long, Some("60000"), Reach::Cluster, Check::AtLeast(0), "How long a deleted segment file stays on disk."),
];
