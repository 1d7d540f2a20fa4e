//! Long runs of what CI runs briefly: each prints one line of JSON a harness, with its seed.

use std::{path::Path, time::Instant};

use anyhow::Result;

use crate::{lane::Ground, lanes, run};

/// Kills of the release binary for each unit of length.
const KILLS: u32 = 40;

/// `length` times CI's work, from `seed` on.
pub(crate) fn campaign(ground: &Ground, length: u32, seed: u64) -> Result<bool> {
    let start = Instant::now();
    store(&ground.root, length, seed)?;
    messages(&ground.root, length, seed)?;
    run::shown(&mut run::cargo(&["build", "--release", "--package", "milena"], &ground.root))?;
    lanes::crash::ledger(ground, KILLS * length)?;
    println!("campaign of length {length} from seed {seed}: everything passed in {}", run::minutes(start));
    Ok(true)
}

/// Power cuts, injected errors, corruption, full disks, planted bugs.
fn store(root: &Path, length: u32, seed: u64) -> Result<()> {
    let mut command =
        run::cargo(&["test", "-p", "milena-store", "--test", "store", "--", "--nocapture", "--test-threads", "1"], root);
    command.env("MILENA_CAMPAIGN", length.to_string()).env("MILENA_SEED", seed.to_string());
    run::shown(&mut command)
}

/// Broken messages, with their memory counted.
fn messages(root: &Path, length: u32, seed: u64) -> Result<()> {
    let mut command =
        run::cargo(&["test", "--release", "-p", "milena-wire", "--test", "wire", "bounds", "--", "--nocapture"], root);
    command.env("MILENA_FUZZ_ROUNDS", (1000 * length).to_string()).env("MILENA_FUZZ_SEED", seed.to_string());
    run::shown(&mut command)
}
