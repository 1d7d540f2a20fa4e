//! The rules of Protobuf compatibility, one test each: the old file, the new one, what changed. Each verdict stands beside.

use std::collections::BTreeSet;

use milena_schema::{
    Resolved,
    protobuf::{Kind, Schema},
};

fn schema(body: &str) -> Schema {
    let text = if body.starts_with("syntax") { body.to_owned() } else { format!("syntax = \"proto3\"; {body}") };
    Schema::parse(&text, &[]).unwrap_or_else(|flaw| panic!("{text}: {flaw}"))
}

fn judge(old: &str, new: &str, wanted: &[&str], accepted: bool) {
    let (old, new) = (schema(old), schema(new));
    let told: BTreeSet<_> = new.changes(&old).iter().map(|change| change.kind.name()).collect();
    assert_eq!(told, wanted.iter().copied().collect());
    assert_eq!(new.can_read(&old).is_empty(), accepted);
}

macro_rules! rules {
    ($($name:ident: $old:literal => $new:literal, [$($kind:ident)*], $accepted:ident;)*) => {
        $(#[test] fn $name() { judge($old, $new, &[$(stringify!($kind)),*], stringify!($accepted) == "ok"); })*

        /// Kinds that some rule above shows.
        const SHOWN: &[&str] = &[$($(stringify!($kind),)*)*];
    };
}

rules! {
    nothing_changed: "message U { int32 a = 1; }" => "message U { int32 a = 1; }", [], ok;
    package_changed: "package a; message U {}" => "package b; message U {}", [PACKAGE_CHANGED], no;
    package_added: "message U {}" => "package b; message U {}", [PACKAGE_CHANGED], no;
    message_added: "message U {}" => "message U {} message V {}", [MESSAGE_ADDED], ok;
    message_removed: "message U {} message V {}" => "message U {}", [MESSAGE_REMOVED], no;
    message_moved: "message U {} message V {}" => "message V {} message U {}", [MESSAGE_MOVED], ok;
    nested_message_removed: "message U { message N {} }" => "message U {}", [MESSAGE_REMOVED], no;
    enum_added: "message U {}" => "message U {} enum E { A = 0; }", [ENUM_ADDED], ok;
    enum_removed: "message U {} enum E { A = 0; }" => "message U {}", [ENUM_REMOVED], ok;
    enum_const_added: "enum E { A = 0; }" => "enum E { A = 0; B = 1; }", [ENUM_CONST_ADDED], ok;
    enum_const_removed: "enum E { A = 0; B = 1; }" => "enum E { A = 0; }", [ENUM_CONST_REMOVED], ok;
    enum_const_changed: "enum E { A = 0; B = 1; }" => "enum E { A = 0; C = 1; }", [ENUM_CONST_CHANGED], ok;
    field_added: "message U {}" => "message U { int32 a = 1; }", [FIELD_ADDED], ok;
    field_removed: "message U { int32 a = 1; }" => "message U {}", [FIELD_REMOVED], ok;
    field_name_changed: "message U { int32 a = 1; }" => "message U { int32 b = 1; }", [FIELD_NAME_CHANGED], ok;
    reserved_is_ignored: "message U { reserved 2; int32 a = 1; }" => "message U { reserved 3; reserved \"x\"; int32 a = 1; }", [], ok;

    varints_are_alike: "message U { int32 a = 1; int64 b = 2; uint32 c = 3; uint64 d = 4; bool e = 5; }"
        => "message U { int64 a = 1; uint32 b = 2; uint64 c = 3; bool d = 4; int32 e = 5; }", [], ok;
    an_int_becomes_an_enum: "enum E { A = 0; } message U { int32 a = 1; }" => "enum E { A = 0; } message U { E a = 1; }", [], ok;
    zigzags_are_alike: "message U { sint32 a = 1; }" => "message U { sint64 a = 1; }", [], ok;
    texts_are_alike: "message U { string a = 1; }" => "message U { bytes a = 1; }", [], ok;
    fixed32_are_alike: "message U { fixed32 a = 1; }" => "message U { sfixed32 a = 1; }", [], ok;
    fixed64_are_alike: "message U { fixed64 a = 1; }" => "message U { sfixed64 a = 1; }", [], ok;
    int_to_zigzag: "message U { int32 a = 1; }" => "message U { sint32 a = 1; }", [FIELD_SCALAR_KIND_CHANGED], no;
    int_to_string: "message U { int32 a = 1; }" => "message U { string a = 1; }", [FIELD_SCALAR_KIND_CHANGED], no;
    float_to_double: "message U { float a = 1; }" => "message U { double a = 1; }", [FIELD_SCALAR_KIND_CHANGED], no;
    fixed32_to_fixed64: "message U { fixed32 a = 1; }" => "message U { fixed64 a = 1; }", [FIELD_SCALAR_KIND_CHANGED], no;
    fixed32_to_float: "message U { fixed32 a = 1; }" => "message U { float a = 1; }", [FIELD_SCALAR_KIND_CHANGED], no;
    a_scalar_becomes_a_message: "message M {} message U { int32 a = 1; }" => "message M {} message U { M a = 1; }", [FIELD_KIND_CHANGED], no;
    a_scalar_becomes_a_map: "message U { int32 a = 1; }" => "message U { map<string, int32> a = 1; }", [FIELD_KIND_CHANGED], no;
    another_message: "message A {} message B {} message U { A a = 1; }" => "message A {} message B {} message U { B a = 1; }", [FIELD_NAMED_TYPE_CHANGED], no;
    the_local_name_counts: "message A { message M {} } message B { message M {} } message U { A.M a = 1; }" => "message A { message M {} } message B { message M {} } message U { B.M a = 1; }", [], ok;
    a_nested_scalar_changed: "message U { message N { int32 a = 1; } N n = 1; }" => "message U { message N { string a = 1; } N n = 1; }", [FIELD_SCALAR_KIND_CHANGED], no;
    messages_that_hold_each_other: "message A { B b = 1; } message B { A a = 1; int32 x = 2; }" => "message A { B b = 1; } message B { A a = 1; string x = 2; }", [FIELD_SCALAR_KIND_CHANGED], no;
    a_map_is_the_same_map: "message U { map<string, int32> a = 1; }" => "message U { map<string, int32> a = 1; }", [], ok;
    a_wider_value_in_a_map: "message U { map<string, int32> a = 1; }" => "message U { map<string, int64> a = 1; }", [], ok;
    another_value_in_a_map: "message U { map<string, int32> a = 1; }" => "message U { map<string, string> a = 1; }", [FIELD_SCALAR_KIND_CHANGED], no;
    a_map_removed: "message U { map<string, string> a = 1; }" => "message U {}", [FIELD_REMOVED], ok;
    a_map_renamed: "message U { map<string, string> a = 1; }" => "message U { map<string, string> b = 1; }", [FIELD_NAME_CHANGED], ok;

    an_unwritten_label_is_not_compared: "message U { int32 a = 1; }" => "message U { repeated int32 a = 1; }", [], ok;
    an_optional_number_repeated: "message U { optional int32 a = 1; }" => "message U { repeated int32 a = 1; }", [FIELD_NUMERIC_LABEL_CHANGED], no;
    an_optional_string_repeated: "message U { optional string a = 1; }" => "message U { repeated string a = 1; }", [FIELD_STRING_OR_BYTES_LABEL_CHANGED], ok;
    an_optional_number_repeated_in_proto2: "syntax = \"proto2\"; message U { optional int32 a = 1; }" => "syntax = \"proto2\"; message U { repeated int32 a = 1; }", [FIELD_NUMERIC_LABEL_CHANGED], no;
    optional_is_written_out: "message U { int32 a = 1; }" => "message U { optional int32 a = 1; }", [], ok;
    required_added: "syntax = \"proto2\"; message U {}" => "syntax = \"proto2\"; message U { required int32 a = 1; }", [REQUIRED_FIELD_ADDED], no;
    required_removed: "syntax = \"proto2\"; message U { required int32 a = 1; }" => "syntax = \"proto2\"; message U {}", [REQUIRED_FIELD_REMOVED], no;
    optional_becomes_required: "syntax = \"proto2\"; message U { optional string a = 1; }" => "syntax = \"proto2\"; message U { required string a = 1; }", [REQUIRED_FIELD_ADDED], no;

    oneof_added: "message U { int32 a = 1; }" => "message U { oneof x { int32 a = 1; } }", [ONEOF_ADDED], ok;
    oneof_added_with_a_new_member: "message U { int32 a = 1; }" => "message U { oneof x { int32 a = 1; int32 b = 2; } }", [ONEOF_ADDED ONEOF_FIELD_ADDED], ok;
    oneof_removed: "message U { oneof x { int32 a = 1; int32 b = 2; } }" => "message U {}", [ONEOF_REMOVED], ok;
    oneof_moved_out: "message U { oneof x { int32 a = 1; int32 b = 2; } }" => "message U { int32 a = 1; int32 b = 2; }", [ONEOF_REMOVED ONEOF_FIELD_MOVED_TO_TOP_LEVEL], ok;
    oneof_field_added: "message U { oneof x { int32 a = 1; } }" => "message U { oneof x { int32 a = 1; int32 b = 2; } }", [ONEOF_FIELD_ADDED], ok;
    oneof_field_removed: "message U { oneof x { int32 a = 1; int32 b = 2; } }" => "message U { oneof x { int32 a = 1; } }", [ONEOF_FIELD_REMOVED], no;
    oneof_renamed: "message U { oneof x { int32 a = 1; } }" => "message U { oneof y { int32 a = 1; } }", [], ok;
    several_moved_into_a_oneof: "message U { int32 a = 1; int32 b = 2; }" => "message U { oneof x { int32 a = 1; int32 b = 2; } }", [MULTIPLE_FIELDS_MOVED_TO_ONEOF], no;
    one_moved_into_an_existing_oneof: "message U { int32 a = 1; oneof x { int32 b = 2; } }" => "message U { oneof x { int32 a = 1; int32 b = 2; } }", [FIELD_MOVED_TO_EXISTING_ONEOF], no;
    moved_from_one_oneof_to_another: "message U { oneof x { int32 a = 1; int32 b = 2; } oneof y { int32 c = 3; } }" => "message U { oneof x { int32 a = 1; } oneof y { int32 c = 3; int32 b = 2; } }", [FIELD_MOVED_TO_EXISTING_ONEOF], no;
    two_oneofs_become_one: "message U { oneof x { int32 a = 1; } oneof y { int32 b = 2; } }" => "message U { oneof z { int32 a = 1; int32 b = 2; } }", [FIELD_MOVED_TO_EXISTING_ONEOF], no;
    a_oneof_with_other_members_only: "message U { oneof x { int32 a = 1; } }" => "message U { oneof x { int32 b = 2; } }", [ONEOF_FIELD_REMOVED ONEOF_ADDED ONEOF_FIELD_ADDED], no;
}

#[test]
fn every_kind_is_shown() {
    assert_eq!(Kind::ALL.len(), 26);
    assert_eq!(Kind::ALL.iter().filter(|kind| kind.is_compatible()).count(), 15);
    let missing: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).filter(|name| !SHOWN.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_difference_says_where_and_what() {
    let (old, new) = (schema("message Car { string id = 2; }"), schema("message Car { int32 id = 2; }"));
    let differences = new.can_read(&old);
    let sentence = "The kind of a SCALAR field at path '#/Car/2' in the new schema does not match its kind in the old schema";
    assert_eq!((differences[0].path.as_str(), differences[0].description("new", "old").as_str()), ("#/Car/2", sentence));
}

#[test]
fn a_message_from_a_reference_is_compared() {
    let text = "syntax = \"proto3\"; import \"m.proto\"; message U { M m = 1; }";
    let of = |inner| Schema::parse(text, &[Resolved { name: "m.proto", text: inner }]).unwrap();
    let old = of("syntax = \"proto3\"; message M { int32 a = 1; }");
    let new = of("syntax = \"proto3\"; message M { string a = 1; }");
    let differences = new.can_read(&old);
    assert_eq!((differences[0].kind, differences[0].path.as_str()), ("FIELD_SCALAR_KIND_CHANGED", "#/U/1/1"));
}
