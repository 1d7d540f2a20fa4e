//! Golden bytes of every fact of a group, and of its snapshot. A line here is a promise: it is never changed, only followed
//! by others.

use std::sync::Arc;

use super::*;
use crate::{
    fact::BadFact,
    group::{Group, GroupId, Rules},
    ids::{TopicId, Uuid},
    machine::Now,
    settings::broker::BrokerSettings,
};

const ID: &str = "0102030405060708090a0b0c0d0e0f10";
const AT: i64 = 1_700_000_000_000; // 80a0abfef962

fn topic() -> TopicId {
    TopicId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The fact has these bytes, these bytes are the fact, and no part of them is.
fn golden(fact: impl Into<GroupFact>, bytes: &str) {
    let fact = fact.into();
    let mut written = Vec::new();
    fact.encode(&mut written);
    assert_eq!(hex(&written), bytes.replace(' ', ""), "{fact:?}");
    assert_eq!(GroupFact::decode(&written), Ok(fact.clone()));
    for len in 0..written.len() {
        assert!(GroupFact::decode(&written[..len]).is_err(), "{len} bytes of {fact:?}");
    }
    written.push(0);
    assert_eq!(GroupFact::decode(&written), Err(BadFact::Trailing { bytes: 1 }));
}

fn settled() -> GenerationSettled {
    let member = SettledMember {
        id: "a-1".into(),
        instance: Some("one".into()),
        client_id: "a".into(),
        client_host: "/127.0.0.1".into(),
        session_ms: 10_000,
        rebalance_ms: 60_000,
        protocols: Arc::from([(Arc::from("range"), Arc::from(*b"meta"))]),
        assignment: Arc::from(*b"work"),
    };
    let (protocol_type, protocol) = (Arc::from("consumer"), Arc::from("range"));
    GenerationSettled { generation: 5, at: AT, protocol_type, protocol, leader: "a-1".into(), members: vec![member] }
}

fn committed() -> PositionsCommitted {
    let position =
        |partition, offset, metadata: &str| PartitionPosition { partition, offset, leader_epoch: -1, metadata: metadata.into() };
    PositionsCommitted { at: AT, writer: 300, topics: vec![(topic(), vec![position(0, 17, ""), position(1, -1, "note")])] }
}

#[test]
fn group_facts_have_the_bytes_they_always_had() {
    golden(GenerationBegan { generation: 5 }, "40 01 0a");
    golden(
        settled(),
        "41 01 0a 80a0abfef962 08636f6e73756d6572 0572616e6765 03612d31 01 03612d31 01036f6e65 0161 0a2f3132372e302e302e31 \
         a09c01 c0a907 01 0572616e6765 046d657461 04776f726b",
    );
    golden(
        GroupEmptied { generation: 6, at: AT, protocol_type: Some("consumer".into()) },
        "42 01 0c 80a0abfef962 01 08636f6e73756d6572",
    );
    golden(GroupEmptied { generation: 6, at: AT, protocol_type: None }, "42 01 0c 80a0abfef962 00");
    golden(TopicNamed { topic: topic(), name: "ab".parse().unwrap() }, &format!("43 01 {ID} 026162"));
    golden(committed(), &format!("44 01 80a0abfef962 ac02 01 {ID} 02 00 22 01 00 02 01 01 046e6f7465"));
    for (why, byte) in [(Forgetting::Asked, "00"), (Forgetting::Expired, "01"), (Forgetting::TopicGone, "02")] {
        golden(PositionsForgotten { why, topics: vec![(topic(), vec![0, 7])] }, &format!("45 01 {byte} 01 {ID} 02 00 0e"));
    }
    golden(GroupDeleted { asked: true }, "46 01 01");
}

#[test]
fn the_snapshot_has_the_bytes_it_always_had() {
    let rules = Rules::from(&BrokerSettings::default());
    let mut group = Group::new(GroupId::from("g"), rules, Now { wall: 0, mono: 0 });
    let mut later = committed();
    later.topics[0].1.truncate(1);
    later.topics[0].1[0].offset = 18;
    let named = TopicNamed { topic: topic(), name: "ab".parse().unwrap() };
    for fact in [settled().into(), GenerationBegan { generation: 6 }.into(), named.into(), committed().into(), later.into()] {
        group.apply_durable(&fact);
    }
    let mut bytes = Vec::new();
    group.snapshot(&mut bytes);
    let golden = format!(
        "01 0167 0c 01 0a 80a0abfef962 08636f6e73756d6572 0572616e6765 03612d31 01 03612d31 01036f6e65 0161 \
         0a2f3132372e302e302e31 a09c01 c0a907 01 0572616e6765 046d657461 04776f726b \
         01 {ID} 026162 02 00 24 01 00 80a0abfef962 ac02 01 22 80a0abfef962 ac02 \
         02 01 01 046e6f7465 80a0abfef962 ac02 00"
    );
    assert_eq!(hex(&bytes), golden.replace(' ', ""));
    let restored = Group::restore(&bytes, rules).unwrap();
    assert_eq!((restored.id().as_str(), restored.members()), ("g", 1));
    assert_eq!(restored.position(topic(), 0).map(|p| (p.offset, p.history.len())), Some((18, 1)));
}
