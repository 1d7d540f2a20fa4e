//! The binary `milena`: parses the words, builds every room, decides nothing.
// Both end the process when whoever read has gone; `screen` has what does not.
#![deny(unsafe_code, clippy::print_stdout, clippy::print_stderr)]

mod args;
mod ask;
mod cmd;
mod config;
mod connect;
mod envelope;
mod failure;
mod icmp;
mod nearest;
mod notify;
mod ordered;
mod ours;
mod process;
mod ready;
mod schemas;
mod screen;
mod secure;
mod serve;
mod startup;
mod table;
mod told;
mod web;
mod when;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for huge pages, five of which stay resident in an idle server: 10 MB for nothing.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let arguments = match args::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(asked) => {
            // Help and the version are answers; the rest is a wrong use, with the exit code that says so.
            let _ = asked.print();
            return ExitCode::from(if asked.use_stderr() { 64 } else { 0 });
        }
    };
    match arguments.run() {
        Ok(code) => code,
        Err(failure) => {
            failure.tell();
            failure.exit_code()
        }
    }
}
