//! What is accepted and what is refused; how a schema is printed; canonical form and fingerprints.

use milena_schema::{
    Format, Resolved, Schema as Any,
    avro::{Logical, Rigour, Schema},
};

use super::{hex, refused, schema};

#[test]
fn a_text_is_kept_byte_for_byte() {
    let text = "{ \"type\" : \"record\",\n \"name\":\"A\", \"fields\":[ ], \"zzz\": 1.50 }";
    assert_eq!(schema(text).text(), text);
}

#[test]
fn comments_are_taken_as_java_takes_them() {
    let text = "// head\n{\"type\":\"record\",/* a\n * b */\"name\":\"A\",\"fields\":[],\"see\":\"http://x/*y*/\"}//";
    let printed = r#"{"type":"record","name":"A","fields":[],"see":"http://x/*y*/"}"#;
    assert_eq!(schema(text).text(), printed);
    assert_eq!(schema(text).canonical(), schema(printed).canonical());
    let user = r#"{"type":"record","name":"B","fields":[{"name":"a","type":"A"}]}"#;
    let resolved = [Resolved { name: "A", text }];
    let user = Schema::parse_with(&format!("/**/{user}"), &resolved, Rigour::Strict).unwrap();
    assert_eq!(user.text(), r#"{"type":"record","name":"B","fields":[{"name":"a","type":"A"}]}"#);
    // Places are those of the text as it came, and what is no comment is refused as ever.
    assert!(refused("/* \n */ [1 2]").contains("line 2 column 8"), "{}", refused("/* \n */ [1 2]"));
    for bad in ["\"int\" /* open", "\"int\" /", "# no\n\"int\"", "/*/ \"int\""] {
        refused(bad);
    }
}

#[test]
fn printing_collapses_and_keeps_all_that_says_something() {
    let text = r#"{"name":"A","namespace":"x","doc":"d","aliases":["B","y.C"],"type":"record","extra":[1,2.0,1e10],
        "fields":[{"type":{"type":"string"},"name":"f","order":"ignore","default":"é","p":{},"aliases":["g"],"doc":"e"},
        {"name":"self","type":["null","A"],"default":null},
        {"name":"e","type":{"type":"enum","name":"z.E","symbols":["S"],"default":"S"}}]}"#;
    let printed = r#"{"type":"record","name":"A","namespace":"x","doc":"d","fields":[{"name":"f","type":"string","doc":"e","default":"é","order":"ignore","aliases":["g"],"p":{}},{"name":"self","type":["null","A"],"default":null},{"name":"e","type":{"type":"enum","name":"E","namespace":"z","symbols":["S"],"default":"S"}}],"extra":[1,2.0,1.0E10],"aliases":["B","y.C"]}"#;
    assert_eq!(schema(text).canonical(), printed);
    assert_eq!(schema(printed).canonical(), printed);
    assert_eq!(schema(r#"{"type":"string"}"#).canonical(), "\"string\"");
}

#[test]
fn the_normal_form_is_the_canonical_one_with_sorted_properties() {
    let text = r#"{"type":"record","namespace":"x","name":"A","doc":"d","zz":1,"aa":2,"aliases":["C","B"],
        "fields":[{"name":"f","type":{"type":"bytes","scale":2,"precision":9,"logicalType":"decimal"}},{"name":"g","type":["null","A"]}]}"#;
    let normal = r#"{"type":"record","name":"A","namespace":"x","doc":"d","fields":[{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},{"name":"g","type":["null","A"]}],"aa":2,"zz":1,"aliases":["B","C"]}"#;
    assert_eq!(schema(normal).canonical(), normal, "what is in order already is the same in both forms");
    assert_eq!(schema(text).normalized(), normal);
}

#[test]
fn the_parsing_form_leaves_logical_types_and_order_out() {
    let text = r#"{"type":"record","name":"A","fields":[{"name":"t","order":"descending","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;
    assert_eq!(schema(text).parsing_form(), r#"{"name":"A","type":"record","fields":[{"name":"t","type":"long"}]}"#);
}

#[test]
fn fingerprints_are_those_of_the_specification() {
    assert_eq!(schema("\"null\"").rabin(), 7_195_948_357_588_979_594);
    assert_eq!(schema("\"int\"").rabin(), 8_247_732_601_305_521_295);
    assert_eq!(hex(&schema("\"int\"").md5()), "ef524ea1b91e73173d938ade36c1db32");
    assert_eq!(hex(&schema("\"int\"").sha256()), "3f2b87a9fe7cc9b13835598c3981cd45e3e355309e5090aa0933d7becb6fba45");
}

#[test]
fn types_of_other_texts_are_known_by_name_and_printed_so() {
    let address = Resolved { name: "x.Address", text: r#"{"type":"record","name":"x.Address","fields":[]}"# };
    let text = r#"{"type":"record","name":"x.P","fields":[{"name":"a","type":"Address"},{"name":"b","type":"Address"}]}"#;
    let found = Any::parse(Format::Avro, text, &[address]).unwrap();
    let printed =
        r#"{"type":"record","name":"P","namespace":"x","fields":[{"name":"a","type":"Address"},{"name":"b","type":"Address"}]}"#;
    assert_eq!(found.canonical(), printed);
    assert_eq!(found.name(), Some("x.P"));
    let Any::Avro(found) = found else { panic!("asked for Avro") };
    let form = r#"{"name":"x.P","type":"record","fields":[{"name":"a","type":{"name":"x.Address","type":"record","fields":[]}},{"name":"b","type":"x.Address"}]}"#;
    assert_eq!(found.parsing_form(), form);
    assert!(Any::parse(Format::Avro, text, &[]).unwrap_err().to_string().contains("x.Address"));
}

#[test]
fn logical_types_mean_something_only_where_they_may_stand() {
    let logical = |text: &str| {
        let found = schema(text);
        found.node(found.root()).logical
    };
    assert_eq!(logical(r#"{"type":"int","logicalType":"date"}"#), Some(Logical::Date));
    assert_eq!(logical(r#"{"type":"string","logicalType":"date"}"#), None);
    assert_eq!(logical(r#"{"type":"string","logicalType":"uuid"}"#), Some(Logical::Uuid));
    let decimal = |rest: &str| logical(&format!(r#"{{"type":"bytes","logicalType":"decimal",{rest}}}"#));
    assert_eq!(decimal(r#""precision":4,"scale":2"#), Some(Logical::Decimal { precision: 4, scale: 2 }));
    assert_eq!(decimal(r#""precision":2,"scale":4"#), None);
    let fixed = |size: u8, precision: u8| {
        logical(&format!(r#"{{"type":"fixed","name":"F","size":{size},"logicalType":"decimal","precision":{precision}}}"#))
    };
    assert_eq!(fixed(4, 9), Some(Logical::Decimal { precision: 9, scale: 0 }));
    assert_eq!(fixed(4, 10), None);
    assert_eq!(logical(r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#), Some(Logical::Duration));
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (text, why) in [
        ("", "EOF"),
        ("17", "not 17"),
        (r#""nothing""#, "undefined name \"nothing\""),
        (r#"{"type":"record","name":"A"}"#, "has no \"fields\""),
        (r#"{"type":"record","fields":[]}"#, "\"name\""),
        (r#"{"type":"record","name":"1A","fields":[]}"#, "illegal first character"),
        (r#"{"type":"record","name":"A-B","fields":[]}"#, "illegal character '-'"),
        (r#"{"type":"record","name":"a..B","fields":[]}"#, "empty part of a namespace"),
        (r#"{"type":"record","name":"int","fields":[]}"#, "named after primitives"),
        (r#"{"type":"record","name":"A","fields":[{"name":"f"}]}"#, "(at /fields/0)"),
        (r#"{"type":"record","name":"A","fields":[{"name":"f","type":"B"}]}"#, "(at /fields/0/type)"),
        (r#"{"type":"record","name":"A","fields":[{"name":"f","type":"int"},{"name":"f","type":"int"}]}"#, "duplicate field f"),
        (r#"{"type":"record","name":"A","fields":[{"name":"f","type":"int","default":"x"}]}"#, "invalid default for field f"),
        (r#"{"type":"record","name":"A","fields":[{"name":"f","type":"int","default":3000000000}]}"#, "invalid default"),
        (r#"{"type":"record","name":"A","fields":[{"name":"f","type":"int","order":"up"}]}"#, "none of ascending"),
        (r#"{"type":"enum","name":"E","symbols":["A","A"]}"#, "duplicate enum symbol"),
        (r#"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#, "none of its symbols"),
        (r#"{"type":"fixed","name":"F","size":-1}"#, "size"),
        (r#"["int","int"]"#, "duplicate in union: int"),
        (r#"["int",["null"]]"#, "may not hold another union"),
        (r#"{"type":"array"}"#, "items"),
        (r#"[{"type":"fixed","name":"F","size":1},{"type":"enum","name":"F","symbols":[]}]"#, "can't redefine: F"),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"record","name":"R","fields":[]}}]}"#,
            "can't redefine: R",
        ),
        (
            r#"[{"type":"fixed","name":"F","size":1},{"type":"array","items":{"type":"fixed","name":"F","size":2}}]"#,
            "can't redefine: F",
        ),
        (r#"{"type":"record","name":"A","aliases":["a-b"],"fields":[]}"#, "in alias \"a-b\""),
        (r#"{"type":{"type":"string"}}"#, "\"type\" as text"),
    ] {
        let told = refused(text);
        assert!(told.contains(why), "{text}\n{told}");
    }
}

#[test]
fn an_old_schema_is_read_without_judging_its_defaults_and_namespaces() {
    for text in [
        r#"{"type":"record","name":"A","fields":[{"name":"f","type":"int","default":"x"}]}"#,
        r#"{"type":"record","name":"A","namespace":"a-b","fields":[]}"#,
    ] {
        assert!(Schema::parse(text).is_err());
        assert!(Schema::parse_with(text, &[], Rigour::Stored).is_ok());
    }
}

#[test]
fn a_union_takes_the_default_of_any_branch() {
    for default in ["null", "\"x\"", "3"] {
        schema(&format!(
            r#"{{"type":"record","name":"A","fields":[{{"name":"f","type":["null","string","int"],"default":{default}}}]}}"#
        ));
    }
}

#[test]
fn a_name_may_be_used_before_its_definition_and_is_written_out_there() {
    let text = r#"{"type":"record","name":"A","namespace":"x","fields":[{"name":"b","type":["null","B"]},{"name":"c","type":{"type":"record","name":"B","fields":[]}}]}"#;
    let printed = r#"{"type":"record","name":"A","namespace":"x","fields":[{"name":"b","type":["null",{"type":"record","name":"B","fields":[]}]},{"name":"c","type":"B"}]}"#;
    assert_eq!(schema(text).canonical(), printed);
    let twice = r#"[{"type":"array","items":"F"},"F",{"type":"fixed","name":"F","size":1}]"#;
    assert!(refused(twice).contains("duplicate in union: F"));
}

#[test]
fn a_name_may_be_defined_again_if_it_is_the_same_again() {
    let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
    let text = format!(r#"[{list},{{"type":"array","items":{list}}}]"#);
    assert_eq!(schema(&text).canonical(), format!(r#"[{list},{{"type":"array","items":"L"}}]"#));
    let reference = Resolved { name: "L", text: list };
    assert!(Any::parse(Format::Avro, list, &[reference, reference]).is_ok());
}
