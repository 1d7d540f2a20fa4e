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
        (Import::Idl, "x.avdl") => Ok("namespace x; record C { D d; } record D { int a; } record U { int u; }".into()),
        (Import::Idl, "m.avdl") => Ok(r#"@namespace("q") protocol Q { error I { int a; } void new(I i) throws I; }"#.into()),
        (Import::Protocol, "m.avpr") => {
            Ok(r#"{"protocol":"P","namespace":"p","types":[{"type":"enum","name":"E","symbols":["A"]}],
            "messages":{"old":{"request":[{"name":"e","type":{"type":"array","items":"E"}}],"response":"E"}}}"#
                .into())
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
    let kind = json!({"type":"enum","name":"Kind","symbols":["FRIEND","OTHER"],"default":"OTHER"});
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
fn names_in_an_imported_union_lie_in_no_namespace() {
    let union = r#"[
        {"type":"record","name":"A","fields":[{"name":"b","type":"null"}]},
        {"type":"array","items":{"type":"fixed","name":"B","size":4}},
        {"type":"map","values":"A"},
        "string"
    ]"#;
    let text = r#"@namespace("n") protocol P { import schema "u.avsc"; record C { int x; } }"#;
    let idl = Idl::parse(text, &mut |_: Import, _: &str| Ok(union.to_owned())).unwrap();
    let types = &idl.main.unwrap()["types"];
    let expected = json!([
        {"type":"record","name":"A","namespace":"","fields":[{"name":"b","type":"null"}]},
        {"type":"array","items":{"type":"fixed","name":"B","namespace":"","size":4}},
        {"type":"map","values":".A"},
        "string"
    ]);
    assert_eq!(types[0], expected);
}

/// Files and what avro-tools 1.12.1 makes of them (`java -jar avro-tools.jar idl FILE`).
#[test]
fn a_type_is_written_out_where_it_is_named_first() {
    let record = |name: &str, fields: serde_json::Value| json!({"type":"record","name":name,"fields":fields});
    let n = r#"@namespace("n") protocol P {
        record A { B b; union{null, C} c; array<B> d; }
        record B { int x; }
        enum C { X }
        record D { B b; C c; m.E e; }
        @namespace("m") fixed E(4);
        m.E get(F f) throws G;
        record F { int z; }
        error G { H h; }
        record H { string s; }
    }"#;
    let b = record("B", json!([{"name":"x","type":"int"}]));
    let e = json!({"type":"fixed","name":"E","namespace":"m","size":4});
    let h = record("H", json!([{"name":"s","type":"string"}]));
    let c = json!(["null", {"type":"enum","name":"C","symbols":["X"]}]);
    let d = json!({"type":"array","items":"B"});
    let types = json!([
        record("A", json!([{"name":"b","type":b},{"name":"c","type":c},{"name":"d","type":d}])),
        record("D", json!([{"name":"b","type":"B"},{"name":"c","type":"C"},{"name":"e","type":e}])),
        record("F", json!([{"name":"z","type":"int"}])),
        {"type":"error","name":"G","fields":[{"name":"h","type":h}]},
    ]);
    let get = json!({"request":[{"name":"f","type":"F"}],"response":"m.E","errors":["G"]});
    assert_eq!(parse(n).unwrap().main, Some(json!({"protocol":"P","namespace":"n","types":types,"messages":{"get":get}})));

    let spaces = r#"@namespace("n") protocol P {
        @namespace("k") record A { n.B b; Z q; m.X x; }
        record B { int x; k.A a; }
        @namespace("k") record Z {}
        @namespace("m") record X { n.B b; k.Z z; }
    }"#;
    let b = json!({"type":"record","name":"B","namespace":"n","fields":[{"name":"x","type":"int"},{"name":"a","type":"k.A"}]});
    let x = json!({"type":"record","name":"X","namespace":"m","fields":[{"name":"b","type":"n.B"},{"name":"z","type":"k.Z"}]});
    let fields = json!([{"name":"b","type":b},{"name":"q","type":record("Z", json!([]))},{"name":"x","type":x}]);
    let a = json!({"type":"record","name":"A","namespace":"k","fields":fields});
    assert_eq!(parse(spaces).unwrap().main, Some(json!({"protocol":"P","namespace":"n","types":[a],"messages":{}})));

    let circle = "namespace n; schema B; record A { B b; } record B { A? a; int q = 1; }";
    let a = record("A", json!([{"name":"b","type":"B"}]));
    let fields = json!([{"name":"a","type":["null", a]},{"name":"q","type":"int","default":1}]);
    assert_eq!(parse(circle).unwrap().main, Some(json!({"type":"record","name":"B","namespace":"n","fields":fields})));

    let imported =
        parse(r#"protocol P { import idl "x.avdl"; record A { B b; x.C c; } record B { A? a; } }"#).unwrap().main.unwrap();
    let names: Vec<_> = imported["types"].as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["C", "U", "A"]);
    assert_eq!(imported["types"][0]["fields"][0]["type"], record("D", json!([{"name":"a","type":"int"}])));
    assert_eq!(imported["types"][2]["fields"][0]["type"]["fields"][0]["type"], json!(["null", "A"]));
    super::schema(&imported["types"].to_string());
}

#[test]
fn messages_of_another_namespace_keep_their_types() {
    let text = r#"@namespace("n") protocol P { import protocol "m.avpr"; import idl "m.avdl"; }"#;
    let messages = parse(text).unwrap().main.unwrap()["messages"].clone();
    assert_eq!(messages["old"], json!({"request":[{"name":"e","type":{"type":"array","items":"p.E"}}],"response":"p.E"}));
    assert_eq!(messages["new"], json!({"request":[{"name":"i","type":"q.I"}],"response":"null","errors":["q.I"]}));
}

#[test]
fn a_type_that_nothing_defines_is_refused() {
    for (text, name) in [
        ("protocol P { record R { Missing m; } }", "Missing"),
        ("schema Missing;", "Missing"),
        ("protocol P { record R { int a; } Missing get(); }", "Missing"),
        ("protocol P { void get(array<Missing> m); }", "Missing"),
        ("protocol P { void get() throws Gone; }", "Gone"),
        ("namespace x; schema int; record C { D d; }", "x.D"),
        ("record R { union { null, map<Gone> } g; }", "Gone"),
        (r#"@namespace("n") protocol P { record D { E e; } @namespace("m") fixed E(4); }"#, "n.E"),
    ] {
        let told = parse(text).expect_err(text).to_string();
        assert!(told.contains(&format!("the type {name} is not defined")), "{text}: {told}");
    }
    let twice = parse("record R { int a; } record R { int b; }").unwrap_err().to_string();
    assert!(twice.contains("the type R is defined twice"), "{twice}");
    let chain: String = (0..5_000).map(|n| format!("record R{n} {{ R{} r; }} ", n + 1)).collect();
    let told = parse(&format!("{chain} record R5000 {{}}")).unwrap_err().to_string();
    assert!(told.contains("nest deeper than"), "{told}");
}

/// As avro-tools 1.12.1 prints them.
#[test]
fn numbers_in_defaults_and_annotations_are_javas() {
    let text = r#"protocol P {
        @prop(0x1F) record R {
            @p(NaN) int a = 017;
            @q([017, -Infinity, {"a": 0xF}]) union{double,null} b = NaN;
            map<double> m = {"a": NaN, "b": 1L};
            array<int> z = [0x10, 010];
            decimal(0x9,01) d;
            double e = 0x1.8p1d;
            float f = -Infinity;
        }
        fixed G(010);
    }"#;
    let main = parse(text).unwrap().main.unwrap();
    let field = |at: usize| main["types"][0]["fields"][at].clone();
    assert_eq!((&main["types"][0]["prop"], &main["types"][1]["size"]), (&json!(31), &json!(8)));
    assert_eq!(field(0), json!({"name":"a","type":{"type":"int","p":"NaN"},"default":15}));
    assert_eq!(field(1), json!({"name":"b","type":["double","null"],"default":"NaN"}), "a union has no place for attributes");
    assert_eq!(field(2)["default"], json!({"a":"NaN","b":1}));
    assert_eq!(field(3)["default"], json!([16, 8]));
    assert_eq!(field(4)["type"], json!({"type":"bytes","logicalType":"decimal","precision":9,"scale":1}));
    assert_eq!((field(5)["default"].clone(), field(6)["default"].clone()), (json!(3.0), json!("-Infinity")));
    super::schema(&main["types"][0].to_string());
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

#[test]
fn what_no_library_takes_is_refused() {
    let refused = |text: &str| parse(text).expect_err(text).to_string();
    for text in [
        "protocol P { enum E { A, A } }",
        "protocol P { enum E { A } = B; }",
        "protocol P { record R { int x = \"s\"; } }",
        "protocol P { record R { union { int, int } u; } }",
        "protocol P { record R { union { null, int }? u; } }",
        "protocol P { record R { int a; int a; } }",
        "protocol P { record A-B { int x; } }",
        "protocol P { int m(int a = \"s\"); }",
        "protocol P { void m(int a, int a); }",
        "schema int; enum E { A, A }",
        "schema union { int, int };",
    ] {
        refused(text);
    }
    assert!(refused("protocol P { int m() oneway; }").contains("gives back void"));
    assert!(refused("protocol P { } record R { int x; }").contains("the end of the text is expected"));
    parse("protocol P { } \u{1a} whatever").unwrap();
    parse("protocol P { import schema \"other.avsc\"; union { null, o.Other } m(o.Other a, o.Other? b = null); }").unwrap();
}
