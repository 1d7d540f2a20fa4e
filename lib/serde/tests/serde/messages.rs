//! Messages written and read by way of a registry.

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use milena_schema::{Format, avro::Unions};
use milena_serde::{Error, Naming, Part, Registry, Settings, Text, framing};
use serde_json::json;

use crate::{
    person::com::example::{Address, AddressRef, Person},
    shelf::Shelf,
};

fn address() -> Address {
    Address { street: "road".into(), floor: 7 }
}

#[tokio::test]
async fn an_id_is_asked_for_once_and_then_nobody_is_asked() {
    let shelf = Shelf::open();
    let registry = Registry::new(&shelf.url).unwrap();
    let writer = registry.writer::<Address>("places", &Settings::default()).await.unwrap();
    assert_eq!(shelf.asked(), ["POST /subjects/places-value/versions"]);
    let message = writer.write(&address()).unwrap();
    assert_eq!(message, *b"\x00\x00\x00\x00\x01\x08road\x0e");
    registry.writer::<Address>("places", &Settings::default()).await.unwrap();
    let mut reader = registry.reader::<Address>();
    for _ in 0..3 {
        assert_eq!(reader.read(&message).await.unwrap(), address());
    }
    let text = registry.any_reader().read_json(&message, Unions::Bare).await.unwrap();
    assert_eq!(text, r#"{"street":"road","floor":7}"#);
    assert_eq!(shelf.asked(), ["GET /schemas/ids/1"]);
}

#[tokio::test]
async fn messages_of_other_schemas_are_read_as_the_type() {
    let shelf = Shelf::open();
    let old = r#"{"type":"record","name":"Address","fields":[{"name":"floor","type":"int"},{"name":"street","type":"string"}]}"#;
    let id = shelf.keep("places-value", json!({"schema": old}));
    let registry = Registry::new(&shelf.url).unwrap();
    let mut message = Vec::new();
    framing::put_prefix(&mut message, id);
    message.extend_from_slice(b"\x0e\x08road");
    let mut reader = registry.reader::<Address>();
    let borrowed: Address = reader.read(&message).await.unwrap();
    assert_eq!(borrowed, address());
    let other = shelf.keep("x", json!({"schema": "\"int\""}));
    let mut message = Vec::new();
    framing::put_prefix(&mut message, other);
    message.push(2);
    assert!(matches!(reader.read(&message).await, Err(Error::Unreadable { id: 2, .. })));
    assert!(matches!(reader.read(b"plain").await, Err(Error::Framing(framing::Broken::Magic(b'p')))));
    let _ = AddressRef { street: "", floor: 0 };
}

#[tokio::test]
async fn the_newest_schema_may_be_written_instead() {
    let shelf = Shelf::open();
    let newest = r#"{"type":"record","name":"Address","fields":[{"name":"floor","type":"long"},{"name":"door","type":"string","default":"a"},{"name":"street","type":"string"}]}"#;
    shelf.keep("places-value", json!({"schema": newest}));
    let registry = Registry::new(&shelf.url).unwrap();
    let settings = Settings { use_latest: true, auto_register: false, ..Settings::default() };
    let writer = registry.writer::<Address>("places", &settings).await.unwrap();
    assert_eq!(writer.write(&address()).unwrap(), *b"\x00\x00\x00\x00\x01\x0e\x02a\x08road");
}

#[tokio::test]
async fn schemas_bring_what_they_refer_to() {
    let shelf = Shelf::open();
    shelf.keep("b", json!({"schema": r#"{"type":"record","name":"B","fields":[{"name":"x","type":"int"}]}"#}));
    let middle = r#"{"type":"record","name":"M","fields":[{"name":"b","type":"B"}]}"#;
    shelf.keep("m", json!({"schema": middle, "references": [{"name": "B", "subject": "b", "version": 1}]}));
    let top = r#"{"type":"record","name":"T","fields":[{"name":"m","type":"M"},{"name":"b","type":"B"}]}"#;
    let references = json!([{"name": "M", "subject": "m", "version": 1}, {"name": "B", "subject": "b", "version": 1}]);
    let id = shelf.keep("t", json!({"schema": top, "references": references}));
    let registry = Registry::new(&shelf.url).unwrap();
    let mut message = Vec::new();
    framing::put_prefix(&mut message, id);
    message.extend_from_slice(&[2, 4]);
    let text = registry.any_reader().read_json(&message, Unions::Bare).await.unwrap();
    assert_eq!(text, r#"{"m":{"b":{"x":1}},"b":{"x":2}}"#);
}

#[tokio::test]
async fn subjects_are_named_as_every_client_names_them() {
    let shelf = Shelf::open();
    let registry = Registry::new(&shelf.url).unwrap();
    let subject = async |naming: Naming, part| naming.subject(&registry, "t", part, Some("a.B")).await.unwrap();
    assert_eq!(subject(Naming::Topic, Part::Key).await, "t-key");
    assert_eq!(subject(Naming::Record, Part::Value).await, "a.B");
    assert_eq!(subject(Naming::TopicRecord, Part::Value).await, "t-a.B");
    assert_eq!(shelf.asked(), [""; 0]);
    let associated = || Naming::Associated(None, Box::new(Naming::Topic));
    assert_eq!(subject(associated(), Part::Value).await, "t-value");
    shelf.associate("chosen");
    assert_eq!(subject(associated(), Part::Value).await, "chosen");
    let asked = "GET /associations/resources/-/t?resourceType=topic&associationType=value";
    assert_eq!(shelf.asked(), [asked, asked]);
    assert!(matches!(Naming::Record.subject(&registry, "t", Part::Value, None).await, Err(Error::Nameless)));
}

#[tokio::test]
async fn a_message_may_name_its_schema_in_a_header() {
    let shelf = Shelf::open();
    let registry = Registry::new(&shelf.url).unwrap();
    let text = Text { format: Format::Avro, text: "\"int\"".into(), references: Vec::new() };
    assert_eq!(registry.register("a b/c", &text, true).await.unwrap().id, 1);
    assert_eq!(shelf.asked(), ["POST /subjects/a%20b%2Fc/versions?normalize=true"]);
    let header = framing::header([0xab; 16]);
    let mut reader = registry.reader::<Person>();
    assert!(matches!(reader.read_with_header(&header, &[2]).await, Err(Error::Unreadable { id: 1, .. })));
    assert_eq!(shelf.asked()[0], "GET /schemas/guids/abababab-abab-abab-abab-abababababab/ids");
}

#[tokio::test]
async fn a_writer_may_name_its_schema_in_a_header() {
    let shelf = Shelf::open();
    let registry = Registry::new(&shelf.url).unwrap();
    let writer = registry.writer::<Address>("places", &Settings::default()).await.unwrap();
    let (header, body) = writer.write_with_header(&address()).unwrap();
    assert_eq!((header[0], header[16], &body[..]), (1, 0xff, &b"\x08road\x0e"[..]));
    let mut reader = registry.reader::<Address>();
    for _ in 0..3 {
        assert_eq!(reader.read_with_header(&header, &body).await.unwrap(), address());
    }
    let asked = shelf.asked();
    assert_eq!(asked.iter().filter(|line| line.contains("/schemas/guids/")).count(), 1, "{asked:?}");
    // A registry that answers a look-up without a GUID is too old for this.
    let settings = Settings { auto_register: false, ..Settings::default() };
    let writer = Registry::new(&shelf.url).unwrap().writer::<Address>("places", &settings).await.unwrap();
    let error = writer.write_with_header(&address()).unwrap_err();
    assert!(error.to_string().contains("GUID"), "{error}");
}

#[tokio::test]
async fn one_text_in_two_languages_has_two_ids() {
    let shelf = Shelf::open();
    let registry = Registry::new(&shelf.url).unwrap();
    let text = |format| Text { format, text: "{\"type\":\"string\"}".into(), references: Vec::new() };
    registry.id("s", &text(Format::Avro), true, false).await.unwrap();
    registry.id("s", &text(Format::Json), true, false).await.unwrap();
    registry.id("s", &text(Format::Avro), true, true).await.unwrap();
    registry.id("s", &text(Format::Avro), true, false).await.unwrap();
    assert_eq!(shelf.asked().len(), 3, "what differs is asked for, and what does not is not");
}

#[tokio::test]
async fn a_no_is_told_with_its_code_and_silence_with_its_address() {
    let shelf = Shelf::open();
    let registry = Registry::new(&shelf.url).unwrap();
    let settings = Settings { auto_register: false, ..Settings::default() };
    let error = registry.writer::<Address>("places", &settings).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 404, code: 40403, .. }), "{error}");
    assert!(!error.is_retriable());
    let nobody = Registry::new("http://127.0.0.1:1").unwrap().latest("x").await.unwrap_err();
    assert!(nobody.is_retriable() && nobody.to_string().contains("http://127.0.0.1:1"), "{nobody}");
    assert!(matches!(nobody, Error::Unreachable { absent: true, .. }) && !nobody.is_about_data());
    let nowhere = Registry::new("http://nowhere.invalid").unwrap().latest("x").await.unwrap_err();
    assert!(matches!(nowhere, Error::Unreachable { absent: true, .. }), "{nowhere}");
    for wrong in ["localhost:8081", "http://", "http://a b", "https://x"] {
        assert!(Registry::new(wrong).is_err(), "{wrong}");
    }
}

/// What a registry is told to be that answers a request with these bytes, and closes. With none it is silent, and stays.
async fn heard(answer: Option<&'static str>) -> Error {
    let door = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = Registry::new(&format!("http://{}", door.local_addr().unwrap())).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = door.accept().unwrap();
        let (mut asked, mut part) = (Vec::new(), [0; 1024]);
        while !asked.ends_with(b"\r\n\r\n") {
            let more = stream.read(&mut part).unwrap();
            asked.extend_from_slice(&part[..more]);
        }
        match answer {
            Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
            // Until the other side gives up.
            None => drop(stream.read(&mut part)),
        }
    });
    registry.with_patience(Duration::from_millis(500)).text(1).await.unwrap_err()
}

#[tokio::test]
async fn a_registry_that_does_not_answer_to_the_end_is_there_all_the_same() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{\"schema\":\"";
    let closed = "HTTP/1.1 200 O";
    for answer in [None, Some(""), Some(closed), Some(short)] {
        let error = heard(answer).await;
        assert!(matches!(error, Error::Unreachable { absent: false, .. }), "{answer:?}: {error}");
        assert!(error.is_retriable() && !error.is_about_data());
    }
    let other = heard(Some("220 mail.example ESMTP\r\n")).await;
    assert!(matches!(other, Error::Answer { .. }) && !other.is_retriable() && !other.is_about_data(), "{other}");
}
