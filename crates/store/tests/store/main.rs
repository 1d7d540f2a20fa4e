//! The proofs of the store: the laws over each implementation, and the world at its worst over the local one.
//!
//! Every harness prints what it tried and what passed. `MILENA_CAMPAIGN=N` does N times as much and prints a line of JSON
//! beside; `MILENA_SEED=S` moves the seeds, so that two campaigns try different things. A violation names its seed.

mod at_rest;
mod campaign;
mod damage;
mod errors;
mod flawed;
mod full;
mod golden;
mod local;
mod memory;
mod plain;
#[cfg(debug_assertions)]
mod plants;
mod power;
mod sim_disk;
mod subject;
mod threads;
mod workload;
