//! What lets data go is a plan first, and is done with `--yes`.

use crate::server::Server;

/// Says what would go, and nothing is gone.
#[track_caller]
fn only_plans(server: &Server, arguments: &[&str], says: &str) {
    let before = server.out(&["read", "-q", "old", "-f", "%o "], b"");
    let output = server.run(arguments, b"");
    let (said, talk) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains(says), "{arguments:?}: {said}{talk}");
    assert!(
        said.starts_with("plan: ") && talk.contains("nothing was changed; run again with --yes"),
        "{arguments:?}: {said}{talk}"
    );
    std::thread::sleep(std::time::Duration::from_millis(1200));
    assert_eq!(server.out(&["read", "-q", "old", "-f", "%o "], b""), before, "{arguments:?}");
}

/// A topic of messages that are an hour old, kept by these settings.
fn topic(server: &Server, settings: &[&str]) {
    let set = settings.iter().flat_map(|s| ["--set", s]);
    server.out(&["topic", "create", "old"].into_iter().chain(set).collect::<Vec<_>>(), b"");
    server.out(&["produce", "old", "-k", "k", "--time", "-1h"], b"1\n2\n3\n");
}

#[test]
fn settings_of_a_topic() {
    let server = Server::ephemeral();
    topic(&server, &["cleanup.policy=compact", "retention.ms=60000"]);
    only_plans(&server, &["topic", "set", "old", "cleanup.policy=delete"], "3 messages of old");
    only_plans(&server, &["config", "set", "--topic", "old", "cleanup.policy=delete"], "3 messages of old");
    server.out(&["topic", "rm", "old"], b"");
    topic(&server, &["retention.ms=-1"]);
    only_plans(&server, &["topic", "set", "old", "retention.ms=60000"], "3 messages of old");
    // A shorter time for all topics does not reach one that has its own, until that is taken away.
    server.out(&["config", "set", "--cluster", "log.retention.ms=60000"], b"");
    only_plans(&server, &["topic", "set", "old", "--unset", "retention.ms"], "3 messages of old");
    server.out(&["topic", "set", "old", "retention.ms=86400000"], b"");
    only_plans(&server, &["topic", "set", "old", "retention.ms=60000", "milena.retention.clock=create"], "3 messages of old");
    assert_eq!(
        server.out(&["topic", "set", "old", "retention.ms=90000000"], b""),
        "old   retention.ms = 90000000\n",
        "nothing goes"
    );
}

#[test]
fn settings_of_brokers_with_the_topics_that_they_reach() {
    let server = Server::ephemeral();
    topic(&server, &[]);
    server.out(&["topic", "create", "empty"], b"");
    for whose in [&["config", "set"][..], &["config", "set", "--cluster"]] {
        only_plans(&server, &[whose, &["log.retention.ms=60000"]].concat(), "plan: 3 messages of old would go for good");
        only_plans(&server, &[whose, &["log.retention.bytes=10"]].concat(), "of old would go for good");
    }
    let done = server.out(&["config", "set", "--cluster", "log.retention.ms=500", "--yes"], b"");
    assert_eq!(done, "the cluster has log.retention.ms = 500\n");
    let gone = || server.out(&["topic", "show", "old", "-o", "json"], b"").contains("\"messages\": 0");
    for _ in 0..100 {
        if gone() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("with --yes it is done");
}

/// What readers hold up stays, and is no part of a plan; when they stop holding it up, it is one.
#[test]
fn readers_that_retention_waits_for() {
    let server = Server::ephemeral();
    topic(&server, &["retention.ms=-1"]);
    let waits = ["topic", "set", "old", "retention.ms=1", "milena.retention.until.consumed=billing"];
    let done = server.run(&waits, b"");
    assert!(!String::from_utf8_lossy(&done.stdout).contains("plan"), "all of it is held: {done:?}");
    let kept = server.out(&["topic", "retention", "old"], b"");
    assert!(kept.contains("NEXT GOES AT") && kept.contains("billing@0") && kept.contains("0..2"), "{kept}");
    server.out(&["group", "reset", "billing", "old", "--to", "1", "--yes"], b"");
    only_plans(&server, &["topic", "set", "old", "milena.retention.until.consumed="], "messages of old");
    // A queue that asks for it itself.
    server.out(&["topic", "rm", "old", "--yes"], b"");
    topic(&server, &["retention.ms=-1"]);
    server.out(&["queue", "set", "packing", "--hold-retention", "true"], b"");
    let taken = server.out(&["take", "old", "-g", "packing", "--wait", "0s"], b"");
    assert!(taken.contains("old/0/0"), "{taken}");
    let done = server.run(&["topic", "set", "old", "retention.ms=1"], b"");
    assert!(!String::from_utf8_lossy(&done.stdout).contains("plan"), "all of it is held: {done:?}");
    assert!(server.out(&["topic", "retention", "old"], b"").contains("packing@0"));
    only_plans(&server, &["queue", "set", "packing", "--hold-retention", "false"], "3 messages of old");
    only_plans(&server, &["config", "set", "--group", "packing", "milena.share.hold.retention=false"], "3 messages of old");
    server.out(&["queue", "set", "packing", "--hold-retention", "false", "--yes"], b"");
    for _ in 0..100 {
        if server.out(&["topic", "show", "old", "-o", "json"], b"").contains("\"messages\": 0") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("with --yes it is done");
}

#[test]
fn versions_of_schemas() {
    let server = Server::ephemeral();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("n.avsc");
    std::fs::write(&file, "\"long\"").unwrap();
    server.out(&["schema", "register", "n-value", file.to_str().unwrap()], b"");
    let early = server.run(&["schema", "rm", "n-value", "--permanent"], b"");
    assert_eq!(early.status.code(), Some(5), "{early:?}");
    assert!(String::from_utf8_lossy(&early.stderr).contains("nothing of n-value is deleted yet"), "{early:?}");
    server.out(&["schema", "rm", "n-value"], b"");
    let plan = server.run(&["schema", "rm", "n-value", "--permanent"], b"");
    assert!(String::from_utf8_lossy(&plan.stdout).starts_with("plan: n-value version 1 would go for good"), "{plan:?}");
    assert!(server.out(&["schema", "ls", "--deleted"], b"").contains("n-value"), "nothing was changed");
    server.out(&["schema", "rm", "n-value", "--permanent", "--yes"], b"");
    assert!(!server.out(&["schema", "ls", "--deleted"], b"").contains("n-value"));
}

#[test]
fn a_broker_whose_topics_may_not_be_deleted_keeps_them() {
    let server = Server::start(&["--ephemeral", "--set", "delete.topic.enable=false"]);
    server.out(&["produce", "kept", "x"], b"");
    for arguments in [&["topic", "rm", "kept"][..], &["topic", "rm", "kept", "--now", "--yes"]] {
        let refused = server.run(arguments, b"");
        assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    }
    assert_eq!(server.out(&["read", "kept", "-q", "-f", "%s"], b""), "x");
}
