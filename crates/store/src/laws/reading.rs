//! Laws about what is shown: reads, lookups, bounds, trims.

use super::{
    Harness, Session, Verdict, busy,
    ledger::{Depth, Want, bytes_of},
    must, note, payload,
};
use crate::seam::*;

pub(super) fn gaps(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 20)?;
    for i in 0..40 {
        let gap = [0, 1, 50, 0, 7][i % 5];
        session.append(&[Want::Payload { log: 1, len: 100 + i, span: 1 + i as i64 % 4, gap, stamp: i as i64, fact: 0 }])?;
    }
    session.flush()?;
    for _ in 0..5 {
        session.check(Depth::Closely)?;
    }
    session.checkpoint()?;
    session.check(Depth::Closely)?;
    session.cut()?;
    session.check(Depth::Closely)
}

pub(super) fn at_least_one(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 21)?;
    for len in [10, 8000, 20, 3000, 5] {
        session.append(&[payload(1, len)])?;
    }
    session.flush()?;
    for life in ["fresh", "after a checkpoint", "after a start"] {
        for from in 0..5 {
            for max in [0, 1, 4, 11, 100] {
                let found = session.store().read(LogId(1), from, i64::MAX, max, Patience::Block);
                let found = found.map_err(|e| format!("{life}: from {from}, max {max}: {e}"))?;
                must(found.bytes > 0 && found.upto >= from, || format!("{life}: from {from}, max {max}: {found:?}"))?;
            }
        }
        session.check(Depth::Closely)?;
        if life == "fresh" {
            session.checkpoint()?;
        } else {
            session.reopen()?;
        }
    }
    Ok(())
}

pub(super) fn only_committed(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 22)?;
    session.append(&[payload(1, 100)])?;
    session.flush()?;
    let reserved = session.append(&[payload(1, 200), payload(2, 10)])?.ok_or("no credit")?;
    if session.store().committed().covers(reserved) {
        // A store may commit by itself, but then it must say so first.
        return session.check(Depth::Closely);
    }
    session.check(Depth::Closely)?;
    must(session.store().bounds(LogId(2)).is_none_or(|b| b.end == 0), || "log 2 shows what is only reserved".into())?;
    session.flush()?;
    session.check(Depth::Closely)?;
    must(session.store().bounds(LogId(1)).is_some_and(|b| b.bytes == 300), || "committed and not shown".into())
}

pub(super) fn lookups(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    for seed in 0..4 {
        let mut session = Session::new(make(), 23 + seed)?;
        busy(&mut session, 60, 2)?;
        session.check(Depth::Closely)?;
        session.checkpoint()?;
        busy(&mut session, 40, 2)?;
        for _ in 0..4 {
            session.check(Depth::Closely)?;
        }
        session.reopen()?;
        session.append(&[Want::Trim { log: 1, start: 100 }, payload(1, 4000)])?;
        session.flush()?;
        session.check(Depth::Closely)?;
    }
    Ok(())
}

pub(super) fn trim_and_remove(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 30)?;
    for log in 1..4 {
        for _ in 0..20 {
            session.append(&[Want::Payload { log, len: 300, span: 10, gap: 0, stamp: 1, fact: 0 }])?;
        }
    }
    session.flush()?;
    session.checkpoint()?;
    // In the middle of a payload: it stays whole, and what is below goes.
    session.append(&[Want::Trim { log: 1, start: 55 }])?;
    session.append(&[Want::Remove { log: 2 }])?;
    session.flush()?;
    session.check(Depth::Closely)?;
    // Backwards is nowhere.
    session.store().trim(LogId(1), 20);
    session.check(Depth::Closely)?;
    session.checkpoint()?;
    session.check(Depth::Closely)?;
    session.reopen()?;
    session.check(Depth::Closely)?;
    session.append(&[Want::Trim { log: 3, start: 200 }, payload(1, 100)])?;
    session.flush()?;
    session.cut()?;
    session.check(Depth::Closely)?;
    must(session.store().bounds(LogId(2)).is_none(), || "a removed log came back".into())
}

pub(super) fn bounds_after_emptiness(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 31)?;
    for _ in 0..10 {
        session.append(&[Want::Payload { log: 1, len: 500, span: 10, gap: 0, stamp: 1, fact: 0 }])?;
    }
    session.flush()?;
    session.append(&[Want::Trim { log: 1, start: 100 }])?;
    session.flush()?;
    let empty = Some(Bounds { start: 100, end: 100, bytes: 0 });
    let show = |session: &Session, when: &str| {
        let bounds = session.store().bounds(LogId(1));
        must(bounds == empty, || format!("{when}: {bounds:?}"))
    };
    show(&session, "after the trim")?;
    session.checkpoint()?;
    show(&session, "after a checkpoint")?;
    session.reopen()?;
    show(&session, "after a clean start")?;
    session.reopen()?;
    show(&session, "after another clean start")?;
    session.cut()?;
    show(&session, "after a power cut")?;
    session.append(&[payload(1, 77)])?;
    session.flush()?;
    session.check(Depth::Closely)
}

pub(super) fn no_log(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let session = Session::new(make(), 32)?;
    session.append(&[note(1), payload(2, 10)])?;
    session.append(&[Want::Remove { log: 2 }])?;
    session.flush()?;
    for log in [2, 99] {
        let log = LogId(log);
        let store = session.store();
        must(store.bounds(log).is_none(), || format!("{log:?} has bounds"))?;
        let read = store.read(log, 0, i64::MAX, 100, Patience::Block);
        must(matches!(read, Err(ReadError::NoLog)), || format!("read of {log:?}: {read:?}"))?;
        let list = store.list(log, 0, 10);
        must(matches!(list, Err(ReadError::NoLog)), || format!("list of {log:?}: {list:?}"))?;
        let lookup = store.lookup(log, Query::GreatestStamp);
        must(matches!(lookup, Err(ReadError::NoLog)), || format!("lookup in {log:?}: {lookup:?}"))?;
    }
    Ok(())
}

/// Memory and files are used again, but not under a reader.
pub(super) fn slices_outlive(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 33)?;
    let mut kept = Vec::new();
    for round in 0..6 {
        busy(&mut session, 30, 3)?;
        for log in 1..4 {
            let from = session.ledger.next(log) / 2;
            let found = session.store().read(LogId(log), from, i64::MAX, 20_000, Patience::Block);
            let found = found.map_err(|e| format!("round {round}: {e}"))?;
            kept.push((bytes_of(&found)?, found));
            let start = session.ledger.next(log);
            session.append(&[Want::Trim { log, start }])?;
        }
        session.flush()?;
        session.checkpoint()?;
    }
    for (bytes, found) in &kept {
        must(bytes_of(found)? == *bytes, || "what a reader holds was written over".into())?;
    }
    Ok(())
}
