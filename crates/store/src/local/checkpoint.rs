//! A checkpoint: what the write-ahead log holds moves into segments and snapshots, and the log below comes free.
//!
//! The order is everything: files are written and synced, then the directory, then the manifest edit, and only then does
//! the log's tail move and do old files go. Runs on the keeper, one at a time, while appends and reads go on.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use super::{
    Inner,
    keeper::{is_full, row_of},
    manifest::{Item, LogRow},
    segment::{Haste, Kind, Writer},
    shelf::{FileId, Log, Run, Snapshot, Staged, State},
    wal::{LogFile, Mark, log_name},
};
use crate::{
    plant::Plant,
    seam::{Fault, LogId, Lsn, Patience, Snapshots},
};

/// Runs of old files, and payloads of the tail, that become one run.
struct Plan {
    log: Arc<Log>,
    /// Replaced by the new run. They follow each other.
    old: Vec<Run>,
    /// Payloads of the tail that no segment has go into the new run too, up to this LSN.
    fresh: Option<u64>,
    bytes: u64,
}

/// What became of a plan.
struct Made {
    log: Arc<Log>,
    old: Vec<Run>,
    run: Run,
}

/// A log whose facts a snapshot covers now.
struct Covered {
    log: Arc<Log>,
    version: u64,
    snapshot: Option<Snapshot>,
}

/// Everything a checkpoint has made before the manifest names it.
#[derive(Default)]
struct Draft {
    made: Vec<Made>,
    covered: Vec<Covered>,
    /// The LSN that must be committed before this may be published.
    upto: u64,
    files: Vec<(Kind, FileId)>,
}

impl Inner {
    /// Moves everything that is durable now out of the write-ahead log. With `end` the log ends here: nothing is appended
    /// any more. Answers whether there was anything to do.
    pub(super) fn checkpoint(self: &Arc<Self>, end: bool) -> Result<bool, Fault> {
        let Some((_, snapshots)) = self.attached.get() else { return Ok(false) };
        let mark = self.with_wal(|wal| wal.mark());
        let dirty = std::mem::take(&mut *self.dirty());
        let last = self.last_mark();
        let nothing = dirty.is_empty() && mark.number == last.number && mark.file == last.file && !self.has_changed_rows();
        if nothing && !end {
            return Ok(false);
        }
        for log in &dirty {
            log.lock().dirty = false;
        }
        match self.draft_and_publish(&mark, &dirty, &**snapshots, end) {
            Ok(()) => Ok(true),
            Err(fault) => {
                // What was not published is looked at again.
                dirty.iter().for_each(|log| self.mark_dirty(log, &mut log.lock()));
                Err(fault)
            }
        }
    }

    pub(super) fn mark_dirty(&self, log: &Arc<Log>, state: &mut State) {
        if !state.dirty && !state.removed {
            state.dirty = true;
            self.dirty().push(log.clone());
        }
    }

    pub(super) fn last_mark(&self) -> Mark {
        *self.keeper.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draft_and_publish(
        self: &Arc<Self>,
        mark: &Mark,
        dirty: &[Arc<Log>],
        snapshots: &dyn Snapshots,
        end: bool,
    ) -> Result<(), Fault> {
        let mut draft = Draft::default();
        let drafted = self
            .write_segments(mark, dirty, &mut draft)
            .and_then(|()| self.write_snapshots(dirty, snapshots, &mut draft))
            .and_then(|()| self.sync_new_names(&draft));
        if let Err(fault) = drafted {
            self.abandon(&draft);
            return Err(fault);
        }
        // A snapshot may know of entries that are not committed yet: nobody may see it before they are.
        if self.flush_upto(Lsn(draft.upto)).is_err() {
            return Err(Fault::Stopped("the store stopped during a checkpoint".into()));
        }
        self.publish_draft(mark, draft, end)
    }

    /// Files that no edit names are no loss, and no use.
    fn abandon(&self, draft: &Draft) {
        for (kind, id) in &draft.files {
            let _ = self.disk.unlink(&super::segment::file_name(*kind, *id));
        }
    }

    fn sync_new_names(&self, draft: &Draft) -> Result<(), Fault> {
        if draft.files.is_empty() || self.options.plants.has(Plant::SkipDirectorySync) {
            return Ok(());
        }
        self.disk.sync_dir().map_err(|source| Fault::Io { operation: "sync", file: "the directory".into(), source })
    }

    /// Payloads go into segments: a busy log gets a file of its own, the others share one.
    fn write_segments(&self, mark: &Mark, dirty: &[Arc<Log>], draft: &mut Draft) -> Result<(), Fault> {
        let mut plans: Vec<Plan> = dirty.iter().filter_map(|log| self.plan(log, mark)).collect();
        plans.extend(self.plan_rewrites(&plans));
        plans.sort_by_key(|p| p.log.id);
        let (own, shared): (Vec<Plan>, Vec<Plan>) = plans.into_iter().partition(|p| p.bytes >= self.options.own_file);
        let total = own.iter().chain(&shared).map(|p| p.bytes).sum();
        let written = Cell::new(0);
        let begun = self.room.fullness().unwrap_or(1.0);
        let pause = |bytes: u64| {
            written.set(written.get() + bytes);
            self.take_breath(begun, written.get(), total)
        };
        for plan in own {
            self.write_segment(vec![plan], draft, &pause)?;
        }
        self.write_segment(shared, draft, &pause)
    }

    /// Waits a little when the checkpoint is further on than the log is full: it shares the disk with commits. `begun` is
    /// how full the log was when the checkpoint began.
    fn take_breath(&self, begun: f64, written: u64, total: u64) -> Haste {
        /// One piece every two milliseconds is at least 128 MiB a second.
        const BREATH: Duration = Duration::from_millis(2);
        if !self.options.background || total < 4 << 20 || self.closing.load(Ordering::Relaxed) {
            return Haste::None;
        }
        let Some(full) = self.room.fullness() else { return Haste::Awaited };
        let progress = written.min(total) as f64 / total as f64;
        if full < begun + (1.0 - begun) * progress {
            std::thread::sleep(BREATH);
        }
        Haste::None
    }

    /// What of a log goes into a segment now.
    fn plan(&self, log: &Arc<Log>, mark: &Mark) -> Option<Plan> {
        let state = log.lock();
        let fresh = state.tail.get(state.sealed).is_some_and(|s| s.lsn <= mark.lsn);
        if !fresh || state.removed {
            return None;
        }
        let bytes = state.unsealed;
        let small = state.runs.iter().rev().take_while(|r| r.living() < self.options.small_run).count();
        let old = &state.runs[state.runs.len() - small..];
        let old_bytes: u64 = old.iter().map(Run::living).sum();
        // Logs differ in when they merge, so that not all do it in one checkpoint.
        let limit = self.options.runs.max(2);
        let full = small + 1 > limit - (log.id as usize % (limit / 2 + 1)).min(limit - 2);
        let swallowed = bytes >= self.options.own_file && old_bytes < bytes;
        let old = if full || swallowed { old.to_vec() } else { Vec::new() };
        let bytes = bytes + old.iter().map(Run::living).sum::<u64>();
        Some(Plan { log: log.clone(), old, fresh: Some(mark.lsn), bytes })
    }

    /// Runs in files that are more than half dead are written again.
    fn plan_rewrites(&self, plans: &[Plan]) -> Vec<Plan> {
        // A copy takes room before it gives some back: not while room is short.
        let short = self.disk.space().is_ok_and(|space| space.free < 4 * self.reserve(&space));
        if short || self.is_red() {
            return Vec::new();
        }
        let usage = self.files.usage();
        let half_dead: Vec<FileId> = usage
            .iter()
            .filter(|(_, u)| u.kind == Kind::Segment && u.refs > 0 && u.is_half_dead())
            .map(|(id, _)| *id)
            .take(4)
            .collect();
        if half_dead.is_empty() {
            return Vec::new();
        }
        let mut rewrites = Vec::new();
        for log in self.shelf.all() {
            let state = log.lock();
            for run in state.runs.iter().filter(|r| half_dead.contains(&r.file)) {
                let planned = plans.iter().any(|p| p.log.id == log.id && p.old.iter().any(|o| same(o, run)));
                if !planned {
                    rewrites.push(Plan { log: log.clone(), old: vec![*run], fresh: None, bytes: run.living() });
                }
            }
        }
        rewrites
    }

    fn write_segment(&self, plans: Vec<Plan>, draft: &mut Draft, pause: &dyn Fn(u64) -> Haste) -> Result<(), Fault> {
        if plans.is_empty() {
            return Ok(());
        }
        let mut writer = Writer::create(&*self.disk, Kind::Segment, self.new_file(), self.seed, self.direct, pause)?;
        draft.files.push((Kind::Segment, writer.id()));
        let mut made = Vec::new();
        for plan in plans {
            made.extend(self.write_plan(plan, &mut writer)?);
        }
        let id = writer.id();
        writer.finish()?;
        if made.is_empty() {
            // All of it was trimmed while it was gathered. Named by nobody, it goes with the next files that do.
            self.files.hold(Kind::Segment, id, 0);
            self.files.release(id, 0);
        }
        draft.made.extend(made);
        Ok(())
    }

    fn write_plan(&self, mut plan: Plan, writer: &mut Writer<'_>) -> Result<Option<Made>, Fault> {
        let mut run = writer.begin_run();
        let start = plan.log.lock().start;
        match self.read_old(&plan.old, start) {
            Some(old) => {
                for (index, bytes, first) in &old {
                    let rows = &index.rows[*first..];
                    let begin = rows.first().map_or(0, |r| r.pos);
                    for row in rows {
                        let at = (row.pos - begin) as usize;
                        writer.put_payload(&mut run, row.stored, row.crc, &bytes[at..at + row.stored.bytes as usize])?;
                    }
                }
            }
            // A damaged run stays where it is, so that its damage keeps its name.
            None => plan.old.clear(),
        }
        if let Some(upto) = plan.fresh {
            self.write_fresh(&plan.log, upto, &mut run, writer)?;
        }
        if run.is_empty() {
            return Ok(None);
        }
        let run = writer.end_run(plan.log.id, run)?;
        Ok(Some(Made { log: plan.log, old: plan.old, run }))
    }

    /// Payloads of the tail, some at a time: the log's lock is never held for long.
    fn write_fresh(
        &self,
        log: &Log,
        upto: u64,
        run: &mut super::segment::RunWriter,
        writer: &mut Writer<'_>,
    ) -> Result<(), Fault> {
        const SOME: usize = 256;
        let mut position = i64::MIN;
        loop {
            let fresh: Vec<Staged> = {
                let state = log.lock();
                let first = state.sealed.max(state.tail_from(position));
                state.tail.range(first..).take_while(|s| s.lsn <= upto).take(SOME).cloned().collect()
            };
            let Some(last) = fresh.last() else { return Ok(()) };
            position = last.last.saturating_add(1);
            for staged in &fresh {
                writer.put_payload(run, staged.stored(), staged.crc(self.seed), staged.view())?;
            }
        }
    }

    /// Living payloads of runs, verified. `None` when one is damaged.
    #[allow(clippy::type_complexity)]
    fn read_old(&self, runs: &[Run], start: i64) -> Option<Vec<(Arc<super::segment::Index>, Vec<u8>, usize)>> {
        let mut all = Vec::with_capacity(runs.len());
        for run in runs {
            let index = self.files.index(run, Patience::Block).ok()?;
            let first = index.from(start);
            let (bytes, good) = self.files.payloads(run, &index, first..index.rows.len(), Patience::Block, true).ok()?;
            if good < index.rows.len() - first {
                return None;
            }
            all.push((index, bytes, first));
        }
        Some(all)
    }

    /// The state of every changed log, as its machine gives it; and old ones whose files are not worth keeping.
    fn write_snapshots(&self, dirty: &[Arc<Log>], snapshots: &dyn Snapshots, draft: &mut Draft) -> Result<(), Fault> {
        let mut writer: Option<Writer<'_>> = None;
        let quiet = |_| Haste::None;
        let mut bytes = Vec::new();
        let forgotten = if self.options.plants.has(Plant::ForgetSnapshot) { dirty.first() } else { None };
        for log in dirty {
            bytes.clear();
            if log.lock().removed {
                continue;
            }
            let given = snapshots.snapshot(LogId(log.id), &mut bytes);
            let Some((version, lsn)) = given.filter(|_| forgotten.is_none_or(|f| f.id != log.id)) else {
                let state = log.lock();
                draft.upto = draft.upto.max(state.last_lsn);
                draft.covered.push(Covered { log: log.clone(), version: state.version, snapshot: None });
                continue;
            };
            draft.upto = draft.upto.max(lsn.0);
            let writer = self.snapshot_writer(&mut writer, draft, &quiet)?;
            let snapshot = Some(writer.put_snapshot(log.id, version.0, &bytes)?);
            draft.covered.push(Covered { log: log.clone(), version: version.0, snapshot });
        }
        self.move_snapshots(&mut writer, draft, &quiet)?;
        writer.map_or(Ok(()), |w| w.finish().map(drop))
    }

    fn snapshot_writer<'w, 'a>(
        &self,
        writer: &'w mut Option<Writer<'a>>,
        draft: &mut Draft,
        pause: &'a dyn Fn(u64) -> Haste,
    ) -> Result<&'w mut Writer<'a>, Fault> {
        if writer.is_none() {
            let new = Writer::create(&*self.disk, Kind::Snapshots, self.new_file(), self.seed, self.direct, pause)?;
            draft.files.push((Kind::Snapshots, new.id()));
            *writer = Some(new);
        }
        Ok(writer.as_mut().expect("made above"))
    }

    /// Snapshots of unchanged logs move when their file is half dead, or when there are too many files.
    fn move_snapshots<'a>(
        &self,
        writer: &mut Option<Writer<'a>>,
        draft: &mut Draft,
        pause: &'a dyn Fn(u64) -> Haste,
    ) -> Result<(), Fault> {
        const FILES: usize = 6;
        let mut usage: Vec<_> = self.files.usage().into_iter().filter(|(_, u)| u.kind == Kind::Snapshots).collect();
        usage.sort_by_key(|(_, u)| u.living);
        let many = usage.len().saturating_sub(FILES);
        let victims: Vec<FileId> = usage
            .iter()
            .enumerate()
            // Of too many files the smaller half goes together, so that none is moved at every checkpoint.
            .filter(|(i, (_, u))| u.refs > 0 && (u.is_half_dead() || (many > 0 && *i < FILES / 2 + many)))
            .map(|(_, (id, _))| *id)
            .collect();
        if victims.is_empty() {
            return Ok(());
        }
        let taken: hashbrown::HashSet<u64> = draft.covered.iter().map(|c| c.log.id).collect();
        for log in self.shelf.all() {
            let (version, old) = {
                let state = log.lock();
                match &state.snapshot {
                    Some(s) if victims.contains(&s.file) && !taken.contains(&log.id) => (state.covered, **s),
                    _ => continue,
                }
            };
            // What is damaged, or cannot be read now, stays where it is and keeps its name.
            let Ok(Some(bytes)) = self.files.snapshot(log.id, version, &old) else { continue };
            let snapshot = self.snapshot_writer(writer, draft, pause)?.put_snapshot(log.id, version, &bytes)?;
            draft.covered.push(Covered { log, version, snapshot: Some(snapshot) });
        }
        Ok(())
    }

    /// Makes the draft true, then lets go of what it replaces.
    fn publish_draft(self: &Arc<Self>, mark: &Mark, draft: Draft, end: bool) -> Result<(), Fault> {
        if self.options.plants.has(Plant::RecycleTooEarly) {
            self.recycle(mark);
        }
        // What changed is taken before the draft's rows are made: a log that is trimmed or removed between the two is told
        // again by the next edit. The other way round the older row would have the last word, and name a file that the next
        // unlink takes away.
        let early = self.options.plants.has(Plant::RowsBeforeChanges).then(|| self.rows_after(&draft));
        let mut items = self.changed_rows(Some(mark));
        let rows = early.unwrap_or_else(|| self.rows_after(&draft));
        items.extend(rows.into_iter().map(|(log, row)| Item::Row(log, row)));
        items.push(Item::Mark(*mark));
        items.push(Item::Logs(self.with_wal(|wal| wal.kept_after(mark))));
        if end {
            items.push(Item::End(mark.number));
        }
        if let Err(fault) = self.edit_manifest(&items) {
            self.restore_changed(&items);
            // After any other fault the edit may yet reach the disk, and what it names must be there.
            if is_full(&fault) {
                self.abandon(&draft);
            }
            return Err(fault);
        }
        *self.keeper.mark.lock().unwrap_or_else(PoisonError::into_inner) = *mark;
        self.apply_draft(mark, draft);
        let freed = self.recycle(mark);
        self.unlink_logs(freed)?;
        self.keeper.checkpoints.fetch_add(1, Ordering::Relaxed);
        self.unlink_dead()?;
        self.renew_manifest_if_outgrown(end.then_some(mark.number))
    }

    /// The manifest's rows of all logs that the draft touches, as they will be.
    fn rows_after(&self, draft: &Draft) -> Vec<(u64, LogRow)> {
        let committed = self.committed_lsn();
        let mut rows: BTreeMap<u64, LogRow> = BTreeMap::new();
        for covered in &draft.covered {
            let state = covered.log.lock();
            if !state.removed {
                let mut row = row_of(&state, committed);
                (row.version, row.snapshot) = (covered.version, covered.snapshot);
                rows.insert(covered.log.id, row);
            }
        }
        for made in &draft.made {
            let state = made.log.lock();
            if !state.removed {
                let row = rows.entry(made.log.id).or_insert_with(|| row_of(&state, committed));
                let mut run = made.run;
                run.dead = self.dead_before(&run, state.start);
                splice(&mut row.runs, &made.old, run);
            }
        }
        if self.options.plants.has(Plant::TrimResurrects) {
            rows.values_mut().for_each(|r| r.start = 0);
        }
        rows.into_iter().collect()
    }

    /// The same in memory, now that it is durable.
    fn apply_draft(&self, mark: &Mark, draft: Draft) {
        for covered in draft.covered {
            let mut state = covered.log.lock();
            if state.removed {
                if let Some(s) = covered.snapshot {
                    self.files.hold(Kind::Snapshots, s.file, 0);
                    self.files.release(s.file, 0);
                }
                continue;
            }
            state.covered = covered.version;
            if let Some(old) = state.snapshot.take() {
                self.files.release(old.file, old.weight());
            }
            if let Some(s) = covered.snapshot {
                self.files.hold(Kind::Snapshots, s.file, s.weight());
                state.snapshot = Some(Box::new(s));
            }
            // Entries behind the mark stay in the write-ahead log: the next checkpoint looks again.
            if state.last_lsn > mark.lsn {
                self.mark_dirty(&covered.log, &mut state);
            }
        }
        for made in draft.made {
            let mut state = made.log.lock();
            if state.removed {
                // Its file is named by nobody, unless others are in it too.
                self.files.hold(Kind::Segment, made.run.file, 0);
                self.files.release(made.run.file, 0);
                continue;
            }
            // A trim may have dropped old runs meanwhile; those that are there are replaced.
            let replaced: Vec<Run> = state.runs.iter().filter(|r| made.old.iter().any(|o| same(o, r))).copied().collect();
            // What the old runs lost to a trim is counted: the new run is trimmed again below, from the whole.
            let before: u64 = replaced.iter().map(Run::living).sum();
            splice(&mut state.runs, &made.old, made.run);
            self.files.hold(Kind::Segment, made.run.file, made.run.weight());
            replaced.iter().for_each(|r| self.files.release(r.file, r.weight()));
            let sealed = self.seal(&mut state, &made);
            state.bytes = state.bytes + made.run.living() - before - sealed;
            let start = state.start;
            self.trim_runs(&made.log, &mut state, start);
            self.note_cached(&made.log, &mut state);
        }
    }

    /// Payloads of the tail that are in the new run stay as a cache. Answers their bytes.
    fn seal(&self, state: &mut State, made: &Made) -> u64 {
        let upto = state.tail.partition_point(|s| s.last <= made.run.last).max(state.sealed);
        let bytes = state.tail.range(state.sealed..upto).map(|s| u64::from(s.len)).sum();
        state.sealed = upto;
        state.unsealed = state.unsealed.saturating_sub(bytes);
        bytes
    }

    fn recycle(self: &Arc<Self>, mark: &Mark) -> Vec<LogFile> {
        self.with_wal(|wal| {
            let staged_before = wal.passed_bodies;
            let (freed, files) = wal.recycle(mark);
            self.log_bytes.store(wal.bytes(), Ordering::Relaxed);
            wal.passed_bodies = mark.bodies.max(staged_before);
            self.room.recycled(freed, wal.passed_bodies - staged_before);
            self.keeper.recycled.fetch_add(freed, Ordering::Relaxed);
            files
        })
    }

    pub(super) fn unlink_logs(&self, files: Vec<LogFile>) -> Result<(), Fault> {
        for log in files {
            let name = log_name(log.id);
            drop(log.file);
            self.disk.unlink(&name).map_err(|source| Fault::Io { operation: "unlink", file: name, source })?;
        }
        Ok(())
    }
}

/// Is it the same run, whatever was trimmed of it?
fn same(a: &Run, b: &Run) -> bool {
    a.file == b.file && a.index_at == b.index_at
}

/// Puts `new` in the place of `old`, or behind all runs when it replaces none.
fn splice(runs: &mut Vec<Run>, old: &[Run], new: Run) {
    let place = runs.iter().position(|r| old.iter().any(|o| same(o, r)));
    runs.retain(|r| !old.iter().any(|o| same(o, r)));
    let place = place.unwrap_or_else(|| runs.partition_point(|r| r.base < new.base));
    runs.insert(place.min(runs.len()), new);
}
