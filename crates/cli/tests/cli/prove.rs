//! A scenario as a person writes it, played for real: kills and crashes lose nothing, and what does not hold is said.

use std::fs;

use serde_json::Value;

use crate::server::{Server, bare};

fn prove(scenario: &str, more: &[&str]) -> (i32, Value, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("scenario.toml");
    fs::write(&file, scenario).unwrap();
    let output = bare(&[&["prove", file.to_str().unwrap(), "-o", "json"][..], more].concat()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default(), told)
}

const WORK: &str = r#"
name = "orders"
duration = "2s"

[[topic]]
name = "orders"
partitions = 3

[[producer]]
topic = "orders"
count = 2
rate = 40
size = 300
keys = 10

[[consumer]]
topic = "orders"
group = "shop"
count = 2
work = "1ms"
"#;

#[test]
fn kills_and_power_cuts_lose_nothing() {
    let more = r#"
[[consumer]]
topic = "orders"
group = "packing"
kind = "queue"
count = 2

[[event]]
at = "500ms"
do = "kill"
for = "300ms"

[[event]]
at = "1200ms"
do = "power-cut"
for = "200ms"

[[event]]
at = "1700ms"
do = "cut"

[expect]
lost = 0
unsent = 0
"#;
    let (code, report, told) = prove(&format!("{WORK}{more}"), &[]);
    assert_eq!(code, 0, "{report}\n{told}");
    assert_eq!((&report["acknowledged"], &report["holds"]), (&160.into(), &true.into()), "{report}");
    for group in report["groups"].as_array().unwrap() {
        assert_eq!((&group["handled"], &group["lost"]), (&160.into(), &0.into()), "{report}");
    }
}

#[test]
fn a_quiet_hour_is_played_in_virtual_time() {
    let hour = r#"
name = "a quiet hour"
duration = "1h"

[[topic]]
name = "orders"

[[producer]]
topic = "orders"
rate = 0.01
keys = 3

[[consumer]]
topic = "orders"
group = "packing"
kind = "queue"
work = "20s"

[[event]]
at = "20m"
do = "kill"
for = "300ms"

[expect]
lost = 0
doubled = 0
late_after = "30s"
late_percent = 0
"#;
    let begun = std::time::Instant::now();
    let (code, report, told) = prove(hour, &["--virtual"]);
    assert_eq!(code, 0, "{report}\n{told}");
    assert_eq!(report["groups"][0]["handled"], 36, "{report}");
    assert!(report["groups"][0]["p50_ms"].as_f64().unwrap() >= 20_000.0, "the work takes its time: {report}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(600), "it took {:?}", begun.elapsed());
}

#[test]
fn what_does_not_hold_is_said_and_is_no_success() {
    // A second without a broker is late for whoever is due in it.
    let more = "[[event]]\nat = \"500ms\"\ndo = \"kill\"\nfor = \"1s\"\n[expect]\nlate_after = \"300ms\"\nlate_percent = 1.0\n";
    let (code, report, told) = prove(&format!("{WORK}{more}"), &[]);
    assert_eq!(code, 2, "{report}\n{told}");
    let words = report["not_so"][0].as_str().unwrap();
    assert!(words.contains("group shop") && words.contains("later than 300ms"), "{report}");
    assert!(report["groups"][0]["late"].as_u64().unwrap() > 5, "{report}");
    assert_eq!(report["groups"][0]["lost"], 0, "late is not lost");
}

#[test]
fn another_broker_is_played_against_and_spared_what_only_ours_can_take() {
    let server = Server::ephemeral();
    let more = "[[event]]\nat = \"300ms\"\ndo = \"kill\"\n";
    let (code, report, told) = prove(&format!("{WORK}{more}"), &["--address", server.kafka()]);
    assert_eq!(code, 0, "{report}\n{told}");
    assert_eq!(report["groups"][0]["handled"], 160);
    assert!(report["left_out"][0].as_str().unwrap().contains("only a broker of our own"), "{report}");
    // The topic is there now: what is in it would be counted.
    let (code, _, told) = prove(WORK, &["--address", server.kafka()]);
    assert_eq!(code, 6, "{told}");
}

#[test]
fn a_scenario_that_is_not_right_starts_nothing() {
    let (code, _, told) = prove("duration = \"1s\"\n", &[]);
    assert_eq!(code, 64, "{told}");
    assert!(told.contains("is not right"), "{told}");
    let (code, _, told) = prove(&format!("{WORK}[[event]]\nat = \"1s\"\ndo = \"explode\"\n"), &[]);
    assert_eq!(code, 64, "{told}");
}
