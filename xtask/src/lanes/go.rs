//! Sarama by a program of ours, and franz-go's own tests from its module.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{
    expected::{self, Results},
    server,
};
use crate::{
    lane::{Ground, room},
    run,
};

pub(crate) const GO: &[(&str, &str)] = &[("go", "golang")];
const FRANZ: &str = "v1.22.2";

pub(crate) fn sarama(ground: &Ground) -> Result<String> {
    let program = room(ground, "go")?.join("sarama");
    let here = ground.root.join("conformance/go");
    run::quiet(Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(here))?;
    let server = server::fresh(ground, "sarama", &[])?;
    let output = Command::new(program).arg(&server.kafka).output().context("cannot start the program")?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    if !output.status.success() {
        bail!("{}", text.lines().last().unwrap_or("it printed nothing"));
    }
    Ok(text.lines().last().unwrap_or_default().to_string())
}

/// franz-go's `kgo` tests. The list of what is skipped, with reasons, is in the expectations.
pub(crate) fn franz(ground: &Ground) -> Result<String> {
    let binary = franz_binary(ground)?;
    let file = ground.root.join("conformance/go/franz.txt");
    let server = server::fresh(ground, "franz", &[])?;
    let skip = format!("^({})$", expected::skips(&file)?.join("|"));
    let output = Command::new(&binary)
        .args(["-test.v", "-test.timeout", "300s", "-test.skip", &skip])
        .env("KGO_SEEDS", &server.kafka)
        .env("KGO_LOG_LEVEL", "none")
        .env("KGO_TEST_RF", "1")
        .env("KGO_TEST_RECORDS", "50000")
        // Some of them read their own sources.
        .current_dir(room(ground, "franz-go")?.join("source/pkg/kgo"))
        .output()
        .context("cannot start the tests")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let results = results(&text);
    if !output.status.success() {
        println!("{}", tail(&text));
    }
    expected::judge(&file, &results)
}

/// Compiles the tests of the module as published.
fn franz_binary(ground: &Ground) -> Result<std::path::PathBuf> {
    let room = room(ground, "franz-go")?;
    let binary = room.join(format!("kgo-{FRANZ}.test"));
    if binary.exists() {
        return Ok(binary);
    }
    let module = format!("github.com/twmb/franz-go@{FRANZ}");
    let answer = run::quiet(Command::new("go").args(["mod", "download", "-json", &module]).current_dir(&room))?;
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    let dir = answer["Dir"].as_str().context("go names the module's directory")?;
    let source = room.join("source");
    if source.exists() {
        std::fs::remove_dir_all(&source)?;
    }
    run::quiet(Command::new("cp").args(["-r", "--no-preserve=mode", dir]).arg(&source))?;
    run::quiet(Command::new("go").args(["test", "-c", "-o"]).arg(&binary).arg(".").current_dir(source.join("pkg/kgo")))?;
    Ok(binary)
}

/// `--- PASS: TestName (0.00s)`; subtests are part of their test.
fn results(text: &str) -> Results {
    let mut results = Results::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("--- ") else { continue };
        let mut words = rest.split(' ');
        let (Some(word), Some(name)) = (words.next(), words.next()) else { continue };
        if name.starts_with("Fuzz") {
            continue; // Only seeds of fuzz targets run here.
        }
        results.insert(name.to_string(), word != "FAIL:");
    }
    results
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with("=== ")).collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
