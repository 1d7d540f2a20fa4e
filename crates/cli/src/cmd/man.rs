//! `milena man`: the manual's pages of all commands, made from the same words as `--help`, so that they cannot be stale.

use std::path::PathBuf;

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

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
