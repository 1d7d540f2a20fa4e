//! Settings of KIP-848 consumer groups.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str =
    "Groups with assignment by the broker (KIP-848) are not served yet and are not offered to clients, so no group reads these.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "group.consumer.assignment.interval.ms", Kind::Int, Some("1000"), Reach::Cluster, Check::AtLeast(0), "How long assignments of a consumer group rest before they are computed again."),
    inert(WHY, "group.consumer.assignors", Kind::List, Some("uniform,range"), Reach::AtStart, Check::Any, "The assignors that consumers may choose from."),
    inert(WHY, "group.consumer.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::AtStart, Check::AtLeast(1), "How often members of a consumer group send heartbeats."),
    inert(WHY, "group.consumer.max.assignment.interval.ms", Kind::Int, Some("15000"), Reach::AtStart, Check::AtLeast(0), "The longest assignment interval that one group may ask for."),
    inert(WHY, "group.consumer.max.heartbeat.interval.ms", Kind::Int, Some("15000"), Reach::AtStart, Check::AtLeast(1), "The longest heartbeat interval that one group may ask for."),
    inert(WHY, "group.consumer.max.session.timeout.ms", Kind::Int, Some("60000"), Reach::AtStart, Check::AtLeast(1), "The longest session that one group may ask for."),
    inert(WHY, "group.consumer.max.size", Kind::Int, Some("2147483647"), Reach::AtStart, Check::AtLeast(1), "How many members a consumer group takes."),
    inert(WHY, "group.consumer.migration.policy", Kind::Text, Some("bidirectional"), Reach::AtStart, Check::OneOfAnyCase(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]), "Whether groups may change between the classic and the new protocol."),
    inert(WHY, "group.consumer.min.assignment.interval.ms", Kind::Int, Some("0"), Reach::AtStart, Check::AtLeast(0), "The shortest assignment interval that one group may ask for."),
    inert(WHY, "group.consumer.min.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::AtStart, Check::AtLeast(1), "The shortest heartbeat interval that one group may ask for."),
    inert(WHY, "group.consumer.min.session.timeout.ms", Kind::Int, Some("45000"), Reach::AtStart, Check::AtLeast(1), "The shortest session that one group may ask for."),
    inert(WHY, "group.consumer.session.timeout.ms", Kind::Int, Some("45000"), Reach::AtStart, Check::AtLeast(1), "After how long a silent member of a consumer group is dropped."),
    inert(WHY, "group.coordinator.rebalance.protocols", Kind::List, Some("classic,consumer,streams"), Reach::AtStart, Check::Each(&["consumer", "classic", "share", "streams"]), "Which kinds of groups are offered; here only classic ones are, whatever this says."),
];
