//! Golden bytes of every fact. A line here is a promise: it is never changed, only followed by others.

use std::fmt::Debug;

use super::*;
use crate::{
    ids::{TopicId, Uuid},
    partition::PartitionFact,
    producer::{ids::ProducerIdsFact, writers::WritersFact},
    topic::CatalogFact,
};

fn id() -> TopicId {
    TopicId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10))
}

const ID: &str = "0102030405060708090a0b0c0d0e0f10";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The fact has these bytes, these bytes are the fact, and no part of them is.
fn golden<F: PartialEq + Debug>(fact: F, encode: fn(&F, &mut Vec<u8>), decode: fn(&[u8]) -> Result<F, BadFact>, bytes: &str) {
    let mut written = Vec::new();
    encode(&fact, &mut written);
    assert_eq!(hex(&written), bytes.replace(' ', ""), "{fact:?}");
    assert_eq!(decode(&written).as_ref(), Ok(&fact));
    for len in 0..written.len() {
        assert!(decode(&written[..len]).is_err(), "{len} bytes of {fact:?}");
    }
    written.push(0);
    assert_eq!(decode(&written), Err(BadFact::Trailing { bytes: 1 }));
}

fn catalog(fact: impl Into<CatalogFact>, bytes: &str) {
    golden(fact.into(), CatalogFact::encode, CatalogFact::decode, bytes);
}

#[test]
fn catalog_facts_have_the_bytes_they_always_had() {
    let at = 1_700_000_000_000; // 80 a0 e8 cd fb 62
    catalog(ClusterFounded { cluster: id().0, at }, &format!("01 01 {ID} 80a0abfef962"));
    let settings = [("retention.ms".to_owned(), "5".to_owned())].into();
    let name = || "ab".parse().unwrap();
    catalog(
        TopicCreated { id: id(), name: name(), first_log: 300, partitions: 3, settings, at },
        &format!("02 01 {ID} 026162 ac02 03 80a0abfef962 01 0c726574656e74696f6e2e6d73 0135"),
    );
    catalog(TopicDeleted { id: id(), at, purge_at: at + 86_400_000 }, &format!("03 01 {ID} 80a0abfef962 80f0b252"));
    catalog(TopicRestored { id: id(), name: name() }, &format!("04 01 {ID} 026162"));
    catalog(TopicPurged { id: id(), why: PurgeReason::Deadline }, &format!("05 01 {ID} 00"));
    catalog(TopicPurged { id: id(), why: PurgeReason::Asked }, &format!("05 01 {ID} 01"));
    catalog(TopicPurged { id: id(), why: PurgeReason::DiskFull }, &format!("05 01 {ID} 02"));
    catalog(PartitionsAdded { id: id(), first_log: 127, count: 128 }, &format!("06 01 {ID} 7f 8001"));
    let changes = vec![("a".to_owned(), Some("b".to_owned())), ("c".to_owned(), None)];
    catalog(TopicSettingsChanged { id: id(), changes }, &format!("07 01 {ID} 02 0161 01 0162 0163 00"));
    catalog(GroupCreated { log: 16, name: "grüße".into() }, "08 01 10 07 6772c3bcc39f65");
    catalog(GroupRemoved { log: 16 }, "09 01 10");
}

#[test]
fn partition_facts_have_the_bytes_they_always_had() {
    let check = |fact: PartitionFact, bytes| golden(fact, PartitionFact::encode, PartitionFact::decode, bytes);
    check(StartMoved { to: 64, why: MoveReason::Age }.into(), "20 01 8001 00");
    check(StartMoved { to: 1, why: MoveReason::Size }.into(), "20 01 02 01");
    check(StartMoved { to: 1, why: MoveReason::Asked }.into(), "20 01 02 02");
    check(StartMoved { to: 1, why: MoveReason::Loss }.into(), "20 01 02 03");
    check(StartMoved { to: 1, why: MoveReason::Forced }.into(), "20 01 02 04");
    check(EpochRaised { epoch: 1, start: 5, why: RaiseReason::Restored }.into(), "21 01 02 0a 00");
    check(EpochRaised { epoch: 1, start: 5, why: RaiseReason::Loss }.into(), "21 01 02 0a 01");
    check(EpochRaised { epoch: 1, start: 5, why: RaiseReason::Backup }.into(), "21 01 02 0a 02");
}

#[test]
fn facts_about_those_who_write_have_the_bytes_they_always_had() {
    let fact = ProducerIdsTaken { next: 1000 }.into();
    golden(fact, ProducerIdsFact::encode, ProducerIdsFact::decode, "30 01 d00f");
    let interned = |forgotten| {
        WriterInterned { writer: 2, client: "c".into(), address: "::1".into(), principal: "".into(), forgotten }.into()
    };
    golden(interned(None), WritersFact::encode, WritersFact::decode, "34 01 02 0163 033a3a31 00 00");
    golden(interned(Some(1)), WritersFact::encode, WritersFact::decode, "34 01 02 0163 033a3a31 00 01 01");
}

#[test]
fn what_a_newer_release_wrote_is_refused_in_words() {
    let unknown = CatalogFact::decode(&[31, 1, 0]).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the log of a topic catalog holds a fact of kind 31 that this release does not know; a newer release wrote it, so start that one"
    );
    let newer = CatalogFact::decode(&[9, 2, 16]).unwrap_err();
    assert_eq!(
        newer.to_string(),
        "\"group removed\" is stored in version 2, this release reads up to 1; a newer release wrote it, so start that one"
    );
}

#[test]
fn no_kind_is_used_twice() {
    let kinds = [
        ClusterFounded::KIND,
        TopicCreated::KIND,
        TopicDeleted::KIND,
        TopicRestored::KIND,
        TopicPurged::KIND,
        PartitionsAdded::KIND,
        TopicSettingsChanged::KIND,
        GroupCreated::KIND,
        GroupRemoved::KIND,
        StartMoved::KIND,
        EpochRaised::KIND,
        ProducerIdsTaken::KIND,
        WriterInterned::KIND,
    ];
    assert_eq!(std::collections::BTreeSet::from(kinds).len(), kinds.len());
}

#[test]
fn impossible_content_is_refused() {
    let start_before_everything = [32, 1, 1, 0];
    assert!(PartitionFact::decode(&start_before_everything).is_err());
    let strange_reason = [32, 1, 2, 9];
    assert!(PartitionFact::decode(&strange_reason).is_err());
    let mut bad_name = vec![4, 1];
    bad_name.extend([7; 16]);
    bad_name.extend(b"\x03a/b");
    assert_eq!(CatalogFact::decode(&bad_name), Err(BadFact::Invalid { what: "topic name" }));
}
