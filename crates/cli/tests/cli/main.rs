//! The real binary as people run it: its transcripts, its manual, its exit codes, its end and its next beginning.

mod anywhere;
mod avro;
mod exits;
mod life;
mod manual;
mod metrics;
mod readme;
mod server;
mod transcript;
