//! JSON and Protobuf messages written and read by way of a registry.

use milena_schema::Format;
use milena_serde::{Error, Naming, Reference, Registry, Settings, Text};
use serde_json::{Value, json};

use crate::shelf::Shelf;

fn text(format: Format, text: &str) -> Text {
    Text { format, text: text.into(), references: Vec::new() }
}

const PERSON: &str = r#"{"title":"Person","type":"object","properties":{"age":{"type":"integer"}},"required":["age"]}"#;

#[tokio::test]
async fn json_is_written_and_read_and_validated_on_both_ways() {
    let shelf = Shelf::open();
    let registry = Registry::new(&shelf.url).unwrap();
    let settings = Settings { naming: Naming::TopicRecord, ..Settings::default() };
    let writer = registry.json_writer("people", &text(Format::Json, PERSON), &settings).await.unwrap();
    assert_eq!(shelf.asked(), ["POST /subjects/people-Person/versions", "GET /schemas/ids/1"]);
    let message = writer.write(&json!({"age": 7})).unwrap();
    assert_eq!(message, *b"\x00\x00\x00\x00\x01{\"age\":7}");
    assert!(matches!(writer.write(&json!({"age": "old"})), Err(Error::Invalid { id: 1, .. })));
    let mut reader = registry.json_reader();
    assert_eq!(reader.read::<Value>(&message).await.unwrap(), json!({"age": 7}));
    let wrong = writer.clone().unchecked().write(&json!({})).unwrap();
    let refused = reader.read::<Value>(&wrong).await.unwrap_err();
    assert_eq!(refused.to_string(), "data of schema 1: \"age\" is a required property");
    assert_eq!(shelf.asked(), [""; 0]);
}

#[tokio::test]
async fn protobuf_is_framed_with_the_indexes_of_its_message() {
    let shelf = Shelf::open();
    shelf.keep(
        "money",
        json!({"schemaType": "PROTOBUF", "schema": "syntax = \"proto3\"; package m; message Money { int64 cents = 1; }"}),
    );
    let registry = Registry::new(&shelf.url).unwrap();
    let file = "syntax = \"proto3\"; import \"money.proto\"; message Other {} message Order { m.Money sum = 1; message Line { string what = 1; } }";
    let references = vec![Reference { name: "money.proto".into(), subject: "money".into(), version: 1 }];
    let file = Text { references, ..text(Format::Protobuf, file) };
    let settings = Settings::default();
    let writer = registry.protobuf_writer("orders", &file, "Order", &settings).await.unwrap();
    let message = writer.write_json(r#"{"sum":{"cents":"5"}}"#).unwrap();
    assert_eq!(message, *b"\x00\x00\x00\x00\x02\x02\x02\x0a\x02\x08\x05");
    let line = registry.protobuf_writer("orders", &file, "Order.Line", &settings).await.unwrap();
    let inner = line.write(b"\x0a\x01x");
    assert_eq!(inner, *b"\x00\x00\x00\x00\x02\x04\x02\x00\x0a\x01x");
    let first = registry.protobuf_writer("orders", &file, "Other", &settings).await.unwrap();
    assert_eq!(first.write(b""), *b"\x00\x00\x00\x00\x02\x00");

    let mut reader = registry.protobuf_reader();
    assert_eq!(reader.read_json(&message).await.unwrap(), r#"{"sum":{"cents":"5"}}"#);
    let (kind, body) = reader.read(&inner).await.unwrap();
    assert_eq!((kind.name(), body), ("Order.Line", &b"\x0a\x01x"[..]));
    let nowhere = reader.read_json(b"\x00\x00\x00\x00\x02\x02\x08").await.unwrap_err();
    assert_eq!(nowhere.to_string(), "schema 2 has no message at [4]");
    let missing = registry.protobuf_writer("orders", &file, "Nothing", &settings).await.unwrap_err();
    assert_eq!(missing.to_string(), "schema 2 has no message Nothing");
}

#[tokio::test]
async fn a_schema_of_another_format_is_refused() {
    let shelf = Shelf::open();
    shelf.keep("people-value", json!({"schema": "\"string\""}));
    let registry = Registry::new(&shelf.url).unwrap();
    let settings = Settings { use_latest: true, ..Settings::default() };
    let refused = registry.json_writer("people", &text(Format::Json, PERSON), &settings).await.unwrap_err();
    assert_eq!(refused.to_string(), "schema 1 is AVRO, not JSON");
}
