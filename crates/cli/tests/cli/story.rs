//! The network programmer's story: Avro into a topic, a look at the bytes, a schema that grows.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::{
    http::ask,
    server::{Server, bare},
};

const FULL_NAME: &str = r#"{"type":"record","name":"FullName","namespace":"com.example","fields":[{"name":"first","type":"string"},{"name":"last","type":"string"}]}"#;

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: milena\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_string()
}

#[test]
fn john_doe_in_avro() {
    let server = Server::ephemeral();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let avsc = file("test.avsc", FULL_NAME);
    assert_eq!(server.out(&["schema", "register", "people-value", &avsc], b""), "registered people-value   version 1, id 1\n");
    server.out(&["produce", "people"], br#"{"first":"john","last":"doe"}"#);

    // As `od` shows them: magic byte, id, and two strings with their lengths.
    let raw = server.run(&["read", "people", "-f", "%s", "-q"], b"").stdout;
    assert_eq!(raw, b"\x00\x00\x00\x00\x01\x08john\x06doe");
    let read = server.out(&["read", "people", "-q"], b"");
    assert!(read.contains(r#""value":{"first":"john","last":"doe"}"#), "{read}");
    let bytes = server.out(&["read", "people", "-q", "--raw"], b"");
    assert!(!bytes.contains(r#"{"first""#), "{bytes}");
    let registry = server.ready["registry"].as_str().unwrap();
    let found: serde_json::Value = serde_json::from_str(&get(registry, "/schemas/ids/1")).unwrap();
    assert_eq!(found["schema"], FULL_NAME);

    let needy = file("needy.avsc", &FULL_NAME.replace("}]", r#"},{"name":"age","type":"int"}]"#));
    let refused = server.run(&["schema", "check", "people-value", &needy], b"");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "{refused:?}");
    let exists = server.run(&["schema", "register", "people-value", &needy], b"");
    assert_eq!(exists.status.code(), Some(6), "{exists:?}");
    let wider = file("wider.avsc", &FULL_NAME.replace("}]", r#"},{"name":"age","type":"int","default":0}]"#));
    assert_eq!(server.out(&["schema", "register", "people-value", &wider], b""), "registered people-value   version 2, id 2\n");
    server.out(&["produce", "people"], br#"{"first":"jane","last":"roe","age":41}"#);
    let read = server.out(&["read", "people", "-q"], b"");
    assert!(
        read.contains(r#"{"first":"john","last":"doe"}"#) && read.contains(r#"{"first":"jane","last":"roe","age":41}"#),
        "{read}"
    );
    let unfit = server.run(&["produce", "people"], b"{\"first\":\"x\"}");
    assert!(
        !unfit.status.success() && String::from_utf8_lossy(&unfit.stderr).contains("does not fit people-value version 2"),
        "{unfit:?}"
    );

    // Everything moves to another registry and keeps its ids.
    let dump = server.out(&["schema", "export"], b"");
    let other = Server::ephemeral();
    assert_eq!(other.out(&["schema", "import"], dump.as_bytes()), "imported 2 versions from 4 records\n");
    assert_eq!(other.out(&["schema", "export"], b""), dump);
    let topic = server.out(&["read", "_schemas", "-q", "-f", "%k\t%s\n"], b"");
    let third = Server::ephemeral();
    assert_eq!(third.out(&["schema", "import"], topic.as_bytes()), "imported 2 versions from 2 records\n");
}

#[test]
fn all_settings_move_with_the_schemas() {
    let (server, other) = (Server::ephemeral(), Server::ephemeral());
    let call = |server: &Server, method: &str, path: &str, body: &str| {
        let json = [("Content-Type", "application/json")];
        ask(server.ready["http"].as_str().unwrap(), method, path, &json, body.as_bytes())
    };
    let set = |method: &str, path: &str, body: &str| assert_eq!(call(&server, method, path, body).status, 200, "{path} {body}");
    for subject in ["base", "gone"] {
        set(
            "POST",
            &format!("/subjects/{subject}/versions"),
            r#"{"schema":"{\"type\":\"record\",\"name\":\"B\",\"fields\":[]}"}"#,
        );
    }
    set("PUT", "/config/gone", r#"{"compatibility":"FORWARD"}"#);
    for subject in ["base", "gone"] {
        set("DELETE", &format!("/subjects/{subject}"), "");
    }
    // A live one may refer to what is soft-deleted.
    set(
        "POST",
        "/subjects/user/versions",
        r#"{"schema":"{\"type\":\"array\",\"items\":\"B\"}","references":[{"name":"B","subject":"base","version":1}]}"#,
    );
    set("PUT", "/config/nick", r#"{"alias":"user"}"#);
    set("PUT", "/config/%3A.__GLOBAL%3A", r#"{"compatibility":"FULL"}"#);
    // Settings may be there before the first version.
    set("PUT", "/config/soon", r#"{"compatibility":"NONE"}"#);
    set("PUT", "/mode/soon", r#"{"mode":"READONLY"}"#);
    let dump = server.out(&["schema", "export"], b"");
    other.out(&["schema", "import"], dump.as_bytes());
    for path in [
        "/subjects",
        "/subjects?deletedOnly=true",
        "/subjects/nick/versions/1",
        "/config/gone",
        "/config/nick",
        "/config/%3A.__GLOBAL%3A",
        "/config/%3A.%3A",
        "/config",
        "/config/soon",
        "/mode/soon",
    ] {
        let (here, there) = (call(&server, "GET", path, ""), call(&other, "GET", path, ""));
        assert_eq!((here.status, here.json()), (there.status, there.json()), "{path}");
    }
    assert_eq!(call(&other, "GET", "/config/%3A.%3A", "").status, 404, "what holds for all is not the default context's own");
    // From outside, what lists show.
    let url = format!("http://{}", server.ready["http"].as_str().unwrap());
    let lists = bare(&["schema", "export", "--registry", &url]).output().unwrap();
    let lists = String::from_utf8(lists.stdout).unwrap();
    for scope in ["gone", "nick", ":.__GLOBAL:"] {
        assert!(lists.contains(&format!(r#"{{"keytype":"CONFIG","subject":"{scope}","magic":0}}"#)), "{scope}: {lists}");
    }
}

/// A topic's name stands for the subject of its values; the schema's own name, and what is there, stand for themselves.
#[test]
fn a_schema_is_registered_for_a_topic() {
    let server = Server::ephemeral();
    let dir = tempfile::tempdir().unwrap();
    let avsc = dir.path().join("test.avsc");
    std::fs::write(&avsc, FULL_NAME).unwrap();
    let avsc = avsc.to_str().unwrap();
    for (subject, arguments, registered) in [
        ("places", &[][..], "places-value"),
        ("places", &["--exact"], "places"),
        ("places", &[], "places"),
        ("places-key", &[], "places-key"),
        ("com.example.FullName", &[], "com.example.FullName"),
    ] {
        let said = server.out(&[&["schema", "register", subject, avsc], arguments].concat(), b"");
        assert_eq!(said, format!("registered {registered}   version 1, id 1\n"));
    }
    let of_place = dir.path().join("place.avsc");
    std::fs::write(&of_place, r#"{"type":"record","name":"Of","fields":[{"name":"who","type":"com.example.FullName"}]}"#)
        .unwrap();
    // A reference finds what was registered by the same name.
    let said = server.out(&["schema", "register", "shared", avsc], b"");
    assert_eq!(said, "registered shared-value   version 1, id 1\n");
    let reference = "com.example.FullName=shared:1";
    let said = server.out(&["schema", "register", "of", of_place.to_str().unwrap(), "--reference", reference], b"");
    assert_eq!(said, "registered of-value   version 1, id 2\n");
    assert_eq!(server.out(&["schema", "check", "new", avsc], b""), format!("{avsc} could be registered as new-value\n"));
    server.out(&["produce", "places"], br#"{"first":"john","last":"doe"}"#);
    assert_eq!(server.run(&["read", "places", "-f", "%s", "-q"], b"").stdout, b"\x00\x00\x00\x00\x01\x08john\x06doe");
}
