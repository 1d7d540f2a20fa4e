//! `milena copy` from one broker of ours to another: everything that moves, a run that is broken off, and a copy that is not one.
//! From Apache Kafka it is the lane `copy`.

use serde_json::{Value, json};

use crate::server::{Server, settled};

struct Ends {
    from: Server,
    to: Server,
}

impl Ends {
    fn new() -> Self {
        Self { from: Server::ephemeral(), to: Server::ephemeral() }
    }

    fn copy(&self, words: &[&str]) -> (Option<i32>, String) {
        let all = [&["copy", "--from", self.from.kafka()], words].concat();
        let output = self.to.run(&all, b"");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }
}

/// All messages of a topic without what a copy cannot keep.
fn messages(server: &Server, topic: &str) -> Vec<Value> {
    let lines = server.out(&["read", topic, "-o", "jsonl"], b"");
    let mut all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    all.iter_mut().for_each(|m| m["offset"] = Value::Null);
    all.sort_by_key(|m| (m["partition"].as_i64(), m.to_string()));
    all
}

#[test]
fn everything_moves_in() {
    let ends = Ends::new();
    let Ends { from, to } = &ends;
    from.out(
        &["topic", "create", "orders", "--partitions", "3", "--set", "retention.ms=99999999", "--set", "cleanup.policy=compact"],
        b"",
    );
    from.out(&["produce", "orders", "-H", "trace=7", "-k", "john", "first", "second"], b"");
    from.out(&["produce", "orders", "-k", "john", "--tombstone"], b"");
    let lines: Vec<String> = (0..500).map(|n| format!("k{n}\tvalue {n}")).collect();
    from.out(&["produce", "orders", "--key-separator", "\t", "-z", "zstd"], lines.join("\n").as_bytes());
    from.out(&["produce", "trimmed"], b"1\n2\n3\n4\n5\n");
    from.out(&["topic", "trim", "trimmed", "--before", "3", "--yes"], b"");
    from.out(&["group", "reset", "billing", "trimmed", "--to", "4", "--yes"], b"");
    let schema = br#"{"type":"record","name":"A","fields":[]}"#;
    from.out(&["schema", "register", "a-value", "-"], schema);
    let (code, plan) = ends.copy(&["--dry-run"]);
    assert!(code == Some(0) && plan.contains("trimmed") && plan.contains("at most 2 records   new"), "{plan}");
    assert_eq!(to.out(&["topic", "ls", "-o", "json"], b"").lines().filter(|l| l.contains("orders")).count(), 0);

    let (code, said) = ends.copy(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("503 copied, 0 were there") && said.contains("offsets of partition 0: 3 → 0"), "{said}");
    assert_eq!(messages(from, "orders"), messages(to, "orders"));
    let position: Value = serde_json::from_str(&to.out(&["group", "show", "billing", "-o", "json"], b"")).unwrap();
    assert!(position.to_string().contains(r#""position":1"#), "offset 4 there is offset 1 here: {position}");
    let settings = to.out(&["config", "show", "--topic", "orders", "-o", "json"], b"");
    assert!(settings.contains("99999999") && settings.contains("compact"), "{settings}");
    let registry = to.ready["http"].as_str().unwrap();
    let schemas = crate::http::ask(registry, "GET", "/subjects/a-value/versions/1", &[], b"").json();
    assert_eq!(schemas["id"], 1);

    // Again: nothing is there twice. What was written meanwhile comes behind it.
    from.out(&["produce", "orders", "-k", "late", "one more"], b"");
    let (code, said) = ends.copy(&[]);
    assert!(code == Some(0) && said.contains("1 copied, 503 were there"), "{said}");
    assert_eq!(messages(from, "orders"), messages(to, "orders"));
}

#[test]
fn what_is_no_copy_is_not_added_to() {
    let ends = Ends::new();
    ends.from.out(&["produce", "orders"], b"1\n2\n3\n");
    ends.to.out(&["produce", "orders"], b"somebody's own\n");
    let (code, said) = ends.copy(&["orders"]);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("does not agree with its source at partition 0, offset 0"), "{}", settled(&said));
    assert_eq!(messages(&ends.to, "orders").len(), 1, "nothing was added");
    let (code, said) = ends.copy(&["ordres"]);
    assert!(code == Some(5) && said.contains("did you mean \"orders\"?"), "{said}");
    let itself = ends.from.run(&["copy", "--from", ends.from.kafka()], b"");
    assert_eq!(itself.status.code(), Some(64));
    assert_eq!(json!(ends.copy(&["--from-nowhere"]).0), 64);
}
