//! Reading: from the chunks in memory where they reach, from segments before that.

use std::{
    cell::Cell,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;

use super::{
    Inner,
    files::damaged,
    segment::Index,
    shelf::{Hole, Log, Run, Staged, State},
};
use crate::{plant::Plant, seam::*};

/// Payloads smaller than this are copied together; larger ones are handed out where they are.
const COPY: usize = 8 << 10;
/// At most so much is read from segments at once.
const READ: usize = 8 << 20;

/// Collects payloads until there are enough.
struct Gather {
    found: Found,
    small: Vec<u8>,
    any: bool,
    max: usize,
}

impl Gather {
    fn new(from: i64, max: usize) -> Self {
        Self { found: Found { upto: from - 1, ..Found::default() }, small: Vec::new(), any: false, max }
    }
    /// May another payload of this size come? The first always may.
    fn wants(&self, len: usize) -> bool {
        !self.any || self.found.bytes + len <= self.max
    }
    fn add(&mut self, staged: &Staged) {
        let len = staged.len as usize;
        if len < COPY {
            self.small.extend_from_slice(staged.view());
        } else {
            self.settle();
            self.found.slices.push(Slice::Memory(staged.bytes()));
        }
        self.found.bytes += len;
        self.found.upto = staged.last;
        self.any = true;
    }
    /// Bytes of whole payloads, the last of which ends at position `upto`.
    fn add_bytes(&mut self, bytes: Bytes, upto: i64) {
        self.settle();
        self.found.bytes += bytes.len();
        self.found.upto = upto;
        self.found.slices.push(Slice::Memory(bytes));
        self.any = true;
    }
    fn settle(&mut self) {
        if !self.small.is_empty() {
            self.found.slices.push(Slice::Memory(std::mem::take(&mut self.small).into()));
        }
    }
    fn finish(mut self) -> Found {
        self.settle();
        self.found
    }
}

/// A run as a reader needs it: what is dead in it, and where memory takes over.
struct Living {
    run: Run,
    /// Positions below are trimmed.
    start: i64,
    /// Positions from here on are in memory.
    until: i64,
}

impl Inner {
    pub(super) fn committed_lsn(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    fn log(&self, log: LogId) -> Result<Arc<Log>, ReadError> {
        // Between its making and its first commit a log is not there for readers.
        let found = self.shelf.get(log.0).ok_or(ReadError::NoLog)?;
        let known = found.lock().is_known(self.committed_lsn());
        if known { Ok(found) } else { Err(ReadError::NoLog) }
    }

    /// See [`Store::read`].
    pub(super) fn read(&self, log: LogId, from: i64, upto: i64, max: usize, patience: Patience) -> Result<Found, ReadError> {
        let log = self.log(log)?;
        let mut gather = Gather::new(from, max);
        let (mut from, mut upto) = (from, upto);
        let mut hole = None;
        loop {
            let run = {
                let state = log.lock();
                from = from.max(state.start);
                if hole.is_none() {
                    hole = state.hole_from(from, upto);
                    upto = hole.map_or(upto, |h| h.base);
                }
                match state.run_for(from, upto) {
                    Some(run) => run,
                    None => {
                        self.read_tail(&state, from, upto, &mut gather);
                        break;
                    }
                }
            };
            match self.read_run(&run, from, upto, &mut gather, patience) {
                Ok(Some(next)) => from = next,
                Ok(None) => break,
                // What was found so far is whole; the trouble behind it is met by the next read.
                Err(_) if gather.any => break,
                Err(_) if run.has_gone(&log) => {}
                Err(trouble) => return Err(self.note_damage(&log, trouble)),
            }
        }
        match hole {
            Some(hole) if !gather.any => Err(hole_error(&hole)),
            _ => Ok(gather.finish()),
        }
    }

    fn read_tail(&self, state: &State, from: i64, upto: i64, gather: &mut Gather) {
        let committed = self.committed_lsn();
        let mut first = state.tail_from(from);
        if self.options.plants.has(Plant::IndexOffByOne) && first + 1 < state.tail.len() {
            first += 1;
        }
        for staged in state.tail.range(first..) {
            if staged.base >= upto || staged.lsn > committed || !gather.wants(staged.len as usize) {
                break;
            }
            gather.add(staged);
        }
    }

    /// Reads from one run. Answers where to go on, if there is reason to.
    fn read_run(
        &self,
        living: &Living,
        from: i64,
        upto: i64,
        gather: &mut Gather,
        patience: Patience,
    ) -> Result<Option<i64>, ReadError> {
        let run = &living.run;
        let index = self.files.index(run, patience)?;
        let mut first = index.from(from.max(living.start));
        if self.options.plants.has(Plant::IndexOffByOne) && first + 1 < index.rows.len() {
            first += 1;
        }
        let until = upto.min(living.until);
        let mut end = first;
        let mut bytes = 0;
        while let Some(row) = index.rows.get(end).filter(|r| r.stored.base < until) {
            let len = row.stored.bytes as usize;
            let first_of_all = end == first && !gather.any;
            if !first_of_all && (gather.found.bytes + bytes + len > gather.max || bytes + len > READ) {
                break;
            }
            bytes += len;
            end += 1;
        }
        if end == first {
            // Nothing of this run is wanted: it ends before, or memory has the next payload, or there is no room.
            let next = index.rows.get(first).map_or(run.last.saturating_add(1), |r| r.stored.base);
            return Ok((next < upto && (first == index.rows.len() || next >= living.until)).then_some(next));
        }
        let verify = !self.options.plants.has(Plant::SkipReadChecksum);
        let (bytes, good) = self.files.payloads(run, &index, first..end, patience, verify)?;
        let last = index.rows[first + good - 1].stored.last;
        gather.add_bytes(bytes.into(), last);
        let all = good == end - first && index.rows.get(end).is_none_or(|r| r.stored.base >= living.until);
        Ok(all.then(|| last.saturating_add(1)))
    }

    /// See [`Store::list`].
    pub(super) fn list(&self, log: LogId, from: i64, max: usize) -> Result<Vec<Stored>, ReadError> {
        let log = self.log(log)?;
        let mut all = Vec::new();
        let mut from = from;
        while all.len() < max {
            let living = {
                let state = log.lock();
                from = from.max(state.start);
                match state.run_for(from, i64::MAX) {
                    Some(living) => living,
                    None => {
                        let committed = self.committed_lsn();
                        let tail = state.tail.range(state.tail_from(from)..).take_while(|s| s.lsn <= committed);
                        all.extend(tail.take(max - all.len()).map(Staged::stored));
                        break;
                    }
                }
            };
            let index = match self.index_of(&log, &living) {
                Ok(index) => index,
                Err(Stop::Gone) => continue,
                Err(Stop::Trouble(trouble)) => return Err(trouble),
            };
            let rows = index.rows[index.from(from)..].iter().take_while(|r| r.stored.base < living.until);
            all.extend(rows.take(max - all.len()).map(|r| r.stored));
            from = living.run.last.saturating_add(1).min(living.until);
        }
        Ok(all)
    }

    fn index_of(&self, log: &Log, living: &Living) -> Result<Arc<Index>, Stop> {
        self.files.index(&living.run, Patience::Block).map_err(|trouble| match living.has_gone(log) {
            true => Stop::Gone,
            false => Stop::Trouble(self.note_damage(log, trouble)),
        })
    }

    /// See [`Store::lookup`].
    pub(super) fn lookup(&self, log: LogId, query: Query) -> Result<Option<Stored>, ReadError> {
        let log = self.log(log)?;
        match query {
            Query::At(position) => self.lookup_at(&log, position),
            Query::AppendedAt(at) => self.first_with(&log, |r| r.max_at >= at, |s| s.at >= at),
            Query::StampedAt(stamp) => self.first_with(&log, |r| r.max_stamp >= stamp, |s| s.stamp >= stamp),
            Query::GreatestStamp => self.greatest_stamp(&log),
            Query::KeepBytes(keep) => self.keep_bytes(&log, keep),
        }
    }

    fn lookup_at(&self, log: &Arc<Log>, position: i64) -> Result<Option<Stored>, ReadError> {
        loop {
            let living = {
                let state = log.lock();
                let from = position.max(state.start);
                match state.run_for(from, i64::MAX) {
                    Some(living) => living,
                    None => {
                        let first = state.tail.get(state.tail_from(from));
                        return Ok(first.filter(|s| s.lsn <= self.committed_lsn()).map(Staged::stored));
                    }
                }
            };
            match self.index_of(log, &living) {
                Ok(index) => return Ok(index.rows.get(index.from(position.max(living.start))).map(|r| r.stored)),
                Err(Stop::Gone) => {}
                Err(Stop::Trouble(trouble)) => return Err(trouble),
            }
        }
    }

    /// Asks the runs of a log one by one, then, under its lock, the payloads that are in memory only. Begins again when the
    /// runs changed meanwhile: a payload may have moved from there to here. `begin` sees the state each time.
    fn search<T>(
        &self,
        log: &Arc<Log>,
        begin: impl Fn(&State),
        mut in_run: impl FnMut(&Living) -> Result<Option<T>, Stop>,
        in_memory: impl Fn(&mut dyn Iterator<Item = &Staged>) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        'again: loop {
            let (runs, start) = {
                let state = log.lock();
                begin(&state);
                (state.runs.clone(), state.start)
            };
            for run in &runs {
                let living = Living { run: *run, start, until: i64::MAX };
                match in_run(&living) {
                    Ok(None) => {}
                    Ok(found) => return Ok(found),
                    Err(Stop::Gone) => continue 'again,
                    Err(Stop::Trouble(trouble)) => return Err(trouble),
                }
            }
            let state = log.lock();
            if state.runs == runs && state.start == start {
                let committed = self.committed_lsn();
                let first = state.sealed.max(state.tail_from(start));
                return Ok(in_memory(&mut state.tail.range(first..).take_while(|s| s.lsn <= committed)));
            }
        }
    }

    /// The first payload that `is`, in runs that `may` have one, then in memory.
    fn first_with(
        &self,
        log: &Arc<Log>,
        may: impl Fn(&Run) -> bool,
        is: impl Fn(&Stored) -> bool,
    ) -> Result<Option<Stored>, ReadError> {
        let in_run = |living: &Living| {
            if !may(&living.run) {
                return Ok(None);
            }
            let index = self.index_of(log, living)?;
            Ok(living.rows(&index).find(|s| is(s)))
        };
        self.search(log, |_| (), in_run, |tail| tail.map(Staged::stored).find(|s| is(s)))
    }

    fn greatest_stamp(&self, log: &Arc<Log>) -> Result<Option<Stored>, ReadError> {
        let later = |a: Option<Stored>, b: Stored| match a {
            Some(a) if a.stamp >= b.stamp => Some(a),
            _ => Some(b),
        };
        let best = Cell::new(None);
        let in_run = |living: &Living| {
            // A trimmed run may have lost its greatest: its own word is a bound only.
            if best.get().is_none_or(|b: Stored| living.run.max_stamp > b.stamp) {
                let index = self.index_of(log, living)?;
                best.set(living.rows(&index).fold(best.get(), later));
            }
            Ok(None)
        };
        self.search(log, |_| best.set(None), in_run, |tail| tail.map(Staged::stored).fold(best.get(), later))
    }

    /// From the front, until what is left is little enough: a size limit that is kept up drops little at a time.
    fn keep_bytes(&self, log: &Arc<Log>, keep: u64) -> Result<Option<Stored>, ReadError> {
        let left = Cell::new(0);
        let begin = |state: &State| left.set(state.bounds(self.committed_lsn()).bytes);
        let step = |stored: &Stored| {
            let from_here = left.get();
            left.set(from_here.saturating_sub(u64::from(stored.bytes)));
            from_here <= keep
        };
        let in_run = |living: &Living| {
            let behind = left.get().saturating_sub(living.run.living());
            if behind > keep {
                left.set(behind);
                return Ok(None);
            }
            let index = self.index_of(log, living)?;
            Ok(living.rows(&index).find(|s| step(s)))
        };
        self.search(log, begin, in_run, |tail| tail.map(Staged::stored).find(|s| step(s)))
    }

    /// See [`Store::bounds`].
    pub(super) fn bounds(&self, log: LogId) -> Option<Bounds> {
        let log = self.log(log).ok()?;
        let state = log.lock();
        Some(state.bounds(self.committed_lsn()))
    }

    /// Damage that a reader met is told once a place, and counted.
    fn note_damage(&self, log: &Log, trouble: ReadError) -> ReadError {
        if let ReadError::Damaged { file, range, positions } = &trouble {
            self.quarantined.fetch_add(1, Ordering::Relaxed);
            tracing::error!(log = log.id, file, ?range, ?positions, "damaged: not served");
        }
        trouble
    }
}

/// Why a search does not go on in a run.
enum Stop {
    /// The run went while it was looked at: its log is asked anew.
    Gone,
    Trouble(ReadError),
}

impl Living {
    /// Was the run trimmed or replaced since its log was asked? Then its file may be gone or punched, and what was met
    /// there is no damage.
    fn has_gone(&self, log: &Log) -> bool {
        let state = log.lock();
        state.start != self.start || !state.runs.iter().any(|r| r.file == self.run.file && r.index_at == self.run.index_at)
    }

    /// Envelopes that are neither trimmed nor in memory.
    fn rows<'a>(&self, index: &'a Index) -> impl DoubleEndedIterator<Item = Stored> + 'a {
        let first = index.from(self.start);
        let end = index.rows.partition_point(|r| r.stored.base < self.until);
        index.rows[first..end.max(first)].iter().map(|r| r.stored)
    }
}

impl State {
    /// Something of the log is committed, or a checkpoint knows it.
    fn is_known(&self, committed: u64) -> bool {
        let appended = self.first_lsn > 0 && self.first_lsn <= committed;
        appended || self.covered > 0 || !self.runs.is_empty() || self.holes.is_some()
    }

    fn living(&self, run: &Run) -> Living {
        Living { run: *run, start: self.start, until: self.tail_base() }
    }

    /// The run that has the first payload whose `last >= from`, when memory does not have it.
    fn run_for(&self, from: i64, upto: i64) -> Option<Living> {
        let base = self.tail_base();
        if from >= base {
            return None;
        }
        let run = self.runs.get(self.runs.partition_point(|r| r.last < from))?;
        (run.base < base && run.base < upto).then(|| self.living(run))
    }

    /// The first hole that a read of these positions meets.
    fn hole_from(&self, from: i64, upto: i64) -> Option<Hole> {
        let holes = self.holes.as_ref()?;
        let meets = |h: &&Hole| h.base <= h.last && h.last >= from && h.base < upto;
        holes.iter().filter(meets).min_by_key(|h| h.base).copied()
    }
}

fn hole_error(hole: &Hole) -> ReadError {
    let positions = hole.base..hole.last.saturating_add(1);
    match damaged(hole.file, hole.at..hole.at + hole.len, positions) {
        ReadError::Damaged { range, positions, .. } => {
            ReadError::Damaged { file: super::wal::log_name(hole.file), range, positions }
        }
        other => other,
    }
}
