//! Settings of remote (tiered) storage.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str =
    "There is no tiered storage: all data of a topic is in this broker's store, and enabling it on a topic is refused.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "log.local.retention.bytes", Kind::Long, Some("-2"), Reach::Cluster, Check::AtLeast(-2), "How much of a tiered partition stays on local disk."),
    inert(WHY, "log.local.retention.ms", Kind::Long, Some("-2"), Reach::Cluster, Check::AtLeast(-2), "How long data of a tiered topic stays on local disk."),
    inert(WHY, "remote.fetch.max.wait.ms", Kind::Int, Some("500"), Reach::Cluster, Check::AtLeast(1), "How long a fetch waits for remote data."),
    inert(WHY, "remote.list.offsets.request.timeout.ms", Kind::Long, Some("30000"), Reach::Cluster, Check::AtLeast(1), "How long a search for an offset in remote storage may take."),
    inert(WHY, "remote.log.index.file.cache.total.size.bytes", Kind::Long, Some("1073741824"), Reach::Cluster, Check::AtLeast(1), "How much disk caches indexes of remote segments."),
    inert(WHY, "remote.log.manager.copier.thread.pool.size", Kind::Int, Some("10"), Reach::Cluster, Check::AtLeast(1), "How many threads copy segments to remote storage."),
    inert(WHY, "remote.log.manager.copy.max.bytes.per.second", Kind::Long, Some("9223372036854775807"), Reach::Cluster, Check::AtLeast(1), "How fast segments are copied to remote storage."),
    inert(WHY, "remote.log.manager.copy.quota.window.num", Kind::Int, Some("11"), Reach::AtStart, Check::AtLeast(1), "How many samples measure that copying."),
    inert(WHY, "remote.log.manager.copy.quota.window.size.seconds", Kind::Int, Some("1"), Reach::AtStart, Check::AtLeast(1), "How long each of those samples is."),
    inert(WHY, "remote.log.manager.expiration.thread.pool.size", Kind::Int, Some("10"), Reach::Cluster, Check::AtLeast(1), "How many threads remove expired remote segments."),
    inert(WHY, "remote.log.manager.fetch.max.bytes.per.second", Kind::Long, Some("9223372036854775807"), Reach::Cluster, Check::AtLeast(1), "How fast data is fetched from remote storage."),
    inert(WHY, "remote.log.manager.fetch.quota.window.num", Kind::Int, Some("11"), Reach::AtStart, Check::AtLeast(1), "How many samples measure that fetching."),
    inert(WHY, "remote.log.manager.fetch.quota.window.size.seconds", Kind::Int, Some("1"), Reach::AtStart, Check::AtLeast(1), "How long each of those samples is."),
    inert(WHY, "remote.log.manager.follower.thread.pool.size", Kind::Int, Some("2"), Reach::Cluster, Check::AtLeast(1), "How many threads do a follower's remote work."),
    inert(WHY, "remote.log.manager.task.interval.ms", Kind::Long, Some("30000"), Reach::AtStart, Check::AtLeast(1), "How often remote work is looked for."),
    inert(WHY, "remote.log.manager.thread.pool.size", Kind::Int, Some("2"), Reach::AtStart, Check::AtLeast(1), "How many threads manage remote segments."),
    inert(WHY, "remote.log.metadata.custom.metadata.max.bytes", Kind::Int, Some("128"), Reach::AtStart, Check::AtLeast(0), "How much a storage plug-in may remember about a segment."),
    inert(WHY, "remote.log.metadata.manager.class.name", Kind::Text, Some("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"), Reach::AtStart, Check::NotEmpty, "The plug-in that remembers remote segments."),
    inert(WHY, "remote.log.metadata.manager.class.path", Kind::Text, None, Reach::AtStart, Check::Any, "Where that plug-in is loaded from."),
    inert(WHY, "remote.log.metadata.manager.impl.prefix", Kind::Text, Some("rlmm.config."), Reach::AtStart, Check::NotEmpty, "Which settings are handed to that plug-in."),
    inert(WHY, "remote.log.metadata.manager.listener.name", Kind::Text, None, Reach::AtStart, Check::NotEmpty, "Over which listener that plug-in talks to brokers."),
    inert(WHY, "remote.log.reader.max.pending.tasks", Kind::Int, Some("100"), Reach::AtStart, Check::AtLeast(1), "How many reads of remote storage may queue."),
    inert(WHY, "remote.log.reader.threads", Kind::Int, Some("10"), Reach::Cluster, Check::AtLeast(1), "How many threads read remote storage."),
    inert(WHY, "remote.log.storage.manager.class.name", Kind::Text, None, Reach::AtStart, Check::NotEmpty, "The plug-in that stores remote segments."),
    inert(WHY, "remote.log.storage.manager.class.path", Kind::Text, None, Reach::AtStart, Check::Any, "Where that plug-in is loaded from."),
    inert(WHY, "remote.log.storage.manager.impl.prefix", Kind::Text, Some("rsm.config."), Reach::AtStart, Check::NotEmpty, "Which settings are handed to that plug-in."),
    inert(WHY, "remote.log.storage.system.enable", Kind::Boolean, Some("false"), Reach::AtStart, Check::Any, "Whether tiered storage is on."),
];
