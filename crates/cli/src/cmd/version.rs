//! `milena version`: which build this is, and whose work it carries.

use clap::Args;

use crate::{failure::Failure, screen};

/// Gathered by `build.rs`.
const NOTICES: &str = include_str!(concat!(env!("OUT_DIR"), "/notices.txt"));

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The licences of everything that it is made of, with their texts
    #[arg(long, visible_alias = "licenses")]
    licences: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    match options.licences {
        true => screen::print(NOTICES),
        false => screen::line(format_args!("milena {}", env!("CARGO_PKG_VERSION"))),
    }
}
