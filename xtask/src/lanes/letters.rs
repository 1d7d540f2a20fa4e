//! Dead letters (KIP-1191) beside Apache Kafka 4.4: the same share consumer gives up the same records on both, and what is in the
//! topics of dead letters afterwards is the same, header by header.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{
    apache::{self, Apache},
    server,
};
use crate::lane::{Ground, room};

/// Headers that only ours have: what Apache Kafka does not say of a letter.
const MORE: [&str; 4] = ["__dlq.errors.copied", "__dlq.errors.member", "__dlq.errors.reason", "__dlq.errors.timestamp"];

/// Lines that differ on purpose: theirs, and ours.
const DIFFERENCES: &[(&str, &str)] = &[(
    // A name that no topic can have is met by the first letter there, and refused at once here.
    "accepted: a name that no topic can have",
    "refused: a name that no topic can have: InvalidConfigurationException",
)];

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
    let says = |line: &str, names: &[&str]| names.iter().all(|name| line.contains(&format!("{name}=")));
    let lacks = |line: &&String| match line.split(' ').collect::<Vec<_>>()[..] {
        ["letter", "whole", ..] => !says(line, &MORE[1..]) || !says(line, &["mine", "nothing"]),
        ["letter", ..] => !says(line, &MORE),
        _ => false,
    };
    if let Some(line) = ours.iter().find(lacks) {
        bail!("a letter does not say by whom, why or when, or has lost a header of its record: {line}");
    }
    let ours: Vec<String> = ours.iter().map(|line| as_theirs(line)).collect();
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

/// The line without the headers that only ours has.
fn as_theirs(line: &str) -> String {
    let Some((head, headers)) = line.strip_suffix('}').and_then(|line| line.split_once(" {")) else { return line.to_owned() };
    let more = |header: &&str| MORE.iter().any(|name| header.starts_with(&format!("{name}=")));
    // Theirs loses the headers that the record had.
    let shared = headers.split("; ").filter(|header| header.starts_with("__dlq.") && !more(header));
    format!("{head} {{{}}}", shared.collect::<Vec<_>>().join("; "))
}
