//! The queue over plain HTTP: the examples in five languages.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::server::{self, Server};
use crate::{
    lane::{Ground, room},
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
    ("/usr/lib/mono/4.5/System.Net.Http.dll", "libmono-system-net-http4.0-cil"),
];

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
