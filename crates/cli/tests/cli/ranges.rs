//! What `produce --json` takes and refuses, and which part of a topic `read` reads, in other tools' words.

use crate::server::Server;

#[test]
fn a_line_that_is_no_message_is_refused_and_stores_nothing() {
    let server = Server::ephemeral();
    server.out(&["produce", "people", "x"], b"");
    for line in [r#"{"first":"john","last":"doe"}"#, r#"{"worth":"x"}"#, r#"{"key":"k"}"#, "[1,2]"] {
        let output = server.run(&["produce", "people", "--json"], line.as_bytes());
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {talk}");
        assert!(talk.starts_with("error: line 1 of stdin is no message as JSON\n  why: ") && talk.lines().count() == 4, "{talk}");
    }
    let rpk = br#"{"topic":"x","key":"k","value":"v","headers":[{"key":"a","value":"1"}],"timestamp":1700000000000,"partition":0,"offset":7}"#;
    server.out(&["produce", "people", "--json"], rpk);
    server.out(&["produce", "people", "--json"], br#"{"key":"gone","value":null}"#);
    let stored = server.out(&["read", "people", "-f", "%T %k=%s(%S) %h\\n", "-q"], b"");
    let lines: Vec<&str> = stored.lines().skip(1).map(|line| line.trim_end()).collect();
    assert_eq!(lines[0], "1700000000000 k=v(1) a=1", "{stored}");
    assert!(lines[1].ends_with("gone=(-1)") && lines.len() == 2, "{stored}");
}

#[test]
fn ranges_are_read_as_rpk_reads_them() {
    let server = Server::ephemeral();
    server.out(&["produce", "numbers"], b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    server.out(&["topic", "trim", "numbers", "--before", "4", "--yes"], b"");
    let read = |range: &str| server.out(&["read", "numbers", "--offset", range, "-f", "%s ", "-q"], b"");
    assert_eq!(read("+3"), "7 8 9 ");
    assert_eq!(read(":end"), "4 5 6 7 8 9 ");
    assert_eq!(read("5:7"), "5 6 ");
    assert_eq!(read("8:end"), "8 9 ");
    assert_eq!(read("+30"), "");
    assert_eq!(read("@-1m:end"), "4 5 6 7 8 9 ");
    assert_eq!(read("@-1h:"), "4 5 6 7 8 9 ");
    assert_eq!(read("@-48h:-24h"), "");
    assert_eq!(read("@:-1h"), "");
    assert_eq!(read("@1700000000:1h"), "");
    assert_eq!(read("@1700000000"), "4 5 6 7 8 9 ");
}

#[test]
fn a_key_and_a_header_may_begin_with_a_hyphen() {
    let server = Server::ephemeral();
    server.out(&["produce", "t", "v", "-k", "-5", "-H", "-a=1"], b"");
    assert_eq!(server.out(&["read", "t", "-f", "%k=%s %h", "-q"], b""), "-5=v -a=1");
}

#[test]
fn a_time_without_a_zone_is_one_of_the_zone_that_tz_names() {
    if !std::path::Path::new("/usr/share/zoneinfo/Europe/Berlin").exists() {
        eprintln!("skipped: this machine has no time zones");
        return;
    }
    let server = Server::ephemeral();
    server.out(&["produce", "t", "x", "--time", "2026-07-01T10:00:00Z"], b"");
    let read = |zone: &str, range: &str| {
        let mut command = server.command(&["read", "t", "--offset", range, "-f", "%s", "-q"]);
        String::from_utf8(command.env("TZ", zone).output().unwrap().stdout).unwrap()
    };
    assert_eq!(read("Europe/Berlin", "@2026-07-01 12:00:2026-07-01 12:01"), "x");
    assert_eq!(read("Europe/Berlin", "@2026-07-01 12:01"), "");
    assert_eq!(read("UTC", "@2026-07-01 12:00"), "");
    assert_eq!(read("UTC", "@2026-07-01T12:00[Europe/Berlin]"), "x");
    assert_eq!(read("UTC", "@2026-07-01T12:01[Europe/Berlin]"), "");
}
