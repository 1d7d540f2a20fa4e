//! Small words: how many of a thing, whose id, and where a wish may stand.

use std::io::{BufRead, BufReader};

use crate::server::{Server, bare};

#[test]
fn one_of_a_thing_is_told_as_one() {
    let server = Server::ephemeral();
    server.out(&["topic", "create", "notes", "-P", "1", "--set", "retention.ms=60000"], b"");
    server.out(&["produce", "notes", "-k", "k", "v"], b"");
    let hex = server.out(&["read", "notes", "--hex"], b"");
    assert!(hex.contains("key of 1 byte ") && hex.contains("   1 byte") && !hex.contains("1 bytes"), "{hex}");
    let copy = server.out(&["topic", "clone", "notes", "copy"], b"");
    assert_eq!(copy, "notes → copy   1 partition, 1 setting, 1 message\n");
}

#[test]
fn the_cluster_has_one_id_whoever_is_asked() {
    let server = Server::ephemeral();
    let kafkas: serde_json::Value = serde_json::from_str(&server.out(&["status", "-o", "json"], b"")).unwrap();
    let (_, page) = crate::metrics::get(&server, "/admin/v1/status");
    let ours: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!(ours["cluster_id"], kafkas["cluster_id"]);
    assert_eq!(ours["cluster_id"].as_str().map(str::len), Some(22), "{ours}");
}

#[test]
fn the_file_may_ask_for_the_line_of_json() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("milena.toml");
    let doors = "kafka = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nregistry = \"off\"\nrest = \"off\"\n";
    std::fs::write(&file, format!("[server]\noutput = \"json\"\n{doors}")).unwrap();
    let data = dir.path().join("data");
    let mut child = bare(&["serve", "--config", file.to_str().unwrap(), "--data", data.to_str().unwrap()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["ready"], true, "{line}");
}
