//! Power cuts under real threads: writers on several, the commit on its own, checkpoints on a third. No run is like
//! another, so a failure names its image and not a seed; the promise is the same.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use milena_store::{
    LogId, Patience, Query, ReadError, Store,
    dice::Dice,
    laws::{
        Session,
        ledger::{Depth, Ledger, Rebuilt, Refused, Want},
    },
    local::Leading,
    plant::Plant,
    sim_disk::SimDisk,
};

use crate::{
    campaign::{self, Report},
    power::{Effort, Recording, crash, noting},
    subject::{OnSimDisk, Subject},
};

/// Each writer has so many logs of its own: a checkpoint finds many changed, and its edit takes a while to make.
const LOGS: u64 = 24;

/// Appends, waits now and then for the proof, trims its own logs: often, and mostly all that they have.
fn write(ledger: &Ledger, store: &dyn Store, writer: u64, stop: &AtomicBool) -> Result<(), String> {
    let mut dice = Dice::new(writer);
    for i in 0..120 {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let mut own = || 100 + writer * LOGS + dice.below(LOGS);
        let (log, trimmed) = (own(), own());
        let payload = Want::Payload { log, len: 30 + dice.below(1500) as usize, span: 3, gap: 0, stamp: i, fact: 0 };
        let mut wants = vec![payload, Want::Note { log: 20 + dice.below(5), len: 20 }];
        if dice.chance(1, 3) {
            let back = if dice.chance(2, 3) { 0 } else { 5 };
            wants.push(Want::Trim { log: trimmed, start: ledger.next(trimmed) - back });
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
        let log = LogId(100 + dice.below(8 * LOGS));
        ledger.read_beside(store, log, &mut dice).map_err(|e| format!("reader {reader}: {e}"))?;
        reads.fetch_add(1, Ordering::Relaxed);
        thread::yield_now();
    }
    Ok(())
}

fn record(leading: Leading, plant: Option<Plant>, seed: u64, reads: &AtomicU64) -> Result<Recording, String> {
    let disk = SimDisk::default();
    disk.record();
    let ledger = noting(&disk, seed);
    let harness = Box::new(OnSimDisk::new(Subject::Threads(leading, plant), disk.clone(), seed));
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

/// Lives of a store under threads, each cut at every operation of its disk.
pub(crate) fn under_threads(plant: Option<Plant>, effort: Effort, rounds: u64) -> Report {
    let mut report = Report::new("power cuts under threads");
    let reads = AtomicU64::new(0);
    for round in 0..rounds {
        for leading in [Leading::Callers, Leading::Measured, Leading::Thread] {
            if effort.until_violated && report.failed() {
                break;
            }
            match record(leading, plant, campaign::seed() + round, &reads) {
                Ok(recording) => crash(Subject::Local(None), &recording, round, effort, &mut report),
                Err(e) => report.count(Err(format!("{leading:?}: {e}"))),
            }
        }
    }
    report.aside("reads beside", reads.into_inner());
    report
}

#[test]
fn threads_survive_power_cuts() {
    let effort = Effort { images: 250, again: 12, until_violated: false };
    under_threads(None, effort, 2 * campaign::times() as u64).finish();
}

const READ: LogId = LogId(1);
/// Payloads of the log before the last.
const DEAD: i64 = 6;

/// A life that has nothing in memory, whose first file goes while somebody opens it.
fn with_a_file_that_goes() -> Arc<dyn Store> {
    let disk = SimDisk::default();
    let ledger = Arc::new(Ledger::new(1, Box::new(|_| {})));
    let open = || {
        let open = Subject::Local(None).open(&disk, &mut Rebuilt::default()).unwrap();
        open.store.attach(ledger.clone(), ledger.clone());
        (open.store, open.local.unwrap())
    };
    let (store, local) = open();
    for i in 0..=DEAD {
        let want = Want::Payload { log: READ.0, len: 6000, span: 1, gap: 0, stamp: i, fact: 0 };
        ledger.append(&*store, &[want]).unwrap();
        // The last one has a file of its own.
        if i + 1 >= DEAD {
            local.checkpoint().unwrap();
        }
    }
    store.close().unwrap();
    drop((store, local));
    let (store, local) = open();
    let armed = AtomicBool::new(true);
    let local = Arc::downgrade(&local);
    disk.before_open(move |name| {
        if name.starts_with("seg-") && armed.swap(false, Ordering::SeqCst) {
            let local = local.upgrade().unwrap();
            local.trim(READ, DEAD);
            local.checkpoint().unwrap();
        }
    });
    store
}

/// Between asking a log for its runs and opening their file, the file may be trimmed and unlinked: that is no error, and
/// no damage.
#[test]
fn who_reads_while_a_file_goes_reads_what_is_left() {
    type Look = fn(&dyn Store) -> Result<Option<i64>, ReadError>;
    let looks: [(&str, Look); 5] = [
        ("read", |s| s.read(READ, 0, i64::MAX, 1, Patience::Block).map(|found| Some(found.upto))),
        ("list", |s| s.list(READ, 0, 9).map(|all| all.first().map(|s| s.base))),
        ("at", |s| s.lookup(READ, Query::At(0)).map(|s| s.map(|s| s.base))),
        ("stamped at", |s| s.lookup(READ, Query::StampedAt(0)).map(|s| s.map(|s| s.base))),
        ("greatest stamp", |s| s.lookup(READ, Query::GreatestStamp).map(|s| s.map(|s| s.base))),
    ];
    for (name, look) in looks {
        let store = with_a_file_that_goes();
        assert_eq!(look(&*store).map_err(|e| e.to_string()), Ok(Some(DEAD)), "{name}");
        assert_eq!(store.bounds(READ).unwrap().start, DEAD, "{name}: the file did not go");
        assert_eq!(store.gauges().quarantined, 0, "{name}: called damage");
    }
}
