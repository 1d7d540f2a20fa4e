//! The queue over plain HTTP: the examples in five languages, and requests made from its OpenAPI page, as strange as it
//! allows.

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

pub(crate) const EXAMPLES: &[(&str, &str)] = &[
    ("curl", "curl"),
    ("jq", "jq"),
    ("python3", "python3"),
    ("node", "nodejs"),
    ("go", "golang"),
    ("mcs", "mono-mcs"),
    ("mono", "mono-runtime"),
];
pub(crate) const SCHEMATHESIS: &[(&str, &str)] = &[("python3", "python3-venv"), ("curl", "curl")];
const PIN: &[&str] = &["schemathesis==4.32.5"];
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

const GOOD: [&str; 3] = ["one", "two", "three"];

/// One worker: how it is called and started; the address, the topic and the group follow.
type Worker = (&'static str, Vec<String>);

/// Each worker does the same queue as a group of its own: what is good is done once, and the poison is in the dead letters.
pub(crate) fn examples(ground: &Ground) -> Result<String> {
    let here = ground.root.join("examples/queue");
    let room = room(ground, "queue-examples")?;
    let server = server::fresh(ground, "queue-examples", &[])?;
    let url = url(&server)?;
    let body = json!([{"value": GOOD[0]}, {"value": "poison"}, {"value": GOOD[1]}, {"value": GOOD[2]}]);
    post(&format!("{url}/q/v1/topics/orders/messages"), &body)?;
    let workers = workers(&here, &room)?;
    for (name, command) in &workers {
        let mut worker = Command::new(&command[0]);
        worker.args(&command[1..]).args([url.as_str(), "orders", name]);
        let said = run::quiet(&mut worker).with_context(|| format!("the worker in {name}"))?;
        if said.lines().collect::<Vec<_>>() != GOOD {
            bail!("the worker in {name} did {said:?}");
        }
        let standing = get(&format!("{url}/q/v1/topics/orders/groups/{name}"))?;
        let dead = number(&standing, "dead_letters") + number(&standing, "dead_letters_waiting");
        if (number(&standing, "acknowledged"), dead, number(&standing, "in_flight")) != (3, 1, 0) {
            bail!("after the worker in {name} the queue stands at {standing}");
        }
    }
    Ok(format!("{} languages, {} messages each", workers.len(), GOOD.len() + 1))
}

fn workers(here: &Path, room: &Path) -> Result<Vec<Worker>> {
    let text = |path: &Path| path.display().to_string();
    let (go, cs) = (room.join("worker-go"), room.join("worker.exe"));
    run::quiet(Command::new("go").args(["build", "-o"]).arg(&go).arg(".").current_dir(here.join("go")))?;
    run::quiet(Command::new("mcs").arg("-r:System.Net.Http").arg(format!("-out:{}", cs.display())).arg(here.join("Worker.cs")))?;
    Ok(vec![
        ("shell", vec!["sh".into(), text(&here.join("worker.sh"))]),
        ("python", vec!["python3".into(), text(&here.join("worker.py"))]),
        ("javascript", vec!["node".into(), text(&here.join("worker.mjs"))]),
        ("go", vec![text(&go)]),
        ("csharp", vec!["mono".into(), text(&cs)]),
    ])
}

fn url(server: &Server) -> Result<String> {
    let address = server.ready["http"].as_str().context("the ready line names the HTTP door")?;
    Ok(format!("http://{address}"))
}

fn post(url: &str, body: &Value) -> Result<Value> {
    let said = run::quiet(Command::new("curl").args(["-sS", "--fail-with-body", url, "-d", &body.to_string()]))?;
    serde_json::from_str(&said).with_context(|| format!("{url} answered {said:?}"))
}

fn get(url: &str) -> Result<Value> {
    let said = run::quiet(Command::new("curl").args(["-sS", "--fail-with-body", url]))?;
    serde_json::from_str(&said).with_context(|| format!("{url} answered {said:?}"))
}

fn number(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or(-1)
}

/// schemathesis plays what the page allows, and what it does not: no fault of the server, and no answer that the page does
/// not name.
pub(crate) fn schemathesis(ground: &Ground) -> Result<String> {
    let venv = venv(ground, "schemathesis", PIN)?;
    let server = server::fresh(ground, "queue-schemathesis", &[])?;
    milena(ground, &server, &["produce", "orders"], "1\n2\n3\n")?;
    milena(ground, &server, &["take", "orders", "-g", "billing"], "")?;
    let page = room(ground, "schemathesis")?.join("queue.json");
    std::fs::write(&page, narrowed(ground)?.to_string())?;
    let mut command = Command::new(venv.join("bin/st"));
    command.arg("run").arg(&page).args(["--url", &url(&server)?]).args(["--checks", CHECKS, "--no-color"]);
    command.args(["--phases", "coverage,fuzzing", "--max-examples", "20", "--seed", "7", "--generation-deterministic"]);
    let output = command.current_dir(room(ground, "schemathesis")?).output().context("cannot start schemathesis")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        println!("{text}");
        bail!("answers that the page does not describe");
    }
    milena(ground, &server, &["status"], "").context("the broker after all of that")?;
    Ok(text.lines().find(|line| line.contains("generated")).unwrap_or("no count of cases").trim().to_owned())
}

/// The page with names that are there in place of any name, so that requests get further than a 404; without waits, and
/// without the stream, which has no end.
fn narrowed(ground: &Ground) -> Result<Value> {
    let mut page: Value =
        serde_json::from_str(&std::fs::read_to_string(ground.root.join("crates/http/src/queue/openapi.json"))?)?;
    page["components"]["schemas"]["Receive"]["properties"]["wait_ms"]["maximum"] = 1.into();
    let paths = page["paths"].as_object_mut().context("a page has paths")?;
    paths.retain(|path, _| !path.ends_with("/events"));
    let names = [("topic", json!(["orders", "others"])), ("group", json!(["billing"])), ("partition", json!([0, 1]))];
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(serde_json::Map::values_mut) {
        for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
            if let Some((_, allowed)) = names.iter().find(|(name, _)| parameter["name"] == *name && parameter["in"] == "path") {
                parameter["schema"]["enum"] = allowed.clone();
            }
            if parameter["name"] == "wait_ms" {
                parameter["schema"]["maximum"] = 1.into();
            }
        }
    }
    Ok(page)
}
