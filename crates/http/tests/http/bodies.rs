//! Bodies of the REST proxy: a field that it does not know is refused, and what the proxy that people know takes is taken.

use milena_http::Surface;
use serde_json::{Value, json};

use crate::server::Server;

fn topic(server: &Server, body: &Value) {
    let made = server.post(&format!("{}/topics", server.cluster()), body);
    assert_eq!(made.status, 201, "{}", made.body);
}

fn end_of(server: &Server, topic: &str) -> i64 {
    server.get(&format!("/topics/{topic}/partitions/0/offsets")).json()["end_offset"].as_i64().expect("an offset")
}

/// Generated clients read them into types, and stop at a field that is not there.
#[test]
fn what_v3_shows_is_shaped_as_the_proxy_does() {
    let server = Server::start(Surface::Common);
    topic(&server, &json!({"topic_name": "t"}));
    let at = server.cluster();
    let record = json!({"value": {"type": "JSON", "data": 1}});
    assert_eq!(server.post(&format!("{at}/topics/t/records"), &record).json()["error_code"], 200);
    let offset = |query: &str| server.get(&format!("{at}/topics/t/partitions/0/offset{query}"));
    for query in ["", "?offset_type=earliest_and_latest"] {
        let told = offset(query).json();
        assert_eq!(told["kind"], "KafkaPartitionWithOffsets", "{told}");
        assert_eq!((&told["earliest_offset"], &told["latest_offset"]), (&json!(0), &json!(1)), "{told}");
    }
    assert_eq!(offset("?offset_type=latest").json()["offset"], 1);
    assert_eq!(offset("?offset_type=middle").code(), (400, 400));
    assert_eq!(server.post("/consumers/g", &json!({"name": "i"})).status, 200);
    let group = server.get(&format!("{at}/consumer-groups/g")).json();
    assert!(group["consumers"]["related"].as_str().is_some_and(|url| url.ends_with("/consumer-groups/g/consumers")), "{group}");
    assert_eq!((&group["type"], &group["is_mixed_consumer_group"]), (&json!("CLASSIC"), &json!(false)));
    let broker = server.get(&format!("{at}/brokers")).json()["data"][0].clone();
    assert_eq!(broker.get("rack"), Some(&Value::Null), "{broker}");
}

/// Clients that are made from it send nothing that it does not allow.
#[test]
fn the_openapi_page_allows_what_the_manual_does() {
    let server = Server::start(Surface::Common);
    let page = server.get("/openapi/rest.json").json();
    let fetch = &page["paths"]["/consumers/{group}/instances/{instance}/records"]["get"]["parameters"];
    let parameter = |name: &str| {
        let found = fetch.as_array().expect("parameters").iter().find(|parameter| parameter["name"] == name);
        found.expect("it is there")["schema"].clone()
    };
    assert_eq!(parameter("timeout").get("maximum"), None, "a fetch may wait");
    assert_eq!(parameter("Fetch-Id")["pattern"], "^[A-Za-z0-9._-]{1,64}$", "run-17-3 is one");
    assert!(page["paths"]["/consumers/{group}/instances/{instance}/offsets"]["get"].is_object());
    let schema = |name: &str| page["components"]["schemas"][name]["properties"].clone();
    let record = schema("ProduceRecord");
    let mut entry = schema("Batch")["entries"]["items"]["properties"].clone();
    assert!(entry.as_object_mut().expect("fields").remove("id").is_some());
    assert_eq!(entry, record, "an entry is a record with an id");
    assert!(schema("CreateTopic")["replicas_assignments"].is_object() && schema("Create")["id"].is_object());
    assert!(schema("Seek")["timestamps"].is_object());
}

/// Clients write out what they leave open, and settings as the numbers that they are.
#[test]
fn a_null_is_nothing_said_and_a_setting_may_be_a_number() {
    let server = Server::start(Surface::Common);
    for (name, field) in [("a", "configs"), ("b", "replicas_assignments"), ("c", "validate_only"), ("d", "partitions_count")] {
        topic(&server, &json!({"topic_name": name, field: null}));
    }
    topic(&server, &json!({"topic_name": "t", "configs": [{"name": "retention.ms", "value": 1000}]}));
    let t = format!("{}/topics/t", server.cluster());
    let value = |name: &str| server.get(&format!("{t}/configs/{name}")).json()["value"].clone();
    assert_eq!(value("retention.ms"), "1000");
    let put = |name: &str, value: Value| {
        server.send("PUT", &format!("{t}/configs/{name}"), &[], json!({"value": value}).to_string().as_bytes()).status
    };
    assert_eq!((put("retention.ms", json!(2000)), put("retention.ms", json!([1]))), (204, 422));
    assert_eq!(value("retention.ms"), "2000");
    let alter = json!({"data": [{"name": "preallocate", "value": true}], "validate_only": null});
    assert_eq!(server.post(&format!("{t}/configs:alter"), &alter).status, 204);
    assert_eq!(value("preallocate"), "true");
    let record =
        json!({"headers": null, "key": null, "value": {"type": "JSON", "data": 1}, "partition_id": null, "timestamp": null});
    assert_eq!(server.post(&format!("{t}/records"), &record).json()["error_code"], 200);
}

/// A body of v2, and a name that was mistyped: each would be a record of nothing, which is a tombstone.
#[test]
fn a_field_that_is_not_known_writes_and_changes_nothing() {
    let server = Server::start(Surface::Common);
    topic(&server, &json!({"topic_name": "t"}));
    let topics = format!("{}/topics", server.cluster());
    for record in [
        json!({"records": [{"value": {"a": 1}}]}),
        json!({"key": {"type": "STRING", "data": "k"}, "val": {"type": "STRING", "data": "v"}}),
        json!({"value": {"type": "STRING", "dat": "v"}}),
        json!({"value": {"type": "STRING", "data": "v"}, "headers": [{"name": "h", "val": "AA=="}]}),
        json!({"id": "1", "value": {"type": "STRING", "data": "v"}}),
    ] {
        let told = server.post(&format!("{topics}/t/records"), &record);
        assert_eq!((told.status, told.json()["error_code"].as_i64()), (200, Some(400)), "{record}: {}", told.body);
        assert!(told.body.contains("Unrecognized field: "), "{}", told.body);
    }
    let batch = json!({"entries": [{"id": "1", "records": []}, {"id": "2", "value": {"type": "JSON", "data": 1}}]});
    let told = server.post(&format!("{topics}/t/records:batch"), &batch);
    let failed = &told.json()["failures"][0];
    assert_eq!((told.status, &failed["id"], &failed["error_code"]), (207, &json!("1"), &json!(422)), "{}", told.body);
    assert_eq!(end_of(&server, "t"), 1, "the other entry is written");
    let refused = [
        ("POST", topics.clone(), json!({"topic_name": "u", "partition_count": 12})),
        ("PATCH", format!("{topics}/t"), json!({"partitions_count": 2, "x": 1})),
        ("PUT", format!("{topics}/t/configs/retention.ms"), json!({"val": "5"})),
        ("POST", format!("{topics}/t/configs:alter"), json!({"data": [{"name": "retention.ms", "val": "5"}]})),
        ("POST", format!("{topics}/t/records:batch"), json!({"entries": [{"id": "1"}], "x": 1})),
        ("POST", "/consumers/g/instances/i/positions".into(), json!({"offsets": [], "x": []})),
        ("POST", "/consumers/g/instances/i/positions/end".into(), json!({"partitions": [{"topic": "t", "part": 0}]})),
    ];
    assert_eq!(server.post("/consumers/g", &json!({"name": "i"})).status, 200);
    for (method, path, body) in refused {
        let told = server.send(method, &path, &[], body.to_string().as_bytes());
        assert_eq!(told.code(), (422, 422), "{method} {path}: {}", told.body);
    }
    assert_eq!(server.get(&format!("{topics}/u")).status, 404);
}

#[test]
fn small_words_mean_what_they_mean_to_the_proxy() {
    let server = Server::start(Surface::Common);
    let made = server.post("/consumers/g", &json!({"id": "ID", "name": "NAME", "auto.offset.reset": "earliest"}));
    assert_eq!(made.json()["instance_id"], "ID");
    for bytes in [json!(-2), json!(10_000_001), json!("10000001")] {
        let refused = server.post("/consumers/g", &json!({"fetch.min.bytes": bytes}));
        assert_eq!(refused.code(), (422, 40001), "{bytes}: {}", refused.body);
    }
    topic(&server, &json!({"topic_name": "t"}));
    let records = format!("{}/topics/t/records", server.cluster());
    let record = |timestamp: &str| json!({"timestamp": timestamp, "value": {"type": "JSON", "data": 1}});
    let old = server.post(&records, &record("1969-12-31T23:59:58Z"));
    assert_eq!(old.json()["error_code"], 400, "{}", old.body);
    for _ in 0..2 {
        assert_eq!(server.post(&records, &record("1970-01-01T00:00:00Z")).json()["error_code"], 200);
    }
    assert_eq!(server.post("/consumers/g/instances/ID/subscription", &json!({"topics": ["t"]})).status, 204);
    let all = server.get("/consumers/g/instances/ID/records?max_bytes=0").json();
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");
    let refused = server.put("/topics/t", &Value::Null);
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, POST")));
    let two = [("Accept", "text/html"), ("Accept", "application/vnd.kafka.v2+json")];
    assert_eq!(server.send("GET", "/topics", &two, b"").status, 200);
    assert_eq!(server.send("GET", "/topics", &[("Accept", "application/json;q=0")], b"").status, 406);
}

/// HTTP/1.0 has no Host, and an address without one leads nowhere.
#[test]
fn who_does_not_say_where_he_is_asking_is_told_this_doors_address() {
    use std::io::{Read, Write};
    let server = Server::start(Surface::Common);
    let ask = |request: &str| {
        let mut stream = server.connect(0);
        let address = stream.peer_addr().expect("connected").to_string();
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        (answer, address)
    };
    let (made, address) = ask("POST /consumers/g HTTP/1.0\r\nContent-Length: 12\r\n\r\n{\"name\":\"x\"}");
    assert!(made.contains(&format!("http://{address}/consumers/g/instances/x")), "{made}");
    let (clusters, address) = ask("GET /v3/clusters HTTP/1.0\r\n\r\n");
    assert!(clusters.contains(&format!("http://{address}/v3/clusters/")), "{clusters}");
}

#[test]
fn a_record_of_which_neither_key_nor_value_can_be_decoded_says_both() {
    let server = Server::start(Surface::Common);
    topic(&server, &json!({"topic_name": "t"}));
    let record = json!({"key": {"type": "STRING", "data": "{"}, "value": {"type": "STRING", "data": "}"}});
    assert_eq!(server.post(&format!("{}/topics/t/records", server.cluster()), &record).json()["error_code"], 200);
    let reader = json!({"name": "i", "format": "json", "auto.offset.reset": "earliest"});
    assert_eq!(server.post("/consumers/g", &reader).status, 200);
    assert_eq!(server.post("/consumers/g/instances/i/subscription", &json!({"topics": ["t"]})).status, 204);
    let error = server.get("/consumers/g/instances/i/records").json()[0]["error"].clone();
    let words = "the key is not JSON and is given as base64; the value is not JSON and is given as base64";
    assert_eq!(error, words);
}
