//! The examples of the test kit: a test in each language, each against brokers of its own that it starts and breaks itself.

use std::{path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{
    lane::{Ground, room, venv},
    run,
};

const PYTHON: &[&str] = &["pytest==9.2.0", "confluent-kafka==2.16.1"];

pub(crate) const NEEDS: &[(&str, &str)] = &[
    ("python3", "python3-venv"),
    ("java", "openjdk-17-jdk-headless"),
    ("mvn", "maven"),
    ("go", "golang"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("mcs", "mono-mcs"),
    ("mono", "mono-runtime"),
];

/// One example: its language and its run; answers the last line of what it printed.
type Example = (&'static str, fn(&Ground, &Path) -> Result<String>);

const EXAMPLES: &[Example] = &[("python", python), ("java", java), ("go", go), ("node", node), ("csharp", csharp)];

pub(crate) fn examples(ground: &Ground) -> Result<String> {
    for (name, work) in EXAMPLES {
        let line =
            work(ground, &ground.root.join("examples/testkit").join(name)).with_context(|| format!("the example in {name}"))?;
        println!("{name}: {line}");
    }
    let names: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
    Ok(names.join(", "))
}

/// Copies an example to where what it builds does not lie in the checkout.
fn copy(ground: &Ground, name: &str, here: &Path) -> Result<std::path::PathBuf> {
    let there = room(ground, "testkit")?.join(name);
    std::fs::create_dir_all(&there)?;
    run::quiet(Command::new("cp").args(["-r", "--no-preserve=mode"]).arg(here.join(".")).arg(&there))?;
    Ok(there)
}

fn last(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_string()
}

fn python(ground: &Ground, here: &Path) -> Result<String> {
    let venv = venv(ground, "testkit-python", PYTHON)?;
    let mut command = Command::new(venv.join("bin/python"));
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).current_dir(here);
    command.env("MILENA", &ground.milena).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(last(&run::quiet(&mut command)?))
}

fn java(ground: &Ground, here: &Path) -> Result<String> {
    let there = copy(ground, "java", here)?;
    let text = run::quiet(Command::new("mvn").args(["-B", "-ntp", "test"]).current_dir(there).env("MILENA", &ground.milena))?;
    let tests = text.lines().rev().find(|line| line.contains("Tests run:")).unwrap_or_default();
    Ok(tests.trim_start_matches("[INFO]").trim().to_string())
}

fn go(ground: &Ground, here: &Path) -> Result<String> {
    let mut command = Command::new("go");
    command.args(["test", "-count=1", "-timeout", "120s", "./..."]).current_dir(here).env("MILENA", &ground.milena);
    Ok(last(&run::quiet(&mut command)?))
}

fn node(ground: &Ground, here: &Path) -> Result<String> {
    let there = copy(ground, "node", here)?;
    run::quiet(Command::new("npm").args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&there))?;
    let text = run::quiet(
        Command::new("node").args(["--test", "--test-reporter=tap"]).current_dir(there).env("MILENA", &ground.milena),
    )?;
    Ok(text.lines().rev().find(|line| line.starts_with("# pass")).unwrap_or_default().trim_start_matches("# ").to_string())
}

fn csharp(ground: &Ground, here: &Path) -> Result<String> {
    let program = room(ground, "testkit")?.join("orders.exe");
    let sources = ["Milena.cs", "Orders.cs"].map(|file| here.join(file));
    run::quiet(Command::new("mcs").arg(format!("-out:{}", program.display())).args(sources))?;
    Ok(last(&run::quiet(Command::new("mono").arg(program).env("MILENA", &ground.milena))?))
}
