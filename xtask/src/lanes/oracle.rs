//! The same requests to Apache Kafka itself and to Milena, their answers field by field; every deliberate difference is listed.

use std::process::Command;

use anyhow::{Result, bail};

use super::{apache::Apache, server};
use crate::{lane::Ground, run};

pub(crate) fn run(ground: &Ground) -> Result<String> {
    run::shown(&mut run::cargo(&["build", "--quiet", "--package", "milena-oracle"], &ground.root))?;
    let extra = ["group.initial.rebalance.delay.ms=0", "log.retention.ms=-1"];
    let apache = Apache::start(ground, "oracle", &extra)?;
    let server = server::fresh(ground, "oracle", &[])?;
    let oracle = ground.target.join("debug/milena-oracle");
    let differences = ground.root.join("conformance/oracle/differences.txt");
    let output = Command::new(oracle).args([&apache.kafka, &server.kafka]).arg(differences).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    let last = text.lines().last().unwrap_or("it printed nothing").to_string();
    if !output.status.success() {
        bail!("{last} {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(last)
}
