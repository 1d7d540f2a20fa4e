//! The README's first command, as a stranger runs it: from a fresh clone, to a message read back.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::server::Server;
use crate::{
    lane::{Ground, room},
    run,
};

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let room = room(ground, "fresh")?;
    let clone = room.join("milena");
    if clone.exists() {
        std::fs::remove_dir_all(&clone)?;
    }
    run::quiet(Command::new("git").args(["clone", "--quiet"]).arg(&ground.root).arg(&clone))?;
    // A build directory of its own, although that compiles every dependency again: cargo does not tell two checkouts of one
    // workspace apart, and would take what was built from the clone for what the checkout's files make, whatever they have become.
    let (target, mut command) = (room.join("target"), run::cargo(&["run", "--quiet", "--release", "--", "serve"], &clone));
    command.env("CARGO_TARGET_DIR", &target);
    let server = Server::adopt(&mut command)?;
    let pid = server.ready["pid"].as_u64().context("the ready line names the process")?;
    let (message, built) = ("my first message", target.join("release/milena"));
    command_of(&built, &server, &["produce", "hello", message], "")?;
    let read = command_of(&built, &server, &["read", "hello", "-f", "%s\\n"], "")?;
    if read.trim() != message {
        bail!("produced {message:?}, read {read:?}");
    }
    run::quiet(Command::new("kill").arg("-TERM").arg(pid.to_string()))?;
    let status = server.wait()?;
    if !clone.join("milena-data").is_dir() || !status.success() {
        bail!("SIGTERM ended it with {status}; the data directory should be ./milena-data");
    }
    if is_clean(ground) {
        ground.put_under_test(&built)?;
    }
    Ok("cloned, served, produced, read, stopped".into())
}

/// Nothing is in the checkout that a clone does not have.
fn is_clean(ground: &Ground) -> bool {
    let status = run::quiet(Command::new("git").args(["status", "--porcelain"]).current_dir(&ground.root));
    status.is_ok_and(|lines| lines.trim().is_empty())
}

/// Runs our own command line against a server and gives its stdout.
pub(crate) fn milena(ground: &Ground, server: &Server, arguments: &[&str], input: &str) -> Result<String> {
    command_of(&ground.milena, server, arguments, input)
}

fn command_of(binary: &Path, server: &Server, arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new(binary)
        .args(arguments)
        .env("MILENA_BROKER", &server.kafka)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("stdin is piped")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("milena {} ended with {}", arguments.join(" "), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
