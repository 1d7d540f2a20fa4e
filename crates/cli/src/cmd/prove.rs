//! `milena prove SCENARIO`: plays a described workload, with its crashes, against a broker of the test kit or against another
//! one, and reports what was lost, late or doubled.

mod book;
mod play;
mod report;
mod scenario;
mod time;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::{
    failure::{Failure, Kind},
    screen::{self, Output, print},
};
use play::On;
use report::Report;
use scenario::Scenario;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// What is to be played: producers, consumers, events, and what is expected of it (TOML)
    #[arg(value_name = "SCENARIO.toml")]
    scenario: PathBuf,
    /// Play it against this broker, HOST:PORT, instead of one of our own. Events that only our own can do are left out
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// Pass over stretches in which nobody has anything to do: a quiet day is played in minutes
    #[arg(long = "virtual", conflicts_with = "address")]
    passes_over: bool,
    /// Say nothing while it plays
    #[arg(short, long)]
    quiet: bool,
    #[arg(short, long, default_value = "text")]
    output: Output,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let text = std::fs::read_to_string(&options.scenario).map_err(|e| {
        Failure::new(Kind::NotFound, format!("the scenario {} cannot be read", options.scenario.display())).why(e)
    })?;
    let scenario = Scenario::parse(&text)
        .map_err(|why| Failure::usage(format!("the scenario {} is not right", options.scenario.display())).why(why))?;
    let say = |words: String| {
        if !options.quiet {
            screen::talk(words);
        }
    };
    let on = match &options.address {
        Some(address) => On::Other(address),
        None => On::Own { passes_over: options.passes_over },
    };
    let played = play::play(&scenario, on, &say).await?;
    let report = Report::of(&scenario, &played);
    print(&match options.output {
        Output::Text => report.text(),
        Output::Json => format!("{}\n", report.json()),
    })?;
    Ok(ExitCode::from(if report.holds() { 0 } else { Kind::No as u8 }))
}
