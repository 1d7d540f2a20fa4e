//! `milena copy` from Apache Kafka while somebody writes there: gaps of transactions and trimming, groups, a run that is killed in the
//! middle, and the last word by count and checksum.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{apache::Apache, server};
use crate::{lane::Ground, run};

const RECORDS: usize = 60_000;

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let apache = Apache::start(ground, "copy", &["group.initial.rebalance.delay.ms=0"])?;
    let here = server::fresh(ground, "copy", &[])?;
    let milena = |broker: &str, words: &[&str]| -> Result<String> {
        run::quiet(Command::new(&ground.milena).args(words).env("MILENA_BROKER", broker))
    };
    let there = |words: &[&str]| milena(&apache.kafka, words);
    there(&[
        "topic",
        "create",
        "orders",
        "--partitions",
        "4",
        "--set",
        "cleanup.policy=compact,delete",
        "--set",
        "segment.bytes=1048576",
    ])?;
    fill(ground, &apache.kafka, "orders", 0)?;
    there(&["produce", "trimmed", "1", "2", "3", "4", "5"])?;
    there(&["topic", "trim", "trimmed", "--before", "3", "--yes"])?;
    there(&["group", "reset", "billing", "trimmed", "--to", "4", "--yes"])?;
    let copy = |words: &[&str]| {
        let mut command = Command::new(&ground.milena);
        command.args(["copy", "--from", &apache.kafka]).args(words).env("MILENA_BROKER", &here.kafka).stdin(Stdio::null());
        command
    };
    // Killed in the middle, whatever it was doing.
    let mut broken = copy(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("cannot start milena copy")?;
    std::thread::sleep(Duration::from_millis(400));
    broken.kill()?;
    broken.wait()?;
    // Somebody goes on writing while the rest is copied.
    let follow = Follower(copy(&["-F"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    fill(ground, &apache.kafka, "orders", RECORDS)?;
    std::thread::sleep(Duration::from_secs(2));
    drop(follow);
    let said = run::quiet(&mut copy(&[]))?;
    ensure!(said.contains("records and CRC agree") && said.contains("offsets of partition 0: 3 → 0"), "{said}");
    let count = |broker: &str| -> Result<usize> { Ok(milena(broker, &["read", "orders", "-f", "%k\\n"])?.lines().count()) };
    let (wanted, found) = (count(&apache.kafka)?, count(&here.kafka)?);
    ensure!(wanted == found, "{wanted} records there, {found} here");
    let position = milena(&here.kafka, &["group", "show", "billing", "-o", "json"])?;
    ensure!(position.contains("\"position\": 1"), "offset 4 there is offset 1 here: {position}");
    let settings = milena(&here.kafka, &["config", "show", "--topic", "orders", "-o", "json"])?;
    ensure!(settings.contains("compact,delete"), "{settings}");
    Ok(format!("{found} records, killed once, with a living producer"))
}

/// Ends with its owner.
struct Follower(Child);

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Many small records with keys.
fn fill(ground: &Ground, broker: &str, topic: &str, from: usize) -> Result<()> {
    let dir = crate::lane::room(ground, "copy")?;
    let file = dir.join("lines");
    let lines: Vec<String> = (from..from + RECORDS).map(|n| format!("key-{n}\tvalue {n} of a record that is copied")).collect();
    std::fs::write(&file, lines.join("\n"))?;
    let mut command = Command::new(&ground.milena);
    command.args(["produce", topic, "--key-separator", "\t", "-q", "--file"]).arg(&file).env("MILENA_BROKER", broker);
    run::quiet(&mut command).map(|_| ())
}
