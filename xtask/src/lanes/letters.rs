//! Dead letters (KIP-1191) beside Apache Kafka 4.4: the same share consumer gives up the same records on both, and what is in the
//! topics of dead letters afterwards is the same, header by header.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{
    apache::{self, Apache},
    server,
};
use crate::lane::{Ground, room};

/// Lines that differ on purpose: theirs, ours, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[];

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let here = ground.root.join("conformance/dead-letters");
    let jars = apache::copied(&here.join("pom.xml"), &room(ground, "dead-letters")?.join("lib"))?;
    let program = |kafka: &str| -> Result<Vec<String>> {
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-cp", &jars]).arg(here.join("DeadLetters.java")).arg(kafka);
        let output = java.output().context("cannot start java")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(text.ends_with("done\n"), "{kafka}: {text}{}", String::from_utf8_lossy(&output.stderr));
        Ok(text.lines().map(str::to_owned).collect())
    };
    let theirs = {
        let apache = Apache::start_of(ground, &jars, "dead-letters", &["--feature", "share.version=2"], &[])?;
        program(&apache.kafka)?
    };
    let ours = program(&server::fresh(ground, "dead-letters", &[])?.kafka)?;
    println!("{}", theirs.join("\n"));
    let expected: Vec<&str> =
        theirs.iter().map(|line| DIFFERENCES.iter().find(|d| d.0 == line).map_or(line.as_str(), |d| d.1)).collect();
    for line in expected.iter().filter(|line| !ours.iter().any(|o| o == *line)) {
        println!("only Apache Kafka: {line}");
    }
    for line in ours.iter().filter(|line| !expected.contains(&line.as_str())) {
        println!("only Milena:       {line}");
    }
    ensure!(expected == ours, "the answers differ, see above");
    Ok(format!("{} lines of Apache Kafka 4.4 and Milena are the same, {} listed differences", ours.len(), DIFFERENCES.len()))
}
