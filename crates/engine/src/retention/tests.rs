//! Retention on stage, and against a model that looks at every batch.

use proptest::prelude::*;

use super::*;
use crate::script::{Line, Stage, perform_all};

const HOUR: i64 = 3_600_000;

/// A partition's batches in a list.
#[derive(Clone, Debug, Default)]
struct Batches(Vec<Entry>);

impl Index for Batches {
    fn at(&self, offset: Offset) -> Result<Option<Entry>, Unreadable> {
        Ok(self.0.iter().find(|e| e.last >= offset).copied())
    }
    fn appended_at(&self, at: i64) -> Result<Option<Entry>, Unreadable> {
        Ok(self.0.iter().find(|e| e.at >= at).copied())
    }
    fn keep_bytes(&self, bytes: u64) -> Result<Option<Entry>, Unreadable> {
        let from = |at: usize| self.0[at..].iter().map(|e| e.bytes).sum::<u64>();
        Ok((0..self.0.len()).find(|at| from(*at) <= bytes).map(|at| self.0[at]))
    }
    fn list(&self, from: Offset, max: usize) -> Result<Vec<Entry>, Unreadable> {
        Ok(self.0.iter().filter(|e| e.last >= from).take(max).copied().collect())
    }
}

impl Batches {
    fn push(&mut self, count: i64, bytes: u64, at: i64, stamp: i64) {
        let base = self.high();
        self.0.push(Entry { base, last: base + count - 1, bytes, at, stamp });
    }
    fn high(&self) -> Offset {
        self.0.last().map_or(0, |e| e.last + 1)
    }
}

struct Theatre {
    batches: Batches,
    policy: Policy,
    start: Offset,
    now: i64,
}

impl Stage for Theatre {
    fn perform(&mut self, verb: &str, line: &Line) -> Vec<String> {
        match verb {
            "now" => {
                self.now = line.word(0);
                vec![]
            }
            "set" => {
                self.policy.ms = line.opt("ms").or(self.policy.ms).filter(|ms| *ms >= 0);
                self.policy.bytes = line.opt("bytes").or(self.policy.bytes);
                if line.text("clock") == Some("create") {
                    self.policy.clock = RetentionClock::Create;
                }
                vec![]
            }
            "append" => {
                self.batches.push(
                    line.or("count", 1),
                    line.or("bytes", 100),
                    line.or("at", self.now),
                    line.or("stamp", self.now),
                );
                vec![]
            }
            "sweep" => {
                let high = line.or("high", self.batches.high());
                let sweep = self.policy.sweep(self.now, &self.batches, self.start, high).unwrap();
                let moved = sweep.to.map_or(format!("stays at {}", self.start), |(to, why)| format!("moves to {to}: {why:?}"));
                self.start = sweep.to.map_or(self.start, |(to, _)| to);
                vec![format!("{moved}, deadline {:?}", sweep.deadline)]
            }
            "answer" => {
                let living = self.batches.list(self.start, usize::MAX).unwrap();
                let cut = self.policy.cut(self.now, &living);
                vec![format!("runs {:?}, hidden {} offsets, {} bytes", cut.runs, cut.hidden_offsets, cut.hidden_bytes)]
            }
            other => panic!("no verb {other}"),
        }
    }
}

#[test]
fn plays() {
    perform_all("retention", || Theatre {
        batches: Batches::default(),
        policy: Policy { ms: None, bytes: None, clock: RetentionClock::Append, hold_ms: None },
        start: 0,
        now: 0,
    });
}

fn batches() -> impl Strategy<Value = Batches> {
    prop::collection::vec((1..4i64, 1..200u64, -20..60i64, -1..2_000i64), 0..30).prop_map(|raw| {
        let mut all = Batches::default();
        let mut at = 1_000;
        for (count, bytes, step, stamp) in raw {
            // Mostly forward, now and then a clock that was set back.
            at += if step < -15 { -500 } else { step.abs() };
            all.push(count, bytes, at, stamp);
        }
        all
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    let clock = prop_oneof![Just(RetentionClock::Append), Just(RetentionClock::Create)];
    let ms = prop::option::of(0..1_500i64);
    (ms, prop::option::of(0..3_000u64), clock).prop_map(|(ms, bytes, clock)| Policy { ms, bytes, clock, hold_ms: None })
}

proptest! {
    #[test]
    fn nothing_goes_early_and_nothing_stays_late(all in batches(), policy in policies(), now in 500..4_000i64, start in 0..20i64) {
        let high = all.high();
        let start = start.min(high);
        let sweep = policy.sweep(now, &all, start, high).unwrap();
        let to = sweep.to.map_or(start, |(to, _)| to);
        prop_assert!(start <= to && to <= high);
        let after = |at: usize| all.0[at + 1..].iter().map(|e| e.bytes).sum::<u64>();
        let too_old = |e: &Entry| policy.is_expired(now, e);
        let too_many = |at: usize| policy.bytes.is_some_and(|limit| after(at) >= limit);
        // Never early: whatever went now had expired, and all before it had, or those after it fill the limit.
        for (at, e) in all.0.iter().enumerate().filter(|(_, e)| e.last >= start && e.last < to) {
            prop_assert!(too_old(e) || too_many(at), "{:?} went early", e);
        }
        // Exact: the first that stayed is neither.
        if let Some((at, e)) = all.0.iter().enumerate().find(|(_, e)| e.last >= to) {
            prop_assert!(!too_old(e) && !too_many(at), "{:?} stayed late", e);
            prop_assert_eq!(sweep.deadline, policy.expires_at(e));
            // The deadline is the first moment at which there is something to do.
            if let Some(deadline) = sweep.deadline {
                prop_assert_eq!(policy.sweep(deadline - 1, &all, to, high).unwrap().to, None);
                prop_assert!(policy.sweep(deadline, &all, to, high).unwrap().to.is_some());
            }
        } else {
            prop_assert_eq!(sweep.deadline, None);
        }
    }

    #[test]
    fn readers_hold_up_what_they_have_not_read_until_they_have_had_all_their_time(
        all in batches(), policy in policies(), hold in 0..1_500i64, now in 500..4_000i64, (start, read) in (0..20i64, 0..60i64)
    ) {
        let (high, held) = (all.high(), Policy { hold_ms: Some(hold), ..policy });
        let (start, read) = (start.min(high), read.min(high));
        let plain = policy.sweep(now, &all, start, high).unwrap().to.map_or(start, |(to, _)| to);
        let sweep = held.sweep_held(now, &all, (start, high), read).unwrap();
        let (to, why) = sweep.to.map_or((start, None), |(to, why)| (to, Some(why)));
        // It holds up, and never lets go of more.
        prop_assert!(start <= to && to <= plain);
        let patience = Policy { ms: Some(hold), bytes: None, clock: RetentionClock::Append, hold_ms: None };
        for e in all.0.iter().filter(|e| e.last >= start && e.last < to) {
            prop_assert!(e.last < read || patience.is_expired(now, e), "{:?} went unread before its time", e);
        }
        prop_assert_eq!(why == Some(MoveReason::Forced), to > read && to > start && plain > read);
        // What all have read goes as if nobody was waited for.
        if read >= plain {
            prop_assert_eq!(to, plain);
        } else if let Some(deadline) = sweep.deadline {
            // Somebody is waited for, and there is a moment at which that ends.
            let later = held.sweep_held(deadline, &all, (to, high), read).unwrap();
            prop_assert!(later.to.is_some() || to >= plain);
        }
    }

    #[test]
    fn an_answer_has_every_living_batch_and_no_other(all in batches(), policy in policies(), now in 500..4_000i64) {
        let cut = policy.cut(now, &all.0);
        let mut at = 0;
        let mut hidden = 0;
        for e in &all.0 {
            let shown = cut.runs.iter().any(|(run, last)| run.start <= at && at + e.bytes <= run.end && e.last <= *last);
            prop_assert_eq!(shown, !policy.is_expired(now, e));
            hidden += u64::from(!shown);
            at += e.bytes;
        }
        prop_assert_eq!(hidden, cut.hidden_batches);
        prop_assert_eq!(cut.hidden_bytes + cut.runs.iter().map(|(run, _)| run.end - run.start).sum::<u64>(), at);
    }
}

#[test]
fn a_long_way_takes_several_looks_which_follow_at_once() {
    let mut all = Batches::default();
    let count = 2 * limits::RETENTION_STEP_BATCHES as i64 + 5;
    (0..count).for_each(|_| all.push(1, 1, 10, 10));
    let policy = Policy { ms: Some(1), bytes: None, clock: RetentionClock::Create, hold_ms: None };
    let (mut start, mut looks) = (0, 0);
    loop {
        let sweep = policy.sweep(20, &all, start, all.high()).unwrap();
        looks += 1;
        start = sweep.to.expect("every look moves the start").0;
        match sweep.deadline {
            Some(deadline) => assert!(deadline <= 20),
            None => break,
        }
    }
    assert_eq!((start, looks), (count, 3));
}

#[test]
fn the_end_of_time_is_no_reason_to_delete() {
    let mut all = Batches::default();
    all.push(1, 1, 10, 10);
    for ms in [i64::MAX, i64::MAX - 5] {
        let policy = Policy { ms: Some(ms), bytes: None, clock: RetentionClock::Append, hold_ms: None };
        let sweep = policy.sweep(HOUR, &all, 0, 1).unwrap();
        assert_eq!(sweep, Sweep::default());
    }
}

#[test]
fn clocks_have_parted_from_a_minute_on_whichever_is_ahead() {
    let parted = |ahead| Reading { steady: 0, ahead }.parted();
    assert!(!parted(0) && !parted(59_999) && !parted(-59_999));
    assert!(parted(60_000) && parted(-60_000) && parted(i64::MIN));
}

#[test]
fn space_is_freed_ten_minutes_after_the_start_moved() {
    let at = |steady| Reading { steady, ahead: 0 };
    let wait = limits::FREEING_TRAILS_MS;
    let mut freeing = Freeing::default();
    freeing.moved(at(0), 5, MoveReason::Age);
    assert_eq!(freeing.due(at(wait - 1), false), None);
    assert_eq!(freeing.deadline(), Some(wait));
    assert_eq!(freeing.due(at(wait), false), Some(5));
    assert_eq!((freeing.due(at(wait), false), freeing.deadline()), (None, None));
}

#[test]
fn a_start_that_moves_every_second_neither_piles_up_nor_waits_for_ever() {
    let at = |steady| Reading { steady, ahead: 0 };
    let mut freeing = Freeing::default();
    let mut freed = 0;
    for second in 0..3_600 {
        freeing.moved(at(second * 1_000), second + 1, MoveReason::Age);
        assert!(freeing.waiting.len() <= 12);
        if let Some(to) = freeing.due(at(second * 1_000), false) {
            // Never before its ten minutes, and at most a minute later.
            assert!(to <= second - 600 + 1);
            freed = to;
        }
        assert!(freed >= second - 661);
    }
}

#[test]
fn a_full_disk_does_not_wait_but_clocks_that_part_stop_everything_that_was_not_asked_for() {
    let at = |steady| Reading { steady, ahead: 0 };
    let parted = |steady| Reading { steady, ahead: limits::CLOCKS_PART_MS };
    let mut freeing = Freeing::default();
    freeing.moved(at(0), 5, MoveReason::Size);
    assert_eq!(freeing.due(parted(HOUR), true), None);
    assert_eq!(freeing.due(at(1), true), Some(5));
    freeing.moved(at(0), 6, MoveReason::Age);
    freeing.moved(at(0), 7, MoveReason::Asked);
    freeing.moved(at(0), 8, MoveReason::Age);
    assert_eq!(freeing.due(parted(HOUR), true), Some(7));
    assert_eq!(freeing.due(parted(HOUR), true), None);
    assert_eq!(freeing.due(at(HOUR), false), Some(8));
}

#[test]
fn a_topic_without_delete_in_its_cleanup_policy_keeps_everything() {
    let mut settings = TopicSettings { retention_ms: Some(5), retention_bytes: Some(5), ..TopicSettings::default() };
    let policy = Policy::from(&settings);
    assert_eq!((policy.ms, policy.bytes, policy.keeps_everything(), policy.hides()), (Some(5), Some(5), false, false));
    settings.cleanup.delete = false;
    settings.retention_clock = RetentionClock::Create;
    let policy = Policy::from(&settings);
    assert!(policy.keeps_everything() && !policy.hides());
    assert!(Policy::from(&TopicSettings::default()).keeps_everything(), "the default is to keep for ever");
}
