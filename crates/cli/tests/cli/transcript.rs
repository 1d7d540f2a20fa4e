//! The first five minutes, as the manual prints them.

use crate::server::{Server, settled};

#[test]
fn the_first_message_is_stored_flushed_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    let said = server.out(&["produce", "hello", "my first message"], b"");
    assert_eq!(settled(&said), "hello/0 @0  16 bytes  stored and flushed in <while>");
    assert_eq!(server.out(&["read", "hello", "-f", "%s\\n"], b""), "my first message\n");

    let person = "{\"first\":\"john\",\"last\":\"doe\"}\n";
    let said = server.out(&["produce", "people"], person.as_bytes());
    assert_eq!(settled(&said), "people/0 @0  29 bytes  stored and flushed in <while>");
    let read = server.run(&["read", "people"], b"");
    assert_eq!(
        settled(&String::from_utf8_lossy(&read.stdout)),
        "{\"topic\":\"people\",\"partition\":0,\"offset\":0,\"ts\":\"<time>\",\"key\":null,\"value\":{\"first\":\"john\",\"last\":\"doe\"},\"headers\":[]}"
    );
    assert_eq!(String::from_utf8_lossy(&read.stderr), "1 message   (follow with -F)\n");
}

#[test]
fn memory_is_not_called_a_disk() {
    let server = Server::ephemeral();
    let said = server.out(&["produce", "hello", "x"], b"");
    assert_eq!(settled(&said), "hello/0 @0  1 byte  kept in the broker's memory in <while>");
}

#[test]
fn hex_explains_what_the_registry_wrote() {
    let server = Server::ephemeral();
    server.out(&["produce", "people", "--whole"], b"\x00\x00\x00\x00\x01\x08john\x06doe");
    let read = server.out(&["read", "people", "--hex"], b"");
    let (head, bytes) = read.split_once('\n').unwrap();
    assert_eq!(settled(head), "people/0 @0  <time>  no key  14 bytes");
    let expected = "  00000000  00 00 00 00 01 08 6a 6f 68 6e 06 64 6f 65        ......john.doe
            |  |---------| |  |---------| |  |------|
            |  |           |  |           |  \"doe\"
            |  |           |  |           length 3  (06, zig-zag, if this is an Avro string)
            |  |           |  \"john\"
            |  |           length 4  (08, zig-zag, if this is an Avro string)
            |  schema id 1 (big end first); its schema is not known here
            magic byte 0 = Confluent wire format
";
    assert_eq!(bytes, expected);
}

#[test]
fn what_is_read_can_be_written_again_byte_for_byte() {
    let server = Server::ephemeral();
    server.out(&["produce", "a", "-k", "k", "-H", "h=1", "-H", "empty"], b"{\"n\": 1}\n\"quoted\"\nplain\n");
    server.out(&["produce", "a", "--whole"], b"\xff\x00two\nlines");
    server.out(&["produce", "a", "-k", "k", "--tombstone"], b"");
    let lines = server.out(&["read", "a"], b"");
    server.out(&["produce", "b", "--json"], lines.as_bytes());
    let format = ["-f", "%k|%K|%s{hex}|%S|%h|%T\\n"];
    let show = |topic: &str| server.out(&[&["read", topic], &format[..]].concat(), b"");
    assert_eq!(show("a"), show("b"));
    assert_eq!(show("a").lines().count(), 5);
}

#[test]
fn ranges_and_filters_choose() {
    let server = Server::ephemeral();
    let numbers: String = (0..100).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    server.out(&["produce", "n", "-z", "zstd"], numbers.as_bytes());
    let offsets = |range: &[&str]| {
        let all = [&["read", "n", "-f", "%o "], range].concat();
        server.out(&all, b"").trim_end().to_string()
    };
    assert_eq!(offsets(&["--offset", "5-8"]), "5 6 7");
    assert_eq!(offsets(&["--offset", "-2"]), "98 99");
    assert_eq!(offsets(&["--offset", ":2"]), "0 1");
    // A range ends where the log does; what lies behind the end is nothing.
    assert_eq!(offsets(&["--offset", "98-200"]), "98 99");
    assert_eq!(offsets(&["--offset", "100-200"]), "");
    assert_eq!(offsets(&["--offset", "500-600"]), "");
    assert_eq!(offsets(&["--offset", "500"]), "");
    assert_eq!(offsets(&["--offset", "98-99", "-p", "0", "-p", "0"]), "98");
    let read = server.run(&["read", "n", "--offset", "98-200", "-f", ""], b"");
    assert!(String::from_utf8_lossy(&read.stderr).contains("the range goes on past the end"), "{read:?}");
    assert_eq!(offsets(&["--from", "97"]), "97 98 99");
    assert_eq!(offsets(&["--from", "now"]), "");
    assert_eq!(offsets(&["--offset", "@-1h", "-n", "1"]), "0");
    assert_eq!(offsets(&["--where", "value.n=42"]), "42");
    assert_eq!(offsets(&["--where", "value~\"n\":9[0-2]", "--where", "offset!=91"]), "90 92");
}
