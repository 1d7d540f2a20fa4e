//! The Kafka door: bytes of a connection become commands of a node, and its replies become answers.
//!
//! Knows the protocol: frames, versions, sessions, error codes. Judges nothing: handlers call the node's verbs only.
#![forbid(unsafe_code)]

mod access;
mod advertise;
mod api;
mod asked;
mod config;
pub mod connection;
mod disk;
mod dispatch;
mod errors;
mod first_chance;
#[cfg(test)]
pub mod index;
#[cfg(test)]
mod index_tests;
mod listen;
mod membership;
mod memory;
mod offenders;
mod peer;
mod reading;
mod serve;
pub mod session;
mod share_session;
mod sharing;
mod stopwatch;

pub use advertise::{Advertise, BadAdvertise, HostPort, can_be_dialled};
pub use dispatch::{Card, Close, Cost, card, cards};
pub use listen::listen;
pub use peer::{Door, DoorOptions};
pub use serve::{Ends, serve_connection};
