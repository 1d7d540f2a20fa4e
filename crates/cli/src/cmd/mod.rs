//! The commands: one file each. They talk to any Kafka through `milena-client`, and to a Milena's admin routes where Kafka has none.

pub(crate) mod avro;
pub(crate) mod cheat;
pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod explain;
pub(crate) mod group;
pub(crate) mod message;
pub(crate) mod produce;
pub(crate) mod read;
pub(crate) mod status;
pub(crate) mod topic;
