//! Errors as a person looks for them: recent ones, summed up, live, as counters; and where the time of slow requests went.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use serde_json::Value;

use crate::server::{Server, bare};

fn shown(server: &Server, arguments: &[&str]) -> Vec<Value> {
    let out = server.out(&[&["errors", "-q", "-o", "json"], arguments].concat(), b"");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn what_a_client_was_told_is_seen_from_outside() {
    let server = Server::ephemeral();
    server.run(&["topic", "trim", "no-such", "--before", "5", "--yes"], b"");
    server.run(&["read", "no-such"], b"");
    server.run(&["group", "show", "nobody"], b"");
    let errors = shown(&server, &["--about", "no-such"]);
    assert!(!errors.is_empty());
    for error in &errors {
        assert_eq!(error["code"], "UNKNOWN_TOPIC_OR_PARTITION", "{error}");
        assert_eq!(error["client"], "milena", "{error}");
        assert!(error["about"].as_str().unwrap().starts_with("no-such"), "{error}");
    }
    assert_eq!(shown(&server, &["--client", "somebody-else"]), Vec::<Value>::new());
    let by = server.out(&["errors", "-q", "--by", "client"], b"");
    assert!(by.contains("milena") && by.contains("127.0.0.1"), "{by}");
    let by = server.out(&["errors", "-q", "--by", "code", "-o", "jsonl"], b"");
    assert!(by.contains("\"code\":\"UNKNOWN_TOPIC_OR_PARTITION\""), "{by}");
    let (_, page) = crate::metrics::get(&server, "/metrics");
    assert!(page.contains("milena_errors_told_total{api=\"Metadata\",code=\"UNKNOWN_TOPIC_OR_PARTITION\"}"), "{page}");
}

#[test]
fn the_http_door_is_seen_too() {
    let server = Server::ephemeral();
    crate::metrics::get(&server, "/admin/v1/topics/none/retention");
    let errors = shown(&server, &["--code", "404"]);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0]["api"], "GET /admin/v1/topics/none/retention");
    assert_eq!(errors[0]["cause"], "there is no topic \"none\"");
}

#[test]
fn to_look_for_a_schema_that_is_not_there_is_expected() {
    let server = Server::ephemeral();
    server.out(&["produce", "hello", "hi"], b"");
    let seen = shown(&server, &["--code", "404"]);
    assert_eq!(seen, Vec::<Value>::new());
    let all = shown(&server, &["--code", "404", "--all"]);
    assert_eq!(all[0]["api"], "GET /subjects/hello-value/versions/latest");
    assert!(all[0]["client"].as_str().unwrap().starts_with("milena/"), "{all:?}");
}

#[test]
fn they_can_be_followed() {
    let server = Server::ephemeral();
    let mut follower =
        server.command(&["errors", "-F", "--about", "live"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    // It speaks once the stream is open, and so sees everything from here on.
    BufReader::new(follower.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("Ctrl-C"), "{said}");
    server.run(&["read", "other"], b"");
    server.run(&["read", "live"], b"");
    let mut line = String::new();
    BufReader::new(follower.stdout.take().unwrap()).read_line(&mut line).unwrap();
    follower.kill().unwrap();
    follower.wait().unwrap();
    assert!(line.contains("UNKNOWN_TOPIC_OR_PARTITION") && line.contains("live"), "{line}");
}

#[test]
fn a_slow_request_says_where_its_time_went() {
    let doors = ["serve", "--kafka", "127.0.0.1:0", "--http", "off", "-o", "json", "--ephemeral", "--slow", "0ms"];
    let mut child = bare(&doors).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let produced = bare(&["produce", "t", "x", "-b", ready["kafka"].as_str().unwrap()]).output().unwrap();
    assert!(produced.status.success());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|l| l.contains("api=\"Produce\"")).expect("a line for the Produce");
    child.kill().unwrap();
    child.wait().unwrap();
    for word in ["slow request", "queue_ms=", "judgement_ms=", "commit_ms=", "answer_ms=", "client=\"milena\""] {
        assert!(line.contains(word), "{word} in {line}");
    }
}
