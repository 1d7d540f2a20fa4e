//! The one tool of the house: everything that CI runs, and everything a developer repeats.
#![forbid(unsafe_code)]

mod bench;
mod campaign;
mod check;
mod codegen;
mod dist;
mod lane;
mod lanes;
mod run;
mod test;
mod tidy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The one tool of the house")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything that CI runs; sets up by itself what it needs.
    Test {
        /// Only the lanes whose names contain one of these words.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// The fast inner loop: fmt, clippy, tidy, unit tests.
    Check,
    /// The house rules: rooms, licences, bans, sources, lengths, heads.
    Tidy,
    /// From the message definitions to the committed Rust; says what changed.
    Codegen {
        /// Change nothing; fail if something would change.
        #[arg(long)]
        check: bool,
    },
    /// Milena beside Apache Kafka and the least possible program, in one run; words behind `--` go to the bench itself.
    Bench {
        #[arg(last = true)]
        words: Vec<String>,
    },
    /// Long runs of the crash, corruption and kill harnesses; one line of JSON each.
    Campaign {
        /// How many times CI's work.
        #[arg(long, default_value_t = 10)]
        length: u32,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// An archive, a Debian package and an OCI image of the release binary, below `target/dist/`.
    Dist,
    /// Other people's clients against the release binary.
    Conformance {
        /// How many times in a row every lane must be green.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        runs: u32,
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
}

fn main() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<bool> {
    let root = root();
    match command {
        Command::Test { only } => test::all(&root, &only),
        Command::Check => check::check(&root),
        Command::Tidy => {
            let (findings, figures) = tidy::tidy(&root)?;
            for line in figures.iter().chain(&findings) {
                println!("{line}");
            }
            Ok(findings.is_empty())
        }
        Command::Codegen { check } => {
            let differed = codegen::run(&root, check)?;
            differed.iter().for_each(|name| println!("{} {name}", if check { "stale:" } else { "wrote" }));
            Ok(!check || differed.is_empty())
        }
        Command::Campaign { length, seed } => campaign::campaign(&lane::ground(&root), length, seed),
        Command::Dist => dist::dist(&lane::ground(&root)).map(|()| true),
        Command::Bench { words } => bench::bench(&root, &words),
        Command::Conformance { runs, only } => test::conformance(&root, runs, &only),
    }
}

/// The checkout that this tool was built from.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}
