//! `produce` and `read` with a schema of each format, every byte explained, and schemas from samples.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{http::ask, server::Server};

struct Ground {
    server: Server,
    dir: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        Self { server: Server::ephemeral(), dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn register(&self, subject: &str, name: &str, text: &str, more: &[&str]) {
        let file = self.file(name, text);
        let words = ["schema", "register", subject, &file];
        self.server.out(&[&words, more].concat(), b"");
    }

    fn read(&self, topic: &str, more: &[&str]) -> String {
        self.server.out(&[&["read", topic, "-q"], more].concat(), b"")
    }
}

#[test]
fn json_schema_is_validated_and_sent_as_it_is() {
    let ground = Ground::new();
    let schema = r#"{"type":"object","properties":{"age":{"type":"integer","minimum":0}},"required":["age"]}"#;
    ground.register("people-value", "people.json", schema, &[]);
    ground.server.out(&["produce", "people"], b"{\"age\":41}");
    let raw = ground.server.run(&["read", "people", "-f", "%s", "-q"], b"").stdout;
    assert_eq!(raw, b"\x00\x00\x00\x00\x01{\"age\":41}");
    let read = ground.read("people", &[]);
    assert!(read.contains(r#""value":{"age":41},"headers":[],"schema":{"subject":"people-value","version":1,"id":1}"#), "{read}");
    let unfit = ground.server.run(&["produce", "people"], b"{\"age\":-1}");
    assert!(!unfit.status.success());
    assert!(String::from_utf8_lossy(&unfit.stderr).contains("does not fit people-value version 1"), "{unfit:?}");
    // What is read can be produced again, and means the same.
    ground.server.out(&["produce", "people", "--json"], read.as_bytes());
    assert_eq!(ground.read("people", &["-f", "%s\\n", "--offset", "1"]).as_bytes(), b"\x00\x00\x00\x00\x01{\"age\":41}\n");
}

#[test]
fn protobuf_is_encoded_by_its_descriptors() {
    let ground = Ground::new();
    ground.register("common", "common.proto", "syntax = \"proto3\"; package c; message Name { string first = 1; }", &[]);
    let people = "syntax = \"proto3\"; package p; import \"common.proto\"; message Person { c.Name name = 1; int64 age = 2; } message Other { bool yes = 1; }";
    ground.register("people-value", "people.proto", people, &["--reference", "common.proto=common:1"]);
    ground.server.out(&["produce", "people"], b"{\"name\":{\"first\":\"john\"},\"age\":41}");
    let raw = ground.server.run(&["read", "people", "-f", "%s", "-q"], b"").stdout;
    assert_eq!(raw, b"\x00\x00\x00\x00\x02\x00\x0a\x06\x0a\x04john\x10\x29");
    let read = ground.read("people", &[]);
    assert!(read.contains(r#""value":{"name":{"first":"john"},"age":"41"}"#), "{read}");
    ground.server.out(&["produce", "people", "--message", "p.Other"], b"{\"yes\":true}");
    let read = ground.read("people", &["--offset", "1"]);
    assert!(read.contains(r#""value":{"yes":true}"#), "{read}");
    let hex = ground.read("people", &["--hex", "--count", "1"]);
    for words in ["protobuf people-value v1", "message indexes [0] = p.Person", "name.first = \"john\"", "age = 41"] {
        assert!(hex.contains(words), "{words}: {hex}");
    }
    let strange = ground.server.run(&["produce", "people", "--message", "p.None"], b"{}");
    assert!(String::from_utf8_lossy(&strange.stderr).contains("the file has no message p.None"), "{strange:?}");
}

#[test]
fn a_schema_in_a_header_is_as_good_as_one_in_front() {
    let ground = Ground::new();
    let file = "syntax = \"proto3\"; message A { string s = 1; int32 n = 2; } message B { int32 q = 3; }";
    ground.register("g-value", "g.proto", file, &[]);
    let new = [("Confluent-Accept-Unknown-Properties", "true")];
    let told = ask(ground.server.ready["http"].as_str().unwrap(), "GET", "/subjects/g-value/versions/1", &new, b"").json();
    let guid = uuid::Uuid::parse_str(told["guid"].as_str().unwrap()).unwrap();
    // What a message is stands behind the GUID, and the value has nothing before it.
    for (indexes, body) in [(&[0][..], &b"\x0a\x03abc\x10\x07"[..]), (&[2, 2], b"\x18\x05"), (&[0], b"")] {
        let header = BASE64_STANDARD.encode([&[1], &guid.as_bytes()[..], indexes].concat());
        let value = BASE64_STANDARD.encode(body);
        let line = format!(r#"{{"value":{{"$base64":"{value}"}},"headers":[["__value_schema_id",{{"$base64":"{header}"}}]]}}"#);
        ground.server.out(&["produce", "g", "--json", "--raw"], line.as_bytes());
    }
    let read = ground.read("g", &[]);
    let values = [r#""value":{"s":"abc","n":7}"#, r#""value":{"q":5}"#, r#""value":{}"#];
    assert_eq!(read.lines().count(), values.len());
    for (line, value) in read.lines().zip(values) {
        assert!(line.contains(value) && line.contains(r#""subject":"g-value","version":1"#), "{value}: {line}");
    }
    let hex = ground.read("g", &["--hex", "--count", "1"]);
    for words in [
        "magic byte 1 = Confluent wire format, in a header",
        "the schema's GUID → g-value v1",
        "message indexes [0] = A",
        "s = \"abc\"",
        "n = 7",
    ] {
        assert!(hex.contains(words), "{words}: {hex}");
    }
    let hex = ground.read("g", &["--hex", "--offset", "1", "--count", "1"]);
    assert!(hex.contains("message indexes [1] = B") && hex.contains("q = 5"), "{hex}");
}

#[test]
fn every_byte_of_an_avro_message_is_explained() {
    let ground = Ground::new();
    let name = r#"{"type":"record","name":"Name","fields":[{"name":"first","type":"string"},{"name":"last","type":"string"}]}"#;
    ground.register("name", "name.avsc", name, &[]);
    ground.register("people-value", "people.avsc", r#""Name""#, &["--reference", "Name=name:1"]);
    let said = ground.server.out(&["produce", "people"], br#"{"first":"john","last":"doe"}"#);
    assert!(said.contains("14 bytes   avro people-value v1 (id 2)   kept in the broker's memory in"), "{said}");
    let hex = ground.read("people", &["--hex"]);
    let expected = "  00000000  00 00 00 00 02 08 6a 6f 68 6e 06 64 6f 65        ......john.doe
            |  |---------| |  |---------| |  |------|
            |  |           |  |           |  last = \"doe\"
            |  |           |  |           length 3  (06, zig-zag)
            |  |           |  first = \"john\"
            |  |           length 4  (08, zig-zag)
            |  schema id 2 → people-value v1
            magic byte 0 = Confluent wire format
";
    assert!(hex.contains("no key   14 bytes   avro people-value v1\n") && hex.ends_with(expected), "{hex}");
    ground.server.out(&["produce", "people", "--raw"], b"\x00");
    let broken = ground.read("people", &["--hex", "--offset", "1"]);
    assert!(broken.contains("1 byte"), "{broken}");
}

#[test]
fn a_schema_is_learnt_from_samples() {
    let ground = Ground::new();
    let samples = "{\"id\":1,\"note\":null}\n{\"id\":2,\"note\":\"x\",\"tags\":[\"a\"]}\n";
    let file = ground.file("orders.json", samples);
    let avro: serde_json::Value = serde_json::from_str(&ground.server.out(&["schema", "infer", &file, "-q"], b"")).unwrap();
    assert_eq!(avro["name"], "Orders");
    assert_eq!(avro["fields"][1]["type"], serde_json::json!(["null", "string"]));
    let named = ground.server.out(&["schema", "infer", "--name", "com.example.Order", "-q"], samples.as_bytes());
    ground.register("orders-value", "orders.avsc", &named, &[]);
    ground.server.out(&["produce", "orders"], samples.as_bytes());
    let learnt = ground.server.out(&["schema", "infer", "--topic", "orders", "--type", "json", "-q"], b"");
    let json: serde_json::Value = serde_json::from_str(&learnt).unwrap();
    assert_eq!(json["properties"]["id"]["type"], "integer");
    let nothing = ground.server.run(&["schema", "infer"], b"");
    assert!(!nothing.status.success() && String::from_utf8_lossy(&nothing.stderr).contains("no sample"), "{nothing:?}");
}

#[test]
fn keys_are_encoded_as_values_are() {
    let ground = Ground::new();
    let raw = |more: &[&str]| ground.server.run(&[&["read", "people", "-q"], more].concat(), b"").stdout;
    ground.register("people-key", "key.avsc", "\"string\"", &[]);
    ground.server.out(&["produce", "people", "-k", "17", "x"], b"");
    assert_eq!(raw(&["-f", "%k"]), b"\x00\x00\x00\x00\x01\x0417");
    // As JSON it is the same key, also when it comes back from `read`.
    ground.server.out(&["produce", "people", "-k", "\"17\"", "x"], b"");
    ground.server.out(&["produce", "people", "--json"], &raw(&["-n", "1"]));
    ground.server.out(&["produce", "people", "-k", "17", "--tombstone"], b"");
    let keys = raw(&["-f", "%k;", "--offset", "1:"]);
    assert_eq!(keys, b"\x00\x00\x00\x00\x01\x0417;".repeat(3));
    for flag in ["--raw", "--raw-key"] {
        ground.server.out(&["produce", "people", flag, "-k", "17", "x"], b"");
        assert_eq!(raw(&["-f", "%k", "--offset", "-1"]), b"17", "{flag}");
    }
    ground.register("orders-key", "order.avsc", "\"long\"", &[]);
    ground.server.out(&["produce", "orders", "--key-separator", "="], b"17=x\n");
    assert_eq!(ground.server.run(&["read", "orders", "-f", "%k", "-q"], b"").stdout, b"\x00\x00\x00\x00\x02\x22");
    assert!(ground.read("orders", &[]).contains("\"key\":\"17\""));
    let unfit = ground.server.run(&["produce", "orders", "-k", "john", "x"], b"");
    let said = String::from_utf8_lossy(&unfit.stderr);
    assert!(unfit.status.code() == Some(1) && said.contains("does not fit orders-key version 1"), "{said}");
    assert!(said.contains("milena produce --raw-key"), "{said}");
}

#[test]
fn random_values_are_of_the_topics_schema() {
    let ground = Ground::new();
    let unknown = ground.server.run(&["produce", "people", "--random", "3"], b"");
    assert!(unknown.status.code() == Some(5), "{unknown:?}");
    let schema = r#"{"type":"record","name":"P","fields":[{"name":"first","type":"string"},{"name":"n","type":"long"}]}"#;
    ground.register("people-value", "people.avsc", schema, &[]);
    let said = ground.server.out(&["produce", "people", "--random", "3", "--seed", "7", "-k", "k"], b"");
    assert_eq!(said.matches("avro people-value v1 (id 1)").count(), 3, "{said}");
    ground.server.out(&["produce", "people", "--seed", "7", "--random"], b"");
    let read: Vec<serde_json::Value> = ground.read("people", &[]).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(read.len(), 13);
    assert!(read.iter().all(|m| m["schema"]["id"] == 1 && m["value"]["n"].is_i64()), "{read:?}");
    // The same seed, the same values; each its own.
    assert!(read[..3].iter().zip(&read[3..]).all(|(a, b)| a["value"] == b["value"]) && read[0]["value"] != read[1]["value"]);
    assert_eq!((&read[0]["key"], &read[3]["key"]), (&"k".into(), &serde_json::Value::Null));
    let mixed = ground.server.run(&["produce", "people", "--random", "3", "--raw"], b"");
    assert_eq!(mixed.status.code(), Some(64));
}

#[test]
fn the_registry_is_found_without_the_common_door() {
    let server = Server::with_registry_only();
    let schema = br#"{"type":"record","name":"T","fields":[{"name":"n","type":"int"}]}"#;
    server.out(&["schema", "register", "things-value", "-"], schema);
    server.out(&["produce", "things"], b"{\"n\":7}\n");
    assert!(server.out(&["read", "things", "-q", "-o", "jsonl"], b"").contains(r#""value":{"n":7}"#));
    let no = server.run(&["topic", "restore", "things"], b"");
    assert!(String::from_utf8_lossy(&no.stderr).contains("HTTP door, and that is off"));
}
