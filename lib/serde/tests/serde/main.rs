//! Messages as other people's serializers write them, and a registry that is asked no more than needed.

mod formats;
mod framing;
mod messages;
mod shelf;

#[rustfmt::skip]
#[path = "../../../schema/tests/schema/avro/person.rs"]
mod person;
