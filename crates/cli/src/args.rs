//! The command tree. One variant a command; what a command does lives in its own file.

use std::{future::Future, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    cmd,
    failure::{Failure, Kind},
    serve,
};

#[derive(Parser)]
#[command(name = "milena", version, about = "Kafka that fits", propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the broker
    Serve(serve::Options),
    /// The systemd unit of a server
    Install(cmd::install::Options),
    /// Write messages: from arguments, lines or files
    Produce(cmd::produce::Options),
    /// Read a range of a topic; stops at the end
    #[command(visible_aliases = ["consume", "cat"])]
    Read(cmd::read::Options),
    /// Read what comes from now on
    Tail(cmd::read::TailOptions),
    /// Look at one message
    Message(cmd::message::Options),
    /// Topics: list, make, change, trim, delete, restore, copy
    #[command(visible_alias = "topics")]
    Topic(cmd::topic::Options),
    /// Consumer groups: members, positions, lag
    #[command(visible_alias = "groups")]
    Group(cmd::group::Options),
    /// Schemas: list, register, compare, delete, move
    #[command(visible_alias = "schemas")]
    Schema(cmd::schema::Options),
    /// Why a reader finds nothing
    Why(cmd::why::Options),
    /// How the cluster stands; exit code 2 when something is wrong
    Status(cmd::status::Options),
    /// What clients were told that went wrong, as it was told
    Errors(cmd::errors::Options),
    /// What is wrong between here and a broker, or on the server, and what to do about it
    Doctor(cmd::doctor::Options),
    /// Is it there, and how far away? ICMP echoes to a host, exchanges of Kafka to a broker
    Ping(cmd::ping::Options),
    /// What the server does at this moment, a line at a time
    Top(cmd::top::Options),
    /// What somebody who helps wants to see, in one archive
    Support(cmd::support::Options),
    /// Wait until the broker is there
    Wait(cmd::status::WaitOptions),
    /// Settings: show, explain, change
    Config(cmd::config::Options),
    /// Names for brokers; alone it says which one is used, and why
    Context(cmd::context::Options),
    /// Avro files, schemas and data, as avro-tools does it; needs no broker
    Avro(cmd::avro::Options),
    /// Explain an error code, a setting or a word; needs no broker
    Explain(cmd::explain::Options),
    /// What to type for what you want
    Cheat(cmd::cheat::Options),
    /// Pages for man(1), of one command or of all
    Man(cmd::man::Options),
    /// Print a completion script for a shell
    Completion { shell: Shell },
    /// Print the version
    Version,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Serve(options) => return serve::run(options),
            Command::Avro(options) => return cmd::avro::run(options),
            Command::Produce(options) => talk(cmd::produce::run(options)),
            Command::Read(options) => talk(cmd::read::run(options)),
            Command::Tail(options) => talk(cmd::read::tail(options)),
            Command::Message(options) => talk(cmd::message::run(options)),
            Command::Topic(options) => talk(cmd::topic::run(options)),
            Command::Group(options) => talk(cmd::group::run(options)),
            Command::Schema(options) => talk(cmd::schema::run(options)),
            Command::Why(options) => talk(cmd::why::run(options)),
            Command::Status(options) => talk(cmd::status::run(options)),
            Command::Errors(options) => talk(cmd::errors::run(options)),
            Command::Doctor(options) => return runtime()?.block_on(cmd::doctor::run(options)),
            Command::Ping(options) => return runtime()?.block_on(cmd::ping::run(options)),
            Command::Top(options) => talk(cmd::top::run(options)),
            Command::Support(options) => talk(cmd::support::run(options)),
            Command::Wait(options) => talk(cmd::status::wait(options)),
            Command::Config(options) => talk(cmd::config::run(options)),
            Command::Context(options) => cmd::context::run(options),
            Command::Install(options) => cmd::install::run(&options),
            Command::Explain(options) => cmd::explain::run(&options),
            Command::Cheat(options) => cmd::cheat::run(&options),
            Command::Man(options) => cmd::man::run(&options, &Self::command()),
            Command::Completion { shell } => {
                // Into memory first: a reader of stdout that leaves early is no failure here, and would be one there.
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "milena", &mut script);
                crate::screen::print(&String::from_utf8_lossy(&script))
            }
            Command::Version => {
                crate::screen::line(format_args!("milena {}", env!("CARGO_PKG_VERSION")))?;
                Ok(())
            }
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|e| Failure::new(Kind::Failed, "the command cannot be started").why(e))
}

/// Runs a command that talks to a broker. Ctrl-C ends it there; what it had to show by then is shown.
fn talk(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = command => outcome,
            _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        }
    });
    // A thread that waits for a line of stdin would otherwise be waited for.
    runtime.shutdown_background();
    outcome
}
