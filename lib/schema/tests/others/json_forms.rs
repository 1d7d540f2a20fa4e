//! Texts of JSON Schema: canonical and normal form, references, what is refused, validation.

use milena_schema::{
    Format, Policy, Resolved,
    json::{Draft, Schema},
};

fn flaw(text: &str) -> String {
    Schema::parse(text, &[]).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn canonical_keeps_the_order_of_keys_and_drops_white_space() {
    let schema = Schema::parse("{ \"type\" : \"object\",\n \"properties\": {\"b\": {}, \"a\": true} }", &[]).unwrap();
    assert_eq!(schema.canonical(), r#"{"type":"object","properties":{"b":{},"a":true}}"#);
}

#[test]
fn normalized_sorts_keys_at_every_level_and_leaves_arrays() {
    let schema =
        Schema::parse(r#"{"type":"object","required":["z","a"],"properties":{"b":{"type":"string","maxLength":1},"a":{}}}"#, &[])
            .unwrap();
    assert_eq!(
        schema.normalized(),
        r#"{"properties":{"a":{},"b":{"maxLength":1,"type":"string"}},"required":["z","a"],"type":"object"}"#
    );
}

#[test]
fn the_draft_is_what_schema_says_and_7_otherwise() {
    let draft = |text| Schema::parse(text, &[]).unwrap().draft();
    assert_eq!(draft("{}"), Draft::Draft7);
    assert_eq!(draft("true"), Draft::Draft7);
    assert_eq!(draft(r#"{"$schema":"http://json-schema.org/draft-04/schema#"}"#), Draft::Draft4);
    assert_eq!(draft(r#"{"$schema":"http://json-schema.org/draft-06/schema"}"#), Draft::Draft6);
    assert_eq!(draft(r#"{"$schema":"https://json-schema.org/draft/2019-09/schema"}"#), Draft::Draft201909);
    assert_eq!(draft(r#"{"$schema":"https://json-schema.org/draft/2020-12/schema"}"#), Draft::Draft202012);
    assert_eq!(draft(r#"{"$schema":"https://example.com/our-own-dialect"}"#), Draft::Draft7);
}

#[test]
fn an_unknown_dialect_is_kept_in_the_text() {
    let text = r#"{"$schema":"https://example.com/our-own-dialect","type":"string"}"#;
    assert_eq!(Schema::parse(text, &[]).unwrap().canonical(), text);
}

#[test]
fn the_title_is_its_name() {
    let schema = milena_schema::Schema::parse(Format::Json, r#"{"title":"Order"}"#, &[]).unwrap();
    assert_eq!((schema.name(), schema.format()), (Some("Order"), Format::Json));
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    assert_eq!(flaw("[]"), "a JSON Schema is an object, true or false");
    assert!(flaw("{").contains("line 1 column 1"), "{}", flaw("{"));
    assert!(flaw(r#"{"properties":{"a":{"type":"text"}}}"#).contains("(at /properties/a/type)"));
    assert!(flaw(r#"{"$schema":"http://json-schema.org/draft-03/schema#"}"#).contains("drafts before 4 are not supported"));
    assert_eq!(flaw(r##"{"$ref":"#/definitions/missing"}"##), "$ref #/definitions/missing leads nowhere");
}

#[test]
fn a_stored_schema_is_not_judged_again() {
    assert!(Schema::parse_stored(r#"{"type":"text"}"#, &[]).is_ok());
}

#[test]
fn nothing_is_fetched() {
    let refused = flaw(r#"{"$ref":"http://127.0.0.1:1/x.json"}"#);
    assert!(refused.contains("http://127.0.0.1:1/x.json is not among the references of the schema"), "{refused}");
    let refused = flaw(r#"{"$ref":"file:///etc/passwd"}"#);
    assert!(refused.contains("file:///etc/passwd is not among the references"), "{refused}");
}

#[test]
fn references_are_found_by_their_names() {
    let address = Resolved { name: "address.json", text: r##"{"$ref":"city.json","definitions":{"c":{"type":"integer"}}}"## };
    let city = Resolved { name: "city.json", text: r#"{"type":"string"}"# };
    for text in [
        r#"{"properties":{"a":{"$ref":"address.json"}}}"#,
        r#"{"$id":"http://example.com/person.json","properties":{"a":{"$ref":"address.json"}}}"#,
        r#"{"$id":"person.json","properties":{"a":{"$ref":"address.json"}}}"#,
    ] {
        let schema = Schema::parse(text, &[city, address]).unwrap();
        let validator = schema.validator().unwrap();
        assert!(validator.validate_text(r#"{"a":"here"}"#).is_ok(), "{text}");
        assert!(validator.validate_text(r#"{"a":1}"#).is_err(), "{text}");
    }
    let part = Schema::parse(r#"{"$ref":"address.json#/definitions/c"}"#, &[city, address]).unwrap();
    assert!(part.validator().unwrap().validate_text("1").is_ok());
    assert!(part.can_read(&Schema::parse(r#"{"type":"integer"}"#, &[]).unwrap(), Policy::Strict).is_empty());
}

#[test]
fn a_change_inside_a_reference_is_seen() {
    let text = r#"{"properties":{"a":{"$ref":"a.json"}}}"#;
    let of = |inner| Schema::parse(text, &[Resolved { name: "a.json", text: inner }]).unwrap();
    let differences = of(r#"{"type":"integer"}"#).can_read(&of(r#"{"type":"string"}"#), Policy::Strict);
    assert_eq!((differences[0].kind, differences[0].path.as_str()), ("TYPE_CHANGED", "#/properties/a"));
}

#[test]
fn a_schema_that_applies_itself_to_the_same_data_is_refused() {
    for text in [
        r##"{"$ref":"#"}"##,
        r##"{"allOf":[{"$ref":"#"}]}"##,
        r##"{"$ref":"#/definitions/a","definitions":{"a":{"not":{"$ref":"#/definitions/b"}},"b":{"anyOf":[{"$ref":"#/definitions/a"}]}}}"##,
    ] {
        assert!(flaw(text).contains("applies itself"), "{text}: {}", flaw(text));
    }
}

#[test]
fn validation_says_what_and_where() {
    let schema = Schema::parse(r#"{"properties":{"n":{"type":"integer","maximum":5}},"required":["m"]}"#, &[]).unwrap();
    let flaws = schema.validator().unwrap().validate_text(r#"{"n":9}"#).unwrap_err();
    let text: Vec<_> = flaws.iter().map(ToString::to_string).collect();
    assert!(text.contains(&"9 is greater than the maximum of 5 (at /n)".to_owned()), "{text:?}");
    assert!(text.contains(&"\"m\" is a required property".to_owned()), "{text:?}");
}

#[test]
fn patterns_that_need_looking_ahead_still_work() {
    let schema = Schema::parse(r#"{"pattern":"^(?=.*[0-9]).{3,}$"}"#, &[]).unwrap();
    let validator = schema.validator().unwrap();
    assert!(validator.validate_text("\"ab1\"").is_ok());
    assert!(validator.validate_text("\"abc\"").is_err());
}
