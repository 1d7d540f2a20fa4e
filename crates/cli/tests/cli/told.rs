//! What commands did, as programs read it: stdout is JSON and nothing else, whatever is said on stderr.

use std::{io::Read, process::Stdio};

use serde_json::{Value, json};

use crate::server::{Server, bare, feed};

/// A command's one JSON value.
#[track_caller]
fn of(server: &Server, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["-o", "json"]].concat();
    let text = server.out(&arguments, b"");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {text}"))
}

/// These fields have these values.
#[track_caller]
fn has(found: &Value, fields: Value) {
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&found[name], value, "{name} of {found:#}");
    }
}

#[test]
fn topics() {
    let server = Server::ephemeral();
    let made = of(&server, &["topic", "create", "old", "-P", "2", "--set", "retention.ms=-1"]);
    has(&made, json!({"topic": "old", "partitions": 2, "replication": 1, "created": true, "configs": {"retention.ms": "-1"}}));
    let id = made["id"].clone();
    assert_eq!(id, of(&server, &["topic", "show", "old"])["id"]);
    has(&of(&server, &["topic", "create", "old", "--if-not-exists"]), json!({"id": id, "partitions": 2, "created": false}));
    server.out(&["produce", "old", "--time", "-1h"], b"1\n2\n3\n");
    let plan = of(&server, &["topic", "set", "old", "retention.ms=60000"]);
    has(&plan, json!({"dry_run": true, "losses": [{"topic": "old", "messages": 3}]}));
    let change = json!([{"name": "retention.ms", "old": "-1", "new": "60000", "default": false}]);
    has(&plan, json!({"topic": "old", "id": id, "changed": change}));
    let set = of(&server, &["topic", "set", "old", "-P", "3", "max.message.bytes=2000", "--unset", "retention.ms"]);
    has(&set, json!({"dry_run": false, "partitions": {"old": 2, "new": 3}}));
    has(&set["changed"][0], json!({"name": "max.message.bytes", "old": "1048588", "new": "2000"}));
    has(&set["changed"][1], json!({"name": "retention.ms", "old": "-1", "new": "-1", "default": true}));
    let trim = of(&server, &["topic", "trim", "old", "--before", "end"]);
    assert!(trim.as_array().unwrap().iter().all(|row| row["dry_run"] == true), "{trim}");
    let copied = of(&server, &["topic", "clone", "old", "copy"]);
    has(&copied, json!({"from": "old", "topic": "copy", "partitions": 3, "messages": 3}));
    assert_eq!(copied["configs"]["max.message.bytes"], "2000");
    has(&of(&server, &["topic", "rm", "old"]), json!({"topic": "old", "id": id, "for_good": false, "dry_run": false}));
    let back = of(&server, &["topic", "restore", "old", "--as", "new"]);
    has(&back, json!({"topic": "new", "id": id, "partitions": 3, "restored": "old"}));
    let plan = of(&server, &["topic", "rm", "new", "--now"]);
    has(&plan, json!({"topic": "new", "id": id, "messages": 3, "for_good": true, "dry_run": true}));
    has(&of(&server, &["topic", "rm", "new", "--now", "--yes"]), json!({"for_good": true, "dry_run": false}));
    // The other forms say the same.
    let line = server.out(&["topic", "create", "a", "-o", "jsonl"], b"");
    assert_eq!(line.lines().count(), 1, "{line}");
    let csv = server.out(&["topic", "rm", "a", "-o", "csv"], b"");
    assert!(csv.starts_with("topic,id,for_good,dry_run\na,") && csv.ends_with(",false,false\n"), "{csv}");
}

/// A failure is told on stderr, in four lines, and stdout is empty.
#[test]
fn failures() {
    let server = Server::ephemeral();
    server.out(&["topic", "create", "there"], b"");
    for (arguments, code) in [
        (&["topic", "create", "there"][..], 6),
        (&["topic", "rm", "nowhere"], 5),
        (&["group", "rm", "nobody"], 5),
        (&["config", "set", "background.threads=x"], 1),
        (&["explain", "lagg"], 5),
        (&["take", "there", "--wait", "0s"], 2),
    ] {
        let output = server.run(&[arguments, &["-o", "json"]].concat(), b"");
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.stdout.is_empty() && talk.starts_with("error: ") && talk.lines().count() <= 4, "{arguments:?}: {talk}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {talk}");
    }
}

#[test]
fn groups_and_settings() {
    let server = Server::ephemeral();
    server.out(&["produce", "people"], b"1\n2\n");
    let plan = of(&server, &["group", "reset", "g", "people", "--to", "start"]);
    has(&plan[0], json!({"topic": "people", "dry_run": true}));
    server.out(&["group", "reset", "g", "people", "--to", "start", "--yes"], b"");
    has(&of(&server, &["group", "rm", "g"]), json!({"group": "g", "positions": 1, "dry_run": true}));
    has(&of(&server, &["group", "rm", "g", "--yes"]), json!({"group": "g", "positions": 1, "dry_run": false}));
    let tried = of(&server, &["config", "set", "--dry-run", "background.threads=12"]);
    let change = json!([{"name": "background.threads", "old": "10", "new": "12", "default": false}]);
    has(&tried, json!({"type": "broker", "dry_run": true, "changed": change}));
    let set = of(&server, &["config", "set", "--cluster", "log.retention.ms=86400000"]);
    has(&set, json!({"type": "cluster", "name": null, "dry_run": false}));
    has(&set["changed"][0], json!({"name": "log.retention.ms", "old": null, "new": "86400000"}));
    let unset = of(&server, &["config", "set", "--topic", "people", "--unset", "retention.ms"]);
    has(&unset["changed"][0], json!({"name": "retention.ms", "old": "86400000", "new": "86400000", "default": true}));
}

#[test]
fn what_needs_no_broker() {
    let dir = tempfile::tempdir().unwrap();
    let one = |arguments: &[&str]| -> Value {
        let mut command = bare(&[arguments, &["-o", "json"]].concat());
        command.current_dir(dir.path()).env("HOME", dir.path());
        let output = feed(command, b"");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {output:?}"))
    };
    has(&one(&["version"]), json!({"version": env!("CARGO_PKG_VERSION")}));
    assert!(one(&["version", "--licences"])["licences"].as_str().is_some_and(|text| text.contains("tokio")));
    let error = json!({"kind": "error", "name": "REBALANCE_IN_PROGRESS", "code": 27});
    has(&one(&["explain", "27"]), error);
    has(&one(&["explain", "lag"]), json!({"kind": "word", "name": "lag"}));
    has(&one(&["explain", "d08"]), json!({"kind": "check", "id": "D08"}));
    let setting = json!({"kind": "setting", "name": "retention.ms", "of": ["topics"]});
    has(&one(&["explain", "retention.ms"]), setting.clone());
    has(&one(&["config", "explain", "retention.ms"]), setting);
    has(&one(&["config", "check"]), json!({"file": null, "right": true}));
    has(&one(&["context"]), json!({"broker": "localhost:9092"}));
    has(&one(&["context", "add", "shop", "shop:9092"]), json!({"context": "shop", "broker": "shop:9092"}));
    has(&one(&["context", "use", "shop"]), json!({"context": "shop", "broker": "shop:9092", "used": true}));
    has(&one(&["context", "ls"])[0], json!({"context": "shop", "used": true}));
    has(&one(&["context", "rm", "shop"]), json!({"context": "shop", "removed": true}));
    // The word may stand before the verb as well.
    has(&one(&["context", "add", "other", "other:9092"]), json!({"context": "other"}));
}

#[test]
fn waiting_and_pings() {
    let server = Server::ephemeral();
    has(&of(&server, &["wait", "ready"]), json!({"ready": true, "broker": server.kafka()}));
    assert_eq!(server.out(&["wait", "ready"], b""), "", "people wait for the end alone");
    let ping = ["ping", "-c", "2", "-i", "200ms", "--produce", "pings"];
    let told = of(&server, &ping);
    has(&told, json!({"sent": 2, "answered": 2, "lost_percent": 0}));
    has(&told["exchanges"][1], json!({"number": 2, "answered": true, "topic": "pings", "offset": 1}));
    assert!(told["exchanges"][0]["ms"].as_f64() <= told["max_ms"].as_f64(), "{told}");
    let lines = server.out(&[&ping[..], &["-o", "jsonl"]].concat(), b"");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["number"], &lines[2]["sent"]), (3, &json!(1), &json!(2)));
    let csv = server.out(&["ping", "-c", "1", "-o", "csv"], b"");
    assert!(csv.starts_with("number,answered,ms,tcp_ms,") && csv.lines().count() == 2, "{csv}");
    let silent = server.run(&["ping", "-c", "1", "127.0.0.1:1", "-o", "json"], b"");
    let told: Value = serde_json::from_slice(&silent.stdout).unwrap();
    assert_eq!((silent.status.code(), &told["exchanges"][0]["answered"]), (Some(2), &json!(false)), "{told}");
    let top = of(&server, &["top", "-n", "1", "-i", "100ms"]);
    assert!(top["lines"][0]["connections"].is_number(), "{top}");
}

#[test]
fn queues() {
    let server = Server::ephemeral();
    server.out(&["produce", "jobs"], b"1\n2\n3\n");
    let taken = of(&server, &["take", "jobs", "-n", "3"]);
    let lease = |n: usize| taken[n]["lease"].as_str().unwrap();
    assert_eq!((taken.as_array().unwrap().len(), &taken[2]["id"]), (3, &json!("jobs/0/2")));
    let longer = of(&server, &["extend", lease(0), "--for", "10m"]);
    has(&longer[0], json!({"lease": lease(0), "verb": "extend", "done": true}));
    let new = longer[0]["new_lease"].as_str().unwrap();
    // Of several, each is told, also those that were not done.
    let output = server.run(&["ack", lease(0), new, "-o", "json"], b"");
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("1 of 2"), "{output:?}");
    assert_eq!((&rows[0]["done"], &rows[1]["done"]), (&json!(false), &json!(true)), "{rows}");
    assert!(rows[0]["error"].is_string() && rows[1]["error"].is_null(), "{rows}");
    has(&of(&server, &["nack", lease(1), "--reject"])[0], json!({"verb": "reject", "done": true}));
    let plan = of(&server, &["queue", "redrive", "jobs"]);
    has(&plan, json!({"queue": "jobs", "group": "workers", "messages": 1, "dry_run": true}));
    assert_eq!(plan["samples"][0]["from"], "jobs/0/1");
    has(&of(&server, &["queue", "redrive", "jobs", "--yes"]), json!({"messages": 1, "dry_run": false}));
    has(&of(&server, &["queue", "pause", "workers"]), json!({"group": "workers", "paused": true}));
    has(&of(&server, &["queue", "resume", "workers"]), json!({"group": "workers", "paused": false}));
    let set = of(&server, &["queue", "set", "workers", "--deliveries", "3"]);
    has(&set, json!({"group": "workers", "set": {"max_deliveries": 3}, "dry_run": false}));
    let csv = server.out(&["take", "jobs", "-o", "csv", "--wait", "1s"], b"");
    assert!(csv.starts_with("id,delivery_count,key,value,"), "{csv}");
}

/// Letters stay where they were written when the group's next ones go elsewhere.
#[test]
fn dead_letters_that_lie_in_a_former_topic() {
    let server = Server::ephemeral();
    server.out(&["produce", "jobs"], b"1\n2\n");
    let reject = || {
        let taken = of(&server, &["take", "jobs"]);
        server.out(&["nack", "--reject", taken[0]["lease"].as_str().unwrap()], b"");
    };
    server.out(&["topic", "create", "first"], b"");
    server.out(&["topic", "create", "second"], b"");
    server.out(&["queue", "set", "workers", "--dead-letters", "first"], b"");
    reject();
    server.out(&["queue", "set", "workers", "--dead-letters", "second"], b"");
    let looked = server.run(&["queue", "dead", "jobs"], b"");
    let talk = String::from_utf8_lossy(&looked.stderr);
    assert!(looked.stdout.is_empty() && talk.contains("in second") && talk.contains("--from TOPIC"), "{looked:?}");
    let there = server.run(&["queue", "dead", "jobs", "--from", "first", "-o", "json"], b"");
    let rows: Value = serde_json::from_slice(&there.stdout).unwrap();
    assert_eq!((&rows[0]["from"], &rows[0]["id"]), (&json!("jobs/0/0"), &json!("first/0/0")), "{rows}");
    let talk = String::from_utf8_lossy(&there.stderr);
    assert!(talk.contains("they lie in first   (milena queue redrive jobs -g workers --from first)"), "{talk}");
    reject();
    has(&of(&server, &["queue", "redrive", "jobs"]), json!({"from": null, "messages": 1}));
    let plan = of(&server, &["queue", "redrive", "jobs", "--from", "first"]);
    has(&plan, json!({"from": "first", "messages": 1, "dry_run": true}));
    assert_eq!(plan["samples"][0]["from"], "jobs/0/0");
    has(&of(&server, &["queue", "redrive", "jobs", "--from", "first", "--yes"]), json!({"from": "first", "messages": 1}));
    has(&of(&server, &["queue", "redrive", "jobs", "--from", "first"]), json!({"messages": 0}));
    assert_eq!(server.run(&["queue", "dead", "jobs", "--from", "nowhere"], b"").status.code(), Some(5));
}

#[test]
fn schemas() {
    let server = Server::ephemeral();
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    };
    let (long, text) = (write("a.avsc", r#"{"type":"long"}"#), write("b.avsc", "\"string\""));
    has(&of(&server, &["schema", "register", "n", &long]), json!({"subject": "n-value", "version": 1, "id": 1, "type": "AVRO"}));
    has(&of(&server, &["schema", "check", "n", &long]), json!({"subject": "n-value", "compatible": true}));
    let checked = server.run(&["schema", "check", "n", &text, "-o", "json"], b"");
    let told: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((checked.status.code(), &told["compatible"]), (Some(2), &json!(false)));
    assert!(told["messages"][0].is_string(), "{told}");
    has(&of(&server, &["schema", "level", "NONE", "-s", "n-value"]), json!({"subject": "n-value", "level": "NONE"}));
    has(&of(&server, &["schema", "mode"]), json!({"subject": null, "mode": "READWRITE"}));
    server.out(&["schema", "register", "n", &text], b"");
    has(&of(&server, &["schema", "show", "n-value"]), json!({"subject": "n-value", "version": 2, "schema": "string"}));
    has(&of(&server, &["schema", "show", "--id", "1"]), json!({"schemaType": "AVRO"}));
    let diff = of(&server, &["schema", "diff", "n-value", "1", "latest"]);
    has(&diff, json!({"subject": "n-value", "old": 1, "new": 2, "same": false}));
    assert!(diff["lines"].as_array().unwrap().contains(&json!({"in": "new", "line": "\"string\""})), "{diff}");
    let gone = of(&server, &["schema", "rm", "n-value", "2"]);
    has(&gone, json!({"subject": "n-value", "versions": [2], "permanent": false, "dry_run": false}));
    let plan = of(&server, &["schema", "rm", "n-value", "2", "--permanent"]);
    has(&plan, json!({"versions": [2], "permanent": true, "dry_run": true}));
    has(&of(&server, &["schema", "restore", "n-value"]), json!({"subject": "n-value", "restored": 2, "version": 3, "id": 2}));
    let all = server.out(&["schema", "export"], b"");
    let import = server.out(&["schema", "import", "-o", "json"], all.as_bytes());
    let told: Value = serde_json::from_str(&import).unwrap();
    assert!(told["versions"].is_number() && told["records"].is_number(), "{told}");
}

#[test]
fn copies_of_everything() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let server = Server::start(&["--data", &path("data")]);
    server.out(&["produce", "people"], b"1\n2\n");
    let other = Server::ephemeral();
    let plan = of(&other, &["copy", "--from", server.kafka(), "--dry-run"]);
    has(&plan["topics"][0], json!({"topic": "people", "partitions": 1, "records_at_most": 2, "goes_on": false}));
    let copied = of(&other, &["copy", "--from", server.kafka()]);
    assert_eq!(copied["dry_run"], false);
    has(&copied["copied"][0], json!({"what": "topic", "topic": "people", "copied": 2, "there": 0, "offsets": []}));
    let listed = of(&server, &["support"]);
    has(&listed, json!({"file": null, "dry_run": true}));
    assert_eq!(listed["parts"][0]["name"], "version.txt");
    server.terminate();
    let one = |arguments: &[&str]| -> Value {
        let output = feed(bare(&[arguments, &["-o", "json"]].concat()), b"");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {output:?}"))
    };
    let kept = one(&["backup", &path("data"), &path("kept")]);
    has(&kept, json!({"from": path("data"), "to": path("kept"), "sound": true}));
    let back = one(&["restore", &path("kept"), &path("back")]);
    has(&back, json!({"files": kept["files"], "bytes": kept["bytes"], "made_at": kept["made_at"], "sound": true}));
}

#[test]
fn csv_of_nothing_has_its_first_line() {
    let server = Server::ephemeral();
    server.out(&["topic", "create", "t"], b"");
    server.out(&["group", "reset", "g", "t", "--to", "0", "--yes"], b"");
    for arguments in [&["read", "t"][..], &["group", "peek", "g"]] {
        let text = server.out(&[arguments, &["-q", "-o", "csv"]].concat(), b"");
        assert_eq!(text, "topic,partition,offset,ts,key,value\n", "{arguments:?}");
    }
}

#[test]
fn an_array_that_is_cut_off_is_one_value_nevertheless() {
    let server = Server::ephemeral();
    let line = format!("{}\n", "x".repeat(1_000));
    for _ in 0..4 {
        server.out(&["produce", "t"], line.repeat(5_000).as_bytes());
    }
    let mut child = server.command(&["read", "t", "-q", "-o", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    let (mut out, mut text) = (child.stdout.take().unwrap(), vec![0; 1_000]);
    out.read_exact(&mut text).unwrap();
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    out.read_to_end(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let rows: Vec<Value> = serde_json::from_slice(&text).expect("JSON");
    assert!(!rows.is_empty() && rows.len() < 20_000, "{}", rows.len());
}
