//! Settings of replicas.

use crate::settings::setting::{Check, Fallback, Kind, Reach, Setting, inert};

const WHY: &str = "Every partition has one copy, on this broker, and a record is on disk before it is acknowledged: there is no follower to lag, throttle or elect.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "follower.replication.throttled.replicas", Kind::List, Some(""), Reach::Topic, Check::ThrottledReplicas, "Which followers of this topic are throttled."),
    inert(WHY, "leader.replication.throttled.replicas", Kind::List, Some(""), Reach::Topic, Check::ThrottledReplicas, "Which leaders of this topic are throttled."),
    inert(WHY, "min.insync.replicas", Kind::Int, Some("1"), Reach::Topic, Check::AtLeast(1), "How many copies must have a record before acks=all is answered; one copy is all there is, so any number is met.").or(&[Fallback { name: "min.insync.replicas", times: 1 }]),
    inert(WHY, "unclean.leader.election.enable", Kind::Boolean, Some("false"), Reach::Topic, Check::Any, "Whether a copy that lacks records may become leader.").or(&[Fallback { name: "unclean.leader.election.enable", times: 1 }]),
];
