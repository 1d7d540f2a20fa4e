//! Settings of sockets, threads and queues.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "Each connection stays on one thread from reading to answering, bounded by its own credit, and the operating system sizes its buffers: there is no request queue and no pool of handlers to tune.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "connection.failed.authentication.delay.ms", Kind::Int, Some("100"), Reach::AtStart, Check::AtLeast(0), "How long a failed login is left waiting."),
    inert(WHY, "max.connection.creation.rate", Kind::Int, Some("2147483647"), Reach::Cluster, Check::AtLeast(0), "How many connections a second are accepted."),
    inert(WHY, "max.request.partition.size.limit", Kind::Int, Some("2000"), Reach::AtStart, Check::AtLeast(1), "How many partitions one page of a topic description has; pages have 2000 here, and more pages tell the same."),
    inert(WHY, "num.io.threads", Kind::Int, Some("8"), Reach::Cluster, Check::AtLeast(1), "How many threads handle requests."),
    inert(WHY, "num.network.threads", Kind::Int, Some("3"), Reach::Cluster, Check::AtLeast(1), "How many threads read and write sockets."),
    inert(WHY, "queued.max.requests", Kind::Int, Some("500"), Reach::AtStart, Check::AtLeast(1), "How many requests may queue."),
    inert(WHY, "socket.connection.setup.timeout.max.ms", Kind::Long, Some("30000"), Reach::AtStart, Check::Any, "The longest time to wait for a connection to another broker."),
    inert(WHY, "socket.connection.setup.timeout.ms", Kind::Long, Some("10000"), Reach::AtStart, Check::Any, "The time to wait for a connection to another broker."),
    inert(WHY, "socket.listen.backlog.size", Kind::Int, Some("50"), Reach::AtStart, Check::AtLeast(1), "How many connections may wait to be accepted."),
    inert(WHY, "socket.receive.buffer.bytes", Kind::Int, Some("102400"), Reach::AtStart, Check::Any, "The receive buffer of each connection."),
    inert(WHY, "socket.send.buffer.bytes", Kind::Int, Some("102400"), Reach::AtStart, Check::Any, "The send buffer of each connection."),
];
