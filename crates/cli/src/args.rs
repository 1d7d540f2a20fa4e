//! The command tree. One variant a command; what a command does lives in its own file.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{failure::Failure, serve};

#[derive(Parser)]
#[command(name = "milena", version, about = "Kafka that fits", propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the broker.
    Serve(serve::Options),
    /// Print the version.
    Version,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Serve(options) => serve::run(options),
            Command::Version => {
                println!("milena {}", env!("CARGO_PKG_VERSION"));
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
