//! Every rule by which a reader can or cannot read, by name.

use super::schema;

/// Kind, path and message of each difference.
fn differences(reader: &str, writer: &str) -> Vec<(String, String, String)> {
    let found = schema(reader).can_read(&schema(writer));
    found.into_iter().map(|d| (d.kind.to_owned(), d.path, d.message)).collect()
}

fn one(reader: &str, writer: &str) -> (String, String, String) {
    let mut found = differences(reader, writer);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn is(found: (String, String, String), kind: &str, path: &str, message: &str) {
    assert_eq!((found.0.as_str(), found.1.as_str(), found.2.as_str()), (kind, path, message));
}

fn reads(reader: &str, writer: &str) {
    assert_eq!(differences(reader, writer), []);
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

#[test]
fn numbers_widen_and_never_narrow() {
    let names = ["int", "long", "float", "double"];
    for (w, writer) in names.iter().enumerate() {
        for (r, reader) in names.iter().enumerate() {
            let found = differences(&format!("\"{reader}\""), &format!("\"{writer}\""));
            assert_eq!(found.is_empty(), r >= w, "{writer} read as {reader}");
        }
    }
    let message = "reader type: FLOAT not compatible with writer type: DOUBLE";
    is(one(r#""float""#, r#""double""#), "TYPE_MISMATCH", "/", message);
}

#[test]
fn strings_and_bytes_stand_for_each_other_and_for_nothing_else() {
    reads(r#""string""#, r#""bytes""#);
    reads(r#""bytes""#, r#""string""#);
    for other in ["null", "boolean", "int", "long", "float", "double"] {
        assert_eq!(one(r#""string""#, &format!("\"{other}\"")).0, "TYPE_MISMATCH");
        assert_eq!(one(&format!("\"{other}\""), r#""bytes""#).0, "TYPE_MISMATCH");
    }
}

#[test]
fn arrays_and_maps_are_compared_by_what_they_hold() {
    reads(r#"{"type":"array","items":"long"}"#, r#"{"type":"array","items":"int"}"#);
    let message = "reader type: INT not compatible with writer type: LONG";
    let array = |items: &str| format!(r#"{{"type":"array","items":"{items}"}}"#);
    is(one(&array("int"), &array("long")), "TYPE_MISMATCH", "/items", message);
    let map = |values: &str| format!(r#"{{"type":"map","values":"{values}"}}"#);
    is(one(&map("int"), &map("long")), "TYPE_MISMATCH", "/values", message);
    assert_eq!(one(&map("int"), &array("int")).0, "TYPE_MISMATCH");
}

#[test]
fn fixed_needs_the_same_name_and_size() {
    let fixed = |name: &str, size: u8| format!(r#"{{"type":"fixed","name":"{name}","size":{size}}}"#);
    reads(&fixed("F", 4), &fixed("F", 4));
    is(one(&fixed("F", 4), &fixed("F", 8)), "FIXED_SIZE_MISMATCH", "/size", "expected: 8, found: 4");
    is(one(&fixed("F", 4), &fixed("G", 4)), "NAME_MISMATCH", "/name", "expected: G");
}

#[test]
fn logical_types_are_not_looked_at() {
    let long = |logical: &str| format!(r#"{{"type":"long","logicalType":"{logical}"}}"#);
    reads(&long("timestamp-micros"), &long("timestamp-millis"));
    let decimal = |scale: u8| format!(r#"{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}"#);
    reads(&decimal(4), &decimal(2));
}

#[test]
fn names_are_compared_without_their_namespaces() {
    reads(r#"{"type":"record","name":"a.User","fields":[]}"#, r#"{"type":"record","name":"b.User","fields":[]}"#);
    let found = one(r#"{"type":"record","name":"a.User","fields":[]}"#, r#"{"type":"record","name":"a.Person","fields":[]}"#);
    is(found, "NAME_MISMATCH", "/name", "expected: a.Person");
}

#[test]
fn a_readers_alias_counts_if_it_is_the_writers_full_name() {
    let reader = |alias: &str| format!(r#"{{"type":"record","name":"a.User","aliases":["{alias}"],"fields":[]}}"#);
    let writer = r#"{"type":"record","name":"b.Person","fields":[]}"#;
    reads(&reader("b.Person"), writer);
    assert_eq!(one(&reader("Person"), writer).0, "NAME_MISMATCH");
}

#[test]
fn an_enum_needs_every_symbol_or_a_default() {
    let reader = r#"{"type":"enum","name":"E","symbols":["A","B"]}"#;
    let writer = r#"{"type":"enum","name":"E","symbols":["D","A","C"]}"#;
    is(one(reader, writer), "MISSING_ENUM_SYMBOLS", "/symbols", "[C, D]");
    reads(r#"{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}"#, writer);
    reads(reader, r#"{"type":"enum","name":"E","symbols":["A"]}"#);
}

#[test]
fn a_field_that_was_not_written_needs_a_default() {
    let writer = record("");
    reads(&record(r#"{"name":"a","type":"int","default":1}"#), &writer);
    let reader = record(r#"{"name":"b","type":"int","default":1},{"name":"a","type":"int"}"#);
    is(one(&reader, &writer), "READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/1", "a");
    let found = schema(&reader).can_read(&schema(&writer)).remove(0);
    let sentence = "The field 'a' at path '/fields/1' in the new schema has no default value and is missing in the old schema";
    assert_eq!(found.description("new", "old"), sentence);
}

#[test]
fn a_field_that_only_the_writer_has_is_passed_over() {
    reads(&record(""), &record(r#"{"name":"a","type":"int"}"#));
}

#[test]
fn a_missing_field_whose_enum_has_a_default_is_a_mismatch_of_types() {
    let field = r#"{"name":"e","type":{"type":"enum","name":"E","symbols":["A"],"default":"A"}}"#;
    let message = "reader type: ENUM not compatible with writer type: RECORD";
    is(one(&record(field), &record("")), "TYPE_MISMATCH", "/fields/0/type", message);
}

#[test]
fn a_field_is_found_by_its_alias_and_only_once() {
    let reader = record(r#"{"name":"new","type":"long","aliases":["old"]}"#);
    reads(&reader, &record(r#"{"name":"old","type":"int"}"#));
    let both = record(r#"{"name":"old","type":"int"},{"name":"new","type":"long"}"#);
    assert_eq!(one(&reader, &both).0, "READER_FIELD_MATCHES_SEVERAL");
}

#[test]
fn differences_carry_the_path_to_where_they_are() {
    let schema =
        |kind: &str| record(&format!(r#"{{"name":"a","type":{{"type":"array","items":{{"type":"map","values":{kind}}}}}}}"#));
    let found = one(&schema(r#""int""#), &schema(r#""string""#));
    is(found, "TYPE_MISMATCH", "/fields/0/type/items/values", "reader type: INT not compatible with writer type: STRING");
}

#[test]
fn every_branch_of_the_writer_must_be_readable() {
    reads(r#"["null","string","int"]"#, r#"["int","null"]"#);
    let found = one(r#"["null","string"]"#, r#"["null","int"]"#);
    is(found, "MISSING_UNION_BRANCH", "/1", "reader union lacking writer type: INT");
    // A reader without a union: each branch is judged by itself, and its path begins anew.
    let found = one(&record(r#"{"name":"a","type":"int"}"#), &record(r#"{"name":"a","type":["int","string"]}"#));
    is(found, "TYPE_MISMATCH", "/", "reader type: INT not compatible with writer type: STRING");
}

#[test]
fn one_branch_of_the_reader_is_enough_and_may_widen() {
    reads(r#"["null","long"]"#, r#""int""#);
    let found = one(r#"["null","long"]"#, r#""string""#);
    is(found, "MISSING_UNION_BRANCH", "/", "reader union lacking writer type: STRING");
}

#[test]
fn recursion_ends() {
    let list = |kind: &str| {
        format!(
            r#"{{"type":"record","name":"L","fields":[{{"name":"v","type":"{kind}"}},{{"name":"next","type":["null","L"]}}]}}"#
        )
    };
    reads(&list("long"), &list("int"));
    let found = differences(&list("int"), &list("long"));
    assert_eq!(found[0].1, "/fields/0/type");
}

#[test]
fn all_differences_are_told() {
    let reader = record(r#"{"name":"a","type":"int"},{"name":"b","type":"int"},{"name":"c","type":"int"}"#);
    let writer = record(r#"{"name":"a","type":"string"},{"name":"b","type":"boolean"}"#);
    let paths: Vec<String> = differences(&reader, &writer).into_iter().map(|d| d.1).collect();
    assert_eq!(paths, ["/fields/0/type", "/fields/1/type", "/fields/2"]);
}
