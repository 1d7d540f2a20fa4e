//! IDL to JSON.

use milena_schema::{
    Flaw,
    avro::idl::{Idl, Import},
};
use serde_json::json;

fn parse(text: &str) -> Result<Idl, Flaw> {
    Idl::parse(text, &mut |kind, path| match (kind, path) {
        (Import::Schema, "other.avsc") => Ok(r#"{"type":"record","name":"Other","namespace":"o","fields":[]}"#.into()),
        (Import::Idl, "again.avdl") => Ok(r#"import idl "again.avdl"; record Again { int a; }"#.into()),
        (Import::Protocol, "p.avpr") => {
            Ok(r#"{"protocol":"P","namespace":"p","types":[{"type":"enum","name":"E","symbols":["A"]}],"messages":{}}"#.into())
        }
        _ => Err(Flaw::new(format!("{path} is not there"))),
    })
}

#[test]
fn a_schema_with_all_kinds_of_types() {
    let text = r#"
        namespace com.example; // a comment
        schema Person;
        /** Somebody.
          * Whom we know. */
        @aliases(["Human"]) record Person {
            /** As friends say it. */ string first = "j\u006fhn", last;
            int @order("descending") age = 0;
            union { null, Kind } kind = null;
            array<map<long?>> numbers;
            decimal(9, 2) price; date born; time_ms t; timestamp_ms seen; local_timestamp_ms l; uuid id;
            @logicalType("timestamp-micros") long precise;
            string? maybe; string? sure = "yes";
            boolean `union`; x.y.Hash hash; float @aliases(["heft"]) weight;
        }
        enum Kind { FRIEND, OTHER } = OTHER;
        @namespace("x.y") fixed Hash(16);
    "#;
    let idl = parse(text).unwrap();
    let main = idl.main.unwrap();
    let field = |name: &str| main["fields"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap().clone();
    assert_eq!(main["doc"], "Somebody.\nWhom we know.");
    assert_eq!(main["aliases"], json!(["Human"]));
    assert_eq!(field("first"), json!({"name":"first","type":"string","doc":"As friends say it.","default":"john"}));
    assert_eq!(field("last"), json!({"name":"last","type":"string","doc":"As friends say it."}));
    assert_eq!(field("age")["order"], "descending");
    let kind = json!({"type":"enum","name":"Kind","namespace":"com.example","symbols":["FRIEND","OTHER"],"default":"OTHER"});
    assert_eq!(field("kind")["type"], json!(["null", kind]));
    let numbers = json!({"type":"array","items":{"type":"map","values":["null","long"]}});
    assert_eq!(field("numbers")["type"], numbers);
    assert_eq!(field("price")["type"], json!({"type":"bytes","logicalType":"decimal","precision":9,"scale":2}));
    assert_eq!(field("precise")["type"], json!({"type":"long","logicalType":"timestamp-micros"}));
    assert_eq!(field("maybe")["type"], json!(["null", "string"]));
    assert_eq!(field("sure")["type"], json!(["string", "null"]));
    assert_eq!(field("union")["type"], "boolean");
    assert_eq!(field("weight")["aliases"], json!(["heft"]));
    super::schema(&main.to_string());
}

#[test]
fn a_protocol_with_messages() {
    let text = r#"
        @namespace("com.example") protocol Mail {
            import schema "other.avsc";
            record Letter { string text; o.Other other; }
            error Lost { string why; }
            /** Sends it. */ string send(Letter letter, int copies = 1) throws Lost;
            void ping() oneway;
        }"#;
    let main = parse(text).unwrap().main.unwrap();
    assert_eq!((&main["protocol"], &main["namespace"]), (&json!("Mail"), &json!("com.example")));
    // The protocol's own namespace is said once.
    let spaces: Vec<&serde_json::Value> = main["types"].as_array().unwrap().iter().map(|kind| &kind["namespace"]).collect();
    assert_eq!(spaces, [&json!("o"), &json!(null), &json!(null)]);
    assert_eq!(main["messages"]["send"]["errors"], json!(["Lost"]));
    assert_eq!(main["messages"]["send"]["request"][1], json!({"name":"copies","type":"int","default":1}));
    assert_eq!(main["messages"]["ping"], json!({"request":[],"response":"null","one-way":true}));
}

#[test]
fn imports_are_read_once() {
    let idl =
        parse(r#"import idl "again.avdl"; import protocol "p.avpr"; import idl "again.avdl"; record R { Again a; p.E e; }"#)
            .unwrap();
    let names: Vec<String> = idl.schemata().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Again", "p.E", "R"]);
    assert!(parse(r#"import idl "gone.avdl";"#).unwrap_err().to_string().contains("gone.avdl is not there"));
}

#[test]
fn what_is_no_idl_is_refused_with_its_place() {
    for (text, why) in [
        ("record R { int a }", "';' is expected, not '}' (at line 1 column"),
        ("record R { int", "a name is expected, not the end of the text"),
        ("thing R {}", "\"thing\" begins no declaration"),
        ("record R { string s = ; }", "JSON is expected"),
        ("/* no end", "a comment has no end"),
        ("protocol P { record R { ", "the end of the text"),
    ] {
        let told = parse(text).expect_err(text).to_string();
        assert!(told.contains(why), "{text}: {told}");
    }
    let deep = format!("record R {{ {}int{} a; }}", "array<".repeat(100_000), ">".repeat(100_000));
    assert!(parse(&deep).unwrap_err().to_string().contains("nest too deep"));
}
