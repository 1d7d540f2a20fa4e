//! Records by the schemas of the registry over REST: the proxy registers and finds what the registry has, and every form of
//! a record comes back as it went.

use milena_http::Surface;
use serde_json::{Value, json};

use crate::server::{Reply, Server};

const AVRO: &str = "application/vnd.kafka.avro.v2+json";
const JSON_SCHEMA: &str = "application/vnd.kafka.jsonschema.v2+json";
const PROTOBUF: &str = "application/vnd.kafka.protobuf.v2+json";

const PERSON: &str = r#"{"type":"record","name":"Person","fields":[{"name":"first","type":"string"},{"name":"age","type":["null","int"],"default":null}]}"#;
const PROTO: &str = "syntax = \"proto3\";\n\nmessage Person {\n  string first = 1;\n  int64 age = 2;\n}\n";
const OBJECT: &str = r#"{"type":"object","properties":{"first":{"type":"string"}},"required":["first"]}"#;

fn produce(server: &Server, topic: &str, media: &str, body: &Value) -> Reply {
    server.send("POST", &format!("/topics/{topic}"), &[("Content-Type", media)], body.to_string().as_bytes())
}

/// An instance of a format that reads a topic from its beginning.
fn reader(server: &Server, name: &str, format: &str, topic: &str) {
    let settings = json!({"name": name, "format": format, "auto.offset.reset": "earliest", "auto.commit.enable": false});
    assert_eq!(server.post(&format!("/consumers/{name}"), &settings).status, 200);
    let path = format!("/consumers/{name}/instances/{name}/subscription");
    assert_eq!(server.post(&path, &json!({"topics": [topic]})).status, 204);
}

fn records(server: &Server, name: &str, media: &str) -> Value {
    let path = format!("/consumers/{name}/instances/{name}/records?timeout=1");
    let reply = server.send("GET", &path, &[("Accept", media)], b"");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(media)), "{}", reply.body);
    reply.json()
}

#[test]
fn avro_goes_in_by_text_and_by_id_and_comes_out_tagged() {
    let server = Server::start(Surface::Common);
    let first = json!({"key_schema": "\"string\"", "value_schema": PERSON, "records": [
        {"key": "k", "value": {"first": "john", "age": {"int": 7}}},
        {"value": {"first": "jane", "age": null}},
        {"key": "gone", "value": null},
    ]});
    let told = produce(&server, "people", AVRO, &first);
    assert_eq!(told.status, 200, "{}", told.body);
    let (key, value) = (told.json()["key_schema_id"].clone(), told.json()["value_schema_id"].clone());
    assert_eq!((&key, &value), (&json!(1), &json!(2)));
    // The registry has them under the subjects of the topic, and by the same ids.
    assert_eq!(server.get("/subjects").json(), json!(["people-key", "people-value"]));
    assert_eq!(server.get("/subjects/people-value/versions/1").json()["id"], value);
    // Again by id, and by a text that somebody has spelled differently: nothing new is registered.
    let again = json!({"value_schema_id": 2, "records": [{"value": {"first": "jim", "age": {"int": 1}}}]});
    assert_eq!(produce(&server, "people", AVRO, &again).json()["value_schema_id"], value);
    let spaced = PERSON.replace(',', " , ");
    let again = json!({"value_schema": spaced, "records": [{"value": {"first": "bo", "age": null}}]});
    assert_eq!(produce(&server, "people", AVRO, &again).json()["value_schema_id"], value);
    assert_eq!(server.get("/subjects/people-value/versions").json(), json!([1]));
    reader(&server, "a", "avro", "people");
    let read = records(&server, "a", AVRO);
    assert_eq!(
        read[0],
        json!({"topic": "people", "key": "k", "value": {"first": "john", "age": {"int": 7}}, "partition": 0, "offset": 0})
    );
    let values: Vec<&Value> = read.as_array().expect("a list").iter().skip(1).map(|r| &r["value"]).collect();
    let more = [json!({"first": "jane", "age": null}), json!(null), json!({"first": "jim", "age": {"int": 1}})];
    assert_eq!(values[..3], more.iter().collect::<Vec<_>>());
    // On the wire it is what every client of a registry writes.
    reader(&server, "b", "binary", "people");
    let raw = records(&server, "b", "application/vnd.kafka.binary.v2+json");
    assert_eq!(raw[0]["value"], "AAAAAAIIam9obgIO");
}

#[test]
fn json_schema_and_protobuf_go_and_come() {
    let server = Server::start(Surface::Common);
    let body = json!({"value_schema": OBJECT, "records": [{"value": {"first": "john", "more": 1.50}}]});
    let told = produce(&server, "j", JSON_SCHEMA, &body);
    assert_eq!((told.status, &told.json()["value_schema_id"]), (200, &json!(1)), "{}", told.body);
    let body = json!({"value_schema": PROTO, "records": [{"value": {"first": "john", "age": "9007199254740993"}}]});
    let told = produce(&server, "p", PROTOBUF, &body);
    assert_eq!((told.status, &told.json()["value_schema_id"]), (200, &json!(2)), "{}", told.body);
    assert_eq!(server.get("/schemas/ids/2").json()["schemaType"], "PROTOBUF");
    reader(&server, "a", "jsonschema", "j");
    assert_eq!(records(&server, "a", JSON_SCHEMA)[0]["value"], json!({"first": "john", "more": 1.5}));
    reader(&server, "b", "protobuf", "p");
    assert_eq!(records(&server, "b", PROTOBUF)[0]["value"], json!({"first": "john", "age": "9007199254740993"}));
}

#[test]
fn each_mistake_has_its_number_and_nothing_is_written() {
    let server = Server::start(Surface::Common);
    let value = json!({"first": "x", "age": null});
    let code = |media: &str, body: Value| produce(&server, "t", media, &body).code();
    assert_eq!(code(AVRO, json!({"records": [{"key": "k", "value": null}]})), (422, 42201));
    assert_eq!(code(AVRO, json!({"records": [{"value": value}]})), (422, 42202));
    assert_eq!(code(AVRO, json!({"value_schema": PERSON, "records": [{"value": {"last": 1}}]})), (422, 42203));
    assert_eq!(code(AVRO, json!({"value_schema": "{\"type\":\"strin\"}", "records": [{"value": 1}]})), (422, 42205));
    assert_eq!(code(AVRO, json!({"value_schema_id": 99, "records": [{"value": 1}]})), (408, 40801));
    assert_eq!(code(JSON_SCHEMA, json!({"value_schema_id": 1, "records": [{"value": {}}]})), (422, 42205));
    assert_eq!(code(JSON_SCHEMA, json!({"value_schema": OBJECT, "records": [{"value": {}}]})), (408, 40801), "another kind");
    let narrow = PERSON.replace("\"string\"", "\"int\"");
    assert_eq!(code(AVRO, json!({"value_schema": narrow, "records": [{"value": {"first": 1}}]})), (408, 40801));
    // One value of a request that does not fit: none of it.
    let mixed = json!({"value_schema_id": 1, "records": [{"value": value}, {"value": {"first": 2}}]});
    assert_eq!(code(AVRO, mixed), (422, 42203));
    assert_eq!(server.get("/topics/t/partitions/0/offsets").json(), json!({"beginning_offset": 0, "end_offset": 0}));
}

#[test]
fn what_cannot_be_decoded_comes_raw_and_says_why_and_holds_nobody_up() {
    let server = Server::start(Surface::Common);
    let json = "application/vnd.kafka.json.v2+json";
    assert_eq!(produce(&server, "t", json, &json!({"records": [{"value": {"a": 1}}]})).status, 200);
    let good = json!({"value_schema": PERSON, "records": [{"value": {"first": "x", "age": null}}]});
    assert_eq!(produce(&server, "t", AVRO, &good).status, 200);
    let unknown = "application/vnd.kafka.binary.v2+json";
    assert_eq!(produce(&server, "t", unknown, &json!({"records": [{"value": "AAAAAGMA"}]})).status, 200);
    reader(&server, "a", "avro", "t");
    let read = records(&server, "a", AVRO);
    let error = |n: usize| read[n]["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(read[0]["value"], "eyJhIjoxfQ==");
    assert!(error(0).contains("the value cannot be decoded and is given as base64: Unknown magic byte!"), "{}", error(0));
    assert_eq!((&read[1]["value"]["first"], error(1).as_str()), (&json!("x"), ""));
    assert!(error(2).contains("Schema 99 not found"), "{}", error(2));
    reader(&server, "b", "jsonschema", "t");
    assert!(records(&server, "b", JSON_SCHEMA)[1]["error"].as_str().is_some_and(|e| e.contains("its schema is AVRO, not JSON")));
}

#[test]
fn v3_names_schemas_in_every_way_it_has() {
    let server = Server::start(Surface::Common);
    let path = format!("{}/topics/t/records", server.cluster());
    let one = |value: Value| {
        let body = json!({"value": value}).to_string();
        server.send("POST", &path, &[("Content-Type", "application/json")], body.as_bytes()).json()
    };
    let data = json!({"first": "x", "age": {"int": 3}});
    let told = one(json!({"type": "AVRO", "schema": PERSON, "data": data}));
    let expected = json!({"type": "AVRO", "subject": "t-value", "schema_id": 1, "schema_version": 1, "size": 9});
    assert_eq!(told["value"], expected, "{told}");
    for named in [
        json!({"schema_id": 1, "data": data}),
        json!({"schema_version": 1, "data": data}),
        json!({"subject": "t-value", "schema_version": 1, "data": data}),
        json!({"type": "AVRO", "data": data}),
        json!({"data": data}),
        json!({"subject": "t-value", "schema_id": 1, "data": data}),
    ] {
        assert_eq!(one(named.clone())["value"], expected, "{named}");
    }
    let by_name = one(json!({"type": "AVRO", "schema": PERSON, "subject_name_strategy": "RECORD_NAME", "data": data}));
    assert_eq!((&by_name["value"]["subject"], &by_name["value"]["schema_id"]), (&json!("Person"), &json!(1)));
    let by_both = one(json!({"schema_id": 1, "subject_name_strategy": "record_name", "data": data}));
    assert_eq!(by_both["value"]["subject"], "Person");
    let own = one(json!({"type": "PROTOBUF", "subject": "mine", "schema": PROTO, "data": {"first": "x"}}));
    assert_eq!(own["value"], json!({"type": "PROTOBUF", "subject": "mine", "schema_id": 2, "schema_version": 1, "size": 9}));
    let code = |value: Value| one(value)["error_code"].as_i64().unwrap_or_default();
    assert_eq!(code(json!({"schema_id": 77, "data": data})), 42207);
    assert_eq!(code(json!({"schema_version": 9, "data": data})), 42207);
    assert_eq!(code(json!({"type": "JSONSCHEMA", "schema_id": 1, "data": data})), 42205);
    assert_eq!(code(json!({"schema_id": 1, "schema": PERSON, "data": data})), 42206);
    assert_eq!(code(json!({"subject": "other", "schema_id": 1, "data": data})), 42206);
    assert_eq!(code(json!({"type": "AVRO", "schema": PERSON, "data": {"first": 1}})), 42203);
    assert_eq!(code(json!({"type": "AVRO", "schema": "{", "data": 1})), 42205);
    assert_eq!(code(json!({"type": "JSON", "schema_id": 1, "data": 1})), 42206);
}

#[test]
fn a_schema_is_found_by_the_header_beside_a_value_too() {
    let server = Server::start(Surface::Common);
    let good = json!({"value_schema": PERSON, "records": [{"value": {"first": "x", "age": null}}]});
    assert_eq!(produce(&server, "t", AVRO, &good).status, 200);
    let guid = server.new_form("GET", "/schemas/ids/1", &Value::Null).json()["guid"].as_str().expect("a guid").to_owned();
    let hex: Vec<u8> = guid.bytes().filter(|b| *b != b'-').collect();
    let bytes = hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex"));
    let header: Vec<u8> = [1].into_iter().chain(bytes).collect();
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
    let record = json!({
        "headers": [{"name": "__value_schema_id", "value": base64(&header)}],
        "value": {"type": "BINARY", "data": base64(b"\x02y\x00")},
    });
    let path = format!("{}/topics/t/records", server.cluster());
    let told = server.send("POST", &path, &[("Content-Type", "application/json")], record.to_string().as_bytes());
    assert_eq!(told.json()["offset"], 1, "{}", told.body);
    reader(&server, "a", "avro", "t");
    assert_eq!(records(&server, "a", AVRO)[1]["value"], json!({"first": "y", "age": null}));
}

/// As in the proxy: neither v2 nor v3 has a place for references in a request.
#[test]
fn a_schema_with_references_is_refused_with_a_word_that_helps_and_goes_by_its_id() {
    let server = Server::start(Surface::Common);
    let street = json!({"schema": r#"{"type":"record","name":"Street","fields":[{"name":"name","type":"string"}]}"#});
    assert_eq!(server.post("/subjects/street/versions", &street).status, 200);
    let house = r#"{"type":"record","name":"House","fields":[{"name":"street","type":"Street"}]}"#;
    let references = json!([{"name": "Street", "subject": "street", "version": 1}]);
    let value = json!({"street": {"name": "a"}});
    let v2 = json!({"value_schema": house, "references": references, "records": [{"value": value}]});
    let refused = produce(&server, "houses", AVRO, &v2);
    assert_eq!((refused.code(), refused.body.contains("Unrecognized field: references")), ((422, 422), true), "{}", refused.body);
    let by_text = produce(&server, "houses", AVRO, &json!({"value_schema": house, "records": [{"value": value}]}));
    assert_eq!((by_text.code(), by_text.body.contains("Street")), ((422, 42205), true), "{}", by_text.body);
    let v3 = format!("{}/topics/houses/records", server.cluster());
    let data = json!({"value": {"type": "AVRO", "schema": house, "references": references, "data": value}});
    let refused = server.post(&v3, &data).json();
    assert_eq!(refused["error_code"], 42206, "{refused}");
    assert!(refused["message"].as_str().is_some_and(|words| words.contains("name its schema_id")), "{refused}");
    let registered = server.post("/subjects/houses-value/versions", &json!({"schema": house, "references": references}));
    let id = registered.json()["id"].clone();
    assert_eq!(produce(&server, "houses", AVRO, &json!({"value_schema_id": id, "records": [{"value": value}]})).status, 200);
    assert_eq!(server.post(&v3, &json!({"value": {"schema_id": id, "data": value}})).json()["error_code"], 200);
}
