//! The REST proxy against its own description: schemathesis makes requests from the OpenAPI document, sound and unsound, and
//! compares every answer with it.

use std::{process::Command, thread, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{fresh::milena, server};
use crate::{
    lane::{Ground, room, venv},
    run,
};

const SCHEMATHESIS: &[&str] = &["schemathesis==4.32.5"];

pub(crate) const NEEDS: &[(&str, &str)] = &[("python3", "python3-venv"), ("curl", "curl")];

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

pub(crate) fn schemathesis(ground: &Ground) -> Result<String> {
    let venv = venv(ground, "schemathesis", SCHEMATHESIS)?;
    let server = server::fresh(ground, "schemathesis", &[])?;
    let address = server.ready["rest"].as_str().context("the ready line names the REST door")?.to_string();
    milena(ground, &server, &["produce", "orders"], "1\n2\n3\n")?;
    let schema = room(ground, "schemathesis")?.join("rest.json");
    std::fs::write(&schema, narrowed(ground, &address)?.to_string())?;
    let mut command = Command::new(venv.join("bin/st"));
    command.arg("run").arg(&schema).args(["--url", &format!("http://{address}")]).args(["--checks", CHECKS]);
    command.args(["--phases", "coverage,fuzzing", "--max-examples", "20", "--seed", "7", "--generation-deterministic"]);
    let output = command.output().context("cannot start schemathesis")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        println!("{text}");
        bail!("answers that the document does not describe");
    }
    milena(ground, &server, &["status"], "").context("the broker after all of that")?;
    let cases = text.lines().find(|line| line.contains("generated")).unwrap_or("no count of cases").trim();
    Ok(format!("70 operations; {cases}"))
}

/// The document with names that are there in place of any name, so that requests get further than a 404.
fn narrowed(ground: &Ground, address: &str) -> Result<Value> {
    let mut schema: Value =
        serde_json::from_str(&std::fs::read_to_string(ground.root.join("crates/http/src/rest/openapi.json"))?)?;
    // The system may be slow to start the program that asks.
    let clusters = (0..20).find_map(|_| {
        let got = run::quiet(Command::new("curl").args(["-s", &format!("http://{address}/v3/clusters")])).ok();
        got.or_else(|| {
            thread::sleep(Duration::from_millis(100));
            None
        })
    });
    let clusters: Value = serde_json::from_str(&clusters.context("the REST door does not answer")?)?;
    let cluster = &clusters["data"][0]["cluster_id"];
    let names = [
        ("cluster", json!([cluster])),
        ("topic", json!(["orders", "others", "a/b"])),
        ("group", json!(["billing"])),
        ("instance", json!(["one", "two"])),
        ("partition", json!([0, 1])),
        ("broker", json!([1, 2])),
    ];
    for operation in schema["paths"].as_object_mut().into_iter().flatten().flat_map(|(_, path)| path.as_object_mut()) {
        for parameters in operation.values_mut().filter_map(|operation| operation["parameters"].as_array_mut()) {
            for parameter in parameters.iter_mut().filter(|parameter| parameter["in"] == "path") {
                if let Some((_, allowed)) = names.iter().find(|(name, _)| parameter["name"] == *name) {
                    parameter["schema"]["enum"] = allowed.clone();
                }
            }
        }
    }
    Ok(schema)
}
