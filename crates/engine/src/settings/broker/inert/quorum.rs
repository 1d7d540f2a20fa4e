//! Settings of the controller quorum and of the metadata log.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str =
    "One process holds all metadata in its own log: there is no quorum of controllers, no election and no registration.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "broker.heartbeat.interval.ms", Kind::Int, Some("2000"), Reach::AtStart, Check::Any, "How often a broker tells the controller that it lives."),
    inert(WHY, "broker.session.timeout.ms", Kind::Int, Some("9000"), Reach::AtStart, Check::Any, "After how long a silent broker is taken for dead."),
    inert(WHY, "controlled.shutdown.enable", Kind::Boolean, Some("true"), Reach::AtStart, Check::Any, "Whether a stopping broker first hands its leadership over."),
    inert(WHY, "controller.quorum.append.linger.ms", Kind::Int, Some("25"), Reach::AtStart, Check::AtLeast(0), "How long a controller collects metadata changes before it writes them."),
    inert(WHY, "controller.quorum.auto.join.enable", Kind::Boolean, Some("false"), Reach::AtStart, Check::Any, "Whether a new controller joins the quorum by itself."),
    inert(WHY, "controller.quorum.bootstrap.servers", Kind::List, Some(""), Reach::AtStart, Check::Any, "Where a controller finds the quorum."),
    inert(WHY, "controller.quorum.election.backoff.max.ms", Kind::Int, Some("1000"), Reach::AtStart, Check::AtLeast(0), "The longest pause between two elections of a controller."),
    inert(WHY, "controller.quorum.election.timeout.ms", Kind::Int, Some("1000"), Reach::AtStart, Check::AtLeast(0), "How long a candidate waits for votes."),
    inert(WHY, "controller.quorum.fetch.max.bytes", Kind::Int, Some("1048576"), Reach::AtStart, Check::AtLeast(1), "How much one controller fetches from another at a time."),
    inert(WHY, "controller.quorum.fetch.snapshot.max.bytes", Kind::Int, Some("1048576"), Reach::AtStart, Check::AtLeast(1), "How much of a snapshot one controller fetches from another at a time."),
    inert(WHY, "controller.quorum.fetch.timeout.ms", Kind::Int, Some("2000"), Reach::AtStart, Check::AtLeast(0), "After how long without a leader a controller stands for election."),
    inert(WHY, "controller.quorum.request.timeout.ms", Kind::Int, Some("2000"), Reach::AtStart, Check::AtLeast(0), "How long a controller waits for another's answer."),
    inert(WHY, "controller.quorum.retry.backoff.ms", Kind::Int, Some("20"), Reach::AtStart, Check::AtLeast(0), "The pause before a controller repeats a request."),
    inert(WHY, "controller.quorum.voters", Kind::List, Some(""), Reach::AtStart, Check::Any, "The controllers that vote."),
    inert(WHY, "controller.socket.timeout.ms", Kind::Int, Some("30000"), Reach::AtStart, Check::Any, "How long a broker waits for the controller's socket."),
    inert(WHY, "initial.broker.registration.timeout.ms", Kind::Int, Some("60000"), Reach::AtStart, Check::Any, "How long a starting broker tries to register with the controller."),
    inert(WHY, "metadata.log.max.record.bytes.between.snapshots", Kind::Long, Some("20971520"), Reach::AtStart, Check::AtLeast(1), "After how many bytes of metadata changes a snapshot is written."),
    inert(WHY, "metadata.log.max.snapshot.interval.ms", Kind::Long, Some("3600000"), Reach::AtStart, Check::AtLeast(0), "After how long a snapshot of changed metadata is written."),
    inert(WHY, "metadata.log.segment.bytes", Kind::Int, Some("1073741824"), Reach::AtStart, Check::AtLeast(8388608), "How large a file of the metadata log grows."),
    inert(WHY, "metadata.log.segment.ms", Kind::Long, Some("604800000"), Reach::AtStart, Check::Any, "After how long a new file of the metadata log begins."),
    inert(WHY, "metadata.max.idle.interval.ms", Kind::Int, Some("500"), Reach::AtStart, Check::AtLeast(0), "How often a controller writes a record when nothing changes."),
    inert(WHY, "metadata.max.retention.bytes", Kind::Long, Some("104857600"), Reach::AtStart, Check::Any, "How much of the metadata log is kept below a snapshot."),
    inert(WHY, "metadata.max.retention.ms", Kind::Long, Some("604800000"), Reach::AtStart, Check::Any, "How long the metadata log is kept below a snapshot."),
];
