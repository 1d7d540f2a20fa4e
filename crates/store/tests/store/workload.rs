//! The six workloads: what a broker does to its store, in small, each past checkpoints and a recycled log.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering},
};

use milena_store::{
    Class, LogId,
    dice::Dice,
    laws::{Session, ledger::Want},
    sim_disk::SimDisk,
};

/// What the store is put through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Workload {
    SmallAppends,
    LargeSlices,
    CheckpointAndRecycle,
    ManifestSwap,
    TrimAndPunch,
    GroupsAndPositions,
    /// Trims and holes, and others who trim while a checkpoint runs ([`trim_beside`]): for power cuts only.
    TrimsBeside,
}

pub(crate) const ALL: [Workload; 6] = [
    Workload::SmallAppends,
    Workload::LargeSlices,
    Workload::CheckpointAndRecycle,
    Workload::ManifestSwap,
    Workload::TrimAndPunch,
    Workload::GroupsAndPositions,
];

fn payload(log: u64, len: usize, dice: &mut Dice) -> Want {
    let span = 1 + dice.below(5) as i64;
    let gap = if dice.chance(1, 10) { 3 } else { 0 };
    Want::Payload { log, len, span, gap, stamp: dice.below(100_000) as i64, fact: 0 }
}

fn note(log: u64, len: usize) -> Want {
    Want::Note { log, len }
}

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::SmallAppends => "small appends to 100 logs",
            Workload::LargeSlices => "large slices",
            Workload::CheckpointAndRecycle => "checkpoint and recycle under load",
            Workload::ManifestSwap => "manifest swap with create, delete, restore",
            Workload::TrimAndPunch => "retention, trim and hole punching",
            Workload::GroupsAndPositions => "groups, producers and positions",
            Workload::TrimsBeside => "trims beside a checkpoint",
        }
    }

    /// Runs it to its end. An error is a broken promise, or the death of the store.
    pub(crate) fn run(self, session: &mut Session, seed: u64) -> Result<(), String> {
        let mut dice = Dice::new(seed ^ 0x5EED);
        let dice = &mut dice;
        match self {
            Workload::SmallAppends => small_appends(session, dice),
            Workload::LargeSlices => large_slices(session, dice),
            Workload::CheckpointAndRecycle => checkpoint_and_recycle(session, dice),
            Workload::ManifestSwap => manifest_swap(session, dice),
            Workload::TrimAndPunch => trim_and_punch(session, dice, false),
            Workload::TrimsBeside => trim_and_punch(session, dice, true),
            Workload::GroupsAndPositions => groups_and_positions(session, dice),
        }
    }
}

/// What the end of a pass does.
fn pass(session: &Session) {
    session.store().lead();
    session.ledger.settle(&**session.store());
}

fn small_appends(session: &mut Session, dice: &mut Dice) -> Result<(), String> {
    for round in 0..12 {
        for _ in 0..40 {
            let log = 1 + dice.below(100);
            session.append(&[payload(log, 20 + dice.below(300) as usize, dice)])?;
            if dice.chance(1, 3) {
                pass(session);
            }
        }
        session.flush()?;
        if round % 4 == 3 {
            session.checkpoint()?;
        }
    }
    Ok(())
}

fn large_slices(session: &mut Session, dice: &mut Dice) -> Result<(), String> {
    for round in 0..36 {
        let len = 3000 + dice.below(9000) as usize;
        session.append(&[payload(1 + dice.below(3), len, dice)])?;
        if dice.chance(1, 2) {
            session.append(&[payload(4, 50, dice), note(5, 10)])?;
        }
        pass(session);
        if round % 12 == 11 {
            session.checkpoint()?;
        }
    }
    session.flush()?;
    Ok(())
}

fn checkpoint_and_recycle(session: &mut Session, dice: &mut Dice) -> Result<(), String> {
    for round in 0..14 {
        for _ in 0..10 {
            let log = 1 + dice.below(6);
            session.append(&[payload(log, 100 + dice.below(1800) as usize, dice), note(10 + dice.below(4), 30)])?;
            pass(session);
        }
        if round % 2 == 1 {
            // Something is reserved and not committed while the checkpoint runs.
            session.append(&[payload(1, 500, dice), note(11, 5)])?;
            session.checkpoint()?;
        }
    }
    session.flush()?;
    Ok(())
}

/// Logs come and go. Restore is what the house does with a deleted topic: it lives on, and another takes the name.
fn manifest_swap(session: &mut Session, dice: &mut Dice) -> Result<(), String> {
    let mut living: Vec<u64> = Vec::new();
    let mut next = 1;
    for round in 0..16 {
        for _ in 0..8 {
            living.push(next);
            session.append(&[note(next, 40), note(0, 20), payload(next, 10 + dice.below(900) as usize, dice)])?;
            next += 1;
            pass(session);
        }
        for _ in 0..6 {
            let log = living.swap_remove(dice.below(living.len() as u64) as usize);
            let fate = dice.below(4);
            if fate == 0 {
                // Deleted and restored: two facts, and everything is there.
                session.append(&[note(log, 9), note(0, 9)])?;
                session.append(&[note(log, 10), payload(log, 100, dice)])?;
                living.push(log);
            } else {
                session.append(&[Want::Remove { log }])?;
            }
        }
        pass(session);
        if round % 2 == 1 {
            session.checkpoint()?;
        }
        if round == 6 {
            session.reopen()?;
        }
    }
    session.flush()?;
    Ok(())
}

fn trim_and_punch(session: &mut Session, dice: &mut Dice, beside: bool) -> Result<(), String> {
    for round in 0..16 {
        for _ in 0..9 {
            let log = 1 + dice.below(4);
            let len = if log == 1 { 2000 + dice.below(4000) as usize } else { 50 + dice.below(600) as usize };
            session.append(&[payload(log, len, dice)])?;
            pass(session);
        }
        // For three rounds enough for a file of its own, then facts alone. It is trimmed by others, see [`trim_beside`].
        for _ in 0..if beside { 3 } else { 0 } {
            let want = if round % 6 < 3 { payload(TRIMMED_BESIDE, 6000, dice) } else { note(TRIMMED_BESIDE, 20) };
            session.append(&[want])?;
            pass(session);
        }
        for log in 1..5 {
            if dice.chance(1, 2) {
                let next = session.ledger.next(log);
                let back = dice.below(30) as i64;
                // Now and then everything goes.
                let start = if dice.chance(1, 5) { next } else { next - back };
                session.append(&[Want::Trim { log, start: start.max(0) }])?;
            }
        }
        pass(session);
        if round % 3 == 2 {
            session.checkpoint()?;
        }
        if round == 8 {
            session.reopen()?;
        }
    }
    session.flush()?;
    Ok(())
}

/// Many small logs of facts, and few payloads: positions, producer windows, members.
fn groups_and_positions(session: &mut Session, dice: &mut Dice) -> Result<(), String> {
    for round in 0..16 {
        for _ in 0..20 {
            let group = 1 + dice.below(30);
            let mut wants = vec![note(group, 20 + dice.below(120) as usize)];
            if dice.chance(1, 3) {
                wants.push(note(40 + dice.below(5), 60));
            }
            if dice.chance(1, 4) {
                wants.push(payload(50, 200, dice));
            }
            session.append(&wants)?;
            if dice.chance(1, 2) {
                pass(session);
            }
        }
        pass(session);
        if round % 4 == 3 {
            session.checkpoint()?;
        }
        if round == 5 {
            session.reopen()?;
        }
    }
    session.flush()?;
    Ok(())
}

/// The log that other threads trim, and always wholly.
const TRIMMED_BESIDE: u64 = 7;

/// Other threads trim while a checkpoint makes its files and its edit. Deterministic: the first trim runs where a segment
/// is written, and makes the checkpoint open that segment again while it makes the rows of its edit; there runs the
/// second, on a log that has nothing new but facts: all of it that has a file goes.
pub(crate) fn trim_beside(session: &Session, disk: &SimDisk) {
    let (ledger, store) = (session.ledger.clone(), Arc::downgrade(session.store()));
    let book = ledger.clone();
    // Set while the hooks work, so that they do not call themselves; and how many of the two trims this checkpoint saw.
    let (busy, trims) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU8::new(0)));
    let step = |trims: &AtomicU8, from: u8| trims.compare_exchange(from, from + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    // Only committed positions are trimmed, so a flush comes first.
    let trim = move |log: u64, back: i64| {
        let Some(store) = store.upgrade() else { return };
        if busy.swap(true, Ordering::SeqCst) {
            return;
        }
        let start = store.flush().map(|_| ledger.next(log) - back);
        if let Ok(start) = start
            && start > 0
            && ledger.append(&*store, &[Want::Trim { log, start }]).is_ok()
            && store.flush().is_ok()
        {
            store.trim(LogId(log), start);
        }
        busy.store(false, Ordering::SeqCst);
    };
    let first = (trim.clone(), trims.clone());
    disk.before_write(move |name| {
        if name.starts_with("seg-") && step(&first.1, 0) {
            (first.0)(1, 1);
        }
        // The edit is made: who opens a segment before the next one is written is a reader.
        if name == "manifest" {
            first.1.store(0, Ordering::SeqCst);
        }
    });
    let seen = AtomicI64::new(0);
    disk.before_open(move |name| {
        if name.starts_with("seg-") && step(&trims, 1) {
            let next = book.next(TRIMMED_BESIDE);
            if seen.swap(next, Ordering::SeqCst) == next {
                trim(TRIMMED_BESIDE, 0);
            }
        }
    });
}

/// Other threads go on appending while a checkpoint writes its edit: as much as there is credit for. Deterministic,
/// since they run where the edit is written.
pub(crate) fn load_beside(session: &Session, disk: &SimDisk, seed: u64) {
    let (ledger, store) = (session.ledger.clone(), Arc::downgrade(session.store()));
    let state = Mutex::new((false, Dice::new(seed)));
    disk.before_write(move |name| {
        let Some(store) = store.upgrade() else { return };
        {
            let mut state = state.lock().unwrap();
            if name != "manifest" || state.0 || state.1.chance(1, 2) {
                return;
            }
            state.0 = true;
        }
        for _ in 0..40 {
            let log = 60 + state.lock().unwrap().1.below(3);
            let want = Want::Payload { log, len: 3000, span: 1, gap: 0, stamp: 5, fact: 0 };
            if store.credit(Class::Data, 3100, None).is_err() || ledger.append(&*store, &[want]).is_err() {
                break;
            }
            store.lead();
        }
        state.lock().unwrap().0 = false;
    });
}
