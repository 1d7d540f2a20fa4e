//! The plainest store that can be: the memory store, with a journal that is appended to and synced before a commit.
//!
//! It is here to try the harnesses on something small whose faults are known: whole, it passes; with one of its
//! [`Flaw`]s it must be caught.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

use milena_store::{
    disk::{Disk, DiskFile, How},
    memory::{Memory, Options},
    *,
};

/// What a plain store can do wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    None,
    NoSync,
    NoDirectorySync,
    NoChecksum,
    SyncErrorIgnored,
}

pub(crate) struct Plain {
    memory: Memory,
    file: Arc<dyn DiskFile>,
    journal: Mutex<Journal>,
    dead: AtomicBool,
    flaw: Flaw,
}

#[derive(Default)]
struct Journal {
    end: u64,
    pending: Vec<u8>,
}

const NAME: &str = "journal";

impl Plain {
    pub(crate) fn open(disk: &dyn Disk, flaw: Flaw, replay: &mut dyn Replay) -> Result<(Self, Recovered), String> {
        let how = How { write: true, ..How::default() };
        let file = match disk.open(NAME, how) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let file = disk.open(NAME, How { create: true, ..how }).map_err(|e| e.to_string())?;
                if flaw != Flaw::NoDirectorySync {
                    disk.sync_dir().map_err(|e| e.to_string())?;
                }
                file
            }
            Err(e) => return Err(e.to_string()),
        };
        let mut bytes = vec![0; file.len().map_err(|e| e.to_string())? as usize];
        file.read_at(&mut bytes, 0).map_err(|e| e.to_string())?;
        let (memory, end) = rebuild(&bytes, flaw);
        if end < bytes.len() as u64 {
            // Cut for good: an entry that ends in zeros would be whole again when the file grows over it.
            file.set_len(end).and_then(|()| file.sync()).map_err(|e| e.to_string())?;
        }
        let (memory, recovered) = memory.restart(replay);
        let journal = Mutex::new(Journal { end, pending: Vec::new() });
        Ok((Self { memory, file, journal, dead: AtomicBool::new(false), flaw }, recovered))
    }

    fn write(&self) -> Result<(), Arc<Fault>> {
        let mut journal = self.journal.lock().unwrap();
        let pending = std::mem::take(&mut journal.pending);
        if self.dead.load(Ordering::SeqCst) {
            return Err(Arc::new(Fault::Stopped("dead".into())));
        }
        let mut done = self.file.write_at(&pending, journal.end);
        if done.is_ok() && self.flaw != Flaw::NoSync {
            done = self.file.sync();
        }
        if self.flaw != Flaw::SyncErrorIgnored
            && let Err(e) = done
        {
            self.dead.store(true, Ordering::SeqCst);
            self.memory.kill(&e.to_string());
            return Err(Arc::new(Fault::Stopped(e.to_string())));
        }
        journal.end += pending.len() as u64;
        Ok(())
    }
}

fn options() -> Options {
    Options { budget: 64 << 20, in_flight: 64 << 10, replayable: true, snapshot_after: u64::MAX }
}

/// A memory store with every whole entry of the journal, and where the journal's good part ends.
fn rebuild(bytes: &[u8], flaw: Flaw) -> (Memory, u64) {
    let memory = Memory::new(options());
    let mut end = 0;
    while let Some(next) = entry(&bytes[end..], flaw, &memory) {
        end += next;
        memory.lead();
    }
    (memory, end as u64)
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01B3))
}

struct Cursor<'a>(&'a [u8]);
impl<'a> Cursor<'a> {
    fn take(&mut self, n: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(n).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
    fn word(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// Reads one entry and appends it to `memory`; answers its length.
fn entry(bytes: &[u8], flaw: Flaw, memory: &Memory) -> Option<usize> {
    let mut cursor = Cursor(bytes);
    let (len, check) = (cursor.word()?, cursor.word()?);
    if len == 0 {
        return None;
    }
    let body = cursor.take(len)?;
    if sum(body) != check && flaw != Flaw::NoChecksum {
        return None;
    }
    let mut cursor = Cursor(body);
    let (at, count) = (cursor.word()? as i64, cursor.word()?);
    let mut parts = Vec::new();
    for _ in 0..count.min(1000) {
        let (log, expected) = (LogId(cursor.word()?), Version(cursor.word()?));
        let len = cursor.word()?;
        let fact = cursor.take(len)?;
        let payload = match cursor.word()? {
            0 => None,
            _ => {
                let (base, last, stamp) = (cursor.word()? as i64, cursor.word()? as i64, cursor.word()? as i64);
                let (writer, head, len) = (cursor.word()? as u32, cursor.word()? as u16, cursor.word()?);
                let bytes = cursor.take(len)?;
                Some(Payload { base, last, stamp, writer, head, patched: &[], bytes, verified: None })
            }
        };
        parts.push(Part { log, expected, fact, payload });
    }
    let credit = memory.credit(Class::Fact, len, None).ok()?;
    match memory.append(credit, OpId(u128::from(memory.committed().upto().0) << 64), at, &parts) {
        Reserved::At(_) => Some(16 + len as usize),
        _ => None,
    }
}

fn encode(at: Millis, parts: &[Part<'_>], into: &mut Vec<u8>) {
    let mut body = Vec::new();
    let word = |body: &mut Vec<u8>, w: u64| body.extend_from_slice(&w.to_le_bytes());
    word(&mut body, at as u64);
    word(&mut body, parts.len() as u64);
    for part in parts {
        word(&mut body, part.log.0);
        word(&mut body, part.expected.0);
        word(&mut body, part.fact.len() as u64);
        body.extend_from_slice(part.fact);
        word(&mut body, u64::from(part.payload.is_some()));
        if let Some(p) = part.payload {
            for w in [p.base as u64, p.last as u64, p.stamp as u64, u64::from(p.writer), u64::from(p.head)] {
                word(&mut body, w);
            }
            word(&mut body, p.bytes.len() as u64);
            body.extend_from_slice(p.patched);
            body.extend_from_slice(&p.bytes[p.patched.len()..]);
        }
    }
    word(into, body.len() as u64);
    word(into, sum(&body));
    into.extend_from_slice(&body);
}

impl Store for Plain {
    fn credit(&self, class: Class, bytes: u64, waker: Option<&Waker>) -> Result<Credit, NoCredit> {
        self.memory.credit(class, bytes, waker)
    }
    fn append(&self, credit: Credit, op: OpId, at: Millis, parts: &[Part<'_>]) -> Reserved {
        let mut journal = self.journal.lock().unwrap();
        let answer = self.memory.append(credit, op, at, parts);
        if let Reserved::At(_) = answer {
            encode(at, parts, &mut journal.pending);
        }
        answer
    }
    fn lead(&self) -> Led {
        if self.journal.lock().unwrap().pending.is_empty() || self.write().is_err() {
            return Led::Nothing;
        }
        self.memory.lead()
    }
    fn flush(&self) -> Result<Committed, Arc<Fault>> {
        self.write()?;
        self.memory.flush()
    }
    fn committed(&self) -> Committed {
        self.memory.committed()
    }
    fn read(&self, log: LogId, from: i64, upto: i64, max: usize, patience: Patience) -> Result<Found, ReadError> {
        self.memory.read(log, from, upto, max, patience)
    }
    fn list(&self, log: LogId, from: i64, max: usize) -> Result<Vec<Stored>, ReadError> {
        self.memory.list(log, from, max)
    }
    fn lookup(&self, log: LogId, query: Query) -> Result<Option<Stored>, ReadError> {
        self.memory.lookup(log, query)
    }
    fn bounds(&self, log: LogId) -> Option<Bounds> {
        self.memory.bounds(log)
    }
    fn trim(&self, log: LogId, start: i64) {
        self.memory.trim(log, start);
    }
    fn remove(&self, log: LogId) {
        self.memory.remove(log);
    }
    fn attach(&self, watch: Arc<dyn Watch>, snapshots: Arc<dyn Snapshots>) {
        self.memory.attach(watch, snapshots);
    }
    fn gauges(&self) -> Gauges {
        self.memory.gauges()
    }
    fn close(&self) -> Result<(), Arc<Fault>> {
        self.write()?;
        self.memory.close()
    }
}
