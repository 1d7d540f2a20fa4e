//! The real binary as people run it: its transcripts, its manual, its exit codes, its end and its next beginning.

mod anywhere;
mod architect;
mod avro;
mod copy;
mod crowd;
mod doctor;
mod errors;
mod exits;
mod hourly;
mod http;
mod install;
mod life;
mod manual;
mod metrics;
mod queue;
mod readers;
mod readme;
mod rest;
mod server;
mod service;
mod status;
mod story;
mod tools;
mod transcript;
mod work;
