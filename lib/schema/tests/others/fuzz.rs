//! Fuzz targets as plain functions, run here on a corpus with bounded mutation. No text may panic, and what was read must
//! survive its own forms.

use milena_schema::{Format, Retagging, Schema};

/// Texts that are changed, one byte or one piece at a time.
const JSON: &[&str] = &[
    r##"{"$schema":"http://json-schema.org/draft-07/schema#","$id":"http://x/a","type":["object","null"],"properties":{"a":{"$ref":"#/definitions/T"},"b":{"type":"string","maxLength":5,"pattern":"^a"}},"required":["a"],"additionalProperties":{"type":"number"},"definitions":{"T":{"oneOf":[{"type":"integer","minimum":1},{"not":{"const":3}}]}}}"##,
    r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[{"enum":[1,2]},true],"items":false,"$defs":{"n":{"$anchor":"n","type":"array","contains":{"$ref":"#n"}}},"dependentSchemas":{"x":{"if":{"required":["y"]},"then":{"minProperties":2}}},"unevaluatedItems":{"multipleOf":0.5}}"##,
    r##"{"type":"object","confluent:tags":["A"],"properties":{"a":{"type":"array","items":{"type":"object","properties":{"b":{"confluent:tags":["PII"]}}}}}}"##,
    r##"{"$schema":"http://json-schema.org/draft-04/schema#","id":"http://x/","allOf":[{"maximum":5,"exclusiveMaximum":true},{"dependencies":{"a":["b"]},"patternProperties":{"^x":{}}}]}"##,
];

const PROTOBUF: &[&str] = &[
    "syntax = \"proto3\"; package a.b; import \"google/protobuf/timestamp.proto\"; option java_package = \"x\"; message M { reserved 9, 20 to 30; map<string, int32> m = 1; oneof o { string s = 2 [deprecated = true]; N n = 3; } repeated N ns = 4 [packed = false]; optional google.protobuf.Timestamp t = 5; message N { E e = 1; } } enum E { A = 0; B = -1; } service S { rpc R (M) returns (stream M); }",
    "syntax = \"proto3\"; import \"confluent/meta.proto\"; message M { option (confluent.message_meta) = { doc: \"d\" tags: \"A\" }; string s = 1 [(confluent.field_meta).tags = \"PII\"]; }",
    "syntax = \"proto2\"; import \"google/protobuf/descriptor.proto\"; message M { extensions 100 to max; required string s = 1 [default = \"a\\n\\\"\"]; optional group G = 2 { optional float f = 3 [default = nan]; } } extend M { repeated bytes x = 100; } extend google.protobuf.MessageOptions { optional int64 o = 50000; } message P { option (o) = -5; }",
    "edition = \"2023\"; package a.b; option features.field_presence = IMPLICIT; message M { reserved 9; reserved old; string s = 1 [features = { field_presence: EXPLICIT }, deprecated = true]; repeated N ns = 2 [features.message_encoding = DELIMITED]; oneof o { int32 i = 3; } map<string, N> m = 4; message N { option features.json_format = ALLOW; E e = 1 [features.field_presence = LEGACY_REQUIRED]; } } enum E { option features.enum_type = CLOSED; reserved gone; A = 0; }",
    "edition = \"2024\"; package a.b; import option \"google/protobuf/descriptor.proto\"; option features.default_symbol_visibility = STRICT; export message M { export message N { local local = 1; } local enum E { A = 0; } N n = 1 [features.enforce_naming_style = STYLE_LEGACY]; } local message local { int32 export = 1; }",
    include_str!("editions/shop.b64"),
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % end.max(1)
    }
}

/// Whatever the text is.
fn any_text(format: Format, text: &str, other: &Schema) -> bool {
    let Ok(schema) = Schema::parse(format, text, &[]) else { return false };
    let canonical = schema.canonical();
    let again = Schema::parse(format, &canonical, &[]).unwrap_or_else(|flaw| panic!("{text}\n{canonical}\n{flaw}"));
    assert_eq!(again.canonical(), canonical, "{text}");
    let normalized = schema.normalized();
    let normal = Schema::parse(format, &normalized, &[]).unwrap_or_else(|flaw| panic!("{text}\n{normalized}\n{flaw}"));
    assert_eq!(normal.normalized(), normalized, "{text}");
    assert_eq!(again.normalized(), normalized, "{text}");
    assert_eq!(schema.can_read(&again), [], "{text}");
    assert_eq!(normal.can_read(&schema), [], "{text}");
    let _ = (schema.can_read(other), other.can_read(&schema));
    for name in ["resolved", "ignore_extensions", "serialized"] {
        if let Some(spelled) = schema.spelled(name) {
            Schema::parse(format, &spelled, &[]).unwrap_or_else(|flaw| panic!("{name} of {text}\n{spelled}\n{flaw}"));
        }
    }
    for mut tagged in schema.tagged() {
        tagged.tags.insert("MORE".to_owned());
        let change = Retagging { add: vec![tagged], remove: Vec::new() };
        let more = schema.retagged(&change, &[]).unwrap_or_else(|flaw| panic!("{text}\n{flaw}"));
        Schema::parse_stored(format, &more, &[]).unwrap_or_else(|flaw| panic!("{text}\n{more}\n{flaw}"));
    }
    if let Schema::Json(schema) = &schema
        && let Ok(validator) = schema.validator()
    {
        for data in [r#"{"a":1,"b":"a","x":[1,{}]}"#, "[1,true,null,0.5]", "3"] {
            let valid = validator.validate_text(data).is_ok();
            assert_eq!(validator.is_valid(&serde_json::from_str(data).unwrap()), valid, "{text}");
        }
    }
    true
}

fn mutated(dice: &mut Dice, corpus: &[&str]) -> String {
    let mut bytes = corpus[dice.below(corpus.len())].as_bytes().to_vec();
    for _ in 0..=dice.below(3) {
        let (at, from) = (dice.below(bytes.len()), dice.below(bytes.len()));
        match dice.below(5) {
            0 => drop(bytes.drain(at..(at + 1 + dice.below(8)).min(bytes.len()))),
            1 => bytes[at] = b"{}[]\",:;=0159 atfn"[dice.below(18)],
            2 => {
                let piece = bytes[from..(from + dice.below(24)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => bytes[at] = b'0' + u8::try_from(dice.below(10)).unwrap_or_default(),
            _ => {
                let other = corpus[dice.below(corpus.len())].as_bytes();
                let from = dice.below(other.len());
                bytes.splice(at..at, other[from..(from + dice.below(24)).min(other.len())].iter().copied());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn campaign(format: Format, corpus: &[&str], runs: usize) {
    let other = Schema::parse(format, corpus[0], &[]).unwrap();
    assert!(corpus.iter().all(|text| any_text(format, text, &other)));
    let mut dice = Dice(17);
    let sound = (0..runs).filter(|_| any_text(format, &mutated(&mut dice, corpus), &other)).count();
    println!("{sound} of {runs} changed texts were still {format} schemas");
    assert!(sound > runs / 100);
}

#[test]
fn json_texts() {
    campaign(Format::Json, JSON, 1_500);
}

#[test]
fn protobuf_texts() {
    campaign(Format::Protobuf, PROTOBUF, 3_000);
}
