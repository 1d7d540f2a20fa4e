//! Bytes made from the descriptors are read and written back by the generated code, byte for byte: every message, every version.

use bytes::{Bytes, BytesMut};
use milena_wire::{
    AnyRequest, AnyResponse, ConsumerProtocolAssignment, ConsumerProtocolSubscription, Malformed, Message, Reader, RequestHeader,
    ResponseHeader, Unencodable,
};

use crate::values::{Dice, Style, Subject, message, subjects};

/// Reads a message and writes it again; the bytes behind it that were not read come back too.
pub(crate) fn again(subject: &Subject, version: i16, bytes: &Bytes) -> Result<(Bytes, usize), Malformed> {
    fn typed<M: Message>(reader: &mut Reader, version: i16, out: &mut BytesMut) -> Result<(), Malformed> {
        M::decode(reader, version)?.encode(out, version).unwrap_or_else(|error| panic!("{} v{version}: {error}", M::NAME));
        Ok(())
    }
    let mut reader = Reader::new(bytes.clone());
    let mut out = BytesMut::new();
    let unencodable = |error| panic!("{} v{version}: {error}", subject.fields.name);
    match (subject.part, subject.fields.name) {
        ("request", _) => {
            AnyRequest::decode(subject.key, &mut reader, version)?.encode(&mut out, version).unwrap_or_else(unencodable)
        }
        ("response", _) => {
            AnyResponse::decode(subject.key, &mut reader, version)?.encode(&mut out, version).unwrap_or_else(unencodable)
        }
        (_, "RequestHeader") => typed::<RequestHeader>(&mut reader, version, &mut out)?,
        (_, "ResponseHeader") => typed::<ResponseHeader>(&mut reader, version, &mut out)?,
        (_, "ConsumerProtocolSubscription") => typed::<ConsumerProtocolSubscription>(&mut reader, version, &mut out)?,
        (_, "ConsumerProtocolAssignment") => typed::<ConsumerProtocolAssignment>(&mut reader, version, &mut out)?,
        (_, other) => panic!("no type for {other}"),
    }
    Ok((out.freeze(), reader.remaining()))
}

/// Reads a message and writes it in each of its versions.
pub(crate) fn across(subject: &Subject, version: i16, bytes: &Bytes) -> Vec<Result<Bytes, Unencodable>> {
    fn each(subject: &Subject, write: impl Fn(&mut BytesMut, i16) -> Result<(), Unencodable>) -> Vec<Result<Bytes, Unencodable>> {
        let written = |version| {
            let mut out = BytesMut::new();
            write(&mut out, version).map(|()| out.freeze())
        };
        subject.versions().map(written).collect()
    }
    fn typed<M: Message>(subject: &Subject, reader: &mut Reader, version: i16) -> Vec<Result<Bytes, Unencodable>> {
        let message = M::decode(reader, version).unwrap();
        each(subject, |out, version| message.encode(out, version))
    }
    let reader = &mut Reader::new(bytes.clone());
    match (subject.part, subject.fields.name) {
        ("request", _) => {
            let message = AnyRequest::decode(subject.key, reader, version).unwrap();
            each(subject, |out, version| message.encode(out, version))
        }
        ("response", _) => {
            let message = AnyResponse::decode(subject.key, reader, version).unwrap();
            each(subject, |out, version| message.encode(out, version))
        }
        (_, "RequestHeader") => typed::<RequestHeader>(subject, reader, version),
        (_, "ResponseHeader") => typed::<ResponseHeader>(subject, reader, version),
        (_, "ConsumerProtocolSubscription") => typed::<ConsumerProtocolSubscription>(subject, reader, version),
        (_, "ConsumerProtocolAssignment") => typed::<ConsumerProtocolAssignment>(subject, reader, version),
        (_, other) => panic!("no type for {other}"),
    }
}

#[test]
fn every_message_in_every_version() {
    let mut dice = Dice(1);
    let (mut pairs, mut messages, mut bytes) = (0, 0, 0);
    for subject in subjects() {
        for version in subject.versions() {
            pairs += 1;
            for _ in 0..60 {
                let made = Bytes::from(message(&mut dice, &subject, version, Style::Any));
                let (written, left) = again(&subject, version, &made)
                    .unwrap_or_else(|error| panic!("{} v{version}: {error}\n{made:?}", subject.fields.name));
                assert_eq!((&written, left), (&made, 0), "{} v{version}", subject.fields.name);
                messages += 1;
                bytes += made.len();
            }
        }
    }
    println!("{messages} messages ({bytes} bytes) of {pairs} kinds and versions came back byte for byte");
    assert!(pairs > 400, "{pairs} kinds and versions are fewer than Kafka has");
}

#[test]
fn every_truncation_is_an_error_and_bytes_behind_are_ignored() {
    let mut dice = Dice(2);
    for subject in subjects() {
        for version in subject.versions() {
            let made = Bytes::from(message(&mut dice, &subject, version, Style::Any));
            for cut in 0..made.len().min(400) {
                let error = again(&subject, version, &made.slice(..cut));
                assert!(error.is_err(), "{} v{version} cut at {cut} was read as {error:?}", subject.fields.name);
            }
            let longer = Bytes::from([&made[..], b"garbage"].concat());
            assert_eq!(again(&subject, version, &longer), Ok((made, 7)), "{} v{version}", subject.fields.name);
        }
    }
}

#[test]
fn versions_outside_are_refused() {
    for subject in subjects().iter().filter(|subject| subject.key >= 0) {
        for version in [subject.versions.0 - 1, subject.versions.1 + 1] {
            let refused = again(subject, version, &Bytes::from_static(&[0; 100]));
            assert_eq!(refused, Err(Malformed::Version { message: subject.fields.name, version }));
        }
    }
    for key in [-1, 4, 7, 52, 53, 54, 56, 93, i16::MAX, i16::MIN] {
        assert_eq!(AnyRequest::decode(key, &mut Reader::new(Bytes::new()), 0), Err(Malformed::Key { key }));
        assert!(milena_wire::api(key).is_none());
    }
}
