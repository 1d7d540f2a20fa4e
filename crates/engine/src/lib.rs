//! Every judgement of the product. Pure: no I/O, no clock, no task, no Kafka version, no file.
//!
//! Each noun is a machine ([`machine::Machine`]): `decide` reads state and answers a refusal or facts plus a reply,
//! `apply` is the only way that state changes, `deadline` and `expire` are how time speaks. Recovery is `apply` in a loop.
//!
//! This room must never know: protocol versions (no edge to `wire`), where bytes rest (no edge to `store`).

#![forbid(unsafe_code)]

pub mod answered;
pub mod fact;
pub mod group;
pub mod ids;
pub mod instance;
pub mod limits;
pub mod machine;
pub mod partition;
pub mod producer;
pub mod retention;
#[cfg(test)]
mod script;
pub mod settings;
pub mod share;
pub mod subject;
pub mod topic;
pub mod unread;
