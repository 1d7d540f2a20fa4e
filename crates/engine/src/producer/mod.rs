//! Those who write: the ids of idempotent producers ([`ids`]), and the names under which batches remember their writer
//! ([`writers`]). What a producer wrote is the partition's business.

pub mod ids;
pub mod writers;
