//! The disk runs full, at every write boundary of a workload. What was promised stays, everything can be read, facts
//! still find room, and when space comes back the store heals without a restart.

use milena_store::{
    Store,
    dice::Dice,
    laws::{
        Session,
        ledger::{Depth, Refused, Want},
    },
    sim_disk::{Image, SimDisk},
};

use crate::{
    campaign::{self, Report},
    plain::Flaw,
    power::{noting, survive},
    subject::{OnSimDisk, Subject},
    workload::{self, Workload},
};

/// Room that the workload takes, after each of its steps that took more than ever before.
fn boundaries(subject: Subject, workload: Workload, seed: u64) -> Result<(u64, Vec<u64>), String> {
    let disk = SimDisk::default();
    disk.record();
    let harness = Box::new(OnSimDisk::new(subject, disk.clone(), seed));
    let mut session = Session::with_ledger(harness, noting(&disk, seed), seed)?;
    let at_start = disk.used();
    workload.run(&mut session, seed)?;
    let mut highest = at_start;
    let mut steps = Vec::new();
    for moment in disk.recorded() {
        let used = moment.room();
        if used > highest {
            steps.push(highest);
            highest = used;
        }
    }
    Ok((at_start, steps))
}

fn run_full(subject: Subject, workload: Workload, seed: u64, quota: u64) -> Result<u64, String> {
    let disk = SimDisk::default();
    let ledger = noting(&disk, seed);
    let mut session = Session::with_ledger(Box::new(OnSimDisk::new(subject, disk.clone(), seed)), ledger.clone(), seed)?;
    disk.set_quota(Some(quota));
    let outcome = workload.run(&mut session, seed);
    if let Err(e) = outcome {
        let stopped_inside = !session.is_open();
        if !stopped_inside {
            return Err(format!("on a full disk: {e}"));
        }
        disk.set_quota(None);
        return restart(subject, &disk, &ledger);
    }
    session.check(Depth::Once).map_err(|e| format!("reading on a full disk: {e}"))?;
    disk.set_quota(None);
    heals(&session, &ledger)?;
    session.check(Depth::Once).map_err(|e| format!("after space came back: {e}"))?;
    restart(subject, &disk, &ledger)
}

/// Within a few passes records are taken again.
fn heals(session: &Session, ledger: &milena_store::laws::ledger::Ledger) -> Result<(), String> {
    let store: &dyn Store = &**session.store();
    let mut last = String::new();
    for _ in 0..200 {
        let want = Want::Payload { log: 7777, len: 500, span: 1, gap: 0, stamp: 0, fact: 0 };
        match ledger.append(store, &[want]) {
            Ok(_) => return session.flush().map(|_| ()),
            Err(Refused::Violation(e)) => return Err(e),
            Err(other) => last = format!("{other:?}"),
        }
        store.lead();
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Err(format!("space came back and records are still refused: {last}"))
}

fn restart(subject: Subject, disk: &SimDisk, ledger: &milena_store::laws::ledger::Ledger) -> Result<u64, String> {
    let acked = ledger.acked();
    let image: Image = disk.moment().durable();
    disk.go_dark();
    survive(subject, image, ledger, acked, &mut Dice::new(1), false).map(|s| s.state)
}

pub(crate) fn full(subject: Subject, workload: Workload, most: usize) -> Report {
    let mut report = Report::new(format!("disk full, {}", workload.name()));
    let seed = campaign::seed();
    match boundaries(subject, workload, seed) {
        Err(e) => report.count(Err(format!("the workload itself: {e}"))),
        Ok((at_start, steps)) => {
            let stride = steps.len().div_ceil(most * campaign::times()).max(1);
            for quota in std::iter::once(at_start).chain(steps.into_iter().step_by(stride)) {
                let outcome = run_full(subject, workload, seed, quota);
                report.count(outcome.map_err(|e| format!("quota {quota}, seed {seed}: {e}")));
            }
        }
    }
    report
}

#[test]
fn a_plain_journal_dies_of_a_full_disk_and_that_is_seen() {
    // It has no reserve and no room taken in advance: the harness must notice.
    assert!(full(Subject::Plain(Flaw::None), Workload::GroupsAndPositions, 5).failed());
}

#[test]
fn a_full_disk_refuses_records_keeps_its_word_and_heals() {
    for workload in workload::ALL {
        full(Subject::Local(None), workload, 25).finish();
    }
}
