//! Laws about appending: all or none, guards, ops.

use super::{
    Harness, Session, Verdict, busy,
    ledger::{Depth, Want},
    must, note, payload,
};
use crate::seam::*;

pub(super) fn all_or_none(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 1)?;
    let compound = |n: u64| vec![payload(1, 300), note(2), payload(3, 10 + n as usize), Want::Trim { log: 1, start: n as i64 }];
    for n in 0..5 {
        session.append(&compound(n))?;
        session.flush()?;
    }
    // Reserved and never committed: the judge finds all parts of each, or none.
    session.append(&compound(5))?;
    session.append(&compound(6))?;
    session.cut()?;
    must(session.ledger.version(2).0 >= 5, || "committed parts are gone".into())?;
    session.append(&compound(7))?;
    session.flush()?;
    session.check(Depth::Closely)
}

/// Appends one note by hand, so that the guard can be wrong.
fn raw(session: &Session, op: u128, parts: &[(u64, u64)]) -> Result<Reserved, String> {
    let credit = session.store().credit(Class::Fact, 100, None).map_err(|e| e.to_string())?;
    let part = |&(log, expected): &(u64, u64)| Part { log: LogId(log), expected: Version(expected), fact: b"x", payload: None };
    let parts: Vec<Part<'_>> = parts.iter().map(part).collect();
    Ok(session.store().append(credit, OpId(op), 1, &parts))
}

pub(super) fn guards(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 2)?;
    for _ in 0..3 {
        session.append(&[note(1), note(2)])?;
    }
    // Guards count what is reserved, not what is committed.
    for (i, (parts, log)) in
        [(vec![(1, 2)], 1), (vec![(1, 4)], 1), (vec![(7, 1)], 7), (vec![(1, 3), (2, 2)], 2), (vec![(2, 3), (1, 0)], 1)]
            .into_iter()
            .enumerate()
    {
        match raw(&session, 1000 + i as u128, &parts)? {
            Reserved::Stale { log: named, .. } => must(named == LogId(log), || format!("{parts:?} named {named:?}"))?,
            other => return Err(format!("{parts:?} was answered {other:?}")),
        }
    }
    session.flush()?;
    session.check(Depth::Once)?;
    // Nothing of a refused entry happened, and the right guards still hold.
    session.append(&[note(1), note(2), note(7)])?;
    session.reopen()?;
    session.append(&[note(1), note(2), note(7)])?;
    session.cut()?;
    session.check(Depth::Once)
}

pub(super) fn chained_parts(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 3)?;
    session.append(&[note(1), payload(1, 50), payload(1, 60), note(1)])?;
    session.flush()?;
    session.check(Depth::Closely)?;
    must(session.ledger.version(1) == Version(4), || "four parts".into())?;
    session.append(&[payload(1, 70), note(2), payload(1, 80)])?;
    session.flush()?;
    session.cut()?;
    session.check(Depth::Closely)?;
    match raw(&session, 5000, &[(1, 6), (1, 6)])? {
        Reserved::Stale { log: LogId(1), .. } => Ok(()),
        other => Err(format!("two parts with one guard were answered {other:?}")),
    }
}

pub(super) fn idempotent_op(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let session = Session::new(make(), 4)?;
    let Reserved::At(first) = raw(&session, 77, &[(5, 0)])? else { return Err("an append was refused".into()) };
    for committed in [false, true] {
        match raw(&session, 77, &[(5, 0)])? {
            Reserved::At(again) => must(again == first, || format!("{first:?} and then {again:?}"))?,
            // A store that does not remember ops is saved by the guard.
            Reserved::Stale { version, .. } => must(version == Version(1), || format!("stale at {version:?}"))?,
            other => return Err(format!("repeated (committed: {committed}): {other:?}")),
        }
        session.store().flush().map_err(|e| e.to_string())?;
    }
    // Exactly one part was taken.
    match raw(&session, 78, &[(5, 1)])? {
        Reserved::At(_) => Ok(()),
        other => Err(format!("the log has other parts than the one: {other:?}")),
    }
}

pub(super) fn every_shape(make: &dyn Fn() -> Box<dyn Harness>) -> Verdict {
    let mut session = Session::new(make(), 5)?;
    for len in [1, 2, 511, 512, 513, 4095, 4096, 4097, 9000] {
        session.append(&[payload(1, len)])?;
        session.append(&[Want::Payload { log: 2, len, span: 1000, gap: 1 << 40, stamp: -5, fact: len / 2 }])?;
        session.append(&[Want::Note { log: 3, len }])?;
        session.append(&[Want::Note { log: 3, len: 0 }])?;
    }
    session.flush()?;
    session.check(Depth::Closely)?;
    session.reopen()?;
    session.check(Depth::Closely)?;
    busy(&mut session, 30, 4)?;
    session.cut()?;
    session.check(Depth::Closely)
}
