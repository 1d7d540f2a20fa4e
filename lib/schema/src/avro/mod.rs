//! Avro, as Java's library understands it.
//!
//! [`Schema`] is read once and printed, compared and fingerprinted; a [`Plan`] is compiled from it (or from a writer's and
//! a reader's) and reads data: to a [`Value`], to JSON, to the reader's binary form. [`binary`] has the pieces that
//! generated code is made of, [`container`] the files.

pub mod binary;
mod check;
mod comments;
mod compatibility;
pub mod container;
mod decode;
mod defaults;
mod dissect;
mod fingerprint;
pub mod generate;
pub mod idl;
mod json;
mod logical;
mod model;
mod name;
pub mod native;
mod parse;
mod plan;
mod random;
mod source;
mod tags;
mod text;
mod typed;
mod value;

pub use binary::Malformed;
pub use fingerprint::rabin;
pub use json::Unions;
pub use logical::Logical;
pub use model::{Enumeration, Field, Fixed, Kind, Node, NodeId, Order, Properties, Record, Schema};
pub use name::Name;
pub use parse::Rigour;
pub use plan::Plan;
pub use random::Dice;
pub use typed::{Decode, Encode, Evolving, Typed};
pub use value::Value;
