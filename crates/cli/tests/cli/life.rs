//! How a server begins, ends, and begins again.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
    time::Duration,
};

use crate::server::{Server, bare, settled};

#[test]
fn sigterm_ends_it_within_a_second_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    let input: String = (0..500).map(|n| format!("{n}\n")).collect();
    server.out(&["produce", "numbers"], input.as_bytes());
    assert!(server.terminate() < Duration::from_secs(1));
    let again = Server::on(dir.path());
    assert_eq!(again.ready["recovered"]["clean"], true, "{}", again.ready);
    assert_eq!(again.out(&["read", "numbers", "-f", "%s\\n"], b""), input);
}

/// What a person sees when it starts.
fn banner(data: &str) -> String {
    banner_with(data, &[])
}

fn banner_with(data: &str, more: &[&str]) -> String {
    let quiet = ["serve", "--kafka", "127.0.0.1:0", "--http", "off", "--registry", "off", "--rest", "off", "--data", data];
    let mut child = bare(&[&quiet[..], more].concat()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut banner = String::new();
    for line in lines {
        banner.push_str(&line);
        banner.push('\n');
        if line.contains("Next:") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    banner
}

#[test]
fn the_banner_names_what_listens() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("d");
    let data = data.to_str().unwrap();
    let banner = banner(data);
    let expected = format!(
        "milena {} - ready in <while>
  Kafka  <address>  told to other machines: the address they dial (advertise = auto)
  Data  {data}  every write is flushed to disk before it is acknowledged
  Keep  forever, warn when the disk is 80 % full
  Next:  milena produce hello \"my first message\"  ·  Ctrl-C stops, nothing is lost",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(settled(&banner), expected);
}

#[test]
fn the_banner_names_the_retention_that_is_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let keeps = |settings: &[&str]| {
        let banner = banner_with(data, settings);
        banner.lines().find_map(|line| line.trim().strip_prefix("Keep")).unwrap().trim().to_owned()
    };
    let rest = "warn when the disk is 80 % full";
    assert_eq!(keeps(&["--set", "log.retention.hours=1"]), format!("60 min, {rest}"));
    let both = ["--set", "log.retention.hours=168", "--set", "log.retention.bytes=1048576"];
    assert_eq!(keeps(&both), format!("7 days, at most 1.0 MiB a partition, {rest}"));
    assert_eq!(keeps(&["--set", "log.retention.hours=1", "--set", "log.cleanup.policy=compact"]), format!("forever, {rest}"));
    // What was set while it ran wins, as for the topics.
    let server = Server::on(dir.path());
    server.out(&["config", "set", "log.retention.ms=172800000"], b"");
    server.terminate();
    assert_eq!(keeps(&["--set", "log.retention.hours=1"]), format!("2 days, {rest}"));
}

/// The block "pull the plug": a producer is told how far it came, and all of that is there afterwards.
#[test]
fn kill_9_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    server.out(&["produce", "people", "first"], b"");
    let mut producer = server
        .command(&["produce", "people", "--timeout", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = producer.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        for n in 0..2000 {
            // The producer stops reading when it gives up.
            if writeln!(stdin, "{{\"first\":\"n{n}\",\"last\":\"x\"}}").and_then(|()| stdin.flush()).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    std::thread::sleep(Duration::from_millis(300));
    server.kill();
    let output = producer.wait_with_output().unwrap();
    feeder.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let acknowledged: u64 = said
        .split("connection lost after ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("it says how far it came: {said}"));
    assert!(said.contains(&format!("tail -n +{} FILE", acknowledged + 1)), "{said}");
    let again = Server::on(dir.path());
    assert_eq!(again.ready["recovered"]["clean"], false);
    assert_eq!(again.ready["recovered"]["damage"].as_array().map(Vec::len), Some(0));
    let shown = again.out(&["topic", "show", "people", "-o", "json"], b"");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let kept = shown["messages"].as_u64().unwrap();
    assert!(acknowledged > 0 && kept > acknowledged, "{acknowledged} and the first were acknowledged, {kept} are there");
    let values = again.out(&["read", "people", "--offset", "1", "-f", "%s\\n"], b"");
    for (n, value) in values.lines().enumerate() {
        assert_eq!(value, format!("{{\"first\":\"n{n}\",\"last\":\"x\"}}"));
    }
    again.kill();
    let banner = banner(dir.path().to_str().unwrap());
    assert!(banner.contains("Recovered after an unclean stop: ") && banner.contains("all acknowledged ones present"), "{banner}");
}

/// A start that is refused leaves the data as they are: not made, and not marked as in use.
#[test]
fn a_refused_start_touches_no_data() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let refused = |data: &std::path::Path, arguments: &[&str], code: i32, says: &str| {
        let quiet = ["serve", "--registry", "off", "--rest", "off", "--data", data.to_str().unwrap()];
        let output = bare(&[&quiet[..], arguments].concat()).output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && talk.contains(says), "{arguments:?}: {talk}");
        assert!(code != 64 || talk.contains("fix: ") || talk.contains("num.partitions"), "{talk}");
    };
    let all = |data: &std::path::Path| {
        let free = ["--kafka", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        refused(data, &[&free[..], &["--set", "num.partitions=zz"]].concat(), 64, "num.partitions (--set) is not right");
        refused(data, &[&free[..], &["--set", "listeners=PLAINTEXT://:1"]].concat(), 64, "--kafka");
        refused(data, &[&free[..], &["--advertise", "nohost.invalid:9092"]].concat(), 64, "cannot be resolved here");
        refused(data, &[&free[..], &["--advertise", "http://foo:9092"]].concat(), 64, "http:// is not spoken here");
        refused(data, &["--kafka", "nonsense", "--http", "off"], 64, "is not an address");
        refused(data, &["--kafka", &taken, "--http", "off"], 6, "cannot listen on");
        refused(data, &["--kafka", "127.0.0.1:0", "--http", &taken], 6, "for http");
    };
    all(&data);
    assert!(!data.exists(), "nothing was made");
    let server = Server::on(&data);
    server.out(&["produce", "kept", "x"], b"");
    refused(&data, &["--kafka", "127.0.0.1:0", "--http", "off"], 6, "is in use by another process");
    server.terminate();
    all(&data);
    let again = Server::on(&data);
    assert_eq!(again.ready["recovered"]["clean"], true, "{}", again.ready);
}
