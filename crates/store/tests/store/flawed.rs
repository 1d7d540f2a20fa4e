//! A check that cannot fail proves nothing: a memory store with one flaw at a time, and a law that must notice each.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Waker,
};

use milena_store::{
    laws::{Harness, LAWS},
    memory::{Memory, Options},
    *,
};

/// What a store can get wrong at the seam.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flaw {
    LastPartDropped,
    GuardIgnored,
    PatchIgnored,
    ReadObeysMax,
    ReadForgetsTheFirst,
    UptoIgnored,
    TrimForgotten,
    RemoveForgotten,
    EndLostWhenEmpty,
    LookupTakesTheLastOfEquals,
    LookupOneTooFar,
    CommittedGoesBack,
    WatchToldTwice,
    FactReplayedTwice,
    FactNotReplayed,
    SnapshotAfterFacts,
    SomethingForNoLog,
}

const ALL: [Flaw; 17] = [
    Flaw::LastPartDropped,
    Flaw::GuardIgnored,
    Flaw::PatchIgnored,
    Flaw::ReadObeysMax,
    Flaw::ReadForgetsTheFirst,
    Flaw::UptoIgnored,
    Flaw::TrimForgotten,
    Flaw::RemoveForgotten,
    Flaw::EndLostWhenEmpty,
    Flaw::LookupTakesTheLastOfEquals,
    Flaw::LookupOneTooFar,
    Flaw::CommittedGoesBack,
    Flaw::WatchToldTwice,
    Flaw::FactReplayedTwice,
    Flaw::FactNotReplayed,
    Flaw::SnapshotAfterFacts,
    Flaw::SomethingForNoLog,
];

struct Flawed {
    memory: Memory,
    flaw: Flaw,
    /// What `committed` says when it goes back.
    begin: Committed,
}

impl Flawed {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }
}

impl Store for Flawed {
    fn credit(&self, class: Class, bytes: u64, waker: Option<&Waker>) -> Result<Credit, NoCredit> {
        self.memory.credit(class, bytes, waker)
    }
    fn append(&self, credit: Credit, op: OpId, at: Millis, parts: &[Part<'_>]) -> Reserved {
        let mut parts = parts.to_vec();
        if self.has(Flaw::LastPartDropped) && parts.len() > 1 {
            parts.pop();
        }
        if self.has(Flaw::PatchIgnored) {
            parts.iter_mut().filter_map(|p| p.payload.as_mut()).for_each(|p| p.patched = &[]);
        }
        let again = self.memory.credit(Class::Fact, 200, None).ok();
        match self.memory.append(credit, op, at, &parts) {
            Reserved::Stale { log, version } if self.has(Flaw::GuardIgnored) && parts.len() == 1 => {
                parts[0].expected = version;
                let credit = again.expect("room for a note");
                let answer = self.memory.append(credit, OpId(op.0 + (1 << 80)), at, &parts);
                if matches!(answer, Reserved::At(_)) { answer } else { Reserved::Stale { log, version } }
            }
            answer => answer,
        }
    }
    fn lead(&self) -> Led {
        self.memory.lead()
    }
    fn flush(&self) -> Result<Committed, Arc<Fault>> {
        self.memory.flush()
    }
    fn committed(&self) -> Committed {
        if self.has(Flaw::CommittedGoesBack) { self.begin } else { self.memory.committed() }
    }
    fn read(&self, log: LogId, from: i64, upto: i64, max: usize, patience: Patience) -> Result<Found, ReadError> {
        let upto = if self.has(Flaw::UptoIgnored) { i64::MAX } else { upto };
        let mut found = self.memory.read(log, from, upto, max, patience)?;
        if self.has(Flaw::ReadObeysMax) && found.bytes > max {
            found = Found { upto: from - 1, ..Found::default() };
        }
        if self.has(Flaw::ReadForgetsTheFirst) && found.slices.len() > 1 {
            found.bytes -= found.slices.remove(0).len();
        }
        Ok(found)
    }
    fn list(&self, log: LogId, from: i64, max: usize) -> Result<Vec<Stored>, ReadError> {
        match self.memory.list(log, from, max) {
            Err(ReadError::NoLog) if self.has(Flaw::SomethingForNoLog) => Ok(Vec::new()),
            other => other,
        }
    }
    fn lookup(&self, log: LogId, query: Query) -> Result<Option<Stored>, ReadError> {
        let found = self.memory.lookup(log, query)?;
        let all = self.memory.list(log, i64::MIN, usize::MAX)?;
        Ok(match (self.flaw, query, found) {
            (Flaw::LookupTakesTheLastOfEquals, Query::GreatestStamp, Some(f)) => all.into_iter().rfind(|s| s.stamp == f.stamp),
            (Flaw::LookupOneTooFar, Query::KeepBytes(_), Some(f)) => all.into_iter().find(|s| s.base > f.base),
            _ => found,
        })
    }
    fn bounds(&self, log: LogId) -> Option<Bounds> {
        let mut bounds = self.memory.bounds(log)?;
        if self.has(Flaw::EndLostWhenEmpty) && bounds.bytes == 0 {
            bounds = Bounds::default();
        }
        Some(bounds)
    }
    fn trim(&self, log: LogId, start: i64) {
        if !self.has(Flaw::TrimForgotten) {
            self.memory.trim(log, start);
        }
    }
    fn remove(&self, log: LogId) {
        if !self.has(Flaw::RemoveForgotten) {
            self.memory.remove(log);
        }
    }
    fn attach(&self, watch: Arc<dyn Watch>, snapshots: Arc<dyn Snapshots>) {
        let twice = self.has(Flaw::WatchToldTwice);
        self.memory.attach(Arc::new(Teller { watch, twice }), snapshots);
    }
    fn gauges(&self) -> Gauges {
        self.memory.gauges()
    }
    fn close(&self) -> Result<(), Arc<Fault>> {
        self.memory.close()
    }
}

struct Teller {
    watch: Arc<dyn Watch>,
    twice: bool,
}
impl Watch for Teller {
    fn committed(&self, proof: Committed) {
        self.watch.committed(proof);
        if self.twice {
            self.watch.committed(proof);
        }
    }
    fn dead(&self, fault: Arc<Fault>) {
        self.watch.dead(fault);
    }
}

/// Hands a replay on, not quite as it should be.
struct Echo<'a> {
    to: &'a mut dyn Replay,
    flaw: Flaw,
    facts: u64,
    late: Vec<(LogId, Version, Vec<u8>)>,
}
impl Replay for Echo<'_> {
    fn snapshot(&mut self, log: LogId, version: Version, bytes: &[u8]) {
        if self.flaw == Flaw::SnapshotAfterFacts {
            self.late.push((log, version, bytes.to_vec()));
        } else {
            self.to.snapshot(log, version, bytes);
        }
    }
    fn fact(&mut self, part: Replayed<'_>) {
        self.facts += 1;
        if self.flaw == Flaw::FactNotReplayed && self.facts == 3 {
            return;
        }
        self.to.fact(part);
        if self.flaw == Flaw::FactReplayedTwice && self.facts == 3 {
            self.to.fact(part);
        }
    }
    fn lost(&mut self, lost: Lost) {
        self.to.lost(lost);
    }
}

struct Maker {
    memory: Memory,
    flaw: Flaw,
}

impl Harness for Maker {
    fn open(&mut self, replay: &mut dyn Replay) -> Result<(Arc<dyn Store>, Recovered), String> {
        let mut echo = Echo { to: replay, flaw: self.flaw, facts: 0, late: Vec::new() };
        let (memory, recovered) = self.memory.restart(&mut echo);
        for (log, version, bytes) in std::mem::take(&mut echo.late) {
            echo.to.snapshot(log, version, &bytes);
        }
        self.memory = memory.clone();
        let begin = memory.committed();
        Ok((Arc::new(Flawed { memory, flaw: self.flaw, begin }), recovered))
    }
    fn cut(&mut self, store: Arc<dyn Store>) {
        drop(store);
    }
    fn fail(&mut self, _store: &Arc<dyn Store>) {
        self.memory.kill("told to");
    }
}

fn make(flaw: Flaw) -> Box<dyn Harness> {
    let options = Options { budget: 4 << 20, in_flight: 256 << 10, replayable: true, snapshot_after: 500 };
    Box::new(Maker { memory: Memory::new(options), flaw })
}

#[test]
fn every_flaw_at_the_seam_breaks_a_law() {
    let mut unseen = Vec::new();
    for flaw in ALL {
        let broken = LAWS.iter().find_map(|(name, law)| {
            let verdict = catch_unwind(AssertUnwindSafe(|| law(&|| make(flaw))));
            verdict.unwrap_or_else(|_| Err("a panic".into())).err().map(|e| (name, e))
        });
        match broken {
            Some((law, violation)) => {
                let violation: String = violation.chars().take(90).collect();
                println!("{flaw:?} breaks the law that {law}: {violation}");
            }
            None => unseen.push(flaw),
        }
    }
    println!("flaws at the seam: tried {} passed {}", ALL.len(), ALL.len() - unseen.len());
    assert!(unseen.is_empty(), "no law notices {unseen:?}");
}
