//! Requests that nobody should send: each is answered in the registry's envelope, and never as a fault of the server.

use milena_http::{REGISTRY_ENDPOINTS, Surface};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::server::Server;

fn judge(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
    let reply = server.send(method, path, headers, body);
    let what = || format!("{method} {path} {headers:?} {:?}: {} {}", String::from_utf8_lossy(body), reply.status, reply.body);
    assert!(reply.status < 500, "{}", what());
    if reply.status >= 400 && method != "HEAD" {
        let envelope: Value = serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{}", what()));
        assert!(envelope["error_code"].is_number() && envelope["message"].is_string(), "{}", what());
    }
}

#[test]
fn known_mischief() {
    let server = Server::start(Surface::Registry);
    let deep = format!(r#"{{"schema":"{}"}}"#, "[".repeat(100_000));
    let deep_outside = "[".repeat(100_000);
    let deep_avro = json!({"schema": format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(10_000), "}".repeat(10_000))});
    let bodies = [
        "",
        "null",
        "[]",
        "5",
        "{",
        "{}",
        r#"{"schema":5}"#,
        r#"{"schema":null}"#,
        r#"{"schema":""}"#,
        r#"{"schema":"\"int\"","references":5}"#,
        r#"{"schema":"\"int\"","references":[5]}"#,
        r#"{"schema":"\"int\"","references":[{"name":"a"}]}"#,
        r#"{"schema":"\"int\"","id":1e400}"#,
        r#"{"schema":"\"int\"","id":99999999999}"#,
        r#"{"schema":"\"int\"","version":-7}"#,
        r#"{"schema":"\"int\"","metadata":[]}"#,
        r#"{"schema":"\"int\"","ruleSet":{"domainRules":[{}]}}"#,
        r#"{"schema":"\"int\"","schema":"\"long\""}"#,
        r#"{"schema":"\ud800"}"#,
        r#"{"compatibility":5}"#,
        r#"{"mode":{}}"#,
        r#"{"defaultMetadata":5}"#,
        &deep,
        &deep_outside,
        &deep_avro.to_string(),
    ];
    let paths =
        ["/subjects/a/versions", "/subjects/a", "/compatibility/subjects/a/versions/latest?verbose=true", "/config/a", "/mode"];
    for body in bodies {
        for path in paths {
            let method = if path.starts_with("/config") || path.starts_with("/mode") { "PUT" } else { "POST" };
            judge(&server, method, path, &[], body.as_bytes());
        }
    }
    judge(&server, "POST", "/subjects/a/versions", &[("Content-Encoding", "br")], b"{}");
    judge(&server, "POST", "/subjects/a/versions", &[("Content-Encoding", "gzip")], b"{}");
    judge(&server, "POST", "/subjects/a/versions", &[], b"\xff\xfe");
    for path in [
        "/subjects//versions",
        "/subjects/%00/versions",
        "/subjects/%ff",
        "/schemas/ids/-1",
        "/schemas/ids/x/versions",
        "//",
        "/%2e%2e/etc",
    ] {
        judge(&server, "GET", path, &[], b"");
    }
}

/// Endpoints with strange values in their paths, queries and bodies.
#[test]
fn any_mischief() {
    const CASES: u32 = 400;
    let server = Server::start(Surface::Registry);
    server.post("/subjects/a/versions", &json!({"schema": "\"int\""}));
    let value = proptest::sample::select(vec![
        "a",
        "1",
        "0",
        "-1",
        "latest",
        "%3A.x%3A",
        ":.x:a",
        ":*:",
        "%25",
        "%00",
        "%F0%9F%A6%80",
        "__GLOBAL",
        "null",
        "2147483648",
        "a%2Fb",
        ".",
    ]);
    let body = proptest::sample::select(vec![
        "",
        "{}",
        "[]",
        r#"{"schema":"\"int\""}"#,
        r#"{"schema":"{\"type\":\"array\",\"items\":\"int\"}","normalize":1}"#,
        r#"{"mode":"READWRITE"}"#,
        r#"{"compatibility":"NONE"}"#,
        r#"{"schema":"syntax = \"proto3\";","schemaType":"PROTOBUF"}"#,
        r#"{"schema":"{}","schemaType":"JSON","references":[{"name":"x","subject":"a","version":1}]}"#,
    ]);
    let query = proptest::sample::select(vec![
        "",
        "?deleted=true",
        "?offset=-5&limit=-5",
        "?format=serialized",
        "?subject=:.x:",
        "?permanent=true",
        "?verbose=maybe&normalize=true",
        "?%zz=1",
    ]);
    let endpoint = proptest::sample::select(REGISTRY_ENDPOINTS.to_vec());
    let mut runner = TestRunner::new_with_rng(
        Config { cases: CASES, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let all = (endpoint, value.clone(), value, query, body);
    let outcome = runner.run(&all, |(endpoint, first, second, query, body)| {
        let mut values = [first, second].into_iter().cycle();
        let part = |part: &str| if part.starts_with('{') { values.next().unwrap_or("a").to_string() } else { part.to_string() };
        let path: Vec<String> = endpoint.path.split('/').map(part).collect();
        judge(&server, endpoint.method, &format!("{}{query}", path.join("/")), &[], body.as_bytes());
        Ok(())
    });
    outcome.expect("every answer is an answer");
}
