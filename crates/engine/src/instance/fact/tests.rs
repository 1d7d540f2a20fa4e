//! Golden bytes of every fact of instances. A line here is a promise: it is never changed, only followed by others.

use super::*;
use crate::{
    ids::Uuid,
    instance::{Format, Reading, Reset, Settings},
};

const AT: i64 = 1_700_000_000_000; // 80a0abfef962
const ID: &str = "0102030405060708090a0b0c0d0e0f10";

fn topic() -> TopicId {
    TopicId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10))
}

fn key() -> InstanceKey {
    InstanceKey { group: "g".into(), name: "i".into() }
}

/// The fact has these bytes, these bytes are the fact, and no part of them is.
fn golden(fact: impl Into<InstanceFact>, bytes: &str) {
    let fact = fact.into();
    let mut written = Vec::new();
    fact.encode(&mut written);
    let hex: String = written.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, bytes.replace(' ', ""), "{fact:?}");
    assert_eq!(InstanceFact::decode(&written), Ok(fact.clone()));
    for len in 0..written.len() {
        assert!(InstanceFact::decode(&written[..len]).is_err(), "{len} bytes of {fact:?}");
    }
}

#[test]
fn instance_facts_have_the_bytes_they_always_had() {
    let settings = Settings {
        format: Format::Json,
        reset: Reset::Latest,
        auto_commit: true,
        min_bytes: 1,
        timeout_ms: 1000,
        max_records: 1,
        idle_ms: 300,
    };
    golden(InstanceCreated { key: key(), at: AT, settings }, "b0 01 0167 0169 80a0abfef962 01 01 01 01 e807 01 ac02");
    golden(InstanceDeleted { key: key(), why: Ending::Forgotten }, "b1 01 0167 0169 01");
    let chosen = |reading, begins| ReadingChosen { key: key(), at: AT, reading, begins };
    golden(
        chosen(Reading::Topics(vec!["t".parse().expect("a name")]), vec![(topic(), 1, 7)]),
        &format!("b2 01 0167 0169 80a0abfef962 01 01 0174 01 {ID} 02 0e"),
    );
    golden(chosen(Reading::Nothing, vec![]), "b2 01 0167 0169 80a0abfef962 00 00");
    golden(chosen(Reading::Pattern("t.*".into()), vec![]), "b2 01 0167 0169 80a0abfef962 02 03742e2a 00");
    let by_hand = Reading::Partitions(vec![("t".parse().expect("a name"), 3)]);
    golden(chosen(by_hand, vec![]), "b2 01 0167 0169 80a0abfef962 03 01 0174 06 00");
    let positions = vec![(topic(), 0, 17)];
    golden(PositionsSought { key: key(), at: AT, positions }, &format!("b3 01 0167 0169 80a0abfef962 01 {ID} 00 22"));
    let ranges = vec![Delivered { topic: topic(), partition: 0, from: 3, to: 5 }];
    golden(
        RecordsDelivered { key: key(), at: AT, fetch: "f1".into(), ranges },
        &format!("b4 01 0167 0169 80a0abfef962 026631 01 {ID} 00 06 0a"),
    );
    golden(InstanceRewound { key: key(), at: AT }, "b5 01 0167 0169 80a0abfef962");
    golden(InstanceDozed { key: key(), at: AT, awake: false }, "b6 01 0167 0169 80a0abfef962 00");
    golden(InstanceTold { key: key(), at: AT }, "b7 01 0167 0169 80a0abfef962");
}
