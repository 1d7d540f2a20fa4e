//! librdkafka, by way of Python, as the client: what people really use. On two cores it is the limit, so what the server
//! needs for each message says more than the rate.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    figure::Report,
    measure, produce,
    systems::{self, Place, System},
};

pub(crate) fn run(place: &Place, python: &Path, system: System, seconds: u64) -> Result<()> {
    let report = Report { workload: "rdkafka", system };
    let running = systems::start(place, system)?;
    for size in [100, 1024] {
        let topic = format!("client-{size}");
        produce::create(running.address, &topic, 1)?;
        if system.is_java() {
            work(python, &running.address.to_string(), &topic, size, 10)?;
        }
        let before = measure::cpu(running.pid())?;
        let line = work(python, &running.address.to_string(), &topic, size, seconds)?;
        let used = measure::cpu(running.pid())? - before;
        let field = |name: &str| line[name].as_f64().unwrap_or(f64::NAN);
        ensure!(field("failed") == 0.0, "{} messages failed", field("failed"));
        report.say(format!("{size} B: produced, acks=all"), field("done") / field("seconds"), "1/s");
        report.say(format!("{size} B: consumed"), field("read") / field("read_seconds"), "1/s");
        report.say(format!("{size} B: server CPU a message produced and consumed"), used / field("done") * 1e6, "µs");
        report.say(format!("{size} B: client CPU a message produced"), field("client_cpu") / field("done") * 1e6, "µs");
    }
    Ok(())
}

fn work(python: &Path, address: &str, topic: &str, size: usize, seconds: u64) -> Result<serde_json::Value> {
    let program = include_str!("client.py");
    let words = [address, topic, &size.to_string(), &seconds.to_string()];
    let output = Command::new(python).args(["-c", program]).args(words).output().context("cannot start Python")?;
    ensure!(output.status.success(), "the client failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}
