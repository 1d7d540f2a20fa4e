//! Laws about time: commits, watches, starts and ends.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::{
    Harness, Session, Verdict, busy,
    ledger::{Depth, Refused, Want},
    must, note, payload, script,
};
use crate::{dice::Dice, seam::*};

pub(super) fn replay_order(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 40)?;
    for round in 0..4 {
        busy(&mut session, 40, 6)?;
        // The judge counts each fact once, in order, and snapshots before all facts.
        session.cut().map_err(|e| format!("round {round}: {e}"))?;
        busy(&mut session, 20, 6)?;
        session.checkpoint()?;
        busy(&mut session, 10, 6)?;
        session.reopen().map_err(|e| format!("round {round}: {e}"))?;
    }
    session.check(Depth::Closely)
}

pub(super) fn snapshots_under_load(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 41)?;
    let stop = AtomicBool::new(false);
    let outcome: Result<(), String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..3u64)
            .map(|w| {
                let (ledger, store, stop) = (session.ledger.clone(), session.store().clone(), &stop);
                scope.spawn(move || {
                    let mut dice = Dice::new(w);
                    while !stop.load(Ordering::Relaxed) {
                        let wants = [Want::Note { log: 1 + w, len: dice.below(80) as usize }, payload(1 + w, 200)];
                        match ledger.append(&*store, &wants) {
                            Ok(_) | Err(Refused::Credit(_)) => {}
                            Err(other) => return Err(format!("{other:?}")),
                        }
                        store.lead();
                        thread::yield_now();
                    }
                    Ok(())
                })
            })
            .collect();
        for _ in 0..5 {
            thread::sleep(std::time::Duration::from_millis(5));
            session.checkpoint()?;
        }
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().try_for_each(|w| w.join().unwrap_or_else(|_| Err("a writer panicked".into())))
    });
    stop.store(true, Ordering::Relaxed);
    outcome?;
    session.flush()?;
    session.check(Depth::Once)?;
    session.cut()?;
    session.reopen()?;
    session.check(Depth::Once)
}

pub(super) fn committed_is_monotone(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 42)?;
    let mut seen = Lsn(0);
    for round in 0..12 {
        let now = session.store().committed().upto();
        must(now >= seen, || format!("round {round}: {now:?} after {seen:?}"))?;
        let reserved = session.append(&[note(1), payload(2, 100)])?.ok_or("no credit")?;
        must(reserved > seen, || format!("round {round}: {reserved:?} was given after {seen:?} was committed"))?;
        if round % 3 != 2 {
            seen = session.flush()?;
            must(seen >= reserved, || format!("round {round}: flush answered {seen:?} below {reserved:?}"))?;
        }
        if round % 2 == 0 {
            session.reopen()?;
            seen = session.ledger.acked();
        } else {
            session.cut()?;
        }
    }
    Ok(())
}

pub(super) fn watch_in_order(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let session = Session::new(make(), 43)?;
    for _ in 0..30 {
        session.append(&[note(1)])?;
        session.append(&[note(2)])?;
        session.store().lead();
    }
    session.flush()?;
    let told = session.ledger.told();
    must(told.is_sorted_by(|a, b| a < b), || format!("told in the order {told:?}"))?;
    must(told.last() == Some(&session.ledger.last()), || format!("reserved {:?}, told {told:?}", session.ledger.last()))?;
    let before = told.len();
    must(session.store().lead() == Led::Nothing, || "led although nothing was reserved".into())?;
    session.flush()?;
    must(session.ledger.told().len() == before, || "told although nothing was reserved".into())?;
    Ok(())
}

pub(super) fn many_threads(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 44)?;
    let outcome: Result<(), String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4u64)
            .map(|t| {
                let (ledger, store) = (session.ledger.clone(), session.store().clone());
                scope.spawn(move || append_and_wait(&ledger, &*store, t))
            })
            .collect();
        threads.into_iter().try_for_each(|t| t.join().unwrap_or_else(|_| Err("a thread panicked".into())))
    });
    outcome?;
    session.flush()?;
    let told = session.ledger.told();
    must(told.is_sorted_by(|a, b| a < b), || "two threads told the watch out of order".into())?;
    session.check(Depth::Closely)?;
    session.cut()?;
    session.check(Depth::Closely)
}

/// After its own lead, or that of whoever was committing, each entry is committed without any further call.
fn append_and_wait(ledger: &super::ledger::Ledger, store: &dyn Store, t: u64) -> Verdict {
    for i in 0..100 {
        let wants = [payload(1 + t, 100 + i), note(10), note(1 + (t + 1) % 4)];
        let lsn = match ledger.append(store, &wants) {
            Ok(lsn) => lsn,
            Err(Refused::Credit(_)) => continue,
            Err(other) => return Err(format!("{other:?}")),
        };
        store.lead();
        let mut patience = 0;
        while ledger.acked() < lsn {
            patience += 1;
            must(patience < 5000, || format!("{lsn:?} is not committed after five seconds, although somebody led"))?;
            thread::sleep(std::time::Duration::from_millis(u64::from(patience > 10)));
        }
    }
    Ok(())
}

pub(super) fn dead_store(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 45)?;
    busy(&mut session, 20, 3)?;
    let acked = session.ledger.acked();
    session.fail();
    // The failure shows at the latest when something must become durable.
    let mut refused = false;
    for _ in 0..5 {
        refused |= session.append(&[note(1), payload(2, 100)]).is_err();
        session.store().lead();
        refused |= session.store().flush().is_err();
    }
    must(refused, || "the medium failed and nobody was told".into())?;
    must(session.ledger.acked() == acked, || format!("{:?} was acknowledged by a dead store", session.ledger.acked()))?;
    must(session.ledger.acknowledged_late() == 0, || "something was acknowledged after the death".into())?;
    must(session.store().committed().upto() == acked, || "a dead store moved its committed LSN".into())?;
    let credit = session.store().credit(Class::Fact, 10, None);
    must(matches!(credit, Err(NoCredit::Dead(_))), || format!("a dead store gives credit: {credit:?}"))?;
    must(session.ledger.deaths() == 1, || format!("the watch was told {} deaths", session.ledger.deaths()))?;
    session.cut()?;
    session.check(Depth::Closely)?;
    busy(&mut session, 5, 3)
}

pub(super) fn random_lives(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    for seed in 0..12 {
        let steps = script::random(&mut Dice::new(seed), 120, 6);
        script::play(make(), seed, &steps).map_err(|e| format!("seed {seed}: {e}"))?;
    }
    Ok(())
}
