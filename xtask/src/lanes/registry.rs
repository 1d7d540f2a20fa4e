//! Other people's registry clients: each writes with its own serializer, and each reads what the others wrote. And requests
//! made from the OpenAPI page, as strange as it allows.

use std::{path::Path, process::Command};

use anyhow::{Context, Result};

use super::server::{self, Server};
use crate::{
    lane::{Ground, room, venv},
    run,
};

pub(crate) const NEEDS: &[(&str, &str)] = &[("python3", "python3-venv"), ("node", "nodejs"), ("npm", "npm"), ("go", "golang")];
const PINS: &[&str] = &["confluent-kafka[avro,json,protobuf,schemaregistry]==2.16.1"];
const SCHEMATHESIS: &[&str] = &["schemathesis==4.32.5"];

/// One client: what it is called, and how it is started; what follows are its role and topics.
type Client = (&'static str, Vec<String>);

pub(crate) fn clients(ground: &Ground) -> Result<String> {
    let here = ground.root.join("conformance/registry");
    let server = server::fresh(ground, "registry", &[])?;
    let (kafka, registry) = (server.kafka.clone(), url(&server)?);
    let text = |path: &Path| path.display().to_string();
    let python = venv(ground, "registry-python", PINS)?.join("bin/python");
    let node = node_room(ground, &here)?.join("people.js");
    let go = room(ground, "registry-go")?.join("people");
    run::quiet(Command::new("go").args(["build", "-o"]).arg(&go).arg(".").current_dir(here.join("go")))?;
    let clients: [Client; 4] = [
        ("python", vec![text(&python), text(&here.join("people.py")), kafka.clone(), registry.clone()]),
        ("kafkajs", vec!["node".into(), text(&node), kafka.clone(), registry.clone(), "kafkajs".into()]),
        ("confluent-js", vec!["node".into(), text(&node), kafka.clone(), registry.clone(), "confluent".into()]),
        ("franz", vec![text(&go), kafka, registry]),
    ];
    play(&clients[0], &["client"])?;
    let topics: Vec<String> = clients.iter().map(|(name, _)| format!("from-{name}")).collect();
    for (client, topic) in clients.iter().zip(&topics) {
        play(client, &["write", topic])?;
    }
    let read: Vec<&str> = std::iter::once("read").chain(topics.iter().map(String::as_str)).collect();
    for client in &clients {
        play(client, &read)?;
    }
    Ok(format!("{} clients read what each of them wrote", clients.len()))
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

fn play((name, command): &Client, words: &[&str]) -> Result<()> {
    let said =
        run::quiet(Command::new(&command[0]).args(&command[1..]).args(words)).with_context(|| format!("{name} {words:?}"))?;
    print!("{said}");
    Ok(())
}

/// schemathesis plays what the OpenAPI page allows, and what it does not: no fault of the server, and no answer that the page
/// does not name.
pub(crate) fn strangers(ground: &Ground) -> Result<String> {
    let venv = venv(ground, "schemathesis", SCHEMATHESIS)?;
    let server = server::fresh(ground, "schemathesis", &[])?;
    let page = format!("{}/openapi/registry.json", url(&server)?);
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let mut command = Command::new(venv.join("bin/schemathesis"));
    command.args(["run", &page, "--checks", checks, "--max-examples", "40", "--seed", "7", "--no-color", "--phases", "fuzzing"]);
    let output = command.current_dir(room(ground, "schemathesis")?).output().context("cannot start schemathesis")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        anyhow::bail!("{text}");
    }
    Ok(text
        .lines()
        .rev()
        .find(|line| line.contains("passed") || line.contains("generated"))
        .unwrap_or("passed")
        .trim()
        .to_string())
}
