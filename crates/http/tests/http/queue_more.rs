//! The queue beyond one message at a time: lines, keys of idempotency, schemas, pushed messages, looks that take nothing,
//! and the settings of a group.

use milena_http::Surface;
use serde_json::{Value, json};

use crate::server::{Reply, Server};

const MESSAGES: &str = "/q/v1/topics/orders/messages";
const RECEIVE: &str = "/q/v1/topics/orders/groups/workers:receive";
const LINES: &[(&str, &str)] = &[("Content-Type", "application/x-ndjson")];

fn receive(server: &Server, wish: &Value) -> Reply {
    server.post(RECEIVE, wish)
}

fn values(server: &Server) -> Vec<Value> {
    let reply = receive(server, &json!({"max": 500, "wait_ms": 0}));
    match reply.status {
        204 => Vec::new(),
        _ => reply.json()["messages"].as_array().expect("messages").iter().map(|message| message["value"].clone()).collect(),
    }
}

fn put(server: &Server, count: usize) {
    let messages: Vec<Value> = (0..count).map(|n| json!({"value": n})).collect();
    assert_eq!(server.post(MESSAGES, &Value::Array(messages)).status, 201);
}

#[test]
fn messages_come_one_a_line_and_a_wrong_one_stops_no_other() {
    let server = Server::start(Surface::Common);
    let told = server.send("POST", MESSAGES, LINES, b"{\"value\":1}\n\nnonsense\n{\"value\": {\"a\": 2}}\r\n{\"value\":3}");
    assert_eq!(told.status, 207, "{}", told.body);
    let results = told.json()["results"].clone();
    assert_eq!((&results[0]["offset"], &results[2]["offset"], &results[3]["offset"]), (&json!(0), &json!(1), &json!(2)));
    assert_eq!(results[1]["error"]["error_code"], "invalid_message");
    // Also without saying so, since nothing else begins like that.
    assert_eq!(server.send("POST", MESSAGES, &[], b"{\"value\":4}\n{\"value\":5}").status, 201);
    assert_eq!(values(&server), [json!(1), json!({"a": 2}), json!(3), json!(4), json!(5)]);
    // Answered while it comes, for who can read that.
    let streamed = server.send("POST", MESSAGES, &[LINES[0], ("Accept", "application/x-ndjson")], b"{\"value\":6}\n{}\n");
    assert_eq!((streamed.status, streamed.header("content-type")), (200, Some("application/x-ndjson")));
    assert!(streamed.body.contains("\"offset\":5") && streamed.body.contains("invalid_message"), "{}", streamed.body);
}

#[test]
fn a_message_that_the_topic_is_too_small_for_is_too_large() {
    let server = Server::start(Surface::Common);
    let large = json!({"value": "x".repeat(2_000_000)});
    let path = "/q/v1/topics/orders/messages";
    let told = server.post(path, &large);
    assert_eq!((told.status, &told.json()["results"][0]["error"]["error_code"]), (413, &json!("too_large")), "{}", told.body);
    let told = server.post(path, &json!([large, {"value": 1}]));
    assert_eq!((told.status, &told.json()["results"][0]["error"]["error_code"]), (207, &json!("too_large")));
    let told = server.send("POST", path, &[("Idempotency-Key", "k")], large.to_string().as_bytes());
    assert_eq!((told.status, &told.json()["error_code"]), (413, &json!("too_large")));
    // The proxy's third version says it of the record.
    let record = json!({"value": {"type": "STRING", "data": "x".repeat(2_000_000)}});
    let told = server.post(&format!("{}/topics/orders/records", server.cluster()), &record);
    assert!(told.body.contains("\"error_code\":413"), "{}", told.body);
}

#[test]
fn every_digit_of_a_number_comes_back() {
    let server = Server::start(Surface::Common);
    server.send("POST", MESSAGES, &[], b"{\"value\": {\"n\": 12345678901234567890123, \"m\": 1.50}}");
    let body = receive(&server, &json!({"wait_ms": 0})).body;
    assert!(body.contains(r#"{"n":12345678901234567890123,"m":1.50}"#), "{body}");
}

#[test]
fn a_request_with_a_key_is_done_once_and_answered_alike() {
    let server = Server::start(Surface::Common);
    let keyed = |key: &str, body: &str| server.send("POST", MESSAGES, &[("Idempotency-Key", key)], body.as_bytes());
    let body = r#"[{"value": "a"}, {"key": "k", "value": "b"}]"#;
    let first = keyed("order-1", body);
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None), "{}", first.body);
    let again = keyed("order-1", body);
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(again.json(), first.json());
    assert_eq!(values(&server), [json!("a"), json!("b")], "once");
    let other = keyed("order-1", r#"{"value": "c"}"#);
    assert_eq!((other.status, &other.json()["error_code"]), (422, &json!("idempotency_key_reused")));
    // Whole or not at all; what was not done may be done under the same key.
    let half = keyed("order-2", r#"[{"value": "d"}, {"no": 1}]"#);
    assert_eq!(half.status, 422, "{}", half.body);
    assert_eq!(keyed("order-2", r#"{"value": "d"}"#).status, 201);
    assert_eq!(values(&server), [json!("d")]);
    assert_eq!(keyed("", r#"{"value": "e"}"#).status, 400);
    assert_eq!(keyed(&"k".repeat(256), r#"{"value": "e"}"#).status, 400);
    // The keys of one topic are not those of another.
    let elsewhere = server.send("POST", "/q/v1/topics/others/messages", &[("Idempotency-Key", "order-1")], body.as_bytes());
    assert_eq!((elsewhere.status, elsewhere.header("idempotent-replayed")), (201, None));
}

#[test]
fn a_message_with_an_id_is_put_in_once() {
    let server = Server::start(Surface::Common);
    let first = server.post(MESSAGES, &json!([{"id": "1", "value": "a"}, {"id": "2", "value": "b"}, {"value": "c"}]));
    assert_eq!(first.status, 201, "{}", first.body);
    let again = server.post(MESSAGES, &json!([{"id": "2", "value": "b"}, {"id": "3", "value": "d"}, {"id": "1", "value": "x"}]));
    assert_eq!(again.status, 207, "{}", again.body);
    assert_eq!(again.json()["results"][0], first.json()["results"][1]);
    assert_eq!(again.json()["results"][2]["error"]["error_code"], "id_reused");
    let all_again = server.post(MESSAGES, &json!([{"id": "2", "value": "b"}]));
    assert_eq!((all_again.status, all_again.header("idempotent-replayed")), (201, Some("true")));
    let mut seen = values(&server);
    seen.sort_by_key(Value::to_string);
    assert_eq!(seen, [json!("a"), json!("b"), json!("c"), json!("d")]);
}

const PERSON: &str =
    r#"{"type":"record","name":"P","fields":[{"name":"first","type":"string"},{"name":"age","type":["null","int"]}]}"#;

#[test]
fn values_are_encoded_and_decoded_by_their_schemas() {
    let server = Server::start(Surface::Common);
    let by_text = json!({"value": {"first": "john", "age": 7}, "schema": {"type": "AVRO", "inline": PERSON}});
    assert_eq!(server.post(MESSAGES, &by_text).status, 201);
    assert_eq!(server.get("/subjects/orders-value/versions/1").json()["id"], 1);
    let rest = json!([
        {"value": {"first": "jane", "age": null}, "schema": {"id": 1}},
        {"value": {"first": "jim", "age": 9}, "schema": {"subject": "orders-value"}},
        {"value": {"first": 1}, "schema": {"id": 1}},
        {"value": {}, "schema": {"id": 99}},
    ]);
    let told = server.post(MESSAGES, &rest);
    assert_eq!(told.status, 207, "{}", told.body);
    assert!(told.json()["results"][2]["error"]["message"].as_str().is_some_and(|words| words.contains("does not fit schema 1")));
    assert!(told.json()["results"][3]["error"].is_object());
    let take = |decode: &str| receive(&server, &json!({"wait_ms": 0, "decode": decode})).json()["messages"][0].clone();
    let message = take("auto");
    assert_eq!((&message["value"], &message["value_encoding"]), (&json!({"first": "john", "age": 7}), &json!("json")));
    assert_eq!(message["schema"], json!({"id": 1, "subject": "orders-value", "version": 1}));
    assert_eq!(take("avro_json")["value"], json!({"first": "jane", "age": null}));
    assert_eq!(take("base64")["value"], json!({"base64": "AAAAAAEGamltAhI="}));
    // One that cannot be decoded is delivered all the same, and says so.
    server.post(MESSAGES, &json!([{"value": {"base64": "AAAAAAEGag=="}}, {"value": {"base64": "AAAAAGMB"}}]));
    let broken = take("auto");
    assert_eq!(broken["value"], json!({"base64": "AAAAAAEGag=="}));
    assert!(broken["decode_error"].is_string(), "{broken}");
    assert!(take("json")["decode_error"].as_str().is_some_and(|words| words.contains("99")));
}

#[test]
fn a_look_takes_nothing() {
    let server = Server::start(Surface::Common);
    put(&server, 5);
    let look = |query: &str| server.get(&format!("/q/v1/topics/orders/partitions/0/messages?{query}"));
    let seen = look("max=2").json();
    assert_eq!((&seen["messages"][1]["id"], &seen["messages"][1]["value"]), (&json!("orders/0/1"), &json!(1)));
    assert_eq!((&seen["next_offset"], &seen["start"], &seen["end"]), (&json!(2), &json!(0), &json!(5)));
    assert_eq!(look("offset=-1").json()["messages"][0]["value"], 4);
    assert_eq!(look("offset=latest").json()["messages"], json!([]));
    assert_eq!(values(&server).len(), 5, "nobody had taken anything");
    for (query, status) in [("offset=6", 400), ("offset=x", 400), ("max=0", 400), ("decode=no", 400), ("wait_ms=x", 400)] {
        assert_eq!(look(query).status, status, "{query}");
    }
    assert_eq!(server.get("/q/v1/topics/orders/partitions/9/messages").status, 404);
    assert_eq!(server.get("/q/v1/topics/none/partitions/0/messages").status, 404);
    // Who waits is woken by the next message.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look("offset=5&wait_ms=20000"));
        std::thread::sleep(std::time::Duration::from_millis(100));
        put(&server, 1);
        assert_eq!(waiting.join().expect("an answer").json()["messages"][0]["offset"], 5);
    });
}

#[test]
fn messages_are_pushed_up_to_a_credit_and_what_is_open_comes_back() {
    let server = Server::start(Surface::Common);
    put(&server, 3);
    let path = "/q/v1/topics/orders/groups/workers/events?credit=2";
    let mut events = server.events(path);
    let (name, first) = events.next();
    assert_eq!((name.as_str(), &first["value"], &first["delivery_count"]), ("message", &json!(0), &json!(1)));
    let (_, second) = events.next();
    assert_eq!(second["value"], 1);
    // The credit is used up; an acknowledgement makes room, and is noticed at once.
    let about = || server.get("/q/v1/topics/orders/groups/workers").json();
    assert_eq!((&about()["in_flight"], &about()["waiting"]), (&json!(2), &json!(1)));
    let begin = std::time::Instant::now();
    assert_eq!(server.post("/q/v1/groups/workers:ack", &json!({"lease": first["lease"]})).status, 200);
    assert_eq!(events.next().1["value"], 2);
    assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
    // Whoever goes away gives back what is not settled, as a delivery that failed.
    drop(events);
    let mut left = Vec::new();
    for _ in 0..200 {
        if about()["in_flight"] == 0 {
            left = receive(&server, &json!({"max": 9, "wait_ms": 0})).json()["messages"].as_array().expect("messages").clone();
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let seen: Vec<(&Value, &Value)> = left.iter().map(|message| (&message["value"], &message["delivery_count"])).collect();
    assert_eq!(seen, [(&json!(1), &json!(2)), (&json!(2), &json!(2))]);
    assert_eq!(server.get(&format!("{path}&lease_ms=0")).status, 400);
    assert_eq!(server.get("/q/v1/topics/orders/groups/workers/events?credit=0").status, 400);
}

#[test]
fn a_stream_tells_of_leases_that_ran_out() {
    let server = Server::start(Surface::Common);
    put(&server, 1);
    let mut events = server.events("/q/v1/topics/orders/groups/workers/events?credit=1&lease_ms=50");
    let (_, message) = events.next();
    let (name, revoked) = events.next();
    assert_eq!((name.as_str(), &revoked["id"], &revoked["lease"]), ("revoked", &message["id"], &message["lease"]));
    let (name, again) = events.next();
    assert_eq!((name.as_str(), &again["delivery_count"]), ("message", &json!(2)));
}

/// A lease that somebody else ended is told of as well, and one that its worker settled is not.
#[test]
fn a_stream_tells_of_leases_that_a_reset_or_a_deletion_ended() {
    let server = Server::start(Surface::Common);
    put(&server, 2);
    let mut events = server.events("/q/v1/topics/orders/groups/workers/events?lease_ms=600000");
    let (_, first) = events.next();
    assert_eq!(server.post("/q/v1/groups/workers:ack", &json!({"lease": first["lease"]})).status, 200);
    let (name, second) = events.next();
    assert_eq!((name.as_str(), &second["value"]), ("message", &json!(1)), "nothing was taken away");
    assert_eq!(server.post("/q/v1/topics/orders/groups/workers:reset", &json!({"to": "latest"})).status, 200);
    let (name, told) = events.next();
    assert_eq!((name.as_str(), &told["id"]), ("revoked", &second["id"]), "{told}");
    assert!(told["reason"].as_str().is_some_and(|why| why.contains("reset")), "{told}");
    put(&server, 1);
    let (name, third) = events.next();
    assert_eq!(name, "message", "{third}");
    assert_eq!(server.delete("/q/v1/groups/workers").status, 204);
    let (name, told) = events.next();
    assert_eq!((name.as_str(), &told["id"]), ("revoked", &third["id"]), "{told}");
}

#[test]
fn a_group_has_limits_that_fit_and_says_which() {
    let server = Server::start(Surface::Common);
    put(&server, 1);
    let group = "/q/v1/groups/workers";
    let week = 604_800_000;
    let wish = json!({
        "lease_ms": week, "max_deliveries": 1_000, "delay_ms": 60_000, "order": "key", "start": 0, "hold_retention": true,
        "dead_letter": {"topic": "graves", "copy": false},
    });
    assert_eq!(server.put(group, &wish).status, 204);
    let about = server.get(group).json();
    assert_eq!((&about["lease_ms"], &about["max_deliveries"], &about["delay_ms"]), (&json!(week), &json!(1_000), &json!(60_000)));
    assert_eq!((&about["start"], &about["order"], &about["dead_letter"]["copy"]), (&json!(0), &json!("key"), &json!(false)));
    assert_eq!(about["hold_retention"], json!(true));
    for (name, value) in [
        ("lease_ms", json!(999)),
        ("lease_ms", json!(week + 1)),
        ("max_deliveries", json!(0)),
        ("max_deliveries", json!(1_001)),
        ("delay_ms", json!(-1)),
        ("start", json!("sometime")),
        ("order", json!("sometimes")),
    ] {
        let refused = server.put(group, &json!({ name: value }));
        assert_eq!((refused.status, &refused.json()["error_code"]), (422, &json!("invalid_setting")), "{name}: {}", refused.body);
    }
    // A message that failed rests for as long as the group says.
    let taken = receive(&server, &json!({"wait_ms": 0})).json()["messages"][0]["lease"].clone();
    assert_eq!(server.post("/q/v1/groups/workers:release", &json!({"lease": taken})).status, 200);
    let nothing = receive(&server, &json!({"wait_ms": 0}));
    assert_eq!((nothing.status, nothing.header("queue-state")), (204, Some("delayed")));
    assert_eq!(server.get("/q/v1/groups/nobody").status, 404);
}

#[test]
fn a_paused_group_is_handed_out_nothing() {
    let server = Server::start(Surface::Common);
    put(&server, 1);
    assert_eq!(server.post("/q/v1/groups/workers:pause", &json!({})).status, 204);
    let nothing = receive(&server, &json!({"wait_ms": 0}));
    assert_eq!((nothing.status, nothing.header("queue-state"), nothing.header("queue-depth")), (204, Some("paused"), Some("1")));
    // Who waits is woken when it goes on.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| receive(&server, &json!({"wait_ms": 20_000})));
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert_eq!(server.post("/q/v1/groups/workers:resume", &json!({})).status, 204);
        assert_eq!(waiting.join().expect("an answer").status, 200);
    });
}

#[test]
fn groups_are_listed_with_what_they_have_done() {
    let server = Server::start(Surface::Common);
    put(&server, 2);
    let lease = receive(&server, &json!({"wait_ms": 0})).json()["messages"][0]["lease"].as_str().expect("a lease").to_owned();
    // The lease alone is enough: it says whose it is.
    let extended = server.post(&format!("/q/v1/leases/{lease}:extend"), &json!({"lease_ms": 60_000})).json();
    let lease = extended["new_lease"].as_str().expect("a new one").to_owned();
    assert_eq!(server.post(&format!("/q/v1/leases/{lease}:ack"), &json!({})).status, 200);
    assert_eq!(server.post("/q/v1/leases/nonsense:ack", &json!({})).status, 400);
    let groups = server.get("/q/v1/groups").json();
    assert_eq!((&groups["groups"][0]["group"], &groups["groups"][0]["topics"]), (&json!("workers"), &json!(["orders"])));
    let standing = server.get("/q/v1/topics/orders/groups").json()["groups"][0].clone();
    assert_eq!((&standing["acknowledged"], &standing["waiting"], &standing["depth"]), (&json!(1), &json!(1), &json!(1)));
}

#[test]
fn dead_letters_are_shown_before_they_go_back() {
    let server = Server::start(Surface::Common);
    put(&server, 2);
    server.put("/q/v1/groups/workers", &json!({"dead_letter": {"copy": false}}));
    for _ in 0..2 {
        let lease = receive(&server, &json!({"wait_ms": 0})).json()["messages"][0]["lease"].clone();
        server.post("/q/v1/groups/workers:reject", &json!({"lease": lease, "reason": "why not"}));
    }
    let dead = || server.get("/q/v1/topics/orders/groups/workers/dead").json();
    for _ in 0..500 {
        if dead()["letters"].as_array().map_or(0, Vec::len) == 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let letters = dead();
    let letter = &letters["letters"][0];
    assert_eq!(
        (&letter["from"], &letter["reason"], &letter["message"]),
        (&json!("orders/0/0"), &json!("rejected"), &json!("why not"))
    );
    assert_eq!(letter["letter"]["value"], Value::Null, "only where it lies was kept");
    let redrive = |body: Value| server.post("/q/v1/topics/orders/groups/workers:redrive", &body).json();
    assert_eq!(redrive(json!({"dry_run": true})), json!({"would_redrive": 2}));
    assert_eq!(redrive(json!({"max": 1})), json!({"redriven": 1}));
    assert_eq!(dead()["letters"].as_array().map(Vec::len), Some(1), "one went back");
    assert_eq!(values(&server), [json!(0)], "whole, from where it lay");
}

#[test]
fn what_a_group_is_asked_is_asked_of_all_its_topics() {
    let server = Server::start(Surface::Common);
    for topic in ["orders", "returns"] {
        let sent = server.post(&format!("/q/v1/topics/{topic}/messages"), &json!([{"value": 1}, {"value": 2}]));
        assert_eq!(sent.status, 201, "{}", sent.body);
        let taken = server.post(&format!("/q/v1/topics/{topic}/groups/all:receive"), &json!({"wait_ms": 0, "max": 2})).json();
        server.post("/q/v1/groups/all:reject", &json!({"lease": taken["messages"][0]["lease"]}));
    }
    let leases = server.get("/q/v1/groups/all/leases").json();
    let held: Vec<_> = leases["leases"].as_array().unwrap().iter().map(|held| (&held["topic"], &held["first"])).collect();
    assert_eq!(held, [(&json!("orders"), &json!(1)), (&json!("returns"), &json!(1))]);
    let dead = server.get("/q/v1/groups/all/dead").json();
    assert_eq!(
        (&dead["topics"][1]["topic"], &dead["topics"][1]["letters"][0]["from"]),
        (&json!("returns"), &json!("returns/0/0"))
    );
    let redrive = |body: Value| server.post("/q/v1/groups/all:redrive", &body).json();
    assert_eq!(redrive(json!({"dry_run": true}))["would_redrive"], 2);
    assert_eq!(redrive(json!({"max": 1}))["redriven"], 1);
    assert_eq!(redrive(json!({}))["topics"], json!([{"topic": "orders", "redriven": 0}, {"topic": "returns", "redriven": 1}]));
    let begun = server.post("/q/v1/groups/all:reset", &json!({"to": "earliest"})).json();
    assert_eq!(begun["topics"][1], json!({"topic": "returns", "starts": [{"partition": 0, "offset": 0}]}));
    assert_eq!(server.post("/q/v1/groups/nobody:reset", &json!({"to": "earliest"})).status, 404);
}

#[test]
fn a_lease_outlives_one_change_of_the_secret_and_not_two() {
    let server = Server::start(Surface::Common);
    put(&server, 2);
    assert_eq!(server.post("/q/v1/groups/workers:rotate", &Value::Null).status, 404, "it has not begun");
    let lease = || receive(&server, &json!({"wait_ms": 0})).json()["messages"][0]["lease"].clone();
    let rotate = || assert_eq!(server.post("/q/v1/groups/workers:rotate", &Value::Null).status, 204);
    let (first, second) = (lease(), lease());
    rotate();
    let extended = server.post("/q/v1/groups/workers:extend", &json!({"lease": first, "lease_ms": 60_000})).json();
    rotate();
    let settle = |lease: &Value| {
        server.post("/q/v1/groups/workers:settle", &json!({"ack": [lease]})).json()["results"][0]["status"].clone()
    };
    assert_eq!((settle(&extended["new_lease"]), settle(&second)), (json!("ok"), json!("invalid")));
}

#[test]
fn a_group_that_is_deleted_takes_its_settings_with_it() {
    let server = Server::start(Surface::Common);
    let put = || server.put("/q/v1/groups/workers", &json!({"max_deliveries": 3}));
    assert_eq!((put().status, server.delete("/q/v1/groups/workers").status), (204, 204), "one that never began");
    assert_eq!((server.get("/q/v1/groups/workers").status, server.delete("/q/v1/groups/workers").status), (404, 404));
    put();
    server.post("/q/v1/topics/orders/messages", &json!({"value": 1}));
    server.post("/q/v1/topics/orders/groups/workers:receive", &json!({"wait_ms": 0}));
    assert_eq!(server.get("/q/v1/groups/workers").json()["max_deliveries"], 3);
    assert_eq!(server.delete("/q/v1/groups/workers").status, 204);
    server.post("/q/v1/topics/orders/groups/workers:receive", &json!({"wait_ms": 0}));
    assert_eq!(server.get("/q/v1/groups/workers").json()["max_deliveries"], 5, "it begins as any other");
}

#[test]
fn the_openapi_page_describes_routes_that_are_there() {
    let server = Server::start(Surface::Common);
    let page = server.get("/openapi/queue.json");
    assert_eq!((page.status, page.header("content-type")), (200, Some("application/json")));
    let page = page.json();
    let mut asked = 0;
    for (path, operations) in page["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            // Putting a message in makes the topic; the others ask about one that is not there.
            let topic = if path.ends_with("{topic}/messages") { "made" } else { "none" };
            let path =
                path.replace("{topic}", topic).replace("{group}", "g").replace("{lease}", "AA").replace("{partition}", "0");
            let reply = server.send(&method.to_uppercase(), &path, &[], b"{}");
            let code = reply.body.parse::<Value>().unwrap_or_default()["error_code"].clone();
            assert!(code != "not_found" && code != "method_not_allowed", "{method} {path} is not there: {}", reply.body);
            assert!(
                operation["responses"].get(reply.status.to_string()).is_some(),
                "{method} {path}: {} is not described",
                reply.status
            );
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked} operations");
}

/// What is given counts as it is, not as it lies packed in the log; what does not fit is free again and was not delivered.
#[test]
fn an_answer_is_bounded_by_what_its_messages_unpack_to() {
    let server = Server::start(Surface::Common);
    let topic = json!({"topic_name": "orders", "configs": [{"name": "compression.type", "value": "zstd"}]});
    assert_eq!(server.post(&format!("{}/topics", server.cluster()), &topic).status, 201);
    let large = "x".repeat(900_000);
    for n in 0..40 {
        assert_eq!(server.post(MESSAGES, &json!({"key": n.to_string(), "value": large})).status, 201);
    }
    let looked = server.get("/q/v1/topics/orders/partitions/0/messages?max=100");
    assert!(looked.body.len() < 17 << 20, "{}", looked.body.len());
    let next = looked.json()["next_offset"].as_i64().expect("where to go on");
    assert_eq!(next as usize, looked.json()["messages"].as_array().expect("messages").len());
    assert!((10..20).contains(&next), "{next}");
    let mut seen = Vec::new();
    while seen.len() < 40 {
        let reply = receive(&server, &json!({"max": 40, "wait_ms": 0}));
        assert_eq!(reply.status, 200, "after {seen:?}");
        assert!(reply.body.len() < 17 << 20, "{}", reply.body.len());
        for message in reply.json()["messages"].as_array().expect("messages") {
            assert_eq!(message["delivery_count"], 1, "what did not fit did not count");
            seen.push(message["key"].as_str().expect("a key").parse::<usize>().expect("a number"));
        }
    }
    assert_eq!(seen, (0..40).collect::<Vec<_>>());
}

/// Whoever looks while a message of a key is held must not be given the next one when the first is free again.
#[test]
fn one_key_is_in_order_among_many_hands() {
    let server = Server::start(Surface::Common);
    assert_eq!(server.put("/q/v1/groups/workers", &json!({"order": "key", "max_deliveries": 1000})).status, 204);
    let count: i64 = 120;
    let messages: Vec<Value> = (0..count).map(|n| json!({"key": "k", "value": n})).collect();
    assert_eq!(server.post(MESSAGES, &Value::Array(messages)).status, 201);
    let done = std::sync::Mutex::new(Vec::new());
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        while (done.lock().expect("no panic").len() as i64) < count {
            let reply = receive(&server, &json!({"wait_ms": 50}));
            if reply.status != 200 {
                continue;
            }
            let message = reply.json()["messages"][0].clone();
            let number = message["value"].as_i64().expect("a number");
            // One key: whoever holds a message holds the only one, so that this is what is done so far.
            assert_eq!(number, done.lock().expect("no panic").len() as i64, "no message overtakes another of its key");
            let nth = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let verb = if nth.is_multiple_of(3) { "ack" } else { "release" };
            if verb == "ack" {
                done.lock().expect("no panic").push(number);
            }
            let settled = server.post("/q/v1/groups/workers:settle", &json!({verb: [message["lease"]]}));
            assert_eq!(settled.status, 200, "{}", settled.body);
        }
    };
    std::thread::scope(|scope| (0..12).for_each(|_| drop(scope.spawn(work))));
    assert_eq!(*done.lock().expect("no panic"), (0..count).collect::<Vec<_>>());
}

#[test]
fn a_busy_key_does_not_hide_another() {
    let server = Server::start(Surface::Common);
    assert_eq!(server.put("/q/v1/groups/workers", &json!({"order": "key"})).status, 204);
    let filler = "x".repeat(10_000);
    for _ in 0..10 {
        let messages: Vec<Value> = (0..100).map(|_| json!({"key": "busy", "value": filler})).collect();
        assert_eq!(server.post(MESSAGES, &Value::Array(messages)).status, 201);
    }
    assert_eq!(server.post(MESSAGES, &json!({"key": "other", "value": 1})).status, 201);
    assert_eq!(receive(&server, &json!({"wait_ms": 0})).json()["messages"][0]["key"], "busy");
    let next = receive(&server, &json!({"wait_ms": 0, "max_bytes": 1}));
    assert_eq!((next.status, &next.json()["messages"][0]["key"]), (200, &json!("other")), "{}", next.body);
}

#[test]
fn a_stream_signs_with_the_secret_of_the_day() {
    let server = Server::start(Surface::Common);
    put(&server, 1);
    let mut events = server.events("/q/v1/topics/orders/groups/workers/events?credit=5");
    let lease = |(name, data): (String, Value)| {
        assert_eq!(name, "message");
        data["lease"].clone()
    };
    let first = lease(events.next());
    for _ in 0..2 {
        assert!(server.post("/q/v1/groups/workers:rotate", &json!({})).status < 300);
    }
    put(&server, 1);
    let second = lease(events.next());
    let settled = server.post("/q/v1/groups/workers:settle", &json!({"ack": [second]}));
    assert_eq!(settled.status, 200, "{}", settled.body);
    let settled = server.post("/q/v1/groups/workers:settle", &json!({"ack": [first]}));
    assert_eq!(settled.json()["results"][0]["status"], "invalid", "two secrets ago");
}

#[test]
fn a_time_before_all_times_is_only_a_time() {
    let server = Server::start(Surface::Common);
    let old = server.post(MESSAGES, &json!({"value": 1, "timestamp": i64::MIN}));
    if old.status == 201 {
        receive(&server, &json!({"wait_ms": 0}));
        assert_eq!(server.get("/q/v1/topics/orders/groups/workers").status, 200);
    }
}

/// Two deliveries of one message, of which the first is over, are told apart in one call.
#[test]
fn an_old_lease_takes_nothing_from_a_new_one_beside_it() {
    let server = Server::start(Surface::Common);
    put(&server, 1);
    let old = receive(&server, &json!({"wait_ms": 0})).json()["messages"][0]["lease"].clone();
    assert_eq!(server.post("/q/v1/groups/workers:settle", &json!({"release": [old]})).status, 200);
    let new = receive(&server, &json!({"wait_ms": 0})).json()["messages"][0]["lease"].clone();
    let settled = server.post("/q/v1/groups/workers:settle", &json!({"ack": [old, new]})).json();
    assert_eq!(
        (&settled["results"][0]["status"], &settled["results"][1]["status"]),
        (&json!("lease_lost"), &json!("ok")),
        "{settled}"
    );
    assert_eq!(receive(&server, &json!({"wait_ms": 0})).header("queue-state"), Some("empty"));
}

#[test]
fn max_bytes_bounds_an_answer_of_many_partitions_too() {
    let server = Server::start(Surface::Common);
    let many = json!({"topic_name": "orders", "partitions_count": 8});
    assert_eq!(server.post(&format!("{}/topics", server.cluster()), &many).status, 201);
    let messages: Vec<Value> = (0..100).map(|_| json!({"value": "x".repeat(1_000)})).collect();
    assert_eq!(server.post(MESSAGES, &Value::Array(messages)).status, 201);
    let reply = receive(&server, &json!({"wait_ms": 0, "max": 100, "max_bytes": 10_000}));
    let some = reply.json()["messages"].as_array().expect("messages").len();
    assert!((1..=10).contains(&some), "{some}");
    assert_eq!(receive(&server, &json!({"wait_ms": 0, "max_bytes": 1})).json()["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(receive(&server, &json!({"wait_ms": 0, "max_bytes": 0})).status, 400);
    let rest = values(&server).len();
    assert_eq!(some + 1 + rest, 100, "what an answer has no room for is free");
}

/// A stream looks again only when it is woken.
#[test]
fn who_waits_hears_of_new_partitions() {
    let server = Server::start(Surface::Common);
    put(&server, 1);
    let mut events = server.events("/q/v1/topics/orders/groups/workers/events?credit=5");
    assert_eq!(events.next().1["value"], 0);
    let grow = json!({"partitions_count": 3}).to_string();
    let kind = [("Content-Type", "application/json")];
    let grown = server.send("PATCH", &format!("{}/topics/orders", server.cluster()), &kind, grow.as_bytes());
    assert_eq!(grown.status, 200, "{}", grown.body);
    assert_eq!(server.post(MESSAGES, &json!({"value": "new", "partition": 2})).status, 201);
    let told = std::iter::repeat_with(|| events.next()).find(|(name, _)| name == "message").expect("there is no end");
    assert_eq!(told.1["value"], "new");
}

/// Who waited for messages begins the group again; by the settings that it had, it would begin at the end.
#[test]
fn a_group_that_is_deleted_under_a_waiting_worker_begins_as_any_other() {
    let server = Server::start(Surface::Common);
    put(&server, 3);
    assert_eq!(server.put("/q/v1/groups/workers", &json!({"start": "latest"})).status, 204);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| receive(&server, &json!({"wait_ms": 1_000})));
        while server.get("/q/v1/groups/workers").json()["topics"].as_array().is_none_or(Vec::is_empty) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(server.send("DELETE", "/q/v1/groups/workers", &[], b"").status, 204);
        let waited = waits.join().expect("no panic");
        let first = if waited.status == 200 { waited } else { receive(&server, &json!({"wait_ms": 0})) };
        assert_eq!((first.status, &first.json()["messages"][0]["value"]), (200, &json!(0)), "{}", first.body);
    });
}
