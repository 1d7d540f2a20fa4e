//! `milena man`: the manual's pages of all commands, from the same words as `--help`. A test holds `docs/commands.md` to them.

use std::{fmt::Write, path::PathBuf};

use clap::{Args, Command};

use crate::{
    failure::{Failure, Kind},
    screen,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Of which command, such as `topic ls` [default: of milena itself]
    command: Vec<String>,
    /// Write a page for every command into this directory, for man(1)
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, tree: &Command) -> Result<(), Failure> {
    let tree = named(tree.clone(), "");
    if let Some(dir) = &options.dir {
        std::fs::create_dir_all(dir)
            .map_err(|e| Failure::new(Kind::Failed, format!("{} cannot be made", dir.display())).why(e))?;
        return each(&tree, &mut |command| {
            let file = dir.join(format!("{}.1", command.get_name()));
            Ok(std::fs::write(&file, page(command)?)?)
        });
    }
    let mut command = &tree;
    for word in &options.command {
        command = command
            .get_subcommands()
            .find(|c| c.get_name() == format!("{}-{word}", command.get_name()))
            .ok_or_else(|| Failure::new(Kind::NotFound, format!("there is no command {:?}", options.command.join(" "))))?;
    }
    screen::print(&String::from_utf8_lossy(&page(command)?))
}

/// Each command by its whole name, as man(1) looks for it: `milena-topic-ls`.
fn named(command: Command, above: &str) -> Command {
    let name = if above.is_empty() { command.get_name().to_string() } else { format!("{above}-{}", command.get_name()) };
    let below: Vec<Command> = command.get_subcommands().map(|c| named(c.clone(), &name)).collect();
    // Names are static in clap; these live as long as the process, which ends with this command.
    let mut whole = Command::new(&*name.leak());
    whole = match command.get_about() {
        Some(about) => whole.about(about.clone()),
        None => whole,
    };
    let arguments: Vec<_> = command.get_arguments().cloned().collect();
    whole.args(arguments).subcommands(below).disable_help_subcommand(true)
}

fn each(command: &Command, see: &mut dyn FnMut(&Command) -> Result<(), Failure>) -> Result<(), Failure> {
    see(command)?;
    command.get_subcommands().try_for_each(|below| each(below, see))
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut out)?;
    Ok(out)
}

/// `docs/commands.md`.
pub(crate) fn reference(tree: &Command) -> String {
    let mut out = String::from(
        "# Commands\n\nEvery command and its flags, made from the words that `--help` shows. Connection flags (`-b`, `--context`, `--config`,\n`--ignore-advertised`, `--trace`, `-q`) belong to every command that talks to a broker. Examples: [command line](command-line.md).\n",
    );
    described(&mut out, tree, "");
    out
}

fn described(out: &mut String, command: &Command, above: &str) {
    let name = format!("{above}{}", command.get_name());
    if !above.is_empty() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = write!(out, "\n## {name}\n\n{}\n", table_safe(&about));
        let connection = ["broker", "context", "config", "ignore_advertised", "trace", "quiet", "help", "version"];
        let own: Vec<_> = command
            .get_arguments()
            .filter(|a| !a.is_hide_set() && !(connection.contains(&a.get_id().as_str()) && command.get_name() != "serve"))
            .collect();
        if !own.is_empty() {
            let _ = write!(out, "\n| argument | |\n|---|---|\n");
        }
        for argument in own {
            let _ = writeln!(out, "| `{}` | {} |", written(argument), table_safe(&words(argument)));
        }
    }
    for below in command.get_subcommands() {
        described(out, below, &format!("{name} "));
    }
}

/// As it is typed: `-o, --output OUTPUT`, or the name of a place.
fn written(argument: &clap::Arg) -> String {
    let mut forms: Vec<String> = argument.get_short().map(|c| format!("-{c}")).into_iter().collect();
    forms.extend(argument.get_long().map(|l| format!("--{l}")));
    let takes = argument.get_action().takes_values();
    let value = argument.get_value_names().map(|names| names.iter().map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
    let value = value.filter(|_| takes).unwrap_or_default();
    let text = format!("{} {value}", forms.join(", "));
    text.trim().replace('|', "\\|")
}

fn words(argument: &clap::Arg) -> String {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> = argument.get_possible_values().iter().map(|v| v.get_name().to_string()).collect();
    let among = if values.is_empty() || !argument.get_action().takes_values() {
        String::new()
    } else {
        format!(" ({})", values.join(", "))
    };
    let standard: Vec<String> = argument.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
    let standard = if standard.is_empty() || !argument.get_action().takes_values() {
        String::new()
    } else {
        format!(" [default: {}]", standard.join(","))
    };
    format!("{help}{among}{standard}")
}

fn table_safe(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    /// `UPDATE_DOCS=1` writes the page anew.
    #[test]
    fn the_reference_is_what_the_help_says() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
        let made = super::reference(&crate::args::Arguments::command());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&page, &made).unwrap();
        }
        let written = std::fs::read_to_string(&page).unwrap_or_default();
        assert!(written == made, "docs/commands.md is stale: UPDATE_DOCS=1 cargo test -p milena --bin milena reference");
    }

    #[test]
    fn every_command_has_a_page_for_man() {
        let tree = super::named(crate::args::Arguments::command(), "");
        let mut names = Vec::new();
        super::each(&tree, &mut |command| {
            let page = String::from_utf8_lossy(&super::page(command)?).into_owned();
            assert!(page.contains(".TH") && page.contains(".SH NAME"), "{page}");
            names.push(command.get_name().to_string());
            Ok(())
        })
        .unwrap();
        assert!(names.contains(&"milena-topic-ls".to_string()) && names.len() > 30, "{names:?}");
    }
}
