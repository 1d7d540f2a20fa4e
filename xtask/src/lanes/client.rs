//! Our own client library against the release binary, and against Apache Kafka.

use anyhow::{Result, bail};

use super::{apache::Apache, server};
use crate::{lane::Ground, run};

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let server = server::fresh(ground, "client", &[])?;
    cases(ground, &server.kafka)
}

pub(crate) fn against_apache(ground: &Ground) -> Result<String> {
    let apache = Apache::start(ground, "client", &["group.initial.rebalance.delay.ms=0"])?;
    cases(ground, &apache.kafka)
}

/// The cases of `lib/client` that want a broker.
fn cases(ground: &Ground, broker: &str) -> Result<String> {
    let mut command = run::cargo(&["test", "--workspace", "--test", "client"], &ground.root);
    let text = run::quiet(command.env("MILENA_TEST_BROKER", broker))?;
    match text.lines().rfind(|l| l.starts_with("test result: ok")) {
        Some(line) => Ok(line.trim_start_matches("test result: ").to_string()),
        None => bail!("no result: {text}"),
    }
}
