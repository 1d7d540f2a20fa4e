//! Settings of transactions and of their coordinator.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str =
    "Transactions are not served yet: initialising a transactional producer is refused at once, so nothing reads these.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "add.partitions.to.txn.retry.backoff.max.ms", Kind::Int, Some("100"), Reach::AtStart, Check::AtLeast(0), "The longest pause before the broker asks the transaction coordinator again."),
    inert(WHY, "add.partitions.to.txn.retry.backoff.ms", Kind::Int, Some("20"), Reach::AtStart, Check::AtLeast(1), "The pause before the broker asks the transaction coordinator again."),
    inert(WHY, "transaction.abort.timed.out.transaction.cleanup.interval.ms", Kind::Int, Some("10000"), Reach::AtStart, Check::AtLeast(1), "How often transactions that take too long are looked for."),
    inert(WHY, "transaction.max.timeout.ms", Kind::Int, Some("900000"), Reach::AtStart, Check::AtLeast(1), "The longest transaction that a producer may ask for."),
    inert(WHY, "transaction.partition.verification.enable", Kind::Boolean, Some("true"), Reach::Cluster, Check::Any, "Whether a partition checks with the coordinator before it takes transactional records."),
    inert(WHY, "transaction.remove.expired.transaction.cleanup.interval.ms", Kind::Int, Some("3600000"), Reach::AtStart, Check::AtLeast(1), "How often forgotten transactional ids are looked for."),
    inert(WHY, "transaction.state.log.load.buffer.size", Kind::Int, Some("5242880"), Reach::AtStart, Check::AtLeast(1), "How much the coordinator reads at a time when it starts."),
    inert(WHY, "transaction.state.log.min.isr", Kind::Int, Some("2"), Reach::AtStart, Check::AtLeast(1), "How many copies of the transaction log must be in sync."),
    inert(WHY, "transaction.state.log.num.partitions", Kind::Int, Some("50"), Reach::AtStart, Check::AtLeast(1), "How many partitions the transaction log has."),
    inert(WHY, "transaction.state.log.replication.factor", Kind::Short, Some("3"), Reach::AtStart, Check::AtLeast(1), "How many copies the transaction log has."),
    inert(WHY, "transaction.state.log.segment.bytes", Kind::Int, Some("104857600"), Reach::AtStart, Check::AtLeast(1), "How large a segment of the transaction log grows."),
    inert(WHY, "transaction.two.phase.commit.enable", Kind::Boolean, Some("false"), Reach::AtStart, Check::Any, "Whether transactions may be part of a larger two-phase commit."),
    inert(WHY, "transactional.id.expiration.ms", Kind::Int, Some("604800000"), Reach::AtStart, Check::AtLeast(1), "After how long an unused transactional id is forgotten."),
];
