//! `milena version`: which build this is, and whose work it carries.

use clap::Args;
use serde_json::json;

use crate::{failure::Failure, told::Told};

/// Gathered by `build.rs`.
const NOTICES: &str = include_str!(concat!(env!("OUT_DIR"), "/notices.txt"));

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The licences of everything that it is made of, with their texts
    #[arg(long, visible_alias = "licenses")]
    licences: bool,
    #[command(flatten)]
    told: Told,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match options.licences {
        true => options.told.tell(json!({"version": version, "licences": NOTICES}), NOTICES),
        false => options.told.tell(json!({"version": version}), format_args!("milena {version}")),
    }
}
