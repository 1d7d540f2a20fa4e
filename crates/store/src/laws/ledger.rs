//! Someone who stands on a store and remembers everything: what was asked, what was answered, what must be found.
//!
//! The ledger plays the nouns of the house (each log's state is a digest of its facts, so a fact lost, doubled or out
//! of order shows), gives snapshots, watches commits, and judges what a recovery hands back. It knows the seam alone.

mod judge;
mod noun;
mod shown;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub(crate) use self::shown::bytes_of;
pub use self::{
    judge::{Depth, Tally},
    noun::{Rebuilt, State},
};
use self::{
    noun::{Fact, Noun},
    shown::payload_bytes,
};
use crate::{dice::Dice, seam::*};

/// The log whose facts say which logs were removed.
pub const CATALOG: LogId = LogId(0);

/// One part that somebody wants to become true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// A fact of `len` bytes that means nothing to the store.
    Note { log: u64, len: usize },
    /// A payload of `len` bytes that covers `span` positions after a gap, with a fact of `fact` bytes (0: none).
    Payload { log: u64, len: usize, span: i64, gap: i64, stamp: Millis, fact: usize },
    /// The log starts at this position from now on. Clamped to what is committed.
    Trim { log: u64, start: i64 },
    /// The log goes.
    Remove { log: u64 },
}

/// Why an append led to nothing.
#[derive(Debug)]
pub enum Refused {
    Credit(NoCredit),
    Dead(Arc<Fault>),
    /// The store did what it must not.
    Violation(String),
}

/// The one who remembers.
pub struct Ledger {
    book: Mutex<Book>,
    acked: AtomicU64,
    told: Mutex<Vec<Lsn>>,
    deaths: AtomicU64,
    late: AtomicU64,
    on_ack: Box<dyn Fn(Lsn) + Send + Sync>,
}

#[derive(Clone)]
struct Book {
    nouns: BTreeMap<LogId, Noun>,
    last: Lsn,
    /// What to tell the store once an LSN is committed.
    after: Vec<(Lsn, After)>,
    ops: u128,
    clock: Millis,
    dice: Dice,
}

#[derive(Clone, Copy, Debug)]
enum After {
    Trim(LogId, i64),
    Remove(LogId),
}

/// One part as it was drafted: what lives until the store has answered.
struct Draft {
    log: LogId,
    expected: Version,
    fact: Vec<u8>,
    payload: Option<(Stored, Vec<u8>, u16, usize)>,
    after: Option<After>,
}

impl Ledger {
    pub fn new(seed: u64, on_ack: Box<dyn Fn(Lsn) + Send + Sync>) -> Self {
        let book = Book {
            nouns: BTreeMap::new(),
            last: Lsn(0),
            after: Vec::new(),
            ops: 0,
            clock: 1_700_000_000_000,
            dice: Dice::new(seed),
        };
        Self {
            book: Mutex::new(book),
            acked: AtomicU64::new(0),
            told: Mutex::default(),
            deaths: AtomicU64::new(0),
            late: AtomicU64::new(0),
            on_ack,
        }
    }

    /// Another one who remembers the same, to judge another fate of the same disk.
    pub fn fork(&self, on_ack: Box<dyn Fn(Lsn) + Send + Sync>) -> Ledger {
        Ledger {
            book: Mutex::new(self.book().clone()),
            acked: AtomicU64::new(self.acked().0),
            told: Mutex::default(),
            deaths: AtomicU64::new(0),
            late: AtomicU64::new(0),
            on_ack,
        }
    }

    /// The greatest LSN that was told to be committed.
    pub fn acked(&self) -> Lsn {
        Lsn(self.acked.load(Ordering::SeqCst))
    }

    /// The last LSN that was reserved.
    pub fn last(&self) -> Lsn {
        self.book().last
    }

    /// Every LSN that `Watch` heard, in the order it heard them.
    pub fn told(&self) -> Vec<Lsn> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often the store said that it died, in this life.
    pub fn deaths(&self) -> u64 {
        self.deaths.load(Ordering::SeqCst)
    }

    /// First position that a new payload of this log may take.
    pub fn next(&self, log: u64) -> i64 {
        self.book().nouns.get(&LogId(log)).map_or(0, |n| n.state().next)
    }

    /// Parts that this log has taken, reserved ones too.
    pub fn version(&self, log: u64) -> Version {
        self.book().version(LogId(log))
    }

    /// How often something was acknowledged after the store had said that it died.
    pub fn acknowledged_late(&self) -> u64 {
        self.late.load(Ordering::SeqCst)
    }

    /// Was this log removed, as far as is reserved?
    pub fn removed(&self, log: u64) -> bool {
        self.book().removed(LogId(log), Lsn(u64::MAX))
    }

    /// Takes credit, judges, appends. `Later` is answered by committing and coming again.
    pub fn append(&self, store: &dyn Store, wants: &[Want]) -> Result<Lsn, Refused> {
        let mut stale = String::new();
        for _ in 0..50 {
            let credit = self.credit(store, wants)?;
            let mut book = self.book();
            let drafts = book.draft(wants, self.acked());
            let (op, at) = book.stamp();
            let mut answer = book.ask(store, credit, op, at, &drafts);
            for _ in 0..50 {
                if !matches!(answer, Reserved::Unknown) {
                    break;
                }
                drop(book);
                // Ask again with the same op: whatever became of the first try, the answer is about that one.
                let credit = self.credit(store, wants)?;
                book = self.book();
                answer = book.ask(store, credit, op, at, &drafts);
            }
            match answer {
                Reserved::At(lsn) => return book.reserved(lsn, at, drafts).map_err(Refused::Violation),
                Reserved::Dead(fault) => {
                    book.undo(&drafts);
                    return Err(Refused::Dead(fault));
                }
                Reserved::Unknown => return Err(Refused::Violation("still unknown after asking fifty times".into())),
                // Nobody else writes here, so catching up finds nothing new: judge again.
                Reserved::Stale { log, version } => {
                    book.undo(&drafts);
                    stale = format!("{log:?} is at {version:?} and should be at {:?}", book.version(log));
                }
            }
        }
        Err(Refused::Violation(format!("fifty times stale although nobody else writes: {stale}")))
    }

    fn credit(&self, store: &dyn Store, wants: &[Want]) -> Result<Credit, Refused> {
        let any = |of: fn(&Want) -> bool| wants.iter().any(of);
        let class = match () {
            () if any(|w| matches!(w, Want::Payload { .. })) => Class::Data,
            () if any(|w| matches!(w, Want::Note { .. })) => Class::Position,
            () => Class::Fact,
        };
        let bytes = wants.iter().map(Want::bytes).sum();
        // Ten seconds: on a busy machine the store's own threads may wait long for a processor.
        for attempt in 0..10_000 {
            match store.credit(class, bytes, None) {
                Ok(credit) => return Ok(credit),
                Err(NoCredit::Later) => {
                    store.lead();
                    if attempt > 8 {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
                Err(NoCredit::Dead(fault)) => return Err(Refused::Dead(fault)),
                Err(other) => return Err(Refused::Credit(other)),
            }
        }
        Err(Refused::Violation(format!("no credit for {bytes} bytes of {class:?} although everything was committed")))
    }

    /// Is there a trim or a removal up to `upto` whose commit was not told yet?
    pub(super) fn is_owed_word(&self, upto: Lsn) -> bool {
        let acked = self.acked();
        self.book().after.iter().any(|(lsn, _)| *lsn > acked && *lsn <= upto)
    }

    /// Tells the store what its caller has committed: trims and removals.
    pub fn settle(&self, store: &dyn Store) {
        let acked = self.acked();
        let (due, rest) = std::mem::take(&mut self.book().after).into_iter().partition(|(lsn, _)| *lsn <= acked);
        self.book().after.extend::<Vec<_>>(rest);
        let due: Vec<(Lsn, After)> = due;
        for (_, after) in due {
            match after {
                After::Trim(log, start) => store.trim(log, start),
                After::Remove(log) => store.remove(log),
            }
        }
    }

    /// After a recovery: forgets what did not survive, and tells the new store what its facts say about trims and
    /// removals, as its callers must.
    pub fn recovered(&self, store: &dyn Store, upto: Lsn) {
        self.deaths.store(0, Ordering::SeqCst);
        let mut book = self.book();
        book.after.clear();
        book.nouns.values_mut().for_each(|noun| noun.truncate(upto));
        // An LSN that was reserved and lost may be given again, or not.
        book.last = upto;
        book.clock += 1000;
        let gone = book.nouns.get(&CATALOG).map(|n| n.state().removed.clone()).unwrap_or_default();
        for (id, noun) in &book.nouns {
            if gone.contains(&id.0) {
                store.remove(*id);
            } else if noun.state().floor > 0 {
                store.trim(*id, noun.state().floor);
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn version(&self, log: LogId) -> Version {
        self.nouns.get(&log).map_or(Version(0), Noun::version)
    }

    fn stamp(&mut self) -> (OpId, Millis) {
        self.ops += 1;
        // Wall clocks step back now and then.
        self.clock += self.dice.below(20) as i64 - 3;
        (OpId(self.ops), self.clock)
    }

    fn removed(&self, log: LogId, upto: Lsn) -> bool {
        self.nouns.get(&CATALOG).is_some_and(|n| n.state_at(upto).removed.contains(&log.0))
    }

    /// Judges: what each want means for the state that its log has now. State changes at once, as in the house.
    fn draft(&mut self, wants: &[Want], acked: Lsn) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for want in wants {
            match want {
                Want::Note { log, len } => drafts.push(self.draft_note(LogId(*log), *len)),
                Want::Payload { .. } => drafts.push(self.draft_payload(want)),
                Want::Trim { log, start } => {
                    let id = LogId(*log);
                    let noun = self.nouns.entry(id).or_default();
                    let start = (*start).clamp(noun.state().floor, noun.state_at(acked).next.max(noun.state().floor));
                    let after = Some(After::Trim(id, start));
                    drafts.push(self.apply(id, Fact::Trim(start), None, after));
                }
                Want::Remove { log } => {
                    drafts.push(self.apply(LogId(*log), Fact::Closed, None, None));
                    let after = Some(After::Remove(LogId(*log)));
                    drafts.push(self.apply(CATALOG, Fact::Removed(*log), None, after));
                }
            }
        }
        drafts
    }

    fn draft_note(&mut self, log: LogId, len: usize) -> Draft {
        let mut note = vec![0; len];
        self.dice.fill(&mut note);
        self.apply(log, Fact::Note(note), None, None)
    }

    fn draft_payload(&mut self, want: &Want) -> Draft {
        let Want::Payload { log, len, span, gap, stamp, fact } = *want else { unreachable!("only called for payloads") };
        let log = LogId(log);
        let base = self.nouns.entry(log).or_default().state().next + gap;
        let last = base + span.max(1) - 1;
        let writer = self.dice.below(1000) as u32;
        let head = len.min(16 + self.dice.below(60) as usize);
        let patched = self.dice.below(head as u64 + 1) as usize;
        let fact = match fact {
            0 => Fact::Empty,
            len => {
                let mut note = vec![0; len];
                self.dice.fill(&mut note);
                Fact::Note(note)
            }
        };
        // The time is filled in when the entry is stamped: all parts of an entry have one.
        let stored = Stored { base, last, bytes: len as u32, at: 0, stamp, writer };
        let bytes = payload_bytes(log, base, len);
        self.apply(log, fact, Some((stored, bytes, head as u16, patched)), None)
    }

    fn apply(&mut self, log: LogId, fact: Fact, payload: Option<(Stored, Vec<u8>, u16, usize)>, after: Option<After>) -> Draft {
        let noun = self.nouns.entry(log).or_default();
        let expected = noun.version();
        let encoded = fact.encode();
        let head = payload.as_ref().map(|(stored, bytes, head, _)| (*stored, &bytes[..usize::from(*head)]));
        noun.push(&encoded, head);
        Draft { log, expected, fact: encoded, payload, after }
    }

    fn undo(&mut self, drafts: &[Draft]) {
        for draft in drafts.iter().rev() {
            if let Some(noun) = self.nouns.get_mut(&draft.log) {
                noun.pop();
            }
        }
    }

    fn ask(&self, store: &dyn Store, credit: Credit, op: OpId, at: Millis, drafts: &[Draft]) -> Reserved {
        // Under a patch lie other bytes: what came from the socket.
        let raw: Vec<Vec<u8>> = drafts
            .iter()
            .map(|d| {
                let mut bytes = d.payload.as_ref().map(|p| p.1.clone()).unwrap_or_default();
                let patched = d.payload.as_ref().map_or(0, |p| p.3);
                bytes[..patched].iter_mut().for_each(|b| *b = !*b);
                bytes
            })
            .collect();
        let parts: Vec<Part<'_>> = drafts
            .iter()
            .zip(&raw)
            .map(|(d, raw)| Part {
                log: d.log,
                expected: d.expected,
                fact: &d.fact,
                payload: d.payload.as_ref().map(|(s, bytes, head, patched)| Payload {
                    base: s.base,
                    last: s.last,
                    stamp: s.stamp,
                    writer: s.writer,
                    head: *head,
                    patched: &bytes[..*patched],
                    bytes: raw,
                    // Every other payload comes with a checksum, over what a patch does not touch.
                    verified: (s.base % 2 == 0)
                        .then(|| Verified { from: *patched, crc: crc_fast::crc32_iscsi(&bytes[*patched..]) }),
                }),
            })
            .collect();
        store.append(credit, op, at, &parts)
    }

    fn reserved(&mut self, lsn: Lsn, at: Millis, drafts: Vec<Draft>) -> Result<Lsn, String> {
        if lsn <= self.last {
            return Err(format!("{lsn:?} was reserved after {:?}", self.last));
        }
        self.last = lsn;
        for draft in &drafts {
            let noun = self.nouns.entry(draft.log).or_default();
            noun.place(draft.expected, lsn, at);
        }
        self.after.extend(drafts.into_iter().filter_map(|d| Some((lsn, d.after?))));
        Ok(lsn)
    }
}

impl Want {
    /// The log that this is about.
    pub fn log(&self) -> u64 {
        match self {
            Want::Note { log, .. } | Want::Payload { log, .. } | Want::Trim { log, .. } | Want::Remove { log } => *log,
        }
    }

    /// Most bytes of facts and payload that this takes.
    fn bytes(&self) -> u64 {
        match self {
            Want::Note { len, .. } => 1 + *len as u64,
            Want::Payload { len, fact, .. } => (len + fact + 1) as u64,
            Want::Trim { .. } => 9,
            Want::Remove { .. } => 10,
        }
    }
}

impl Watch for Ledger {
    fn committed(&self, proof: Committed) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(proof.upto());
        self.late.fetch_add(u64::from(self.deaths() > 0), Ordering::SeqCst);
        self.acked.fetch_max(proof.upto().0, Ordering::SeqCst);
        (self.on_ack)(proof.upto());
    }

    fn dead(&self, _fault: Arc<Fault>) {
        self.deaths.fetch_add(1, Ordering::SeqCst);
    }
}

impl Snapshots for Ledger {
    fn snapshot(&self, log: LogId, into: &mut Vec<u8>) -> Option<(Version, Lsn)> {
        let acked = self.acked();
        let book = self.book();
        let noun = book.nouns.get(&log)?;
        if book.removed(log, acked) {
            return None;
        }
        noun.state().encode(into);
        Some((noun.version(), noun.lsn()))
    }
}
