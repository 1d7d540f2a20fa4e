//! `cargo xtask test`: every lane in turn, minutes by lane, and loudly what was skipped.

use std::{path::Path, process::Command, time::Instant};

use anyhow::{Context, Result, bail};

use crate::{
    check,
    lane::{self, End, Ground, Lane, Outcome},
    lanes, run,
};

/// The lanes that need nothing but Rust, in the order in which a failure is cheapest.
const HOUSE: &[Lane] = &[
    Lane { name: "hygiene", needs: &[], work: |g| check::hygiene(&g.root) },
    Lane { name: "typos", needs: &[("python3", "python3-venv")], work: lanes::typos::run },
    Lane { name: "unit and crash tests", needs: &[], work: unit },
    Lane { name: "fresh clone", needs: &[("git", "git")], work: lanes::fresh::run },
    Lane { name: "release build", needs: &[], work: release },
];

pub(crate) fn all(root: &Path, only: &[String]) -> Result<bool> {
    let start = Instant::now();
    let ground = lane::ground(root);
    let outcomes = run_lanes(&ground, HOUSE.iter().chain(lanes::CONFORMANCE), only)?;
    let good = lane::report(&outcomes);
    println!("total {}", run::minutes(start));
    Ok(good)
}

/// Other people's clients, every lane `runs` times in a row. The first round that is not green ends it.
pub(crate) fn conformance(root: &Path, runs: u32, only: &[String]) -> Result<bool> {
    let (ground, start) = (lane::ground(root), Instant::now());
    release(&ground)?;
    let (mut green, mut skipped) = (0, 0);
    for round in 1..=runs {
        println!("\nround {round} of {runs}");
        let outcomes = run_lanes(&ground, lanes::CONFORMANCE.iter(), only)?;
        if !lane::report(&outcomes) {
            return Ok(false);
        }
        green += outcomes.iter().filter(|o| matches!(o.end, End::Passed(_))).count();
        skipped += outcomes.iter().filter(|o| matches!(o.end, End::Skipped(_))).count();
    }
    println!("{runs} rounds: {green} times a lane was green, {skipped} times one was skipped, in {}", run::minutes(start));
    // Where nothing ran, nothing was shown.
    Ok(green > 0)
}

fn run_lanes<'a>(ground: &Ground, lanes: impl Iterator<Item = &'a Lane>, only: &[String]) -> Result<Vec<Outcome>> {
    let wanted = |lane: &&Lane| only.is_empty() || only.iter().any(|word| lane.name.contains(word.as_str()));
    let mut outcomes: Vec<Outcome> = Vec::new();
    for lane in lanes.filter(wanted) {
        let outcome = lane.run(ground);
        let stop = lane.name == "release build" && matches!(outcome.end, End::Failed(_));
        outcomes.push(outcome);
        if stop {
            break; // Everything after this one needs the binary.
        }
    }
    if outcomes.is_empty() {
        bail!("no lane is called so: {}", only.join(", "));
    }
    Ok(outcomes)
}

/// Every test of every crate; counts what ran, so that an empty run cannot look green.
fn unit(ground: &Ground) -> Result<String> {
    let mut command = run::cargo(&["test", "--workspace", "--no-fail-fast"], &ground.root);
    let output = command.output().context("cannot start cargo test")?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        bail!("cargo test failed");
    }
    let passed: u64 =
        text.lines().filter_map(|l| l.strip_prefix("test result: ok. ")?.split(' ').next()?.parse::<u64>().ok()).sum();
    if passed == 0 {
        bail!("cargo test ran nothing");
    }
    Ok(format!("{passed} tests"))
}

/// The binary for all lanes that follow. What the fresh clone has built is taken where it is the same: a second build takes minutes.
fn release(ground: &Ground) -> Result<String> {
    if !ground.is_under_test() {
        run::shown(&mut run::cargo(&["build", "--release", "--package", "milena"], &ground.root))?;
        ground.put_under_test(&ground.release())?;
    }
    let version = run::quiet(Command::new(&ground.milena).arg("version"))?;
    Ok(version.lines().next().unwrap_or_default().to_string())
}
