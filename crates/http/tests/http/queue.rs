//! The queue as a worker without any library meets it: every call alone, one message at a time.

use milena_http::Surface;
use serde_json::{Value, json};

use crate::server::{Reply, Server};

const RECEIVE: &str = "/q/v1/topics/orders/groups/workers:receive";
const SETTLE: &str = "/q/v1/groups/workers:settle";

fn filled(count: usize) -> Server {
    let server = Server::start(Surface::Common);
    let messages: Vec<Value> = (0..count).map(|n| json!({"key": format!("k{n}"), "value": {"n": n}})).collect();
    let put = server.post("/q/v1/topics/orders/messages", &Value::Array(messages));
    assert_eq!(put.status, 201, "{}", put.body);
    assert_eq!(put.json()["results"].as_array().map(Vec::len), Some(count));
    server
}

fn at_once(server: &Server) -> Reply {
    server.post(RECEIVE, &json!({"wait_ms": 0}))
}

fn lease(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["messages"][0]["lease"].as_str().expect("a lease").to_owned()
}

#[test]
fn one_message_is_taken_worked_on_and_acknowledged() {
    let server = filled(2);
    let first = at_once(&server);
    let messages = first.json()["messages"].clone();
    assert_eq!(messages.as_array().map(Vec::len), Some(1), "one is the default, strictly");
    let message = &messages[0];
    assert_eq!((&message["id"], &message["key"]), (&json!("orders/0/0"), &json!("k0")));
    assert_eq!((&message["value"], &message["delivery_count"]), (&json!({"n": 0}), &json!(1)));
    let second = at_once(&server);
    assert_eq!(second.json()["messages"][0]["id"], "orders/0/1");
    // The third call finds nothing, and says why.
    let third = at_once(&server);
    assert_eq!((third.status, third.header("queue-state")), (204, Some("all-leased")));
    assert_eq!((third.header("queue-depth"), third.header("queue-in-flight")), (Some("2"), Some("2")));
    assert!(third.header("queue-oldest-ms").is_some());
    let settled = server.post(SETTLE, &json!({"ack": [lease(&first)], "release": [lease(&second)]}));
    assert_eq!(settled.status, 200, "{}", settled.body);
    let again = at_once(&server);
    assert_eq!(again.json()["messages"][0]["delivery_count"], 2);
    assert_eq!(server.delete(&format!("/q/v1/leases/{}", lease(&again))).status, 204);
    let empty = at_once(&server);
    assert_eq!((empty.status, empty.header("queue-state"), empty.header("queue-depth")), (204, Some("empty"), Some("0")));
    // An acknowledgement that is sent again finds what it wanted.
    assert_eq!(server.post(SETTLE, &json!({"ack": [lease(&first)]})).status, 200);
}

#[test]
fn a_worker_needs_one_call_a_message() {
    let server = filled(3);
    let mut seen = Vec::new();
    let mut settle = Value::Null;
    for _ in 0..3 {
        let ask = if settle.is_null() { json!({"wait_ms": 0}) } else { json!({"wait_ms": 0, "settle": settle}) };
        let reply = server.post(RECEIVE, &ask);
        seen.push(reply.json()["messages"][0]["value"]["n"].clone());
        settle = json!({"ack": [lease(&reply)]});
    }
    assert_eq!(seen, [0, 1, 2]);
    let last = server.post(RECEIVE, &json!({"wait_ms": 0, "settle": settle}));
    assert_eq!((last.status, &last.json()["settled"][0]["status"]), (200, &json!("ok")));
    assert_eq!(at_once(&server).header("queue-state"), Some("empty"));
}

#[test]
fn a_message_waits_for_its_delay_and_a_lease_can_be_extended() {
    let server = filled(1);
    let taken = lease(&at_once(&server));
    let extended = server.post("/q/v1/groups/workers:extend", &json!({"lease": taken, "lease_ms": 120_000}));
    assert_eq!(extended.status, 200, "{}", extended.body);
    let new = extended.json()["new_lease"].as_str().expect("another lease").to_owned();
    let old = server.post("/q/v1/groups/workers:ack", &json!({"lease": taken}));
    assert_eq!((old.status, &old.json()["error_code"]), (410, &json!("lease_lost")));
    let released = server.post("/q/v1/groups/workers:release", &json!({"lease": new, "delay_ms": 600_000}));
    assert_eq!(released.status, 200, "{}", released.body);
    assert_eq!(at_once(&server).header("queue-state"), Some("delayed"));
}

#[test]
fn hostile_leases_are_refused_each_with_its_reason() {
    let server = filled(1);
    let good = lease(&at_once(&server));
    let mut forged = good.clone().into_bytes();
    forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("text");
    for bad in [forged.as_str(), &good[..good.len() - 3], "", "no lease"] {
        let refused = server.post("/q/v1/groups/workers:ack", &json!({"lease": bad}));
        assert_eq!((refused.status, &refused.json()["error_code"]), (400, &json!("lease_invalid")), "{bad}");
    }
    // Of another group, which is there.
    server.post("/q/v1/topics/orders/groups/others:receive", &json!({"wait_ms": 0}));
    let foreign = server.post("/q/v1/groups/others:settle", &json!({"ack": [good]}));
    assert_eq!((foreign.status, &foreign.json()["results"][0]["status"]), (207, &json!("invalid")));
    assert_eq!(server.post("/q/v1/groups/nobody:ack", &json!({"lease": good})).status, 404);
    assert_eq!(server.post("/q/v1/groups/workers:ack", &json!({"lease": good})).status, 200);
}

#[test]
fn what_is_rejected_goes_to_the_dead_letters_and_comes_back() {
    let server = filled(1);
    let taken = lease(&at_once(&server));
    let words = json!({"lease": taken, "reason": "no such customer"}).to_string();
    let name = [("User-Agent", "packer/7")];
    let rejected = server.send("POST", "/q/v1/groups/workers:reject", &name, words.as_bytes());
    assert_eq!(rejected.status, 200, "{}", rejected.body);
    let letters = "/q/v1/topics/dlq.orders/groups/readers:receive";
    let mut letter = server.post(letters, &json!({"wait_ms": 0}));
    for _ in 0..2_000 {
        if letter.status == 200 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
        letter = server.post(letters, &json!({"wait_ms": 0}));
    }
    let message = letter.json()["messages"][0].clone();
    assert_eq!((&message["key"], &message["value"]), (&json!("k0"), &json!({"n": 0})));
    let header = |name: &str| message["headers"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!((header("__dlq.errors.topic"), header("__dlq.errors.group")), ("orders".into(), "workers".into()));
    assert_eq!((header("__dlq.errors.offset"), header("__dlq.errors.message")), ("0".into(), "no such customer".into()));
    assert_eq!(header("__dlq.errors.member"), "http 127.0.0.1 (packer/7)");
    let about = server.get("/q/v1/topics/orders/groups/workers").json();
    assert_eq!((&about["depth"], &about["dead_letters"]), (&json!(0), &json!(1)));
    let back = server.post("/q/v1/topics/orders/groups/workers:redrive", &json!({}));
    assert_eq!(back.json()["redriven"], 1, "{}", back.body);
    let again = at_once(&server).json()["messages"][0].clone();
    assert_eq!((&again["value"], &again["delivery_count"], &again["id"]), (&json!({"n": 0}), &json!(1), &json!("orders/0/1")));
    assert_eq!(again["headers"]["__dlq.redriven"], "true");
    assert_eq!(server.post("/q/v1/topics/orders/groups/workers:redrive", &json!({})).json()["redriven"], 0, "once");
}

#[test]
fn a_group_has_its_own_rules_and_can_begin_anew() {
    let server = filled(4);
    let put = server.put("/q/v1/groups/workers", &json!({"max_deliveries": 3, "order": "key", "lease_ms": 20_000}));
    assert_eq!(put.status, 204, "{}", put.body);
    assert_eq!(server.put("/q/v1/groups/workers", &json!({"order": "size"})).status, 422);
    let all = server.post(RECEIVE, &json!({"max": 500, "wait_ms": 0}));
    assert_eq!(all.json()["messages"].as_array().map(Vec::len), Some(4));
    let held = server.get("/q/v1/topics/orders/groups/workers/leases").json();
    assert_eq!(held["leases"][0]["delivery_count"], 1);
    let about = server.get("/q/v1/topics/orders/groups/workers").json();
    assert_eq!((&about["in_flight"], &about["max_deliveries"], &about["order"]), (&json!(4), &json!(3), &json!("key")));
    let reset = server.post("/q/v1/topics/orders/groups/workers:reset", &json!({"to": "earliest"}));
    assert_eq!(reset.status, 200, "{}", reset.body);
    assert_eq!(at_once(&server).json()["messages"][0]["id"], "orders/0/0");
    assert_eq!(server.delete("/q/v1/groups/workers").status, 204);
    assert_eq!(server.get("/q/v1/topics/orders/groups/workers").status, 404);
}

#[test]
fn refusals_name_what_to_do() {
    let server = filled(1);
    let none = server.post("/q/v1/topics/missing/groups/g:receive", &json!({"wait_ms": 0}));
    assert_eq!((none.status, &none.json()["error_code"]), (404, &json!("topic_not_found")));
    for (body, status) in
        [(json!({"max": 0}), 400), (json!({"max": 501}), 400), (json!({"no": 1}), 400), (json!({"lease_ms": 0}), 400)]
    {
        assert_eq!(server.post(RECEIVE, &body).status, status, "{body}");
    }
    let mixed = json!([{"value": 1}, {"value": 1, "partition": 9}]);
    let mixed = server.post("/q/v1/topics/orders/messages", &mixed);
    assert_eq!((mixed.status, &mixed.json()["results"][1]["error"]["error_code"]), (207, &json!("invalid_message")));
    // In the same envelope, whatever is asked.
    let wrong = server.get(RECEIVE);
    assert_eq!(
        (wrong.status, wrong.header("allow"), &wrong.json()["error_code"]),
        (405, Some("POST"), &json!("method_not_allowed"))
    );
    let nowhere = server.get("/q/v1/elsewhere");
    assert_eq!((nowhere.status, &nowhere.json()["error_code"]), (404, &json!("not_found")));
    let xml = server.send("POST", RECEIVE, &[("Content-Type", "application/xml")], b"<a/>");
    assert_eq!((xml.status, &xml.json()["error_code"]), (415, &json!("unsupported_media_type")));
}

/// One `curl` line of the manual: flags, path, a header if it has one, body.
struct Curl {
    shows_head: bool,
    path: String,
    header: Option<(String, String)>,
    body: String,
}

impl Curl {
    fn of(line: &str, lease: &str) -> Option<Self> {
        let rest = line.strip_prefix("$ curl ")?;
        let (flags, rest) = rest.split_once(' ')?;
        let (place, body) = rest.split_once(" -d '")?;
        let place = place.strip_prefix("localhost:8080")?;
        let (path, header) = match place.split_once(" -H '") {
            Some((path, header)) => (path, Some(header.strip_suffix('\'')?.split_once(": ")?)),
            None => (place, None),
        };
        let (path, header) = (path.to_owned(), header.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let body = body.strip_suffix('\'')?.replace("$LEASE", lease);
        Some(Self { shows_head: flags.contains('i'), path, header, body })
    }
}

/// `…` in the manual stands for what every run draws anew.
fn same(said: &Value, got: &Value) -> bool {
    match (said, got) {
        (Value::String(dots), got) if dots == "…" => !got.is_null(),
        (Value::Array(said), Value::Array(got)) => said.len() == got.len() && said.iter().zip(got).all(|(s, g)| same(s, g)),
        (Value::Object(said), Value::Object(got)) => {
            said.len() == got.len() && said.iter().all(|(name, value)| got.get(name).is_some_and(|g| same(value, g)))
        }
        _ => said == got,
    }
}

fn told_lease(body: &Value) -> Option<String> {
    let lease = body.get("new_lease").or_else(|| body.get("messages")?.get(0)?.get("lease"))?;
    lease.as_str().map(str::to_owned)
}

#[test]
fn every_line_of_the_five_minutes_is_run() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/queue.md");
    let page = std::fs::read_to_string(page).expect("the manual has a page on queues");
    let server = Server::start(Surface::Common);
    let (mut lease, mut asked) = (String::new(), 0);
    for block in page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()) {
        for step in block.split("$ curl").skip(1) {
            let (line, said) = step.trim_end().split_once('\n').expect("each line has an answer");
            let curl = Curl::of(&format!("$ curl{line}"), &lease).unwrap_or_else(|| panic!("what does this ask? {line}"));
            let headers: Vec<(&str, &str)> = curl.header.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let reply = server.send("POST", &curl.path, &headers, curl.body.as_bytes());
            asked += 1;
            if curl.shows_head {
                let mut lines = said.lines();
                assert_eq!(reply.headers.lines().next(), lines.next(), "{line}");
                for (name, value) in lines.filter_map(|header| header.split_once(": ")) {
                    assert_eq!(reply.header(name), Some(value), "{line}: {name}");
                }
            } else {
                let said: Value = serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"));
                assert!(same(&said, &reply.json()), "{line}\nshould say {said}\nsays {}", reply.body);
                lease = told_lease(&reply.json()).unwrap_or(lease);
            }
        }
    }
    assert_eq!(asked, 12, "the page has as many calls");
}
