//! The bytes of files that a checkpoint writes: segments with payloads, and files with snapshots. Written once, front to
//! back, then never changed but for holes. `docs/format.md` has the tables.

use std::{io, ops::Range, sync::Arc};

use super::{
    buffer::Aligned,
    codec::{Put, Seed, Take},
    shelf::{FileId, Run, Snapshot},
};
use crate::{
    disk::{ALIGN, Disk, DiskFile, How},
    seam::{Fault, Millis, Stored},
};

const MAGIC: u32 = u32::from_le_bytes(*b"MLsg");
const TAIL_MAGIC: u32 = u32::from_le_bytes(*b"MLse");
const FORMAT: u16 = 1;
/// Bytes before the first payload.
const HEADER: usize = 32;
/// Bytes at the very end, which say where the list of runs is.
const TAIL: usize = 32;
/// Direct writes are of this size: larger ones would make commits wait.
const WRITE: usize = 256 << 10;
/// The same while commits wait for the file.
const WRITE_AWAITED: usize = 1 << 20;
const SECTION: usize = 12;

const POSITIONS: u16 = 1;
const TIMES: u16 = 2;
const WRITERS: u16 = 3;
const CHECKSUMS: u16 = 4;
/// Transactions that were given up, for readers of committed records. Empty for now.
const ABORTED: u16 = 5;
const RUNS: u16 = 16;
/// A reader that does not know this section goes on without it.
const SKIPPABLE: u16 = 1;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    Segment,
    Snapshots,
}

pub(super) fn file_name(kind: Kind, id: FileId) -> String {
    match kind {
        Kind::Segment => format!("seg-{:016x}", id.0),
        Kind::Snapshots => format!("snap-{:016x}", id.0),
    }
}

/// A payload, as the index of its run knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct IndexRow {
    pub(super) stored: Stored,
    /// Where its bytes begin, counted from the begin of the run.
    pub(super) pos: u64,
    pub(super) crc: u32,
}

/// The index of a run, in memory.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) rows: Vec<IndexRow>,
}

impl Index {
    /// Bytes of memory, about.
    pub(super) fn weight(&self) -> u64 {
        64 + (self.rows.len() * size_of::<IndexRow>()) as u64
    }
    /// The first row whose `last >= position`.
    pub(super) fn from(&self, position: i64) -> usize {
        self.rows.partition_point(|r| r.stored.last < position)
    }
}

/// Writes one file, front to back, past the page cache in pieces of one size.
pub(super) struct Writer<'a> {
    kind: Kind,
    id: FileId,
    seed: Seed,
    file: Arc<dyn DiskFile>,
    buffer: Aligned,
    filled: usize,
    written: u64,
    runs: Vec<(u64, Run)>,
    /// How much is gathered before it is written.
    piece: usize,
    /// Called after each piece: where a checkpoint takes its breath, or hears that it is waited for.
    pause: &'a dyn Fn(u64) -> Haste,
}

/// Whether somebody waits for a file to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Haste {
    /// Small pieces, so that commits get between them.
    None,
    /// Large pieces: commits wait for this file anyway.
    Awaited,
}

impl<'a> Writer<'a> {
    pub(super) fn create(
        disk: &dyn Disk,
        kind: Kind,
        id: FileId,
        seed: Seed,
        direct: bool,
        pause: &'a dyn Fn(u64) -> Haste,
    ) -> Result<Self, Fault> {
        let name = file_name(kind, id);
        let how = How { create: true, write: true, direct, dsync: false };
        let file = disk.open(&name, how).map_err(|source| Fault::Io { operation: "create", file: name, source })?;
        let buffer = Aligned::new(WRITE);
        let mut w = Self { kind, id, seed, file, buffer, filled: 0, written: 0, runs: Vec::new(), piece: WRITE, pause };
        let mut header = Vec::with_capacity(HEADER);
        header.put_u32(MAGIC);
        header.put_u16(FORMAT);
        header.put_u16(match kind {
            Kind::Segment => 1,
            Kind::Snapshots => 2,
        });
        header.put_u64(id.0);
        header.put_u64(0);
        header.put_u32(0);
        header.put_u32(seed.crc(&header));
        w.put(&header)?;
        Ok(w)
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    fn fault(&self, operation: &'static str) -> impl FnOnce(io::Error) -> Fault {
        let file = file_name(self.kind, self.id);
        move |source| Fault::Io { operation, file, source }
    }

    fn at(&self) -> u64 {
        self.written + self.filled as u64
    }

    fn put(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let n = bytes.len().min(self.piece - self.filled);
            self.buffer[self.filled..self.filled + n].copy_from_slice(&bytes[..n]);
            self.filled += n;
            bytes = &bytes[n..];
            if self.filled == self.piece {
                self.write_out(self.piece)?;
            }
        }
        Ok(())
    }

    fn write_out(&mut self, len: usize) -> Result<(), Fault> {
        self.file.write_at(&self.buffer[..len], self.written).map_err(self.fault("write"))?;
        self.written += len as u64;
        self.filled = 0;
        self.piece = match (self.pause)(len as u64) {
            Haste::None => WRITE,
            Haste::Awaited => WRITE_AWAITED,
        };
        self.buffer.reserve(self.piece);
        Ok(())
    }

    /// Begins a run: payloads that follow each other.
    pub(super) fn begin_run(&mut self) -> RunWriter {
        let run = Run { file: self.id, data_at: self.at(), max_at: i64::MIN, max_stamp: i64::MIN, ..Run::default() };
        RunWriter { run, index: Index::default() }
    }

    /// `crc` is what a reader will find: of these bytes, begun with the store's id.
    pub(super) fn put_payload(&mut self, run: &mut RunWriter, stored: Stored, crc: u32, bytes: &[u8]) -> Result<(), Fault> {
        debug_assert_eq!(crc, self.seed.crc(bytes));
        let (r, rows) = (&mut run.run, &mut run.index.rows);
        if rows.is_empty() {
            r.base = stored.base;
        }
        rows.push(IndexRow { stored, pos: r.data_len, crc });
        r.last = stored.last;
        r.max_at = r.max_at.max(stored.at);
        r.max_stamp = r.max_stamp.max(stored.stamp);
        r.data_len += bytes.len() as u64;
        self.put(bytes)
    }

    /// Keeps the run's index for the footer.
    pub(super) fn end_run(&mut self, log: u64, run: RunWriter) -> Result<Run, Fault> {
        let RunWriter { mut run, index } = run;
        let mut bytes = Vec::with_capacity(index.rows.len() * 52 + 5 * SECTION);
        run.index_at = self.at();
        put_index(self.seed.at_place(self.id.0, run.index_at), &index, &mut bytes);
        run.index_len = bytes.len() as u32;
        run.count = index.rows.len() as u32;
        self.put(&bytes)?;
        self.runs.push((log, run));
        Ok(run)
    }

    /// Writes a state of a log.
    pub(super) fn put_snapshot(&mut self, log: u64, version: u64, bytes: &[u8]) -> Result<Snapshot, Fault> {
        let mut head = Vec::with_capacity(24);
        head.put_u64(log);
        head.put_u64(version);
        head.put_u32(bytes.len() as u32);
        let crc = snapshot_crc(self.seed, log, version, bytes);
        head.put_u32(crc);
        self.put(&head)?;
        let at = self.at();
        self.put(bytes)?;
        Ok(Snapshot { file: self.id, at, len: bytes.len() as u32, crc })
    }

    /// Writes the footer and makes the file durable; its name is not yet. Answers the file's length.
    pub(super) fn finish(mut self) -> Result<u64, Fault> {
        let mut runs = Vec::with_capacity(self.runs.len() * 24);
        for (log, r) in &self.runs {
            [*log, r.data_at, r.data_len, r.index_at, u64::from(r.index_len), u64::from(r.count)]
                .into_iter()
                .for_each(|v| runs.put_var(v));
        }
        let mut footer = Vec::with_capacity(runs.len() + SECTION);
        put_section(self.seed, RUNS, 0, &runs, &mut footer);
        let footer_at = self.at();
        self.put(&footer)?;
        let mut tail = Vec::with_capacity(TAIL);
        tail.put_u32(TAIL_MAGIC);
        tail.put_u32(footer.len() as u32);
        tail.put_u64(footer_at);
        tail.put_u64(self.id.0);
        tail.put_u32(0);
        tail.put_u32(self.seed.crc(&tail));
        let end = (self.filled + TAIL).next_multiple_of(ALIGN);
        let zeros = vec![0; end - TAIL - self.filled];
        self.put(&zeros)?;
        self.put(&tail)?;
        let rest = self.filled;
        if rest > 0 {
            self.write_out(rest)?;
        }
        self.file.sync().map_err(self.fault("sync"))?;
        Ok(self.written)
    }
}

/// A run while it is written.
pub(super) struct RunWriter {
    run: Run,
    index: Index,
}

impl RunWriter {
    pub(super) fn is_empty(&self) -> bool {
        self.index.rows.is_empty()
    }
}

pub(super) fn snapshot_crc(seed: Seed, log: u64, version: u64, bytes: &[u8]) -> u32 {
    let mut head = [0; 16];
    head[..8].copy_from_slice(&log.to_le_bytes());
    head[8..].copy_from_slice(&version.to_le_bytes());
    seed.crc(bytes) ^ seed.crc(&head)
}

fn put_section(seed: Seed, kind: u16, flags: u16, content: &[u8], into: &mut Vec<u8>) {
    let mut head = Vec::with_capacity(8);
    head.put_u16(kind);
    head.put_u16(flags);
    head.put_u32(content.len() as u32);
    into.put(&head);
    into.put_u32(seed.crc(content) ^ seed.crc(&head));
    into.put(content);
}

fn put_index(seed: Seed, index: &Index, into: &mut Vec<u8>) {
    let mut content = Vec::with_capacity(index.rows.len() * 36);
    for r in &index.rows {
        content.put_i64(r.stored.base);
        content.put_i64(r.stored.last);
        content.put_u64(r.pos);
        content.put_u32(r.stored.bytes);
        content.put_i64(r.stored.stamp);
    }
    put_section(seed, POSITIONS, 0, &content, into);
    content.clear();
    index.rows.iter().for_each(|r| content.put_i64(r.stored.at));
    put_section(seed, TIMES, 0, &content, into);
    content.clear();
    index.rows.iter().for_each(|r| content.put_u32(r.stored.writer));
    put_section(seed, WRITERS, 0, &content, into);
    content.clear();
    index.rows.iter().for_each(|r| content.put_u32(r.crc));
    put_section(seed, CHECKSUMS, 0, &content, into);
    put_section(seed, ABORTED, SKIPPABLE, &[], into);
}

/// What is wrong with the begin and the end of a file, which nobody needs to read what lies between: each with its range.
pub(super) fn flaws_at_ends(
    file: &dyn DiskFile,
    kind: Kind,
    id: FileId,
    seed: Seed,
) -> io::Result<Vec<(Range<u64>, &'static str)>> {
    let len = file.len()?;
    let mut flaws = Vec::new();
    let mut head = [0; HEADER];
    let n = file.read_at(&mut head, 0)?;
    if n < HEADER || !is_header(&head, kind, id, seed) {
        flaws.push((0..HEADER as u64, "its header is not what was written"));
    }
    let tail_at = len.saturating_sub(TAIL as u64);
    let mut tail = [0; TAIL];
    let n = file.read_at(&mut tail, tail_at)?;
    match is_tail(&tail[..n], id, seed) {
        None => flaws.push((tail_at..len, "its end is not what was written: it was cut, or it rotted")),
        Some((at, footer_len)) if at + footer_len > tail_at => {
            flaws.push((tail_at..len, "its end names a list of runs that lies outside of the file"));
        }
        Some((at, footer_len)) => {
            let mut footer = vec![0; footer_len as usize];
            let n = file.read_at(&mut footer, at)?;
            if !is_footer(&footer[..n], seed) {
                flaws.push((at..at + footer_len, "its list of runs is not what was written"));
            }
        }
    }
    Ok(flaws)
}

fn is_header(head: &[u8], kind: Kind, id: FileId, seed: Seed) -> bool {
    let mut t = Take::new(head);
    let number = match kind {
        Kind::Segment => 1,
        Kind::Snapshots => 2,
    };
    let sound = t.u32() == Some(MAGIC) && t.u16() == Some(FORMAT) && t.u16() == Some(number) && t.u64() == Some(id.0);
    sound && t.bytes(12).is_some() && t.u32() == Some(seed.crc(&head[..HEADER - 4]))
}

/// Where the list of runs is, and how long.
fn is_tail(tail: &[u8], id: FileId, seed: Seed) -> Option<(u64, u64)> {
    let mut t = Take::new(tail);
    let (magic, len, at, of) = (t.u32()?, t.u32()?, t.u64()?, t.u64()?);
    let (_, crc) = (t.u32()?, t.u32()?);
    let sound = magic == TAIL_MAGIC && of == id.0 && crc == seed.crc(&tail[..TAIL - 4]);
    sound.then_some((at, u64::from(len)))
}

fn is_footer(footer: &[u8], seed: Seed) -> bool {
    let read = |mut t: Take<'_>| {
        let (head, crc) = (t.bytes(8)?, t.u32()?);
        let mut h = Take::new(head);
        let (kind, _, len) = (h.u16()?, h.u16()?, h.u32()?);
        let content = t.bytes(len as usize)?;
        Some(kind == RUNS && seed.crc(content) ^ seed.crc(head) == crc)
    };
    read(Take::new(footer)).unwrap_or(false)
}

/// Reads the index of a run. `None` when its bytes are not what was written there.
pub(super) fn take_index(seed: Seed, bytes: &[u8], run: &Run) -> Option<Index> {
    let seed = seed.at_place(run.file.0, run.index_at);
    let count = run.count as usize;
    if count > bytes.len() / 52 {
        return None;
    }
    let (mut positions, mut times, mut writers, mut crcs) = (None, None, None, None);
    let mut t = Take::new(bytes);
    while t.left() > 0 {
        let head = t.bytes(8)?;
        let crc = t.u32()?;
        let mut h = Take::new(head);
        let (kind, flags, len) = (h.u16()?, h.u16()?, h.u32()?);
        let content = t.bytes(len as usize)?;
        if seed.crc(content) ^ seed.crc(head) != crc {
            return None;
        }
        match kind {
            POSITIONS => positions = Some(content),
            TIMES => times = Some(content),
            WRITERS => writers = Some(content),
            CHECKSUMS => crcs = Some(content),
            _ if flags & SKIPPABLE != 0 => {}
            _ => return None,
        }
    }
    let (mut p, mut a) = (Take::new(positions?), Take::new(times?));
    let (mut w, mut c) = (Take::new(writers?), Take::new(crcs?));
    let mut index = Index { rows: Vec::with_capacity(count) };
    for _ in 0..count {
        let (base, last, pos, bytes, stamp) = (p.i64()?, p.i64()?, p.u64()?, p.u32()?, p.i64()?);
        let (at, writer): (Millis, u32) = (a.i64()?, w.u32()?);
        let stored = Stored { base, last, bytes, at, stamp, writer };
        index.rows.push(IndexRow { stored, pos, crc: c.u32()? });
    }
    let sound = index.rows.last().is_none_or(|r| r.pos + u64::from(r.stored.bytes) == run.data_len);
    (sound && p.left() + a.left() + w.left() + c.left() == 0).then_some(index)
}
