//! The disk says no: an error at every k-th operation of each kind. After a failed write or sync nothing more is
//! acknowledged, and everything that was acknowledged is there after a restart, whatever the power then takes.

use std::sync::Arc;

use milena_store::{
    Lsn,
    dice::Dice,
    laws::{
        Session,
        ledger::{Ledger, Rebuilt, Want},
    },
    local::Leading,
    sim_disk::{Depth, Failure, Image, Kind, Moment, Rule, SimDisk},
};

use crate::{
    campaign::{self, Report},
    plain::Flaw,
    power::{Recording, live_again, noting, record, survive},
    subject::{OnSimDisk, Subject},
    workload::{self, Workload},
};

/// Runs the workload with this fault, then restarts on several of the disks that may be left.
fn with_fault(subject: Subject, workload: Workload, seed: u64, rules: &[Rule]) -> Result<u64, String> {
    let disk = SimDisk::default();
    let ledger = noting(&disk, seed);
    rules.iter().for_each(|rule| disk.inject(*rule));
    let harness = Box::new(OnSimDisk::new(subject, disk.clone(), seed));
    match Session::with_ledger(harness, ledger.clone(), seed) {
        Err(e) if disk.hits() == 0 => return Err(format!("it does not start: {e}")),
        Err(_) => {}
        Ok(mut session) => live(&mut session, workload, seed, &disk)?,
    }
    if ledger.acknowledged_late() > 0 {
        return Err("something was acknowledged after the store had said that it died".into());
    }
    restart(subject, &disk, &ledger, &mut Dice::new(seed))
}

/// Until the fault shows, or to the end when the store can bear it.
fn live(session: &mut Session, workload: Workload, seed: u64, disk: &SimDisk) -> Result<(), String> {
    let outcome = workload.run(session, seed);
    let Err(e) = outcome else { return Ok(()) };
    if disk.hits() == 0 {
        return Err(format!("without any fault: {e}"));
    }
    if !session.is_open() {
        // A stop or a start inside the workload met the fault: there is no store any more.
        return Ok(());
    }
    if session.ledger.deaths() == 0 {
        return Err(format!("the store lives and breaks its word: {e}"));
    }
    let acked = session.ledger.acked();
    let _ = session.append(&[Want::Note { log: 1, len: 10 }]);
    session.store().lead();
    if session.store().flush().is_ok() || session.ledger.acked() != acked {
        return Err("a dead store acknowledges".into());
    }
    Ok(())
}

/// Everything acknowledged is there, on whatever the disk kept.
fn restart(subject: Subject, disk: &SimDisk, ledger: &Ledger, dice: &mut Dice) -> Result<u64, String> {
    let acked = ledger.acked();
    let moment = disk.go_dark();
    let mut images: Vec<(String, Image)> = Vec::new();
    moment.images(Depth { tears: 0, subsets: 3, spread: 2 }, dice, &mut |choice, image| {
        images.push((choice.to_owned(), image));
        true
    });
    let mut state = 0;
    for (choice, image) in images.into_iter().take(5) {
        let outcome = survive(subject, image, ledger, Lsn(acked.0), dice, false);
        state ^= outcome.map_err(|e| format!("restart on {choice}: {e}"))?.state;
    }
    Ok(state)
}

/// How many operations of each kind the workload makes.
fn count(subject: Subject, workload: Workload, seed: u64) -> Result<Vec<(Kind, u64)>, String> {
    let disk = SimDisk::default();
    let harness = Box::new(OnSimDisk::new(subject, disk.clone(), seed));
    let mut session = Session::with_ledger(harness, noting(&disk, seed), seed)?;
    workload.run(&mut session, seed)?;
    Ok(Kind::ALL.iter().map(|kind| (*kind, disk.count(*kind))).filter(|(_, count)| *count > 0).collect())
}

/// Faults of every kind, spread over the whole workload.
pub(crate) fn injected(subject: Subject, workload: Workload, each: u64, until_violated: bool) -> Report {
    let mut report = Report::new(format!("injected errors, {}{}", subject.label(), workload.name()));
    let seed = campaign::seed();
    let counts = match count(subject, workload, seed) {
        Ok(counts) => counts,
        Err(e) => {
            report.count(Err(format!("the workload itself: {e}")));
            return report;
        }
    };
    let each = each * campaign::times() as u64;
    for (kind, count) in counts {
        let mut dice = Dice::new(seed ^ kind as u64);
        for i in 0..each.min(count) {
            let nth = 1 + i * count / each.min(count) + dice.below((count / each).max(1));
            let failure = [Failure::Eio, Failure::Enospc, Failure::Short][dice.below(3) as usize];
            let rule = Rule { kind, nth, failure, lasting: dice.chance(1, 3) };
            let outcome = with_fault(subject, workload, seed, &[rule]);
            report.count(outcome.map_err(|e| format!("{rule:?} of {count}, seed {seed}: {e}")));
            if until_violated && report.failed() {
                return report;
            }
        }
    }
    report
}

#[test]
fn a_plain_journal_bears_errors_and_ignoring_them_is_caught() {
    for workload in [Workload::GroupsAndPositions, Workload::SmallAppends] {
        injected(Subject::Plain(Flaw::None), workload, 8, false).finish();
    }
    let report = injected(Subject::Plain(Flaw::SyncErrorIgnored), Workload::GroupsAndPositions, 40, true);
    println!("{}", report.first_violation().expect("an ignored error of a sync was not caught"));
}

#[test]
fn after_an_error_nothing_is_acknowledged_and_a_restart_has_everything() {
    for workload in workload::ALL {
        injected(Subject::Local(None), workload, 10, false).finish();
    }
}

/// A new manifest has its name, the directory cannot be synced for want of room, and no later manifest gets as far: what
/// goes on then writes edits into a file that nobody will find.
#[test]
fn a_full_disk_at_the_sync_of_a_new_manifests_name_is_a_fault() {
    let mut report = Report::new("disk full at the sync of a directory, and at each later rename");
    let seed = campaign::seed();
    for workload in [Workload::SmallAppends, Workload::ManifestSwap] {
        let counts = count(Subject::Local(None), workload, seed).unwrap();
        let of = |kind| counts.iter().find(|(k, _)| *k == kind).map_or(0, |(_, count)| *count);
        for (nth, renames) in (2..=of(Kind::SyncDir)).flat_map(|nth| (2..=of(Kind::Rename)).map(move |r| (nth, r))) {
            let full = |kind, nth, lasting| Rule { kind, nth, failure: Failure::Enospc, lasting };
            let rules = [full(Kind::SyncDir, nth, false), full(Kind::Rename, renames, true)];
            let outcome = with_fault(Subject::Local(None), workload, seed, &rules);
            report.count(outcome.map_err(|e| format!("{workload:?}, sync {nth}, rename {renames}, seed {seed}: {e}")));
        }
    }
    report.finish();
}

/// The disk says no while the store recovers from a crash. It may refuse to start, but it may not make things worse:
/// once the disk is well, everything acknowledged is there.
fn while_recovering(workload: Workload, count: usize) -> Report {
    let mut report = Report::new(format!("errors while recovering, {}", workload.name()));
    let subject = Subject::Local(None);
    let seed = campaign::seed();
    let recording = match record(subject, workload, seed) {
        Ok(recording) => recording,
        Err(e) => {
            report.count(Err(format!("the workload itself: {e}")));
            return report;
        }
    };
    let mut dice = Dice::new(seed);
    for _ in 0..count * campaign::times() {
        let moment = &recording.moments[dice.below(recording.moments.len() as u64) as usize];
        let kind = [Kind::Read, Kind::Write, Kind::Sync, Kind::Open, Kind::SyncDir][dice.below(5) as usize];
        let failure = [Failure::Eio, Failure::Enospc, Failure::Short][dice.below(3) as usize];
        let rule = Rule { kind, nth: 1 + dice.below(4), failure, lasting: dice.chance(1, 3) };
        let disk = SimDisk::from_image(moment.durable());
        disk.note(moment.noted());
        disk.inject(rule);
        let acked = Lsn(moment.noted());
        // Its own outcome does not matter: only what it leaves behind.
        let opened = subject.open(&disk, &mut Rebuilt::default()).is_ok();
        report.aside("starts refused", u64::from(!opened));
        report.aside("faults met", u64::from(disk.hits() > 0));
        let mut images = Vec::new();
        let depth = Depth { tears: 0, subsets: 2, spread: 2 };
        disk.moment().images(depth, &mut dice, &mut |choice, image| {
            images.push((choice.to_owned(), image));
            images.len() < 4
        });
        for (choice, image) in images {
            let outcome = survive(subject, image, &recording.ledger, acked, &mut dice, false);
            let name = || format!("operation {}, {rule:?}, {choice}, seed {seed}", moment.operation());
            report.count(outcome.map(|s| s.state).map_err(|e| format!("{}: {e}", name())));
        }
    }
    report
}

#[test]
fn errors_while_recovering_lose_nothing() {
    for workload in workload::ALL {
        while_recovering(workload, 40).finish();
    }
}

/// What a start that met an error at this operation leaves behind. When it opened in spite of it, it had everything: what
/// it took for lost would be written over by its first checkpoint.
fn start_with_fault(recording: &Recording, moment: &Moment, rule: Rule, dice: &mut Dice) -> Result<(bool, u64), String> {
    let (subject, acked) = (Subject::Local(None), Lsn(moment.noted()));
    let disk = SimDisk::from_image(moment.durable());
    disk.inject(rule);
    let mut rebuilt = Rebuilt::default();
    let opened = subject.open(&disk, &mut rebuilt);
    disk.heal();
    let started = opened.is_ok();
    if let Ok(open) = opened {
        let survived = recording.ledger.judge(&rebuilt, acked).map_err(|e| format!("it started without: {e}"))?;
        let ledger = Arc::new(recording.ledger.fork(Box::new(|_| {})));
        open.store.attach(ledger.clone(), ledger.clone());
        ledger.recovered(&*open.store, survived);
        open.store.close().map_err(|e| format!("its clean stop: {e}"))?;
    }
    let after = survive(subject, disk.image(), &recording.ledger, acked, dice, false);
    Ok((started, after.map_err(|e| format!("the next start: {e}"))?.state))
}

/// Every operation of a start fails once.
fn every_fault_of_a_start(workload: Workload) -> Report {
    let mut report = Report::new(format!("errors at each operation of a start, {}", workload.name()));
    let seed = campaign::seed();
    let recording = record(Subject::Local(None), workload, seed).unwrap();
    let mut dice = Dice::new(seed);
    let spread = recording.moments.len().div_ceil(5 * campaign::times());
    for moment in recording.moments.iter().rev().step_by(spread) {
        let healthy = SimDisk::from_image(moment.durable());
        drop(Subject::Local(None).open(&healthy, &mut Rebuilt::default()).unwrap());
        for kind in Kind::ALL {
            for nth in 1..=healthy.count(kind) {
                let failure = [Failure::Eio, Failure::Enospc][dice.below(2) as usize];
                let rule = Rule { kind, nth, failure, lasting: false };
                let outcome = start_with_fault(&recording, moment, rule, &mut dice);
                report.aside("started", u64::from(outcome.as_ref().is_ok_and(|o| o.0)));
                let name = || format!("operation {}, {rule:?}, seed {seed}", moment.operation());
                report.count(outcome.map(|o| o.1).map_err(|e| format!("{}: {e}", name())));
            }
        }
    }
    report
}

#[test]
fn a_start_that_meets_an_error_has_everything_or_is_refused() {
    for workload in workload::ALL {
        every_fault_of_a_start(workload).finish();
    }
}

/// A process meets a fault and ends. The next one runs over the same cache, which shows what a failed sync kept from the
/// disk, and acknowledges more. Then the power goes.
fn over_the_same_cache(subject: Subject, workload: Workload, seed: u64, rule: Rule) -> Result<Option<u64>, String> {
    let disk = SimDisk::default();
    let ledger = noting(&disk, seed);
    disk.inject(rule);
    let harness = Box::new(OnSimDisk::new(subject, disk.clone(), seed));
    if let Ok(mut session) = Session::with_ledger(harness, ledger.clone(), seed) {
        // Whether the store bears the fault, dies of it or stops is for others to judge.
        let _ = workload.run(&mut session, seed);
    }
    if disk.hits() == 0 {
        return Ok(None);
    }
    disk.heal();
    let dice = &mut Dice::new(seed ^ rule.nth);
    let next = live_again(subject, disk, &ledger, ledger.acked(), dice).map_err(|e| format!("the next process: {e}"))?;
    drop(next.store);
    restart(subject, &next.disk, &next.ledger, dice).map(Some)
}

fn over_caches(subject: Subject, workload: Workload, each: u64) -> Report {
    let mut report = Report::new(format!("errors, then a process over the same cache, {}{}", subject.label(), workload.name()));
    let seed = campaign::seed();
    let counts = count(subject, workload, seed).unwrap();
    let each = each * campaign::times() as u64;
    for (kind, count) in counts {
        for i in 0..each.min(count) {
            let failure = [Failure::Eio, Failure::Enospc][i as usize % 2];
            let rule = Rule { kind, nth: 1 + i * count / each.min(count), failure, lasting: false };
            let outcome = over_the_same_cache(subject, workload, seed, rule).transpose();
            let name = |e| format!("{rule:?} of {count}, seed {seed}: {e}");
            outcome.into_iter().for_each(|o| report.count(o.map_err(name)));
        }
    }
    report
}

#[test]
fn what_a_failed_sync_left_in_the_cache_is_not_built_upon() {
    for workload in workload::ALL {
        over_caches(Subject::Local(None), workload, 12).finish();
    }
}

#[test]
fn errors_of_buffered_writes_and_their_syncs_are_believed() {
    for workload in [Workload::SmallAppends, Workload::CheckpointAndRecycle] {
        injected(Subject::Buffered, workload, 20, false).finish();
    }
}

#[test]
fn errors_met_by_the_threads_of_the_store_are_believed() {
    for leading in [Leading::Measured, Leading::Thread] {
        injected(Subject::Threads(leading, None), Workload::CheckpointAndRecycle, 12, false).finish();
    }
}
