//! The control API, as tests in other languages use it.

use std::time::Duration;

use milena_testkit::Kit;
use serde_json::Value;

use crate::world::{cluster, http, http_with, read, run, topic, write};

struct Control {
    kit: Kit,
    door: String,
    token: String,
}

impl Control {
    fn new() -> Self {
        let kit = Kit::setup().control().start().unwrap();
        let (door, token) = (kit.http().unwrap(), kit.token().unwrap().to_string());
        Self { kit, door, token }
    }

    fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        let path = format!("/ephemeral/v1{path}");
        let (status, body) = http(&self.door, method, &path, Some(&self.token)).expect("the kit answers, dead or alive");
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{method} {path} answers JSON: {body:?}")))
    }

    fn done(&self, method: &str, path: &str) -> Value {
        let (status, answer) = self.ask(method, path);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }
}

#[test]
fn without_the_token_there_is_nothing_to_be_done() {
    let control = Control::new();
    for token in [None, Some("wrong"), Some("")] {
        let (status, body) = http(&control.door, "POST", "/ephemeral/v1/kill", token).unwrap();
        assert_eq!(status, 401, "{body}");
    }
    assert_eq!(control.done("GET", "")["up"], true);
    // On the other doors, and on a kit that did not ask for it, it is a path like any other that is not there.
    let path = "/ephemeral/v1";
    for door in [control.kit.registry().unwrap(), control.kit.rest().unwrap(), Kit::start().unwrap().http().unwrap()] {
        let answer = http(&door, "GET", path, Some(&control.token));
        assert!(answer.is_none_or(|(status, _)| status == 404), "{door}");
    }
    let plain = Kit::start().unwrap();
    assert_eq!(http(&plain.http().unwrap(), "GET", path, Some(&control.token)).unwrap().0, 404);
}

#[test]
fn a_test_ends_and_starts_the_broker_and_its_records_stay() {
    let control = Control::new();
    run(async {
        let cluster = cluster(&control.kit).await;
        topic(&cluster, "t", 1).await;
        write(&cluster, "t", &["a"]).await;
        for (end, begin) in [("/kill", "/start"), ("/stop", "/start"), ("/power-cut", "/start")] {
            assert_eq!(control.done("POST", end)["up"], false);
            assert_eq!(control.ask("POST", end).0, 409, "it is down already");
            assert_eq!(control.done("POST", begin)["up"], true);
            assert_eq!(control.ask("POST", begin).0, 409);
            assert_eq!(read(&cluster, "t").await, ["a"]);
        }
        control.done("POST", "/restart");
        // It comes back by itself.
        control.done("POST", "/kill?for=100ms");
        assert_eq!(read(&cluster, "t").await, ["a"], "a client that is patient sees only a pause");
    });
    control.done("POST", "/expect/nothing-lost?end=power-cut");
}

#[test]
fn faults_are_asked_for_and_shown() {
    let control = Control::new();
    let state = control.done("POST", "/disk?slow=5ms&failing_syncs=always&full=true");
    assert_eq!(state["disk"], serde_json::json!({"slow_ms": 5, "full": true, "failing_syncs": "always", "failing_reads": false}));
    assert_eq!(control.done("DELETE", "/disk")["disk"]["full"], false);
    assert_eq!(control.done("POST", "/clock?forward=1h")["clock_ahead_ms"], 3_600_000);
    control.done("POST", "/cut?after=10&way=requests&connections=2");
    assert_eq!(control.done("POST", "/cut")["cut"], 0);
    for wrong in ["/disk?slow=5", "/disk?slwo=5ms", "/cut?after=-1", "/cut?after=1&way=up", "/clock", "/kill?for=soon"] {
        let (status, answer) = control.ask("POST", wrong);
        assert_eq!(status, 400, "{wrong}");
        assert!(answer["error"].as_str().is_some_and(|words| !words.is_empty()));
    }
    assert_eq!(control.done("GET", "")["up"], true, "a slip in a word kills nobody");
    assert_eq!(control.ask("GET", "/nothing").0, 404);
    assert_eq!(control.ask("GET", "/kill").0, 404);
}

#[test]
fn the_record_is_a_line_of_json_an_event() {
    let control = Control::new();
    run(async {
        let cluster = cluster(&control.kit).await;
        topic(&cluster, "t", 1).await;
        write(&cluster, "t", &["a"]).await;
    });
    let (status, body) = http(&control.door, "GET", "/ephemeral/v1/record", Some(&control.token)).unwrap();
    assert_eq!(status, 200);
    let events: Vec<Value> = body.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let asked = events.iter().find(|e| e["what"] == "asked" && e["api"] == "Produce").expect("the client produced");
    assert!(asked["version"].is_i64() && asked["bytes"].as_u64().is_some_and(|bytes| bytes > 10), "{asked}");
    let answered = events.iter().find(|e| e["what"] == "answered" && e["correlation"] == asked["correlation"]).unwrap();
    assert!(answered["at_ms"].as_f64() >= asked["at_ms"].as_f64());
    control.done("DELETE", "/record");
    assert_eq!(control.kit.recorded().len(), 0);
}

#[test]
fn an_expectation_that_does_not_hold_is_no_success() {
    let control = Control::new();
    let body = r#"[{"value": "a"}, {"value": "b"}]"#;
    assert_eq!(http_with(&control.door, "POST", "/q/v1/topics/jobs/messages", None, body).unwrap().0, 201);
    let receive = "/q/v1/topics/jobs/groups/crew:receive";
    let (_, text) = http_with(&control.door, "POST", receive, None, r#"{"max": 10}"#).unwrap();
    let begin = std::time::Instant::now();
    let (status, answer) = control.ask("GET", "/expect/empty?topic=jobs&group=crew&within=60ms");
    assert_eq!(status, 417);
    assert!(answer["error"].as_str().unwrap().contains("2 messages are left to do"), "{answer}");
    assert!(begin.elapsed() >= Duration::from_millis(60));
    let messages: Value = serde_json::from_str(&text).unwrap();
    let leases: Vec<&str> = messages["messages"].as_array().unwrap().iter().map(|m| m["lease"].as_str().unwrap()).collect();
    for lease in leases {
        http_with(&control.door, "POST", "/q/v1/groups/crew:ack", None, &format!("{{\"lease\": \"{lease}\"}}")).unwrap();
    }
    control.done("GET", "/expect/empty?topic=jobs&group=crew&within=5s");
    assert_eq!(control.ask("GET", "/expect/empty?topic=jobs").0, 400);
}
