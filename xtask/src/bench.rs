//! `cargo xtask bench`: builds the release binaries, fetches Apache Kafka and librdkafka, and lets the bench crate measure
//! them beside each other. Knows where things come from; what is measured is the bench crate's.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{
    lane::{self, Ground, venv},
    lanes::{apache, avro::avro_tools},
    run,
};

/// librdkafka as most people have it, and what they write Avro with.
const CLIENTS: &[&str] = &["confluent-kafka==2.16.1", "fastavro==1.12.1"];

/// NATS, whose queue stands beside ours.
const NATS: &str = "github.com/nats-io/nats-server/v2@v2.12.1";

/// Runs `milena-bench run` with `words` behind what it needs; `avro` instead of words is what Avro costs, and without any word
/// both are measured. What cannot be had leaves its rows out, aloud.
pub(crate) fn bench(root: &Path, words: &[String]) -> Result<bool> {
    // One by one: together they would unite their features, and the binary would be another than users have.
    for package in ["milena", "milena-bench"] {
        run::quiet(Command::new("cargo").args(["build", "--release", "--package", package]).current_dir(root))?;
    }
    let ground = lane::ground(root);
    let python = had("Python's clients", "python3-venv", venv(&ground, "bench", CLIENTS)).map(|venv| venv.join("bin/python"));
    if words != ["avro"] {
        brokers(&ground, python.as_deref(), words)?;
    }
    if words.is_empty() || words == ["avro"] {
        avro(&ground, python.as_deref())?;
    }
    Ok(true)
}

fn brokers(ground: &Ground, python: Option<&Path>, words: &[String]) -> Result<()> {
    let mut command = ours(ground, "run");
    command.arg("--milena").arg(ground.release()).arg("--dir").arg(ground.target.join("bench"));
    let jars = had("Apache Kafka", "openjdk-17-jdk-headless and maven", apache::jars(ground));
    let nats = had("NATS", "golang", nats(ground));
    let given = [("--jars", jars.map(PathBuf::from)), ("--python", python.map(Into::into)), ("--nats", nats)];
    measure(command, given, words)
}

fn avro(ground: &Ground, python: Option<&Path>) -> Result<()> {
    let jar = had("avro-tools", "openjdk-17-jdk-headless and maven", avro_tools(ground));
    measure(ours(ground, "avro"), [("--python", python.map(Into::into)), ("--avro-tools", jar.clone())], &[])?;
    let mut files = ours(ground, "avro-files");
    files.arg("--milena").arg(ground.release()).arg("--dir").arg(ground.target.join("bench"));
    measure(files, [("--avro-tools", jar)], &[])
}

fn ours(ground: &Ground, what: &str) -> Command {
    let mut command = Command::new(ground.target.join("release/milena-bench"));
    command.arg(what);
    command
}

fn measure<const N: usize>(mut command: Command, given: [(&str, Option<PathBuf>); N], words: &[String]) -> Result<()> {
    for (option, path) in given {
        if let Some(path) = path {
            command.arg(option).arg(path);
        }
    }
    let status = command.args(words).status()?;
    ensure!(status.success(), "the bench ended with {status}");
    Ok(())
}

/// What is there, or a word on what would bring it.
fn had<T>(what: &str, package: &str, there: Result<T>) -> Option<T> {
    there.inspect_err(|error| println!("{what} cannot be had ({package} would bring it): {error:#}")).ok()
}

/// `nats-server`, built once.
fn nats(ground: &Ground) -> Result<PathBuf> {
    let program = ground.lanes.join("nats").join(NATS.rsplit('@').next().unwrap_or_default()).join("nats-server");
    if !program.exists() {
        let beside = program.parent().context("it lies in a directory")?;
        run::quiet(Command::new("go").args(["install", NATS]).env("GOBIN", beside))?;
    }
    Ok(program)
}
