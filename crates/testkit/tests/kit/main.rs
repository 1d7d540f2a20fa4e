//! The kit as a test uses it: by a real Kafka client, over HTTP, with every fault.

mod control;
mod faults;
mod lives;
mod people;
mod world;
