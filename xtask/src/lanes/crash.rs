//! Producers keep writing while the release binary is killed again and again; nothing acknowledged may be missing.

use std::process::Command;

use anyhow::{Result, bail};

use crate::lane::{Ground, room, venv};

/// Kills of one run in CI; a campaign asks for more.
const KILLS: u32 = 40;

pub(crate) fn run(ground: &Ground) -> Result<String> {
    ledger(ground, KILLS)
}

/// One run of the ledger with so many kills. Its line of JSON is the answer.
pub(crate) fn ledger(ground: &Ground, kills: u32) -> Result<String> {
    let venv = venv(ground, "python", super::python::PROGRAMS)?;
    let data = room(ground, "data")?.join("ledger");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    let script = ground.root.join("conformance/python/ledger.py");
    let output =
        Command::new(venv.join("bin/python")).arg(script).arg(&ground.milena).arg(&data).arg(kills.to_string()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    println!("{text}");
    // Kept when something is wrong: it is the evidence.
    if output.status.success() {
        std::fs::remove_dir_all(&data)?;
    }
    if !output.status.success() {
        bail!("{text} {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(text)
}
