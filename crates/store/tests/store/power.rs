//! The power goes: after every operation of six workloads, in every way that a disk may lose what was not synced, and
//! again while the store recovers. Everything acknowledged is there afterwards; the rest is there whole or not at all.

use std::{collections::HashSet, sync::Arc};

use milena_store::{
    Lsn, Store,
    dice::Dice,
    laws::{
        Session,
        ledger::{Depth, Ledger, Rebuilt, Want},
    },
    sim_disk::{self, Image, Moment, SimDisk},
};

use crate::{
    campaign::{self, Report},
    plain::Flaw,
    subject::{OnSimDisk, Subject},
    workload::{Workload, load_beside, trim_beside},
};

/// A workload that was run once, with every moment of its disk.
pub(crate) struct Recording {
    pub(crate) moments: Vec<Moment>,
    pub(crate) ledger: Arc<Ledger>,
}

/// Runs the workload on a fresh simulated disk. The watch notes on the disk what was acknowledged when.
pub(crate) fn record(subject: Subject, workload: Workload, seed: u64) -> Result<Recording, String> {
    let disk = SimDisk::default();
    disk.record();
    let ledger = noting(&disk, seed);
    let harness = Box::new(OnSimDisk::new(subject, disk.clone(), seed));
    let mut session = Session::with_ledger(harness, ledger.clone(), seed)?;
    if workload == Workload::CheckpointAndRecycle {
        load_beside(&session, &disk, seed);
    }
    if workload == Workload::TrimsBeside {
        trim_beside(&session, &disk);
    }
    workload.run(&mut session, seed)?;
    session.check(Depth::Once)?;
    subject.assert_busy(&session, workload)?;
    Ok(Recording { moments: disk.recorded(), ledger })
}

/// A ledger that notes on the disk what was acknowledged.
pub(crate) fn noting(disk: &SimDisk, seed: u64) -> Arc<Ledger> {
    let disk = disk.clone();
    Arc::new(Ledger::new(seed, Box::new(move |lsn| disk.note(lsn.0))))
}

/// One fate: opens the image, judges it, and lives on it for a moment.
pub(crate) struct Survivor {
    pub(crate) disk: SimDisk,
    pub(crate) survived: Lsn,
    pub(crate) state: u64,
    /// The ledger of this fate, with what was appended after the recovery.
    pub(crate) ledger: Arc<Ledger>,
    /// The operation of `disk` before which the recovery had returned.
    pub(crate) opened_at: u64,
    pub(crate) store: Arc<dyn Store>,
}

pub(crate) fn survive(
    subject: Subject,
    image: Image,
    ledger: &Ledger,
    acked: Lsn,
    dice: &mut Dice,
    record: bool,
) -> Result<Survivor, String> {
    let disk = SimDisk::from_image(image);
    if record {
        disk.record();
    }
    live_again(subject, disk, ledger, acked, dice)
}

/// The same on a disk that is there: the next process.
pub(crate) fn live_again(
    subject: Subject,
    disk: SimDisk,
    ledger: &Ledger,
    acked: Lsn,
    dice: &mut Dice,
) -> Result<Survivor, String> {
    let mut rebuilt = Rebuilt::default();
    let open = subject.open(&disk, &mut rebuilt).map_err(|e| format!("the store does not open: {e}"))?;
    let survived = ledger.judge(&rebuilt, acked)?;
    let store = open.store;
    let opened_at = disk.operations();
    let noted = disk.clone();
    noted.note(survived.0);
    let ledger = Arc::new(ledger.fork(Box::new(move |lsn| noted.note(lsn.0))));
    store.attach(ledger.clone(), ledger.clone());
    ledger.recovered(&*store, survived);
    if store.committed().upto() < acked {
        return Err(format!("{acked:?} was acknowledged and {:?} is committed", store.committed()));
    }
    ledger.check(&*store, survived, Depth::Once, dice)?;
    live_on(&*store, &ledger, dice)?;
    // What the manifest names and is not there shows when it is to go.
    if let Some(local) = open.local.filter(|_| dice.chance(1, 4)) {
        local.checkpoint().map_err(|e| format!("a checkpoint after the recovery: {e}"))?;
    }
    let state = rebuilt.digest() ^ survived.0;
    Ok(Survivor { disk, survived, state, ledger, opened_at, store })
}

/// The store takes entries again, and shows them.
fn live_on(store: &dyn Store, ledger: &Ledger, dice: &mut Dice) -> Result<(), String> {
    for log in [1, 900] {
        let log = if ledger.removed(log) { 901 } else { log };
        let wants = [Want::Payload { log, len: 700, span: 2, gap: 0, stamp: 9, fact: 4 }, Want::Note { log: 902, len: 30 }];
        ledger.append(store, &wants).map_err(|e| format!("an append after the recovery: {e:?}"))?;
        let proof = store.flush().map_err(|e| format!("a flush after the recovery: {e}"))?;
        ledger.check(store, proof.upto(), Depth::Once, dice).map_err(|e| format!("after the recovery: {e}"))?;
    }
    Ok(())
}

/// How many images are tried, and how often the recovery is cut too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) images: usize,
    /// One of so many recoveries is crashed again.
    pub(crate) again: usize,
    /// Stop at the first violation: for planted bugs.
    pub(crate) until_violated: bool,
}

/// Crashes the recording at every operation.
pub(crate) fn crash(subject: Subject, recording: &Recording, seed: u64, effort: Effort, report: &mut Report) {
    let mut dice = Dice::new(seed);
    let mut seen = HashSet::new();
    let per_moment = effort.images.div_ceil(recording.moments.len()).max(1);
    for moment in &recording.moments {
        for (choice, image) in choose(moment, per_moment, &mut dice, &mut seen) {
            let acked = Lsn(moment.noted());
            let name = || format!("seed {seed}, operation {}, {choice}, acknowledged {acked:?}", moment.operation());
            let record = report.tried().is_multiple_of(effort.again);
            let outcome = survive(subject, image, &recording.ledger, acked, &mut dice, record);
            match outcome {
                Ok(survivor) => {
                    report.count(Ok(survivor.state));
                    if record {
                        crash_again(subject, survivor, recording, acked, &mut dice, report, &name());
                    }
                }
                Err(e) => report.count(Err(format!("{}: {e}", name()))),
            }
            if effort.until_violated && report.failed() {
                return;
            }
        }
    }
}

/// Some images of a moment that were not seen before, of different choices.
fn choose(moment: &Moment, count: usize, dice: &mut Dice, seen: &mut HashSet<(u64, u64)>) -> Vec<(String, Image)> {
    let depth = sim_disk::Depth { tears: 4, subsets: 6, spread: 6 };
    let mut all: Vec<(String, Image)> = Vec::new();
    moment.images(depth, &mut dice.clone(), &mut |choice, image| {
        all.push((choice.to_owned(), image));
        true
    });
    dice.roll();
    let mut chosen = Vec::new();
    while chosen.len() < count && !all.is_empty() {
        let (choice, image) = all.swap_remove(dice.below(all.len() as u64) as usize);
        if seen.insert((image.digest(), moment.noted())) {
            chosen.push((choice, image));
        }
    }
    chosen
}

/// The power goes while the store recovers, or just after: what had survived once survives again.
fn crash_again(
    subject: Subject,
    first: Survivor,
    recording: &Recording,
    acked: Lsn,
    dice: &mut Dice,
    report: &mut Report,
    name: &str,
) {
    let moments = first.disk.recorded();
    drop(first.store);
    for _ in 0..6 {
        let moment = &moments[dice.below(moments.len() as u64) as usize];
        let Some((choice, image)) = choose(moment, 1, dice, &mut HashSet::new()).pop() else { continue };
        let opened = moment.operation() >= first.opened_at;
        let ledger = if opened { &first.ledger } else { &recording.ledger };
        // What a returned recovery had shown may not go away any more.
        let acked = if opened { Lsn(moment.noted()).max(first.survived) } else { acked };
        let outcome = survive(subject, image, ledger, acked, dice, false);
        report
            .count(outcome.map(|s| s.state).map_err(|e| format!("{name}, then again at {}, {choice}: {e}", moment.operation())));
    }
}

pub(crate) fn power_cuts(subject: Subject, workload: Workload, effort: Effort, seeds: usize) -> Report {
    let mut report = Report::new(format!("power cuts, {}{}", subject.label(), workload.name()));
    for round in 0..(seeds * campaign::times()) as u64 {
        if effort.until_violated && report.failed() {
            break;
        }
        let seed = campaign::seed() + round;
        match record(subject, workload, seed) {
            Ok(recording) => crash(subject, &recording, seed, effort, &mut report),
            Err(e) => report.count(Err(format!("seed {seed}: the workload itself: {e}"))),
        }
    }
    report
}

const SMALL: Effort = Effort { images: 60, again: 20, until_violated: false };
const HUNT: Effort = Effort { images: 400, again: 20, until_violated: true };

#[test]
fn a_plain_journal_survives_and_each_flaw_of_it_is_caught() {
    power_cuts(Subject::Plain(Flaw::None), Workload::GroupsAndPositions, SMALL, 1).finish();
    for flaw in [Flaw::NoSync, Flaw::NoDirectorySync, Flaw::NoChecksum] {
        let report = power_cuts(Subject::Plain(flaw), Workload::GroupsAndPositions, HUNT, 1);
        let caught = report.first_violation().unwrap_or_else(|| panic!("{flaw:?} was not caught"));
        println!("{flaw:?} was caught after {} images: {caught}", report.tried());
    }
}

const CI: Effort = Effort { images: 1000, again: 12, until_violated: false };
const LOCAL: Subject = Subject::Local(None);

#[test]
fn small_appends_survive_power_cuts() {
    power_cuts(LOCAL, Workload::SmallAppends, CI, 1).finish();
}

#[test]
fn large_slices_survive_power_cuts() {
    power_cuts(LOCAL, Workload::LargeSlices, CI, 1).finish();
}

#[test]
fn checkpoints_and_recycling_survive_power_cuts() {
    power_cuts(LOCAL, Workload::CheckpointAndRecycle, CI, 1).finish();
}

#[test]
fn manifest_swaps_survive_power_cuts() {
    power_cuts(LOCAL, Workload::ManifestSwap, CI, 1).finish();
}

#[test]
fn trims_and_holes_survive_power_cuts() {
    power_cuts(LOCAL, Workload::TrimAndPunch, CI, 1).finish();
}

#[test]
fn trims_beside_a_checkpoint_survive_power_cuts() {
    power_cuts(LOCAL, Workload::TrimsBeside, CI, 1).finish();
}

#[test]
fn groups_and_positions_survive_power_cuts() {
    power_cuts(LOCAL, Workload::GroupsAndPositions, CI, 1).finish();
}

#[test]
fn buffered_writes_survive_power_cuts() {
    for workload in [Workload::SmallAppends, Workload::CheckpointAndRecycle, Workload::TrimAndPunch] {
        power_cuts(Subject::Buffered, workload, Effort { images: 500, ..CI }, 1).finish();
    }
}

/// Entries of many megabytes, in a log that grows for them, among small ones.
fn grow(session: &mut Session) -> Result<(), String> {
    let payload = |log, len| Want::Payload { log, len, span: 9, gap: 0, stamp: 1, fact: 2 };
    for (i, len) in [100, 3 << 20, 200 << 10, 12 << 20, 1, 5 << 20, 700 << 10, 9 << 20, 300].into_iter().enumerate() {
        session.append(&[payload(1, len), Want::Note { log: 2, len: 40 }])?.ok_or("a large entry is refused")?;
        session.append(&[payload(3, 50)])?;
        session.flush()?;
        if i % 4 == 3 {
            session.checkpoint()?;
        }
    }
    session.check(Depth::Once)
}

#[test]
fn entries_of_many_megabytes_survive_power_cuts() {
    let disk = SimDisk::default();
    disk.record();
    let ledger = noting(&disk, 1);
    let harness = Box::new(OnSimDisk::new(Subject::Grown, disk.clone(), 1));
    let mut session = Session::with_ledger(harness, ledger.clone(), 1).unwrap();
    grow(&mut session).unwrap();
    // A start reads the whole log, so a few moments stand for all.
    let step = if campaign::times() > 1 { 2 } else { 24 };
    let moments = disk.recorded().into_iter().rev().step_by(step).collect();
    let mut report = Report::new("power cuts, entries of many megabytes");
    crash(Subject::Grown, &Recording { moments, ledger }, 1, Effort { images: 1, again: 20, until_violated: false }, &mut report);
    report.finish();
}
