//! Bytes turned over at random: nothing panics, and what is taken holds together.

use milena_schema::avro::{
    Dice, Plan, Schema, Unions, binary,
    container::{Codec, Error, Reader, Squeeze, Writer},
};

use super::schemas;

fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        let place = dice.below(bytes.len() + 1);
        match dice.below(5) {
            0 => bytes.insert(place, dice.roll() as u8),
            1 if place < bytes.len() => drop(bytes.remove(place)),
            2 if place < bytes.len() => bytes[place] ^= 1 << dice.below(8),
            3 => bytes.truncate(place),
            _ if place < bytes.len() => bytes[place] = [0, 1, 0x7f, 0x80, 0xff, b'{', b'"', b'['][dice.below(8)],
            _ => {}
        }
    }
}

/// A schema's text: if it is taken, its own print is taken too, and prints the same.
pub(crate) fn text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(schema) = Schema::parse(text) else { return };
    let printed = schema.canonical();
    let again = Schema::parse(&printed).unwrap_or_else(|flaw| panic!("{text}\n{printed}\n{flaw}"));
    assert_eq!(again.canonical(), printed, "{text}");
    assert_eq!(again.parsing_form(), schema.parsing_form(), "{text}");
    let _ = schema.normalized();
    let _ = Plan::new(&schema);
}

/// Data: what is read can be written, and means the same.
pub(crate) fn data(schema: &Schema, plan: &Plan, bytes: &[u8]) {
    let value = plan.decode(bytes);
    let mut skipped = binary::Reader::new(bytes);
    let _ = plan.skip(&mut skipped);
    let json = plan.to_json(bytes, Unions::Tagged);
    dissected(schema, bytes, value.is_ok());
    let Ok(value) = value else {
        assert!(json.is_err());
        return;
    };
    let mut again = Vec::new();
    schema.encode(&value, &mut again).unwrap();
    assert_eq!(plan.decode(&again).map(|v| format!("{v:?}")), Ok(format!("{value:?}")));
    let mut by_json = Vec::new();
    match schema.encode_json(&json.unwrap(), &mut by_json) {
        // A map may have a key twice, a record of the union's may not.
        Ok(()) => assert!(plan.decode(&by_json).is_ok()),
        Err(flaw) => panic!("{flaw}: {value:?}"),
    }
}

/// Every byte of sound data has its words, once and in order.
fn dissected(schema: &Schema, bytes: &[u8], sound: bool) {
    let (spans, flaw) = schema.dissect(bytes, usize::MAX);
    let mut next = 0;
    for span in &spans {
        assert!(span.at.start == next && span.at.end > next && span.at.end <= bytes.len(), "{spans:?}");
        next = span.at.end;
    }
    match flaw {
        None => assert!(sound && next == bytes.len(), "{spans:?}"),
        Some(flaw) => assert!(!sound || flaw == milena_schema::avro::Malformed::Deep, "{flaw}"),
    }
}

/// A container file: read to its end, whatever it is.
pub(crate) fn container(bytes: &[u8]) {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    let plan = Plan::new(reader.schema());
    for _ in 0..10_000 {
        match reader.next_block() {
            Ok(None) => return,
            Ok(Some(block)) => {
                let mut data = binary::Reader::new(&block.data);
                for _ in 0..block.count.min(1_000) {
                    if plan.skip(&mut data).is_err() {
                        break;
                    }
                }
            }
            Err(Error::Damaged { .. }) => {}
            Err(_) => return,
        }
    }
    panic!("the file has no end");
}

#[test]
fn texts_turned_over() {
    let mut dice = Dice::new(11);
    for _ in 0..3_000 {
        let (schema, _) = schemas::pair(&mut dice);
        let mut bytes = schema.to_string().into_bytes();
        text(&bytes);
        mutate(&mut bytes, &mut dice);
        text(&bytes);
    }
}

#[test]
fn data_turned_over() {
    let mut dice = Dice::new(12);
    for _ in 0..400 {
        let (schema, _) = schemas::pair(&mut dice);
        let schema = Schema::parse(&schema.to_string()).unwrap();
        let plan = Plan::new(&schema);
        let mut bytes = Vec::new();
        if schema.random(&mut dice, &mut bytes).is_err() {
            continue;
        }
        for _ in 0..10 {
            let mut broken = bytes.clone();
            mutate(&mut broken, &mut dice);
            data(&schema, &plan, &broken);
        }
    }
}

#[test]
fn json_turned_over() {
    let mut dice = Dice::new(13);
    for _ in 0..2_000 {
        let (schema, _) = schemas::pair(&mut dice);
        let schema = Schema::parse(&schema.to_string()).unwrap();
        let mut bytes = Vec::new();
        if schema.random(&mut dice, &mut bytes).is_err() {
            continue;
        }
        let plan = Plan::new(&schema);
        let mut json = plan.to_json(&bytes, Unions::Bare).unwrap().into_bytes();
        mutate(&mut json, &mut dice);
        let mut out = Vec::new();
        if let Ok(Some(taken)) = schema.encode_json_front(&json, &mut out) {
            assert!(taken <= json.len() && plan.decode(&out).is_ok());
        }
        if let Ok(text) = std::str::from_utf8(&json) {
            both_ways(&schema, text);
        }
    }
}

/// Plain text has a short way. It answers what the whole way does, which is all that is gone for bytes.
fn both_ways(schema: &Schema, text: &str) {
    let (mut whole, mut short, mut all) = (vec![9], vec![9], vec![9]);
    let expected = schema.encode_json_front(text.as_bytes(), &mut whole);
    assert_eq!(schema.encode_text_front(text, &mut short), expected, "{text} as {schema:?}");
    assert_eq!(short, whole, "{text} as {schema:?}");
    let fills = matches!(expected, Ok(Some(taken)) if text[taken..].chars().all(|c| matches!(c, ' ' | '\n' | '\r' | '\t')));
    assert_eq!(schema.encode_json(text, &mut all).is_ok(), fills, "{text}");
    assert_eq!(all, if fills { whole } else { vec![9] }, "{text}");
}

#[test]
fn plain_text_and_any_other_mean_the_same() {
    let mut dice = Dice::new(15);
    for round in 0..2_000 {
        let (schema, _) = schemas::pair(&mut dice);
        let schema = Schema::parse(&schema.to_string()).unwrap();
        let mut bytes = Vec::new();
        if schema.random(&mut dice, &mut bytes).is_ok() {
            let unions = if round % 2 == 0 { Unions::Bare } else { Unions::Tagged };
            both_ways(&schema, &Plan::new(&schema).to_json(&bytes, unions).unwrap());
        }
    }
    let words = [
        "0",
        "-0",
        "00",
        "01",
        "-",
        "1-2",
        "12",
        "-7 ",
        "1.",
        ".5",
        "1.5",
        "-0.0",
        "1e5",
        "1.5e3",
        "1.5E+400",
        "+1",
        "1_0",
        "3.0",
        "999999999999999999",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "16777217",
        "0.1",
        "true",
        "truex",
        "null",
        "nul",
        "\"\"",
        "\"a\"",
        "\"a\\n\"",
        "\"a\nb\"",
        "\"12345678\\\"\"",
        "\"\u{e9}\u{20ac}\"",
        "\"open",
        "[]",
        "[1,2]",
        "[1,]",
        "[ 1 , 2 ]",
        "{}",
        "{\"a\":1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,}",
        "{\"int\":1}",
        "{\"int\":1,\"x\":2}",
        "{\"a\":{\"int\":1}}",
        "{ \"a\" : 1 , \"b\" : 2 } ",
        "{\"b\":2,\"a\":1}",
        "{\"a\":1,\"b\":2,\"c\":3}",
        "{\"\\u0061\":1}",
        "{\"ab\":1}",
        "\u{c}1",
        "1\u{c}",
    ];
    let record =
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":["null","int"],"default":null}]}"#;
    let kinds = [
        "\"null\"",
        "\"boolean\"",
        "\"int\"",
        "\"long\"",
        "\"float\"",
        "\"double\"",
        "\"string\"",
        "\"bytes\"",
        "[\"null\",\"int\",\"string\"]",
        r#"{"type":"array","items":"int"}"#,
        r#"{"type":"map","values":"int"}"#,
        r#"{"type":"map","values":["int","null"]}"#,
        r#"{"type":"fixed","name":"F","size":1}"#,
        r#"{"type":"enum","name":"E","symbols":["a","b"]}"#,
        record,
    ];
    for kind in kinds {
        let schema = Schema::parse(kind).unwrap();
        words.iter().for_each(|text| both_ways(&schema, text));
    }
}

#[test]
fn files_turned_over() {
    let mut dice = Dice::new(14);
    for codec in Codec::ALL {
        let squeeze = Squeeze { codec, level: None };
        let mut writer = Writer::new(Vec::new(), "\"string\"", squeeze, &[], [7; 16]).unwrap();
        for index in 0..40 {
            binary::put_string(writer.data(), &format!("text {index}"));
            writer.wrote().unwrap();
            if index % 10 == 9 {
                writer.flush().unwrap();
            }
        }
        let bytes = writer.finish().unwrap();
        for _ in 0..150 {
            let mut broken = bytes.clone();
            mutate(&mut broken, &mut dice);
            container(&broken);
        }
    }
}
