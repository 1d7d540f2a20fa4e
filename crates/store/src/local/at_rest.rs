//! A directory that no process uses, looked at: every payload and every checksum, and what is wrong, by file and range.
//!
//! It reads as a start does (manifest, snapshots, log), and then what a start does not look at: segments, their indexes, the
//! begin and end of every file. It writes nothing, whatever it finds.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use super::{
    Options,
    buffer::Pool,
    codec::Seed,
    files::Files,
    is_ours, keeper,
    manifest::{self, LogRow, State},
    read_manifest,
    recover::{Ended, OpenError, Recovery},
    segment::{self, Index, Kind, file_name},
    shelf::{Hole, Run, Shelf},
    tail::Tail,
    wal::log_name,
};
use crate::{
    disk::{Disk, How},
    plant::Plants,
    seam::{Bounds, Fault, LogId, Patience, ReadError, Recovered, Replay, Stored},
};

/// Bytes that are not what was written, and what is lost with them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    pub file: String,
    /// Bytes of the file; `None` where the whole file is meant.
    pub range: Option<Range<u64>>,
    /// Whose they are, where that can be told.
    pub log: Option<LogId>,
    /// Positions of payloads that are lost.
    pub positions: Option<Range<i64>>,
    pub what: String,
}

/// Something that is no damage and no data: the next start puts it away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leftover {
    pub file: String,
    pub range: Option<Range<u64>>,
    pub what: String,
}

/// How much was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    pub logs: u64,
    pub payloads: u64,
    pub bytes: u64,
    pub files: u64,
}

/// A directory at rest.
pub struct AtRest {
    disk: Arc<dyn Disk>,
    seed: Seed,
    state: State,
    files: Files,
    shelf: Shelf,
    /// Kept so that what was read back from the log stays in memory.
    _tail: Tail,
    damage: Vec<Damage>,
    leftovers: Vec<Leftover>,
    /// What a start would say that it recovered.
    pub recovered: Recovered,
}

/// Payloads of a run are read in pieces of about this size.
const PIECE: u64 = 1 << 20;

/// Who is shown each payload of a log, or what is damaged in its place.
pub type See<'a> = &'a mut dyn FnMut(Result<(&Stored, &[u8]), Damage>);

impl AtRest {
    /// Reads manifest, snapshots and log, and hands all that to `replay`, as a start would. Only a directory without a readable
    /// manifest is an error; what else is wrong is [`AtRest::damage`].
    pub fn open(disk: Arc<dyn Disk>, replay: &mut dyn Replay) -> Result<Self, OpenError> {
        let opened = read_manifest(&disk)?.ok_or_else(|| OpenError::Empty { place: disk.place() })?;
        let seed = Seed::of(&opened.store);
        let options = Options::default();
        let files = Files::new(disk.clone(), seed, 64, options.indexes);
        let shelf = Shelf::default();
        let tail = Tail::new(Pool::new(options.memory), opened.state.mark.lsn);
        // What this finds of damage, or cannot read, is met again, with its range, by `damage`.
        let rows = opened.state.rows.clone();
        keeper::load_rows(&files, &shelf, rows, replay, &mut Recovered::default(), &|_| Ok(()))?;
        let mut rest = Self {
            disk,
            seed,
            state: opened.state,
            files,
            shelf,
            _tail: tail,
            damage: Vec::new(),
            leftovers: Vec::new(),
            recovered: Recovered::default(),
        };
        if opened.cut > 0 {
            let range = Some(opened.end..opened.end + opened.cut);
            let what = "an edit that was never finished, and so never true; the next start cuts it".into();
            rest.leftovers.push(Leftover { file: manifest::NAME.into(), range, what });
        }
        rest.read_log(opened.edit, replay)?;
        Ok(rest)
    }

    /// The write-ahead log from the mark on, with everything that damage took from it.
    fn read_log(&mut self, edit: u64, replay: &mut dyn Replay) -> Result<(), OpenError> {
        let clean = self.state.end.is_some_and(|end| end == self.state.mark.number) || self.state.logs.is_empty();
        if clean {
            self.recovered.clean = true;
            self.log_files();
            return Ok(());
        }
        let recovery = Recovery {
            disk: &*self.disk,
            plants: Plants::default(),
            direct: false,
            accept_loss: true,
            seed: self.seed,
            state: &self.state,
            edit,
            shelf: &self.shelf,
            tail: &self._tail,
            replay,
        };
        match recovery.run() {
            Ok(ended) => self.note_log(ended),
            Err(OpenError::Damaged { file, what, .. }) => {
                self.damage.push(Damage { file, range: None, log: None, positions: None, what });
            }
            Err(other) => return Err(other),
        }
        Ok(())
    }

    /// After a clean stop nothing is read from the files of the log, but a start needs them.
    fn log_files(&mut self) {
        for &(id, size) in &self.state.logs {
            let file = log_name(id);
            let len = self.disk.open(&file, How::default()).and_then(|file| file.len());
            let (range, what) = match len {
                Ok(len) if len >= size => continue,
                Ok(len) => (Some(len..size), format!("it is {len} bytes long instead of {size}; no record was in what is gone")),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    (None, "the file is missing; no record was in it, but a start is refused without it".into())
                }
                Err(e) => (None, format!("it cannot be opened: {e}")),
            };
            self.damage.push(Damage { file, range, log: None, positions: None, what });
        }
    }

    fn note_log(&mut self, ended: Ended) {
        if let Some((file, at, len)) = ended.cut {
            let what = "a frame at the end of the write-ahead log that is not whole: a write that was not finished when the process \
                        ended, and was never acknowledged (a last frame that rotted looks the same); the next start cuts it";
            self.leftovers.push(Leftover { file: log_name(file), range: Some(at..at + len), what: what.into() });
        }
        // What one log lost is told with its range by its holes.
        for found in ended.recovered.damage.iter().filter(|found| found.log.is_none()) {
            let (file, what) = (found.file.clone(), found.what.clone());
            self.damage.push(Damage { file, range: None, log: None, positions: None, what });
        }
        self.recovered = ended.recovered;
    }

    /// Every log that has anything, by number.
    pub fn logs(&self) -> Vec<LogId> {
        let mut logs: Vec<LogId> = self.shelf.all().iter().map(|log| LogId(log.id)).collect();
        logs.sort();
        logs
    }

    /// Where a log begins and ends.
    pub fn bounds(&self, log: LogId) -> Option<Bounds> {
        Some(self.shelf.get(log.0)?.lock().bounds(u64::MAX))
    }

    /// Every payload of a log in order, each with its bytes, and each verified. What is damaged is told in its place.
    pub fn payloads(&self, log: LogId, see: See<'_>) {
        let Some(found) = self.shelf.get(log.0) else { return };
        let (runs, tail) = {
            let state = found.lock();
            (state.runs.clone(), state.tail.iter().skip(state.sealed).cloned().collect::<Vec<_>>())
        };
        for run in &runs {
            self.run(log, run, see);
        }
        for staged in &tail {
            see(Ok((&staged.stored(), staged.view())));
        }
    }

    fn run(&self, log: LogId, run: &Run, see: See<'_>) {
        let index = match self.index(run) {
            Ok(index) => index,
            Err((range, what)) => {
                let file = file_name(Kind::Segment, run.file);
                let positions = Some(run.base..run.last.saturating_add(1));
                return see(Err(Damage { file, range: Some(range), log: Some(log), positions, what }));
            }
        };
        let mut at = index.rows.partition_point(|row| row.pos < run.dead);
        while at < index.rows.len() {
            let end = piece(&index, at);
            match self.files.payloads(run, &index, at..end, Patience::Block, true) {
                Ok((bytes, good)) => {
                    let first = index.rows[at].pos;
                    for row in &index.rows[at..at + good] {
                        let begin = (row.pos - first) as usize;
                        see(Ok((&row.stored, &bytes[begin..begin + row.stored.bytes as usize])));
                    }
                    at += good;
                }
                Err(error) => {
                    let row = &index.rows[at];
                    let begin = run.data_at + row.pos;
                    see(Err(Damage {
                        file: file_name(Kind::Segment, run.file),
                        range: Some(begin..begin + u64::from(row.stored.bytes)),
                        log: Some(log),
                        positions: Some(row.stored.base..row.stored.last.saturating_add(1)),
                        what: told(&error),
                    }));
                    at += 1;
                }
            }
        }
    }

    fn index(&self, run: &Run) -> Result<Index, (Range<u64>, String)> {
        let range = run.index_at..run.index_at + u64::from(run.index_len);
        let bytes = match self.files.range(Kind::Segment, run.file, run.index_at, run.index_len as usize) {
            Ok(bytes) => bytes,
            Err(error) => return Err((range, told(&error))),
        };
        let lost = "the index of its records is not what was written, so that none of them can be found";
        segment::take_index(self.seed, &bytes, run).ok_or((range, lost.into()))
    }

    /// What is wrong anywhere: in the log, in states, at the begin and end of files, and with every payload.
    pub fn damage(&self) -> (Vec<Damage>, Seen) {
        let mut damage = self.damage.clone();
        let mut seen = Seen::default();
        for log in self.logs() {
            seen.logs += 1;
            self.state_of(log, &mut damage);
            self.payloads(log, &mut |payload| match payload {
                Ok((stored, _)) => {
                    seen.payloads += 1;
                    seen.bytes += u64::from(stored.bytes);
                }
                Err(found) => damage.push(found),
            });
        }
        seen.files = self.ends(&mut damage);
        (damage, seen)
    }

    /// A log's snapshot, and the holes that damage of the write-ahead log made.
    fn state_of(&self, log: LogId, damage: &mut Vec<Damage>) {
        let row = self.state.rows.get(&log.0);
        let snapshot = row.and_then(|row| Some((row, row.snapshot.as_ref()?)));
        let wrong = snapshot.and_then(|(row, s)| match self.files.snapshot(log.0, row.version, s) {
            Ok(Some(_)) => None,
            Ok(None) => {
                let lost =
                    "its state is not what was written: settings, positions or producers of it are lost, its records are not";
                Some((s, lost.to_owned()))
            }
            Err(error) => Some((s, told(&error))),
        });
        damage.extend(wrong.map(|(s, what)| Damage {
            file: file_name(Kind::Snapshots, s.file),
            range: Some(s.at..s.at + u64::from(s.len)),
            log: Some(log),
            positions: None,
            what,
        }));
        let Some(found) = self.shelf.get(log.0) else { return };
        let holes = found.lock().holes.as_deref().cloned().unwrap_or_default();
        let of_snapshot = |hole: &Hole| snapshot.is_some_and(|(_, s)| s.file == hole.file && s.at == hole.at);
        damage.extend(holes.iter().filter(|hole| !of_snapshot(hole)).map(|hole| lost(log, hole, row)));
    }

    /// Begins and ends of all files that are named; and files that are not. Answers how many were looked at.
    fn ends(&self, damage: &mut Vec<Damage>) -> u64 {
        let mut named: BTreeSet<(Kind, u64)> = BTreeSet::new();
        for row in self.state.rows.values() {
            named.extend(row.runs.iter().map(|run| (Kind::Segment, run.file.0)));
            named.extend(row.snapshot.iter().map(|s| (Kind::Snapshots, s.file.0)));
        }
        for &(kind, id) in &named {
            let id = super::shelf::FileId(id);
            let name = file_name(kind, id);
            let whole = |what: String| Damage { file: name.clone(), range: None, log: None, positions: None, what };
            match self.files.file(kind, id, Patience::Block) {
                Err(error) => damage.push(whole(told(&error))),
                Ok(file) => match segment::flaws_at_ends(&*file, kind, id, self.seed) {
                    Err(error) => damage.push(whole(format!("it cannot be read: {error}"))),
                    Ok(flaws) => damage
                        .extend(flaws.into_iter().map(|(range, what)| Damage { range: Some(range), ..whole(what.to_string()) })),
                },
            }
        }
        named.len() as u64 + self.state.logs.len() as u64 + 1
    }

    /// What the next start puts away.
    pub fn leftovers(&self) -> Result<Vec<Leftover>, Fault> {
        let mut leftovers = self.leftovers.clone();
        let list = self.disk.list().map_err(|source| Fault::Io { operation: "list", file: self.disk.place(), source })?;
        let mut named: BTreeSet<String> = self.state.logs.iter().map(|(id, _)| log_name(*id)).collect();
        for row in self.state.rows.values() {
            named.extend(row.runs.iter().map(|run| file_name(Kind::Segment, run.file)));
            named.extend(row.snapshot.iter().map(|s| file_name(Kind::Snapshots, s.file)));
        }
        for entry in list.into_iter().filter(|entry| is_ours(&entry.name) && !named.contains(&entry.name)) {
            let what =
                "nothing names it: it was made when the process ended, or is not needed any more; the next start removes it";
            leftovers.push(Leftover { file: entry.name, range: None, what: what.into() });
        }
        Ok(leftovers)
    }
}

/// The end of the piece of a run that begins at row `at`.
fn piece(index: &Index, at: usize) -> usize {
    let first = index.rows[at].pos;
    let end = index.rows[at..].partition_point(|row| row.pos + u64::from(row.stored.bytes) - first <= PIECE);
    at + end.max(1)
}

fn lost(log: LogId, hole: &Hole, row: Option<&LogRow>) -> Damage {
    let known = row.is_some_and(|row| row.holes.contains(hole));
    let parts = hole.parts;
    let what = match known {
        true => format!("{parts} entries were lost to damage of the write-ahead log that an earlier start met"),
        false => format!("{parts} entries of the write-ahead log are not what was written"),
    };
    // A hole without a file: versions are missing, and nobody knows where they were.
    let somewhere = hole.file.0 != 0;
    Damage {
        file: if somewhere { log_name(hole.file) } else { "the write-ahead log".into() },
        range: somewhere.then_some(hole.at..hole.at + hole.len),
        log: Some(log),
        positions: (hole.base <= hole.last).then_some(hole.base..hole.last.saturating_add(1)),
        what,
    }
}

fn told(error: &ReadError) -> String {
    match error {
        ReadError::Damaged { .. } => "the record batch is not what was written: its checksum is wrong".into(),
        ReadError::Fault(fault) => match &**fault {
            Fault::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => "the file is missing".into(),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}
