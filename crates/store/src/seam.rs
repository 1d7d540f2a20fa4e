//! The seam: what the rest of the house may ask of a store, in bytes.
//!
//! The life of one entry: take [`Credit`], judge, [`Store::append`] (still under the noun's lock; the entry has its
//! place from here on), [`Store::lead`] at the end of the pass (writes and syncs everything reserved by anybody), and
//! then [`Watch::committed`] lets replies go that hold a smaller [`Lsn`].

use std::{fmt, ops::Range, sync::Arc, task::Waker};

use bytes::Bytes;

/// One log. Ids are chosen by the caller, dense and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LogId(pub u64);

/// Place of an entry in the one order of everything. Grows for ever, across restarts. Zero comes before every entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Lsn(pub u64);

/// How many parts a log has ever taken: what a conditional append is guarded by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version(pub u64);

/// Identifies one append across retries. The local store never retries; a shared one answers a repeated op from what it stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OpId(pub u128);

/// Wall-clock milliseconds since 1970, given by the caller: this room reads no clock for anything it stores.
pub type Millis = i64;

/// Bulk bytes that cover the positions `base..=last` of their log.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    pub base: i64,
    pub last: i64,
    /// Greatest timestamp inside, as the caller understands it; `lookup` by stamp searches it.
    pub stamp: Millis,
    /// A reference that the caller interned (who wrote this). Kept in the envelope, outside any checksum of the payload.
    pub writer: u32,
    /// How many leading bytes belong to the fact: judgement is rebuilt from these, and replay hands them over.
    pub head: u16,
    /// Stands in place of the first `patched.len()` bytes of `bytes` (a header with the offsets it was given), so that
    /// what came from a socket is stored without being copied or changed first. Empty when nothing is replaced.
    pub patched: &'a [u8],
    /// The whole payload. Its length is the stored length; `patched` is never longer.
    pub bytes: &'a [u8],
    /// A checksum that the caller has verified: the store need not read those bytes again for its own.
    pub verified: Option<Verified>,
}

/// The CRC32C of a payload's bytes from one on to the end, as they are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    pub from: usize,
    pub crc: u32,
}

/// One log's share of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    pub log: LogId,
    /// The log's version before this part. A mismatch is `Stale` (in the local store: a bug).
    pub expected: Version,
    /// Kind, version and content of what became true. May be empty when the payload's head says it all.
    pub fact: &'a [u8],
    pub payload: Option<Payload<'a>>,
}

/// What [`Store::append`] was given room for. Dropping it gives the room back.
pub struct Credit {
    pub(crate) bytes: u64,
    pub(crate) bank: Option<Arc<dyn Bank>>,
}
impl fmt::Debug for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credit({} bytes)", self.bytes)
    }
}
impl Drop for Credit {
    fn drop(&mut self) {
        if let Some(bank) = self.bank.take() {
            bank.give_back(self.bytes);
        }
    }
}
pub(crate) trait Bank: Send + Sync {
    fn give_back(&self, bytes: u64);
}

/// What kind of entry the room is for. Each finds room where the ones before it are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Data,
    /// What consumers tell of themselves. There is no end to it, and it frees no space.
    Position,
    /// Everything else, deletions and trims among it.
    Fact,
}

/// Why there is no credit now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoCredit {
    /// Room comes back by itself; the waker given to [`Store::credit`] is woken then, first in, first out.
    #[error("the write-ahead log is full for the moment")]
    Later,
    #[error("{need} bytes do not fit an entry of at most {max} bytes")]
    TooLarge { need: u64, max: u64 },
    #[error("the disk is full: {missing} bytes missing before records are accepted again")]
    DiskFull { missing: u64 },
    #[error("the store has stopped: {0}")]
    Dead(Arc<Fault>),
}

/// The world misbehaved. After a [`Fault`] on the write path the store acknowledges nothing until a restart.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{operation} on {file} failed: {source}")]
    Io { operation: &'static str, file: String, source: std::io::Error },
    #[error("{0}")]
    Stopped(String),
}

/// Proof that everything up to and including `upto` is on disk. Only a store can make one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Committed {
    upto: Lsn,
}
impl Committed {
    pub(crate) fn new(upto: Lsn) -> Self {
        Self { upto }
    }
    pub fn upto(&self) -> Lsn {
        self.upto
    }
    pub fn covers(&self, lsn: Lsn) -> bool {
        lsn <= self.upto
    }
}

/// A value that cannot be read before the store has committed its place.
#[derive(Debug)]
pub struct Parked<R> {
    lsn: Lsn,
    value: R,
}
impl<R> Parked<R> {
    pub fn new(lsn: Lsn, value: R) -> Self {
        Self { lsn, value }
    }
    pub fn lsn(&self) -> Lsn {
        self.lsn
    }
    /// The value, or the parked value again when the proof does not reach it.
    pub fn release(self, proof: &Committed) -> Result<R, Self> {
        if proof.covers(self.lsn) { Ok(self.value) } else { Err(self) }
    }
    /// Takes another parked value into this one, which stays unreadable until both may be read.
    pub fn absorb<S>(&mut self, other: Parked<S>, into: impl FnOnce(&mut R, S)) {
        self.lsn = self.lsn.max(other.lsn);
        into(&mut self.value, other.value);
    }
    pub fn map<S>(self, f: impl FnOnce(R) -> S) -> Parked<S> {
        Parked { lsn: self.lsn, value: f(self.value) }
    }
}

/// What became of an append. The local store answers `Reserved` only; the others exist for stores with several writers.
#[derive(Clone, Debug)]
pub enum Reserved {
    /// The entry has its place and will be committed, or the process stops.
    At(Lsn),
    /// The log had another version. Later reservations of the same log die in order; catch up and judge again.
    Stale {
        log: LogId,
        version: Version,
    },
    /// Nobody knows yet; ask again with the same op.
    Unknown,
    Dead(Arc<Fault>),
}

/// One stored payload, as the index knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    pub base: i64,
    pub last: i64,
    pub bytes: u32,
    /// When it was appended: the envelope's time.
    pub at: Millis,
    pub stamp: Millis,
    pub writer: u32,
}

/// Which payload is asked for. Gaps are allowed everywhere: "at" means the first whose `last >= position`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Query {
    At(i64),
    /// First whose append time is `>=` this.
    AppendedAt(Millis),
    /// First whose `stamp` is `>=` this.
    StampedAt(Millis),
    /// The one with the greatest `stamp` (the first of equals).
    GreatestStamp,
    /// First payload `p` such that the bytes from `p` to the end are `<=` this many: what a size limit keeps.
    KeepBytes(u64),
}

/// Contiguous whole payloads, in order.
#[derive(Clone, Debug)]
pub enum Slice {
    Memory(Bytes),
    /// Bytes of a sealed file, for sendfile or pread. The handle pins the file against unlink.
    File {
        file: Arc<std::fs::File>,
        at: u64,
        len: usize,
    },
}
impl Slice {
    pub fn len(&self) -> usize {
        match self {
            Slice::Memory(b) => b.len(),
            Slice::File { len, .. } => *len,
        }
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a read found: whole payloads from the first whose `last >= from`, at least one if there is any.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub slices: Vec<Slice>,
    pub bytes: usize,
    /// `last` of the last payload in `slices`, or `from - 1` when empty.
    pub upto: i64,
}

/// May a read block on the disk?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patience {
    /// From memory only; otherwise `ReadError::WouldBlock`, and the caller repeats it on an I/O thread with `Block`.
    Now,
    Block,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    #[error("not in memory")]
    WouldBlock,
    #[error("positions {positions:?} are damaged in {file} at {range:?}")]
    Damaged { file: String, range: Range<u64>, positions: Range<i64> },
    #[error("no such log")]
    NoLog,
    #[error("{0}")]
    Fault(Arc<Fault>),
}

/// Committed bounds and size of a log's payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// First position that was not trimmed (what `trim` was last told), also when nothing is stored.
    pub start: i64,
    /// One past the last committed position.
    pub end: i64,
    /// Payload bytes between them.
    pub bytes: u64,
}

/// One part, handed back at recovery, in the order of LSNs.
#[derive(Clone, Copy, Debug)]
pub struct Replayed<'a> {
    pub log: LogId,
    pub lsn: Lsn,
    /// The log's version after this part: one more than the part expected.
    pub version: Version,
    pub at: Millis,
    pub fact: &'a [u8],
    /// Envelope of the payload, if it had one, and the `head` bytes that belong to the fact.
    pub payload: Option<(Stored, &'a [u8])>,
}

/// What damage took from a log: entries, or its snapshot. Told at its place in the order of facts; what comes behind it is
/// handed over as if nothing were missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lost {
    pub log: LogId,
    /// The log's version behind what is lost.
    pub version: Version,
    /// First position that was not trimmed, as far as the store knows.
    pub start: i64,
    /// One past the last position that was given out, the lost ones among them.
    pub end: i64,
}

/// Who rebuilds state when a store opens: all snapshots first, then the facts after them.
pub trait Replay {
    fn snapshot(&mut self, log: LogId, version: Version, bytes: &[u8]);
    fn fact(&mut self, part: Replayed<'_>);
    /// May come among the snapshots, when it is one of them that is lost.
    fn lost(&mut self, lost: Lost);
}

/// Who is asked for the state of a log when a checkpoint wants to forget its facts.
/// Called on the checkpoint thread; takes the noun's lock, and answers state, version and LSN **of the same moment**.
/// `None`: the noun is gone, forget the log's facts.
pub trait Snapshots: Send + Sync {
    fn snapshot(&self, log: LogId, into: &mut Vec<u8>) -> Option<(Version, Lsn)>;
}

/// Who is told. Called on the committing thread, after the committed LSN was published: only wake, never work.
pub trait Watch: Send + Sync {
    fn committed(&self, proof: Committed);
    /// The store stopped for good: nothing is acknowledged from here on.
    fn dead(&self, fault: Arc<Fault>);
}

/// What [`Store::lead`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Led {
    /// Nothing was reserved, or another thread is committing and will look again.
    Nothing,
    /// Something was committed by this call.
    Committed,
    /// The disk is slow: the commit thread was woken instead.
    Handed,
}

/// Damage that recovery found and went on without.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damaged {
    /// The log that lost something by it, where that can be told.
    pub log: Option<LogId>,
    /// Who lives in that log, in the words of whoever keeps it: the store does not know.
    pub whose: Option<String>,
    /// The file that it lies in, as people call it.
    pub file: String,
    /// What is lost, and where.
    pub what: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(whose) = &self.whose {
            write!(f, "{whose}, ")?;
        }
        if let Some(log) = self.log {
            write!(f, "log {log}: ", log = log.0)?;
        }
        f.write_str(&self.what)
    }
}

/// What recovery found, for the banner and for `status`.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The last stop was clean: nothing had to be replayed.
    pub clean: bool,
    pub facts: u64,
    pub payloads: u64,
    pub bytes: u64,
    /// Bytes of a torn or rotten last frame that were cut (the two cannot be told apart).
    pub cut: u64,
    /// Damage found, each naming file, range and log.
    pub damage: Vec<Damaged>,
    /// Logs that lost entries to damage, now or at an earlier start.
    pub quarantined: Vec<LogId>,
    pub micros: u64,
}

/// How the store stands, for metrics and `status`. All sizes in bytes.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    pub log_bytes: u64,
    pub log_used: u64,
    pub staged_bytes: u64,
    pub segment_bytes: u64,
    pub segment_files: u64,
    pub open_files: u64,
    pub disk_free: u64,
    pub disk_total: u64,
    pub commits: u64,
    pub committed_bytes: u64,
    pub sync_nanos_mean: u64,
    pub checkpoints: u64,
    /// Bytes of the write-ahead log that checkpoints gave back for new frames.
    pub recycled: u64,
    pub quarantined: u64,
}

/// A place where entries rest. Object-safe on purpose: `node` is compiled once, not once a store.
pub trait Store: Send + Sync {
    /// Room for an entry of at most `bytes` (facts and payloads). With `waker`, [`NoCredit::Later`] queues the caller.
    fn credit(&self, class: Class, bytes: u64, waker: Option<&Waker>) -> Result<Credit, NoCredit>;
    /// Gives the entry its place. All or none of the parts become true. Never blocks, never fails for want of room.
    fn append(&self, credit: Credit, op: OpId, at: Millis, parts: &[Part<'_>]) -> Reserved;
    /// Called at the end of a pass of a runtime: commits what is reserved if nobody is doing it.
    fn lead(&self) -> Led;
    /// Blocks until everything reserved so far is committed. For start, stop and tests.
    fn flush(&self) -> Result<Committed, Arc<Fault>>;
    fn committed(&self) -> Committed;
    /// Only committed payloads with `base < upto` are found.
    fn read(&self, log: LogId, from: i64, upto: i64, max: usize, patience: Patience) -> Result<Found, ReadError>;
    /// Payload envelopes from the first whose `last >= from`, at most `max` of them, committed ones only.
    fn list(&self, log: LogId, from: i64, max: usize) -> Result<Vec<Stored>, ReadError>;
    fn lookup(&self, log: LogId, query: Query) -> Result<Option<Stored>, ReadError>;
    fn bounds(&self, log: LogId) -> Option<Bounds>;
    /// Lets the space of payloads wholly below `start` go, lazily. The caller has committed the fact that says so.
    fn trim(&self, log: LogId, start: i64);
    /// Lets a log go with all it has. The caller has committed the fact that says so.
    fn remove(&self, log: LogId);
    /// Who watches commits, and who gives snapshots. Set once, before the first append.
    fn attach(&self, watch: Arc<dyn Watch>, snapshots: Arc<dyn Snapshots>);
    fn gauges(&self) -> Gauges;
    /// Commits, writes a checkpoint that makes the next start replay nothing, records the clean end, and stops.
    fn close(&self) -> Result<(), Arc<Fault>>;
}
