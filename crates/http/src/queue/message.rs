//! A record as JSON, and JSON as a record.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use milena_node::{
    Topic, UNPACKED_MAX,
    engine::subject::{Format, Wanted},
};
use milena_record::{Batch, Flaw, Limits, Record, RecordHeader, Records, split};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, json, value::RawValue};

use super::trouble::Trouble;
use crate::{
    coding::{self, Part, Unions, Unread, compact, name_of},
    memory::Loan,
    serve::Door,
};

/// JSON that is nested deeper is shown as text: many a parser goes no further, and would lose the whole answer by it.
const DEPTH: usize = 512;

/// How values are to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Decode {
    /// By its schema if it carries one, else JSON if it is JSON, else text if it is text, else base64.
    #[default]
    Auto,
    /// The bytes as JSON; with a schema, what that makes of them.
    Json,
    Base64,
    /// Text, whatever it says.
    Plain,
    /// Avro's own JSON encoding, in which unions have tags.
    #[serde(rename = "avro_json")]
    AvroJson,
}

impl Decode {
    /// As it is written in a query.
    pub(super) fn named(name: &str) -> Result<Self, Trouble> {
        serde_json::from_value(Value::from(name))
            .map_err(|_| Trouble::invalid(format!("decode is auto, json, base64, avro_json or plain, not {name:?}")))
    }
}

/// Key, value and headers are bytes; JSON has none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Raw {
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) key: Value,
    pub(super) value: Box<RawValue>,
    /// What `value` is: json, plain or base64.
    value_encoding: &'static str,
    headers: Map<String, Value>,
    timestamp: i64,
    /// What decoded the value: id, subject and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decode_error: Option<String>,
}

/// Shows messages of a topic as they were asked for.
pub(super) struct Decoder<'d> {
    topic: &'d Topic,
    decode: Decode,
    schemas: coding::Decoder<'d>,
}

impl<'d> Decoder<'d> {
    pub(super) fn new(door: &'d Door, topic: &'d Topic, decode: Decode) -> Self {
        Self { topic, decode, schemas: coding::Decoder::new(door) }
    }

    pub(super) async fn shown(&mut self, raw: &Raw) -> Shown {
        let mut shown = raw.shown(self.decode);
        if let Some((Ok(json), _)) = self.read(raw, Part::Key).await {
            shown.key = serde_json::from_str(json.get()).unwrap_or_default();
        }
        match self.read(raw, Part::Value).await {
            Some((Ok(json), schema)) => {
                (shown.value, shown.value_encoding, shown.decode_error) = (json, "json", None);
                shown.schema = schema;
            }
            // A message that cannot be decoded is delivered raw: it must never block the queue.
            Some((Err(words), _)) => {
                (shown.value, shown.value_encoding) = (base64(raw.value.as_deref().unwrap_or_default()), "base64");
                shown.decode_error = Some(words);
            }
            None => {}
        }
        shown
    }

    /// What the registry makes of a key or a value, if that names a schema and somebody wants to know.
    async fn read(&mut self, raw: &Raw, part: Part) -> Option<(Result<Box<RawValue>, String>, Option<Value>)> {
        let unions = match self.decode {
            Decode::Auto | Decode::Json => Unions::Bare,
            Decode::AvroJson => Unions::Tagged,
            Decode::Base64 | Decode::Plain => return None,
        };
        let bytes = if part == Part::Key { raw.key.as_deref() } else { raw.value.as_deref() }?;
        let header = raw.headers.iter().find(|(name, _)| name == name_of(part)).and_then(|(_, value)| value.as_deref());
        match self.schemas.read(self.topic, part, (bytes, header), unions).await {
            Ok((json, found)) => {
                let schema = json!({"id": found.id, "subject": found.subject.to_string(), "version": found.version});
                Some((json_of(json.as_bytes()).map_err(|no_json| no_json.to_string()), Some(schema)))
            }
            Err(Unread::Unnamed(_)) => None,
            // Any bytes may begin like a schema's id.
            Err(Unread::Unknown(_)) if self.decode == Decode::Auto => None,
            Err(unread) => Some((Err(unread.words()), None)),
        }
    }
}

/// Bytes of keys, values and headers that one answer holds. They are counted unpacked: a small batch may hide a large one.
pub(super) const ANSWER: usize = 16 << 20;

/// When to stop reading records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enough {
    pub(super) records: usize,
    pub(super) bytes: usize,
    /// One is given whatever its size.
    pub(super) one: bool,
}

impl Enough {
    pub(super) const ONE: Self = Self { records: 1, bytes: 0, one: true };
}

/// Records that were read.
pub(super) struct Found {
    pub(super) records: Vec<Raw>,
    /// Of their keys, values and headers.
    pub(super) bytes: usize,
    /// Here it was enough; nothing from this offset on was looked at.
    pub(super) cut: Option<i64>,
}

/// Records of whole batches, those that the wanted offsets name, until it is enough. What cannot be read is an error and not
/// nothing: an offset without a record is done with for good.
pub(super) fn records(batches: &[u8], wanted: impl Fn(i64) -> bool, enough: Enough) -> Result<Found, Flaw> {
    let mut found = Found { records: Vec::new(), bytes: 0, cut: None };
    for entry in split(batches) {
        let batch = Batch::parse(entry?.bytes)?;
        if batch.header().is_control() {
            continue;
        }
        let payload = batch.payload(&Limits::new(UNPACKED_MAX))?;
        for record in Records::new(&batch.header(), &payload) {
            let record = record?;
            if !wanted(record.offset) {
                continue;
            }
            let bytes = found.bytes.saturating_add(size(&record));
            let first = enough.one && found.records.is_empty();
            if !first && (found.records.len() >= enough.records || bytes > enough.bytes) {
                return Ok(Found { cut: Some(record.offset), ..found });
            }
            found.bytes = bytes;
            found.records.push(Raw::from(&record));
        }
    }
    Ok(found)
}

/// The same, as far as there is memory for it beside the `so_far` bytes of the same answer. Without any, what is short comes all
/// the same; what is found then may be nothing, with `cut` at the first.
pub(super) fn afforded(
    (held, so_far): (&mut Loan, usize),
    batches: &[u8],
    wanted: impl Fn(i64) -> bool,
    enough: Enough,
) -> Result<Found, Flaw> {
    let found = records(batches, &wanted, enough)?;
    if held.hold(so_far + found.bytes).is_ok() {
        return Ok(found);
    }
    let bytes = held.hold_upto(so_far + found.bytes).saturating_sub(so_far);
    drop(found);
    let found = records(batches, &wanted, Enough { bytes, one: false, ..enough })?;
    held.hold_anyway(so_far + found.bytes);
    Ok(found)
}

fn size(record: &Record<'_>) -> usize {
    let headers: usize = record.headers.map(|h| h.key.len() + h.value.map_or(0, <[u8]>::len)).sum();
    record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers
}

impl From<&Record<'_>> for Raw {
    fn from(record: &Record<'_>) -> Self {
        let header = |h: RecordHeader<'_>| (String::from_utf8_lossy(h.key).into_owned(), h.value.map(<[u8]>::to_vec));
        Self {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.map(header).collect(),
        }
    }
}

impl Raw {
    pub(super) fn shown(&self, decode: Decode) -> Shown {
        let (value, value_encoding, decode_error) = match &self.value {
            None => (RawValue::NULL.to_owned(), "json", None),
            Some(bytes) => shown(bytes, decode),
        };
        let header = |(name, value): &(String, Option<Vec<u8>>)| (name.clone(), value.as_deref().map_or(Value::Null, text));
        Shown {
            key: self.key.as_deref().map_or(Value::Null, text),
            value,
            value_encoding,
            headers: by_name(self.headers.iter().map(header)),
            timestamp: self.timestamp,
            schema: None,
            decode_error,
        }
    }
}

/// A name that comes more than once has all its values, in their order, in an array; no value by itself is one.
fn by_name(headers: impl Iterator<Item = (String, Value)>) -> Map<String, Value> {
    let mut by_name = Map::new();
    for (name, value) in headers {
        match by_name.get_mut(&name) {
            None => drop(by_name.insert(name, value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    by_name
}

/// A message that cannot be shown as it was asked for is shown raw: it must never block the queue.
fn shown(bytes: &[u8], decode: Decode) -> (Box<RawValue>, &'static str, Option<String>) {
    let raw = |error: Option<String>| (base64(bytes), "base64", error);
    let plain = || std::str::from_utf8(bytes).map(|text| (written(&text), "plain", None));
    match decode {
        Decode::Base64 => raw(None),
        Decode::Plain => plain().unwrap_or_else(|error| raw(Some(error.to_string()))),
        Decode::Json | Decode::AvroJson => match json_of(bytes) {
            Ok(value) => (value, "json", None),
            Err(error) => raw(Some(error.to_string())),
        },
        Decode::Auto => match json_of(bytes) {
            Ok(value) => (value, "json", None),
            Err(error @ NoJson::Deep) => {
                let (value, encoding, _) = readable(bytes).map_or_else(|| raw(None), |text| (written(&text), "plain", None));
                (value, encoding, Some(error.to_string()))
            }
            Err(NoJson::Other(_)) => readable(bytes).map_or_else(|| raw(None), |text| (written(&text), "plain", None)),
        },
    }
}

/// Why bytes are not shown as JSON.
#[derive(Debug, thiserror::Error)]
enum NoJson {
    #[error(transparent)]
    Other(#[from] serde_json::Error),
    #[error("it is JSON that is nested more than {DEPTH} deep, which readers of the whole answer may fail at")]
    Deep,
}

/// JSON as it is, but for the blanks between its tokens: a message is one line of an event.
fn json_of(bytes: &[u8]) -> Result<Box<RawValue>, NoJson> {
    let json: &RawValue = serde_json::from_slice(bytes)?;
    if depth(json.get()) > DEPTH {
        return Err(NoJson::Deep);
    }
    let packed = compact(json.get());
    Ok(serde_json::from_slice::<&RawValue>(&packed).map(ToOwned::to_owned)?)
}

/// How deep arrays and objects lie in each other.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn base64(bytes: &[u8]) -> Box<RawValue> {
    written(&json!({"base64": BASE64.encode(bytes)}))
}

fn written(value: &impl Serialize) -> Box<RawValue> {
    // Text and maps of text can always be written.
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Text if it is text, else its bytes.
fn text(bytes: &[u8]) -> Value {
    readable(bytes).map_or_else(|| json!({"base64": BASE64.encode(bytes)}), Value::from)
}

/// Bytes that somebody wrote as text. Small numbers are UTF-8 as well, by their letter, and nobody's text.
fn readable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))).then_some(text)
}

/// One message to be put in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    #[serde(default)]
    pub(super) key: Option<Box<RawValue>>,
    pub(super) value: Box<RawValue>,
    #[serde(default)]
    pub(super) headers: Headers,
    #[serde(default)]
    pub(super) partition: Option<i32>,
    #[serde(default)]
    pub(super) timestamp: Option<i64>,
    /// By which it is known when it comes again.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// By which the value is encoded.
    #[serde(default)]
    pub(super) schema: Option<SchemaWish>,
}

/// In their order, each as it was written. A name may come twice.
#[derive(Debug, Default)]
pub(super) struct Headers(pub(super) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Headers;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of headers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some(header) = map.next_entry()? {
                    headers.push(header);
                }
                Ok(Headers(headers))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// Which schema a value is encoded by: one that is registered, or one that is registered with it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemaWish {
    subject: Option<String>,
    id: Option<i32>,
    version: Option<Value>,
    /// Its text, or an Avro or JSON schema as it is.
    inline: Option<Value>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl SchemaWish {
    /// In the registry's words.
    pub(super) fn wish(&self) -> Result<coding::Wish, String> {
        let format = match self.kind.as_deref().map(str::to_ascii_uppercase).as_deref() {
            None => None,
            Some("AVRO") => Some(Format::Avro),
            Some("JSON" | "JSONSCHEMA") => Some(Format::Json),
            Some("PROTOBUF") => Some(Format::Protobuf),
            Some(other) => return Err(format!("the type of a schema is AVRO, JSON or PROTOBUF, not {other:?}")),
        };
        let text = self.inline.as_ref().map(|inline| inline.as_str().map_or_else(|| inline.to_string(), str::to_owned));
        let format = format.or(text.is_some().then_some(Format::Avro));
        let version = match &self.version {
            None => None,
            Some(Value::String(word)) => Some(Wanted::parse(word)),
            Some(number) => Some(Wanted::parse(&number.to_string())),
        };
        let version = version.transpose().map_err(|refusal| refusal.to_string())?;
        Ok(coding::Wish { format, text, id: self.id, version, subject: self.subject.clone(), ..coding::Wish::default() })
    }
}

/// How bytes are written in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64 {
    base64: String,
}

/// The bytes of a value: `{"base64": …}` is what it says, null is a tombstone, everything else is its JSON, digit by digit.
pub(super) fn value_bytes(value: &RawValue) -> Result<Option<Vec<u8>>, String> {
    let text = value.get();
    if text == "null" {
        return Ok(None);
    }
    match serde_json::from_str::<Base64>(text) {
        Ok(Base64 { base64 }) if text.starts_with('{') => unpacked(&base64).map(Some),
        _ => Ok(Some(compact(text))),
    }
}

/// The bytes of a key or a header: text is its UTF-8, everything else as with a value.
pub(super) fn text_bytes(value: &RawValue) -> Result<Option<Vec<u8>>, String> {
    match value.get().starts_with('"') {
        true => {
            serde_json::from_str::<String>(value.get()).map(|text| Some(text.into_bytes())).map_err(|error| error.to_string())
        }
        false => value_bytes(value),
    }
}

fn unpacked(text: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(text).map_err(|error| format!("{:?} is not base64: {error}", text.chars().take(60).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Raw {
        let value = RawValue::from_string(json.to_owned()).expect("JSON");
        Raw { offset: 0, timestamp: 0, key: None, value: value_bytes(&value).unwrap(), headers: vec![] }
    }

    #[test]
    fn keys_and_headers_are_bytes_digit_by_digit() {
        let bytes = |json: &str| text_bytes(&RawValue::from_string(json.to_owned()).expect("JSON"));
        for (json, want) in
            [(r#""a\n""#, "a\n"), ("12345678901234567890123", "12345678901234567890123"), ("1.50", "1.50"), ("[ 1 ]", "[1]")]
        {
            assert_eq!(bytes(json), Ok(Some(want.as_bytes().to_vec())));
        }
        assert_eq!((bytes("null"), bytes(r#"{"base64":"/wA="}"#)), (Ok(None), Ok(Some(vec![0xff, 0]))));
        let headers: Headers = serde_json::from_str(r#"{"b": 1.0, "a": 2, "b": 3}"#).expect("headers");
        let told: Vec<(&str, &str)> = headers.0.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
        assert_eq!(told, [("b", "1.0"), ("a", "2"), ("b", "3")]);
    }

    #[test]
    fn json_that_is_nested_too_deep_for_others_is_text() {
        let nested = |n: usize| Raw { value: Some([vec![b'['; n], vec![b']'; n]].concat()), ..raw("1") };
        assert_eq!(nested(DEPTH).shown(Decode::Auto).value_encoding, "json");
        let deep = nested(200_000).shown(Decode::Auto);
        assert_eq!(deep.value_encoding, "plain");
        assert!(deep.decode_error.is_some_and(|words| words.contains("512")) && deep.value.get().starts_with("\"[["));
        let deep = nested(DEPTH + 1).shown(Decode::Json);
        assert_eq!((deep.value_encoding, deep.decode_error.is_some()), ("base64", true));
        assert_eq!((depth(r#"{"[[\"[":[{}]}"#), depth("1"), depth(r#"["\\",[]]"#)), (3, 0, 2));
    }

    #[test]
    fn a_header_that_comes_twice_has_both_values() {
        let header = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
        let headers = vec![header("a", Some(b"1")), header("b", None), header("a", Some(b"2")), header("a", None)];
        let shown = Raw { headers, ..raw("1") }.shown(Decode::Auto);
        assert_eq!(Value::Object(shown.headers), json!({"a": ["1", "2", null], "b": null}));
    }

    #[test]
    fn values_come_back_as_they_went() {
        for value in [r#"{"a":1}"#, r#""text""#, "null", "[1,null]", "9007199254740993", "1.50", "123456789012345678901234567890"]
        {
            assert_eq!(raw(value).shown(Decode::Auto).value.get(), value);
        }
        assert_eq!(raw("{ \"a\" :\n 1 }").shown(Decode::Auto).value.get(), r#"{"a":1}"#, "blanks are nobody's data");
        let bytes = r#"{"base64":"/wA="}"#;
        assert_eq!(raw(bytes).value.as_deref(), Some(&[0xff, 0][..]));
        assert_eq!(raw(bytes).shown(Decode::Auto).value.get(), bytes);
        assert!(raw(bytes).shown(Decode::Json).decode_error.is_some());
        let small = r#"{"base64":"AAECAw=="}"#;
        assert_eq!(raw(small).shown(Decode::Auto).value.get(), small, "a number is no text");
        assert_eq!(raw(r#"{"base64":"YQlicg0K"}"#).shown(Decode::Auto).value.get(), r#""a\tbr\r\n""#);
        assert!(value_bytes(&RawValue::from_string(r#"{"base64":"!"}"#.into()).expect("JSON")).is_err());
    }
}
