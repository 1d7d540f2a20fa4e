//! How a cluster stands on one screen; and whose work the program carries.

use serde_json::Value;

use crate::server::{Server, bare};

#[test]
fn one_screen_says_what_is_there_and_who_is_stuck() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    server.out(&["produce", "orders", "--time", "2020-01-02T03:04:05Z", "old"], b"");
    server.out(&["produce", "people"], b"1\n2\n3\n4\n");
    server.out(&["group", "reset", "billing", "people", "--to", "1", "--yes"], b"");
    let shown = server.out(&["status"], b"");
    for line in [
        "stored    5 records",
        "oldest    orders   2020-01-02",
        "busiest   nothing is being written",
        "stuck     group billing   3 behind   nobody reads for it",
        "recovery  the last stop was clean",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(shown.lines().any(|l| l.starts_with("disk      ") && l.contains(" % of ")), "{shown}");
    assert!(shown.lines().count() < 24, "one screen");
    server.kill();
    let server = Server::on(dir.path());
    let json: Value = serde_json::from_str(&server.out(&["status", "-o", "json"], b"")).unwrap();
    let held = &json["holds"];
    assert_eq!((&held["records"], &held["oldest"]["topic"], &held["busiest"]), (&5.into(), &"orders".into(), &Value::Null));
    assert_eq!((&held["stuck"][0]["group"], &held["stuck"][0]["behind"]), (&"billing".into(), &3.into()));
    assert!(server.out(&["status"], b"").contains("recovery  after an unclean stop: "));
}

#[test]
fn the_licences_of_what_it_carries_are_in_it() {
    let output = bare(&["version", "--licences"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for guest in ["\ntokio ", "\nrustls ", "\naws-lc-sys ", "\nclap "] {
        assert!(text.contains(guest), "{guest}: {}", text.lines().take(5).collect::<String>());
    }
    for other in ["\nproptest ", "\ncargo_metadata ", "\nmilena "] {
        assert!(!text.contains(other), "{other} is not linked from elsewhere");
    }
    assert!(text.contains("Permission is hereby granted"), "the texts are there");
    assert!(!text.contains("NOASSERTION"));
}
