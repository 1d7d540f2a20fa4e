//! `cargo xtask bench`: builds the release binaries, fetches Apache Kafka and librdkafka, and lets the bench crate measure
//! them beside each other. Knows where things come from; what is measured is the bench crate's.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{
    lane::{self, Ground, venv},
    lanes::apache,
    run,
};

/// librdkafka as most people have it.
const CLIENT: &[&str] = &["confluent-kafka==2.16.1"];

/// NATS, whose queue stands beside ours.
const NATS: &str = "github.com/nats-io/nats-server/v2@v2.12.1";

/// Runs `milena-bench run` with `words` behind what it needs. Without Java or Python their rows are left out, aloud.
pub(crate) fn bench(root: &Path, words: &[String]) -> Result<bool> {
    // One by one: together they would unite their features, and the binary would be another than users have.
    for package in ["milena", "milena-bench"] {
        run::quiet(Command::new("cargo").args(["build", "--release", "--package", package]).current_dir(root))?;
    }
    let ground = lane::ground(root);
    let mut command = Command::new(ground.target.join("release/milena-bench"));
    command.arg("run").arg("--milena").arg(ground.release()).arg("--dir").arg(ground.target.join("bench"));
    match apache::jars(&ground) {
        Ok(jars) => {
            command.args(["--jars", jars.as_str()]);
        }
        Err(error) => println!("Apache Kafka cannot be had (openjdk-17-jdk-headless and maven bring it): {error:#}"),
    }
    match venv(&ground, "bench", CLIENT) {
        Ok(venv) => {
            command.arg("--python").arg(venv.join("bin/python"));
        }
        Err(error) => println!("librdkafka cannot be had (python3-venv brings it): {error:#}"),
    }
    match nats(&ground) {
        Ok(program) => {
            command.arg("--nats").arg(program);
        }
        Err(error) => println!("NATS cannot be had (golang brings it): {error:#}"),
    }
    let status = command.args(words).status()?;
    ensure!(status.success(), "the bench ended with {status}");
    Ok(true)
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
