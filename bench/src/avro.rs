//! Avro by the clock: one record of ten fields (110 bytes, 220 as JSON), written and read in each of the ways that there are.

use std::{hint::black_box, path::Path, time::Instant};

use anyhow::{Result, ensure};
use milena_schema::avro::{Decode as _, Encode as _, Plan, Schema, Unions, binary::Reader};

use user::bench::{User, UserRef};

mod files;
mod others;
#[rustfmt::skip]
mod user;

const SCHEMA: &str = include_str!("avro/user.avsc");
const JSON: &str = r#"{"id":1234567890123,"name":"Milena Jesenska","email":"milena.jesenska@example.com","age":41,"active":true,"balance":1920.75,"created":1795321928293,"city":"Praha","tags":["letters","vienna","prose"],"comment":"She kept every one of them."}"#;

/// Rounds of each measurement; the fastest is told, since everything else on the machine only slows.
const ROUNDS: usize = 9;

/// Nanoseconds of one call.
fn clock(mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    let mut calls = 1_000;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        (0..calls).for_each(|_| work());
        let took = begin.elapsed();
        best = best.min(took.as_nanos() as f64 / f64::from(calls));
        if took.as_millis() < 50 {
            calls = (calls * 2).min(1_000_000);
        }
    }
    best
}

/// The command line on files of a million records.
pub(crate) fn files(milena: &Path, tools: Option<&Path>, dir: &Path) -> Result<()> {
    files::run(milena, tools, dir)
}

/// Prints a table. What `python` and `jar` have is measured beside ours if they are given.
pub(crate) fn run(python: Option<&Path>, jar: Option<&Path>) -> Result<()> {
    let schema = Schema::parse(SCHEMA)?;
    let reader = Schema::parse(&SCHEMA.replace(r#""age", "type": "int""#, r#""age", "type": "long""#))?;
    let mut bytes = Vec::new();
    schema.encode_json(JSON, &mut bytes)?;
    let plan = Plan::new(&schema);
    let evolved = Plan::resolve(&schema, &reader)?;
    ensure!(plan.to_json(&bytes, Unions::Bare)? == JSON, "the record does not come back");
    let (owned, borrowed, value) = (User::from_avro(&bytes)?, UserRef::from_avro(&bytes)?, plan.decode(&bytes)?);
    ensure!(owned.to_avro() == bytes && borrowed.to_avro() == bytes, "the record is not written as it was read");
    let mut out = Vec::with_capacity(1_024);
    println!("one record of ten fields: {} bytes, {} as JSON; nanoseconds, the best of {ROUNDS} rounds", bytes.len(), JSON.len());
    let line = |what: &str, ns: f64| println!("{what:<44} {ns:>8.1}");
    let mut written = |what: &str, work: &mut dyn FnMut(&mut Vec<u8>)| {
        let ns = clock(|| {
            out.clear();
            work(&mut out);
            black_box(&out);
        });
        line(what, ns);
    };
    written("encode, generated code, owned", &mut |out| black_box(&owned).encode(out));
    written("encode, generated code, borrowed", &mut |out| black_box(&borrowed).encode(out));
    written("encode, dynamic value", &mut |out| drop(schema.encode(black_box(&value), out)));
    written("JSON to Avro", &mut |out| drop(schema.encode_json(black_box(JSON), out)));
    written("Avro to JSON", &mut |out| _ = plan.write_json(&mut Reader::new(black_box(&bytes)), Unions::Bare, out));
    written("into another schema, binary", &mut |out| _ = evolved.rewrite(&mut Reader::new(black_box(&bytes)), out));
    line("decode, generated code, owned", clock(|| drop(black_box(User::from_avro(black_box(&bytes))))));
    line("decode, generated code, borrowed", clock(|| drop(black_box(UserRef::from_avro(black_box(&bytes))))));
    line("decode, dynamic value", clock(|| drop(black_box(plan.decode(black_box(&bytes))))));
    line("pass over, looking at lengths", clock(|| _ = black_box(plan.skip(&mut Reader::new(black_box(&bytes))))));
    line("parse the schema", clock(|| drop(black_box(Schema::parse(black_box(SCHEMA))))));
    others::apache_avro(SCHEMA, &bytes, line)?;
    match python {
        Some(python) => others::fastavro(python, SCHEMA, &bytes)?,
        None => println!("left out: fastavro (--python says which Python has it)"),
    }
    match jar {
        Some(jar) => others::java(jar, SCHEMA, &bytes),
        None => {
            println!("left out: Apache Avro in Java (--avro-tools says where its jar is)");
            Ok(())
        }
    }
}
