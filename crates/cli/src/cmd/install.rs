//! `milena install`: a server put on a machine, over the system's ssh or on this one, and taken away again. Looks first, changes
//! only what differs, and leaves nothing half done.

mod facts;
mod machine;
mod plan;
mod ssh;
mod terminal;
mod unit;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::Args;

use self::{facts::Facts, machine::Machine, plan::Plan, unit::Wanted};
use crate::{
    ask::Secrets,
    failure::{Failure, Kind},
    screen,
};

/// Where the program lies unless told otherwise.
const PROGRAM: &str = "/usr/local/bin/milena";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// USER@HOST, as ssh takes it
    #[arg(value_name = "USER@HOST", required_unless_present_any = ["local", "print_unit"], conflicts_with_all = ["local", "print_unit"])]
    target: Option<String>,
    /// This machine
    #[arg(long, conflicts_with = "print_unit")]
    local: bool,
    /// For systemd, which is the only one there is
    #[arg(long)]
    systemd: bool,
    /// Print the unit and do nothing
    #[arg(long, requires = "systemd")]
    print_unit: bool,
    /// Look, and print every command that would be run
    #[arg(long, conflicts_with = "print_unit")]
    dry_run: bool,
    /// Take the server away again; the data stay
    #[arg(long, conflicts_with = "print_unit")]
    uninstall: bool,
    /// With --uninstall: delete the data and the user as well
    #[arg(long, requires = "uninstall")]
    purge_data: bool,
    /// Do delete data
    #[arg(long)]
    yes: bool,
    /// Put program, user and directory in place and start nothing: for a machine without systemd
    #[arg(long, conflicts_with = "print_unit")]
    no_service: bool,
    /// Where the program lies [default: /usr/local/bin/milena; with --print-unit: this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The program to send, such as one for another kind of processor [default: this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Whom it runs as
    #[arg(long, default_value = "milena")]
    user: String,
    /// Name below /var/lib, where the data lie, and of the unit
    #[arg(long, default_value = "milena", value_name = "NAME")]
    state: String,
    /// Address of the Kafka door
    #[arg(long, default_value = "127.0.0.1:9092", value_name = "ADDR")]
    kafka: String,
    /// Address of the HTTP door, or `off`
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    http: String,
    /// An option for ssh, such as Port=2222 or IdentityFile=key; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    ssh_option: Vec<String>,
    /// The first line of this file answers when ssh or sudo asks for a password [default: asks you]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// The hidden half of our terminal: see `terminal.rs`.
#[derive(Args, Debug)]
pub(crate) struct OnTerminal {
    #[arg(last = true, required = true)]
    words: Vec<OsString>,
}

pub(crate) fn on_terminal(options: OnTerminal) -> Result<(), Failure> {
    terminal::become_program(&options.words)
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let wanted = wanted(options)?;
    if options.print_unit {
        screen::print(&unit::unit(&wanted))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut secrets = match &options.password_file {
        Some(file) => Secrets::of_file(file)?,
        None => Secrets::of_person(),
    };
    let name = options.target.clone().unwrap_or_else(|| "this machine".into());
    let opened = match &options.target {
        Some(target) => Machine::far(target, &options.ssh_option, &mut secrets),
        None => Ok(Machine::here()),
    };
    let looked = opened.and_then(|machine| Ok((facts::look(&machine, &wanted)?, machine)));
    let (facts, machine) = match looked {
        Ok(found) => found,
        Err(failure) if options.dry_run => return blind(options, &wanted, &name, &failure),
        Err(failure) => return Err(failure),
    };
    let plan = plan_of(options, &facts, &wanted, &name)?;
    if options.dry_run || (options.purge_data && !options.yes) {
        screen::print(&plan.written(&name))?;
        if !options.dry_run {
            screen::line("nothing was done; add --yes to do it: deleted data cannot be brought back")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    carry_out(options, &machine, &plan, &wanted, &name, &mut secrets)
}

fn plan_of(options: &Options, facts: &Facts, wanted: &Wanted, name: &str) -> Result<Plan, Failure> {
    match options.uninstall {
        true => plan::remove(facts, wanted, name, options.purge_data),
        false => plan::install(facts, wanted, name, !options.no_service),
    }
}

/// The commands for a machine that cannot be looked at: those for one that has nothing yet.
fn blind(options: &Options, wanted: &Wanted, name: &str, failure: &Failure) -> Result<ExitCode, Failure> {
    screen::talk(format_args!("{name} could not be looked at: {}", failure.what()));
    screen::talk("these are the commands for a machine that has nothing of Milena yet");
    let facts = Facts::bare(&wanted.machine);
    screen::print(&plan_of(options, &facts, wanted, name)?.written(name))?;
    Ok(ExitCode::SUCCESS)
}

fn wanted(options: &Options) -> Result<Wanted, Failure> {
    let here = std::env::current_exe()?;
    let program = match (&options.program, options.print_unit) {
        (Some(program), _) => program.clone(),
        (None, true) => here.clone(),
        (None, false) => PROGRAM.into(),
    };
    let words = [("--user", &options.user), ("--state", &options.state), ("--kafka", &options.kafka), ("--http", &options.http)];
    for (flag, value) in words {
        if value.is_empty() || value.starts_with('-') || !value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:[]".contains(c))
        {
            return Err(Failure::usage(format!("{flag} {value:?} cannot stand in a unit")));
        }
    }
    if options.state.contains(['.', ':', '[', ']']) || options.user.contains([':', '[', ']']) {
        return Err(Failure::usage("--state and --user are plain names").fix("--state milena --user milena"));
    }
    let program = program.display().to_string();
    if !program.starts_with('/') || program.contains(|c: char| c.is_whitespace() || c.is_control() || "%\"'\\$`".contains(c)) {
        return Err(
            Failure::usage(format!("the program's path {program:?} cannot stand in a unit")).fix(format!("--program {PROGRAM}"))
        );
    }
    if !options.no_service {
        plan::port(&options.kafka)
            .ok_or_else(|| Failure::usage(format!("--kafka {:?} is not IP:PORT", options.kafka)).fix("--kafka 0.0.0.0:9092"))?;
    }
    let binary = options.binary.clone().unwrap_or(here);
    let machine = unit::machine_of(&binary)?;
    let (user, state) = (options.user.clone(), options.state.clone());
    Ok(Wanted { program, binary, machine, user, state, kafka: options.kafka.clone(), http: options.http.clone() })
}

/// Does what the plan says, and shows that it works.
fn carry_out(
    options: &Options,
    machine: &Machine,
    plan: &Plan,
    wanted: &Wanted,
    name: &str,
    secrets: &mut Secrets,
) -> Result<ExitCode, Failure> {
    if plan.steps.is_empty() {
        screen::line(format_args!("{name}: nothing to do, everything is as it should be"))?;
    } else {
        screen::line(format_args!("{name}:"))?;
        for did in machine.carry_out(plan, wanted, secrets)? {
            screen::line(format_args!("  {did}"))?;
        }
    }
    if options.uninstall {
        let kept = format!("  the data stay in /var/lib/{}, and their user {}", wanted.state, wanted.user);
        return match options.purge_data {
            true => Ok(ExitCode::SUCCESS),
            false => screen::line(kept).map(|()| ExitCode::SUCCESS),
        };
    }
    if options.no_service {
        let Wanted { program, user, state, kafka, http, .. } = wanted;
        screen::line(format_args!(
            "  nothing was started; to start it:  sudo -u {user} {program} serve --data /var/lib/{state} --kafka {kafka} --http {http}"
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    proven(machine, wanted, name)
}

/// Waits until the server answers, and has its machine's own `doctor` look at it.
fn proven(machine: &Machine, wanted: &Wanted, name: &str) -> Result<ExitCode, Failure> {
    let (program, address) = (&wanted.program, plan::dialled(&wanted.kafka));
    let ready = machine.said(&format!("{program} wait ready -b {address} --timeout 30s 2>&1"), None)?;
    if !ready.good {
        return Err(Failure::new(Kind::Unreachable, format!("installed, but the server on {name} does not answer at {address}"))
            .why(ready.text)
            .fix(format!("on {name}: journalctl -u {} -n 20", wanted.state)));
    }
    screen::line(format_args!("  it answers at {address}"))?;
    let doctor = machine.said(&format!("{program} doctor {address} 2>&1"), None)?;
    for line in doctor.text.lines() {
        screen::line(format_args!("  {line}"))?;
    }
    match doctor.good {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Failure::new(Kind::No, format!("installed and running on {name}, but doctor finds something wrong"))
            .fix(format!("on {name}: {program} doctor {address} -v"))),
    }
}
