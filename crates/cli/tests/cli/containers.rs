//! `export` and `import`: a topic as an Avro container file, and back.

use std::{
    io::Write,
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::{
    http::ask,
    server::{Server, bare},
};

const FIRST: &str = r#"{"type":"record","name":"Person","fields":[{"name":"id","type":"long"},{"name":"name","type":{"type":"record","name":"Name","fields":[{"name":"last","type":["null","string"]}]}}]}"#;
const SECOND: &str = r#"{"type":"record","name":"Person","fields":[{"name":"id","type":"long"},{"name":"name","type":{"type":"record","name":"Name","fields":[{"name":"last","type":["null","string"]}]}},{"name":"age","type":"int","default":7}]}"#;

struct Ground {
    server: Server,
    dir: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let ground = Self { server: Server::ephemeral(), dir: tempfile::tempdir().unwrap() };
        std::fs::write(ground.path("first.avsc"), FIRST).unwrap();
        std::fs::write(ground.path("second.avsc"), SECOND).unwrap();
        ground
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Exit code, stdout and stderr of a command in the folder.
    fn run(&self, words: &[&str]) -> (i32, String, String) {
        let output = self.server.command(words).current_dir(self.dir.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Stdout and stderr, when it must succeed.
    fn out(&self, words: &[&str]) -> (String, String) {
        let (code, out, err) = self.run(words);
        assert_eq!(code, 0, "{words:?}: {err}");
        (out, err)
    }

    fn json(&self, file: &str) -> String {
        let output = bare(&["avro", "tojson", file]).current_dir(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A container file of these lines.
    fn file(&self, name: &str, schema: &str, lines: &str) {
        std::fs::write(self.path("lines.json"), lines).unwrap();
        self.out(&["avro", "fromjson", "--schema", schema, "lines.json", "-O", name]);
    }

    /// The bytes of a topic's only key.
    fn key(&self, topic: &str) -> Vec<u8> {
        self.server.run(&["read", topic, "-f", "%k", "-q"], b"").stdout
    }

    fn random(&self, file: &str, schema: &str, count: &str) {
        self.out(&["avro", "random", "-s", schema, "--count", count, "--seed", "5", "--codec", "deflate", file]);
    }
}

#[test]
fn what_is_imported_is_exported_again() {
    let ground = Ground::new();
    ground.random("in.avro", "first.avsc", "25000");
    let (said, _) = ground.out(&["import", "in.avro", "people", "--key", "id", "-z", "zstd", "-o", "json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        said,
        serde_json::json!({"file":"in.avro","topic":"people","records":25000,"subject":"people-value","version":1,"id":1})
    );
    let (said, _) = ground.out(&["export", "people", "out.avro", "--codec", "zstandard", "-o", "json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["records"], &said["subject"], &said["id"]), (&25000.into(), &"people-value".into(), &1.into()));
    assert_eq!(ground.json("in.avro"), ground.json("out.avro"));
    let (codec, _) = ground.out(&["avro", "meta", "--key", "avro.codec", "out.avro"]);
    assert_eq!(codec, "zstandard\n");
    // The key is the field, and a part of the topic is a part of the file.
    let (keys, _) = ground.out(&["read", "people", "-f", "%k\\n", "--offset", "7:9", "-q"]);
    ground.out(&["export", "people", "part.avro", "--offset", "7:9"]);
    let part = ground.json("part.avro");
    let ids: Vec<String> = part.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["id"].to_string()).collect();
    assert_eq!(keys.lines().collect::<Vec<_>>(), ids);
    assert_eq!(part, ground.json("in.avro").lines().skip(7).take(2).map(|l| format!("{l}\n")).collect::<String>());
    // The schema is found again, not registered twice; stdout is a file too.
    let (said, _) = ground.out(&["import", "part.avro", "people", "--partition", "0"]);
    assert_eq!(said, "part.avro to people   2 records   people-value v1 (id 1)\n");
    let piped = ground.server.run(&["export", "people", "-", "--offset", "-2", "-q"], b"");
    std::fs::write(ground.path("piped.avro"), piped.stdout).unwrap();
    assert_eq!(ground.json("piped.avro"), part);
}

#[test]
fn versions_are_read_into_one() {
    let ground = Ground::new();
    ground.out(&["schema", "register", "people", "first.avsc"]);
    ground.out(&["produce", "people", r#"{"id":1,"name":{"last":"doe"}}"#]);
    ground.out(&["schema", "register", "people", "second.avsc"]);
    ground.out(&["produce", "people", r#"{"id":2,"name":{"last":null},"age":41}"#]);
    ground.out(&["produce", "people", "-k", "x", "--tombstone"]);
    let (out, talk) = ground.out(&["export", "people", "new.avro"]);
    assert_eq!(out, "people to new.avro   2 records   people-value v2 (id 2)\n");
    assert!(talk.contains("1 record of another schema, read into this one\n1 tombstone left out"), "{talk}");
    let (one, two) = (r#"{"id":1,"name":{"last":"doe"}"#, r#"{"id":2,"name":{"last":null}"#);
    assert_eq!(ground.json("new.avro"), format!("{one},\"age\":7}}\n{two},\"age\":41}}\n"));
    ground.out(&["export", "people", "old.avro", "--version", "1"]);
    assert_eq!(ground.json("old.avro"), format!("{one}}}\n{two}}}\n"));
    let id = r#"{"type":"record","name":"Person","fields":[{"name":"id","type":"double"}]}"#;
    ground.out(&["export", "people", "ids.avro", "--schema", id, "-n", "1"]);
    assert_eq!(ground.json("ids.avro"), "{\"id\":1.0}\n");
    // A schema may also be named by a header.
    let new = [("Confluent-Accept-Unknown-Properties", "true")];
    let door = ground.server.ready["http"].as_str().unwrap();
    let told = ask(door, "GET", "/subjects/people-value/versions/1", &new, b"").json();
    let guid = uuid::Uuid::parse_str(told["guid"].as_str().unwrap()).unwrap();
    let header = BASE64_STANDARD.encode([&[1], &guid.as_bytes()[..]].concat());
    let line = format!(r#"{{"value":{{"$base64":"BgA="}},"headers":[["__value_schema_id",{{"$base64":"{header}"}}]]}}"#);
    ground.server.out(&["produce", "named", "--json", "--raw"], line.as_bytes());
    ground.out(&["export", "named", "named.avro"]);
    assert_eq!(ground.json("named.avro"), "{\"id\":3,\"name\":{\"last\":null}}\n");
    let (code, _, err) = ground.run(&["export", "people", "none.avro", "--version", "9"]);
    assert!(code == 5 && err.contains("Version 9 not found") && err.contains("people-value latest"), "{code} {err}");
    let (code, _, err) = ground.run(&["export", "people", "none.avro", "--registry", "http://127.0.0.1:1"]);
    assert!(code == 3 && !err.contains("people-value latest"), "{code} {err}");
    // Elsewhere there is no such subject: the first record tells the schema.
    let lines = ground.server.run(&["read", "people", "--raw", "-q"], b"").stdout;
    ground.server.out(&["produce", "others", "--json", "--raw"], &lines);
    let (out, _) = ground.out(&["export", "others", "others.avro"]);
    assert_eq!(out, "others to others.avro   2 records   schema 1\n");
    assert_eq!(ground.json("others.avro"), ground.json("old.avro"));
}

#[test]
fn what_cannot_be_decoded_is_named_or_left_out() {
    let ground = Ground::new();
    ground.out(&["schema", "register", "people", "first.avsc"]);
    ground.out(&["produce", "people", r#"{"id":1,"name":{"last":"doe"}}"#]);
    ground.server.out(&["produce", "people", "--raw"], b"no Avro");
    ground.server.out(&["produce", "people", "--raw", "--whole"], b"\0\0\0\0\x09\x02");
    ground.server.out(&["produce", "people", "--raw", "--whole"], b"\0\0\0\0\x01\x02\0\0");
    std::fs::write(ground.path("people.avro"), "as it was").unwrap();
    let (code, _, err) = ground.run(&["export", "people", "people.avro"]);
    assert!(code == 1 && err.contains("people/0 @1 cannot be decoded") && err.contains("magic byte"), "{code} {err}");
    let (_, _, err) = ground.run(&["export", "people", "people.avro", "--offset", "2:"]);
    assert!(err.contains("people/0 @2 cannot be decoded") && err.contains("Schema 9 not found"), "{err}");
    let (_, _, err) = ground.run(&["export", "people", "people.avro", "--offset", "3:"]);
    assert!(err.contains("people/0 @3 cannot be decoded") && err.contains("data of schema 1"), "{err}");
    assert_eq!(std::fs::read_to_string(ground.path("people.avro")).unwrap(), "as it was");
    let (out, err) = ground.out(&["export", "people", "people.avro", "--skip-bad", "-o", "json"]);
    assert!(out.contains("\"records\":1,") && out.contains("\"skipped\":3"), "{out}");
    assert_eq!(err, "");
    let (_, err) = ground.out(&["export", "people", "people.avro", "--skip-bad"]);
    assert!(err.contains("3 records left out that cannot be decoded; the first: people/0 @1: "), "{err}");
    assert_eq!(ground.json("people.avro").lines().count(), 1);
    // Without any schema there is nothing to write a file by.
    ground.server.out(&["produce", "plain"], b"no Avro");
    let (code, _, err) = ground.run(&["export", "plain", "plain.avro", "--skip-bad"]);
    assert!(code == 5 && err.contains("there is no schema for the values of plain"), "{code} {err}");
    assert!(!ground.path("plain.avro").exists());
    let (code, _, err) = ground.run(&["export", "peoples", "x.avro"]);
    assert!(code == 5 && err.contains("milena export people"), "{code} {err}");
    assert_eq!(ground.run(&["export", "people", "-", "-o", "json"]).0, 64);
    std::fs::write(ground.path("s.json"), r#"{"type":"object"}"#).unwrap();
    ground.out(&["schema", "register", "objects", "s.json"]);
    ground.server.out(&["produce", "objects"], b"{}");
    let (code, _, err) = ground.run(&["export", "objects", "objects.avro"]);
    assert!(code == 1 && err.contains("a container file holds Avro") && err.contains("milena read objects"), "{code} {err}");
}

#[test]
fn an_import_is_refused_before_its_first_record() {
    let ground = Ground::new();
    std::fs::write(ground.path("other.avsc"), FIRST.replace("\"long\"", "\"boolean\"")).unwrap();
    ground.random("in.avro", "first.avsc", "10");
    ground.out(&["schema", "register", "people", "other.avsc"]);
    let (code, _, err) = ground.run(&["import", "in.avro", "people"]);
    assert!(code == 6 && err.contains("cannot be registered as people-value; nothing was written"), "{code} {err}");
    assert!(err.contains("incompatible") && err.contains("milena schema level --subject people-value"), "{err}");
    assert_eq!(ground.out(&["read", "people", "-q"]).0, "");
    let (code, _, err) = ground.run(&["import", "in.avro", "people", "--key", "name.first"]);
    assert!(code == 64 && err.contains("no field \"name.first\""), "{code} {err}");
    assert_eq!(ground.run(&["import", "missing.avro", "people"]).0, 5);
    // Bare, it asks no registry.
    let mut command = ground.server.command(&["import", "in.avro", "people", "--raw", "--key", "name.last"]);
    let output = command.env("MILENA_REGISTRY_URL", "http://127.0.0.1:1").current_dir(ground.dir.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "in.avro to people   10 records   without a schema\n", "{output:?}");
    let first = ground.server.run(&["read", "people", "-n", "1", "-f", "%s", "-q"], b"").stdout;
    std::fs::write(ground.path("first.bin"), first).unwrap();
    let (datum, _) = ground.out(&["avro", "decode", "-s", "first.avsc", "first.bin"]);
    assert_eq!(datum, ground.json("in.avro").lines().next().unwrap().to_owned() + "\n");
}

#[test]
fn an_import_that_stops_says_how_far_it_came() {
    let ground = Ground::new();
    ground.random("in.avro", "first.avsc", "20000");
    let bytes = std::fs::read(ground.path("in.avro")).unwrap();
    std::fs::write(ground.path("cut.avro"), &bytes[..bytes.len() - 40]).unwrap();
    let (code, _, err) = ground.run(&["import", "cut.avro", "people"]);
    assert!(code == 1 && err.contains("milena avro repair cut.avro"), "{code} {err}");
    let told: usize = err.split_once("stopped after ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    let (lines, _) = ground.out(&["read", "people", "-f", "%o\\n", "-q"]);
    assert!(told > 0 && lines.lines().count() == told, "{told}: {err}");
}

#[test]
fn keys_are_encoded_by_their_schema_too() {
    let ground = Ground::new();
    ground.random("in.avro", "first.avsc", "1");
    std::fs::write(ground.path("key.avsc"), "\"long\"").unwrap();
    ground.out(&["schema", "register", "people-key", "key.avsc"]);
    ground.out(&["import", "in.avro", "people", "--key", "id"]);
    let id: Value = serde_json::from_str(&ground.json("in.avro")).unwrap();
    let raw = ground.server.run(&["read", "people", "-f", "%k", "-q"], b"").stdout;
    assert_eq!(raw[..5], [0, 0, 0, 0, 1]);
    let (read, _) = ground.out(&["read", "people", "-q"]);
    assert!(read.contains(&format!("\"key\":\"{}\"", id["id"])), "{read}");
}

#[test]
fn nothing_is_registered_for_a_partition_that_is_not_there() {
    let ground = Ground::new();
    ground.random("in.avro", "first.avsc", "1");
    let (code, _, err) = ground.run(&["import", "in.avro", "people", "-p", "99"]);
    assert!(code == 5 && err.contains("99"), "{code} {err}");
    assert!(!ground.out(&["schema", "ls"]).0.contains("people-value"));
}

#[test]
fn a_key_is_the_fields_own_bytes() {
    let ground = Ground::new();
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"b","type":["null","bytes"]},
        {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":4}},
        {"name":"f","type":{"type":"fixed","name":"F","size":2}},{"name":"s","type":"string"},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["UP"]}},{"name":"l","type":"long"},
        {"name":"a","type":{"type":"array","items":"int"}}]}"#;
    let bytes = r#""\u00ff\u0001""#;
    let line = format!(r#"{{"b":{{"bytes":{bytes}}},"d":{bytes},"f":{bytes},"s":"é","e":"UP","l":17,"a":[1,2]}}"#);
    ground.file("in.avro", schema, &line);
    let cases: [(&str, &[u8]); 7] = [
        ("b", b"\xff\x01"),
        ("d", b"\xff\x01"),
        ("f", b"\xff\x01"),
        ("s", "é".as_bytes()),
        ("e", b"UP"),
        ("l", b"17"),
        ("a", b"[1,2]"),
    ];
    for (field, key) in cases {
        ground.out(&["import", "in.avro", field, "--key", field]);
        assert_eq!(ground.key(field), key, "{field}");
    }
}

#[test]
fn a_key_that_is_not_where_it_should_be_is_told() {
    let ground = Ground::new();
    let schema = r#"{"type":"record","name":"P","fields":[{"name":"name","type":["null","string",
        {"type":"record","name":"N","fields":[{"name":"last","type":"string"}]}]}]}"#;
    ground.file("in.avro", schema, r#"{"name":null} {"name":{"N":{"last":"doe"}}} {"name":{"string":"john"}}"#);
    let (code, _, err) = ground.run(&["import", "in.avro", "people", "--key", "name.last"]);
    assert!(code == 1 && err.contains("record 3 of in.avro has no key: name is string there"), "{code} {err}");
    assert!(err.contains("stopped after 2 acknowledged records\n"), "{err}");
    assert_eq!(ground.out(&["read", "people", "-f", "[%k]", "-q"]).0, "[][doe]");
}

#[test]
fn a_key_that_does_not_fit_its_schema_is_told_or_is_a_string() {
    let ground = Ground::new();
    ground.file("in.avro", FIRST, r#"{"id":17,"name":{"last":{"string":"doe"}}}"#);
    std::fs::write(ground.path("long.avsc"), "\"long\"").unwrap();
    std::fs::write(ground.path("string.avsc"), "\"string\"").unwrap();
    ground.out(&["schema", "register", "longs-key", "long.avsc"]);
    ground.out(&["schema", "register", "strings-key", "string.avsc"]);
    let (code, _, err) = ground.run(&["import", "in.avro", "longs", "--key", "name.last"]);
    assert!(code == 1 && err.contains("the key of record 1 does not fit longs-key"), "{code} {err}");
    ground.out(&["import", "in.avro", "strings", "--key", "id"]);
    assert_eq!(ground.key("strings")[5..], *b"\x0417");
}

/// One that is too large stands in the middle, once behind a window of records and once among few.
#[test]
fn a_refused_record_is_told_by_its_number_and_those_behind_it_are_counted() {
    let ground = Ground::new();
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"n","type":"long"},{"name":"t","type":"string"}]}"#;
    for (topic, large, all) in [("few", 7, 20), ("many", 10_006, 14_000)] {
        let text = |n| if n == large { "x".repeat(2 << 20) } else { String::new() };
        let lines: String = (1..=all).map(|n| format!("{{\"n\":{n},\"t\":\"{}\"}}\n", text(n))).collect();
        ground.file("in.avro", schema, &lines);
        let (code, _, err) = ground.run(&["import", "in.avro", topic, "-p", "0"]);
        let before = large - 1;
        let words = format!("stopped after {before} acknowledged records; record {large} was refused");
        assert!(code == 1 && err.contains(&words), "{topic}: {code} {err}");
        assert!(err.contains(&format!("milena avro cat --offset {before} in.avro - | milena import - {topic} -p 0 ")), "{err}");
        assert!(!err.contains("not known"), "{err}");
        let behind = err.split_once("refused, and ").map_or(0, |(_, rest)| rest.split(' ').next().unwrap().parse().unwrap());
        let written = ground.out(&["read", topic, "-f", ".", "-q"]).0.len();
        assert_eq!(written, before + behind, "{topic}: {err}");
    }
}

/// The end of a command that must come soon.
#[track_caller]
fn interrupted(mut child: Child) -> i32 {
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap();
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it does not hear Ctrl-C");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_pipe_has_given_is_written_while_it_waits_for_more() {
    let ground = Ground::new();
    ground.random("in.avro", "first.avsc", "10000");
    let bytes = std::fs::read(ground.path("in.avro")).unwrap();
    let mut child = ground.server.command(&["import", "-", "people"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&bytes[..bytes.len() - 1]).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while !ground.server.run(&["read", "people", "-n", "1", "-f", "%o", "-q"], b"").stdout.starts_with(b"0") {
        assert!(Instant::now() < end, "nothing was written");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(interrupted(child), 130);
    // Not even a header has come.
    let mut child = ground.server.command(&["import", "-", "people"]).stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(interrupted(child), 130);
    drop(stdin);
}

#[test]
fn an_export_whose_reader_sleeps_hears_ctrl_c() {
    let ground = Ground::new();
    ground.random("in.avro", "first.avsc", "40000");
    ground.out(&["import", "in.avro", "people"]);
    let mut child = ground.server.command(&["export", "people", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "the pipe has room for all of it");
    assert_eq!(interrupted(child), 130);
    drop(stdout);
    // Nobody has opened the other end yet.
    assert!(std::process::Command::new("mkfifo").arg(ground.path("pipe")).status().unwrap().success());
    let mut command = ground.server.command(&["export", "people", "pipe"]);
    let child = command.current_dir(ground.dir.path()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(interrupted(child), 130);
    // A reader that leaves is no failure.
    let mut child = ground.server.command(&["export", "people", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
