//! The real binary as people run it: its transcripts, its manual, its exit codes, its end and its next beginning.

mod anywhere;
mod architect;
mod avro;
mod crowd;
mod data;
mod doctor;
mod ephemeral;
mod errors;
mod exits;
mod hourly;
mod http;
mod life;
mod manual;
mod metrics;
mod prove;
mod queue;
mod readers;
mod readme;
mod rest;
mod schemas;
mod server;
mod service;
mod story;
mod tools;
mod transcript;
mod work;
