//! The wire crate from outside: round trips in every version, the hot path against the generated code, hostile frames under a memory count, and the
//! reference client library and two others as oracles.

mod bounds;
mod fields;
mod frames;
mod golden;
mod hot;
mod memory;
mod oracle;
mod python;
mod round_trip;
mod values;
