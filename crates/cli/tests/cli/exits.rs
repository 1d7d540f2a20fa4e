//! Exit codes, and that stdout is data and stderr is talk.

use crate::server::{Server, bare, feed};

#[track_caller]
fn ends(output: &std::process::Output, code: i32, says: &str) {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{talk}");
    assert!(talk.contains(says), "{talk}");
    if code != 64 {
        assert!(talk.lines().count() <= 4, "an error has four lines at most:\n{talk}");
    }
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn each_kind_of_failure_has_its_code() {
    let server = Server::ephemeral();
    server.out(&["produce", "people", "x"], b"");
    ends(&server.run(&["read", "peple"], b""), 5, "did you mean \"people\"?");
    ends(&server.run(&["topic", "create", "people"], b""), 6, "exists already");
    ends(&server.run(&["group", "show", "nobody"], b""), 5, "does not exist");
    ends(&server.run(&["message", "show", "people/0/7"], b""), 5, "people/0 has 0 to 0");
    ends(&server.run(&["topic", "set", "people", "retention.mss=1"], b""), 5, "retention.ms");
    ends(&server.run(&["read", "people", "--offset", "soon"], b""), 64, "is no range");
    ends(&server.run(&["read", "people", "--where", "colour=red"], b""), 64, "no field");
    ends(&server.run(&["reed"], b""), 64, "read");
    ends(&bare(&["read", "people", "-b", "127.0.0.1:1"]).output().unwrap(), 3, "--broker");
    ends(&bare(&["wait", "ready", "-b", "127.0.0.1:1", "--timeout", "200ms"]).output().unwrap(), 3, "not ready within 200ms");
    ends(&server.run(&["produce", "people", "--json"], b"{broken"), 1, "line 1 of stdin");
    ends(&bare(&["explain", "lagg"]).output().unwrap(), 5, "did you mean \"lag\"?");
}

#[test]
fn what_is_not_there_is_told_with_a_hint_that_helps() {
    let server = Server::ephemeral();
    server.out(&["produce", "people", "x"], b"");
    server.out(&["topic", "create", "other"], b"");
    server.out(&["group", "reset", "g", "people", "--to", "start", "--yes"], b"");
    let fails = |arguments: &[&str], code: i32, says: &str, never: &str| {
        let output = server.run(arguments, b"");
        ends(&output, code, says);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(never.is_empty() || !talk.contains(never), "{arguments:?}: {talk}");
    };
    fails(&["read", "people", "-p", "9"], 5, "has no partition 9", "topic create");
    fails(&["read", "people", "-p", "-1"], 5, "has no partition -1", "topic create");
    fails(&["message", "show", "people/9/5"], 5, "has no partition 9", "topic create");
    fails(&["topic", "rm", "nope"], 5, "milena topic ls", "topic create");
    fails(&["topic", "unread", "nope"], 5, "does not exist", "");
    fails(&["topic", "set", "people", "nope=1"], 5, "milena config show --all --topic people", "TOPIC");
    fails(&["config", "set", "nope=1"], 5, "milena config show --all", "TOPIC");
    fails(&["group", "reset", "g", "people", "--to", "3", "-p", "9", "--yes"], 5, "has no partition 9", "");
    fails(&["group", "reset", "g", "--to", "3", "-p", "9", "--yes"], 5, "no position in a partition 9", "");
    fails(&["group", "peek", "g", "nope"], 5, "does not exist", "");
    fails(&["group", "peek", "g", "other"], 5, "no position in topic \"other\"", "");
    fails(&["schema", "ls", "--registry", "http://127.0.0.1:1"], 3, "the registry at 127.0.0.1:1", "HTTP door");
    fails(&["read", "people", "-b", ""], 64, "address", "");
    fails(&["read", "people", "-n", "-1"], 64, "-1", "");
    server.out(&["topic", "rm", "people"], b"");
    server.out(&["topic", "create", "people"], b"");
    fails(&["topic", "restore", "people"], 6, "created meanwhile", "");
    let none = server.run(&["topic", "ls", "a*"], b"");
    assert!(
        none.status.success() && String::from_utf8_lossy(&none.stderr).contains("no topic's name contains \"a*\""),
        "{none:?}"
    );
}

#[test]
fn lengths_of_time_are_written_alike() {
    let server = Server::ephemeral();
    for timeout in ["5", "5s", "5000ms", "1m"] {
        server.out(&["wait", "ready", "--timeout", timeout], b"");
        server.out(&["produce", "t", "x", "--timeout", timeout, "--acks", "-1"], b"");
    }
    for time in ["5", "5s", "5000ms"] {
        server.out(&["queue", "set", "t", "--lease", time, "--delay", time], b"");
        server.out(&["take", "t", "-q", "--wait", "0", "--lease", time], b"");
    }
    for flags in
        [&["wait", "ready", "--timeout"][..], &["take", "t", "--wait"], &["work", "t", "--lease"], &["nack", "x", "--delay"]]
    {
        ends(&server.run(&[flags, &["soon"]].concat(), b""), 64, "length of time");
    }
}

/// Takes connections and says nothing.
#[test]
fn a_broker_that_hangs_is_not_waited_for_long() {
    let hung = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = hung.local_addr().unwrap().to_string();
    let begin = std::time::Instant::now();
    ends(&bare(&["topic", "ls", "-q", "-b", &address]).output().unwrap(), 3, "did not answer ApiVersions within 5s");
    assert!(begin.elapsed() < std::time::Duration::from_secs(8), "{:?}", begin.elapsed());
    let waited = bare(&["wait", "ready", "-q", "--timeout", "1s", "-b", &address]).output().unwrap();
    ends(&waited, 3, "ApiVersions");
}

#[test]
fn help_is_an_answer() {
    for (words, says) in
        [(&["read", "--help"][..], "Examples:"), (&["help", "topic", "ls"], "List topics"), (&["help"], "Commands:")]
    {
        let output = bare(words).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains(says), "{words:?}");
    }
}

#[test]
fn doctors_checks_are_explained() {
    let output = bare(&["explain", "d08"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("D08 address\n  each address that the broker tells its clients"), "{said}");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let server = Server::ephemeral();
    let many: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    server.out(&["produce", "n"], many.as_bytes());
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", "set -o pipefail; \"$0\" completion bash | head -1", crate::server::MILENA]);
    let output = feed(shell, b"");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", "set -o pipefail; \"$0\" read n -b \"$1\" -q -f '%s\\n' | head -1", crate::server::MILENA, server.kafka()]);
    let output = feed(shell, b"");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_done_does_not_depend_on_whether_the_talk_is_read() {
    let server = Server::ephemeral();
    server.out(&["produce", "t"], b"1\n2\n3\n");
    let unread = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = server.command(arguments).stderr(writer).output().unwrap();
        output.status.code()
    };
    assert_eq!(unread(&["group", "reset", "g", "t", "--to", "2", "--yes"]), Some(0));
    assert_eq!(unread(&["group", "reset", "g", "--to", "-0"]), Some(0), "its advice has no reader");
    assert_eq!(unread(&["topic", "ls", "a*"]), Some(0), "nor has its hint");
    assert_eq!(unread(&["read", "t", "-q", "--trace"]), Some(0), "nor have its steps");
    assert_eq!(unread(&["read", "nope"]), Some(5), "nor has its error");
    assert_eq!(unread(&["work", "nope"]), Some(64), "nor has what clap says");
}

#[test]
fn what_others_have_named_does_not_steer_the_terminal() {
    let server = Server::ephemeral();
    server.out(&["produce", "t"], "1\n\u{9b}2J\u{7f}\n{\"a\":\"\u{9b}2J\"}\n".as_bytes());
    let odd = "g\x1b[2J\u{9b}2J\nroot";
    let steers = |text: &[u8]| String::from_utf8_lossy(text).chars().any(|c| c.is_control() && c != '\n');
    let commands: &[&[&str]] = &[
        &["group", "reset", odd, "t", "--to", "1", "--yes"],
        &["group", "ls"],
        &["group", "ls", "-o", "json"],
        &["group", "show", odd],
        &["group", "show", odd, "-o", "json"],
        &["group", "show", odd, "--history"],
        &["message", "show", "t/0/0"],
        &["status"],
        &["status", "-o", "json"],
        &["read", "t"],
        &["read", "t", "-o", "json"],
        &["read", "t", "-o", "table"],
        &["group", "rm", odd],
        &["group", "rm", odd, "-o", "json"],
        &["group", "show", "g\x1b]0;x\x07"],
    ];
    for arguments in commands {
        let output = server.run(arguments, b"");
        let all = [&output.stdout[..], &output.stderr].concat();
        assert!(!steers(&all), "{arguments:?}: {:?}", String::from_utf8_lossy(&all));
        assert!(!all.is_empty(), "{arguments:?}");
    }
    let copied = server.out(&["read", "t", "-q"], b"");
    server.out(&["produce", "u", "--json"], copied.as_bytes());
    let raw = |topic| server.out(&["read", topic, "-q", "-f", "%s\\n"], b"");
    assert_eq!(raw("t"), raw("u"), "and comes back as it was");
}

#[test]
fn trace_prints_each_request_on_stderr() {
    let server = Server::ephemeral();
    let output = server.run(&["produce", "t", "x", "--trace"], b"");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(talk.contains("> Produce v") && talk.contains("< Produce v"), "{talk}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("Produce"));
}

#[test]
fn where_it_connects_is_said_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], broker: Option<&str>| {
        let mut command = bare(arguments);
        command.env("HOME", dir.path()).current_dir(dir.path());
        if let Some(broker) = broker {
            command.env("MILENA_BROKER", broker);
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(run(&["context"], None), "localhost:9092   from the default: no -b, MILENA_BROKER or context names another\n");
    std::fs::write(
        dir.path().join("milena.toml"),
        "[client]\ncontext = \"shop\"\n[client.contexts.shop]\nbroker = \"shop.lan:9092\"\n",
    )
    .unwrap();
    assert!(run(&["context"], None).starts_with("shop.lan:9092   from context \"shop\", by /"));
    run(&["context", "add", "test", "10.0.0.1:1"], None);
    run(&["context", "use", "test"], None);
    assert_eq!(run(&["context"], None), "10.0.0.1:1   from context \"test\", by milena context use\n");
    assert_eq!(run(&["context", "--context", "shop"], Some("a:1")), "shop.lan:9092   from context \"shop\", by --context\n");
    assert_eq!(run(&["context"], Some("a:1")), "a:1   from MILENA_BROKER\n");
    assert_eq!(run(&["context", "-b", "b:2"], Some("a:1")), "b:2   from --broker\n");
}
