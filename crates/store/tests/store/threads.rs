//! Power cuts under real threads: writers on several, the commit on its own, checkpoints on a third. No run is like
//! another, so a failure names its image and not a seed; the promise is the same.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use milena_store::{
    LogId, Store,
    dice::Dice,
    laws::{
        Session,
        ledger::{Depth, Ledger, Refused, Want},
    },
    local::Leading,
    sim_disk::SimDisk,
};

use crate::{
    campaign::{self, Report},
    power::{Effort, Recording, crash, noting},
    subject::{OnSimDisk, Subject},
};

/// Appends, waits now and then for the proof, trims its own log.
fn write(ledger: &Ledger, store: &dyn Store, writer: u64, stop: &AtomicBool) -> Result<(), String> {
    let mut dice = Dice::new(writer);
    let log = 1 + writer;
    for i in 0..120 {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let payload = Want::Payload { log, len: 30 + dice.below(1500) as usize, span: 3, gap: 0, stamp: i, fact: 0 };
        let mut wants = vec![payload, Want::Note { log: 20 + dice.below(5), len: 20 }];
        if dice.chance(1, 12) {
            wants.push(Want::Trim { log, start: ledger.next(log) - 20 });
        }
        match ledger.append(store, &wants) {
            Ok(_) | Err(Refused::Credit(_)) => {}
            Err(other) => return Err(format!("writer {writer}: {other:?}")),
        }
        store.lead();
        ledger.settle(store);
        if dice.chance(1, 20) {
            store.flush().map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

/// Reads what was acknowledged, while the writers go on.
fn read(ledger: &Ledger, store: &dyn Store, reader: u64, stop: &AtomicBool, reads: &AtomicU64) -> Result<(), String> {
    let mut dice = Dice::new(reader);
    while !stop.load(Ordering::Relaxed) {
        let log = LogId(1 + dice.below(12));
        ledger.read_beside(store, log, &mut dice).map_err(|e| format!("reader {reader}: {e}"))?;
        reads.fetch_add(1, Ordering::Relaxed);
        thread::yield_now();
    }
    Ok(())
}

fn record(leading: Leading, seed: u64, reads: &AtomicU64) -> Result<Recording, String> {
    let disk = SimDisk::default();
    disk.record();
    let ledger = noting(&disk, seed);
    let harness = Box::new(OnSimDisk::new(Subject::Threads(leading), disk.clone(), seed));
    let mut session = Session::with_ledger(harness, ledger.clone(), seed)?;
    let stop = AtomicBool::new(false);
    let outcome: Result<(), String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|w| {
                let (ledger, store, stop) = (&session.ledger, session.store(), &stop);
                scope.spawn(move || write(ledger, &**store, w + seed * 4 % 8, stop))
            })
            .collect();
        let readers: Vec<_> = (0..2u64)
            .map(|r| {
                let (ledger, store, stop) = (&session.ledger, session.store(), &stop);
                scope.spawn(move || read(ledger, &**store, r, stop, reads))
            })
            .collect();
        let written = writers.into_iter().map(|w| w.join().unwrap_or_else(|_| Err("a writer panicked".into())));
        let written: Vec<_> = written.collect();
        stop.store(true, Ordering::Relaxed);
        let read = readers.into_iter().map(|r| r.join().unwrap_or_else(|_| Err("a reader panicked".into())));
        written.into_iter().chain(read).collect()
    });
    outcome?;
    session.checkpoint()?;
    session.flush()?;
    session.check(Depth::Closely)?;
    let moments = disk.recorded();
    Ok(Recording { moments, ledger })
}

#[test]
fn threads_survive_power_cuts() {
    let mut report = Report::new("power cuts under threads");
    let reads = AtomicU64::new(0);
    let effort = Effort { images: 250, again: 12, until_violated: false };
    for round in 0..(2 * campaign::times()) as u64 {
        for leading in [Leading::Callers, Leading::Measured, Leading::Thread] {
            match record(leading, campaign::seed() + round, &reads) {
                Ok(recording) => crash(Subject::Local(None), &recording, round, effort, &mut report),
                Err(e) => report.count(Err(format!("{leading:?}: {e}"))),
            }
        }
    }
    report.aside("reads beside", reads.into_inner());
    report.finish();
}
