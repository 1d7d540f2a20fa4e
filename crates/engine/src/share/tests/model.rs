//! A share group beside a ledger that keeps every record apart. Steps are drawn; after each, the group must say what the
//! ledger says. A crash keeps what was stated as bytes and nothing else. Bugs that are planted between the group's judgement
//! and its state must be found: otherwise the ledger proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    group::{GroupId, MemberId},
    ids::{TopicId, Uuid},
    machine::{Machine, Now},
    share::*,
};

const LIMIT: u16 = 3;
const LOCK_MS: i64 = 100;
/// Who holds what is extended after a restart: the settling party itself.
const HTTP: u8 = 250;

#[derive(Clone, Debug)]
enum Act {
    Produce(i64),
    Take {
        who: u8,
        max: i64,
        strictly: bool,
        /// So many of them are kept; the answer has no room for the others.
        keep: Option<i64>,
    },
    Say {
        who: u8,
        first: i64,
        len: i64,
        verdict: Verdict,
    },
    /// Settles the n-th lease that was ever given, however old.
    Lease {
        nth: usize,
        verdict: Verdict,
        ms: Option<i64>,
    },
    Wait(i64),
    Gone {
        who: u8,
        failed: bool,
    },
    Trim(i64),
    Snapshot,
    Crash,
    Bury,
    TopicDeleted,
    /// The group begins anew at its n-th record.
    Reset(i64),
}

/// What is done wrong on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Plant {
    Nothing,
    /// A taking is not noted: the record can be taken again.
    LockForgotten,
    /// What was acknowledged is not written.
    FactUnwritten,
    /// A failed delivery does not count.
    CountForgotten,
    /// A trim is believed to have finished one record more.
    TrimTooFar,
    /// An acknowledgement reaches one record too many.
    OneTooMany,
    /// A record that was given up is called finished before its letter was written.
    LetterSkipped,
}

/// One record as the ledger knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Record {
    finished: bool,
    condemned: bool,
    /// Its letter was written.
    buried: bool,
    failures: u16,
    /// By whom, and until when. Nobody: its delay.
    held: Option<(Option<u8>, i64)>,
}

struct Play {
    share: Share,
    now: Now,
    plant: Plant,
    /// For how long what failed rests.
    delay: i64,
    snapshot: Option<Vec<u8>>,
    log: Vec<Vec<u8>>,
    records: BTreeMap<i64, Record>,
    end: i64,
    start: i64,
    leases: Vec<Given>,
    /// Counts the times that the group began.
    era: u32,
}

/// A lease that was given once.
#[derive(Clone, Copy)]
struct Given {
    lease: Lease,
    who: u8,
    until: i64,
    era: u32,
}

fn at() -> At {
    At { topic: TopicId(Uuid::from_u128(7)), partition: 0 }
}
fn member(who: u8) -> MemberId {
    MemberId::from(format!("m{who}").as_str())
}
fn rules(delay_ms: i64) -> Rules {
    Rules { deliveries: LIMIT, lock_ms: LOCK_MS, locks_max: 30, delay_ms, ..Rules::default() }
}
fn blank(delay: i64) -> Share {
    Share::new(GroupId::from("g"), rules(delay))
}

type Check = Result<(), String>;
fn must(holds: bool, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(what()) }
}

impl Play {
    fn new(plant: Plant, delay: i64) -> Self {
        let mut play = Self {
            share: blank(delay),
            delay,
            now: Now { wall: 1_000, mono: 0 },
            plant,
            snapshot: None,
            log: Vec::new(),
            records: BTreeMap::new(),
            end: 0,
            start: 0,
            leases: Vec::new(),
            era: 0,
        };
        play.command(Command::Begin(vec![(at(), 0)])).expect("a new partition");
        play
    }

    fn command(&mut self, command: Command) -> Result<Reply, Refusal> {
        let decision = self.share.decide(self.now, command)?;
        decision.facts.iter().for_each(|fact| self.apply(fact));
        Ok(decision.reply)
    }

    fn apply(&mut self, fact: &Fact) {
        let mut fact = fact.clone();
        match (self.plant, &mut fact) {
            (Plant::LockForgotten, Fact::Soft(Soft::Held { .. })) => return,
            (Plant::CountForgotten, Fact::Durable(ShareFact::ShareSettled(settled))) => {
                settled.runs.iter_mut().for_each(|run| run.failures = 0);
            }
            (Plant::OneTooMany, Fact::Durable(ShareFact::ShareSettled(settled))) => {
                settled.runs.iter_mut().for_each(|run| run.last += 1);
            }
            (Plant::LetterSkipped, Fact::Durable(ShareFact::ShareSettled(settled))) => {
                settled.runs.iter_mut().filter(|r| r.stand == Stand::Condemned).for_each(|r| r.stand = Stand::Archived);
            }
            (Plant::TrimTooFar, Fact::Durable(ShareFact::ShareTrimmed(trimmed))) => trimmed.to += 1,
            _ => {}
        }
        let unwritten = self.plant == Plant::FactUnwritten && matches!(fact, Fact::Durable(ShareFact::ShareSettled(_)));
        if let Some(durable) = fact.durable().filter(|_| !unwritten) {
            let mut bytes = Vec::new();
            durable.encode(&mut bytes);
            self.log.push(bytes);
        }
        self.share.apply(&fact);
    }

    fn act(&mut self, act: &Act) -> Check {
        match act {
            Act::Produce(n) => {
                (self.end..self.end + n).for_each(|offset| {
                    self.records.insert(offset, Record::default());
                });
                self.end += n;
            }
            Act::Take { who, max, strictly, keep } => {
                let grant = self.take(*who, *max, *strictly)?;
                if let Some((keep, (grant, first))) = keep.zip(grant) {
                    self.give_back(grant, first + keep)?;
                }
            }
            Act::Say { who, first, len, verdict } => self.say(*who, *first, first + len, *verdict)?,
            Act::Lease { nth, verdict, ms } => self.lease(*nth, *verdict, *ms)?,
            Act::Wait(ms) => self.wait(*ms),
            Act::Gone { who, failed } => {
                let dropping = Dropping { member: member(*who), failed: *failed, only: Vec::new() };
                self.command(Command::Drop(dropping)).map_err(|e| e.to_string())?;
                self.free(|(owner, _)| owner == Some(*who), *failed);
            }
            Act::Trim(n) => {
                self.start = (self.start + n).min(self.end);
                self.records = self.records.split_off(&self.start);
                // The group notices when it is asked for something.
                let _ = self.take(9, 0, true)?;
            }
            Act::Snapshot => {
                let mut bytes = Vec::new();
                self.share.snapshot(&mut bytes);
                (self.snapshot, self.log) = (Some(bytes), Vec::new());
            }
            Act::Crash => self.crash(),
            Act::Bury => self.bury()?,
            Act::TopicDeleted => {
                self.command(Command::ForgetTopics(vec![at().topic])).map_err(|e| e.to_string())?;
                must(!self.share.has_begun(at()) && self.share.deadline().is_none(), || "something is left of a topic".into())?;
                (self.records, self.end, self.start) = (BTreeMap::new(), 0, 0);
                self.leases.clear();
                self.command(Command::Begin(vec![(at(), 0)])).map_err(|e| e.to_string())?;
            }
            Act::Reset(n) => {
                self.now.wall += 1;
                let to = (self.start + n).min(self.end);
                let drops = self.records.range(..to).any(|(_, r)| r.condemned && !r.finished);
                let told = self.command(Command::Reset(vec![(at(), to)]));
                must(told.is_ok() != drops, || format!("a reset that drops letters, {drops}: {told:?}"))?;
                if drops {
                    return self.compare();
                }
                let again = |offset: i64| (offset, Record { finished: offset < to, ..Record::default() });
                self.records = (self.start..self.end).map(again).collect();
                self.era += 1;
            }
        }
        self.compare()
    }

    /// Answers the grant and its first record.
    fn take(&mut self, who: u8, max: i64, strictly: bool) -> Result<Option<(u32, i64)>, String> {
        let window = Window { start: self.start, end: self.end };
        let batch_ends = if strictly { Vec::new() } else { (0..self.end).filter(|o| o % 4 == 3).collect() };
        let (owner, last) = (member(who), self.end - 1);
        let acquire =
            Acquire { at: at(), window, owner, first: 0, last, max, batch_ends, keys: Vec::new(), lock_ms: None, freed: None };
        let reply = self.command(Command::Acquire(acquire)).map_err(|e| e.to_string())?;
        let Reply::Granted(granted) = reply else { return Err(format!("{reply:?}")) };
        let taken: i64 = granted.runs.iter().map(|(first, last, _)| last - first + 1).sum();
        must(!strictly || taken <= max, || format!("{taken} records instead of {max}"))?;
        must(taken <= max.max(0) + 3, || format!("{taken} records for {max} are more than the last batch explains"))?;
        let began = granted.runs.first().map(|(first, ..)| (granted.grant, *first));
        for (first, last, delivery) in granted.runs {
            for offset in first..=last {
                let Some(record) = self.records.get_mut(&offset) else { return Err(format!("{offset} is not there")) };
                must(!record.finished && !record.condemned, || format!("{offset} is finished and came back"))?;
                must(record.held.is_none(), || format!("{offset} has two owners"))?;
                must(record.failures + 1 == delivery, || format!("{offset}: delivery {delivery} after {record:?}"))?;
                must(delivery <= LIMIT, || format!("{offset} is delivered {delivery} times"))?;
                record.held = Some((Some(who), granted.until));
                let Granted { grant, since, until, .. } = granted;
                let lease = Lease { at: at(), offset, delivery, grant: Some(grant), since, runs: true, key: None };
                self.leases.push(Given { lease, who, until, era: self.era });
            }
        }
        Ok(began)
    }

    /// What was taken just now is free again from there on, as if it had never been taken.
    fn give_back(&mut self, grant: u32, from: i64) -> Check {
        self.command(Command::GiveBack { grant, from }).map_err(|e| e.to_string())?;
        for given in self.leases.iter().filter(|given| given.lease.grant == Some(grant) && given.lease.offset >= from) {
            if let Some(record) = self.records.get_mut(&given.lease.offset) {
                record.held = None;
            }
        }
        Ok(())
    }

    fn say(&mut self, who: u8, first: i64, last: i64, verdict: Verdict) -> Check {
        let batches = vec![AckBatch { first, last, verdicts: vec![verdict] }];
        let acknowledge = Acknowledge { at: at(), owner: member(who), batches };
        let theirs = (first.max(self.low())..=last)
            .all(|o| self.records.get(&o).is_some_and(|r| matches!(r.held, Some((Some(w), _)) if w == who)));
        let said = self.command(Command::Acknowledge(acknowledge));
        must(said.is_ok() == theirs, || {
            format!("{who} says {verdict:?} of {first}..={last}, which is theirs: {theirs}; {said:?}")
        })?;
        if theirs {
            let until = self.now.mono + LOCK_MS;
            (first..=last).for_each(|offset| self.note(offset, verdict, Some((Some(who), until))));
        }
        Ok(())
    }

    /// What lies below was finished, as the group knows it.
    fn low(&self) -> i64 {
        self.records.iter().find(|(_, r)| !r.finished).map_or(self.end, |(offset, _)| *offset)
    }

    fn note(&mut self, offset: i64, verdict: Verdict, renewed: Option<(Option<u8>, i64)>) {
        let Some(record) = self.records.get_mut(&offset).filter(|r| !r.finished) else { return };
        match verdict {
            Verdict::Renew => record.held = renewed,
            Verdict::Accept | Verdict::Gap => (record.finished, record.held) = (true, None),
            Verdict::Reject => {
                (record.condemned, record.held) = (true, None);
                record.failures += 1;
            }
            Verdict::Release => {
                record.failures += 1;
                record.condemned = record.failures >= LIMIT;
                record.held = rest(record, self.now.mono, self.delay);
            }
        }
    }

    fn lease(&mut self, nth: usize, verdict: Verdict, ms: Option<i64>) -> Check {
        if self.leases.is_empty() {
            return Ok(());
        }
        let Given { lease, who, until, era } = self.leases[nth % self.leases.len()];
        let lease = Lease { runs: self.now.mono < until, ..lease };
        if lease.grant.is_none() && !lease.runs {
            // The door does not let it in.
            return Ok(());
        }
        let held = self.records.get(&lease.offset).copied();
        let settle = Settle { by: "http".into(), leases: vec![(lease, verdict, ms)], reason: None };
        let reply = self.command(Command::Settle(settle)).map_err(|e| e.to_string())?;
        let Reply::Settled(outcomes) = reply else { return Err(format!("{reply:?}")) };
        if outcomes[0].is_err() {
            return Ok(());
        }
        must(era == self.era, || format!("a lease from before a reset settles {held:?}"))?;
        must(lease.runs || held.is_none_or(|r| !r.buried), || format!("a late word is taken for {held:?}"))?;
        let Some(record) = held.filter(|r| !r.finished) else { return Ok(()) };
        let free = lease.grant.is_none() && record.held.is_none();
        must(free || record.held.is_some_and(|(owner, _)| owner == Some(who) || owner.is_some()), || {
            format!("an ended lease on {} was honoured: {record:?}", lease.offset)
        })?;
        must(record.failures + 1 == lease.delivery && !record.condemned, || format!("an old lease settles {record:?}"))?;
        let until = self.now.mono + ms.unwrap_or(LOCK_MS).clamp(1, 1_000_000);
        self.note(lease.offset, verdict, Some((record.held.map_or(Some(HTTP), |(owner, _)| owner), until)));
        if let Outcome::Again = self.again(lease.offset, verdict)
            && let Some(record) = self.records.get_mut(&lease.offset)
        {
            record.held = rest(record, self.now.mono, ms.unwrap_or(self.delay));
        }
        if verdict == Verdict::Renew
            && let Ok(Some(granted)) = &outcomes[0]
        {
            self.leases.push(Given { lease: Lease { grant: Some(granted.grant), ..lease }, who, until, era });
        }
        Ok(())
    }

    fn again(&self, offset: i64, verdict: Verdict) -> Outcome {
        match self.records.get(&offset) {
            Some(r) if verdict == Verdict::Release && !r.condemned && !r.finished => Outcome::Again,
            _ => Outcome::Over,
        }
    }

    fn wait(&mut self, ms: i64) {
        self.now = Now { wall: self.now.wall + ms, mono: self.now.mono + ms };
        loop {
            let facts = self.share.expire(self.now);
            if facts.is_empty() {
                break;
            }
            facts.iter().for_each(|fact| self.apply(fact));
            if self.plant != Plant::Nothing {
                break;
            }
        }
        let now = self.now.mono;
        self.free(|(owner, until)| owner.is_some() && until <= now, true);
        self.free(|(owner, until)| owner.is_none() && until <= now, false);
    }

    fn free(&mut self, which: impl Fn((Option<u8>, i64)) -> bool, failed: bool) {
        let (now, delay) = (self.now.mono, self.delay);
        for record in self.records.values_mut().filter(|r| r.held.is_some_and(&which)) {
            record.held = None;
            if failed {
                record.failures += 1;
                record.condemned = record.failures >= LIMIT;
                record.held = rest(record, now, delay);
            }
        }
    }

    fn crash(&mut self) {
        let mut share = self
            .snapshot
            .as_ref()
            .map_or_else(|| blank(self.delay), |bytes| Share::restore(bytes, rules(self.delay)).expect("a snapshot"));
        for bytes in &self.log {
            share.apply_durable(&ShareFact::decode(bytes).expect("a fact"));
        }
        self.share = share;
        self.records.values_mut().for_each(|record| record.held = None);
        self.leases.iter_mut().for_each(|given| given.lease.grant = None);
    }

    fn bury(&mut self) -> Check {
        let letters = self.share.letters(1, &BTreeSet::new());
        let waits = self.records.iter().find(|(_, r)| r.condemned && !r.finished).map(|(offset, _)| *offset);
        must(letters.first().map(|l| l.offset) == waits, || format!("{letters:?} instead of {waits:?}"))?;
        if let Some(offset) = waits {
            let buried = self.command(Command::Buried { at: at(), offset }).map_err(|e| e.to_string())?;
            must(buried == Reply::Buried(true), || "a letter was not wanted".into())?;
            if let Some(record) = self.records.get_mut(&offset) {
                (record.finished, record.buried) = (true, true);
            }
        }
        Ok(())
    }

    /// The group counts as the ledger does.
    fn compare(&self) -> Check {
        let window = Window { start: self.start, end: self.end };
        let depth = self.share.depth(at(), window).ok_or("the partition is unknown")?;
        let count = |is: &dyn Fn(&Record) -> bool| self.records.values().filter(|r| !r.finished && is(r)).count() as i64;
        let want = (
            count(&|_| true),
            count(&|r| r.held.is_some_and(|(owner, _)| owner.is_some())),
            count(&|r| r.held.is_some_and(|(owner, _)| owner.is_none())),
            count(&|r| r.condemned),
        );
        let got = (depth.unfinished, depth.held, depth.delayed, depth.condemned);
        must(got == want, || format!("unfinished, held, delayed, condemned: {got:?} instead of {want:?}"))?;
        let free = self.records.iter().find(|(_, r)| !r.finished && !r.condemned && r.held.is_none()).map(|(o, _)| *o);
        let offered = self.share.available(at(), self.start, self.end);
        must(offered == free, || format!("{offered:?} is available instead of {free:?}"))
    }
}

/// What failed rests, held by nobody, unless it has failed often enough.
fn rest(record: &Record, now: i64, ms: i64) -> Option<(Option<u8>, i64)> {
    (ms > 0 && !record.condemned).then_some((None, now + ms))
}

enum Outcome {
    Again,
    Over,
}

fn verdict() -> impl Strategy<Value = Verdict> {
    use Verdict::*;
    prop_oneof![4 => Just(Accept), 2 => Just(Release), 1 => Just(Reject), 1 => Just(Gap), 2 => Just(Renew)]
}

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..3u8;
    prop_oneof![
        3 => (1..12i64).prop_map(Act::Produce),
        6 => (who(), 0..7i64, any::<bool>(), prop::option::weighted(0.2, 0..4i64))
            .prop_map(|(who, max, strictly, keep)| Act::Take { who, max, strictly, keep }),
        6 => (who(), 0..40i64, 0..6i64, verdict()).prop_map(|(who, first, len, verdict)| Act::Say { who, first, len, verdict }),
        5 => (any::<usize>(), verdict(), prop::option::of(0..300i64)).prop_map(|(nth, verdict, ms)| Act::Lease { nth, verdict, ms }),
        3 => (1..150i64).prop_map(Act::Wait),
        1 => (who(), any::<bool>()).prop_map(|(who, failed)| Act::Gone { who, failed }),
        1 => (1..6i64).prop_map(Act::Trim),
        1 => Just(Act::Snapshot),
        2 => Just(Act::Crash),
        2 => Just(Act::Bury),
        1 => (0..20i64).prop_map(Act::Reset),
        1 => prop::bool::weighted(0.1).prop_map(|gone| if gone { Act::TopicDeleted } else { Act::Snapshot }),
    ]
}

fn play(acts: &[Act], plant: Plant, delay: i64) -> Check {
    let mut play = Play::new(plant, delay);
    for (step, act) in acts.iter().enumerate() {
        play.act(act).map_err(|what| format!("step {step}, {act:?}: {what}"))?;
    }
    drain(&mut play)
}

/// In the end everything that was not trimmed is finished, one way or the other.
fn drain(play: &mut Play) -> Check {
    for _ in 0..100 {
        if play.records.values().all(|r| r.finished) {
            break;
        }
        play.act(&Act::Wait(1_000))?;
        play.act(&Act::Take { who: 0, max: 7, strictly: true, keep: None })?;
        let held: Vec<i64> = play.records.iter().filter(|(_, r)| r.held.is_some()).map(|(o, _)| *o).collect();
        for offset in held {
            play.say(0, offset, offset, Verdict::Accept)?;
        }
        play.act(&Act::Bury)?;
    }
    must(play.records.values().all(|r| r.finished), || "something is never finished".into())?;
    must(play.share.deadline().is_none(), || "an alarm is left of nothing".into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn never_two_owners_never_over_the_limit_nothing_comes_back_nothing_vanishes(
        acts in prop::collection::vec(act(), 1..60),
        delay in prop_oneof![Just(0), Just(70)],
    ) {
        play(&acts, Plant::Nothing, delay).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn planted_bugs_are_found() {
    use Plant::*;
    for plant in [LockForgotten, FactUnwritten, CountForgotten, TrimTooFar, OneTooMany, LetterSkipped] {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: 200,
            max_shrink_iters: 0,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let found = runner.run(&prop::collection::vec(act(), 1..60), |acts| play(&acts, plant, 0).map_err(TestCaseError::fail));
        assert!(found.is_err(), "{plant:?} was not found");
    }
}
