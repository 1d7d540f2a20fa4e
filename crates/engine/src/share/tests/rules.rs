//! Single rules of a share group, each with the case that it is for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    group::{GroupId, MemberId},
    ids::{TopicId, Uuid},
    machine::{Machine, Now},
    share::*,
};

const NOW: Now = Now { wall: 1_000, mono: 0 };

fn at() -> At {
    At { topic: TopicId(Uuid::from_u128(7)), partition: 0 }
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
    let lease = |g: &Granted| Lease { at: at(), offset: 0, delivery: g.runs[0].2, grant: Some(g.grant) };
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
    let lease = Lease { at: at(), offset: 0, delivery: 1, grant: None };
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
