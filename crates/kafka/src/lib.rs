//! The Kafka door: bytes of a connection become commands of a node, and its replies become answers.
//!
//! Knows the protocol: frames, versions, sessions, error codes. Judges nothing: handlers call the node's verbs only.
#![forbid(unsafe_code)]

pub mod connection;
pub mod session;
