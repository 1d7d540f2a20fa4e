//! Apache Kafka's own Java client and command-line tools against Milena.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{
    apache,
    expected::{self, Results},
    server,
};
use crate::lane::Ground;

/// Ordinary work by kafka-clients: admin, codecs, acks, groups, static members, patterns, times, headers.
pub(crate) fn clients(ground: &Ground) -> Result<String> {
    scenarios(ground, "Scenarios.java", "scenarios.txt")
}

/// Topics, configs, groups, offsets, console and performance tools, by their printed output.
pub(crate) fn tools(ground: &Ground) -> Result<String> {
    scenarios(ground, "Tools.java", "tools.txt")
}

fn scenarios(ground: &Ground, source: &str, expectations: &str) -> Result<String> {
    let jars = apache::jars(ground)?;
    let server = server::fresh(ground, source, &[])?;
    let here = ground.root.join("conformance/java");
    let output = Command::new("java")
        .args(["-Xmx512m", "-cp", &jars])
        .arg(here.join("src").join(source))
        .args([server.kafka.as_str(), "milena"])
        .output()
        .context("cannot start java")?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    let results = results(&text);
    if results.is_empty() {
        bail!("{source} printed no result: {}", String::from_utf8_lossy(&output.stderr));
    }
    expected::judge(&here.join(expectations), &results)
}

/// `pass NAME (12 ms)` and `FAIL NAME: why`.
fn results(text: &str) -> Results {
    let mut results = Results::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("pass ") {
            results.insert(rest.rsplit_once(" (").map_or(rest, |(name, _)| name).to_string(), true);
        } else if let Some(rest) = line.strip_prefix("FAIL ") {
            results.insert(rest.split_once(": ").map_or(rest, |(name, _)| name).to_string(), false);
        }
    }
    results
}
