//! `milena data …`: a data directory without its server. It is read as a start reads it, and nothing is ever written.

mod check;
mod dump;
mod place;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failure::Failure;

pub(super) use check::look;
pub(super) use place::hold;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Read every record and every checksum, and name what is damaged; exit code 2 if anything is
    Check(check::Options),
    /// Print every record that can be read
    Dump(dump::Options),
}

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    match options.what {
        What::Check(options) => check::run(&options),
        What::Dump(options) => dump::run(&options),
    }
}
