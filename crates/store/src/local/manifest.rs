//! The manifest: one small file that names everything that lives. A header, then framed edits; an edit is true when it was
//! synced. When edits outgrow the file, a new one is written beside it and takes its name.
//!
//! Knows rows, runs and marks; it does not know what a checkpoint is for.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{
    codec::{Put, Seed, Take},
    shelf::{FileId, Hole, Run, Snapshot},
    wal::Mark,
};
use crate::{
    disk::{Disk, DiskFile, How},
    plant::{Plant, Plants},
    seam::Fault,
};

/// The format of everything in a data directory. A greater one is refused.
pub(super) const FORMAT: u32 = 1;
pub(super) const NAME: &str = "manifest";
const NEXT: &str = "manifest.new";
const MAGIC: &[u8; 8] = b"MILENAst";
const HEADER: usize = 40;
const EDIT: usize = 16;
/// A whole state is written as several edits of about this size.
const PIECE: usize = 256 << 10;

/// What a checkpoint knows of a log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct LogRow {
    pub(super) version: u64,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) runs: Vec<Run>,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) holes: Vec<Hole>,
}

/// One thing that becomes true with an edit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item {
    /// A start: frames and file ids of this term from here on.
    Term(u64),
    /// Replay begins here.
    Mark(Mark),
    /// The files of the write-ahead log, oldest first, with their sizes.
    Logs(Vec<(FileId, u64)>),
    /// The log ended before the frame of this number, on purpose. A start takes it back.
    End(u64),
    Row(u64, LogRow),
    /// The log is gone; parts of it up to this LSN are not replayed.
    Gone(u64, u64),
    /// No part of the gone log is left in the write-ahead log.
    Forget(u64),
}

/// Everything that the edits so far made true.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) term: u64,
    pub(super) mark: Mark,
    pub(super) logs: Vec<(FileId, u64)>,
    pub(super) end: Option<u64>,
    pub(super) rows: HashMap<u64, LogRow>,
    pub(super) gone: HashMap<u64, u64>,
}

impl State {
    fn apply(&mut self, item: Item) {
        match item {
            Item::Term(term) => {
                self.term = term;
                self.end = None;
            }
            Item::Mark(mark) => self.mark = mark,
            Item::Logs(logs) => self.logs = logs,
            Item::End(number) => self.end = Some(number),
            Item::Row(log, row) => {
                self.rows.insert(log, row);
            }
            Item::Gone(log, lsn) => {
                self.rows.remove(&log);
                self.gone.insert(log, lsn);
            }
            Item::Forget(log) => {
                self.gone.remove(&log);
            }
        }
    }
}

/// Why a manifest cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadManifest {
    #[error("{0}")]
    Fault(Fault),
    #[error("format {found}")]
    Newer { found: u32 },
    #[error("damaged in bytes {from}..{to}: {what}")]
    Damaged { from: u64, to: u64, what: &'static str },
}

/// What was read.
pub(super) struct Opened {
    pub(super) store: [u8; 16],
    pub(super) state: State,
    /// The number of the last edit.
    pub(super) edit: u64,
    /// Bytes of an edit that was not finished.
    pub(super) cut: u64,
    /// Where the last whole edit ends.
    pub(super) end: u64,
}

/// The manifest, open for edits.
pub(super) struct Manifest {
    disk: Arc<dyn Disk>,
    plants: Plants,
    store: [u8; 16],
    seed: Seed,
    file: Arc<dyn DiskFile>,
    /// Where the next edit goes.
    len: u64,
    /// How long the file was when it was new.
    base: u64,
    /// The last edit that is durable.
    edit: u64,
}

fn fault(operation: &'static str) -> impl Fn(std::io::Error) -> Fault {
    move |source| Fault::Io { operation, file: NAME.into(), source }
}

/// Reads the manifest. `None` when there is none.
pub(super) fn read(disk: &dyn Disk) -> Result<Option<Opened>, BadManifest> {
    let file = match disk.open(NAME, How::default()) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(BadManifest::Fault(fault("open")(e))),
    };
    let io = |operation| move |e| BadManifest::Fault(fault(operation)(e));
    let len = file.len().map_err(io("measure"))?;
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    let n = file.read_at(&mut bytes, 0).map_err(io("read"))?;
    bytes.truncate(n);
    let (store, base) = read_header(&bytes)?;
    read_edits(&bytes, store, base).map(Some)
}

/// The store's id, and how long the file was when it was new: up to there every byte was synced before it had its name.
fn read_header(bytes: &[u8]) -> Result<([u8; 16], u64), BadManifest> {
    let damaged = |what| BadManifest::Damaged { from: 0, to: HEADER as u64, what };
    let header = bytes.get(..HEADER).ok_or(damaged("the header is not whole"))?;
    let mut t = Take::new(header);
    if t.bytes(8) != Some(MAGIC) {
        return Err(damaged("this is not a manifest of ours"));
    }
    let (format, crc) = (t.u32().unwrap_or(0), t.u32().unwrap_or(0));
    if crc != crc_fast::crc32_iscsi(&[&header[..12], &header[16..]].concat()) {
        return Err(damaged("the header's checksum is wrong"));
    }
    if format != FORMAT {
        return Err(BadManifest::Newer { found: format });
    }
    let store = t.bytes(16).and_then(|b| b.try_into().ok()).unwrap_or_default();
    Ok((store, t.u64().unwrap_or(0)))
}

fn read_edits(bytes: &[u8], store: [u8; 16], base: u64) -> Result<Opened, BadManifest> {
    let seed = Seed::of(&store);
    let mut state = State::default();
    let (mut at, mut edit) = (HEADER, None);
    while let Some((number, body)) = edit_at(seed, bytes, at) {
        let expected = edit.map_or(number, |e: u64| e + 1);
        let damaged = |what| BadManifest::Damaged { from: at as u64, to: (at + EDIT + body.len()) as u64, what };
        if number != expected {
            return Err(damaged("an edit has the wrong number"));
        }
        take_items(body, &mut state).ok_or(damaged("an edit holds what this version does not know"))?;
        (at, edit) = (at + EDIT + body.len(), Some(number));
    }
    let Some(edit) = edit else {
        let (from, to) = (at as u64, bytes.len() as u64);
        return Err(BadManifest::Damaged { from, to, what: "the first edit is not whole" });
    };
    if (at as u64) < base {
        return Err(BadManifest::Damaged { from: at as u64, to: base, what: "an edit of the first state is damaged" });
    }
    // What follows must be an edit that was never finished: a whole one behind it proves damage.
    let whole_behind =
        (at + 1..bytes.len()).find(|&later| edit_at(seed, bytes, later).is_some_and(|(n, _)| n > edit && n - edit < 1 << 32));
    if let Some(later) = whole_behind {
        let what = "an edit is damaged, and a later one is whole";
        return Err(BadManifest::Damaged { from: at as u64, to: later as u64, what });
    }
    Ok(Opened { store, state, edit, cut: (bytes.len() - at) as u64, end: at as u64 })
}

/// The edit at this place, if there is a whole one.
fn edit_at(seed: Seed, bytes: &[u8], at: usize) -> Option<(u64, &[u8])> {
    let mut t = Take::new(bytes.get(at..)?);
    let (len, crc) = (t.u32()? as usize, t.u32()?);
    let numbered = bytes.get(at + 8..at.checked_add(EDIT)?.checked_add(len)?)?;
    if len == 0 || seed.crc(numbered) != crc {
        return None;
    }
    Some((t.u64()?, t.bytes(len)?))
}

/// A whole manifest that is not on the disk yet. Each start makes one of what it read, and with it takes up its term: what
/// a process reads may be in the cache only, and the sync that failed for the process before proves nothing when it is made
/// again. Bytes that were never written, with a name that is synced, do.
pub(super) struct Draft {
    store: [u8; 16],
    bytes: Vec<u8>,
    edit: u64,
}

impl Draft {
    /// `state` in edits that follow `edit`.
    pub(super) fn new(store: [u8; 16], edit: u64, state: &State) -> Self {
        let (bytes, edit) = whole(&store, edit, state);
        Self { store, bytes, edit }
    }

    /// Makes it the manifest, durably, and opens it for edits.
    pub(super) fn publish(&self, disk: Arc<dyn Disk>, plants: Plants) -> Result<Manifest, Fault> {
        let (file, len) = swap(&*disk, plants, &self.bytes)?;
        let Self { store, edit, .. } = *self;
        Ok(Manifest { disk, plants, store, seed: Seed::of(&store), file, len, base: len, edit })
    }
}

impl Manifest {
    /// How long the file is.
    pub(super) fn bytes(&self) -> u64 {
        self.len
    }

    /// The last edit that is durable.
    pub(super) fn edit(&self) -> u64 {
        self.edit
    }

    /// Have the edits outgrown what they are worth? Below `slack` bytes they are never worth a new file.
    pub(super) fn outgrown(&self, slack: u64) -> bool {
        self.len > self.base + self.base.max(slack)
    }

    /// Makes items true: all or none.
    pub(super) fn append(&mut self, items: &[Item]) -> Result<(), Fault> {
        let mut body = Vec::new();
        items.iter().for_each(|i| put_item(i, &mut body));
        let mut bytes = Vec::with_capacity(EDIT + body.len());
        put_edit(self.seed, self.edit + 1, &body, &mut bytes);
        if let Err(e) = self.file.write_at(&bytes, self.len) {
            // A full disk is no reason to die: what was written in part is taken off, and nothing was acknowledged.
            let _ = self.file.set_len(self.len);
            return Err(fault("write")(e));
        }
        self.file.sync().map_err(fault("sync"))?;
        self.len += bytes.len() as u64;
        self.edit += 1;
        Ok(())
    }

    /// Writes `state`, which is what the edits made true, into a new file that takes the name.
    pub(super) fn renew(&mut self, state: &State) -> Result<(), Fault> {
        let (bytes, edit) = whole(&self.store, self.edit, state);
        let (file, len) = swap(&*self.disk, self.plants, &bytes)?;
        (self.file, self.len, self.base, self.edit) = (file, len, len, edit);
        Ok(())
    }
}

fn swap(disk: &dyn Disk, plants: Plants, bytes: &[u8]) -> Result<(Arc<dyn DiskFile>, u64), Fault> {
    let next = |operation| move |source| Fault::Io { operation, file: NEXT.into(), source };
    match disk.unlink(NEXT) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(next("unlink")(e)),
        _ => {}
    }
    let how = How { create: true, write: true, ..How::default() };
    let renamed = || {
        let file = disk.open(NEXT, how).map_err(next("create"))?;
        file.write_at(bytes, 0).map_err(next("write"))?;
        if !plants.has(Plant::ManifestSwapWithoutSync) {
            file.sync().map_err(next("sync"))?;
        }
        disk.rename(NEXT, NAME).map_err(next("rename"))?;
        Ok(file)
    };
    let file = renamed().inspect_err(|_| {
        // On a full disk half a manifest would take the room that others need.
        let _ = disk.unlink(NEXT);
    })?;
    // From here on the file that is open for edits has no name, so this fault is the manifest's own.
    disk.sync_dir().map_err(fault("sync the directory of"))?;
    Ok((file, bytes.len() as u64))
}

/// A whole new manifest, and the number of its last edit.
fn whole(store: &[u8; 16], edit: u64, state: &State) -> (Vec<u8>, u64) {
    let mut bytes = vec![0; HEADER];
    let edit = put_state(Seed::of(store), edit, state, &mut bytes);
    let mut header = MAGIC.to_vec();
    header.put_u32(FORMAT);
    let mut rest = store.to_vec();
    rest.put_u64(bytes.len() as u64);
    let crc = crc_fast::crc32_iscsi(&[&header[..], &rest[..]].concat());
    header.put_u32(crc);
    header.put(&rest);
    bytes[..HEADER].copy_from_slice(&header);
    (bytes, edit)
}

fn put_edit(seed: Seed, number: u64, body: &[u8], into: &mut Vec<u8>) {
    let mut numbered = Vec::with_capacity(8 + body.len());
    numbered.put_u64(number);
    numbered.put(body);
    into.put_u32(body.len() as u32);
    into.put_u32(seed.crc(&numbered));
    into.put(&numbered);
}

/// Writes a state as edits after `edit`, and answers the number of the last.
fn put_state(seed: Seed, edit: u64, state: &State, into: &mut Vec<u8>) -> u64 {
    let mut edit = edit;
    let mut body = Vec::new();
    let mut close = |body: &mut Vec<u8>| {
        edit += 1;
        put_edit(seed, edit, body, into);
        body.clear();
    };
    put_item(&Item::Term(state.term), &mut body);
    put_item(&Item::Mark(state.mark), &mut body);
    put_item(&Item::Logs(state.logs.clone()), &mut body);
    if let Some(number) = state.end {
        put_item(&Item::End(number), &mut body);
    }
    for (log, row) in &state.rows {
        put_row(*log, row, &mut body);
        if body.len() > PIECE {
            close(&mut body);
        }
    }
    state.gone.iter().for_each(|(log, lsn)| put_item(&Item::Gone(*log, *lsn), &mut body));
    // A state without anything still has an edit: a manifest without one is damaged.
    if body.is_empty() {
        put_item(&Item::Mark(state.mark), &mut body);
    }
    close(&mut body);
    edit
}

fn put_item(item: &Item, b: &mut Vec<u8>) {
    match item {
        Item::Term(term) => {
            b.put_u8(1);
            b.put_var(*term);
        }
        Item::Mark(m) => {
            b.put_u8(2);
            [m.lsn, m.term, m.file.0, m.at, m.number].into_iter().for_each(|v| b.put_var(v));
        }
        Item::Logs(logs) => {
            b.put_u8(3);
            b.put_var(logs.len() as u64);
            for (id, size) in logs {
                b.put_var(id.0);
                b.put_var(*size);
            }
        }
        Item::End(number) => {
            b.put_u8(4);
            b.put_var(*number);
        }
        Item::Row(log, row) => put_row(*log, row, b),
        Item::Gone(log, lsn) => {
            b.put_u8(6);
            b.put_var(*log);
            b.put_var(*lsn);
        }
        Item::Forget(log) => {
            b.put_u8(7);
            b.put_var(*log);
        }
    }
}

fn put_row(log: u64, row: &LogRow, b: &mut Vec<u8>) {
    b.put_u8(5);
    b.put_var(log);
    b.put_var(row.version);
    b.put_zig(row.start);
    b.put_zig(row.end);
    b.put_var(row.runs.len() as u64);
    for r in &row.runs {
        [r.file.0, r.data_at, r.data_len, r.index_at, u64::from(r.index_len), u64::from(r.count), r.dead]
            .into_iter()
            .for_each(|v| b.put_var(v));
        [r.base, r.last.wrapping_sub(r.base), r.max_at, r.max_stamp].into_iter().for_each(|v| b.put_zig(v));
    }
    b.put_u8(u8::from(row.snapshot.is_some()));
    if let Some(s) = &row.snapshot {
        [s.file.0, s.at, u64::from(s.len), u64::from(s.crc)].into_iter().for_each(|v| b.put_var(v));
    }
    b.put_var(row.holes.len() as u64);
    for h in &row.holes {
        b.put_zig(h.base);
        b.put_zig(h.last.wrapping_sub(h.base));
        [h.version, u64::from(h.parts), h.file.0, h.at, h.len].into_iter().for_each(|v| b.put_var(v));
    }
}

fn take_items(body: &[u8], state: &mut State) -> Option<()> {
    let mut t = Take::new(body);
    while t.left() > 0 {
        state.apply(take_item(&mut t)?);
    }
    Some(())
}

fn take_item(t: &mut Take<'_>) -> Option<Item> {
    Some(match t.u8()? {
        1 => Item::Term(t.var()?),
        2 => Item::Mark(Mark {
            lsn: t.var()?,
            term: t.var()?,
            file: FileId(t.var()?),
            at: t.var()?,
            number: t.var()?,
            ..Mark::default()
        }),
        3 => {
            let n = t.count(2)?;
            let mut logs = Vec::with_capacity(n);
            for _ in 0..n {
                logs.push((FileId(t.var()?), t.var()?));
            }
            Item::Logs(logs)
        }
        4 => Item::End(t.var()?),
        5 => Item::Row(t.var()?, take_row(t)?),
        6 => Item::Gone(t.var()?, t.var()?),
        7 => Item::Forget(t.var()?),
        _ => return None,
    })
}

fn take_row(t: &mut Take<'_>) -> Option<LogRow> {
    let mut row = LogRow { version: t.var()?, start: t.zig()?, end: t.zig()?, ..LogRow::default() };
    let n = t.count(11)?;
    row.runs.reserve_exact(n);
    for _ in 0..n {
        let mut r = Run { file: FileId(t.var()?), data_at: t.var()?, data_len: t.var()?, ..Run::default() };
        r.index_at = t.var()?;
        r.index_len = u32::try_from(t.var()?).ok()?;
        r.count = u32::try_from(t.var()?).ok()?;
        r.dead = t.var()?;
        r.base = t.zig()?;
        r.last = r.base.wrapping_add(t.zig()?);
        r.max_at = t.zig()?;
        r.max_stamp = t.zig()?;
        row.runs.push(r);
    }
    if t.u8()? != 0 {
        let (file, at) = (FileId(t.var()?), t.var()?);
        let (len, crc) = (u32::try_from(t.var()?).ok()?, u32::try_from(t.var()?).ok()?);
        row.snapshot = Some(Snapshot { file, at, len, crc });
    }
    let n = t.count(7)?;
    for _ in 0..n {
        let base = t.zig()?;
        let last = base.wrapping_add(t.zig()?);
        let (version, parts) = (t.var()?, u32::try_from(t.var()?).ok()?);
        row.holes.push(Hole { base, last, version, parts, file: FileId(t.var()?), at: t.var()?, len: t.var()? });
    }
    Some(row)
}
