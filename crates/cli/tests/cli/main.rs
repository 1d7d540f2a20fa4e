//! The real binary as people run it: its transcripts, its manual, its exit codes, its end and its next beginning.

mod anywhere;
mod avro;
mod crowd;
mod doctor;
mod errors;
mod exits;
mod hourly;
mod http;
mod life;
mod manual;
mod metrics;
mod plans;
mod queue;
mod readers;
mod readme;
mod rest;
mod server;
mod service;
mod stops;
mod story;
mod tools;
mod transcript;
