//! Data as JSON, tagged and bare.

use milena_schema::avro::{Plan, Unions};

use super::schema;

fn bytes(text: &str, json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    schema(text).encode_json(json, &mut out).unwrap_or_else(|flaw| panic!("{json}: {flaw}"));
    out
}

fn there_and_back(text: &str, json: &str, unions: Unions) -> String {
    Plan::new(&schema(text)).to_json(&bytes(text, json), unions).unwrap()
}

fn refused(text: &str, json: &str) -> String {
    let mut out = vec![7];
    let told = schema(text).encode_json(json, &mut out).expect_err(json).to_string();
    assert_eq!(out, [7], "nothing is left behind");
    told
}

const RECORD: &str = r#"{"type":"record","name":"x.R","fields":[
    {"name":"a","type":"int"},{"name":"b","type":["null","string"],"default":null},{"name":"c","type":"double","default":1.5}]}"#;

#[test]
fn unions_are_read_tagged_and_bare_and_written_as_asked() {
    let text = r#"["null","string",{"type":"map","values":"int"}]"#;
    for json in [r#"{"string":"x"}"#, "\"x\""] {
        assert_eq!(there_and_back(text, json, Unions::Tagged), r#"{"string":"x"}"#);
        assert_eq!(there_and_back(text, json, Unions::Bare), "\"x\"");
    }
    assert_eq!(there_and_back(text, r#"{"k":1}"#, Unions::Tagged), r#"{"map":{"k":1}}"#);
    assert_eq!(there_and_back(text, "null", Unions::Tagged), "null");
    let named = format!("[\"null\",{RECORD}]");
    let whole = r#"{"x.R":{"a":1,"b":{"string":"s"},"c":2.0}}"#;
    for json in [whole, r#"{"R":{"a":1,"b":"s","c":2}}"#, r#"{"a":1,"b":"s","c":2}"#] {
        assert_eq!(there_and_back(&named, json, Unions::Tagged), whole);
    }
}

#[test]
fn a_bare_object_goes_to_the_record_that_takes_it() {
    let text = r#"[{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"y","type":"int"}]}]"#;
    assert_eq!(there_and_back(text, r#"{"y":3}"#, Unions::Tagged), r#"{"B":{"y":3}}"#);
    assert!(refused(text, r#"{"z":3}"#).contains("no branch of the union takes the object"));
}

#[test]
fn fields_come_in_any_order_and_may_be_left_to_their_defaults() {
    assert_eq!(there_and_back(RECORD, r#"{"c":2.5,"b":"s","a":1}"#, Unions::Bare), r#"{"a":1,"b":"s","c":2.5}"#);
    assert_eq!(there_and_back(RECORD, r#"{"a":1}"#, Unions::Bare), r#"{"a":1,"b":null,"c":1.5}"#);
    assert_eq!(there_and_back(RECORD, r#"{"c":9,"a":1}"#, Unions::Bare), r#"{"a":1,"b":null,"c":9.0}"#);
    assert!(refused(RECORD, r#"{"b":null}"#).contains("field a of x.R is missing"));
    assert!(refused(RECORD, r#"{"a":1,"d":1}"#).contains("x.R has no field \"d\""));
    assert!(refused(RECORD, r#"{"a":1,"a":1}"#).contains("field a stands twice"));
    assert!(refused(RECORD, r#"{"c":1,"c":1,"a":1}"#).contains("field c stands twice"));
}

#[test]
fn a_long_keeps_every_bit() {
    for number in ["9223372036854775807", "-9223372036854775808", "9007199254740993"] {
        assert_eq!(there_and_back("\"long\"", number, Unions::Bare), number);
    }
    assert!(refused("\"long\"", "9223372036854775808").contains("no value of long"));
    assert!(refused("\"int\"", "2147483648").contains("2147483648 is no value of int"));
    assert_eq!(there_and_back("\"int\"", "3.0", Unions::Bare), "3");
    assert!(refused("\"int\"", "3.5").contains("no value of int"));
}

#[test]
fn numbers_that_json_lacks_are_words() {
    for kind in ["\"double\"", "\"float\""] {
        for word in ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""] {
            assert_eq!(there_and_back(kind, word, Unions::Bare), word);
        }
    }
    assert_eq!(there_and_back("\"float\"", "0.1", Unions::Bare), "0.1");
}

#[test]
fn bytes_are_letters_of_latin_1() {
    assert_eq!(bytes("\"bytes\"", "\"\\u00ffa\""), [4, 0xff, b'a']);
    assert_eq!(there_and_back("\"bytes\"", "\"\\u00ff\\u0000\"", Unions::Bare), "\"ÿ\\u0000\"");
    assert!(refused("\"bytes\"", "\"€\"").contains("no value of bytes"));
    let fixed = r#"{"type":"fixed","name":"F","size":2}"#;
    assert_eq!(bytes(fixed, "\"é!\""), [0xe9, b'!']);
    assert!(refused(fixed, "\"é\"").contains("no value of F"));
}

#[test]
fn many_values_may_stand_in_one_text() {
    let schema = schema("\"int\"");
    let mut out = Vec::new();
    let text = b" 1 2\n";
    let first = schema.encode_json_front(text, &mut out).unwrap().unwrap();
    let second = schema.encode_json_front(&text[first..], &mut out).unwrap().unwrap();
    assert_eq!((out, first + second), (vec![2, 4], 4));
    assert_eq!(schema.encode_json_front(b" ", &mut Vec::new()), Ok(None));
}

#[test]
fn a_default_may_be_what_json_has_no_number_for() {
    let record = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":"double","default":"NaN"},{"name":"b","type":"float","default":"-Infinity"}]}"#;
    let out = bytes(record, "{}");
    assert!(f64::from_le_bytes(out[..8].try_into().unwrap()).is_nan());
    assert_eq!(f32::from_le_bytes(out[8..].try_into().unwrap()), f32::NEG_INFINITY);
}
