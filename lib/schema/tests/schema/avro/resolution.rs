//! Data of one schema read into another.

use milena_schema::avro::{Malformed, Plan, Unions};

use super::schema;

/// What the reader sees of JSON that the writer wrote.
fn seen(writer: &str, json: &str, reader: &str) -> Result<String, Malformed> {
    let (writer, reader) = (schema(writer), schema(reader));
    let mut bytes = Vec::new();
    writer.encode_json(json, &mut bytes).unwrap();
    Plan::resolve(&writer, &reader).unwrap().to_json(&bytes, Unions::Tagged)
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

#[test]
fn fields_go_by_name_missing_ones_take_defaults_and_others_are_skipped() {
    let writer =
        record(r#"{"name":"gone","type":{"type":"map","values":"int"}},{"name":"b","type":"int"},{"name":"a","type":"int"}"#);
    let reader = record(
        r#"{"name":"a","type":"long"},{"name":"n","type":{"type":"array","items":"int"},"default":[1,2]},{"name":"b","type":"double"}"#,
    );
    let found = seen(&writer, r#"{"gone":{"x":1},"b":2,"a":3}"#, &reader);
    assert_eq!(found.unwrap(), r#"{"a":3,"n":[1,2],"b":2.0}"#);
}

#[test]
fn a_renamed_field_is_found_by_its_alias() {
    let found = seen(
        &record(r#"{"name":"old","type":"string"}"#),
        r#"{"old":"x"}"#,
        &record(r#"{"name":"new","aliases":["old"],"type":"string"}"#),
    );
    assert_eq!(found.unwrap(), r#"{"new":"x"}"#);
}

#[test]
fn branches_find_their_place() {
    assert_eq!(seen(r#"["int","string"]"#, r#"{"int":1}"#, r#"["null","string","long"]"#).unwrap(), r#"{"long":1}"#);
    assert_eq!(seen(r#""int""#, "1", r#"["string","int"]"#).unwrap(), r#"{"int":1}"#);
    assert_eq!(seen(r#"["null","int"]"#, "1", r#""int""#).unwrap(), "1");
    assert_eq!(seen(r#"["null","int"]"#, "null", r#""int""#), Err(Malformed::Mismatch));
}

#[test]
fn a_symbol_that_the_reader_lacks_becomes_its_default() {
    let writer = r#"{"type":"enum","name":"E","symbols":["A","B"]}"#;
    assert_eq!(seen(writer, "\"B\"", r#"{"type":"enum","name":"E","symbols":["C","A"],"default":"C"}"#).unwrap(), "\"C\"");
    assert_eq!(seen(writer, "\"A\"", r#"{"type":"enum","name":"E","symbols":["C","A"]}"#).unwrap(), "\"A\"");
    assert_eq!(seen(writer, "\"B\"", r#"{"type":"enum","name":"E","symbols":["C","A"]}"#), Err(Malformed::Unreadable(1)));
}

#[test]
fn text_and_bytes_are_read_as_each_other() {
    assert_eq!(seen("\"bytes\"", "\"abc\"", "\"string\"").unwrap(), "\"abc\"");
    assert_eq!(seen("\"bytes\"", "\"\u{ff}\"", "\"string\""), Err(Malformed::Utf8));
    assert_eq!(seen("\"string\"", "\"é\"", "\"bytes\"").unwrap(), "\"\u{c3}\u{a9}\"");
}

#[test]
fn what_can_never_be_read_is_refused_at_once() {
    let refused = |w: &str, r: &str| Plan::resolve(&schema(w), &schema(r)).unwrap_err().to_string();
    assert_eq!(refused("\"string\"", "\"int\""), "string was written, int is expected");
    let told = refused(&record(""), &record(r#"{"name":"a","type":"int"}"#));
    assert_eq!(told, "the reader's field is not in the data and has no default (at R.a)");
}

#[test]
fn recursive_records_are_resolved() {
    let list = |kind: &str| {
        format!(
            r#"{{"type":"record","name":"L","fields":[{{"name":"v","type":"{kind}"}},{{"name":"next","type":["null","L"],"default":null}}]}}"#
        )
    };
    let found = seen(&list("int"), r#"{"v":1,"next":{"L":{"v":2,"next":null}}}"#, &list("long"));
    assert_eq!(found.unwrap(), r#"{"v":1,"next":{"L":{"v":2,"next":null}}}"#);
}
