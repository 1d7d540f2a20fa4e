//! Laws about credit: it is counted, it comes back, and nobody is passed over.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Wake, Waker},
};

use super::{Harness, Session, Verdict, must, payload};
use crate::seam::*;

/// More than any harness grants at once.
const MANY: usize = 100_000;

/// Notes its number when it is woken.
struct Bell {
    number: usize,
    heard: Arc<Mutex<Vec<usize>>>,
}
impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
    }
}

fn bell(number: usize, heard: &Arc<Mutex<Vec<usize>>>) -> Waker {
    Waker::from(Arc::new(Bell { number, heard: heard.clone() }))
}

fn heard(heard: &Arc<Mutex<Vec<usize>>>) -> Vec<usize> {
    heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Takes credit of this size until there is no more.
fn exhaust(session: &Session, bytes: u64) -> Result<Vec<Credit>, String> {
    let mut held = Vec::new();
    while held.len() < MANY {
        match session.store().credit(Class::Data, bytes, None) {
            Ok(credit) => held.push(credit),
            Err(NoCredit::Later) => return Ok(held),
            Err(other) => return Err(format!("after {} credits of {bytes}: {other}", held.len())),
        }
    }
    Err(format!("{MANY} credits of {bytes} bytes were granted: there is no bound"))
}

const CHUNK: u64 = 2000;

pub(super) fn accounting(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 10)?;
    let all = exhaust(&session, CHUNK)?;
    let count = all.len();
    must(count >= 4, || format!("only {count} credits of {CHUNK} bytes"))?;
    drop(all);
    // Dropped unused: all of it is there again.
    let again = exhaust(&session, CHUNK)?.len();
    must(again >= count, || format!("{count} credits at first, {again} after they were dropped"))?;
    // Used and committed: the room does not leak, however often.
    for _ in 0..count * 3 {
        session.append(&[payload(1, CHUNK as usize - 1)])?;
        session.store().lead();
    }
    session.flush()?;
    session.append(&[super::ledger::Want::Trim { log: 1, start: i64::MAX / 2 }])?;
    session.flush()?;
    session.checkpoint()?;
    let later = exhaust(&session, CHUNK)?.len();
    must(later * 10 >= count * 7, || format!("{count} credits at first, {later} after use"))
}

pub(super) fn first_in_first_out(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let session = Session::new(make(), 11)?;
    let held = exhaust(&session, CHUNK)?;
    let rung = Arc::default();
    for number in 0..3 {
        match session.store().credit(Class::Data, CHUNK, Some(&bell(number, &rung))) {
            Err(NoCredit::Later) => {}
            other => return Err(format!("number {number} was answered {other:?}")),
        }
    }
    must(heard(&rung).is_empty(), || "woken although nothing came back".into())?;
    for credit in held {
        drop(credit);
        let so_far = heard(&rung);
        must(so_far.is_sorted(), || format!("woken in the order {so_far:?}"))?;
    }
    must(heard(&rung) == [0, 1, 2], || format!("woken in the order {:?}", heard(&rung)))
}

pub(super) fn no_overtaking(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let session = Session::new(make(), 12)?;
    let mut held = exhaust(&session, CHUNK)?;
    let rung = Arc::default();
    // Waits for more than one credit that comes back.
    let first = session.store().credit(Class::Data, CHUNK * 3, Some(&bell(0, &rung)));
    must(matches!(first, Err(NoCredit::Later)), || format!("three chunks were answered {first:?}"))?;
    held.pop();
    must(heard(&rung).is_empty(), || "woken for less than what was asked".into())?;
    let newcomer = session.store().credit(Class::Data, CHUNK, None);
    must(matches!(newcomer, Err(NoCredit::Later)), || format!("a newcomer overtook: {newcomer:?}"))?;
    drop(held);
    must(heard(&rung) == [0], || format!("everything came back and {:?} was woken", heard(&rung)))
}

pub(super) fn too_large(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let session = Session::new(make(), 13)?;
    for class in [Class::Data, Class::Fact] {
        match session.store().credit(class, 1 << 50, None) {
            Err(NoCredit::TooLarge { max, .. }) => must(max < 1 << 50, || format!("at most {max}"))?,
            other => return Err(format!("a petabyte was answered {other:?}")),
        }
    }
    Ok(())
}

/// Two wait who do not fit together; the room comes back at once. The first is woken and never comes, or comes and is
/// served: in both cases the second is not left waiting while nothing flies.
pub(super) fn no_standstill(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    for first_comes in [true, false] {
        let session = Session::new(make(), 14)?;
        let held = exhaust(&session, CHUNK)?;
        let large = held.len() as u64 * CHUNK / 5;
        let rung = Arc::default();
        for number in 0..8 {
            let waits = session.store().credit(Class::Data, large, Some(&bell(number, &rung)));
            must(matches!(waits, Err(NoCredit::Later)), || format!("number {number} was answered {waits:?}"))?;
        }
        drop(held);
        let mut served = 0;
        for round in 0..100 {
            let woken = std::mem::take(&mut *rung.lock().unwrap_or_else(PoisonError::into_inner));
            for number in woken {
                if number == 0 && !first_comes {
                    continue;
                }
                // Served and given back, or in the queue again.
                match session.store().credit(Class::Data, large, Some(&bell(number, &rung))) {
                    Ok(_) => served += 1,
                    Err(NoCredit::Later) => {}
                    Err(other) => return Err(format!("round {round}, number {number}: {other}")),
                }
            }
        }
        let all = if first_comes { 8 } else { 7 };
        must(served == all, || format!("{served} of {all} were served, then everything stood still"))?;
    }
    Ok(())
}
