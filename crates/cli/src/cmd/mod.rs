//! The commands: one file each. They talk to any Kafka through `milena-client`, and to a Milena's admin routes where Kafka has none.

pub(crate) mod avro;
pub(crate) mod cheat;
pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod doctor;
pub(crate) mod errors;
pub(crate) mod explain;
pub(crate) mod group;
pub(crate) mod install;
mod loss;
pub(crate) mod man;
pub(crate) mod message;
pub(crate) mod ping;
pub(crate) mod produce;
pub(crate) mod read;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod support;
pub(crate) mod top;
pub(crate) mod topic;
pub(crate) mod why;
