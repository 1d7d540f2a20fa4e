//! The commands: one file each. They talk to any Kafka through `milena-client`, and to a Milena's admin routes where Kafka has none.

pub(crate) mod group;
pub(crate) mod message;
pub(crate) mod produce;
pub(crate) mod read;
pub(crate) mod status;
pub(crate) mod topic;
