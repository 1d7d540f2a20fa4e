//! Bytes of data: as the specification's examples have them, and whatever chance makes, there and back.

use std::borrow::Cow;

use milena_schema::avro::{Dice, Malformed, Plan, Value, binary};

use super::{hex, schema, schemas};

const PERSON: &str = r#"{"type":"record","name":"FullName","namespace":"com.example","fields":[{"name":"first","type":"string"},{"name":"last","type":"string"}]}"#;

#[test]
fn john_doe_is_nine_bytes() {
    let schema = schema(PERSON);
    let value = Value::Record(vec![Value::String("john".into()), Value::String("doe".into())]);
    let mut bytes = Vec::new();
    schema.encode(&value, &mut bytes).unwrap();
    assert_eq!(hex(&bytes), "086a6f686e06646f65");
    let plan = Plan::new(&schema);
    let read = plan.decode(&bytes).unwrap();
    assert_eq!(read, value);
    let Value::Record(fields) = read else { panic!("a record was written") };
    assert!(matches!(&fields[0], Value::String(Cow::Borrowed("john"))), "text is borrowed from the data");
}

#[test]
fn numbers_are_zigzag_varints_of_at_most_ten_bytes() {
    for (number, bytes) in [
        (0, "00"),
        (-1, "01"),
        (1, "02"),
        (-64, "7f"),
        (64, "8001"),
        (i64::MAX, "feffffffffffffffff01"),
        (i64::MIN, "ffffffffffffffffff01"),
    ] {
        let mut out = Vec::new();
        binary::put_long(&mut out, number);
        assert_eq!(hex(&out), bytes);
        assert_eq!(binary::Reader::new(&out).long(), Ok(number));
    }
    assert_eq!(binary::Reader::new(&[0x80; 9]).long(), Err(Malformed::Ends));
    assert_eq!(binary::Reader::new(&[0x80; 11]).long(), Err(Malformed::Varint));
    assert_eq!(binary::Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x20]).int(), Err(Malformed::Int(1 << 32)));
}

#[test]
fn a_block_may_say_its_size_and_is_then_jumped_over() {
    let schema = schema(r#"{"type":"array","items":"string"}"#);
    let plan = Plan::new(&schema);
    let bytes = [0x03, 0x08, 0x02, b'a', 0x02, b'b', 0x02, 0x02, b'c', 0x00];
    let text: Vec<Value<'_>> = ["a", "b", "c"].map(|t| Value::String(t.into())).into();
    assert_eq!(plan.decode(&bytes), Ok(Value::Array(text)));
    let mut reader = binary::Reader::new(&bytes);
    plan.skip(&mut reader).unwrap();
    assert_eq!(reader.end(), Ok(()));
}

#[test]
fn broken_data_are_refused_with_the_reason() {
    let refused = |text: &str, bytes: &[u8]| Plan::new(&schema(text)).decode(bytes).unwrap_err();
    assert_eq!(refused("\"string\"", &[0x08, b'j']), Malformed::Ends);
    assert_eq!(refused("\"string\"", &[0x01]), Malformed::Length(-1));
    assert_eq!(refused("\"string\"", &[0x02, 0xff]), Malformed::Utf8);
    assert_eq!(refused("\"boolean\"", &[2]), Malformed::Boolean(2));
    assert_eq!(refused("\"null\"", &[2]), Malformed::Trailing(1));
    assert_eq!(refused(r#"["null"]"#, &[2]), Malformed::Branch(1));
    assert_eq!(refused(r#"{"type":"enum","name":"E","symbols":["A"]}"#, &[1]), Malformed::Symbol(-1));
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_its_place_and_leaves_nothing_behind() {
    let schema = schema(PERSON);
    let mut out = b"before".to_vec();
    let value = Value::Record(vec![Value::String("john".into()), Value::Int(3)]);
    let flaw = schema.encode(&value, &mut out).unwrap_err();
    assert_eq!(flaw.to_string(), "the schema wants string, the value is an int (at last)");
    assert_eq!(out, b"before");
}

#[test]
fn whatever_chance_makes_comes_back() {
    let mut dice = Dice::new(3);
    let mut seen = 0;
    while seen < 2_000 {
        let (text, _) = schemas::pair(&mut dice);
        let schema = schema(&text.to_string());
        let mut bytes = Vec::new();
        if schema.random(&mut dice, &mut bytes).is_err() {
            continue;
        }
        let plan = Plan::new(&schema);
        let value = plan.decode(&bytes).unwrap();
        let mut again = Vec::new();
        schema.encode(&value, &mut again).unwrap();
        assert_eq!(again, bytes, "{text}");
        let mut reader = binary::Reader::new(&bytes);
        plan.skip(&mut reader).unwrap();
        assert_eq!(reader.end(), Ok(()), "{text}");
        let mut rewritten = Vec::new();
        plan.rewrite(&mut binary::Reader::new(&bytes), &mut rewritten).unwrap();
        assert_eq!(rewritten, bytes, "{text}");
        seen += 1;
    }
}
