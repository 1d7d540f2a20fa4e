//! Avro, as Java's library understands it: schemas, their texts and fingerprints, and what reads what.

mod compatibility;
mod defaults;
mod logical;
mod model;
mod name;
mod parse;
mod text;

pub use logical::Logical;
pub use model::{Enumeration, Field, Fixed, Kind, Node, NodeId, Order, Record, Schema};
pub use name::Name;
pub use parse::Rigour;
