//! The write-ahead log: a ring in one pre-zeroed file, and the older files that no checkpoint has passed yet.
//!
//! Knows where the next frame goes and how it is written. It does not know who waits for it.

use std::{
    io::{self, IoSlice},
    sync::Arc,
};

use super::{
    buffer::Aligned,
    codec::Seed,
    frame::{self, COPIED, FOOT, Foot, HEAD, Head},
    shelf::FileId,
    tail::Batch,
};
use crate::{
    disk::{ALIGN, Disk, DiskFile, How},
    seam::Fault,
};

/// Where a checkpoint ends and replay begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Mark {
    /// Everything up to this LSN is in segments and snapshots.
    pub(super) lsn: u64,
    /// Frames behind the mark are of this term or a later one.
    pub(super) term: u64,
    pub(super) file: FileId,
    /// Where the next frame was to go then.
    pub(super) at: u64,
    /// The number it was to have.
    pub(super) number: u64,
    /// Bytes that had ever been written to the file, and to bodies. Of this process only: not stored.
    pub(super) written: u64,
    pub(super) bodies: u64,
}

/// A file of the log.
pub(super) struct LogFile {
    pub(super) id: FileId,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) size: u64,
    /// Bytes ever written, laps and skipped ends included: the next frame goes to `written % size`.
    pub(super) written: u64,
    /// Of them, bytes that a checkpoint has passed.
    pub(super) passed: u64,
}

pub(super) fn log_name(id: FileId) -> String {
    format!("log-{:016x}", id.0)
}

/// Opens a file past the page cache; where the file system has no direct I/O, says so in `direct` for all that follow.
fn open_direct(disk: &dyn Disk, name: &str, how: How, direct: &mut bool) -> io::Result<Arc<dyn DiskFile>> {
    if *direct {
        match disk.open(name, How { direct: true, ..how }) {
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                *direct = false;
                // Some file systems make the name before they refuse the flag.
                if how.create {
                    let _ = disk.unlink(name);
                }
            }
            opened => return opened,
        }
    }
    disk.open(name, how)
}

/// Makes a zeroed log file, durable with its name, and opens it for frames.
pub(super) fn make_log(disk: &dyn Disk, id: FileId, size: u64, direct: &mut bool) -> Result<LogFile, Fault> {
    let name = log_name(id);
    let fault = |operation| move |source| Fault::Io { operation, file: log_name(id), source };
    let how = How { create: true, write: true, ..How::default() };
    let zeroing = open_direct(disk, &name, how, direct).map_err(fault("create"))?;
    let zeros = Aligned::new((size as usize).min(256 << 10));
    let mut at = 0;
    while at < size {
        let n = zeros.len().min((size - at) as usize);
        zeroing.write_at(&zeros[..n], at).map_err(fault("zero"))?;
        at += n as u64;
    }
    zeroing.sync().map_err(fault("sync"))?;
    disk.sync_dir().map_err(fault("sync directory of"))?;
    drop(zeroing);
    open_log(disk, id, size, direct)
}

/// Opens a log file for frames, at its begin.
pub(super) fn open_log(disk: &dyn Disk, id: FileId, size: u64, direct: &mut bool) -> Result<LogFile, Fault> {
    let fault = |source| Fault::Io { operation: "open", file: log_name(id), source };
    // Without direct I/O frames are buffered, and synced one by one.
    let how = How { create: false, write: true, direct: false, dsync: *direct };
    let file = open_direct(disk, &log_name(id), how, direct).map_err(fault)?;
    Ok(LogFile { id, file, size, written: 0, passed: 0 })
}

/// Can the files of the log be read past the page cache?
pub(super) fn direct_works(disk: &dyn Disk, logs: &[(FileId, u64)]) -> bool {
    let mut direct = true;
    // An error of another kind is met, and told, where the file is opened to be read.
    logs.first().is_none_or(|(id, _)| open_direct(disk, &log_name(*id), How::default(), &mut direct).is_ok() && direct)
}

/// Everything that the one who commits needs. Guarded by the commit lock.
pub(super) struct Wal {
    pub(super) current: LogFile,
    /// Files that wait for a checkpoint to pass them, oldest first.
    pub(super) old: Vec<LogFile>,
    pub(super) next_number: u64,
    pub(super) term: u64,
    /// The last LSN that is durable.
    pub(super) durable: u64,
    /// Body bytes ever framed or recovered: what is staged is the difference to the last mark.
    pub(super) bodies: u64,
    /// Of them, bytes that a checkpoint has passed.
    pub(super) passed_bodies: u64,
    seed: Seed,
    direct: bool,
    head: Aligned,
    foot: Aligned,
    directory: Vec<u8>,
}

/// What writing one frame took.
pub(super) struct Wrote {
    /// Bytes of log, a skipped end of lap included.
    pub(super) log: u64,
    pub(super) body: u64,
    pub(super) last_lsn: u64,
}

impl Wal {
    pub(super) fn new(current: LogFile, old: Vec<LogFile>, seed: Seed, direct: bool, term: u64) -> Self {
        Self {
            current,
            old,
            next_number: 1,
            term,
            durable: 0,
            bodies: 0,
            passed_bodies: 0,
            seed,
            direct,
            head: Aligned::new(ALIGN),
            foot: Aligned::new(ALIGN),
            directory: Vec::new(),
        }
    }

    /// Where the log stands, for a checkpoint. The caller holds the commit lock, so no frame is half written.
    pub(super) fn mark(&self) -> Mark {
        let at = self.current.written % self.current.size;
        let (written, bodies) = (self.current.written, self.bodies);
        Mark { lsn: self.durable, term: self.term, file: self.current.id, at, number: self.next_number, written, bodies }
    }

    /// Bytes left before the end of the lap.
    fn lap_left(&self) -> u64 {
        self.current.size - self.current.written % self.current.size
    }

    /// If only some of the entries fit before the end of the lap, divides the batch there and gives back the others.
    pub(super) fn divide(&self, batch: &mut Batch) -> Option<Batch> {
        let left = self.lap_left();
        if bound(batch.to - batch.from, batch.rows.len()) <= left {
            return None;
        }
        let (mut entries, mut bytes, mut rows, mut held) = (0, 0, 0, 0);
        while entries < batch.entries {
            let len = frame::entry_len_at(&batch.body()[bytes..]);
            let parts = batch.rows[rows..].iter().take_while(|r| r.entry == entries).count();
            if bound(bytes + len, rows + parts) > left {
                break;
            }
            held += frame::cost(len, parts);
            (entries, bytes, rows) = (entries + 1, bytes + len, rows + parts);
        }
        (entries > 0 && entries < batch.entries).then(|| batch.divide(entries, bytes, held))
    }

    /// Writes one frame and makes it durable.
    pub(super) fn write(&mut self, batch: &mut Batch, edit: u64) -> Result<Wrote, Fault> {
        self.directory.clear();
        let body_crc = batch.crc(self.seed);
        frame::put_directory(&mut batch.rows, &mut self.directory);
        let body_len = batch.to - batch.from;
        let copied = body_len <= COPIED;
        let mut body_at = HEAD + self.directory.len();
        if !copied {
            // The body's first byte keeps its place in its page, so that whole pages are written from where they are.
            body_at += (ALIGN + batch.from % ALIGN - body_at % ALIGN) % ALIGN;
        }
        let len = (body_at + body_len + self.directory.len() + FOOT).next_multiple_of(ALIGN);
        let skipped = if len as u64 > self.lap_left() { self.lap_left() } else { 0 };
        let free = self.current.size - (self.current.written - self.current.passed);
        if skipped + len as u64 > free {
            return Err(Fault::Stopped(format!("the write-ahead log has {free} bytes left where {len} were promised")));
        }
        let head = Head {
            len: len as u32,
            number: self.next_number,
            term: self.term,
            first_lsn: batch.first_lsn,
            entries: batch.entries,
            durable: self.durable,
            edit,
            body_at: body_at as u32,
            body_len: body_len as u32,
            body_crc,
            dir_len: self.directory.len() as u32,
            dir_crc: self.seed.crc(&self.directory),
        };
        let at = (self.current.written + skipped) % self.current.size;
        self.put_frame(batch, &head, at).map_err(|source| Fault::Io {
            operation: "write",
            file: log_name(self.current.id),
            source,
        })?;
        Ok(self.advance(skipped, len as u64, &head))
    }

    /// Moves behind a frame. Apart from `write`, so that a planted bug can take a failed write for a good one.
    fn advance(&mut self, skipped: u64, len: u64, head: &Head) -> Wrote {
        self.current.written += skipped + len;
        self.next_number += 1;
        self.durable = head.last_lsn();
        self.bodies += u64::from(head.body_len);
        Wrote { log: skipped + len, body: u64::from(head.body_len), last_lsn: head.last_lsn() }
    }

    /// What a store that ignores errors would do: go on behind a frame that was not written.
    #[cfg(debug_assertions)]
    pub(super) fn pretend(&mut self, batch: &Batch) -> Wrote {
        let last_lsn = batch.first_lsn + u64::from(batch.entries) - 1;
        self.durable = last_lsn;
        Wrote { log: 0, body: 0, last_lsn }
    }

    fn put_frame(&mut self, batch: &Batch, head: &Head, at: u64) -> io::Result<()> {
        let (body_at, body_len) = (head.body_at as usize, head.body_len as usize);
        let (len, dir) = (head.len as usize, self.directory.len());
        // What goes through the head buffer: everything, or up to the body's first whole page.
        let copied = body_len <= COPIED;
        let lead = if copied { len } else { (body_at + body_len).min(body_at.next_multiple_of(ALIGN)) };
        self.head.reserve(lead);
        let buffer = &mut self.head[..lead];
        buffer[HEAD..HEAD + dir].copy_from_slice(&self.directory);
        buffer[HEAD + dir..body_at].fill(0);
        head.encode(self.seed, buffer);
        let body = batch.body();
        if copied {
            buffer[body_at..body_at + body_len].copy_from_slice(body);
            put_foot(&mut buffer[body_at + body_len..], head, self.seed, &self.directory);
            self.current.file.write_at(buffer, at)?;
        } else {
            let first = lead - body_at;
            buffer[body_at..].copy_from_slice(&body[..first]);
            let whole = (body_len - first) / ALIGN * ALIGN;
            let rest = &body[first + whole..];
            self.foot.reserve(len - lead - whole);
            let foot = &mut self.foot[..len - lead - whole];
            foot[..rest.len()].copy_from_slice(rest);
            put_foot(&mut foot[rest.len()..], head, self.seed, &self.directory);
            let pages = batch.chunk.pages(batch.from + first..batch.from + first + whole);
            let mut parts = [IoSlice::new(&self.head[..lead]), IoSlice::new(pages), IoSlice::new(foot)];
            self.current.file.write_parts_at(&mut parts, at)?;
        }
        if !self.direct {
            self.current.file.sync()?;
        }
        Ok(())
    }

    /// Frames go to `next` from here on.
    pub(super) fn switch(&mut self, next: LogFile) {
        let before = std::mem::replace(&mut self.current, next);
        self.old.push(before);
    }

    /// The files of the log, oldest first, with their sizes.
    pub(super) fn files(&self) -> Vec<(FileId, u64)> {
        self.old.iter().chain([&self.current]).map(|f| (f.id, f.size)).collect()
    }

    /// What all of them take together.
    pub(super) fn bytes(&self) -> u64 {
        self.files().iter().map(|f| f.1).sum()
    }

    /// The files that the log still needs when a checkpoint at `mark` is durable.
    pub(super) fn kept_after(&self, mark: &Mark) -> Vec<(FileId, u64)> {
        self.files().into_iter().skip_while(|(id, _)| *id != mark.file).collect()
    }

    /// A checkpoint at `mark` is durable. Answers how much of the present file came free, and the files that are free.
    pub(super) fn recycle(&mut self, mark: &Mark) -> (u64, Vec<LogFile>) {
        if mark.file == self.current.id {
            let forward = mark.written - self.current.passed;
            self.current.passed += forward;
            return (forward, std::mem::take(&mut self.old));
        }
        let keep = self.old.iter().position(|f| f.id == mark.file).unwrap_or(0);
        (0, self.old.drain(..keep).collect())
    }
}

/// Fills a buffer that ends with the frame: zeros, the directory again, the foot.
fn put_foot(buffer: &mut [u8], head: &Head, seed: Seed, directory: &[u8]) {
    let foot_at = buffer.len() - FOOT;
    let dir_at = foot_at - directory.len();
    buffer[..dir_at].fill(0);
    buffer[dir_at..foot_at].copy_from_slice(directory);
    Foot::encode(head, seed, &mut buffer[foot_at..]);
}

/// Bytes that a frame takes at most.
fn bound(body: usize, rows: usize) -> u64 {
    let waste = if body > COPIED { ALIGN as u64 } else { 0 };
    frame::cost(body, rows) - (body / 16) as u64 + waste
}
