//! One schema, ready to write and read values with.

use milena_schema::{
    Flaw, Schema,
    avro::{Kind, Plan, Unions, binary::Reader},
    json, protobuf,
};
use milena_serde::framing;
use serde_json::value::RawValue;

/// A registered schema, compiled. Knows neither its id nor its subject: those are its user's.
#[derive(Debug)]
pub(crate) struct Codec {
    kind: Compiled,
    /// The full name of what it describes.
    name: Option<String>,
}

#[derive(Debug)]
enum Compiled {
    Avro(Plan),
    Json(json::Validator),
    Protobuf(protobuf::Schema),
}

impl Codec {
    /// Compiles a schema. Takes as long as its patterns and types are many.
    pub(crate) fn compile(schema: Schema) -> Result<Self, Flaw> {
        let name = schema.name().map(str::to_owned);
        let kind = match schema {
            Schema::Avro(schema) => Compiled::Avro(Plan::new(&schema)),
            Schema::Json(schema) => Compiled::Json(schema.validator()?),
            Schema::Protobuf(schema) => Compiled::Protobuf(schema),
            other => return Err(Flaw::new(format!("values are not written by {} schemas", other.format()))),
        };
        Ok(Self { kind, name })
    }

    /// The full name of what the schema describes, if that has one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// A value as JSON to a framed message: magic byte, id, and the schema's own form. A value that the schema does not
    /// take is refused. Of a Protobuf file it is the first message.
    pub(crate) fn encode(&self, id: i32, value: &str) -> Result<Vec<u8>, Flaw> {
        let mut out = Vec::with_capacity(value.len() + 8);
        framing::put_prefix(&mut out, id.cast_unsigned());
        match &self.kind {
            Compiled::Avro(plan) if is_bytes(plan) => {
                let mut counted = Vec::new();
                plan.schema().encode_json(value, &mut counted)?;
                let bare = Reader::new(&counted).bytes().map_err(|malformed| Flaw::new(malformed.to_string()))?;
                out.extend_from_slice(bare);
            }
            Compiled::Avro(plan) => plan.schema().encode_json(value, &mut out)?,
            Compiled::Json(validator) => {
                validator.validate_text(value).map_err(first)?;
                out.extend_from_slice(&compact(value));
            }
            Compiled::Protobuf(file) => {
                let message = file.message_at(&[0]).ok_or_else(|| Flaw::new("the file declares no message"))?;
                framing::put_indexes(&mut out, &[0]);
                out.extend_from_slice(&message.from_json(value)?);
            }
        }
        Ok(out)
    }

    /// What stands behind the id, as JSON. Avro's unions are tagged, as Avro's own JSON encoding has it.
    #[cfg(test)]
    fn decode(&self, body: &[u8]) -> Result<String, Flaw> {
        self.decode_with(body, Unions::Tagged)
    }

    /// What stands behind the id, as JSON.
    pub(crate) fn decode_with(&self, body: &[u8], unions: Unions) -> Result<String, Flaw> {
        match &self.kind {
            Compiled::Avro(plan) if is_bytes(plan) => {
                let latin1: String = body.iter().map(|byte| char::from(*byte)).collect();
                Ok(serde_json::Value::from(latin1).to_string())
            }
            Compiled::Avro(plan) => plan.to_json(body, unions).map_err(|malformed| Flaw::new(malformed.to_string())),
            Compiled::Json(_) => match serde_json::from_slice::<&RawValue>(body) {
                Ok(json) => Ok(json.get().to_owned()),
                Err(error) => Err(Flaw::new(format!("it is not JSON: {error}"))),
            },
            Compiled::Protobuf(file) => {
                let (indexes, body) = framing::split_indexes(body).map_err(|broken| Flaw::new(broken.to_string()))?;
                let message = file.message_at(&indexes);
                message.ok_or_else(|| Flaw::new(format!("the schema has no message at {indexes:?}")))?.to_json(body)
            }
        }
    }
}

/// Serializers of every language write the bytes of a schema that is just `bytes` without Avro's length.
fn is_bytes(plan: &Plan) -> bool {
    let schema = plan.schema();
    matches!(schema.kind(schema.root()), Kind::Bytes)
}

fn first(flaws: Vec<Flaw>) -> Flaw {
    flaws.into_iter().next().unwrap_or_else(|| Flaw::new("the schema refuses it"))
}

/// The same JSON without the blanks between its tokens; every digit of a number stays.
pub(crate) fn compact(json: &str) -> Vec<u8> {
    let (mut out, mut in_string, mut escaped) = (Vec::with_capacity(json.len()), false, false);
    for byte in json.bytes() {
        if in_string {
            (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
        } else {
            if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                continue;
            }
            in_string = byte == b'"';
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use milena_schema::Format;

    use super::*;

    fn codec(format: Format, text: &str) -> Codec {
        Codec::compile(Schema::parse(format, text, &[]).expect("a schema")).expect("compiles")
    }

    const PERSON: &str =
        r#"{"type":"record","name":"P","fields":[{"name":"n","type":"string"},{"name":"a","type":["null","int"]}]}"#;
    const PROTO: &str = r#"syntax = "proto3"; message A { string n = 1; int64 big = 2; } message B { A a = 1; }"#;
    const JSON: &str = r#"{"type":"object","properties":{"n":{"type":"string"}},"required":["n"]}"#;

    #[test]
    fn values_are_framed_and_come_back() {
        let cases = [
            (Format::Avro, PERSON, r#"{"n":"john","a":{"int":7}}"#, "0000000001 086a6f686e 020e"),
            (Format::Avro, PERSON, r#"{"n":"john","a":null}"#, "0000000001 086a6f686e 00"),
            (Format::Avro, r#""bytes""#, "\"a\u{ff}\"", "0000000001 61ff"),
            (Format::Json, JSON, r#"{"n": "x", "d": 1.50}"#, "0000000001 7b226e223a2278222c2264223a312e35307d"),
            (Format::Protobuf, PROTO, r#"{"n":"x","big":"9007199254740993"}"#, "0000000001 00 0a0178 108180808080808010"),
        ];
        for (format, text, value, bytes) in cases {
            let codec = codec(format, text);
            let framed = codec.encode(1, value).expect(value);
            let hex: String = framed.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(hex, bytes.replace(' ', ""), "{value}");
            assert_eq!(codec.decode(&framed[5..]).expect(value).as_bytes(), compact(value), "{value}");
        }
        assert_eq!(codec(Format::Avro, PERSON).name(), Some("P"));
    }

    #[test]
    fn what_a_schema_does_not_take_is_refused() {
        for (format, text, value) in [
            (Format::Avro, PERSON, r#"{"n":1,"a":null}"#),
            (Format::Avro, PERSON, r#"{"n":"x","a":null,"b":1}"#),
            (Format::Json, JSON, "{}"),
            (Format::Protobuf, PROTO, r#"{"unknown":1}"#),
            (Format::Protobuf, r#"syntax = "proto3";"#, "{}"),
        ] {
            assert!(codec(format, text).encode(1, value).is_err(), "{value}");
        }
    }

    /// Bounded mutation: no bytes from a topic make a decoder panic.
    #[test]
    fn hostile_bytes_are_decoded_or_refused() {
        let seeds = [
            (codec(Format::Avro, PERSON), r#"{"n":"john","a":{"int":7}}"#),
            (codec(Format::Json, JSON), r#"{"n":"x"}"#),
            (codec(Format::Protobuf, PROTO), r#"{"n":"x","big":"5"}"#),
        ];
        for (codec, value) in seeds {
            let body = codec.encode(1, value).expect("fits").split_off(5);
            for at in 0..body.len() {
                let _ = codec.decode(&body[..at]);
                for byte in 0..=255u8 {
                    let mut other = body.clone();
                    other[at] = byte;
                    let _ = codec.decode(&other);
                }
            }
        }
    }

    #[test]
    fn blanks_go_and_nothing_else() {
        let packed = |json: &str| String::from_utf8(compact(json)).expect("text");
        assert_eq!(
            packed("{ \"a b\" : [ 1.50 ,\n \"\\\" c \\\\\" , 12345678901234567890 ] }"),
            r#"{"a b":[1.50,"\" c \\",12345678901234567890]}"#
        );
        assert_eq!(packed(" \" \" "), "\" \"");
    }
}
