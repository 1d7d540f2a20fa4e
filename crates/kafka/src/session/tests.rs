//! Fetch sessions, driven step by step, and against what a client knows by itself.

use proptest::prelude::*;

use super::*;

fn key(partition: i32) -> Key {
    Key { topic: TopicRef::Name("t".into()), partition }
}
fn wanted(offset: i64) -> Wanted {
    Wanted { offset, max_bytes: 1 << 20, leader_epoch: -1, last_fetched_epoch: -1 }
}
fn quiet(end: i64) -> Told {
    Told { error: false, has_records: false, diverging: false, high_watermark: end, last_stable: end, log_start: 0 }
}
fn full(sessions: &mut Sessions, mono: i64, partitions: i32) -> i32 {
    let partitions: Vec<_> = (0..partitions).map(|p| (key(p), wanted(0))).collect();
    let request = Request { id: 0, epoch: 0, partitions, ..Request::default() };
    let context = sessions.begin(mono, request).unwrap();
    let told = vec![quiet(0); context.partitions().len()];
    sessions.open(mono, false, context.partitions(), &told)
}
fn incremental(id: i32, epoch: i32) -> Request {
    Request { id, epoch, ..Request::default() }
}

#[test]
fn a_session_remembers_changes_and_forgets() {
    let mut sessions = Sessions::new(10, 1);
    let id = full(&mut sessions, 0, 3);
    assert!(id > 0);
    let request =
        Request { partitions: vec![(key(1), wanted(7)), (key(9), wanted(2))], forgotten: vec![key(0)], ..incremental(id, 1) };
    let context = sessions.begin(1, request).unwrap();
    let seen: Vec<_> = context.partitions().iter().map(|(k, w)| (k.partition, w.offset)).collect();
    assert_eq!(seen, [(1, 7), (2, 0), (9, 2)]);
}

#[test]
fn epochs_go_up_by_one_and_wrap_to_one() {
    let mut sessions = Sessions::new(10, 1);
    let id = full(&mut sessions, 0, 1);
    assert_eq!(sessions.begin(0, incremental(id, 2)), Err(Refusal::BadEpoch));
    assert_eq!(sessions.begin(0, incremental(id + 1, 1)), Err(Refusal::NotFound));
    assert_eq!(sessions.begin(0, Request { by_id: true, ..incremental(id, 1) }), Err(Refusal::TopicIds));
    sessions.begin(0, incremental(id, 1)).unwrap();
    assert_eq!(sessions.begin(0, incremental(id, 1)), Err(Refusal::BadEpoch), "a repeated epoch is refused");
    sessions.sessions.get_mut(&id).unwrap().next_epoch = i32::MAX;
    sessions.begin(0, incremental(id, i32::MAX)).unwrap();
    sessions.begin(0, incremental(id, 1)).unwrap();
}

#[test]
fn epoch_minus_one_ends_and_zero_replaces() {
    let mut sessions = Sessions::new(10, 1);
    let id = full(&mut sessions, 0, 1);
    let context = sessions.begin(0, Request { partitions: vec![(key(0), wanted(1))], ..incremental(id, -1) }).unwrap();
    assert!(matches!(context, Context::Sessionless { ref partitions } if partitions.len() == 1));
    assert!(sessions.is_empty());
    let id = full(&mut sessions, 0, 1);
    assert!(matches!(sessions.begin(0, incremental(id, 0)).unwrap(), Context::Full { .. }));
    assert!(sessions.is_empty());
}

#[test]
fn without_partitions_a_session_vanishes() {
    let mut sessions = Sessions::new(10, 1);
    let id = full(&mut sessions, 0, 1);
    let request = Request { forgotten: vec![key(0)], ..incremental(id, 1) };
    assert_eq!(sessions.begin(0, request), Ok(Context::Sessionless { partitions: vec![] }));
    assert_eq!(sessions.begin(0, incremental(id, 2)), Err(Refusal::NotFound));
    assert_ne!(sessions.open(0, false, &[], &[]), 0, "a client may begin with nothing and add to it");
}

#[test]
fn only_news_is_mentioned_and_answered_partitions_go_last() {
    let mut sessions = Sessions::new(10, 1);
    let id = full(&mut sessions, 0, 3);
    let full_house = Told { has_records: true, ..quiet(5) };
    let failed = Told { error: true, ..quiet(-1) };
    assert_eq!(sessions.settle(id, &[(key(0), full_house), (key(1), quiet(0)), (key(2), failed)]), [true, false, true]);
    let context = sessions.begin(0, incremental(id, 1)).unwrap();
    let order: Vec<_> = context.partitions().iter().map(|(k, _)| k.partition).collect();
    assert_eq!(order, [1, 2, 0]);
    assert_eq!(sessions.settle(id, &[(key(0), quiet(5)), (key(2), quiet(0))]), [false, true], "after an error all is news");
    assert!(sessions.is_news(id, &key(0), &Told { log_start: 3, ..quiet(5) }));
    assert!(!sessions.is_news(id, &key(0), &quiet(5)));
}

#[test]
fn slots_are_bounded_and_given_to_the_larger_when_old_enough() {
    let mut sessions = Sessions::new(2, 1);
    let (a, b) = (full(&mut sessions, 0, 2), full(&mut sessions, 0, 3));
    assert!(a != 0 && b != 0);
    assert_eq!(full(&mut sessions, 10, 9), 0, "nobody is settled yet");
    let later = SETTLED_MS + 1;
    sessions.begin(later, incremental(a, 1)).unwrap();
    sessions.begin(later, incremental(b, 1)).unwrap();
    assert_eq!(full(&mut sessions, later, 2), 0, "an equal one does not push out");
    assert_ne!(full(&mut sessions, later, 3), 0);
    assert_eq!(sessions.begin(later, incremental(a, 2)), Err(Refusal::NotFound));
    assert_ne!(full(&mut sessions, later + SETTLED_MS + 1, 1), 0, "an unused one goes whatever its size");
    assert_eq!((sessions.len(), sessions.evicted()), (2, 2));
}

#[test]
fn no_slots_means_no_sessions() {
    let mut sessions = Sessions::new(0, 1);
    assert_eq!(full(&mut sessions, 0, 3), 0);
}

/// What a client knows by itself: the partitions it asked for and the epoch that comes next.
#[derive(Default)]
struct Client {
    id: i32,
    epoch: i32,
    wants: std::collections::BTreeMap<i32, i64>,
}

proptest! {
    /// Any mix of clients that keep the rules always finds what it asked for, whatever was pushed out in between.
    #[test]
    fn a_client_that_keeps_the_rules_is_always_understood(
        steps in prop::collection::vec((0usize..4, 0i32..6, 0i64..50, any::<bool>(), 0i64..200_000), 1..120),
        slots in 0usize..4,
    ) {
        let mut sessions = Sessions::new(slots, 7);
        let mut clients: Vec<Client> = (0..4).map(|_| Client::default()).collect();
        let mut mono = 0;
        for (who, partition, offset, forget, pause) in steps {
            mono += pause;
            let client = &mut clients[who];
            let mut request = Request { id: client.id, epoch: client.epoch, ..Request::default() };
            if client.id == 0 {
                client.wants.insert(partition, offset);
                request.partitions = client.wants.iter().map(|(p, o)| (key(*p), wanted(*o))).collect();
            } else if forget {
                client.wants.remove(&partition);
                request.forgotten.push(key(partition));
            } else {
                client.wants.insert(partition, offset);
                request.partitions.push((key(partition), wanted(offset)));
            }
            let expected: Vec<_> = client.wants.iter().map(|(p, o)| (*p, *o)).collect();
            match sessions.begin(mono, request) {
                Ok(context) => {
                    let mut seen: Vec<_> = context.partitions().iter().map(|(k, w)| (k.partition, w.offset)).collect();
                    seen.sort_unstable();
                    prop_assert_eq!(seen, expected);
                    let told: Vec<_> = context.partitions().iter().map(|_| quiet(mono)).collect();
                    match context {
                        Context::Sessionless { .. } => (client.id, client.epoch) = (0, 0),
                        Context::Full { partitions } => {
                            client.id = sessions.open(mono, false, &partitions, &told);
                            client.epoch = i32::from(client.id != 0);
                        }
                        Context::Incremental { id, partitions, .. } => {
                            let told: Vec<_> = partitions.iter().map(|(k, _)| (k.clone(), quiet(mono))).collect();
                            sessions.settle(id, &told);
                            client.epoch += 1;
                        }
                    }
                }
                Err(refusal) => {
                    prop_assert_eq!(refusal, Refusal::NotFound, "only eviction may disturb");
                    (client.id, client.epoch) = (0, 0);
                }
            }
            prop_assert!(sessions.len() <= slots);
            prop_assert_eq!(sessions.by_use.len(), sessions.len());
            prop_assert_eq!(sessions.by_size.len(), sessions.len());
        }
    }
}

#[test]
fn sessions_weigh_no_more_than_is_allowed_together() {
    let mut sessions = Sessions::new(1000, 1);
    let many = (WEIGHT_MAX / PARTITION_WEIGHT / 4) as i32;
    let ids: Vec<i32> = (0..5).map(|_| full(&mut sessions, 0, many)).collect();
    let opened = ids.iter().filter(|id| **id > 0).count();
    assert_eq!(opened, 3, "names weigh too, so a fourth does not fit");
    assert!(full(&mut sessions, 0, 1) > 0, "a small one does");

    // One that grows beyond it is over; what it weighed comes back.
    let more = (0..2 * many).map(|p| (key(many + p), wanted(0))).collect();
    let grown = Request { partitions: more, ..incremental(ids[0], 1) };
    assert_eq!(sessions.begin(1, grown), Err(Refusal::NotFound));
    assert!(full(&mut sessions, 1, many) > 0);

    // Those that nobody used for long make room.
    assert!(full(&mut sessions, SETTLED_MS + 2, 3 * many) > 0);
    assert_eq!(sessions.weight, sessions.sessions.values().map(|s| s.weight).sum::<usize>());
}
