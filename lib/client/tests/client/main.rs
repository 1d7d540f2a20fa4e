//! The client from outside: against a scripted peer always, against a real broker where one is named.
//!
//! `MILENA_TEST_BROKER=host:port` names any Kafka broker that may be written to, ours or Apache's.

mod administration;
mod fetches;
mod groups;
mod members;
mod peer;
mod principals;
mod produces;
mod real;
mod scripted;
mod secured;
mod troubles;
