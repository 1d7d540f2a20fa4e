//! Schemas and data made to break a reader: each ends soon, with a reason or a result.

use std::time::Duration;

use milena_schema::{
    Format, Resolved, Schema as Any,
    avro::{Malformed, Plan, Schema, binary},
};

use super::schema;

/// Seconds of processor time: far above what any of them needs in a debug build; what they guard against takes minutes.
const SOON: Duration = Duration::from_secs(10);

/// Runs on a small stack, as a task of a server would. Other work on the machine does not count.
fn soon<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let (done, spent) = std::thread::scope(|scope| {
        let timed = || {
            let done = work();
            (done, spent())
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn_scoped(scope, timed).unwrap().join().unwrap()
    });
    assert!(spent < SOON, "{spent:?}");
    done
}

/// Processor time of this thread; nothing where the system does not tell it.
fn spent() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default())
}

fn refused(text: &str) -> String {
    soon(|| Schema::parse(text).unwrap_err().to_string())
}

#[test]
fn deep_brackets() {
    for depth in [10_000, 100_000] {
        assert!(refused(&"[".repeat(depth)).contains("nests deeper"));
        let arrays = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(depth), "}".repeat(depth));
        assert!(refused(&arrays).contains("nests deeper"));
    }
    let most = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(250), "}".repeat(250));
    soon(|| {
        let schema = schema(&most);
        assert_eq!(schema.canonical(), most);
        assert!(schema.can_read(&schema).is_empty());
        assert_eq!(Plan::new(&schema).to_json(&[0], Default::default()).unwrap(), "[]");
    });
}

#[test]
fn too_much_text_and_too_many_members() {
    let text = format!(r#"{{"type":"record","name":"A","doc":"{}","fields":[]}}"#, "x".repeat(3 << 20));
    assert!(Any::parse(Format::Avro, &text, &[]).unwrap_err().to_string().contains("bytes; at most"));
    assert!(refused(&format!("[{}1]", "1,".repeat(900_000))).contains("values"));
}

#[test]
fn a_hundred_thousand_symbols_and_fifty_thousand_fields() {
    let symbols: Vec<String> = (0..100_000).map(|i| format!("\"S{i}\"")).collect();
    let text = format!(r#"{{"type":"enum","name":"E","symbols":[{}]}}"#, symbols.join(","));
    soon(|| assert!(schema(&text).can_read(&schema(&text)).is_empty()));
    let fields: Vec<String> = (0..50_000).map(|i| format!(r#"{{"name":"f{i}","type":"int"}}"#)).collect();
    let text = format!(r#"{{"type":"record","name":"R","fields":[{}]}}"#, fields.join(","));
    let other = text.replace("int", "string");
    let found = soon(|| schema(&text).can_read(&schema(&other)));
    assert_eq!(found.len(), 1_000, "no more are told than can be read");
    let json = format!("{{{}}}", (0..50_000).rev().map(|i| format!("\"f{i}\":1")).collect::<Vec<_>>().join(","));
    soon(|| schema(&text).encode_json(&json, &mut Vec::new())).unwrap();
}

#[test]
fn diamonds_of_references() {
    let texts: Vec<String> = (0..30)
        .map(|i| match i {
            0 => r#"{"type":"record","name":"R0","fields":[]}"#.to_owned(),
            _ => format!(
                r#"{{"type":"record","name":"R{i}","fields":[{{"name":"a","type":"R{0}"}},{{"name":"b","type":"R{0}"}}]}}"#,
                i - 1
            ),
        })
        .collect();
    let references: Vec<Resolved<'_>> = texts[..29].iter().map(|text| Resolved { name: "r", text }).collect();
    soon(|| {
        let schema = Any::parse(Format::Avro, &texts[29], &references).unwrap();
        assert!(schema.can_read(&schema).is_empty());
        let Any::Avro(schema) = schema else { panic!("asked for Avro") };
        assert!(schema.parsing_form().len() < 5_000);
        let _ = Plan::resolve(&schema, &schema).unwrap();
    });
}

#[test]
fn a_long_chain_of_definitions() {
    let record = |i: usize, of: usize| format!(r#"{{"type":"record","name":"R{i}","fields":[{{"name":"a","type":"R{of}"}}]}}"#);
    let last = r#"{"type":"record","name":"R0","fields":[]}"#.to_owned();
    // From the one that needs nothing: every walk is flat.
    let flat: Vec<String> = std::iter::once(last.clone()).chain((1..2_000).map(|i| record(i, i - 1))).collect();
    let flat = format!("[{}]", flat.join(","));
    soon(|| {
        let schema = schema(&flat);
        assert_eq!(schema.canonical(), flat);
        assert!(schema.can_read(&schema).is_empty());
        let _ = Plan::new(&schema);
        let _ = Plan::resolve(&schema, &schema);
    });
    // The other way round each lies within the one before.
    let deep: Vec<String> = (1..2_000).rev().map(|i| record(i, i - 1)).chain([last]).collect();
    assert!(refused(&format!("[{}]", deep.join(","))).contains("nest deeper than 256 levels"));
}

#[test]
fn cycles_of_different_length() {
    let ring = |length: usize, kind: &str| {
        let mut text = format!(r#"["null","N0",{kind}]"#);
        for i in (0..length).rev() {
            text = format!(r#"{{"type":"record","name":"N{i}","aliases":["N0"],"fields":[{{"name":"n","type":{text}}}]}}"#);
        }
        text
    };
    let (one, two) = (ring(47, "\"int\""), ring(53, "\"int\""));
    soon(|| {
        let (one, two) = (schema(&one), schema(&two));
        let _ = one.can_read(&two);
        let _ = Plan::resolve(&two, &one);
    });
}

#[test]
fn unions_of_thousands_of_records_against_each_other() {
    let union = |kind: &str| {
        let list: Vec<String> = (0..4_000)
            .map(|i| format!(r#"{{"type":"record","name":"{kind}{i}","fields":[{{"name":"x","type":"int"}}]}}"#))
            .collect();
        format!("[{}]", list.join(","))
    };
    let (one, two) = (union("A"), union("B"));
    let found = soon(|| schema(&one).can_read(&schema(&two)));
    assert!(found.iter().any(|d| d.kind == "COMPARISON_TOO_LARGE"));
}

#[test]
fn a_record_that_holds_itself() {
    let text = r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#;
    soon(|| {
        let schema = schema(text);
        let plan = Plan::new(&schema);
        assert_eq!(plan.decode(&[]), Err(Malformed::Deep));
        assert_eq!(plan.skip(&mut binary::Reader::new(&[])), Err(Malformed::Deep));
        assert!(schema.can_read(&schema).is_empty());
    });
    let text = r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R","default":{}}]}"#;
    assert!(refused(text).contains("default"));
}

#[test]
fn a_list_of_ten_thousand_links() {
    let schema = schema(r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#);
    let plan = Plan::new(&schema);
    let bytes = [2; 10_000];
    soon(|| assert_eq!(plan.decode(&bytes), Err(Malformed::Deep)));
    let json = format!("{}null{}", r#"{"next":"#.repeat(10_000), "}".repeat(10_000));
    let told = soon(|| schema.encode_json(&json, &mut Vec::new()).unwrap_err().to_string());
    assert!(told.contains("nest deeper"), "{told}");
    let most = format!("{}null{}", r#"{"next":"#.repeat(100), "}".repeat(100));
    soon(|| schema.encode_json(&most, &mut Vec::new())).unwrap();
}

#[test]
fn arrays_of_nothing() {
    let schema = schema(r#"{"type":"array","items":"null"}"#);
    let plan = Plan::new(&schema);
    let mut bytes = Vec::new();
    binary::put_long(&mut bytes, 1 << 60);
    soon(|| {
        assert_eq!(plan.decode(&bytes), Err(Malformed::Swollen));
        assert_eq!(plan.skip(&mut binary::Reader::new(&bytes)), Err(Malformed::Swollen));
        assert_eq!(plan.to_json(&bytes, Default::default()), Err(Malformed::Swollen));
    });
}

#[test]
fn long_defaults() {
    let text = format!(
        r#"{{"type":"record","name":"R","fields":[{{"name":"a","type":{{"type":"array","items":"int"}},"default":[{}1]}}]}}"#,
        "1,".repeat(150_000)
    );
    soon(|| {
        let schema = schema(&text);
        let writer = Schema::parse(r#"{"type":"record","name":"R","fields":[]}"#).unwrap();
        assert_eq!(Plan::resolve(&writer, &schema).unwrap().to_json(&[], Default::default()).unwrap().len(), 300_009);
    });
}
