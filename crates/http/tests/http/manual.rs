//! The table of endpoints in the manual: each line has its tick because this test has just asked it.
//! `UPDATE_DOCS=1 cargo test -p milena-http manual` writes it anew.

use std::path::Path;

use milena_http::{Endpoint, REGISTRY_ENDPOINTS, Surface};
use serde_json::json;

use crate::server::Server;

const BEGIN: &str = "<!-- made by crates/http/tests/http/manual.rs -->\n";
const END: &str = "<!-- end -->\n";

/// A registry with something of everything.
fn furnished() -> (Server, String) {
    let server = Server::start(Surface::Registry);
    let schema = json!({"schema": "\"int\"", "metadata": {"properties": {"owner": "us"}}});
    let guid = server.new_form("POST", "/subjects/people/versions", &schema).json()["guid"].as_str().expect("a GUID").to_string();
    server.post("/subjects/:.empty:a/versions", &json!({"schema": "\"int\""}));
    server.delete("/subjects/:.empty:a");
    server.delete("/subjects/:.empty:a?permanent=true");
    server.put("/config/people", &json!({"compatibility": "FULL"}));
    server.put("/mode/people", &json!({"mode": "READWRITE"}));
    (server, guid)
}

/// Asks an endpoint what it is there for; the status of its answer.
fn ask(endpoint: &Endpoint) -> u16 {
    let (server, guid) = furnished();
    let value = |name: &str| match name {
        "id" if endpoint.path.starts_with("/schemas") => "1".to_string(),
        "guid" => guid.clone(),
        "version" => "1".to_string(),
        "context" => ".empty".to_string(),
        _ => "people".to_string(),
    };
    let part = |part: &str| part.strip_prefix('{').and_then(|p| p.strip_suffix('}')).map_or_else(|| part.to_string(), value);
    let path = endpoint.path.split('/').map(part).collect::<Vec<_>>().join("/");
    let query = if path.ends_with("/metadata") { "?key=owner&value=us" } else { "" };
    let body = match (endpoint.method, endpoint.path.split('/').nth(1)) {
        ("PUT", Some("config")) => json!({"compatibility": "NONE"}),
        ("PUT", Some("mode")) => json!({"mode": "READONLY"}),
        ("POST", _) if path.ends_with("/tags") => json!({"metadata": {"properties": {"owner": "them"}}}),
        ("POST" | "PUT", _) => json!({"schema": "\"int\""}),
        _ => serde_json::Value::Null,
    };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.send(endpoint.method, &format!("{path}{query}"), &[], body.as_bytes()).status
}

fn expected(endpoint: &Endpoint) -> u16 {
    match endpoint.path {
        "/associations" | "/associations:batch" => 404,
        path if path.starts_with("/associations/resources") => 404,
        "/contexts/{context}" => 204,
        _ => 200,
    }
}

#[test]
fn manual() {
    let mut table = String::from("| endpoint | what it does | answers | asked |\n|---|---|---|---|\n");
    for endpoint in REGISTRY_ENDPOINTS {
        let status = ask(endpoint);
        assert_eq!(status, expected(endpoint), "{} {}", endpoint.method, endpoint.path);
        table.push_str(&format!("| `{} {}` | {} | {status} | ✓ |\n", endpoint.method, endpoint.path, endpoint.summary));
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/registry.md");
    let text = std::fs::read_to_string(&page).expect("the manual has a page");
    let (before, rest) = text.split_once(BEGIN).expect("the page has a place for the table");
    let (_, after) = rest.split_once(END).expect("the table has an end");
    let wanted = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, wanted).expect("the page can be written");
    } else {
        assert!(text == wanted, "docs/registry.md is not up to date: UPDATE_DOCS=1 cargo test -p milena-http manual");
    }
}
