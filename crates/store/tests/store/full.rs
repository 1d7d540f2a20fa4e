//! The disk runs full, at every write boundary of a workload. What was promised stays, everything can be read, facts
//! still find room, and when space comes back the store heals without a restart.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use milena_store::{
    Class, NoCredit, Store,
    dice::Dice,
    disk::Disk,
    laws::{
        Session,
        ledger::{Depth, Refused, Want},
    },
    sim_disk::{Image, SimDisk},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
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

fn run_full(subject: Subject, workload: Workload, seed: u64, at_start: u64, quota: u64) -> Result<u64, String> {
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
    // A store that was full when it began had nothing to keep back.
    if quota >= at_start + (128 << 10) {
        facts_find_room(&session)?;
    }
    disk.set_quota(None);
    heals(&session, &ledger)?;
    session.check(Depth::Once).map_err(|e| format!("after space came back: {e}"))?;
    restart(subject, &disk, &ledger)
}

/// Records may be refused, but what lets a consumer go on, or frees space, is taken.
fn facts_find_room(session: &Session) -> Result<(), String> {
    let store = session.store();
    if !matches!(store.credit(Class::Data, 300, None), Err(NoCredit::DiskFull { .. })) {
        return Ok(());
    }
    for _ in 0..5 {
        match session.append(&[Want::Note { log: 7000, len: 50 }])? {
            Some(_) => session.flush()?,
            None => return Err("records are refused, and facts too: the reserve is gone".into()),
        };
    }
    Ok(())
}

/// Within a few passes records are taken again.
fn heals(session: &Session, ledger: &milena_store::laws::ledger::Ledger) -> Result<(), String> {
    let store: &dyn Store = &**session.store();
    let mut last = String::new();
    for _ in 0..2500 {
        let want = Want::Payload { log: 7777, len: 500, span: 1, gap: 0, stamp: 0, fact: 0 };
        match ledger.append(store, &[want]) {
            Ok(_) => return session.flush().map(|_| ()),
            Err(Refused::Violation(e)) => return Err(e),
            Err(other) => last = format!("{other:?}"),
        }
        store.lead();
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    Err(format!("space came back and records are still refused: {last}"))
}

fn restart(subject: Subject, disk: &SimDisk, ledger: &milena_store::laws::ledger::Ledger) -> Result<u64, String> {
    let acked = ledger.acked();
    let image: Image = disk.go_dark().durable();
    survive(subject, image, ledger, acked, &mut Dice::new(1), false).map(|s| s.state)
}

pub(crate) fn full(subject: Subject, workload: Workload, most: usize) -> Report {
    let mut report = Report::new(format!("disk full, {}{}", subject.label(), workload.name()));
    let seed = campaign::seed();
    match boundaries(subject, workload, seed) {
        Err(e) => report.count(Err(format!("the workload itself: {e}"))),
        Ok((at_start, steps)) => {
            let stride = steps.len().div_ceil(most * campaign::times()).max(1);
            for quota in std::iter::once(at_start).chain(steps.into_iter().step_by(stride)) {
                let outcome = run_full(subject, workload, seed, at_start, quota);
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

/// A small broker that was never busy, and somebody else who fills its disk: positions go on, for as long as anybody likes.
#[test]
fn positions_go_on_when_others_have_filled_the_disk() {
    for subject in [Subject::Local(None), Subject::Grown] {
        let disk = SimDisk::default();
        let ledger = noting(&disk, 1);
        let harness = Box::new(OnSimDisk::new(subject, disk.clone(), 1));
        let session = Session::with_ledger(harness, ledger.clone(), 1).unwrap();
        session.append(&[Want::Payload { log: 1, len: 400, span: 1, gap: 0, stamp: 0, fact: 0 }]).unwrap();
        session.flush().unwrap();
        disk.set_quota(Some(disk.used()));
        for round in 0..1000 {
            let position = session.append(&[Want::Note { log: 2 + round % 3, len: 40 }]).unwrap();
            assert!(position.is_some(), "{subject:?}: position {round} is refused");
            session.flush().unwrap();
        }
        let gone = session.append(&[Want::Remove { log: 1 }]).unwrap();
        assert!(gone.is_some(), "{subject:?}: a deletion is refused");
        session.flush().unwrap();
        disk.set_quota(None);
        restart(subject, &disk, &ledger).unwrap();
    }
}

/// Counts warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicU64>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Where not even the reserve is left, that is said once, and positions end before there is no room for a deletion.
#[test]
fn positions_leave_room_for_a_deletion() {
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), positions_until_refused);
    assert_eq!(warnings.0.load(Ordering::SeqCst), 1, "a full disk is said once");
}

fn positions_until_refused() {
    let disk = SimDisk::default();
    let ledger = noting(&disk, 1);
    let harness = Box::new(OnSimDisk::new(Subject::Local(None), disk.clone(), 1));
    let mut session = Session::with_ledger(harness, ledger.clone(), 1).unwrap();
    for _ in 0..30 {
        session.append(&[Want::Payload { log: 1, len: 4000, span: 1, gap: 0, stamp: 0, fact: 0 }]).unwrap();
        session.flush().unwrap();
    }
    session.checkpoint().unwrap();
    disk.unlink("reserve").unwrap();
    disk.set_quota(Some(disk.used()));
    let refused = (0..1000).any(|_| {
        let position = session.append(&[Want::Note { log: 2, len: 40 }]).unwrap();
        session.flush().unwrap();
        position.is_none()
    });
    assert!(refused, "nothing is refused: the disk is not full");
    let gone = session.append(&[Want::Trim { log: 1, start: i64::MAX / 2 }]).unwrap();
    assert!(gone.is_some(), "a deletion is refused");
    session.flush().unwrap();
    disk.set_quota(None);
    heals(&session, &ledger).unwrap();
    restart(Subject::Local(None), &disk, &ledger).unwrap();
}

/// Fills the disk with records, deletes some, and fills it again.
fn fill_and_free(quota: u64, by_removal: bool) -> Result<u64, String> {
    let disk = SimDisk::default();
    let ledger = noting(&disk, quota);
    let harness = Box::new(OnSimDisk::new(Subject::Local(None), disk.clone(), quota));
    let mut session = Session::with_ledger(harness, ledger.clone(), quota)?;
    disk.set_quota(Some(quota));
    let fill = |session: &Session, log: u64| -> Result<u64, String> {
        let mut taken = 0;
        while session.append(&[Want::Payload { log, len: 4000, span: 1, gap: 0, stamp: 0, fact: 0 }])?.is_some() {
            session.flush()?;
            taken += 1;
        }
        Ok(taken)
    };
    let first = fill(&session, 1)?;
    for round in 0..4 {
        let log = 1 + round;
        let free = match by_removal {
            true => Want::Remove { log },
            false => Want::Trim { log, start: i64::MAX / 2 },
        };
        if session.append(&[free])?.is_none() {
            return Err(format!("round {round}: a deletion is refused on a full disk"));
        }
        session.flush()?;
        heals(&session, &ledger)?;
        session.append(&[Want::Trim { log: 7777, start: i64::MAX / 2 }])?;
        session.flush()?;
        let again = fill(&session, log + 1)?;
        if again * 2 < first {
            return Err(format!("round {round}: {first} payloads fitted at first, {again} after all were deleted"));
        }
        session.check(Depth::Once)?;
    }
    disk.set_quota(None);
    restart(Subject::Local(None), &disk, &ledger)
}

#[test]
fn deletions_on_a_full_disk_make_room_without_a_restart() {
    let mut report = Report::new("fill, delete, fill again");
    for quota in [512, 700, 1024, 2048] {
        for by_removal in [false, true] {
            let outcome = fill_and_free(quota << 10, by_removal);
            report.count(outcome.map_err(|e| format!("{quota} KiB, by removal: {by_removal}: {e}")));
        }
    }
    report.finish();
}
