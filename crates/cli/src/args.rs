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
    /// Put a server on a machine over ssh, or on this one; `--uninstall` takes it away
    Install(Box<cmd::install::Options>),
    #[command(hide = true)]
    OnTerminal(cmd::install::OnTerminal),
    /// Write messages: from arguments, lines or files
    Produce(cmd::produce::Options),
    /// Read a range of a topic; stops at the end
    #[command(visible_aliases = ["consume", "cat"])]
    Read(cmd::read::Options),
    /// Read what comes from now on
    Tail(cmd::read::TailOptions),
    /// Look at one message
    Message(cmd::message::Options),
    /// Take messages of a queue, each with a lease
    Take(cmd::take::Options),
    /// Say that the work on taken messages is done
    Ack(cmd::settle::AckOptions),
    /// Give taken messages back, or reject them
    Nack(cmd::settle::NackOptions),
    /// Keep a taken message for longer
    Extend(cmd::settle::ExtendOptions),
    /// Run a command for each message of a queue; its exit code says what becomes of the message
    Work(cmd::work::Options),
    /// Queues: how they stand, dead letters, pause
    #[command(visible_alias = "queues")]
    Queue(cmd::queue::Options),
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
    /// How many records a second the broker takes and gives, and how soon each is acknowledged
    Bench(cmd::bench::Options),
    /// What somebody who helps wants to see, in one archive
    Support(cmd::support::Options),
    /// A data directory without its server: check it, print what is in it
    Data(cmd::data::Options),
    /// Copy the data of a stopped server, with a checksum of each file
    Backup(cmd::backup::Options),
    /// Make a data directory of a backup
    Restore(cmd::backup::RestoreOptions),
    /// Play a described workload, with its crashes, and report what was lost, late or doubled
    Prove(cmd::prove::Options),
    /// Wait until the broker is there
    Wait(cmd::status::WaitOptions),
    /// Settings: show, explain, change
    Config(cmd::config::Options),
    /// Names for brokers; alone it says which one is used, and why
    Context(cmd::context::Options),
    /// Move in from another Kafka: topics, records, positions of groups, schemas
    Copy(Box<cmd::copy::Options>),
    /// The values of a topic as an Avro container file
    Export(Box<cmd::export::Options>),
    /// The records of an Avro container file into a topic
    Import(Box<cmd::import::Options>),
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
    /// Print the version, or the licences of what it is made of
    Version(cmd::version::Options),
}

impl Arguments {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Serve(options) => return serve::run(options),
            Command::Avro(options) => return cmd::avro::run(options),
            Command::Data(options) => return cmd::data::run(options),
            Command::Backup(options) => cmd::backup::run(&options),
            Command::Restore(options) => cmd::backup::restore(&options),
            Command::Produce(options) => talk(cmd::produce::run(options)),
            Command::Read(options) => talk(cmd::read::run(options)),
            Command::Tail(options) => talk(cmd::read::tail(options)),
            Command::Message(options) => talk(cmd::message::run(options)),
            Command::Take(options) => talk(cmd::take::run(options)),
            Command::Ack(options) => talk(cmd::settle::ack(options)),
            Command::Nack(options) => talk(cmd::settle::nack(options)),
            Command::Extend(options) => talk(cmd::settle::extend(options)),
            Command::Work(options) => return runtime()?.block_on(cmd::work::run(options)),
            Command::Queue(options) => talk(cmd::queue::run(options)),
            Command::Topic(options) => talk(cmd::topic::run(options)),
            Command::Group(options) => talk(cmd::group::run(options)),
            Command::Schema(options) => talk(cmd::schema::run(options)),
            Command::Why(options) => talk(cmd::why::run(options)),
            Command::Status(options) => talk(cmd::status::run(options)),
            Command::Errors(options) => talk(cmd::errors::run(options)),
            Command::Doctor(options) => return runtime()?.block_on(cmd::doctor::run(options)),
            Command::Prove(options) => return talk(cmd::prove::run(options)),
            Command::Ping(options) => return runtime()?.block_on(cmd::ping::run(options)),
            Command::Top(options) => talk(cmd::top::run(options)),
            Command::Bench(options) => return runtime()?.block_on(cmd::bench::run(options)),
            Command::Support(options) => talk(cmd::support::run(options)),
            Command::Wait(options) => talk(cmd::status::wait(options)),
            Command::Config(options) => talk(cmd::config::run(options)),
            Command::Context(options) => cmd::context::run(options),
            Command::Copy(options) => talk(cmd::copy::run(*options)),
            Command::Export(options) => talk(cmd::export::run(*options)),
            Command::Import(options) => talk(cmd::import::run(*options)),
            Command::Install(options) => return cmd::install::run(&options),
            Command::OnTerminal(options) => cmd::install::on_terminal(options),
            Command::Explain(options) => cmd::explain::run(&options),
            Command::Cheat(options) => cmd::cheat::run(&options),
            Command::Man(options) => cmd::man::run(&options, &Self::command()),
            Command::Completion { shell } => {
                // Into memory first: a reader of stdout that leaves early is no failure here, and would be one there.
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "milena", &mut script);
                crate::screen::print(&String::from_utf8_lossy(&script))
            }
            Command::Version(options) => cmd::version::run(&options),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|e| Failure::new(Kind::Failed, "the command cannot be started").why(e))
}

/// Runs a command that talks to a broker. Ctrl-C ends it there; what it had to show by then is shown.
fn talk<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands whose stdout is something else than what they did, and what it is.
    const OTHERWISE: &[(&str, &str)] = &[
        ("install", "the commands that it would run or has run, for a shell"),
        ("work", "what the commands print that it runs"),
        ("data dump", "records as lines of JSON, always"),
        ("schema infer", "a schema, always"),
        ("schema export", "records of _schemas, as other tools read them"),
        ("avro", "data and schemas, as avro-tools writes them"),
        ("cheat", "a page"),
        ("man", "a page for man(1)"),
        ("completion", "a script for a shell"),
    ];

    fn walk(command: &clap::Command, above: &str, see: &mut dyn FnMut(&str, &clap::Command)) {
        for below in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
            let path = format!("{above} {}", below.get_name()).trim_start().to_string();
            if !below.is_subcommand_required_set() {
                see(&path, below);
            }
            walk(below, &path, see);
        }
    }

    #[test]
    fn every_command_tells_what_it_did_as_json() {
        let mut tree = Arguments::command();
        tree.build();
        let (mut seen, mut without) = (0, Vec::new());
        walk(&tree, "", &mut |path, command| {
            seen += 1;
            let output = command.get_arguments().find(|a| a.get_short() == Some('o') && a.get_long() == Some("output"));
            let takes = |value: &str| output.is_some_and(|o| o.get_possible_values().iter().any(|v| v.matches(value, false)));
            if !takes("json") {
                without.push(path.to_string());
            }
        });
        assert!(seen > 70, "{seen}");
        let is = |path: &str, listed: &str| path == listed || path.starts_with(&format!("{listed} "));
        let wrong: Vec<_> = without.iter().filter(|path| !OTHERWISE.iter().any(|(listed, _)| is(path, listed))).collect();
        assert!(wrong.is_empty(), "these take no -o json: {wrong:?}");
        let stale: Vec<_> = OTHERWISE.iter().filter(|(listed, _)| !without.iter().any(|path| is(path, listed))).collect();
        assert!(stale.is_empty(), "these take -o json, or are no commands: {stale:?}");
    }
}
