//! The wire crate from outside: round trips in every version, the hot path against the generated code, hostile frames under a memory count, and the
//! reference client library as the oracle.

mod bounds;
mod fields;
mod frames;
mod golden;
mod hot;
mod memory;
mod oracle;
mod round_trip;
mod values;
