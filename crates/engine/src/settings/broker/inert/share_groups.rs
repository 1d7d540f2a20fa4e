//! Settings of share groups and of their coordinator.

use crate::settings::setting::{Check, Kind, Reach, Setting, honoured, inert};

const SINCE: &str = "0.2.0";

const WHY: &str =
    "Share groups keep their state as facts in the one log, not in partitions of a topic, and give out work at once.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "group.share.assignment.interval.ms", Kind::Int, Some("1000"), Reach::Cluster, Check::AtLeast(0), "How long assignments of a share group rest before they are computed again."),
    inert(WHY, "group.share.assignors", Kind::List, Some("simple"), Reach::AtStart, Check::Any, "The assignors of share groups."),
    honoured(SINCE, "group.share.delivery.count.limit", Kind::Int, Some("5"), Reach::AtStart, Check::Between(2, 10), "How often a record is delivered before it is given up."),
    honoured(SINCE, "group.share.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::AtStart, Check::AtLeast(1), "How often members of a share group send heartbeats."),
    inert(WHY, "group.share.max.assignment.interval.ms", Kind::Int, Some("15000"), Reach::AtStart, Check::AtLeast(0), "The longest assignment interval that one group may ask for."),
    honoured(SINCE, "group.share.max.delivery.count.limit", Kind::Int, Some("10"), Reach::AtStart, Check::Between(5, 25), "The most deliveries that one group may ask for."),
    honoured(SINCE, "group.share.max.heartbeat.interval.ms", Kind::Int, Some("15000"), Reach::AtStart, Check::AtLeast(1), "The longest heartbeat interval that one group may ask for."),
    honoured(SINCE, "group.share.max.partition.max.record.locks", Kind::Int, Some("4000"), Reach::AtStart, Check::Between(2000, 10000), "The most locked records a partition that one group may ask for."),
    honoured(SINCE, "group.share.max.record.lock.duration.ms", Kind::Int, Some("60000"), Reach::AtStart, Check::Between(30000, 3600000), "The longest lock that one group may ask for."),
    honoured(SINCE, "group.share.max.session.timeout.ms", Kind::Int, Some("60000"), Reach::AtStart, Check::AtLeast(1), "The longest session that one group may ask for."),
    inert(WHY, "group.share.max.share.sessions", Kind::Int, Some("2000"), Reach::AtStart, Check::AtLeast(1), "How many share sessions the broker remembers."),
    inert(WHY, "group.share.max.size", Kind::Int, Some("200"), Reach::AtStart, Check::Between(1, 1000), "How many members a share group takes."),
    inert(WHY, "group.share.min.assignment.interval.ms", Kind::Int, Some("0"), Reach::AtStart, Check::AtLeast(0), "The shortest assignment interval that one group may ask for."),
    honoured(SINCE, "group.share.min.delivery.count.limit", Kind::Int, Some("2"), Reach::AtStart, Check::Between(2, 5), "The fewest deliveries that one group may ask for."),
    honoured(SINCE, "group.share.min.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::AtStart, Check::AtLeast(1), "The shortest heartbeat interval that one group may ask for."),
    honoured(SINCE, "group.share.min.partition.max.record.locks", Kind::Int, Some("100"), Reach::AtStart, Check::Between(100, 2000), "The fewest locked records a partition that one group may ask for."),
    honoured(SINCE, "group.share.min.record.lock.duration.ms", Kind::Int, Some("15000"), Reach::AtStart, Check::Between(1000, 30000), "The shortest lock that one group may ask for."),
    honoured(SINCE, "group.share.min.session.timeout.ms", Kind::Int, Some("45000"), Reach::AtStart, Check::AtLeast(1), "The shortest session that one group may ask for."),
    honoured(SINCE, "group.share.partition.max.record.locks", Kind::Int, Some("2000"), Reach::AtStart, Check::Between(100, 10000), "How many records of a partition may be locked at a time."),
    honoured(SINCE, "group.share.record.lock.duration.ms", Kind::Int, Some("30000"), Reach::AtStart, Check::Between(1000, 3600000), "How long a taken record stays locked."),
    honoured(SINCE, "group.share.session.timeout.ms", Kind::Int, Some("45000"), Reach::AtStart, Check::AtLeast(1), "After how long a silent member of a share group is dropped."),
    inert(WHY, "share.coordinator.append.linger.ms", Kind::Int, Some("-1"), Reach::AtStart, Check::AtLeast(-1), "How long the share coordinator collects changes before it writes them."),
    inert(WHY, "share.coordinator.cached.buffer.max.bytes", Kind::Int, Some("1048588"), Reach::Cluster, Check::AtLeast(524288), "How large the coordinator's write buffer may stay."),
    inert(WHY, "share.coordinator.load.buffer.size", Kind::Int, Some("5242880"), Reach::AtStart, Check::AtLeast(1), "How much the coordinator reads at a time when it starts."),
    inert(WHY, "share.coordinator.snapshot.update.records.per.snapshot", Kind::Int, Some("500"), Reach::AtStart, Check::Between(0, 500), "How many changes lie between two snapshots of a share partition."),
    inert(WHY, "share.coordinator.state.topic.compression.codec", Kind::Int, Some("0"), Reach::AtStart, Check::Any, "The codec of the share state topic."),
    inert(WHY, "share.coordinator.state.topic.min.isr", Kind::Short, Some("2"), Reach::AtStart, Check::AtLeast(1), "How many copies of the share state topic must be in sync."),
    inert(WHY, "share.coordinator.state.topic.num.partitions", Kind::Int, Some("50"), Reach::AtStart, Check::AtLeast(1), "How many partitions the share state topic has."),
    inert(WHY, "share.coordinator.state.topic.replication.factor", Kind::Short, Some("3"), Reach::AtStart, Check::AtLeast(1), "How many copies the share state topic has."),
    inert(WHY, "share.coordinator.state.topic.segment.bytes", Kind::Int, Some("104857600"), Reach::AtStart, Check::AtLeast(1), "How large a segment of the share state topic grows."),
    inert(WHY, "share.coordinator.threads", Kind::Int, Some("1"), Reach::AtStart, Check::AtLeast(1), "How many threads run the share coordinator."),
    inert(WHY, "share.coordinator.write.timeout.ms", Kind::Int, Some("5000"), Reach::AtStart, Check::AtLeast(1), "How long the coordinator waits for its write."),
    inert(WHY, "share.fetch.purgatory.purge.interval.requests", Kind::Int, Some("1000"), Reach::AtStart, Check::Any, "How often finished share fetches are swept."),
];
