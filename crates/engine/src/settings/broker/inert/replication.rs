//! Settings of replicas, their leaders and their quotas.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "Every partition has one copy, on this broker, and a record is on disk before it is acknowledged: there is no follower to fetch, lag, throttle or elect.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "alter.log.dirs.replication.quota.window.num", Kind::Int, Some("11"), Reach::AtStart, Check::AtLeast(1), "How many samples measure the moving of partitions between directories."),
    inert(WHY, "alter.log.dirs.replication.quota.window.size.seconds", Kind::Int, Some("1"), Reach::AtStart, Check::AtLeast(1), "How long each of those samples is."),
    inert(WHY, "auto.leader.rebalance.enable", Kind::Boolean, Some("true"), Reach::AtStart, Check::Any, "Whether leadership moves back to preferred brokers by itself."),
    inert(WHY, "background.threads", Kind::Int, Some("10"), Reach::Cluster, Check::AtLeast(1), "How many threads do the work that nobody waits for."),
    inert(WHY, "default.replication.factor", Kind::Int, Some("1"), Reach::AtStart, Check::Any, "How many copies a topic gets when nobody says."),
    inert(WHY, "follower.fetch.last.tiered.offset.enable", Kind::Boolean, Some("false"), Reach::Cluster, Check::Any, "Whether an empty follower starts at the last tiered offset."),
    inert(WHY, "leader.imbalance.check.interval.seconds", Kind::Long, Some("300"), Reach::AtStart, Check::AtLeast(1), "How often uneven leadership is looked for."),
    inert(WHY, "log.dir.failure.timeout.ms", Kind::Long, Some("30000"), Reach::AtStart, Check::AtLeast(1), "How long a broker tries to report a failed directory before it stops."),
    inert(WHY, "min.insync.replicas", Kind::Int, Some("1"), Reach::Cluster, Check::AtLeast(1), "How many copies must have a record before acks=all is answered; one copy is all there is, so any number is met."),
    inert(WHY, "num.recovery.threads.per.data.dir", Kind::Int, Some("2"), Reach::Cluster, Check::AtLeast(1), "How many threads read a directory when the broker starts after a crash."),
    inert(WHY, "num.replica.alter.log.dirs.threads", Kind::Int, None, Reach::AtStart, Check::Any, "How many threads move partitions between directories."),
    inert(WHY, "num.replica.fetchers", Kind::Int, Some("1"), Reach::Cluster, Check::AtLeast(1), "How many threads fetch from each leader."),
    inert(WHY, "replica.fetch.backoff.ms", Kind::Int, Some("1000"), Reach::AtStart, Check::AtLeast(0), "How long a follower pauses after a failed fetch."),
    inert(WHY, "replica.fetch.max.bytes", Kind::Int, Some("1048576"), Reach::AtStart, Check::AtLeast(0), "How much of one partition a follower fetches at a time."),
    inert(WHY, "replica.fetch.min.bytes", Kind::Int, Some("1"), Reach::AtStart, Check::Any, "How little a leader may answer a follower with."),
    inert(WHY, "replica.fetch.response.max.bytes", Kind::Int, Some("10485760"), Reach::AtStart, Check::AtLeast(0), "How much a follower fetches at a time in all."),
    inert(WHY, "replica.fetch.wait.max.ms", Kind::Int, Some("500"), Reach::AtStart, Check::Any, "How long a leader may let a follower wait for data."),
    inert(WHY, "replica.high.watermark.checkpoint.interval.ms", Kind::Long, Some("5000"), Reach::AtStart, Check::Any, "How often high watermarks are written down; here they are recovered from the log."),
    inert(WHY, "replica.lag.time.max.ms", Kind::Long, Some("30000"), Reach::AtStart, Check::Any, "After how long a follower that does not keep up leaves the set of those in sync."),
    inert(WHY, "replica.selector.class", Kind::Text, None, Reach::AtStart, Check::Any, "A plug-in that chooses the copy a consumer reads from."),
    inert(WHY, "replica.socket.receive.buffer.bytes", Kind::Int, Some("65536"), Reach::AtStart, Check::Any, "The receive buffer of a follower's connection."),
    inert(WHY, "replica.socket.timeout.ms", Kind::Int, Some("30000"), Reach::AtStart, Check::Any, "How long a follower waits for its leader."),
    inert(WHY, "replication.quota.window.num", Kind::Int, Some("11"), Reach::AtStart, Check::AtLeast(1), "How many samples measure replication traffic."),
    inert(WHY, "replication.quota.window.size.seconds", Kind::Int, Some("1"), Reach::AtStart, Check::AtLeast(1), "How long each of those samples is."),
    inert(WHY, "request.timeout.ms", Kind::Int, Some("30000"), Reach::AtStart, Check::Any, "How long a broker waits for another broker's answer."),
    inert(WHY, "unclean.leader.election.enable", Kind::Boolean, Some("false"), Reach::Cluster, Check::Any, "Whether a copy that lacks records may become leader."),
];

/// Quotas that are told only while they are set.
#[rustfmt::skip]
pub(in crate::settings) const THROTTLES: &[Setting] = &[
    inert(WHY, "follower.replication.throttled.rate", Kind::Long, None, Reach::Cluster, Check::AtLeast(0), "How many bytes a second throttled followers fetch."),
    inert(WHY, "leader.replication.throttled.rate", Kind::Long, None, Reach::Cluster, Check::AtLeast(0), "How many bytes a second throttled leaders send to followers."),
    inert(WHY, "replica.alter.log.dirs.io.max.bytes.per.second", Kind::Long, None, Reach::Cluster, Check::AtLeast(0), "How many bytes a second move between directories."),
];
