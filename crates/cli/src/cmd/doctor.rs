//! `milena doctor`: what is wrong between here and a broker, or on the server itself, and the one thing to do about it.
//! Works with any Kafka; what only a Milena has is skipped elsewhere, aloud.

mod address;
mod client;
mod entry;
mod finding;
mod report;
mod round;
mod server;
mod web;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use milena_client::{Endpoint, Security};

pub(crate) use server::filesystem;

use self::{
    client::Terms,
    finding::{CHECKS, Finding, Verdict},
    report::Form,
};
use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    screen, when,
};

/// For everything.
const BUDGET: Duration = Duration::from_secs(5);

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// HOST or HOST:PORT [default: the broker that other commands talk to]
    target: Option<String>,
    /// Check this machine, where the server runs
    #[arg(long)]
    local: bool,
    /// The server's data directory, for --local [default: what the server says]
    #[arg(long, requires = "local", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Show only these checks, such as D08,D10
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    only: Vec<String>,
    /// Write nothing: leaves out the round trips of broker and queue, the clock and the sizes
    #[arg(long)]
    no_write: bool,
    /// Also register a schema, check another one against it, and delete it: an id of the registry is spent
    #[arg(long = "write", conflicts_with = "no_write")]
    register: bool,
    /// Again and again, showing what has changed
    #[arg(long, value_name = "TIME", value_parser = when::length)]
    every: Option<Duration>,
    /// Every check, also those that were skipped, with its id and time
    #[arg(short, long)]
    verbose: bool,
    /// Warnings are failures
    #[arg(long)]
    strict: bool,
    #[arg(short, long, default_value = "text")]
    output: Form,
    #[command(flatten)]
    connect: Connect,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let mut only = Vec::new();
    for id in &options.only {
        let upper = id.trim().to_uppercase();
        match CHECKS.iter().find(|(known, _)| *known == upper) {
            Some((known, _)) => only.push(*known),
            None => return Err(Failure::usage(format!("there is no check {id}")).fix("D01 to D16 and, with --local, S01 to S13")),
        }
    }
    let broker = match &options.target {
        Some(target) => target.clone(),
        None => options.connect.choice()?.broker,
    };
    let endpoint = Endpoint::list(&broker).map_err(|e| Failure::usage(format!("{broker} is no address")).why(e))?.swap_remove(0);
    let security = match options.local {
        true => Security::default(),
        false => options.connect.security(&endpoint, &client::dialling(Security::default())).await?,
    };
    let terms = Terms { write: !options.no_write, register: options.register, dialling: client::dialling(security) };
    let Some(every) = options.every else {
        let findings = check(&options, &endpoint, &terms, &only).await;
        screen::print(&report::write(options.output, &endpoint.to_string(), &findings, options.verbose))?;
        return Ok(exit(&options, &findings));
    };
    if every < Duration::from_secs(1) {
        return Err(Failure::usage("--every takes at least 1s").fix("--every 30s"));
    }
    watch(&options, &endpoint, &terms, &only, every).await
}

/// The checks from here as JSON, without those that write; for `support`.
pub(crate) async fn report_of(endpoint: &Endpoint, security: Security) -> String {
    let terms = Terms { write: false, register: false, dialling: client::dialling(security) };
    let all = tokio::time::timeout(BUDGET, client::check(endpoint, &terms)).await;
    report::write(Form::Json, &endpoint.to_string(), &all.unwrap_or_default(), true)
}

async fn check(options: &Options, endpoint: &Endpoint, terms: &Terms, only: &[&str]) -> Vec<Finding> {
    let all = async {
        match options.local {
            true => server::check(endpoint, options.data.as_deref()).await,
            false => client::check(endpoint, terms).await,
        }
    };
    let mut findings = match tokio::time::timeout(BUDGET, all).await {
        Ok(findings) => findings,
        Err(_) => {
            vec![Finding::failure("D10", format!("the checks did not end within {BUDGET:?}")).fix("milena doctor --no-write")]
        }
    };
    findings.retain(|f| only.is_empty() || only.contains(&f.id));
    findings
}

/// All of the first time, then what differs, with its time. Ends at Ctrl-C.
async fn watch(
    options: &Options,
    endpoint: &Endpoint,
    terms: &Terms,
    only: &[&str],
    every: Duration,
) -> Result<ExitCode, Failure> {
    let mut before: Option<Vec<Finding>> = None;
    let mut ticks = tokio::time::interval(every);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = tokio::signal::ctrl_c() => return Ok(before.map_or(ExitCode::SUCCESS, |f| exit(options, &f))),
        }
        let findings = check(options, endpoint, terms, only).await;
        match &before {
            None => screen::print(&report::write(options.output, &endpoint.to_string(), &findings, options.verbose))?,
            Some(before) => {
                let known = |f: &&Finding| before.iter().find(|b| b.id == f.id).is_none_or(|b| f.is_news(b));
                for finding in findings.iter().filter(known) {
                    let mut text = format!("{} ", when::clock(when::now()));
                    report::one(&mut text, finding, options.verbose);
                    screen::print(&text)?;
                }
            }
        }
        before = Some(findings);
    }
}

/// 0 nothing failed, 1 warnings when asked to be strict, 2 a failure, 3 nothing could be reached; what Nagios wants is its own.
fn exit(options: &Options, findings: &[Finding]) -> ExitCode {
    let worst = findings.iter().map(|f| f.verdict).max();
    if options.output == Form::Nagios {
        return ExitCode::from(match worst {
            Some(Verdict::Ok) => 0,
            Some(Verdict::Warning) => 1,
            Some(Verdict::Failure) => 2,
            _ => 3,
        });
    }
    let unreachable = |f: &Finding| f.verdict == Verdict::Failure && matches!(f.id, "D01" | "D03");
    ExitCode::from(match worst {
        Some(Verdict::Failure) if findings.iter().any(unreachable) => Kind::Unreachable as u8,
        Some(Verdict::Failure) => Kind::No as u8,
        Some(Verdict::Warning) if options.strict => Kind::Failed as u8,
        _ => 0,
    })
}
