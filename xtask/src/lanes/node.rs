//! The two JavaScript clients, by programs of ours.

use std::process::Command;

use anyhow::{Result, bail};

use super::server;
use crate::{
    lane::{Ground, room},
    run,
};

pub(crate) const NODE: &[(&str, &str)] = &[("node", "nodejs"), ("npm", "npm")];

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let room = room(ground, "node")?;
    let here = ground.root.join("conformance/node");
    for file in ["package.json", "package-lock.json", "work.js", "kafkajs.js", "platformatic.js"] {
        std::fs::copy(here.join(file), room.join(file))?;
    }
    run::quiet(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&room))?;
    let server = server::fresh(ground, "node", &[])?;
    let mut lines = Vec::new();
    for program in ["kafkajs.js", "platformatic.js"] {
        let output = Command::new("node").arg(program).arg(&server.kafka).current_dir(&room).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        print!("{text}");
        lines.push(format!("{program}: {}", text.lines().last().unwrap_or("printed nothing")));
    }
    if lines.iter().any(|l| !l.ends_with(" 0 failed")) {
        bail!("{}", lines.join("; "));
    }
    Ok(lines.join("; "))
}
