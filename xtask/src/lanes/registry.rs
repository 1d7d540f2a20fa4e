//! Other people's registry clients: each writes with its own serializers, and each reads what the others wrote.

use std::{path::Path, process::Command};

use anyhow::{Context, Result};

use super::{
    apache,
    server::{self, Server},
};
use crate::{
    lane::{Ground, room, venv},
    run,
};

pub(crate) const NEEDS: &[(&str, &str)] = &[
    ("python3", "python3-venv"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("go", "golang"),
    ("java", "openjdk-17-jdk-headless"),
    ("mvn", "maven"),
];
const PINS: &[&str] = &["confluent-kafka[avro,json,protobuf,schemaregistry]==2.16.1"];
const FORMATS: &[&str] = &["avro", "json", "protobuf"];

/// One client: what it is called, how it is started (what follows are its role and topics), and its formats.
struct Client {
    name: &'static str,
    command: Vec<String>,
    writes: &'static [&'static str],
    reads: &'static [&'static str],
}

pub(crate) fn clients(ground: &Ground) -> Result<String> {
    let server = server::fresh(ground, "registry", &[])?;
    let clients = all(ground, &server.kafka, &url(&server)?)?;
    play(&clients[0], "client", &[])?;
    let mut topics: Vec<(String, &str)> = Vec::new();
    for client in &clients {
        let own: Vec<_> = client.writes.iter().map(|format| (format!("{format}-from-{}", client.name), *format)).collect();
        play(client, "write", &names(&own, client.writes))?;
        topics.extend(own);
    }
    let mut read = 0;
    for client in &clients {
        let readable = names(&topics, client.reads);
        play(client, "read", &readable)?;
        read += readable.len();
    }
    Ok(format!("{} clients wrote {} topics and read {read} times what each other wrote", clients.len(), topics.len()))
}

/// Every client, made ready. What each of them has been asked to write or read is what its library can.
fn all(ground: &Ground, kafka: &str, registry: &str) -> Result<[Client; 6]> {
    let here = ground.root.join("conformance/registry");
    let text = |path: &Path| path.display().to_string();
    let python = venv(ground, "registry-python", PINS)?.join("bin/python");
    let node = node_room(ground, &here)?.join("people.js");
    let go = room(ground, "registry-go")?.join("people");
    run::quiet(Command::new("go").args(["build", "-o"]).arg(&go).arg(".").current_dir(here.join("go")))?;
    let spring = java_room(ground, &here)?;
    let rust = rust_binary(ground, &here)?;
    let client = |name, program: &[&str], which: &[&str], writes, reads| {
        let words = [program, &[kafka, registry], which].concat();
        Client { name, command: words.into_iter().map(String::from).collect(), writes, reads }
    };
    let (people, node) = (text(&here.join("people.py")), text(&node));
    let source = text(&here.join("java/People.java"));
    Ok([
        client("python", &[&text(&python), &people], &[], FORMATS, FORMATS),
        // It writes Protobuf without the path to the message, which nobody else can read.
        client("kafkajs", &["node", &node], &["kafkajs"], &FORMATS[..2], FORMATS),
        client("confluent-js", &["node", &node], &["confluent"], FORMATS, FORMATS),
        client("franz", &[&text(&go)], &[], FORMATS, FORMATS),
        client("spring", &["java", "-cp", &spring, &source], &[], &FORMATS[..1], &FORMATS[..1]),
        client("rust", &[&text(&rust)], &[], FORMATS, FORMATS),
    ])
}

fn names<'a>(topics: &'a [(String, &str)], formats: &[&str]) -> Vec<&'a str> {
    topics.iter().filter(|(_, format)| formats.contains(format)).map(|(name, _)| name.as_str()).collect()
}

fn url(server: &Server) -> Result<String> {
    let address = server.ready["registry"].as_str().context("the server has a registry")?;
    Ok(format!("http://{address}"))
}

fn node_room(ground: &Ground, here: &Path) -> Result<std::path::PathBuf> {
    let room = room(ground, "registry-node")?;
    for file in ["package.json", "package-lock.json", "people.js"] {
        std::fs::copy(here.join("node").join(file), room.join(file))?;
    }
    run::quiet(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&room))?;
    Ok(room)
}

/// The class path of Spring's client.
fn java_room(ground: &Ground, here: &Path) -> Result<String> {
    apache::copied(&here.join("java/pom.xml"), &room(ground, "registry-java")?.join("lib"))
}

/// Its own build directory: it is no part of the workspace.
fn rust_binary(ground: &Ground, here: &Path) -> Result<std::path::PathBuf> {
    let target = room(ground, "registry-rust")?;
    let mut cargo = run::cargo(&["build", "--locked", "--quiet"], &here.join("rust"));
    run::quiet(cargo.env("CARGO_TARGET_DIR", &target))?;
    Ok(target.join("debug/milena-conformance-registry"))
}

fn play(client: &Client, role: &str, topics: &[&str]) -> Result<()> {
    let (program, first) = client.command.split_first().context("a client has a program")?;
    let mut command = Command::new(program);
    let said = run::quiet(command.args(first).arg(role).args(topics)).with_context(|| format!("{} {role}", client.name))?;
    print!("{said}");
    Ok(())
}
