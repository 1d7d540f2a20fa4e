//! Golden bytes of every fact of a share group, and of its snapshot. A line here is a promise: it is never changed, only
//! followed by others.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::{
    fact::BadFact,
    group::GroupId,
    ids::{TopicId, Uuid},
    machine::{Machine, Now},
    share::{
        fact::{SettledRun, ShareDeleted, ShareForgotten, ShareKeyed, ShareSettled, ShareStarted, ShareTrimmed},
        *,
    },
};

const ID: &str = "0102030405060708090a0b0c0d0e0f10";
const AT: i64 = 1_700_000_000_000; // 80a0abfef962

fn at() -> At {
    At { topic: TopicId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)), partition: 1 }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|n| u8::from_str_radix(&digits[n..n + 2], 16).unwrap()).collect()
}

fn golden(fact: impl Into<ShareFact>, bytes: &str) {
    let fact = fact.into();
    let mut written = Vec::new();
    fact.encode(&mut written);
    assert_eq!(hex(&written), bytes.replace(' ', ""), "{fact:?}");
    assert_eq!(ShareFact::decode(&written), Ok(fact.clone()));
    for len in 0..written.len() {
        assert!(ShareFact::decode(&written[..len]).is_err(), "{len} bytes of {fact:?}");
    }
    written.push(0);
    assert_eq!(ShareFact::decode(&written), Err(BadFact::Trailing { bytes: 1 }));
}

fn settled() -> ShareSettled {
    let run = |first, last, stand, failures| SettledRun { first, last, stand, failures };
    let runs = vec![
        run(5, 5, Stand::Accepted, 0),
        run(6, 9, Stand::Available, 1),
        run(10, 10, Stand::Condemned, 5),
        run(11, 12, Stand::Archived, 2),
    ];
    ShareSettled { at: at(), when: AT, by: "m".into(), reason: Some("why".into()), runs }
}

#[test]
fn share_facts_have_the_bytes_they_always_had() {
    golden(ShareStarted { at: at(), start: 5, when: AT }, &format!("60 01 {ID} 02 0a 80a0abfef962"));
    golden(settled(), &format!("61 01 {ID} 02 80a0abfef962 016d 0103776879 04 0a000100 0c060001 14000305 16020202"));
    golden(ShareTrimmed { at: at(), to: 8, when: AT }, &format!("62 01 {ID} 02 10 80a0abfef962"));
    golden(ShareForgotten { partitions: vec![at()] }, &format!("63 01 01 {ID} 02"));
    golden(ShareDeleted { when: AT }, "64 01 80a0abfef962");
    golden(ShareKeyed { key: [7; KEY_LEN] }, &format!("65 01 20 {}", "07".repeat(KEY_LEN)));
}

#[test]
fn the_snapshot_has_the_bytes_it_always_had() {
    let mut share = Share::new(GroupId::from("g"), Rules::default());
    for fact in [ShareStarted { at: at(), start: 5, when: AT }.into(), settled().into()] {
        share.apply_durable(&fact);
    }
    let now = Now { wall: AT, mono: 0 };
    let mut bytes = Vec::new();
    share.snapshot(&mut bytes);
    let golden = format!(
        "53 01 0167 00 01 {ID} 02 0c 80a0abfef962 00 00 0e 03 0c060001 14000305 16020202 01 14 016d 0103776879 80a0abfef962"
    );
    let restored = Share::restore(&unhex(&golden), Rules::default()).unwrap();
    assert_eq!(restored.depth(at(), Window { start: 5, end: 20 }).unwrap().accepted, 0, "nobody had counted");
    let counting = format!(
        "53 02 0167 00 01 {ID} 02 0c 80a0abfef962 00 00 0e 02 03 0c060001 14000305 16020202 01 14 016d 0103776879 80a0abfef962"
    );
    let restored = Share::restore(&unhex(&counting), Rules::default()).unwrap();
    assert_eq!((restored.depth(at(), Window { start: 5, end: 20 }).unwrap().accepted, restored.keys()), (1, [None, None]));
    let two_secrets = format!(
        "53 03 0167 00 00 01 {ID} 02 0c 80a0abfef962 00 00 0e 02 03 0c060001 14000305 16020202 01 14 016d 0103776879 80a0abfef962"
    );
    let two_secrets = unhex(&two_secrets);
    assert_eq!(Share::restore(&two_secrets, Rules::default()).unwrap().standing(now, at(), 5).unwrap().finished, None);
    let golden = format!(
        "53 04 0167 00 00 01 {ID} 02 0c 80a0abfef962 00 00 0e 02 03 0c060001 14000305 16020202 01 14 016d 0103776879 80a0abfef962
         01 016d 02 0a000100 01 80a0abfef962 80a0abfef962 0100 16020202 03 80a0abfef962 80a0abfef962 0100"
    );
    assert_eq!(bytes, unhex(&golden), "{}", hex(&bytes));
    let restored = Share::restore(&bytes, Rules::default()).unwrap();
    assert_eq!(restored.standing(now, at(), 5), share.standing(now, at(), 5));
    let mut again = Vec::new();
    restored.snapshot(&mut again);
    assert_eq!(again, bytes);
    assert_eq!(restored.letters(9, &BTreeSet::new()).len(), 1);
    for len in 0..bytes.len() {
        assert!(Share::restore(&bytes[..len], Rules::default()).is_err());
    }
}

#[test]
fn a_group_keeps_the_secret_before_the_last_and_no_other() {
    let mut share = Share::new(GroupId::from("g"), Rules::default());
    let say = |share: &mut Share, command: Command| {
        let decision = share.decide(Now { wall: AT, mono: 0 }, command).unwrap();
        decision.facts.iter().for_each(|fact| share.apply(fact));
    };
    say(&mut share, Command::ChangeKey([9; KEY_LEN]));
    assert_eq!(share.keys(), [None, None], "one without a secret has none to change");
    say(&mut share, Command::Key([1; KEY_LEN]));
    say(&mut share, Command::Key([2; KEY_LEN]));
    assert_eq!(share.keys(), [Some([1; KEY_LEN]), None], "the first one stays");
    say(&mut share, Command::ChangeKey([2; KEY_LEN]));
    say(&mut share, Command::ChangeKey([3; KEY_LEN]));
    assert_eq!(share.keys(), [Some([3; KEY_LEN]), Some([2; KEY_LEN])]);
    let mut bytes = Vec::new();
    share.snapshot(&mut bytes);
    assert_eq!(Share::restore(&bytes, Rules::default()).unwrap().keys(), share.keys());
}

proptest! {
    #[test]
    fn strange_bytes_are_refused_or_read_but_never_believed(mut bytes: Vec<u8>, at in any::<prop::sample::Index>(), byte: u8) {
        let _ = ShareFact::decode(&bytes);
        bytes.insert(0, MARK);
        let _ = Share::restore(&bytes, Rules::default());
        let mut whole = Vec::new();
        ShareFact::from(settled()).encode(&mut whole);
        let at = at.index(whole.len());
        whole[at] = byte;
        let _ = ShareFact::decode(&whole);
    }
}
