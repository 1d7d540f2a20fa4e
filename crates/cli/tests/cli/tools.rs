//! The smaller tools: a line of rates, an archive for somebody who helps, what two brokers differ in, pages for man(1).

use std::process::Command;

use crate::server::{Server, bare};

#[test]
fn top_prints_rates() {
    let server = Server::ephemeral();
    let out = server.out(&["top", "-n", "2", "-i", "100ms"], b"");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    assert!(lines[0].contains("records/s") && lines[1].split_whitespace().count() == 8, "{out}");
}

#[test]
fn support_lists_first_and_writes_an_archive_that_tar_reads() {
    let server = Server::ephemeral();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.tar");
    let file = file.to_str().unwrap();
    let listed = server.out(&["support", "--file", file], b"");
    assert!(listed.contains("doctor.json") && listed.contains("settings.json") && !dir.path().join("s.tar").exists(), "{listed}");
    server.out(&["support", "--file", file, "--yes"], b"");
    let out = Command::new("tar").args(["xf", file, "-C", dir.path().to_str().unwrap()]).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    let read = |name: &str| std::fs::read_to_string(dir.path().join("milena-support").join(name)).unwrap();
    let status: serde_json::Value = serde_json::from_str(&read("status.json")).unwrap();
    assert_eq!(status["alive"], true);
    assert!(read("metrics.txt").contains("milena_up 1") && read("errors.json").contains("\"newest\""));
}

#[test]
fn two_brokers_are_compared() {
    let (a, b) = (Server::start(&["--ephemeral", "--set", "num.partitions=7"]), Server::ephemeral());
    let output = a.run(&["config", "diff", b.kafka(), "-o", "csv"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "name,here,there\nnum.partitions,7,1\n");
    assert_eq!(a.run(&["config", "diff", a.kafka()], b"").status.code(), Some(0));
}

#[test]
fn a_page_for_man_is_printed() {
    let output = bare(&["man", "topic", "ls"]).output().unwrap();
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && page.contains(".TH milena-topic-ls 1"), "{page}");
    assert_eq!(bare(&["man", "nothing"]).output().unwrap().status.code(), Some(5));
}

#[test]
fn a_bench_writes_reads_back_and_leaves_nothing() {
    let server = Server::ephemeral();
    let told = server.out(&["bench", "--for", "200ms", "--size", "100", "-p", "2", "-o", "json"], b"");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let count = |part: &str| told[part]["records"].as_u64().unwrap();
    assert!(count("written") > 0 && count("alone") > 0, "{told}");
    assert_eq!(count("read"), count("written") + count("alone"), "{told}");
    assert!(told["alone"]["ms"]["p50"].as_f64().unwrap() > 0.0, "{told}");
    assert_eq!(server.out(&["topic", "ls", "-o", "csv"], b"").lines().count(), 1);
}

#[test]
fn a_bench_that_is_told_to_end_leaves_nothing() {
    let server = Server::ephemeral();
    let topics = || server.out(&["topic", "ls", "-q", "-o", "jsonl"], b"");
    let mut bench = server.command(&["bench", "--for", "1h", "--rate", "10", "-q"]).spawn().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !topics().contains("milena-bench-") {
        assert!(std::time::Instant::now() < deadline, "it makes its topic");
    }
    let killed = std::process::Command::new("kill").args(["-TERM", &bench.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(bench.wait().unwrap().code(), Some(130));
    assert!(!topics().contains("milena-bench-"), "{}", topics());
}

#[test]
fn a_bench_of_a_topic_keeps_it_and_counts_only_its_own() {
    let server = Server::ephemeral();
    server.out(&["produce", "kept", "before"], b"");
    let text = server.out(&["bench", "kept", "--for", "100ms", "--rate", "100"], b"");
    assert!(text.starts_with("written ") && !text.contains("LOST"), "{text}");
    assert_eq!(server.out(&["read", "kept", "-n", "1", "-f", "%s"], b""), "before");
    let output = server.run(&["bench", "nothing", "--for", "100ms"], b"");
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
}
