//! Opening: read the manifest, scan the log for frames, replay them in order, cut what a power cut left unfinished, and
//! name what is damaged. Start-up looks at nothing else: no segment is opened.

use std::{collections::BTreeMap, io, sync::Arc};

use super::{
    buffer::Aligned,
    codec::Seed,
    fold::Share,
    frame::{self, FOOT, Foot, HEAD, Head, Row},
    manifest::State,
    shelf::{FileId, Hole, Log, Shelf, Staged},
    tail::Tail,
    wal::{Mark, log_name},
};
use crate::{
    disk::{ALIGN, Disk, DiskFile, How},
    plant::{Plant, Plants},
    seam::{Damaged, Fault, LogId, Lost, Lsn, Recovered, Replay, Replayed, Version},
};

/// The files of the write-ahead log, where it cannot be told which of them.
const LOG: &str = "the write-ahead log";
/// The log is read in windows of this size.
const WINDOW: usize = 1 << 20;

/// Why a data directory cannot be opened. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{place} is in use by another process; stop it, or choose another data directory")]
    Locked { place: String },
    #[error("{place} was written by a newer version (format {found}, this one knows {known}); start it with that version")]
    Newer { place: String, found: u32, known: u32 },
    #[error("{place} has {example} but no manifest: restore the manifest from a backup, or choose an empty directory")]
    NoManifest { place: String, example: String },
    #[error("{place} holds no data of a Milena; name the directory that serve --data was given")]
    Empty { place: String },
    #[error("{place}/{file} is damaged ({what}): restore it from a backup; nothing was changed")]
    Damaged { place: String, file: String, what: String },
    #[error(
        "{place}/{file} is damaged at {from}..{to}, and it cannot be told whose entries were there; \
         start with --accept-loss to go on without them"
    )]
    LogDamaged { place: String, file: String, from: u64, to: u64 },
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A frame that was found, by its head.
#[derive(Clone, Copy)]
struct Found {
    /// Index of its file.
    file: usize,
    at: u64,
    head: Head,
}

/// A foot whose head may be gone.
#[derive(Clone, Copy)]
struct FoundFoot {
    file: usize,
    /// Where the foot's block ends.
    end: u64,
    dir_len: u32,
    dir_crc: u32,
    len: u32,
}

/// A file of the log, while it is read back.
struct Scanned {
    id: FileId,
    size: u64,
    file: Arc<dyn DiskFile>,
}

/// What replay left: where the log goes on.
pub(super) struct Ended {
    pub(super) last_lsn: u64,
    pub(super) next_number: u64,
    /// File and end of the last frame, when there was any.
    pub(super) last: Option<(FileId, u64)>,
    /// The end of the last frame in each file that had any.
    pub(super) ends: BTreeMap<FileId, u64>,
    pub(super) bodies: u64,
    /// File, place and length of the unfinished frame that was cut off the end.
    pub(super) cut: Option<(FileId, u64, u64)>,
    pub(super) recovered: Recovered,
    /// Logs that took parts after the checkpoint.
    pub(super) dirty: Vec<Arc<Log>>,
}

impl Ended {
    /// Nothing lies behind the mark.
    pub(super) fn nothing(mark: &Mark) -> Self {
        Self {
            last_lsn: mark.lsn,
            next_number: mark.number.max(1),
            last: None,
            ends: BTreeMap::new(),
            bodies: 0,
            cut: None,
            recovered: Recovered::default(),
            dirty: Vec::new(),
        }
    }
}

/// Everything that replay works on.
pub(super) struct Recovery<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) plants: Plants,
    pub(super) direct: bool,
    pub(super) accept_loss: bool,
    pub(super) seed: Seed,
    pub(super) state: &'a State,
    /// The manifest's last edit.
    pub(super) edit: u64,
    pub(super) shelf: &'a Shelf,
    pub(super) tail: &'a Tail,
    pub(super) replay: &'a mut dyn Replay,
}

impl Recovery<'_> {
    /// Reads the whole log back.
    pub(super) fn run(mut self) -> Result<Ended, OpenError> {
        let files = self.open_files()?;
        let shortened = self.shortened(&files)?;
        let mut frames: BTreeMap<u64, Found> = BTreeMap::new();
        let mut feet: BTreeMap<u64, FoundFoot> = BTreeMap::new();
        for (i, scanned) in files.iter().enumerate() {
            self.scan(i, scanned, &mut frames, &mut feet)?;
        }
        if let Some(ahead) = frames.values().find(|f| f.head.edit > self.edit) {
            return Err(OpenError::Damaged {
                place: self.disk.place(),
                file: super::manifest::NAME.into(),
                what: format!("edit {} is missing, which the log has seen", ahead.head.edit),
            });
        }
        let mut ended = self.walk(&files, &frames, &feet)?;
        ended.recovered.damage.extend(shortened);
        Ok(ended)
    }

    /// A log file has its whole length before the manifest names it: one that is shorter lost its end later, and with
    /// it entries of which nothing is left to tell.
    fn shortened(&self, files: &[Scanned]) -> Result<Vec<Damaged>, OpenError> {
        let mut found = Vec::new();
        for log in files {
            let file = log_name(log.id);
            let len = log.file.len().map_err(|source| Fault::Io { operation: "stat", file: file.clone(), source })?;
            if len >= log.size {
                continue;
            }
            if !self.accept_loss {
                return Err(OpenError::LogDamaged { place: self.disk.place(), file, from: len, to: log.size });
            }
            let what = format!("{file} is {len} bytes long instead of {}: what stood behind is lost", log.size);
            found.push(Damaged { log: None, whose: None, file, what });
        }
        Ok(found)
    }

    fn open_files(&self) -> Result<Vec<Scanned>, OpenError> {
        let how = How { direct: self.direct, ..How::default() };
        let open = |&(id, size): &(FileId, u64)| match self.disk.open(&log_name(id), how) {
            Ok(file) => Ok(Scanned { id, size, file }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Err(OpenError::Damaged { place: self.disk.place(), file: log_name(id), what: "the file is missing".into() })
            }
            Err(source) => Err(Fault::Io { operation: "open", file: log_name(id), source }.into()),
        };
        self.state.logs.iter().map(open).collect()
    }

    /// Collects heads and feet of frames from the mark on.
    fn scan(
        &self,
        index: usize,
        log: &Scanned,
        frames: &mut BTreeMap<u64, Found>,
        feet: &mut BTreeMap<u64, FoundFoot>,
    ) -> Result<(), OpenError> {
        let mut window = Aligned::new(WINDOW);
        let (mut begin, mut filled, mut at) = (0, 0, 0);
        while at + (ALIGN as u64) <= log.size {
            if at < begin || at + ALIGN as u64 > begin + filled as u64 {
                begin = at;
                filled = read_range(log, &mut window, begin, WINDOW)?;
                if filled < ALIGN {
                    break;
                }
            }
            let block = &window[(at - begin) as usize..][..ALIGN];
            match Head::decode(self.seed, block) {
                Some(head) if head.number >= self.state.mark.number && at + u64::from(head.len) <= log.size => {
                    let found = Found { file: index, at, head };
                    // A cut tail may have left a frame of the same number: the later term is the true one.
                    let kept = frames.entry(head.number).or_insert(found);
                    if kept.head.term < head.term {
                        *kept = found;
                    }
                    at += u64::from(head.len);
                }
                _ => {
                    self.note_foot(index, at, block, feet);
                    at += ALIGN as u64;
                }
            }
        }
        Ok(())
    }

    fn note_foot(&self, file: usize, at: u64, block: &[u8], feet: &mut BTreeMap<u64, FoundFoot>) {
        let Some(foot) = Foot::decode(self.seed, &block[ALIGN - FOOT..]) else { return };
        if foot.number >= self.state.mark.number {
            let Foot { dir_len, dir_crc, len, .. } = foot;
            let end = at + ALIGN as u64;
            feet.insert(foot.number, FoundFoot { file, end, dir_len, dir_crc, len });
        }
    }

    /// Replays frame after frame, until the chain ends or is broken.
    fn walk(
        &mut self,
        files: &[Scanned],
        frames: &BTreeMap<u64, Found>,
        feet: &BTreeMap<u64, FoundFoot>,
    ) -> Result<Ended, OpenError> {
        let mut ended = Ended::nothing(&self.state.mark);
        let mut term = self.state.mark.term;
        let mut buffer = Aligned::new(WINDOW);
        loop {
            let next = ended.next_number;
            let found = frames.get(&next).filter(|f| f.head.term >= term && f.head.first_lsn == ended.last_lsn + 1);
            let too_many = self.plants.has(Plant::CutOneTooMany) && !frames.contains_key(&(next + 1));
            if let Some(found) = found.filter(|_| !too_many)
                && let Some(body) = self.read_body(&files[found.file], found, &mut buffer)?
                && self.replay_body(&files[found.file], found, body, &mut ended)?
            {
                term = found.head.term;
                ended.next_number += 1;
                ended.last_lsn = found.head.last_lsn();
                let (id, end) = (files[found.file].id, found.at + u64::from(found.head.len));
                ended.last = Some((id, end));
                ended.ends.insert(id, end);
                ended.bodies += u64::from(found.head.body_len);
                continue;
            }
            // A later frame that knew more to be durable proves damage; without one this is the end.
            let proof = frames
                .range(next + 1..)
                .map(|(_, f)| f)
                .find(|f| f.head.term >= term && f.head.durable > ended.last_lsn && f.head.first_lsn > ended.last_lsn);
            let Some(resume) = proof else {
                self.report_cut(files, frames, feet, &mut ended);
                return Ok(ended);
            };
            self.quarantine(files, frames, feet, resume, &mut ended)?;
            ended.next_number = resume.head.number;
            ended.last_lsn = resume.head.first_lsn - 1;
        }
    }

    /// The body of a frame, when its checksum holds.
    fn read_body<'b>(&self, log: &Scanned, found: &Found, buffer: &'b mut Aligned) -> Result<Option<&'b [u8]>, OpenError> {
        let len = found.head.len as usize;
        buffer.reserve(len);
        if read_range(log, buffer, found.at, len)? < len {
            return Ok(None);
        }
        let body = &buffer[found.head.body_at as usize..][..found.head.body_len as usize];
        let good = self.seed.crc(body) == found.head.body_crc || self.plants.has(Plant::SkipReplayChecksum);
        Ok(good.then_some(body))
    }

    /// Hands the parts of a frame over, and puts its payloads back into memory. A body whose checksum holds and that makes
    /// no sense was written by somebody who knows more: the start is refused before anything of it was handed over.
    fn replay_body(&mut self, log: &Scanned, found: &Found, body: &[u8], ended: &mut Ended) -> Result<bool, OpenError> {
        let head = &found.head;
        let mut rest = body;
        let sound = (0..head.entries)
            .all(|_| frame::take_entry(&mut rest).is_some_and(|(mut e, _)| (0..e.parts).all(|_| e.next_part().is_some())));
        if !sound || !rest.is_empty() {
            if self.plants.has(Plant::SkipReplayChecksum) {
                return Ok(false);
            }
            return Err(OpenError::Damaged {
                place: self.disk.place(),
                file: log_name(log.id),
                what: format!("frame {} at {} holds an entry that this version does not know", head.number, found.at),
            });
        }
        let mut rest = body;
        for i in 0..u64::from(head.entries) {
            let Some((mut entry, bytes)) = frame::take_entry(&mut rest) else { break };
            let lsn = head.first_lsn + i;
            let (chunk, offset) = self.tail.restore(lsn, bytes);
            while let Some(part) = entry.next_part() {
                let staged = part.payload.as_ref().map(|p| Staged {
                    base: p.base,
                    last: p.last,
                    at: entry.at,
                    stamp: p.stamp,
                    lsn,
                    writer: p.writer,
                    len: p.bytes.len() as u32,
                    offset: (offset + p.offset) as u32,
                    share: Share::of(p.bytes),
                    chunk: chunk.clone(),
                });
                self.replay_part(lsn, entry.at, &part, staged, ended);
            }
        }
        Ok(true)
    }

    fn replay_part(&mut self, lsn: u64, at: i64, part: &frame::Stored<'_>, staged: Option<Staged>, ended: &mut Ended) {
        if self.state.gone.get(&part.log).is_some_and(|&gone| lsn <= gone) {
            return;
        }
        let log = self.shelf.get_or_new(part.log);
        let mut state = log.lock();
        state.last_lsn = lsn;
        if state.first_lsn == 0 {
            state.first_lsn = lsn;
        }
        if !state.dirty {
            state.dirty = true;
            ended.dirty.push(log.clone());
        }
        let envelope = staged.as_ref().map(Staged::stored);
        let end = state.end;
        if let Some(staged) = staged {
            state.end = state.end.max(staged.last + 1);
            let in_a_run = state.runs.last().is_some_and(|r| r.last >= staged.last);
            if staged.last >= state.start && !in_a_run {
                state.bytes += u64::from(staged.len);
                state.unsealed += u64::from(staged.len);
                state.tail.push_back(staged);
            }
            ended.recovered.payloads += 1;
            ended.recovered.bytes += part.payload.as_ref().map_or(0, |p| p.bytes.len() as u64);
        }
        if part.version < state.version {
            // A snapshot has it.
            return;
        }
        let mut lost = None;
        if part.version > state.version {
            // No directory named them: an accepted loss.
            let missing = (part.version - state.version) as u32;
            let next = envelope.map_or(end, |payload| payload.base);
            let (base, last) = if next > end { (end, next - 1) } else { (0, -1) };
            let hole = Hole { base, last, version: state.version, parts: missing, file: FileId(0), at: 0, len: 0 };
            state.holes.get_or_insert_default().push(hole);
            ended.recovered.quarantined.push(LogId(part.log));
            let what = format!("{missing} entries are missing in {LOG}");
            ended.recovered.damage.push(Damaged { log: Some(LogId(part.log)), whose: None, file: LOG.into(), what });
            lost = Some(Lost { log: LogId(part.log), version: Version(part.version), start: state.start, end: next });
        }
        state.version = part.version + 1;
        drop(state);
        if let Some(lost) = lost {
            self.replay.lost(lost);
        }
        ended.recovered.facts += 1;
        let head = part.payload.as_ref().map(|p| &p.bytes[..usize::from(p.head).min(p.bytes.len())]);
        self.replay.fact(Replayed {
            log: LogId(part.log),
            lsn: Lsn(lsn),
            version: Version(part.version + 1),
            at,
            fact: part.fact,
            payload: envelope.zip(head),
        });
    }

    /// A torn last frame and a rotten last frame look the same: it is cut, and told.
    fn report_cut(&self, files: &[Scanned], frames: &BTreeMap<u64, Found>, feet: &BTreeMap<u64, FoundFoot>, ended: &mut Ended) {
        let next = ended.next_number;
        let by_head = frames.get(&next).map(|f| (f.file, f.at, f.head.len));
        let by_foot = feet.get(&next).map(|f| (f.file, f.end.saturating_sub(u64::from(f.len)), f.len));
        if let Some((file, at, len)) = by_head.or(by_foot) {
            ended.recovered.cut = u64::from(len);
            ended.cut = Some((files[file].id, at, u64::from(len)));
            tracing::warn!(file = log_name(files[file].id), at, len, "cut an unfinished frame off the log's end");
        }
    }

    /// Frames from `ended.next_number` to `resume` were durable and are not readable: their logs are named.
    fn quarantine(
        &mut self,
        files: &[Scanned],
        frames: &BTreeMap<u64, Found>,
        feet: &BTreeMap<u64, FoundFoot>,
        resume: &Found,
        ended: &mut Ended,
    ) -> Result<(), OpenError> {
        for number in ended.next_number..resume.head.number {
            match self.directory_of(number, files, frames, feet)? {
                Some((file, at, len, rows)) => {
                    rows.iter().for_each(|row| self.quarantine_row(row, file, at, len, ended));
                }
                None if self.accept_loss => {
                    let what = format!("frame {number} of {LOG} is lost, with what was in it");
                    ended.recovered.damage.push(Damaged { log: None, whose: None, file: LOG.into(), what });
                }
                None => {
                    let log = &files[resume.file];
                    let from = ended.last.filter(|(id, end)| *id == log.id && *end <= resume.at).map_or(0, |(_, end)| end);
                    return Err(OpenError::LogDamaged { place: self.disk.place(), file: log_name(log.id), from, to: resume.at });
                }
            }
        }
        Ok(())
    }

    fn quarantine_row(&mut self, row: &Row, file: FileId, at: u64, len: u64, ended: &mut Ended) {
        let log = self.shelf.get_or_new(row.log);
        let mut state = log.lock();
        if state.version >= row.version + u64::from(row.parts) && row.base > row.last {
            // Facts that a snapshot has are no loss.
            return;
        }
        let hole = Hole { base: row.base, last: row.last, version: row.version, parts: row.parts, file, at, len };
        state.holes.get_or_insert_default().push(hole);
        state.version = state.version.max(row.version + u64::from(row.parts));
        state.end = state.end.max(row.last + 1);
        if !state.dirty {
            state.dirty = true;
            ended.dirty.push(log.clone());
        }
        let (version, start, end) = (Version(state.version), state.start, state.end);
        drop(state);
        self.replay.lost(Lost { log: LogId(row.log), version, start, end });
        let positions = if row.base <= row.last { format!(", positions {}..={}", row.base, row.last) } else { String::new() };
        ended.recovered.quarantined.push(LogId(row.log));
        let file = log_name(file);
        let what = format!("{} entries lost{positions} in {file} at {at}..{}", row.parts, at + len);
        ended.recovered.damage.push(Damaged { log: Some(LogId(row.log)), whose: None, file, what });
    }

    /// The directory of a frame that is not readable, by its head or by its foot.
    #[allow(clippy::type_complexity)]
    fn directory_of(
        &self,
        number: u64,
        files: &[Scanned],
        frames: &BTreeMap<u64, Found>,
        feet: &BTreeMap<u64, FoundFoot>,
    ) -> Result<Option<(FileId, u64, u64, Vec<Row>)>, OpenError> {
        if let Some(f) = frames.get(&number) {
            let (at, len) = (f.at, u64::from(f.head.len));
            let end = at + len;
            let places = [at + HEAD as u64, end - FOOT as u64 - u64::from(f.head.dir_len)];
            for place in places {
                if let Some(rows) = self.read_directory(&files[f.file], place, f.head.dir_len, f.head.dir_crc)? {
                    return Ok(Some((files[f.file].id, at, len, rows)));
                }
            }
        }
        let Some(f) = feet.get(&number) else { return Ok(None) };
        let len = u64::from(f.len);
        let Some(at) = f.end.checked_sub(len) else { return Ok(None) };
        for place in [f.end - FOOT as u64 - u64::from(f.dir_len).min(f.end - FOOT as u64), at + HEAD as u64] {
            if let Some(rows) = self.read_directory(&files[f.file], place, f.dir_len, f.dir_crc)? {
                return Ok(Some((files[f.file].id, at, len, rows)));
            }
        }
        Ok(None)
    }

    fn read_directory(&self, log: &Scanned, at: u64, len: u32, crc: u32) -> Result<Option<Vec<Row>>, OpenError> {
        let len = len as usize;
        let begin = at / ALIGN as u64 * ALIGN as u64;
        let skip = (at - begin) as usize;
        let span = (skip + len).next_multiple_of(ALIGN);
        if begin + span as u64 > log.size {
            return Ok(None);
        }
        let mut buffer = Aligned::new(span);
        if read_range(log, &mut buffer, begin, span)? < skip + len {
            return Ok(None);
        }
        let bytes = &buffer[skip..skip + len];
        if self.seed.crc(bytes) != crc {
            return Ok(None);
        }
        Ok(frame::take_directory(bytes))
    }
}

/// Reads up to `len` bytes of a log file at a block boundary.
fn read_range(log: &Scanned, into: &mut Aligned, at: u64, len: usize) -> Result<usize, OpenError> {
    let len = len.min(log.size.saturating_sub(at) as usize);
    match log.file.read_at(&mut into[..len], at) {
        Ok(n) => Ok(n),
        Err(source) => Err(Fault::Io { operation: "read", file: log_name(log.id), source }.into()),
    }
}
