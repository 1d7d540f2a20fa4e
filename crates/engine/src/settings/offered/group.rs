//! What one group may set for itself, once those groups are served.

use crate::settings::setting::{Check, Fallback, Kind, Reach, Setting, inert};

const WHY: &str =
    "Groups of this kind are not served yet and are not offered to clients; setting it is refused so that nobody relies on it.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "consumer.assignment.interval.ms", Kind::Int, Some("1000"), Reach::Group, Check::Any, "How long assignments of this consumer group rest before they are computed again.").or(&[Fallback { name: "group.consumer.assignment.interval.ms", times: 1 }]),
    inert(WHY, "consumer.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::Group, Check::Any, "How often members of this consumer group send heartbeats.").or(&[Fallback { name: "group.consumer.heartbeat.interval.ms", times: 1 }]),
    inert(WHY, "consumer.session.timeout.ms", Kind::Int, Some("45000"), Reach::Group, Check::Any, "After how long a silent member of this consumer group is dropped.").or(&[Fallback { name: "group.consumer.session.timeout.ms", times: 1 }]),
    inert(WHY, "share.assignment.interval.ms", Kind::Int, Some("1000"), Reach::Group, Check::Any, "How long assignments of this share group rest before they are computed again.").or(&[Fallback { name: "group.share.assignment.interval.ms", times: 1 }]),
    inert(WHY, "share.auto.offset.reset", Kind::Text, Some("latest"), Reach::Group, Check::Any, "Where this share group begins to read."),
    inert(WHY, "share.delivery.count.limit", Kind::Int, Some("5"), Reach::Group, Check::Any, "How often a record is delivered to this share group before it is given up.").or(&[Fallback { name: "group.share.delivery.count.limit", times: 1 }]),
    inert(WHY, "share.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::Group, Check::Any, "How often members of this share group send heartbeats.").or(&[Fallback { name: "group.share.heartbeat.interval.ms", times: 1 }]),
    inert(WHY, "share.isolation.level", Kind::Text, Some("read_uncommitted"), Reach::Group, Check::Any, "Whether this share group sees records of open transactions."),
    inert(WHY, "share.partition.max.record.locks", Kind::Int, Some("2000"), Reach::Group, Check::Any, "How many records of a partition this share group may lock at a time.").or(&[Fallback { name: "group.share.partition.max.record.locks", times: 1 }]),
    inert(WHY, "share.record.lock.duration.ms", Kind::Int, Some("30000"), Reach::Group, Check::Any, "How long a record taken by this share group stays locked.").or(&[Fallback { name: "group.share.record.lock.duration.ms", times: 1 }]),
    inert(WHY, "share.renew.acknowledge.enable", Kind::Boolean, Some("true"), Reach::Group, Check::Any, "Whether members of this share group may extend their locks."),
    inert(WHY, "share.session.timeout.ms", Kind::Int, Some("45000"), Reach::Group, Check::Any, "After how long a silent member of this share group is dropped.").or(&[Fallback { name: "group.share.session.timeout.ms", times: 1 }]),
    inert(WHY, "streams.assignment.interval.ms", Kind::Int, Some("1000"), Reach::Group, Check::Any, "How long assignments of this streams group rest before they are computed again.").or(&[Fallback { name: "group.streams.assignment.interval.ms", times: 1 }]),
    inert(WHY, "streams.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::Group, Check::Any, "How often members of this streams group send heartbeats.").or(&[Fallback { name: "group.streams.heartbeat.interval.ms", times: 1 }]),
    inert(WHY, "streams.initial.rebalance.delay.ms", Kind::Int, Some("3000"), Reach::Group, Check::Any, "How long this streams group waits for more members when it begins.").or(&[Fallback { name: "group.streams.initial.rebalance.delay.ms", times: 1 }]),
    inert(WHY, "streams.num.standby.replicas", Kind::Int, Some("0"), Reach::Group, Check::Any, "How many standby tasks each task of this streams group gets.").or(&[Fallback { name: "group.streams.num.standby.replicas", times: 1 }]),
    inert(WHY, "streams.session.timeout.ms", Kind::Int, Some("45000"), Reach::Group, Check::Any, "After how long a silent member of this streams group is dropped.").or(&[Fallback { name: "group.streams.session.timeout.ms", times: 1 }]),
];
