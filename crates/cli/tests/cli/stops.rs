//! What `produce` says when it stops in the middle, and that it is true.

use crate::server::Server;

/// Ends with exit code 1 and these words; what is stored then.
#[track_caller]
fn stored(server: &Server, topic: &str, arguments: &[&str], input: &[u8], says: &[&str]) -> String {
    let output = server.run(&[&["produce", topic], arguments].concat(), input);
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{talk}");
    for words in says {
        assert!(talk.contains(words), "{words:?} is not in {talk}");
    }
    server.out(&["read", topic, "-q", "-f", "%s,"], b"")
}

#[test]
fn what_stood_in_front_of_a_bad_line_is_stored_and_counted() {
    let server = Server::ephemeral();
    let lines = b"a=1\nb=2\nc=3\nd=4\ne=5\nnothing\nf=6\n";
    let says = ["stopped after 5 acknowledged messages", "line 6 of stdin has no \"=\""];
    assert_eq!(stored(&server, "keyed", &["--key-separator", "="], lines, &says), "1,2,3,4,5,");
    let lines = b"{\"value\":\"1\"}\n{\"value\":\"2\"}\n{broken\n";
    let says = ["stopped after 2 acknowledged messages", "line 3 of stdin is no message as JSON"];
    assert_eq!(stored(&server, "json", &["--json"], lines, &says), "1,2,");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("n.avsc");
    std::fs::write(&file, "\"long\"").unwrap();
    server.out(&["schema", "register", "avro-value", file.to_str().unwrap()], b"");
    let says = ["stopped after 3 acknowledged messages", "line 4 of stdin does not fit avro-value version 1"];
    stored(&server, "avro", &[], b"1\n2\n3\nx\n5\n", &says);
    assert_eq!(server.out(&["read", "avro", "-q"], b"").lines().count(), 3);
}

#[test]
fn a_message_that_the_broker_refuses_is_named_with_the_brokers_reason() {
    let server = Server::ephemeral();
    server.out(&["topic", "create", "small", "--set", "max.message.bytes=1000"], b"");
    let large = "x".repeat(5000);
    let lines = format!("a\nb\n{large}\nc\n");
    let kept = stored(&server, "small", &[], lines.as_bytes(), &["stopped after 2 acknowledged messages; message 3 was refused"]);
    let output = server.run(&["produce", "small"], lines.as_bytes());
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(talk.contains("1000 are allowed"), "{talk}");
    // What left before the refusal was known is told of.
    assert_eq!(kept == "a,b,c,", talk.contains("1 behind it written"), "{kept} {talk}");
    assert!(kept == "a,b," || kept == "a,b,c,", "{kept}");
}
