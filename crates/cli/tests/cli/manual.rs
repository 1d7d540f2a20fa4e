//! `docs/command-line.md` is run: each `console` block's commands, in order, against one broker, and what they print is
//! compared with what stands there. `UPDATE_DOCS=1` writes what they print.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::server::{MILENA, Server, settled};

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/command-line.md")
}

/// Text between blocks, and blocks.
pub(crate) enum Part {
    Text(String),
    /// Commands with what each prints.
    Block(Vec<(String, String)>),
}

pub(crate) fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (n, piece) in page.split("```console\n").enumerate() {
        if n == 0 {
            parts.push(Part::Text(piece.into()));
            continue;
        }
        let (block, rest) = piece.split_once("```").expect("each block is closed");
        let mut steps: Vec<(String, String)> = Vec::new();
        for line in block.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push((command.into(), String::new())),
                (None, Some((_, output))) => *output += &format!("{line}\n"),
                (None, None) => panic!("a block begins with a command: {line}"),
            }
        }
        parts.push(Part::Block(steps));
        parts.push(Part::Text(rest.into()));
    }
    parts
}

struct Ground {
    server: Server,
    home: tempfile::TempDir,
}

impl Ground {
    fn print(&self, command: &str) -> String {
        let path = format!("{}:{}", Path::new(MILENA).parent().unwrap().display(), std::env::var("PATH").unwrap());
        let script = format!("exec 2>&1\n{command}\n");
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).env("PATH", path).env("HOME", self.home.path()).current_dir(self.home.path());
        shell
            .env("MILENA_BROKER", self.server.kafka())
            .env("TZ", "UTC")
            .env_remove("MILENA_CONTEXT")
            .env_remove("XDG_CONFIG_HOME");
        String::from_utf8(shell.output().unwrap().stdout).unwrap()
    }
}

#[test]
fn the_manual_prints_what_the_commands_print() {
    let data = tempfile::tempdir().unwrap();
    let ground = Ground { server: Server::on(data.path()), home: tempfile::tempdir().unwrap() };
    let text = std::fs::read_to_string(page()).unwrap();
    let (mut written, mut wrong, mut run) = (String::new(), Vec::new(), 0);
    for part in parts(&text) {
        let steps = match part {
            Part::Text(text) => {
                written += &text;
                continue;
            }
            Part::Block(steps) => steps,
        };
        written += "```console\n";
        for (command, expected) in steps {
            let printed = ground.print(&command);
            let same = settled(&printed) == settled(&expected);
            if !same {
                wrong.push(format!("$ {command}\n--- the manual says\n{expected}--- it prints\n{printed}"));
            }
            // What is the same but for times stays as it is, so that the page does not change at each run.
            written += &format!("$ {command}\n{}", if same { &expected } else { &printed });
            run += 1;
        }
        written += "```";
    }
    assert!(run > 30, "the manual has a command for everything: {run}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page(), written).unwrap();
    } else {
        assert!(wrong.is_empty(), "UPDATE_DOCS=1 writes this anew\n{}", wrong.join("\n"));
    }
}

#[test]
fn every_command_stands_in_the_manual() {
    let text = std::fs::read_to_string(page()).unwrap();
    let help = |words: &[&str]| {
        let output = crate::server::bare(words).arg("--help").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let commands = help.split("Commands:\n").nth(1).map(|rest| rest.split("\n\n").next().unwrap_or_default().to_string());
        let names = commands.unwrap_or_default();
        let name = |line: &str| {
            line.strip_prefix("  ").filter(|l| !l.starts_with(' ')).and_then(|l| l.split(' ').next().map(String::from))
        };
        names.lines().filter_map(name).filter(|n| n != "help").collect::<Vec<_>>()
    };
    for command in help(&[]) {
        let below = help(&[&command]);
        let names = if below.is_empty() { vec![command] } else { below.iter().map(|b| format!("{command} {b}")).collect() };
        for name in names {
            assert!(text.contains(&format!("milena {name}")), "the manual does not show milena {name}");
        }
    }
}
