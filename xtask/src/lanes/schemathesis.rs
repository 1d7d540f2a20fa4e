//! The HTTP doors against their own descriptions: schemathesis makes requests from an OpenAPI document, sound and unsound, and
//! compares every answer with it.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{
    fresh::milena,
    server::{self, Server},
};
use crate::{
    lane::{Ground, room, venv},
    run,
};

const PINS: &[&str] = &["schemathesis==4.32.5"];
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// What is made up for one operation, beyond the cases that its description names by itself. The lane is to take a minute or two.
const EXAMPLES: &str = "20";

pub(crate) const NEEDS: &[(&str, &str)] = &[("python3", "python3-venv"), ("curl", "curl")];

/// What a parameter of a path may be here, so that requests get further than a 404.
type Names = [(&'static str, Value)];

/// The REST proxy, versions 2 and 3.
pub(crate) fn rest(ground: &Ground) -> Result<String> {
    let server = server::fresh(ground, "schemathesis-rest", &[])?;
    let url = url(&server, "rest")?;
    milena(ground, &server, &["produce", "orders"], "1\n2\n3\n")?;
    let instance = json!({"name": "one", "format": "json", "auto.offset.reset": "earliest"});
    post(&format!("{url}/consumers/billing"), "application/vnd.kafka.v2+json", &instance)?;
    let cluster = get(&format!("{url}/v3/clusters"))?["data"][0]["cluster_id"].clone();
    let names = [
        ("cluster", json!([cluster])),
        ("topic", json!(["orders", "others", "a/b"])),
        ("group", json!(["billing"])),
        ("instance", json!(["one", "two"])),
        ("partition", json!([0, 1])),
        ("broker", json!([1, 2])),
    ];
    let mut document = get(&format!("{url}/openapi/rest.json"))?;
    narrow(&mut document, &names);
    // Without long waits.
    for parameter in parameters(&mut document).filter(|parameter| parameter["name"] == "timeout") {
        parameter["schema"]["maximum"] = 50.into();
    }
    play(ground, &server, "rest", &url, &document)
}

/// The schema registry.
pub(crate) fn registry(ground: &Ground) -> Result<String> {
    let server = server::fresh(ground, "schemathesis-registry", &[])?;
    let url = url(&server, "registry")?;
    let record = r#"{"type":"record","name":"Person","fields":[{"name":"first","type":"string"}]}"#;
    let wider = r#"{"type":"record","name":"Person","fields":[{"name":"first","type":"string"},{"name":"age","type":"int","default":0}]}"#;
    for (subject, schema) in [("people", record), ("people", wider), ("orders", "\"long\"")] {
        post(&format!("{url}/subjects/{subject}/versions"), "application/json", &json!({"schema": schema}))?;
    }
    let guid = get(&format!("{url}/schemas/ids/1"))?["guid"].clone();
    let names = [
        ("subject", json!(["people", "orders", "shapes", ":.eu:people", "a/b"])),
        ("version", json!(["1", "2", "latest", "x"])),
        ("id", json!([1, 2, 3, 77])),
        ("guid", json!([guid, "x"])),
        ("context", json!([".", ".eu"])),
    ];
    let mut document = get(&format!("{url}/openapi/registry.json"))?;
    narrow(&mut document, &names);
    let proto = "syntax = \"proto3\"; message M { string a = 1; }";
    let texts = json!([record, wider, "\"long\"", r#"{"type":"object","properties":{"a":{"type":"string"}}}"#, proto, "{", ""]);
    document["components"]["schemas"]["Schema"]["properties"]["schema"]["enum"] = texts;
    play(ground, &server, "registry", &url, &document)
}

/// The queue; without waits and pauses, and without the stream, which has no end.
pub(crate) fn queue(ground: &Ground) -> Result<String> {
    let server = server::fresh(ground, "schemathesis-queue", &[])?;
    let url = url(&server, "http")?;
    // So many that a receive which does not say how long it waits finds something.
    let messages: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    milena(ground, &server, &["produce", "orders"], &messages)?;
    milena(ground, &server, &["take", "orders", "-g", "billing"], "")?;
    let page = std::fs::read_to_string(ground.root.join("crates/http/src/queue/openapi.json"))?;
    let mut document: Value = serde_json::from_str(&page)?;
    let names = [("topic", json!(["orders", "others"])), ("group", json!(["billing"])), ("partition", json!([0, 1]))];
    narrow(&mut document, &names);
    document["components"]["schemas"]["Receive"]["properties"]["wait_ms"]["maximum"] = 1.into();
    for parameter in parameters(&mut document).filter(|parameter| parameter["name"] == "wait_ms") {
        parameter["schema"]["maximum"] = 1.into();
    }
    let settings = document["components"]["schemas"]["Configure"]["properties"].as_object_mut();
    settings.context("a group has settings")?.remove("paused");
    let paths = document["paths"].as_object_mut().context("a page has paths")?;
    paths.retain(|path, _| !path.ends_with("/events") && !path.ends_with(":pause"));
    play(ground, &server, "queue", &url, &document)
}

fn url(server: &Server, door: &str) -> Result<String> {
    let address = server.ready[door].as_str().with_context(|| format!("the ready line names no {door}"))?;
    Ok(format!("http://{address}"))
}

fn get(url: &str) -> Result<Value> {
    let text = run::quiet(Command::new("curl").args(["--silent", "--show-error", "--fail", url]))?;
    serde_json::from_str(&text).with_context(|| format!("{url} answered no JSON: {text:.200}"))
}

fn post(url: &str, kind: &str, body: &Value) -> Result<()> {
    let header = format!("content-type: {kind}");
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail-with-body", "--header", &header, "--data", &body.to_string(), url]);
    run::quiet(&mut command).map(drop)
}

/// Puts names that are there in place of any name.
fn narrow(document: &mut Value, names: &Names) {
    for parameter in parameters(document).filter(|parameter| parameter["in"] == "path") {
        if let Some((_, allowed)) = names.iter().find(|(name, _)| parameter["name"] == *name) {
            let kind = parameter["schema"]["type"].clone();
            parameter["schema"] = json!({"type": kind, "enum": of_kind(allowed, &kind)});
        }
    }
}

/// Those of every operation.
fn parameters(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let operations = paths.filter_map(|(_, path)| path.as_object_mut()).flat_map(serde_json::Map::values_mut);
    operations.filter_map(|operation| operation.get_mut("parameters")?.as_array_mut()).flatten()
}

/// The same name means a number in one path and a text in another.
fn of_kind(allowed: &Value, kind: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::Number(number) if kind == "string" => json!(number.to_string()),
        other => other.clone(),
    };
    allowed.as_array().into_iter().flatten().map(text).collect()
}

/// One run against a server, which must be well afterwards.
fn play(ground: &Ground, server: &Server, door: &str, url: &str, document: &Value) -> Result<String> {
    let operations = operations(document);
    let room = room(ground, "schemathesis")?;
    let file = room.join(format!("{door}.json"));
    std::fs::write(&file, document.to_string())?;
    let text = schemathesis(ground, &room, &file, url)?;
    milena(ground, server, &["status"], "").context("the broker after all of that")?;
    let cases = text.lines().find(|line| line.contains(" generated, ")).context("schemathesis counts its cases")?.trim();
    Ok(format!("{operations} operations; {cases}"))
}

fn operations(document: &Value) -> usize {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.filter_map(|(_, path)| path.as_object()).map(serde_json::Map::len).sum()
}

fn schemathesis(ground: &Ground, room: &Path, document: &Path, url: &str) -> Result<String> {
    let venv = venv(ground, "schemathesis", PINS)?;
    let mut command = Command::new(venv.join("bin/schemathesis"));
    command.arg("run").arg(document).args(["--url", url, "--checks", CHECKS, "--no-color", "--warnings", "off"]);
    command.args([
        "--phases",
        "coverage,fuzzing",
        "--max-examples",
        EXAMPLES,
        "--generation-deterministic",
        "--request-timeout",
        "30",
    ]);
    let output = command.current_dir(room).output().context("cannot start schemathesis")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        println!("{text}");
        let failed = text.lines().filter(|line| line.contains("FAILED") || line.starts_with('_')).take(5).collect::<Vec<_>>();
        bail!("answers that the document does not describe: {}", failed.join("; "));
    }
    Ok(text)
}
