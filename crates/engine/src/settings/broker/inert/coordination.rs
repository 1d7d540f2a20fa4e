//! Settings of the group coordinator and of its topic.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "Groups and positions are facts in the broker's own log and are judged where they are asked for: there is no internal topic, no coordinator thread and no sweep; what expires has a deadline.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "delete.records.purgatory.purge.interval.requests", Kind::Int, Some("1"), Reach::AtStart, Check::Any, "How often finished DeleteRecords requests are swept."),
    inert(WHY, "fetch.purgatory.purge.interval.requests", Kind::Int, Some("1000"), Reach::AtStart, Check::Any, "How often finished fetches are swept."),
    inert(WHY, "group.coordinator.append.linger.ms", Kind::Int, Some("-1"), Reach::AtStart, Check::AtLeast(-1), "How long the group coordinator collects changes before it writes them."),
    inert(WHY, "group.coordinator.background.threads", Kind::Int, Some("2"), Reach::AtStart, Check::AtLeast(1), "How many threads do the group coordinator's slow work."),
    inert(WHY, "group.coordinator.cached.buffer.max.bytes", Kind::Int, Some("1048588"), Reach::Cluster, Check::AtLeast(524288), "How large the coordinator's write buffer may stay."),
    inert(WHY, "group.coordinator.threads", Kind::Int, Some("4"), Reach::AtStart, Check::AtLeast(1), "How many threads run the group coordinator."),
    inert(WHY, "offsets.commit.timeout.ms", Kind::Int, Some("5000"), Reach::AtStart, Check::AtLeast(1), "How long a commit waits for copies of the offsets topic."),
    inert(WHY, "offsets.load.buffer.size", Kind::Int, Some("5242880"), Reach::AtStart, Check::AtLeast(1), "How much of the offsets topic is read at a time when the coordinator starts."),
    inert(WHY, "offsets.retention.check.interval.ms", Kind::Long, Some("600000"), Reach::AtStart, Check::AtLeast(1), "How often expired positions are looked for; here each has its deadline."),
    inert(WHY, "offsets.topic.compression.codec", Kind::Int, Some("0"), Reach::AtStart, Check::Any, "The codec of the offsets topic."),
    inert(WHY, "offsets.topic.num.partitions", Kind::Int, Some("50"), Reach::AtStart, Check::AtLeast(1), "How many partitions the offsets topic has."),
    inert(WHY, "offsets.topic.replication.factor", Kind::Short, Some("3"), Reach::AtStart, Check::AtLeast(1), "How many copies the offsets topic has."),
    inert(WHY, "offsets.topic.segment.bytes", Kind::Int, Some("104857600"), Reach::AtStart, Check::AtLeast(1), "How large a segment of the offsets topic grows."),
    inert(WHY, "producer.purgatory.purge.interval.requests", Kind::Int, Some("1000"), Reach::AtStart, Check::Any, "How often finished produce requests are swept."),
];
