//! Avro by the clock: one record of ten fields (110 bytes, 220 as JSON), written and read in each of the ways that there are.

use std::{hint::black_box, process::Command, time::Instant};

use anyhow::{Context, Result, ensure};
use milena_schema::avro::{Decode as _, Encode as _, Plan, Schema, Unions, binary::Reader};

use user::bench::{User, UserRef};

mod files;
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
pub(crate) fn files(milena: &std::path::Path, tools: Option<&std::path::Path>, dir: &std::path::Path) -> Result<()> {
    files::run(milena, tools, dir)
}

/// Prints a table. `python` has fastavro, which is measured beside ours if it is given.
pub(crate) fn run(python: Option<&std::path::Path>) -> Result<()> {
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
    match python {
        Some(python) => fastavro(python, &bytes),
        None => {
            println!("left out: fastavro (--python says which Python has it)");
            Ok(())
        }
    }
}

/// The same record by fastavro, in the same run.
fn fastavro(python: &std::path::Path, bytes: &[u8]) -> Result<()> {
    const SCRIPT: &str = "import fastavro, io, json, sys, timeit
schema = fastavro.parse_schema(json.loads(sys.argv[1]))
data = bytes.fromhex(sys.argv[2])
record = fastavro.schemaless_reader(io.BytesIO(data), schema)
def encode():
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
def decode():
    fastavro.schemaless_reader(io.BytesIO(data), schema)
for name, work in (('encode', encode), ('decode', decode)):
    best = min(timeit.repeat(work, number=20000, repeat=5)) / 20000 * 1e9
    print(f'{name + \", fastavro \" + fastavro.__version__:<44} {best:>8.1f}')
";
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let output = Command::new(python).args(["-c", SCRIPT, SCHEMA, &hex]).output().context("cannot start python")?;
    ensure!(output.status.success(), "fastavro: {}", String::from_utf8_lossy(&output.stderr));
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
