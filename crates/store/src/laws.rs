//! The laws: what every store must keep, whatever it is made of. One suite for memory, for local, and for what comes.
//!
//! An implementation stands here as a [`Harness`]. [`laws`] panics at the first law that is broken, and says which.
//! The judge is the [`Ledger`](ledger::Ledger), which knows only the seam.

mod appending;
mod credit;
pub mod ledger;
mod lives;
mod reading;
pub mod script;
mod session;

pub use session::{Harness, Session};

use crate::dice::Dice;

/// What breaks a law, in words.
pub type Verdict = Result<(), String>;

type Law = fn(&dyn Fn() -> Box<dyn Harness>) -> Verdict;

/// Every law by its name, as a claim.
pub const LAWS: &[(&str, Law)] = &[
    ("an entry is all or none, also over several logs", appending::all_or_none),
    ("a guard that does not hold refuses the whole entry", appending::guards),
    ("several parts of one log in an entry follow each other", appending::chained_parts),
    ("the same op is never stored twice", appending::idempotent_op),
    ("a log takes facts alone, payloads alone, and both", appending::every_shape),
    ("credit comes back when it is dropped, and when its entry is committed", credit::accounting),
    ("who waits for credit is woken in the order they came", credit::first_in_first_out),
    ("a newcomer does not overtake who waits", credit::no_overtaking),
    ("nobody waits for ever while there is room", credit::no_standstill),
    ("an entry that can never fit is refused as such", credit::too_large),
    ("positions with gaps are found as they were given", reading::gaps),
    ("a read answers at least one payload, whatever max", reading::at_least_one),
    ("only what is committed is visible", reading::only_committed),
    ("every lookup answers as the naive one", reading::lookups),
    ("what is trimmed or removed is gone at once, and stays gone", reading::trim_and_remove),
    ("bounds outlive emptiness and a start", reading::bounds_after_emptiness),
    ("what a reader holds stays whole, whatever is trimmed and used again", reading::slices_outlive),
    ("a log that is not there is named so", reading::no_log),
    ("replay hands back snapshots, then facts, each exactly once and in order", lives::replay_order),
    ("a snapshot is the state of one moment, also under load", lives::snapshots_under_load),
    ("the committed LSN never goes back, across any start", lives::committed_is_monotone),
    ("the watch is told in order, and everything", lives::watch_in_order),
    ("many threads, one order", lives::many_threads),
    ("a dead store acknowledges nothing", lives::dead_store),
    ("random lives are lived as remembered", lives::random_lives),
];

/// Panics at the first law that is broken.
pub fn laws(make: &dyn Fn() -> Box<dyn Harness>) {
    for (name, law) in LAWS {
        if let Err(violation) = law(make) {
            panic!("the law that {name} is broken: {violation}");
        }
    }
}

/// A broken law unless `holds`.
fn must(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}

fn payload(log: u64, len: usize) -> ledger::Want {
    ledger::Want::Payload { log, len, span: 1, gap: 0, stamp: 0, fact: 0 }
}

fn note(log: u64) -> ledger::Want {
    ledger::Want::Note { log, len: 20 }
}

/// Some entries over some logs, committed now and then.
fn busy(session: &mut Session, entries: usize, logs: u64) -> Verdict {
    let mut dice = Dice::new(session.dice.roll());
    for i in 0..entries {
        let log = 1 + dice.below(logs);
        let span = 1 + dice.below(10) as i64;
        let stamp = dice.below(1000) as i64;
        let want = ledger::Want::Payload { log, len: 1 + dice.below(900) as usize, span, gap: 0, stamp, fact: 3 };
        session.append(&[want, note(1 + dice.below(logs))])?;
        if i % 7 == 6 {
            session.store().lead();
        }
    }
    session.flush()?;
    Ok(())
}
