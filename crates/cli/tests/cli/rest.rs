//! The REST proxy as its clients meet it. The causes for which messages were lost with the one that people know are named
//! tests here.

use serde_json::{Value, json};

use crate::{
    http::{Answer, ask},
    server::Server,
};

const V2: &str = "application/vnd.kafka.v2+json";
const JSON: &str = "application/vnd.kafka.json.v2+json";
const BINARY: &str = "application/vnd.kafka.binary.v2+json";

impl Server {
    pub(crate) fn rest(&self) -> &str {
        self.ready["rest"].as_str().unwrap()
    }
    fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(self.rest(), method, path, &[("Content-Type", V2)], body.as_bytes())
    }
    fn done(&self, method: &str, path: &str, body: Value) {
        let answer = self.call(method, path, body);
        assert!(matches!(answer.status, 200 | 204), "{method} {path}: {answer:?}");
    }
    fn produce(&self, topic: &str, values: &[Value]) -> Value {
        let records: Vec<Value> = values.iter().map(|value| json!({"value": value})).collect();
        let body = json!({"records": records}).to_string();
        let answer = ask(self.rest(), "POST", &format!("/topics/{topic}"), &[("Content-Type", JSON)], body.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
    /// An instance that reads JSON from the beginning and commits when it is told to.
    fn reader(&self, group: &str, name: &str, topic: &str) {
        let settings = json!({"name": name, "format": "json", "auto.offset.reset": "earliest", "auto.commit.enable": "false"});
        self.done("POST", &format!("/consumers/{group}"), settings);
        self.done("POST", &format!("/consumers/{group}/instances/{name}/subscription"), json!({"topics": [topic]}));
    }
    fn records(&self, group: &str, name: &str, query: &str) -> Answer {
        let path = format!("/consumers/{group}/instances/{name}/records{query}");
        ask(self.rest(), "GET", &path, &[("Accept", JSON)], b"")
    }
    fn values(&self, group: &str, name: &str, query: &str) -> Vec<Value> {
        let answer = self.records(group, name, query);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json().as_array().unwrap().iter().map(|record| record["value"].clone()).collect()
    }
    fn committed(&self, group: &str, name: &str, topic: &str) -> Option<i64> {
        let asked = json!({"partitions": [{"topic": topic, "partition": 0}]});
        let answer = self.call("GET", &format!("/consumers/{group}/instances/{name}/offsets"), asked);
        answer.json()["offsets"][0]["offset"].as_i64()
    }
    fn commit(&self, group: &str, name: &str) {
        self.done("POST", &format!("/consumers/{group}/instances/{name}/offsets"), Value::Null);
    }
}

#[test]
fn topics_are_looked_at() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(1)]);
    assert_eq!(server.call("GET", "/topics", Value::Null).json(), json!(["t"]));
    let topic = server.call("GET", "/topics/t", Value::Null).json();
    assert_eq!(topic["configs"]["cleanup.policy"], "delete");
    let partition = json!({"partition": 0, "leader": 1, "replicas": [{"broker": 1, "leader": true, "in_sync": true}]});
    assert_eq!(topic["partitions"], json!([partition]));
    assert_eq!(server.call("GET", "/topics/t/partitions/0", Value::Null).json(), partition);
    let offsets = server.call("GET", "/topics/t/partitions/0/offsets", Value::Null);
    assert_eq!(offsets.json(), json!({"beginning_offset": 0, "end_offset": 1}));
    assert_eq!(offsets.header("content-type"), Some(V2));
    assert_eq!(server.call("GET", "/brokers", Value::Null).json(), json!({"brokers": [1]}));
    let document = server.call("GET", "/openapi/rest.json", Value::Null).json();
    assert!(document["paths"]["/topics/{topic}"]["post"].is_object(), "{document}");
    assert_eq!(server.call("GET", "/openapi/other.json", Value::Null).status, 404);
    // The HTTP door serves the same.
    let http = server.ready["http"].as_str().unwrap().to_owned();
    assert_eq!(ask(&http, "GET", "/topics", &[], b"").json(), json!(["t"]));
}

#[test]
fn mistakes_have_the_numbers_that_clients_compare() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(1)]);
    let code = |answer: Answer| (answer.status, answer.json()["error_code"].as_u64().unwrap());
    let call = |method: &str, path: &str, body: Value| code(server.call(method, path, body));
    assert_eq!(call("GET", "/topics/none", Value::Null), (404, 40401));
    assert_eq!(call("GET", "/topics/t/partitions/9", Value::Null), (404, 40402));
    assert_eq!(call("POST", "/topics/t/partitions/9", json!({"records": [{"value": null}]})), (404, 40402));
    assert_eq!(call("POST", "/topics/t", json!({"records": []})), (422, 422));
    assert_eq!(call("POST", "/topics/t", json!({"records": [{"value": "not base64!"}]})), (422, 42206));
    assert_eq!(call("POST", "/topics/t", json!({"recrods": []})), (422, 422));
    assert_eq!(call("GET", "/consumers/g/instances/none/records", Value::Null), (404, 40403));
    assert_eq!(call("POST", "/consumers/g", json!({"name": "i", "surprise": 1})), (422, 422));
    assert_eq!(call("POST", "/consumers/g", json!({"format": "xml"})), (422, 42204));
    assert_eq!(call("PUT", "/topics/t", Value::Null), (405, 405));
    assert_eq!(call("GET", "/consumers/g/what", Value::Null), (404, 404));
    server.reader("g", "i", "t");
    assert_eq!(call("POST", "/consumers/g", json!({"name": "i"})), (409, 40902));
    let assign = json!({"partitions": [{"topic": "t", "partition": 0}]});
    assert_eq!(call("POST", "/consumers/g/instances/i/assignments", assign), (409, 40903));
    let seek = json!({"offsets": [{"topic": "other", "partition": 0, "offset": 0}]});
    assert_eq!(call("POST", "/consumers/g/instances/i/positions", seek), (409, 40903));
    let wrong = ask(server.rest(), "GET", "/consumers/g/instances/i/records", &[("Accept", BINARY)], b"");
    assert_eq!(code(wrong), (406, 40601));
    let text = ask(server.rest(), "POST", "/topics/t", &[("Content-Type", "text/plain")], b"{}");
    assert_eq!(code(text), (415, 415));
    assert_eq!(code(ask(server.rest(), "POST", "/topics/t", &[("Content-Type", JSON)], b"{\"records\": [")), (400, 400));
    let avro = [("Content-Type", "application/vnd.kafka.avro.v2+json")];
    assert_eq!(code(ask(server.rest(), "POST", "/topics/t", &avro, b"{\"records\":[{\"value\":1}]}")), (422, 42202));
}

#[test]
fn keys_choose_partitions_and_bytes_come_back_as_they_went() {
    let server = Server::ephemeral();
    server.out(&["topic", "create", "t", "--partitions", "3"], b"");
    let body =
        json!({"records": [{"key": "a2V5", "value": "/wAB"}, {"value": null, "partition": 2}, {"key": "a2V5", "value": ""}]});
    let answer = ask(server.rest(), "POST", "/topics/t", &[("Content-Type", BINARY)], body.to_string().as_bytes()).json();
    let offsets = answer["offsets"].as_array().unwrap();
    // As kafka-clients has it: murmur2("key") modulo 3.
    let place = |n: usize| (offsets[n]["partition"].as_i64(), offsets[n]["offset"].as_i64());
    assert_eq!((place(0).0, place(2).0), (place(2).0, place(0).0));
    assert_eq!(offsets[1], json!({"partition": 2, "offset": place(1).1, "error_code": null, "error": null}));
    server.done("POST", "/consumers/g", json!({"name": "i", "auto.offset.reset": "earliest"}));
    server.done("POST", "/consumers/g/instances/i/subscription", json!({"topic_pattern": "t.*"}));
    let read = ask(server.rest(), "GET", "/consumers/g/instances/i/records", &[("Accept", BINARY)], b"").json();
    let mut read: Vec<Value> = read.as_array().unwrap().iter().map(|r| json!([r["key"], r["value"]])).collect();
    read.sort_by_key(ToString::to_string);
    assert_eq!(json!(read), json!([["a2V5", ""], ["a2V5", "/wAB"], [null, null]]));
}

#[test]
fn cause_1_and_2_the_first_fetch_has_what_is_there_and_does_not_wait_for_more() {
    let server = Server::ephemeral();
    server.produce("t", &[json!({"n": 1})]);
    server.reader("g", "i", "t");
    // If it waited for more, this test would be cut short.
    let answer = server.records("g", "i", "?timeout=30000");
    assert_eq!(answer.json(), json!([{"topic": "t", "key": null, "value": {"n": 1}, "partition": 0, "offset": 0}]));
    let empty = server.records("g", "i", "?timeout=1");
    assert_eq!((empty.json(), empty.header("why-empty")), (json!([]), Some("end-reached")));
}

#[test]
fn a_fetch_that_waits_is_woken_by_what_comes() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(0)]);
    server.reader("g", "i", "t");
    assert_eq!(server.values("g", "i", ""), [json!(0)]);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| server.values("g", "i", "?timeout=30000"));
        server.produce("t", &[json!(1)]);
        assert_eq!(waits.join().unwrap(), [json!(1)]);
    });
}

#[test]
fn cause_3_a_record_larger_than_the_limit_is_given() {
    let server = Server::ephemeral();
    let large = json!("x".repeat(10_000));
    server.produce("t", &[large.clone(), json!(2)]);
    server.reader("g", "i", "t");
    assert_eq!(server.values("g", "i", "?max_bytes=1"), [large]);
    assert_eq!(server.values("g", "i", "?max_bytes=1"), [json!(2)]);
}

#[test]
fn cause_4_and_5_one_message_can_be_taken_and_only_what_was_delivered_is_committed() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(0), json!(1), json!(2)]);
    server.reader("g", "i", "t");
    assert_eq!(server.values("g", "i", "?max_records=1"), [json!(0)]);
    assert_eq!(server.committed("g", "i", "t"), None);
    server.commit("g", "i");
    assert_eq!(server.committed("g", "i", "t"), Some(1));
    let settings = json!({"name": "j", "format": "json", "auto.offset.reset": "earliest", "max.poll.records": 2});
    server.done("POST", "/consumers/h", settings);
    server.done("POST", "/consumers/h/instances/j/subscription", json!({"topics": ["t"]}));
    assert_eq!(server.values("h", "j", ""), [json!(0), json!(1)]);
}

#[test]
fn cause_6_and_8_a_commit_that_was_answered_and_an_instance_outlive_kill_9_between_any_two_calls() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::on(dir.path());
    let again = |server: Server| {
        server.kill();
        Server::on(dir.path())
    };
    server.produce("t", &[json!(0), json!(1), json!(2)]);
    server.reader("g", "i", "t");
    server = again(server);
    assert_eq!(server.values("g", "i", "?max_records=1"), [json!(0)]);
    server = again(server);
    server.commit("g", "i");
    server = again(server);
    assert_eq!(server.committed("g", "i", "t"), Some(1));
    assert_eq!(server.values("g", "i", "?max_records=1"), [json!(1)]);
    server = again(server);
    // What was delivered stays delivered.
    assert_eq!(server.values("g", "i", ""), [json!(2)]);
    server.done("DELETE", "/consumers/g/instances/i", Value::Null);
    server = again(server);
    assert_eq!(server.records("g", "i", "").status, 404);
}

#[test]
fn cause_7_an_answer_that_was_lost_can_be_had_again() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(0), json!(1), json!(2)]);
    server.reader("g", "i", "t");
    let path = "/consumers/g/instances/i/records?max_records=1";
    let fetch = |id: &str| ask(server.rest(), "GET", path, &[("Accept", JSON), ("Fetch-Id", id)], b"");
    let first = fetch("one");
    assert_eq!((first.header("fetch-id"), &first.body), (Some("one"), &fetch("one").body));
    assert_ne!(fetch("two").body, first.body);
    // Everything that was not committed, again.
    assert_eq!(server.values("g", "i", "?redeliver=true"), [json!(0), json!(1), json!(2)]);
    server.commit("g", "i");
    assert_eq!(server.values("g", "i", "?redeliver=true&timeout=1"), Vec::<Value>::new());
}

#[test]
fn cause_9_a_record_that_cannot_be_decoded_holds_nobody_up() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(0)]);
    server.out(&["produce", "t", "--whole"], b"{not json");
    server.produce("t", &[json!(2)]);
    server.reader("g", "i", "t");
    let records = server.records("g", "i", "").json();
    assert_eq!(records[0]["value"], 0);
    assert_eq!(
        (&records[1]["value"], &records[1]["error"]),
        (&json!("e25vdCBqc29u"), &json!("the value is not JSON and is given as base64"))
    );
    assert_eq!(records[2]["value"], 2);
}

#[test]
fn cause_10_a_seek_counts_at_once() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(0), json!(1), json!(2)]);
    server.reader("g", "i", "t");
    assert_eq!(server.values("g", "i", "").len(), 3);
    let to = |offset: i64| json!({"offsets": [{"topic": "t", "partition": 0, "offset": offset}]});
    server.done("POST", "/consumers/g/instances/i/positions", to(1));
    assert_eq!(server.values("g", "i", ""), [json!(1), json!(2)]);
    let all = json!({"partitions": [{"topic": "t", "partition": 0}]});
    server.done("POST", "/consumers/g/instances/i/positions/beginning", all.clone());
    assert_eq!(server.values("g", "i", "").len(), 3);
    server.done("POST", "/consumers/g/instances/i/positions/end", all);
    server.produce("t", &[json!(3)]);
    assert_eq!(server.values("g", "i", ""), [json!(3)]);
}

#[test]
fn cause_11_what_was_removed_unread_is_said_and_nothing_is_jumped_over() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(0), json!(1), json!(2), json!(3)]);
    server.reader("g", "i", "t");
    assert_eq!(server.values("g", "i", "?max_records=1"), [json!(0)]);
    server.out(&["topic", "trim", "t", "--before", "3", "--yes"], b"");
    let answer = server.records("g", "i", "");
    assert_eq!(answer.header("x-data-loss"), Some("t-0:1-2"));
    assert_eq!(answer.json()[0]["value"], 3);
    // It is told once, to whoever asked first.
    assert_eq!(server.records("g", "i", "?timeout=1").header("x-data-loss"), None);
    let settings = json!({"name": "careful", "format": "json", "auto.offset.reset": "none"});
    server.done("POST", "/consumers/h", settings);
    server.done("POST", "/consumers/h/instances/careful/subscription", json!({"topics": ["t"]}));
    server.done(
        "POST",
        "/consumers/h/instances/careful/offsets",
        json!({"offsets": [{"topic": "t", "partition": 0, "offset": 0}]}),
    );
    assert_eq!(server.records("h", "careful", "").status, 410);
}

#[test]
fn latest_means_the_moment_of_the_subscription_and_not_of_the_first_fetch() {
    let server = Server::ephemeral();
    server.produce("t", &[json!("before")]);
    server.done("POST", "/consumers/g", json!({"name": "i", "format": "json"}));
    server.done("POST", "/consumers/g/instances/i/subscription", json!({"topics": ["t"]}));
    server.produce("t", &[json!("after")]);
    assert_eq!(server.values("g", "i", ""), [json!("after")]);
}

#[test]
fn fetches_that_commit_by_themselves_commit_what_the_one_before_delivered() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(0), json!(1)]);
    let settings = json!({"name": "i", "format": "json", "auto.offset.reset": "earliest", "auto.commit.enable": true});
    server.done("POST", "/consumers/g", settings);
    server.done("POST", "/consumers/g/instances/i/subscription", json!({"topics": ["t"]}));
    assert_eq!(server.values("g", "i", "?max_records=1"), [json!(0)]);
    assert_eq!(server.committed("g", "i", "t"), None);
    assert_eq!(server.values("g", "i", "?max_records=1"), [json!(1)]);
    assert_eq!(server.committed("g", "i", "t"), Some(1));
}

#[test]
fn instances_of_a_group_share_partitions_and_those_of_two_groups_do_not() {
    let server = Server::ephemeral();
    server.out(&["topic", "create", "t", "--partitions", "4"], b"");
    server.reader("g", "a", "t");
    server.reader("g", "b", "t");
    server.reader("h", "a", "t");
    let assigned = |group: &str, name: &str| {
        let answer = server.call("GET", &format!("/consumers/{group}/instances/{name}/assignments"), Value::Null).json();
        answer["partitions"].as_array().unwrap().iter().map(|p| p["partition"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((assigned("g", "a"), assigned("g", "b")), (vec![0, 2], vec![1, 3]));
    assert_eq!(assigned("h", "a"), [0, 1, 2, 3]);
    server.done("DELETE", "/consumers/g/instances/a", Value::Null);
    assert_eq!(assigned("g", "b"), [0, 1, 2, 3]);
}

#[test]
fn v3_administers() {
    let server = Server::ephemeral();
    let cluster = server.call("GET", "/v3/clusters", Value::Null).json()["data"][0].clone();
    let at = format!("/v3/clusters/{}", cluster["cluster_id"].as_str().unwrap());
    let call = |method: &str, path: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = ask(server.rest(), method, &format!("{at}{path}"), &[("Content-Type", "application/json")], body.as_bytes());
        (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
    };
    let create = json!({"topic_name": "t", "partitions_count": 2, "configs": [{"name": "retention.ms", "value": "1000"}]});
    let (status, topic) = call("POST", "/topics", create.clone());
    assert_eq!((status, &topic["partitions_count"], &topic["kind"]), (201, &json!(2), &json!("KafkaTopic")));
    assert_eq!(call("POST", "/topics", create).0, 400);
    assert_eq!(call("GET", "/topics/t/configs/retention.ms", Value::Null).1["value"], "1000");
    assert_eq!(call("PUT", "/topics/t/configs/retention.ms", json!({"value": "2000"})).0, 204);
    let alter =
        json!({"data": [{"name": "max.message.bytes", "value": "5000"}, {"name": "retention.ms", "operation": "DELETE"}]});
    assert_eq!(call("POST", "/topics/t/configs:alter", alter).0, 204);
    let config = |name: &str| call("GET", &format!("/topics/t/configs/{name}"), Value::Null).1;
    assert_eq!((&config("retention.ms")["is_default"], &config("max.message.bytes")["value"]), (&json!(true), &json!("5000")));
    assert_eq!(call("PATCH", "/topics/t", json!({"partitions_count": 3})).1["partitions_count"], 3);
    assert_eq!(call("GET", "/topics/t/partitions", Value::Null).1["data"].as_array().unwrap().len(), 3);
    for path in [
        "",
        "/brokers",
        "/brokers/1",
        "/brokers/1/configs",
        "/brokers/-/configs",
        "/brokers/1/partition-replicas",
        "/broker-configs",
        "/topics",
        "/topics/-/configs",
        "/topics/t/partitions/0",
        "/topics/t/partitions/0/replicas",
        "/topics/t/partitions/0/replicas/1",
        "/topics/-/partitions/-/reassignment",
        "/topics/t/partitions/-/reassignment",
        "/topics/t/partitions/0/offset?offset_type=earliest",
        "/consumer-groups",
    ] {
        let (status, body) = call("GET", path, Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        assert_eq!(
            body["metadata"]["self"],
            format!("http://{}{at}{}", server.rest(), path.split('?').next().unwrap()),
            "{path}"
        );
    }
    assert_eq!(call("GET", "/topics/none", Value::Null).1["error_code"], 40403);
    assert_eq!(call("GET", "/acls", Value::Null).1["error_code"], 40002);
    assert_eq!(call("GET", "/brokers/7", Value::Null).0, 404);
    assert_eq!(server.call("GET", "/v3/clusters/other/topics", Value::Null).status, 404);
    assert_eq!(call("PUT", "/broker-configs/log.retention.ms", json!({"value": "70000"})).0, 204);
    assert_eq!(call("GET", "/broker-configs/log.retention.ms", Value::Null).1["value"], "70000");
    assert_eq!(call("DELETE", "/topics/t", Value::Null).0, 204);
    assert_eq!(call("GET", "/topics/t", Value::Null).0, 404);
}

#[test]
fn v3_takes_streams_of_records_and_one_that_is_wrong_stops_none() {
    let server = Server::ephemeral();
    let id = server.call("GET", "/v3/clusters", Value::Null).json()["data"][0]["cluster_id"].as_str().unwrap().to_owned();
    let path = format!("/v3/clusters/{id}/topics/t/records");
    let good = json!({"key": {"type": "STRING", "data": "k"}, "value": {"type": "JSON", "data": {"a": 1}},
        "headers": [{"name": "h", "value": "AQI="}], "timestamp": "2026-01-02T03:04:05Z"});
    let bad = json!({"value": {"type": "BINARY", "data": "!"}});
    let stream = format!("{good} {bad}\n{}", json!({"value": {"type": "STRING", "data": null}}));
    let answer = ask(server.rest(), "POST", &path, &[("Content-Type", "application/json")], stream.as_bytes());
    let told: Vec<Value> = serde_json::Deserializer::from_slice(&answer.body).into_iter().map(Result::unwrap).collect();
    let codes: Vec<_> = told.iter().map(|t| t["error_code"].as_i64().unwrap()).collect();
    assert_eq!((answer.status, codes), (200, vec![200, 400, 200]));
    assert_eq!((&told[0]["offset"], &told[0]["timestamp"]), (&json!(0), &json!("2026-01-02T03:04:05Z")));
    assert_eq!(told[0]["value"], json!({"type": "JSON", "size": 7}));
    assert_eq!(server.out(&["read", "t", "-f", "%k|%s|%h|%o\\n"], b"").lines().count(), 2);
    let entries = json!({"entries": [{"id": "a", "value": {"type": "JSON", "data": 1}}, {"id": "b", "value": {"type": "WHAT"}}]});
    let answer = server.call("POST", &format!("{path}:batch"), entries);
    assert_eq!(answer.status, 207);
    assert_eq!((&answer.json()["successes"][0]["id"], &answer.json()["failures"][0]["id"]), (&json!("a"), &json!("b")));
}

#[test]
fn v3_shows_rest_instances_as_members_and_how_far_behind_the_group_is() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(0), json!(1), json!(2)]);
    server.reader("g", "i", "t");
    server.values("g", "i", "?max_records=1");
    server.commit("g", "i");
    let id = server.call("GET", "/v3/clusters", Value::Null).json()["data"][0]["cluster_id"].as_str().unwrap().to_owned();
    let get = |path: &str| server.call("GET", &format!("/v3/clusters/{id}/consumer-groups{path}"), Value::Null).json();
    assert_eq!((&get("")["data"][0]["consumer_group_id"], &get("/g")["state"]), (&json!("g"), &json!("STABLE")));
    assert_eq!(get("/g/consumers")["data"][0]["consumer_id"], "i");
    assert_eq!(get("/g/consumers/i/assignments")["data"][0]["topic_name"], "t");
    assert_eq!(get("/g/consumers/i/assignments/t/partitions/0")["partition_id"], 0);
    assert_eq!(get("/g/lags/t/partitions/0")["lag"], 2);
    assert_eq!((&get("/g/lag-summary")["total_lag"], &get("/g/lag-summary")["max_lag_consumer_id"]), (&json!(2), &json!("i")));
    assert_eq!(get("/none")["error_code"], 404);
}

#[test]
fn hostile_requests_are_refused_with_words_and_everybody_else_is_served() {
    let server = Server::ephemeral();
    server.produce("t", &[json!(0)]);
    let post = |path: &str, body: &[u8]| {
        let answer = ask(server.rest(), "POST", path, &[("Content-Type", JSON)], body);
        (answer.status, answer.json()["error_code"].as_u64())
    };
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    // Values are bytes to us: deep or large numbers are stored as they are, and read as they are.
    assert_eq!(post("/topics/t", format!("{{\"records\":[{{\"value\":{deep}}},{{\"value\":1e400}}]}}").as_bytes()).0, 200);
    server.reader("g", "i", "t");
    let read = server.records("g", "i", "").body;
    assert!(
        String::from_utf8_lossy(&read).contains(&format!("\"value\":{deep},"))
            && read.ends_with(b"\"value\":1e400,\"partition\":0,\"offset\":2}]")
    );
    for body in [
        deep.clone(),
        format!("{{\"records\":{deep}}}"),
        "{\"records\":[{\"value\":1,\"partition\":1e400}]}".into(),
        "{\"records\":[{\"value\":1}],\"records\":[]}".into(),
        "{\"records\":[{\"value\":\"\\ud800".into(),
        "\u{feff}{}".into(),
        String::new(),
    ] {
        let (status, code) = post("/topics/t", body.as_bytes());
        assert!(matches!(status, 400 | 422) && code.is_some(), "{status} for {:?}", &body[..body.len().min(60)]);
    }
    assert_eq!(post("/topics/t", b"\xff\xfe").0, 400);
    let surrogate =
        ask(server.rest(), "POST", "/topics/t", &[("Content-Type", BINARY)], b"{\"records\":[{\"value\":\"\\ud800\"}]}");
    assert_eq!(surrogate.status, 422);
    assert_eq!(post("/consumers/g", format!("{{\"auto.commit.enable\":{deep}}}").as_bytes()).0, 400);
    assert_eq!(
        post("/consumers/g/instances/i/subscription", br#"{"topic_pattern":"((((((((((a*)*)*){99}){99}){99}){99})))"}"#).0,
        422
    );
    for path in
        ["/topics/%c0%ae%c0%ae", "/topics/%zz", "/topics/..%2f..%2fetc", "/consumers/%00/instances/%00/records", "/topics/t%00"]
    {
        let answer = ask(server.rest(), "GET", path, &[], b"");
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
    // A length and chunks at once are how requests are smuggled.
    let both = [("Transfer-Encoding", "chunked"), ("Content-Type", JSON)];
    let smuggled = ask(server.rest(), "POST", "/topics/t", &both, b"0\r\n\r\nGET /topics HTTP/1.1\r\n\r\n");
    assert!(matches!(smuggled.status, 400 | 422), "{smuggled:?}");
    assert_eq!(server.call("GET", "/topics", Value::Null).json(), json!(["t"]));
}

#[test]
fn a_v3_stream_answers_each_record_while_the_request_goes_on() {
    use std::io::{BufRead, BufReader, Write};
    let server = Server::ephemeral();
    let id = server.call("GET", "/v3/clusters", Value::Null).json()["data"][0]["cluster_id"].as_str().unwrap().to_owned();
    let mut stream = std::net::TcpStream::connect(server.rest()).unwrap();
    write!(stream, "POST /v3/clusters/{id}/topics/t/records HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let mut offsets = Vec::new();
    for (n, end) in ["}}", "}} {\"value\":{\"type\":\"JSON\",\"data\":9}}", "}}"].iter().enumerate() {
        // A record may come in two chunks, and two may come in one.
        for chunk in [format!("{{\"value\":{{\"type\":\"JSON\",\"data\":{n}"), (*end).to_string()] {
            write!(stream, "{:x}\r\n{chunk}\r\n", chunk.len()).unwrap();
        }
        let expected = if n == 1 { 2 } else { 1 };
        let told = answers.by_ref().filter(|line| line.starts_with("{\"error_code\"")).take(expected);
        offsets.extend(told.map(|line| serde_json::from_str::<Value>(&line).unwrap()["offset"].as_i64().unwrap()));
    }
    assert_eq!(offsets, [0, 1, 2, 3]);
    write!(stream, "0\r\n\r\n").unwrap();
    assert_eq!(server.out(&["read", "t", "-f", "%s "], b""), "0 1 9 2 ");
}
