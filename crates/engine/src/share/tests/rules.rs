//! Single rules of a share group, each with the case that it is for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    group::{GroupId, MemberId},
    ids::{TopicId, Uuid},
    limits,
    machine::{Machine, Now},
    share::*,
};

const NOW: Now = Now { wall: 1_000, mono: 0 };

fn at() -> At {
    At { topic: TopicId(Uuid::from_u128(7)), partition: 0 }
}

/// The lease that a taking gave on a record.
fn lease_on(offset: i64, granted: &Granted) -> Lease {
    let of = granted.runs.iter().find(|(first, last, _)| (*first..=*last).contains(&offset));
    let delivery = of.map_or(1, |(_, _, delivery)| *delivery);
    Lease { at: at(), offset, delivery, grant: Some(granted.grant), since: NOW.wall, runs: true, key: None }
}

struct Group(Share);

impl Group {
    fn with(rules: Rules) -> Self {
        let mut group = Self(Share::new(GroupId::from("g"), rules));
        group.ask(NOW, Command::Begin(vec![(at(), 0)])).unwrap();
        group
    }
    fn ask(&mut self, now: Now, command: Command) -> Result<Reply, Refusal> {
        let decision = self.0.decide(now, command)?;
        decision.facts.iter().for_each(|fact| self.0.apply(fact));
        Ok(decision.reply)
    }
    fn take(&mut self, who: &str, max: i64, end: i64, keys: &[(i64, u64)]) -> Granted {
        let acquire = Acquire {
            at: at(),
            window: Window { start: 0, end },
            owner: MemberId::from(who),
            first: 0,
            last: end - 1,
            max,
            batch_ends: Vec::new(),
            keys: keys.to_vec(),
            lock_ms: None,
            freed: Some(self.0.freed()),
        };
        match self.ask(NOW, Command::Acquire(acquire)) {
            Ok(Reply::Granted(granted)) => granted,
            other => panic!("{other:?}"),
        }
    }
    fn say(&mut self, who: &str, first: i64, last: i64, verdict: Verdict) -> Result<Reply, Refusal> {
        let batches = vec![AckBatch { first, last, verdicts: vec![verdict] }];
        self.ask(NOW, Command::Acknowledge(Acknowledge { at: at(), owner: MemberId::from(who), batches }))
    }
    fn beat(&mut self, now: Now, who: &str, epoch: i32, topics: &[&str]) -> Result<Beaten, Refusal> {
        let known = |(n, name): (usize, &&str)| (Arc::from(*name), (TopicId(Uuid::from_u128(n as u128 + 1)), 3));
        let beat = Beat {
            member: MemberId::from(who),
            epoch,
            rack: None,
            client_id: "c".into(),
            client_host: "/h".into(),
            subscribed: Some(topics.iter().map(|t| Arc::from(*t)).collect()),
            topics: topics.iter().enumerate().map(known).collect::<BTreeMap<_, _>>(),
        };
        match self.ask(now, Command::Beat(beat))? {
            Reply::Beaten(beaten) => Ok(beaten),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn one_message_a_key_at_a_time() {
    let mut group = Group::with(Rules { by_key: true, ..Rules::default() });
    // Offsets 0 and 2 share a key; 3 has none.
    let keys = [(0, 1), (1, 2), (2, 1), (4, 3)];
    assert_eq!(group.take("a", 2, 5, &keys).runs, [(0, 1, 1)]);
    assert_eq!(group.take("b", 9, 5, &keys).runs, [(3, 4, 1)]);
    assert_eq!(group.take("b", 9, 5, &keys).runs, []);
    // Given back, 0 comes before 2.
    group.say("a", 0, 0, Verdict::Release).unwrap();
    assert_eq!(group.take("b", 9, 5, &keys).runs, [(0, 0, 2)]);
    group.say("b", 0, 0, Verdict::Accept).unwrap();
    assert_eq!(group.take("b", 9, 5, &keys).runs, [(2, 2, 1)]);
}

#[test]
fn what_may_be_poisonous_is_handed_out_alone() {
    let mut group = Group::with(Rules { deliveries: 3, ..Rules::default() });
    for delivery in 1..3 {
        group.take("a", if delivery == 1 { 4 } else { 1 }, 8, &[]);
        let _ = group.say("a", 0, 0, Verdict::Release);
        if delivery == 1 {
            group.say("a", 1, 3, Verdict::Accept).unwrap();
        }
    }
    assert_eq!(group.take("a", 500, 8, &[]).runs, [(0, 0, 3)], "its last delivery, with nothing beside it");
    assert_eq!(group.take("a", 500, 8, &[]).runs, [(4, 7, 1)]);
}

#[test]
fn verdicts_in_one_batch_stand_each_for_one_record() {
    let mut group = Group::with(Rules::default());
    group.take("a", 4, 4, &[]);
    use Verdict::*;
    let batch = |verdicts: &[Verdict]| vec![AckBatch { first: 0, last: 3, verdicts: verdicts.to_vec() }];
    let of = |batches| Command::Acknowledge(Acknowledge { at: at(), owner: MemberId::from("a"), batches });
    assert!(matches!(group.ask(NOW, of(batch(&[Accept, Release]))), Err(Refusal::Invalid(_))));
    group.ask(NOW, of(batch(&[Accept, Release, Reject, Gap]))).unwrap();
    let depth = group.0.depth(at(), Window { start: 0, end: 4 }).unwrap();
    assert_eq!((depth.start, depth.unfinished, depth.condemned, depth.held), (1, 2, 1, 0));
    assert_eq!(group.take("b", 9, 4, &[]).runs, [(1, 1, 2)]);
    assert_eq!(group.0.letters(9, &BTreeSet::new())[0].offset, 2);
}

#[test]
fn a_late_acknowledgement_of_another_delivery_is_refused() {
    // ABA: the same name takes the record again, and the first taker wakes up.
    let mut group = Group::with(Rules::default());
    let first = group.take("http", 1, 1, &[]);
    let lease = |g: &Granted| Lease { delivery: g.runs[0].2, ..lease_on(0, g) };
    let settle = |lease, verdict| Command::Settle(Settle { by: "x".into(), leases: vec![(lease, verdict, None)], reason: None });
    let dropping = Dropping { member: MemberId::from("http"), failed: false, only: Vec::new() };
    group.ask(NOW, Command::Drop(dropping)).unwrap();
    let second = group.take("http", 1, 1, &[]);
    assert_eq!(second.runs, first.runs, "the first one did not count");
    let late = group.ask(NOW, settle(lease(&first), Verdict::Accept)).unwrap();
    assert_eq!(late, Reply::Settled(vec![Err(LeaseRefusal::Lost)]));
    for _ in 0..2 {
        let good = group.ask(NOW, settle(lease(&second), Verdict::Accept)).unwrap();
        assert_eq!(good, Reply::Settled(vec![Ok(None)]), "and again, since the answer may have been lost");
    }
}

#[test]
fn a_part_of_a_taking_can_be_given_back() {
    let mut group = Group::with(Rules::default());
    let taken = group.take("a", 5, 5, &[]);
    group.ask(NOW, Command::GiveBack { grant: taken.grant, from: 3 }).unwrap();
    let next = group.take("b", 5, 5, &[]);
    assert_eq!(next.runs, [(3, 4, 1)], "it did not count as a delivery");
    group.say("a", 0, 2, Verdict::Accept).unwrap();
    assert!(group.say("a", 3, 3, Verdict::Accept).is_err(), "what was given back is another's");
    group.ask(NOW, Command::GiveBack { grant: 4_000_000, from: 0 }).unwrap();
}

#[test]
fn what_became_free_behind_the_look_is_not_overtaken() {
    let mut group = Group::with(Rules { by_key: true, ..Rules::default() });
    let keys = [(0, 7), (1, 7)];
    group.take("a", 1, 2, &keys);
    // Somebody looks while the first is held, and reads from the second on; then the first is free again.
    let seen = group.0.freed();
    group.say("a", 0, 0, Verdict::Release).unwrap();
    let acquire = |freed| Acquire {
        at: at(),
        window: Window { start: 0, end: 2 },
        owner: MemberId::from("b"),
        first: 1,
        last: 1,
        max: 1,
        batch_ends: Vec::new(),
        keys: keys[1..].to_vec(),
        lock_ms: None,
        freed,
    };
    for freed in [Some(seen), None] {
        let taken = group.ask(NOW, Command::Acquire(acquire(freed))).unwrap();
        assert!(matches!(&taken, Reply::Granted(granted) if granted.runs.is_empty()), "{taken:?}");
    }
    assert_eq!(group.take("b", 1, 2, &keys).runs, [(0, 0, 2)]);
}

#[test]
fn a_lease_of_a_former_life_counts_while_nobody_else_took_the_record() {
    let mut group = Group::with(Rules::default());
    let lease = Lease { grant: None, ..lease_on(0, &group.take("a", 0, 1, &[])) };
    let settle = Command::Settle(Settle { by: "x".into(), leases: vec![(lease, Verdict::Accept, None)], reason: None });
    group.take("b", 1, 2, &[]);
    assert_eq!(group.ask(NOW, settle.clone()).unwrap(), Reply::Settled(vec![Err(LeaseRefusal::Lost)]));
    let dropping = Dropping { member: MemberId::from("b"), failed: false, only: Vec::new() };
    group.ask(NOW, Command::Drop(dropping)).unwrap();
    assert_eq!(group.ask(NOW, settle).unwrap(), Reply::Settled(vec![Ok(None)]));
}

#[test]
fn every_partition_is_read_and_every_member_reads() {
    let mut group = Group::with(Rules::default());
    let first = group.beat(NOW, "a", 0, &["t"]).unwrap();
    let all = |b: &Beaten| b.assignment.as_ref().unwrap().values().flatten().copied().collect::<Vec<_>>();
    assert_eq!((first.epoch, all(&first)), (1, vec![0, 1, 2]));
    for who in ["b", "c", "d", "e"] {
        group.beat(NOW, who, 0, &["t"]).unwrap();
    }
    // "a" learns of the new epoch with its next beat, and of nothing with the one after.
    let told = group.beat(NOW, "a", 1, &["t"]).unwrap();
    assert_eq!((told.epoch, all(&told)), (5, vec![0]));
    assert_eq!(group.beat(NOW, "a", 5, &["t"]).unwrap().assignment, None);
    assert_eq!(all(&group.beat(NOW, "a", 1, &["t"]).unwrap()), [0], "the answer may have been lost");
    assert!(matches!(group.beat(NOW, "a", 7, &["t"]), Err(Refusal::Fenced { .. })));
    let read: std::collections::BTreeSet<i32> =
        group.0.describe().members.iter().flat_map(|m| m.assignment.values().flatten().copied()).collect();
    assert_eq!(read.len(), 3);
    assert!(group.0.describe().members.iter().all(|m| !m.assignment.is_empty()));
}

#[test]
fn silent_members_go_and_the_group_can_be_deleted_then() {
    let mut group = Group::with(Rules::default());
    group.beat(NOW, "a", 0, &["t"]).unwrap();
    assert_eq!(group.ask(NOW, Command::Delete), Err(Refusal::NotEmpty));
    let later = Now { wall: 0, mono: group.0.deadline().unwrap() };
    group.0.expire(later).iter().for_each(|fact| group.0.apply(fact));
    assert_eq!((group.0.members(), group.0.deadline()), (0, None));
    assert!(matches!(group.beat(later, "a", 1, &["t"]), Err(Refusal::UnknownMember(_))));
    group.ask(later, Command::Delete).unwrap();
    assert!(group.0.is_dead());
}

#[test]
fn more_than_the_locks_is_not_handed_out() {
    let mut group = Group::with(Rules { locks_max: 10, ..Rules::default() });
    assert_eq!(group.take("a", 500, 100, &[]).runs, [(0, 9, 1)]);
    assert!(group.take("a", 500, 100, &[]).runs.is_empty() && !group.0.has_locks(at()));
}

#[test]
fn a_million_records_in_flight_fit() {
    let mut group = Group::with(Rules { locks_max: 1_000_000, ..Rules::default() });
    for _ in 0..10_000 {
        group.take("a", 100, 1_000_000, &[]);
    }
    let depth = group.0.depth(at(), Window { start: 0, end: 1_000_000 }).unwrap();
    assert_eq!(depth.held, 1_000_000);
    assert!(size_of::<runs::Cell>() <= 8, "a run is an offset and eight bytes");
}

#[test]
fn what_failed_rests_for_as_long_as_the_group_says() {
    let mut group = Group::with(Rules { delay_ms: 5_000, lock_ms: 1_000, by_key: true, ..Rules::default() });
    let keys = [(0, 1), (1, 1)];
    assert_eq!(group.take("a", 9, 2, &keys).runs, [(0, 0, 1)], "one of a key at a time");
    group.say("a", 0, 0, Verdict::Release).unwrap();
    assert_eq!(group.take("a", 9, 2, &keys).runs, [], "it rests, and the next of its key waits for it");
    assert_eq!(group.0.depth(at(), Window { start: 0, end: 2 }).unwrap().delayed, 1);
    let after = |ms| Now { wall: 1_000, mono: ms };
    let pass = |group: &mut Group, ms| {
        let facts = group.0.expire(after(ms));
        facts.iter().for_each(|fact| group.0.apply(fact));
    };
    pass(&mut group, 4_999);
    assert_eq!(group.take("a", 9, 2, &keys).runs, []);
    pass(&mut group, 5_000);
    assert_eq!(group.take("a", 9, 2, &keys).runs, [(0, 0, 2)]);
    // A lock that runs out is a failure, too.
    pass(&mut group, 5_000);
    assert_eq!(group.0.depth(at(), Window { start: 0, end: 2 }).unwrap().delayed, 1);
    assert_eq!(group.take("a", 9, 2, &keys).runs, []);
}

#[test]
fn a_paused_group_hands_out_nothing_and_settles() {
    let mut group = Group::with(Rules::default());
    assert_eq!(group.take("a", 1, 9, &[]).runs, [(0, 0, 1)]);
    let freed = group.0.freed();
    group.0.set_rules(Rules { paused: true, ..Rules::default() });
    assert!(group.take("a", 9, 9, &[]).runs.is_empty());
    group.say("a", 0, 0, Verdict::Accept).unwrap();
    group.0.set_rules(Rules::default());
    assert!(group.0.freed() > freed, "who waits is woken");
    assert_eq!(group.take("a", 9, 9, &[]).runs, [(1, 8, 1)]);
}

fn settle_one(group: &mut Group, lease: Lease, verdict: Verdict, ms: Option<i64>) -> LeaseOutcome {
    let settle = Settle { by: "x".into(), leases: vec![(lease, verdict, ms)], reason: None };
    match group.ask(NOW, Command::Settle(settle)) {
        Ok(Reply::Settled(outcomes)) => outcomes[0].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_delayed_does_not_stand_in_the_way_of_what_lies_behind_it() {
    let mut group = Group::with(Rules { locks_max: 10, ..Rules::default() });
    for n in 0..50 {
        let taken = group.take("a", 10, 1_000, &[]);
        assert_eq!(taken.runs, [(10 * n, 10 * n + 9, 1)]);
        for offset in 10 * n..10 * n + 10 {
            settle_one(&mut group, lease_on(offset, &taken), Verdict::Release, Some(60_000)).unwrap();
        }
    }
    let depth = group.0.depth(at(), Window { start: 0, end: 1_000 }).unwrap();
    assert_eq!((depth.unfinished, depth.held, depth.delayed), (1_000, 0, 500));
    // When the delay is over the first come first, and not one is forgotten.
    let later = Now { wall: 61_000, mono: 60_000 };
    group.0.expire(later).iter().for_each(|fact| group.0.apply(fact));
    assert_eq!(group.take("a", 10, 1_000, &[]).runs, [(0, 9, 2)]);
}

#[test]
fn so_many_may_be_delayed_and_no_more() {
    let mut group = Group::with(Rules { locks_max: 50_000, ..Rules::default() });
    let end = limits::SHARE_DELAYED_MAX + 50_000;
    while group.0.has_locks(at()) {
        let taken = group.take("a", 50_000, end, &[]);
        let (first, last, _) = taken.runs[0];
        let leases = (first..=last).map(|offset| (lease_on(offset, &taken), Verdict::Release, Some(1_000))).collect();
        group.ask(NOW, Command::Settle(Settle { by: "x".into(), leases, reason: None })).unwrap();
    }
    let depth = group.0.depth(at(), Window { start: 0, end }).unwrap();
    assert_eq!(depth.delayed, limits::SHARE_DELAYED_MAX);
    assert!(group.take("a", 1, end, &[]).runs.is_empty());
    let later = Now { wall: 2_000, mono: 1_000 };
    group.0.expire(later).iter().for_each(|fact| group.0.apply(fact));
    assert!(group.0.has_locks(at()), "some are due");
}

#[test]
fn a_group_with_all_its_runs_works_off_the_first_ones() {
    let mut group = Group::with(Rules { runs_max: 1_000, ..Rules::default() });
    let (odd, end) = ((0..510).map(|n| 2 * n + 1), 1_100);
    let run = |offset| fact::SettledRun { first: offset, last: offset, stand: Stand::Accepted, failures: 0 };
    let settled = fact::ShareSettled { at: at(), when: 0, by: "".into(), reason: None, runs: odd.map(run).collect() };
    group.0.apply_durable(&settled.into());
    for n in 0..3 {
        assert_eq!(group.0.available(at(), 0, end), Some(2 * n));
        assert_eq!(group.take("a", 100, end, &[]).runs, [(2 * n, 2 * n, 1)], "the first, and nothing behind it");
        assert!(group.take("b", 100, end, &[]).runs.is_empty());
        group.say("a", 2 * n, 2 * n, Verdict::Accept).unwrap();
    }
}

#[test]
fn a_lease_of_a_former_life_keeps_back_its_key_when_it_is_extended_or_delayed() {
    let keys = [(0, 7), (1, 7), (2, 8)];
    for (verdict, ms) in [(Verdict::Renew, None), (Verdict::Release, Some(5_000))] {
        let mut group = Group::with(Rules { by_key: true, ..Rules::default() });
        let taken = group.take("a", 0, 1, &[]);
        let lease = Lease { grant: None, key: Some(7), ..lease_on(0, &taken) };
        settle_one(&mut group, lease, verdict, ms).unwrap();
        assert_eq!(group.take("b", 9, 3, &keys).runs, [(2, 2, 1)], "{verdict:?}");
    }
}

#[test]
fn a_lease_from_before_a_reset_is_none() {
    for grant in [true, false] {
        let mut group = Group::with(Rules::default());
        let lease = lease_on(0, &group.take("a", 1, 1, &[]));
        let lease = if grant { lease } else { Lease { grant: None, ..lease } };
        group.ask(Now { wall: 2_000, mono: 1_000 }, Command::Reset(vec![(at(), 0)])).unwrap();
        assert_eq!(settle_one(&mut group, lease, Verdict::Accept, None), Err(LeaseRefusal::Lost));
        assert_eq!(group.take("b", 1, 1, &[]).runs, [(0, 0, 1)]);
    }
}

#[test]
fn a_late_word_on_what_is_finished_and_forgotten_is_not_taken_for_an_acknowledgement() {
    let mut group = Group::with(Rules { deliveries: 1, letters: false, ..Rules::default() });
    let taken = group.take("a", 1, 1_000, &[]);
    let sooner = Now { wall: NOW.wall - 1, mono: 30_000 };
    group.0.expire(sooner).iter().for_each(|fact| group.0.apply(fact));
    // It was given up; so much happens then, and nothing of it alike, that it is forgotten.
    for offset in 1..600 {
        group.take("b", 1, 1_000, &[]);
        group.say("b", offset, offset, if offset % 2 == 0 { Verdict::Reject } else { Verdict::Accept }).unwrap();
    }
    let lease = lease_on(0, &taken);
    assert_eq!(settle_one(&mut group, Lease { runs: false, ..lease }, Verdict::Accept, None), Err(LeaseRefusal::Lost));
    assert_eq!(settle_one(&mut group, lease, Verdict::Accept, None), Ok(None), "its answer was lost, and it is sent again");
}

#[test]
fn what_nobody_holds_can_be_finished_without_a_delivery() {
    let mut group = Group::with(Rules::default());
    group.take("a", 2, 5, &[]);
    let finish = |first, last, as_work| Command::Finish { at: at(), first, last, as_work };
    assert_eq!(group.ask(NOW, finish(0, 1, true)), Ok(Reply::Buried(false)), "what somebody holds is his");
    assert_eq!(group.ask(NOW, finish(1, 3, true)), Ok(Reply::Buried(true)));
    assert_eq!(group.ask(NOW, finish(2, 3, true)), Ok(Reply::Buried(false)));
    let depth = group.0.depth(at(), Window { start: 0, end: 5 }).unwrap();
    assert_eq!((depth.unfinished, depth.held, depth.accepted), (3, 2, 2));
    assert_eq!(group.take("b", 9, 5, &[]).runs, [(4, 4, 1)]);
}

#[test]
fn a_finished_record_says_when_and_by_whom_and_a_rejected_one_by_whom_it_was_rejected() {
    let mut group = Group::with(Rules::default());
    group.take("a", 2, 3, &[]);
    group.say("a", 0, 0, Verdict::Accept).unwrap();
    group.say("a", 1, 1, Verdict::Reject).unwrap();
    let told = |group: &Group, offset| group.0.standing(NOW, at(), offset).unwrap();
    let (accepted, rejected) = (told(&group, 0), told(&group, 1));
    let by_a = Some(Finished { from: NOW.wall, until: NOW.wall, by: Some("a".into()) });
    assert_eq!((accepted.stage, accepted.deliveries, &accepted.finished), (Stage::Acknowledged, Some(1), &by_a));
    assert_eq!((rejected.stage, rejected.why, &rejected.finished), (Stage::DeadLetterWaits, Some(Why::Rejected), &by_a));
    let later = Now { wall: NOW.wall + 500, ..NOW };
    group.ask(later, Command::Buried { at: at(), offset: 1 }).unwrap();
    let buried = told(&group, 1);
    assert_eq!((buried.stage, buried.why, &buried.finished), (Stage::GivenUp, Some(Why::Rejected), &by_a));
    assert_eq!(told(&group, 2).finished, None);
    let mut bytes = Vec::new();
    group.0.snapshot(&mut bytes);
    let restored = Share::restore(&bytes, Rules::default()).unwrap();
    assert_eq!((restored.standing(NOW, at(), 0), restored.standing(NOW, at(), 1)), (Some(accepted), Some(buried)));
}
