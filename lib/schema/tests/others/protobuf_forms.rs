//! Texts of Protobuf: canonical and normal form, descriptors, imports, messages to JSON and back.

use milena_schema::{Format, Resolved, protobuf::Schema};

fn schema(text: &str) -> Schema {
    Schema::parse(text, &[]).unwrap_or_else(|flaw| panic!("{text}: {flaw}"))
}

fn flaw(text: &str) -> String {
    Schema::parse(text, &[]).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_set_of_messages_is_read_back() {
    let set = schema("syntax = \"proto2\"; message Set { option message_set_wire_format = true; extensions 4 to max; }");
    for text in [set.canonical(), set.normalized()] {
        assert!(text.contains("extensions 4 to max;"), "{text}");
        let again = schema(&text);
        assert_eq!([again.canonical(), again.normalized()], [set.canonical(), set.normalized()]);
    }
    let less = schema("syntax = \"proto2\"; message Set { option message_set_wire_format = true; extensions 4 to 536870911; }");
    assert!(less.canonical().contains("extensions 4 to 536870911;"), "{}", less.canonical());
}

/// Everything that the printer knows.
const ALL: &str = r#"
// A comment, which is lost.
syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
import public "google/protobuf/any.proto";
option java_package = "com.example";
option java_multiple_files = true;

message Order {
  reserved 9, 20 to 30;
  reserved "old", "older";
  string id = 1 [deprecated = true, json_name = "ID"];
  repeated Item items = 3;
  oneof payment { string card = 5; bytes token = 4; }
  map<string, .google.protobuf.Any> extra = 6;
  optional int64 count = 7;
  google.protobuf.Timestamp at = 2;
  message Item { State state = 1; enum State { NEW = 0; DONE = 5 [deprecated = true]; } }
}
enum Level { option allow_alias = true; LOW = 0; NONE = 0; HIGH = 2; reserved 5 to max; }
service Shop { rpc Buy (Order) returns (stream Order) { option deprecated = true; } rpc Look (Order) returns (Order); }
"#;

const CANONICAL: &str = r#"syntax = "proto3";
package shop.v1;

import "google/protobuf/timestamp.proto";
import public "google/protobuf/any.proto";

option java_package = "com.example";
option java_multiple_files = true;

message Order {
  reserved 9, 20 to 30;
  reserved "old", "older";
  string id = 1 [json_name = "ID", deprecated = true];
  repeated Item items = 3;

  oneof payment {
    string card = 5;
    bytes token = 4;
  }
  map<string, .google.protobuf.Any> extra = 6;
  optional int64 count = 7;
  google.protobuf.Timestamp at = 2;

  message Item {
    State state = 1;

    enum State {
      NEW = 0;
      DONE = 5 [deprecated = true];
    }
  }
}

enum Level {
  option allow_alias = true;
  reserved 5 to max;
  LOW = 0;
  NONE = 0;
  HIGH = 2;
}

service Shop {
  rpc Buy (Order) returns (stream Order) {
    option deprecated = true;
  }
  rpc Look (Order) returns (Order);
}
"#;

const NORMALIZED: &str = r#"syntax = "proto3";
package shop.v1;

import "google/protobuf/timestamp.proto";
import public "google/protobuf/any.proto";

option java_multiple_files = true;
option java_package = "com.example";

message Order {
  reserved 9;
  reserved 20 to 30;
  reserved "old";
  reserved "older";
  string id = 1 [deprecated = true, json_name = "ID"];
  .google.protobuf.Timestamp at = 2;
  repeated .shop.v1.Order.Item items = 3;
  map<string, .google.protobuf.Any> extra = 6;
  optional int64 count = 7;

  oneof payment {
    bytes token = 4;
    string card = 5;
  }

  message Item {
    .shop.v1.Order.Item.State state = 1;

    enum State {
      NEW = 0;
      DONE = 5 [deprecated = true];
    }
  }
}

enum Level {
  option allow_alias = true;
  reserved 5 to max;
  LOW = 0;
  NONE = 0;
  HIGH = 2;
}

service Shop {
  rpc Buy (.shop.v1.Order) returns (stream .shop.v1.Order) {
    option deprecated = true;
  }
  rpc Look (.shop.v1.Order) returns (.shop.v1.Order);
}
"#;

/// What proto2 has and proto3 lacks.
const TWO: &str = r#"syntax = "proto2";
package old;

import "google/protobuf/descriptor.proto";

message M {
  option (note).text = "of the message";
  extensions 100 to 199, 500 to max;
  required string name = 1 [default = "a\"b\n"];
  optional E e = 2 [default = B, (level) = 3];
  repeated group Part = 3 {
    optional double d = 1 [default = inf];
  }
  optional bytes raw = 4 [default = "\001x"];
}

message Note {
  optional string text = 1;
}

enum E {
  A = 1;
  B = 2;
}

extend M {
  optional int32 more = 100;
}

extend google.protobuf.FieldOptions {
  optional int32 level = 50000;
}

extend google.protobuf.MessageOptions {
  optional Note note = 50001;
}
"#;

#[test]
fn canonical_is_the_file_printed_again() {
    assert_eq!(schema(ALL).canonical(), CANONICAL);
    assert_eq!(schema(CANONICAL).canonical(), CANONICAL);
}

#[test]
fn normalized_is_sorted_by_tags_with_full_names() {
    assert_eq!(schema(ALL).normalized(), NORMALIZED);
    assert_eq!(schema(NORMALIZED).normalized(), NORMALIZED);
    assert_eq!(schema(&schema(ALL).canonical()).normalized(), NORMALIZED);
}

#[test]
fn proto2_with_groups_extensions_defaults_and_custom_options() {
    let again = schema(TWO).canonical();
    let text = TWO
        .replace("(note).text = \"of the message\"", "(old.note) = { text: \"of the message\" }")
        .replace("(level)", "(old.level)");
    assert_eq!(again, text);
    assert_eq!(schema(&again).canonical(), again);
    assert!(!schema(TWO).normalized().contains("syntax"));
    assert_eq!(schema(&schema(TWO).normalized()).normalized(), schema(TWO).normalized());
}

#[test]
fn a_descriptor_in_base64_is_a_schema() {
    for text in [ALL, TWO] {
        let encoded = schema(text).descriptor();
        let decoded = schema(&encoded);
        assert_eq!(decoded.normalized(), schema(text).normalized());
        assert!(decoded.can_read(&schema(text)).is_empty());
    }
}

#[test]
fn imports_come_from_references_and_from_what_everybody_knows() {
    let a = Resolved { name: "a.proto", text: "syntax = \"proto3\"; message A { int32 x = 1; }" };
    let b = Resolved { name: "b.proto", text: "syntax = \"proto3\"; import public \"a.proto\";" };
    let text = "syntax = \"proto3\"; import \"b.proto\"; import \"google/type/money.proto\"; message U { A a = 1; google.type.Money m = 2; }";
    assert!(Schema::parse(text, &[a, b]).is_ok());
    let refused = Schema::parse(text, &[a]).map(|_| ()).unwrap_err().to_string();
    assert_eq!(refused, "import \"b.proto\" is not among the references of the schema");
}

#[test]
fn what_is_no_file_is_refused_with_a_reason() {
    assert!(flaw("message {").contains("expected"), "{}", flaw("message {"));
    assert!(
        flaw("syntax = \"proto3\"; message A { B b = 1; }").contains("'B'"),
        "{}",
        flaw("syntax = \"proto3\"; message A { B b = 1; }")
    );
    assert!(flaw("syntax = \"proto3\"; message A { int32 a = 1; int32 b = 1; }").contains('1'));
    assert!(!flaw("bm90IGEgZGVzY3JpcHRvcg==").is_empty());
}

#[test]
fn messages_go_to_json_and_back() {
    let schema = schema(ALL);
    let message = schema.message("shop.v1.Order").unwrap();
    let json = r#"{"ID":"x","at":"2020-01-01T00:00:01Z","items":[{"state":"DONE"}],"token":"AQI=","count":"5"}"#;
    let bytes = message.from_json(json).unwrap();
    let again: serde_json::Value = serde_json::from_str(&message.to_json(&bytes).unwrap()).unwrap();
    assert_eq!(again, serde_json::from_str::<serde_json::Value>(json).unwrap());
    assert_eq!(bytes, message.from_json(&message.to_json(&bytes).unwrap()).unwrap());
    assert!(message.from_json(r#"{"unknown":1}"#).unwrap_err().to_string().contains("unknown"));
    assert!(message.to_json(&[0xff]).unwrap_err().to_string().contains("the bytes are no shop.v1.Order"));
}

#[test]
fn indexes_lead_to_messages_and_back() {
    let schema = schema(
        "syntax = \"proto3\"; message A { message B {} message C { map<string, string> m = 1; message D {} } } message E {}",
    );
    for (name, indexes) in [("A", vec![0]), ("A.B", vec![0, 0]), ("A.C", vec![0, 1]), ("E", vec![1])] {
        assert_eq!(schema.indexes(name), Some(indexes.clone()), "{name}");
        assert_eq!(schema.message_at(&indexes).unwrap().name(), name);
    }
    assert_eq!(schema.message_at(&schema.indexes("A.C.D").unwrap()).unwrap().name(), "A.C.D");
    assert!(schema.indexes("X").is_none() && schema.message_at(&[7]).is_none() && schema.message_at(&[]).is_none());
    assert!(schema.message_at(&[-1]).is_none());
}

#[test]
fn the_first_message_is_its_name() {
    let schema = milena_schema::Schema::parse(Format::Protobuf, ALL, &[]).unwrap();
    assert_eq!((schema.name(), schema.format()), (Some("shop.v1.Order"), Format::Protobuf));
}

#[test]
fn a_text_and_its_descriptor_are_counted_alike() {
    let read = |text: &str| {
        milena_schema::Schema::parse(Format::Protobuf, text, &[]).map(|schema| schema.spelled("serialized").unwrap())
    };
    let maps = |count: i32| {
        let fields: String = (1..=count).map(|n| format!("map<string, int32> f{n} = {};", n + 20_000)).collect();
        format!("syntax = \"proto3\"; message A {{ {fields} }}")
    };
    read(&read(&maps(2_600)).unwrap()).unwrap();

    // A map brings a message of two fields with it.
    let parts = |flaw: milena_schema::Flaw| flaw.to_string().split_once(" messages").unwrap().0.to_owned();
    assert_eq!(parts(read(&maps(2_700)).unwrap_err()), "the file has 10801");
    assert_eq!(parts(read(&schema(&maps(2_700)).descriptor()).unwrap_err()), "the file has 10801");
    // Extensions are fields, within a message as well.
    let (a, b): (String, String) = {
        let of = |from: i32| (from..from + 5_250).map(|n| format!("optional int32 e{n} = {n};")).collect();
        (of(1_000), of(10_000))
    };
    let file = format!(
        "syntax = \"proto2\"; message A {{ extensions 1000 to max; }} extend A {{ {a} }} message B {{ extend A {{ {b} }} }}"
    );
    assert_eq!(parts(read(&file).unwrap_err()), "the file has 10502");
    assert_eq!(parts(read(&schema(&file).descriptor()).unwrap_err()), "the file has 10502");
}

#[test]
fn ten_thousand_methods_are_printed_one_by_one() {
    let methods: String = (0..10_000).map(|n| format!("  rpc Method{n} (A) returns (A);\n")).collect();
    let text = format!("syntax = \"proto3\";\n\nmessage A {{\n}}\n\nservice S {{\n{methods}}}\n");
    let schema = schema(&text);
    assert_eq!(schema.canonical(), text);
}
