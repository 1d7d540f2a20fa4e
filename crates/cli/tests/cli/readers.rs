//! What readers did and did not, as people ask for it: history and undo, the life of a message, why a reader finds nothing,
//! and what retention removed unread.

use serde_json::Value;

use crate::server::Server;

fn json(server: &Server, arguments: &[&str]) -> Value {
    serde_json::from_str(&server.out(arguments, b"")).unwrap()
}

fn positions(server: &Server) -> Vec<i64> {
    let rows = json(server, &["group", "show", "billing", "--history", "-o", "json"]);
    rows.as_array().unwrap().iter().map(|row| row["position"].as_i64().unwrap()).collect()
}

#[test]
fn a_group_that_was_moved_by_mistake_is_moved_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    server.out(&["produce", "orders"], b"1\n2\n3\n4\n5\n");
    for to in ["2", "4", "0"] {
        server.out(&["group", "reset", "billing", "orders", "--to", to, "--yes"], b"");
    }
    assert_eq!(positions(&server), [2, 4, 0]);
    // A rewind is a plan first, with counts.
    let plan = json(&server, &["group", "reset", "billing", "--undo", "-o", "json"]);
    assert_eq!((&plan[0]["new_position"], &plan[0]["skipped"], &plan[0]["again"]), (&4.into(), &4.into(), &0.into()));
    assert_eq!(positions(&server), [2, 4, 0]);
    server.out(&["group", "reset", "billing", "--undo", "--yes"], b"");
    assert_eq!(positions(&server), [2, 4, 0, 4]);
    server.kill();
    let server = Server::on(dir.path());
    assert_eq!(positions(&server), [2, 4, 0, 4]);
    // It was a crash, and what was committed since is not before it.
    server.out(&["group", "reset", "billing", "orders", "--to", "5", "--yes"], b"");
    let plan = server.run(&["group", "reset", "billing", "--to-before-crash", "-o", "json"], b"");
    let rows: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!((&rows[0]["new_position"], &rows[0]["again"]), (&4.into(), &1.into()));
    let samples = String::from_utf8_lossy(&plan.stderr).into_owned();
    assert!(samples.contains("first again  orders/0/4 ") && samples.contains(" 5"), "{samples}");
    server.out(&["group", "reset", "billing", "--to-before-crash", "--yes"], b"");
    assert_eq!(positions(&server), [2, 4, 0, 4, 5, 4]);
    // Before all of it there was nothing.
    let before = server.run(&["group", "reset", "billing", "--to-before-time", "@2020-01-01T00:00:00Z"], b"");
    assert!(String::from_utf8_lossy(&before.stderr).contains("does not go back that far"), "{before:?}");
    let now = json(&server, &["group", "reset", "billing", "--to-before-time", "@-0s", "-o", "json"]);
    assert_eq!(now[0]["new_position"], 4);
}

/// Nothing is left out of a plan without a word.
#[test]
fn a_partition_whose_history_begins_later_is_said_to_stay() {
    let server = Server::ephemeral();
    for topic in ["orders", "letters"] {
        server.out(&["produce", topic], b"1\n2\n3\n");
    }
    server.out(&["group", "reset", "billing", "orders", "--to", "1", "--yes"], b"");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    for topic in ["orders", "letters"] {
        server.out(&["group", "reset", "billing", topic, "--to", "2", "--yes"], b"");
    }
    let back = ["group", "reset", "billing", "--to-before-time", "@-2s"];
    let plan = server.run(&[&back[..], &["-o", "json"]].concat(), b"");
    let rows: Value = serde_json::from_slice(&plan.stdout).unwrap();
    let row = |topic: &str| rows.as_array().unwrap().iter().find(|row| row["topic"] == topic).expect("a row").clone();
    assert_eq!((&row("orders")["new_position"], &row("orders")["again"]), (&1.into(), &1.into()));
    assert_eq!((&row("letters")["new_position"], &row("letters")["again"]), (&2.into(), &0.into()));
    let words = String::from_utf8_lossy(&plan.stderr).into_owned();
    assert!(words.contains("1 partition not moved: the history does not go back that far"), "{words}");
    let done = server.run(&[&back[..], &["--yes"]].concat(), b"");
    assert!(String::from_utf8_lossy(&done.stderr).contains("1 position moved"), "{done:?}");
    let crash = server.run(&["group", "reset", "billing", "--to-before-crash"], b"");
    let words = String::from_utf8_lossy(&crash.stderr).into_owned();
    assert!(words.contains("last stop was in order, and crashes before that are not remembered"), "{words}");
}

#[test]
fn a_share_group_is_said_to_be_one() {
    let server = Server::ephemeral();
    server.out(&["produce", "orders"], b"1\n");
    server.out(&["take", "orders", "-g", "packing"], b"");
    for asked in [&["group", "show", "packing"][..], &["group", "reset", "packing", "orders", "--to", "start"]] {
        let told = server.run(asked, b"");
        let words = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(!told.status.success() && words.contains("is a share group") && words.contains("queue show"), "{words}");
        assert!(words.contains("/q/v1/groups/packing:reset") && told.stdout.is_empty(), "{words}");
    }
}

#[test]
fn a_message_tells_its_life() {
    let server = Server::ephemeral();
    server.out(&["produce", "orders"], b"1\n2\n3\n");
    server.out(&["group", "reset", "billing", "orders", "--to", "2", "--yes"], b"");
    server.out(&["group", "reset", "audit", "orders", "--to", "1", "--yes"], b"");
    let shown = server.run(&["message", "show", "orders/0/1"], b"");
    let life = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(life.contains("expires never") && life.contains("127.0.0.1"), "{life}");
    assert!(life.contains("billing was past it") && life.contains("audit has not committed it: it stands at 1"), "{life}");
    let whole = json(&server, &["message", "show", "orders/0/1", "-o", "json"]);
    assert_eq!((&whole["value"], &whole["batch"]["codec"]), (&"2".into(), &"none".into()), "{whole}");
    let receipt = &whole["receipt"];
    assert_eq!((&receipt["written_by"]["client"], &receipt["expires_at"]), (&"milena".into(), &Value::Null), "{whole}");
    assert!(receipt["stored_at"].as_i64().is_some_and(|at| at > 0), "{whole}");
    assert_eq!(receipt["groups"].as_array().map(Vec::len), Some(2), "{whole}");
    let address = server.ready["http"].as_str().unwrap();
    let gone = crate::http::ask(address, "GET", "/admin/v1/topics/orders/partitions/0/records/3", &[], b"");
    assert_eq!(gone.status, 404);
    assert_eq!(gone.json()["why"], "offsets from 0 to 2 are kept");
}

#[test]
fn an_empty_answer_says_why() {
    let server = Server::ephemeral();
    server.out(&["produce", "orders"], b"1\n2\n3\n");
    let because = |arguments: &[&str]| {
        let rows = json(&server, &[&["why", "orders", "-o", "json"], arguments].concat());
        rows[0]["because"].as_str().unwrap().to_owned()
    };
    assert_eq!(because(&[]), "offsets 0 to 2 can be read");
    assert!(because(&["-g", "billing"]).starts_with("offsets 0 to 2"), "a group that is not there decides nothing");
    server.out(&["group", "reset", "billing", "orders", "--to", "1", "--yes"], b"");
    assert_eq!(because(&["-g", "billing"]), "the group stands at 1: 2 records wait for it");
    server.out(&["group", "reset", "billing", "orders", "--to", "end", "--yes"], b"");
    assert_eq!(because(&["-g", "billing"]), "the end is reached: the group has read everything up to 3");
    let none = server.run(&["why", "nothing"], b"");
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no topic"), "{none:?}");
}

#[test]
fn what_went_unread_is_in_the_ledger_with_who_had_not_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    let settings = ["--set", "retention.ms=1", "--set", "milena.retention.until.consumed=billing"];
    server.out(&[&["topic", "create", "orders"], &settings[..]].concat(), b"");
    server.out(&["produce", "orders"], b"1\n2\n3\n");
    // It is long past its time, and waits.
    assert_eq!(json(&server, &["topic", "unread", "orders", "-o", "json"]), Value::Array(vec![]));
    server.out(&["group", "reset", "billing", "orders", "--to", "1", "--yes"], b"");
    server.out(&["topic", "set", "orders", "milena.retention.until.consumed.max.ms=1", "--yes"], b"");
    let line = loop {
        let lines = json(&server, &["topic", "unread", "orders", "-o", "json"]);
        match lines.as_array().unwrap().as_slice() {
            [] => std::thread::sleep(std::time::Duration::from_millis(20)),
            [line] => break line.clone(),
            lines => panic!("{lines:?}"),
        }
    };
    assert_eq!(
        (&line["from"], &line["to"], &line["why"], &line["unread_by"]),
        (&1.into(), &3.into(), &"maximum".into(), &"billing@1".into())
    );
    server.kill();
    let server = Server::on(dir.path());
    assert_eq!(json(&server, &["topic", "unread", "orders", "-o", "json"]), Value::Array(vec![line]));
    let why = server.run(&["why", "orders", "-g", "billing"], b"");
    assert!(String::from_utf8_lossy(&why.stderr).contains("offsets 1 to 2 were removed unread (maximum)"), "{why:?}");
}
