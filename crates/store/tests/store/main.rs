//! The proofs of the store: the laws over each implementation, and the world at its worst over the local one.

mod campaign;
mod damage;
mod errors;
mod full;
mod local;
mod memory;
mod plain;
mod plants;
mod power;
mod subject;
mod threads;
mod workload;
