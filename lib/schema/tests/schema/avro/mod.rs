//! Avro.

mod apache;
mod bombs;
mod compatibility;
mod container;
mod data;
mod fuzz;
mod generated;
mod idl;
mod json;
mod oracle;
#[rustfmt::skip]
mod clashes;
#[rustfmt::skip]
mod moments;
#[rustfmt::skip]
mod person;
mod resolution;
mod schemas;
mod text;

use milena_schema::avro::Schema;

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap_or_else(|flaw| panic!("{text}: {flaw}"))
}

fn refused(text: &str) -> String {
    Schema::parse(text).expect_err(text).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
