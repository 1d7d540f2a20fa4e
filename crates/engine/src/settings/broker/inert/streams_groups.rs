//! Settings of streams groups.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "Streams groups are not served yet and are not offered to clients, so no group reads these.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "group.streams.assignment.interval.ms", Kind::Int, Some("1000"), Reach::Cluster, Check::AtLeast(0), "How long assignments of a streams group rest before they are computed again."),
    inert(WHY, "group.streams.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::AtStart, Check::AtLeast(1), "How often members of a streams group send heartbeats."),
    inert(WHY, "group.streams.initial.rebalance.delay.ms", Kind::Int, Some("3000"), Reach::AtStart, Check::AtLeast(0), "How long an empty streams group waits for more members."),
    inert(WHY, "group.streams.max.assignment.interval.ms", Kind::Int, Some("15000"), Reach::AtStart, Check::AtLeast(0), "The longest assignment interval that one group may ask for."),
    inert(WHY, "group.streams.max.heartbeat.interval.ms", Kind::Int, Some("15000"), Reach::AtStart, Check::AtLeast(1), "The longest heartbeat interval that one group may ask for."),
    inert(WHY, "group.streams.max.session.timeout.ms", Kind::Int, Some("60000"), Reach::AtStart, Check::AtLeast(1), "The longest session that one group may ask for."),
    inert(WHY, "group.streams.max.size", Kind::Int, Some("2147483647"), Reach::AtStart, Check::AtLeast(1), "How many members a streams group takes."),
    inert(WHY, "group.streams.max.standby.replicas", Kind::Int, Some("2"), Reach::AtStart, Check::AtLeast(0), "The most standby tasks that one group may ask for."),
    inert(WHY, "group.streams.min.assignment.interval.ms", Kind::Int, Some("0"), Reach::AtStart, Check::AtLeast(0), "The shortest assignment interval that one group may ask for."),
    inert(WHY, "group.streams.min.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::AtStart, Check::AtLeast(1), "The shortest heartbeat interval that one group may ask for."),
    inert(WHY, "group.streams.min.session.timeout.ms", Kind::Int, Some("45000"), Reach::AtStart, Check::AtLeast(1), "The shortest session that one group may ask for."),
    inert(WHY, "group.streams.num.standby.replicas", Kind::Int, Some("0"), Reach::AtStart, Check::AtLeast(0), "How many standby tasks each task gets."),
    inert(WHY, "group.streams.session.timeout.ms", Kind::Int, Some("45000"), Reach::AtStart, Check::AtLeast(1), "After how long a silent member of a streams group is dropped."),
];
