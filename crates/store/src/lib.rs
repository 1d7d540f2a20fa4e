//! Where bytes rest. The only room with files; it knows no noun of Kafka.
//!
//! A **log** here is an ordered list of *facts* (small, opaque bytes from which a judgement is rebuilt), each with an
//! optional *payload* (bulk bytes that cover a range of positions). A Kafka partition is such a log, and so is a
//! consumer group, the catalog of topics or the table of writers: this room cannot tell them apart.
//!
//! What this room promises: an entry is all or none; a [`Committed`] exists only for what a power cut cannot take
//! back; positions are read back exactly as they were given; damage is named and never served.
//!
//! Start reading at [`Store`], then `laws.rs` (what every implementation must pass), then `local/mod.rs`.

// One file allows it and says why: `local/buffer.rs`.
#![deny(unsafe_code)]

pub mod dice;
pub mod disk;
pub mod laws;
pub mod local;
pub mod memory;
pub mod plant;
pub mod seam;
pub mod sim_disk;
pub use memory::Memory;
pub use seam::*;
