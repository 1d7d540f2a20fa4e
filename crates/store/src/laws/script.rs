//! Scripts: random lives of a store, as plain data, so that a failing one can be made smaller and kept.

use super::{
    ledger::{Depth, Want},
    session::{Harness, Session},
};
use crate::dice::Dice;

/// One step of a life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// One entry with all these parts.
    Append(Vec<Want>),
    Lead,
    Flush,
    Check,
    Checkpoint,
    /// A clean stop and a start.
    Reopen,
    /// A power cut and a start.
    Cut,
}

/// Plays a script on a fresh store. Checks after every start, and closely at the end.
pub fn play(harness: Box<dyn Harness>, seed: u64, steps: &[Step]) -> Result<(), String> {
    let mut session = Session::new(harness, seed)?;
    for (i, step) in steps.iter().enumerate() {
        run(&mut session, step).map_err(|e| format!("step {i}, {step:?}: {e}"))?;
    }
    session.flush()?;
    session.check(Depth::Closely)?;
    session.cut()?;
    session.check(Depth::Closely)
}

fn run(session: &mut Session, step: &Step) -> Result<(), String> {
    match step {
        Step::Append(wants) => {
            let wants = possible(session, wants);
            if !wants.is_empty() {
                session.append(&wants)?;
            }
        }
        Step::Lead => {
            session.store().lead();
        }
        Step::Flush => {
            session.flush()?;
        }
        Step::Check => session.check(Depth::Closely)?,
        Step::Checkpoint => session.checkpoint()?,
        Step::Reopen => {
            session.reopen()?;
        }
        Step::Cut => {
            session.cut()?;
        }
    }
    Ok(())
}

/// Nobody writes to a log that was removed, or removes one twice.
fn possible(session: &Session, wants: &[Want]) -> Vec<Want> {
    let mut removed = Vec::new();
    let mut kept = Vec::new();
    for want in wants {
        let log = want.log();
        if session.ledger.removed(log) || removed.contains(&log) {
            continue;
        }
        if matches!(want, Want::Remove { .. }) {
            removed.push(log);
        }
        kept.push(want.clone());
    }
    kept
}

/// A random script.
pub fn random(dice: &mut Dice, steps: usize, logs: u64) -> Vec<Step> {
    (0..steps).map(|_| random_step(dice, logs)).collect()
}

/// One random step over logs `1..=logs`.
pub fn random_step(dice: &mut Dice, logs: u64) -> Step {
    match dice.below(100) {
        0..=69 => {
            let parts = if dice.chance(1, 4) { 1 + dice.below(5) } else { 1 };
            Step::Append((0..parts).map(|_| random_want(dice, logs)).collect())
        }
        70..=84 => Step::Lead,
        85..=89 => Step::Flush,
        90..=92 => Step::Check,
        93..=95 => Step::Checkpoint,
        96..=97 => Step::Reopen,
        _ => Step::Cut,
    }
}

fn random_want(dice: &mut Dice, logs: u64) -> Want {
    // The catalog is log 0 and takes no payloads.
    let log = 1 + dice.below(logs);
    match dice.below(40) {
        0..=7 => Want::Note { log, len: dice.below(60) as usize },
        8..=10 => Want::Trim { log, start: dice.below(200) as i64 },
        11 if dice.chance(1, 3) => Want::Remove { log },
        _ => {
            let len = match dice.below(12) {
                0 => 1,
                1 => 4096,
                2 => 1 + dice.below(12_000) as usize,
                _ => 1 + dice.below(600) as usize,
            };
            let gap = if dice.chance(1, 5) { dice.below(9) as i64 } else { 0 };
            let fact = if dice.chance(1, 3) { 1 + dice.below(40) as usize } else { 0 };
            Want::Payload { log, len, span: 1 + dice.below(12) as i64, gap, stamp: dice.below(50) as i64, fact }
        }
    }
}
