//! What works against any Kafka. `MILENA_TEST_BROKER=HOST:PORT` names the broker; without it, it is one of ours.

use std::process::Output;

use crate::server::{Server, bare, feed};

struct Broker {
    address: String,
    /// Kept alive, where it is ours.
    own: Option<Server>,
}

impl Broker {
    fn any() -> Self {
        match std::env::var("MILENA_TEST_BROKER") {
            Ok(address) => Self { address, own: None },
            Err(_) => {
                let own = Server::ephemeral();
                Self { address: own.kafka().to_string(), own: Some(own) }
            }
        }
    }
    fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = bare(arguments);
        command.env("MILENA_BROKER", &self.address);
        feed(command, input)
    }
    #[track_caller]
    fn out(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.run(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn every_command_that_needs_no_milena_works_without_one() {
    let broker = Broker::any();
    let topic = format!("anywhere-{}", std::process::id());
    let topic = topic.as_str();
    let group = format!("{topic}-group");
    broker.out(&["wait", "ready"], b"");
    broker.out(&["topic", "create", topic, "-P", "2", "--set", "retention.ms=86400000"], b"");
    assert_eq!(broker.run(&["topic", "create", topic], b"").status.code(), Some(6));
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        broker.out(&["produce", topic, "-p", "0", "-k", codec, "-z", codec, "-H", "a=b", "x", "y"], b"");
    }
    let all = broker.out(&["read", topic, "-p", "0", "-f", "%o %k %z %s %h\\n"], b"");
    assert_eq!(all.lines().count(), 10);
    assert!(all.starts_with("0 none none x a=b\n1 none none y a=b\n2 gzip gzip x a=b\n"), "{all}");
    assert_eq!(broker.out(&["read", topic, "--offset", "@-1h", "-n", "3", "-f", "%s"], b""), "xyx");
    assert!(broker.out(&["topic", "ls", topic, "-o", "json"], b"").contains("\"messages\": 10"));
    assert!(broker.out(&["topic", "show", topic], b"").contains("retention.ms = 86400000"));
    broker.out(&["topic", "set", topic, "max.message.bytes=100000", "-P", "3"], b"");
    assert!(broker.out(&["config", "show", "--topic", topic, "-o", "csv"], b"").contains("max.message.bytes,100000,the topic"));
    broker.out(&["topic", "trim", topic, "--before", "4", "-p", "0", "--yes"], b"");
    assert_eq!(broker.out(&["read", topic, "-f", "%o ", "-n", "2"], b""), "4 5 ");
    broker.out(&["group", "reset", &group, topic, "--to", "start", "--yes"], b"");
    assert!(broker.out(&["group", "ls", "-o", "csv"], b"").contains(&group));
    assert!(broker.out(&["group", "show", &group, "-o", "json"], b"").contains("\"lag\": 6"));
    assert_eq!(broker.out(&["group", "peek", &group, "-n", "1", "-f", "%o"], b""), "4");
    broker.out(&["group", "rm", &group, "--yes"], b"");
    assert_eq!(broker.run(&["group", "show", &group], b"").status.code(), Some(5));
    let copy = format!("{topic}-copy");
    broker.out(&["topic", "clone", topic, &copy], b"");
    assert_eq!(broker.out(&["read", &copy, "-f", "%k:%s "], b"").split(' ').count(), 7);
    assert!(broker.out(&["status", "-o", "json"], b"").contains("\"healthy\":true"));
    broker.out(&["topic", "rm", &copy, "--yes"], b"");
    broker.out(&["topic", "rm", topic, "--yes"], b"");
    let restored = broker.run(&["topic", "restore", &copy], b"");
    // Only ours can; another's answer says so.
    assert_eq!(restored.status.success(), broker.own.is_some(), "{}", String::from_utf8_lossy(&restored.stderr));
}
