//! Editions 2023 and 2024, as text and as the descriptors that protoc 35.1 makes: what features mean for bytes, JSON, comparison
//! and print, and what is refused by name.

use milena_schema::{
    Resolved,
    protobuf::{Kind, Schema},
};

fn schema(text: &str) -> Schema {
    Schema::parse(text, &[]).unwrap_or_else(|flaw| panic!("{text}: {flaw}"))
}

fn edition(rest: &str) -> Schema {
    schema(&format!("edition = \"2023\"; {rest}"))
}

fn flaw(rest: &str) -> String {
    Schema::parse(&format!("edition = \"2023\"; {rest}"), &[]).map(|_| ()).unwrap_err().to_string()
}

fn bytes(schema: &Schema, json: &str) -> Vec<u8> {
    schema.message_at(&[0]).expect("a message").from_json(json).unwrap_or_else(|flaw| panic!("{json}: {flaw}"))
}

const ALL: &str = r#"
// A comment, which is lost.
edition = "2023";
package shop.v1;
import "google/protobuf/timestamp.proto";
option java_package = "com.example";
option features.repeated_field_encoding = EXPANDED;
option features = { utf8_validation: NONE, json_format: LEGACY_BEST_EFFORT };

message Order {
  option features.json_format = ALLOW;
  option deprecated = true;
  reserved 9, 20 to 30;
  reserved old, older;
  string id = 1 [deprecated = true, features.field_presence = IMPLICIT, json_name = "ID"];
  repeated int32 numbers = 2 [features.repeated_field_encoding = PACKED];
  oneof payment { string card = 5; bytes token = 4; }
  map<string, Item> extra = 6;
  Item item = 7 [features = { message_encoding: DELIMITED }];
  google.protobuf.Timestamp at = 3;
  int64 count = 8 [default = 5];
  int32 must = 10 [features.field_presence = LEGACY_REQUIRED];
  extensions 100 to 200;
  message Item { State state = 1; enum State { option features.enum_type = CLOSED; NEW = 0; DONE = 5; reserved gone; } }
}
extend Order { repeated bool flags = 100 [features.repeated_field_encoding = PACKED]; }
service Shop { rpc Buy (Order) returns (stream Order) { option deprecated = true; } rpc Look (Order) returns (Order); }
"#;

const CANONICAL: &str = r#"edition = "2023";
package shop.v1;

import "google/protobuf/timestamp.proto";

option features.repeated_field_encoding = EXPANDED;
option features.utf8_validation = NONE;
option features.json_format = LEGACY_BEST_EFFORT;
option java_package = "com.example";

message Order {
  option features.json_format = ALLOW;
  option deprecated = true;
  reserved 9, 20 to 30;
  reserved old, older;
  extensions 100 to 200;
  string id = 1 [features.field_presence = IMPLICIT, json_name = "ID", deprecated = true];
  repeated int32 numbers = 2 [features.repeated_field_encoding = PACKED];

  oneof payment {
    string card = 5;
    bytes token = 4;
  }
  map<string, Item> extra = 6;
  Item item = 7 [features.message_encoding = DELIMITED];
  google.protobuf.Timestamp at = 3;
  int64 count = 8 [default = 5];
  int32 must = 10 [features.field_presence = LEGACY_REQUIRED];

  message Item {
    State state = 1;

    enum State {
      option features.enum_type = CLOSED;
      reserved gone;
      NEW = 0;
      DONE = 5;
    }
  }
}

extend Order {
  repeated bool flags = 100 [features.repeated_field_encoding = PACKED];
}

service Shop {
  rpc Buy (Order) returns (stream Order) {
    option deprecated = true;
  }
  rpc Look (Order) returns (Order);
}
"#;

#[test]
fn the_text_is_printed_with_its_features_and_stays_as_it_is() {
    let first = schema(ALL);
    assert_eq!(first.canonical(), CANONICAL);
    let again = schema(&first.canonical());
    assert_eq!(again.canonical(), CANONICAL);
    let normal = first.normalized();
    assert!(
        normal.starts_with("edition = \"2023\";\n") && normal.contains("  .shop.v1.Order.Item item = 7 [features."),
        "{normal}"
    );
    assert_eq!(schema(&normal).normalized(), normal);
    assert!(first.can_read(&again).is_empty());
}

#[test]
fn presence_is_explicit_unless_a_feature_says_otherwise() {
    let explicit = edition("message A { int32 n = 1; }");
    let implicit = edition("option features.field_presence = IMPLICIT; message A { int32 n = 1; B b = 2; message B {} }");
    assert_eq!(bytes(&explicit, r#"{"n":0}"#), [8, 0]);
    assert_eq!(bytes(&implicit, r#"{"n":0,"b":{}}"#), [0x12, 0]);
    assert_eq!(bytes(&schema("syntax = \"proto3\"; message A { optional int32 n = 1; }"), r#"{"n":0}"#), [8, 0]);
}

#[test]
fn repeated_fields_are_packed_unless_a_feature_says_otherwise() {
    let packed = edition("message A { repeated int32 n = 1; repeated string s = 2; }");
    let expanded =
        edition("option features.repeated_field_encoding = EXPANDED; message A { repeated int32 n = 1; repeated A a = 2; }");
    assert_eq!(bytes(&packed, r#"{"n":[1,2]}"#), [0x0a, 2, 1, 2]);
    assert_eq!(bytes(&expanded, r#"{"n":[1,2]}"#), [8, 1, 8, 2]);
    assert!(!expanded.canonical().contains("packed"), "{}", expanded.canonical());
}

#[test]
fn a_delimited_message_has_a_begin_and_an_end() {
    let text = "message A { B b = 1; E e = 2; map<int32, B> m = 3; } message B { int32 n = 1; } enum E { ZERO = 0; ONE = 1; }";
    let delimited = edition(&format!("option features.message_encoding = DELIMITED; {text}"));
    assert_eq!(bytes(&delimited, r#"{"b":{"n":7},"e":"ONE"}"#), [0x0b, 8, 7, 0x0c, 0x10, 1]);
    // What is in a map has its length whatever the file says.
    assert_eq!(bytes(&delimited, r#"{"m":{"1":{"n":7}}}"#), [0x1a, 6, 8, 1, 0x12, 2, 8, 7]);
    let json = delimited.message_at(&[0]).unwrap().to_json(&[0x0b, 8, 7, 0x0c]).unwrap();
    assert_eq!(json, r#"{"b":{"n":7}}"#);
    let group = schema("syntax = \"proto2\"; message A { optional group B = 1 { optional int32 n = 1; } }");
    assert_eq!(bytes(&group, r#"{"b":{"n":7}}"#), [0x0b, 8, 7, 0x0c]);
    let changes: Vec<Kind> = edition(text).changes(&delimited).iter().map(|change| change.kind).collect();
    assert_eq!(changes, [Kind::FIELD_KIND_CHANGED]);
}

#[test]
fn an_edition_is_compared_with_what_it_replaces() {
    let edition = edition(
        "package p; message A { string s = 1; repeated int64 n = 2; oneof o { int32 x = 3; int32 y = 4; } map<string, A> m = 5; }",
    );
    let body = "repeated int64 n = 2; oneof o { int32 x = 3; int32 y = 4; } map<string, A> m = 5;";
    let proto3 = schema(&format!("syntax = \"proto3\"; package p; message A {{ optional string s = 1; {body} }}"));
    assert!(edition.changes(&proto3).is_empty(), "{:?}", edition.changes(&proto3));
    assert!(proto3.changes(&edition).is_empty());
    let required =
        schema("edition = \"2023\"; package p; message A { string s = 1 [features.field_presence = LEGACY_REQUIRED]; }");
    let optional = schema("edition = \"2023\"; package p; message A { string s = 1; string t = 2; }");
    let added = schema(
        "edition = \"2023\"; package p; message A { string s = 1; string t = 2; string u = 3 [features.field_presence = LEGACY_REQUIRED]; }",
    );
    assert_eq!(added.can_read(&optional).iter().map(|d| d.kind).collect::<Vec<_>>(), ["REQUIRED_FIELD_ADDED"]);
    assert_eq!(required.canonical().matches("required").count(), 0);
}

#[test]
fn editions_and_others_import_each_other() {
    let old = Resolved { name: "old.proto", text: "syntax = \"proto3\"; message Old { int32 n = 1; }" };
    let new = Resolved { name: "new.proto", text: "edition = \"2023\"; import \"old.proto\"; message New { Old old = 1; }" };
    let user = "syntax = \"proto2\"; import \"new.proto\"; message U { optional New new = 1; }";
    let user = Schema::parse(user, &[old, new]).unwrap();
    assert_eq!(bytes(&user, r#"{"new":{"old":{"n":0}}}"#), [0x0a, 2, 0x0a, 0]);
}

#[test]
fn words_that_look_like_statements_are_fields() {
    let text = "message A { message.B a = 1; enum E { message = 0; reserved_ = 2; } }";
    assert!(flaw(text).contains("'message.B'"), "a type that is not there: {}", flaw(text));
    let fine =
        edition("message A { string message = 1; int32 option = 2; bool features = 3; E enum = 4; enum E { package = 0; } }");
    assert_eq!(fine.fields(), ["message", "option", "features", "enum"]);
}

#[test]
fn what_an_edition_does_not_have_is_refused_by_name() {
    let refusals = [
        ("message A { optional int32 n = 1; }", "an edition has no label \"optional\""),
        ("message A { required int32 n = 1; }", "an edition has no label \"required\""),
        ("message A { repeated group G = 1 { int32 n = 1; } }", "an edition has no groups"),
        ("message A { int32 ; }", "a field has a type, a name and a number"),
        ("message A { group G = 1 { int32 n = 1; } }", "an edition has no groups"),
        ("message A { reserved \"old\"; }", "reserves names without quotes"),
        ("message A { int32 n = 1 [features.presence = IMPLICIT]; }", "there is no feature \"presence\""),
        ("message A { int32 n = 1 [features.field_presence = MAYBE]; }", "is one of EXPLICIT, IMPLICIT, LEGACY_REQUIRED"),
        ("message A { int32 n = 1 [features.enum_type = OPEN]; }", "means nothing here"),
        ("message A { int32 n = 1 [features.field_presence = IMPLICIT, features.field_presence = IMPLICIT]; }", "is set twice"),
        ("message A { int32 n = 1 [features.field_presence = IMPLICIT, default = 1]; }", "leaves no room for one"),
        ("option features.field_presence = LEGACY_REQUIRED; message A {}", "all of its fields required"),
        ("enum E { option features.enum_type = CLOSED; ONE = 1; }", "the first value of enum E is not 0"),
        ("export message A {}", "edition 2024"),
        ("import option \"a.proto\"; message A {}", "edition 2024"),
        ("option features.enforce_naming_style = STYLE2024; message A {}", "in edition 2023"),
        ("message A { int32 n = 1 }", "a statement does not end"),
        ("message A { /* int32 n = 1;", "a comment does not end"),
        ("message A { string s = 1 [default = \"a];", "a text in quotes does not end"),
        ("message A {", "the text ends inside a block"),
    ];
    for (text, expected) in refusals {
        assert!(flaw(text).contains(expected), "{text}: {}", flaw(text));
    }
    let later = Schema::parse("edition = \"2029\"; message A {}", &[]).map(|_| ()).unwrap_err().to_string();
    assert!(later.contains("edition \"2029\" is not supported"), "{later}");
    assert!(flaw("message A {\n  int32 a = 1;\n  optional int32 b = 2; }").contains("line 3"));
    let deep = "message A { ".repeat(100);
    assert!(flaw(&deep).contains("deeper than 64"), "{}", flaw(&deep));
}

#[test]
fn the_descriptor_is_that_of_the_same_bytes() {
    let edition = edition("message A { int32 n = 1; repeated int32 m = 2 [features.repeated_field_encoding = EXPANDED]; }");
    let lowered = schema(&edition.descriptor());
    assert!(edition.can_read(&lowered).is_empty() && lowered.can_read(&edition).is_empty());
    let json = r#"{"n":0,"m":[1,2]}"#;
    assert_eq!(bytes(&lowered, json), bytes(&edition, json));
}

const OPT: [&str; 2] = [include_str!("editions/opt.proto"), include_str!("editions/opt.b64")];

#[test]
fn an_edition_as_a_descriptor_is_the_edition_as_a_text() {
    let shop = [include_str!("editions/shop.proto"), include_str!("editions/shop.b64")];
    let later = [include_str!("editions/shop_2024.proto"), include_str!("editions/shop_2024.b64")];
    for ([text, descriptor], head) in [(shop, "edition = \"2023\";\n"), (later, "edition = \"2024\";\n")] {
        for opt in OPT {
            let references: &[Resolved<'_>] =
                if text.contains("opt.proto") { &[Resolved { name: "opt.proto", text: opt }] } else { &[] };
            let [text, descriptor] = [text, descriptor].map(|form| Schema::parse(form, references).expect("an edition"));
            assert_eq!(descriptor.normalized(), text.normalized());
            assert!(descriptor.canonical().starts_with(head), "{}", descriptor.canonical());
            assert!(descriptor.can_read(&text).is_empty() && text.can_read(&descriptor).is_empty());
            let json = r#"{"id":"a"}"#;
            let [a, b] = [&text, &descriptor].map(|schema| schema.message_at(&[0]).expect("a message").from_json(json));
            assert_eq!(a.expect("it fits"), b.expect("it fits"));
            let again = Schema::parse(&descriptor.canonical(), references).expect("what was printed");
            assert_eq!(again.canonical(), descriptor.canonical());
        }
    }
}

#[test]
fn edition_2024_is_printed_with_what_it_has() {
    let references = [Resolved { name: "opt.proto", text: OPT[0] }];
    // These two are for compilers, which leave them out of the descriptors that they make.
    let more = "option features.enforce_naming_style = STYLE_LEGACY; option features.default_symbol_visibility = STRICT;";
    let text = format!("{} {more}", include_str!("editions/shop_2024.proto"));
    let later = Schema::parse(&text, &references).expect("an edition").canonical();
    let want = r#"edition = "2024";
package shop.v2;

import option "opt.proto";

option features.enforce_naming_style = STYLE_LEGACY;
option features.default_symbol_visibility = STRICT;

export message Order {
  string id = 1 [(shop.opt.note) = "first"];
  repeated Line lines = 2;

  message Line {
    int32 n = 1 [features.field_presence = IMPLICIT];
  }
}

local enum State {
  option features.enum_type = CLOSED;
  NEW = 0;
}
"#;
    assert_eq!(later, want);
    let words = schema(
        "edition = \"2024\"; message A { export message B { local local = 1; } local enum C { X = 0; } message local {} B b = 1; }",
    );
    assert!(words.canonical().contains("  export message B {\n    local local = 1;"), "{}", words.canonical());
}

#[test]
fn a_descriptor_of_an_edition_that_nobody_knows_is_refused_by_its_number() {
    // syntax = "editions", edition = 9999 and 1000 with a value of a feature that is none.
    for (descriptor, said) in
        [("YghlZGl0aW9uc3CPTg==", "edition 9999"), ("YghlZGl0aW9uc3DoB0IFkgMCCAk=", "field_presence has no value 9")]
    {
        let refused = Schema::parse(descriptor, &[]).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn comments_stand_anywhere() {
    let text = "message A { int32 n = 1 [ // first\n features.field_presence = IMPLICIT, /* then */ deprecated = true // last\n , json_name = \"x\" // end\n ]; \
                option /* a */ features.json_format = ALLOW /* b */ ; }";
    let canonical = edition(text).canonical();
    assert!(canonical.contains("[features.field_presence = IMPLICIT, json_name = \"x\", deprecated = true];"), "{canonical}");
    assert!(canonical.contains("option features.json_format = ALLOW;"), "{canonical}");
}
