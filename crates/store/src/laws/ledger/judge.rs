//! The ledger's verdicts: on what a recovery handed back, and on what a store shows. Asks the seam, changes nothing.

use super::{Book, CATALOG, Ledger, noun::Rebuilt, shown::Shown};
use crate::{dice::Dice, seam::*};

/// How closely a store is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Bounds, the list, and one pass over all payloads.
    Once,
    /// Also random reads and lookups.
    Closely,
}

/// What was seen while damage was allowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Payloads served, each equal to what was stored.
    pub served: u64,
    /// Answers that named damage.
    pub damaged: u64,
    /// Logs that were whole.
    pub whole: u64,
}

impl Ledger {
    /// Is what a recovery handed back a history that may be? Answers the last LSN that survived.
    /// Everything up to `acked` must be there; what comes after is there whole or not at all, without a gap.
    pub fn judge(&self, rebuilt: &Rebuilt, acked: Lsn) -> Result<Lsn, String> {
        let book = self.book();
        let removed = rebuilt.nouns.get(&CATALOG).map(|(_, s)| s.removed.clone()).unwrap_or_default();
        let gone = |log: &LogId| removed.contains(&log.0);
        if let Some((log, problem)) = rebuilt.problems.iter().find(|(log, _)| !gone(log)) {
            return Err(format!("replay of {log:?}: {problem}"));
        }
        let mut survived = Lsn(0);
        for (log, (version, state)) in rebuilt.nouns.iter().filter(|(log, _)| !gone(log)) {
            survived = survived.max(book.judge_noun(*log, *version, state)?);
        }
        for (log, noun) in book.nouns.iter().filter(|(log, _)| !gone(log)) {
            let version = rebuilt.nouns.get(log).map_or(0, |(version, _)| version.0 as usize);
            let promised = noun.version_at(acked);
            if version < promised {
                return Err(format!("{log:?} came back with {version} parts, {promised} were acknowledged"));
            }
            let whole = noun.version_at(survived);
            if version != whole {
                return Err(format!("{log:?} came back with {version} parts, the entry at {survived:?} has part {whole}"));
            }
        }
        Ok(survived)
    }

    /// Does the store show exactly what is committed up to `upto`? Trims and removals must have been told (`settle`).
    pub fn check(&self, store: &dyn Store, upto: Lsn, depth: Depth, dice: &mut Dice) -> Result<(), String> {
        let book = self.book();
        for (log, noun) in &book.nouns {
            if book.removed(*log, upto) {
                if store.bounds(*log).is_some() || store.read(*log, 0, i64::MAX, 1, Patience::Block).is_ok() {
                    return Err(format!("{log:?} was removed and is still there"));
                }
            } else if noun.version_at(upto) > 0 {
                Shown::new(*log, noun, upto).check(store, depth, dice).map_err(|e| format!("{log:?}: {e}"))?;
            }
        }
        Ok(())
    }

    /// Reads somewhere in a log while others append, trim and make checkpoints: it finds something where something was
    /// acknowledged, and nothing but what was stored.
    pub fn read_beside(&self, store: &dyn Store, log: LogId, dice: &mut Dice) -> Result<(), String> {
        let acked = self.acked();
        let (from, has_any) = {
            let book = self.book();
            let Some(noun) = book.nouns.get(&log) else { return Ok(()) };
            let next = noun.state_at(acked).next;
            (dice.below(next.max(1) as u64) as i64, next > 0)
        };
        if !has_any {
            return Ok(());
        }
        let max = dice.below(8000) as usize;
        let beside = Shown::read_beside(store, log, from, max)?;
        let book = self.book();
        let noun = &book.nouns[&log];
        if beside.is_empty() && noun.state().floor <= from {
            return Err(format!("{log:?}: nothing from {from}, although {acked:?} was acknowledged before"));
        }
        Shown::ever(log, noun).judge_beside(&beside, from)
    }

    /// After a clean stop the store itself knows what was trimmed and removed, before anybody tells it again.
    pub fn check_kept(&self, store: &dyn Store, upto: Lsn) -> Result<(), String> {
        let book = self.book();
        for (log, noun) in &book.nouns {
            let bounds = store.bounds(*log);
            if book.removed(*log, upto) && bounds.is_some() {
                return Err(format!("{log:?} was removed, and is back after a clean stop"));
            }
            let floor = noun.state_at(upto).floor;
            if let Some(bounds) = bounds.filter(|b| b.start != floor) {
                return Err(format!("{log:?} was trimmed to {floor} and starts at {} after a clean stop", bounds.start));
            }
        }
        Ok(())
    }

    /// After damage: whatever is served is exactly what was stored at its place. A log that `excused` knows to be
    /// damaged may answer errors, or be gone; every other one is whole, or says at each place what is wrong with it.
    pub fn check_damaged(&self, store: &dyn Store, upto: Lsn, excused: &dyn Fn(LogId) -> bool) -> Result<Tally, String> {
        let book = self.book();
        let mut tally = Tally::default();
        for (log, noun) in book.nouns.iter().filter(|(log, _)| !book.removed(**log, upto)) {
            let shown = Shown::new(*log, noun, upto);
            let before = tally.served;
            shown.no_lies(store, excused(*log), &mut tally).map_err(|e| format!("{log:?}: {e}"))?;
            tally.whole += u64::from(tally.served - before == shown.payloads());
        }
        Ok(tally)
    }

    /// Logs whose rebuilt state is not the one that they had at `upto`.
    pub fn strange(&self, rebuilt: &Rebuilt, upto: Lsn) -> Vec<LogId> {
        let book = self.book();
        let differs = |log: &LogId| {
            let noun = &book.nouns[log];
            let state = rebuilt.nouns.get(log).map(|(_, state)| state);
            noun.version_at(upto) > 0 && state != Some(noun.state_at(upto))
        };
        book.nouns.keys().filter(|log| !book.removed(**log, upto) && differs(log)).copied().collect()
    }

    /// Did this log come back as it was at some earlier moment?
    pub fn is_earlier(&self, rebuilt: &Rebuilt, log: LogId) -> bool {
        let book = self.book();
        match (rebuilt.nouns.get(&log), book.nouns.get(&log)) {
            (Some((version, state)), Some(noun)) => book.judge_noun(log, *version, state).is_ok() && noun.version() > *version,
            (rebuilt, _) => rebuilt.is_none(),
        }
    }

    /// How many logs live at `upto`.
    pub fn logs(&self, upto: Lsn) -> u64 {
        let book = self.book();
        book.nouns.keys().filter(|log| !book.removed(**log, upto)).count() as u64
    }
}

impl Book {
    /// The LSN of the last part that came back, if the state is the one that the log had then.
    fn judge_noun(&self, log: LogId, version: Version, state: &super::State) -> Result<Lsn, String> {
        let Some(noun) = self.nouns.get(&log) else { return Err(format!("{log:?} was never written")) };
        let count = version.0 as usize;
        if count > noun.taken().len() {
            return Err(format!("{log:?} came back with {version:?} and never had more than {}", noun.taken().len()));
        }
        if noun.state_of(count) != state {
            return Err(format!("{log:?} at {version:?} is {state:?} and was {:?}", noun.state_of(count)));
        }
        Ok(count.checked_sub(1).map_or(Lsn(0), |i| noun.taken()[i].lsn))
    }
}
