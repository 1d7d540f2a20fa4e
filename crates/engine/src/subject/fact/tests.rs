//! Golden bytes of every fact of the registry. A line here is a promise: it is never changed, only followed by others.

use std::sync::Arc;

use super::*;
use crate::{
    fact::BadFact,
    ids::{TopicId, Uuid},
    subject::{Config, Content, Format, Level, Metadata, Mode, Reference},
};

const ID: &str = "0102030405060708090a0b0c0d0e0f10";
const AT: i64 = 1_700_000_000_000; // 80a0abfef962

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The fact has these bytes, these bytes are the fact, and no part of them is.
fn golden(fact: impl Into<SubjectFact>, bytes: &str) {
    let fact = fact.into();
    let mut written = Vec::new();
    fact.encode(&mut written);
    assert_eq!(hex(&written), bytes.replace(' ', ""), "{fact:?}");
    assert_eq!(SubjectFact::decode(&written), Ok(fact.clone()));
    for len in 0..written.len() {
        assert!(SubjectFact::decode(&written[..len]).is_err(), "{len} bytes of {fact:?}");
    }
    written.push(0);
    assert_eq!(SubjectFact::decode(&written), Err(BadFact::Trailing { bytes: 1 }));
}

fn subject() -> Subject {
    Subject::new(".", "ab")
}

#[test]
fn facts_have_the_bytes_they_always_had() {
    let topic = TopicId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10));
    golden(TopicClaimed { topic }, &format!("80 01 {ID}"));
    golden(ContextCreated { context: ".c".into() }, "81 01 02 2e63");
    golden(ContextDeleted { context: ".c".into() }, "82 01 02 2e63");
    golden(VersionsDeleted { subject: subject(), versions: vec![1, 64] }, "84 01 012e 026162 02 02 8001");
    golden(SubjectDeleted { subject: subject(), last: 3 }, "85 01 012e 026162 06");
    golden(VersionsPurged { subject: subject(), versions: vec![3] }, "86 01 012e 026162 01 06");
    golden(ModeChanged { scope: subject(), mode: Some(Mode::Import) }, "88 01 012e 026162 01 03");
    golden(ModeChanged { scope: subject(), mode: None }, "88 01 012e 026162 00");
    golden(ConfigChanged { scope: subject(), config: None }, "87 01 012e 026162 00");
    let config = Config { compatibility_level: Some(Level::FullTransitive), ..Config::default() };
    let json = hex(br#"{"compatibilityLevel":"FULL_TRANSITIVE"}"#);
    golden(ConfigChanged { scope: subject(), config: Some(Box::new(config)) }, &format!("87 01 012e 026162 01 28 {json}"));
}

#[test]
fn registrations_have_the_bytes_they_always_had() {
    let registered = |content| SchemaRegistered { subject: subject(), version: 2, id: 7, at: AT, content };
    golden(registered(None), "83 01 012e 026162 04 0e 80a0abfef962 00");
    let reference = Reference { name: "N".into(), subject: "s".into(), version: 1 };
    let metadata = Metadata { properties: Some([("k".to_string(), "v".to_string())].into()), ..Metadata::default() };
    let content = Content::new(Format::Json, "{}", vec![reference], Some(metadata), None);
    let (guid, json) = (content.guid.simple().to_string(), hex(br#"{"properties":{"k":"v"}}"#));
    let bytes = format!("83 01 012e 026162 04 0e 80a0abfef962 01 01 {guid} 027b7d 01 014e 0173 02 01 18 {json} 00");
    golden(registered(Some(Arc::new(content))), &bytes);
}

#[test]
fn impossible_content_is_refused() {
    let mode = [0x88, 1, 1, b'.', 1, b'a', 1, 9];
    assert_eq!(SubjectFact::decode(&mode), Err(BadFact::Invalid { what: "mode of schemas" }));
    let config = [0x87, 1, 1, b'.', 1, b'a', 1, 1, b'['];
    assert_eq!(SubjectFact::decode(&config), Err(BadFact::Invalid { what: "document" }));
    let versions = [0x84, 1, 1, b'.', 1, b'a', 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(matches!(SubjectFact::decode(&versions), Err(BadFact::TooMany { .. })));
}
