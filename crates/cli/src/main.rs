//! The binary `milena`: parses the words, builds every room, decides nothing.
#![forbid(unsafe_code)]

mod args;
mod config;
mod failure;
mod ready;
mod serve;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    match arguments.run() {
        Ok(code) => code,
        Err(failure) => {
            eprint!("{failure}");
            failure.exit_code()
        }
    }
}
