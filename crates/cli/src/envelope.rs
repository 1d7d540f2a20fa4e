//! One message as one line of JSON, so that what `read` prints `produce --json` takes, byte for byte.
//!
//! A value that is a JSON object or array on one line stands there as it is; other UTF-8 is a JSON string; other bytes are
//! `{"$base64": "…"}`. An object that looks like that itself is written as a string, so nothing is ambiguous.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use milena_client::{Message, NewRecord};
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

use crate::{
    schemas::Known,
    screen::{self, is_raw},
    when,
};

/// Writes a message's line, without the line's end.
pub(crate) fn write(message: &Message, schema: Option<&Known>, person: bool, out: &mut String) {
    out.push_str("{\"topic\":");
    string(&message.topic, out);
    out.push_str(&format!(",\"partition\":{},\"offset\":{},\"ts\":", message.partition, message.offset));
    match when::rfc3339(message.timestamp, person).filter(|_| message.timestamp >= 0) {
        Some(time) => string(&time, out),
        None => out.push_str("null"),
    }
    out.push_str(",\"key\":");
    bytes(message.key.as_deref(), out);
    out.push_str(",\"value\":");
    bytes(message.value.as_deref(), out);
    out.push_str(",\"headers\":[");
    for (n, (key, value)) in message.headers.iter().enumerate() {
        out.push_str(if n == 0 { "[" } else { ",[" });
        string(&String::from_utf8_lossy(key), out);
        out.push(',');
        bytes(value.as_deref(), out);
        out.push(']');
    }
    out.push(']');
    if let Some(schema) = schema.filter(|schema| !schema.subject.is_empty()) {
        out.push_str(",\"schema\":{\"subject\":");
        string(&schema.subject, out);
        out.push_str(&format!(",\"version\":{},\"id\":{}}}", schema.version, schema.id));
    }
    out.push('}');
}

fn string(text: &str, out: &mut String) {
    out.push_str(&screen::json(Value::from(text)));
}

fn bytes(bytes: Option<&[u8]>, out: &mut String) {
    let Some(bytes) = bytes else { return out.push_str("null") };
    match std::str::from_utf8(bytes) {
        Ok(text) if stands_for_itself(text) => out.push_str(text),
        Ok(text) => string(text, out),
        Err(_) => {
            out.push_str("{\"$base64\":\"");
            out.push_str(&BASE64_STANDARD.encode(bytes));
            out.push_str("\"}");
        }
    }
}

/// Whether this text may stand in the line unquoted, come back as the same bytes, and steers no terminal.
fn stands_for_itself(text: &str) -> bool {
    let nested = matches!((text.as_bytes().first(), text.as_bytes().last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')));
    nested
        && !text.contains(['\n', '\r'])
        && !text.contains(is_raw)
        && !text.contains("$base64")
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The envelope as it is read: ours, kcat's `-J`, rpk's and kaf's `json-each-row`. What says where a message was is passed over; a
/// member of none of them is refused, because it is a slip, or a value that was meant to be wrapped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    key: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "payload", deserialize_with = "written")]
    value: Option<&'a RawValue>,
    #[serde(default)]
    partition: Option<i32>,
    #[serde(default, alias = "timestamp")]
    ts: Option<Value>,
    #[serde(borrow, default)]
    headers: Option<&'a RawValue>,
    #[serde(default, rename = "topic")]
    _topic: IgnoredAny,
    #[serde(default, rename = "offset")]
    _offset: IgnoredAny,
    /// Ours.
    #[serde(default, rename = "schema")]
    _schema: IgnoredAny,
    /// `message show -o json`.
    #[serde(default, rename = "batch")]
    _batch: IgnoredAny,
    #[serde(default, rename = "receipt")]
    _receipt: IgnoredAny,
    /// kcat's.
    #[serde(default, rename = "tstype")]
    _tstype: IgnoredAny,
    #[serde(default, rename = "broker")]
    _broker: IgnoredAny,
    #[serde(default, rename = "key_schema_id")]
    _key_schema_id: IgnoredAny,
    #[serde(default, rename = "value_schema_id")]
    _value_schema_id: IgnoredAny,
    #[serde(default, rename = "key_error")]
    _key_error: IgnoredAny,
    #[serde(default, rename = "payload_error")]
    _payload_error: IgnoredAny,
}

/// Tells a `null` that stands there from nothing.
fn written<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InBase64 {
    #[serde(rename = "$base64")]
    bytes: String,
}

/// Reads one line. The topic is the caller's; the partition counts only with `keep_partition`.
pub(crate) fn read(line: &str, topic: &str, keep_partition: bool) -> Result<NewRecord, String> {
    // A derived struct would also be read from a list, member after member.
    if !line.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(line).is_ok() {
        return Err("it is no object: a message is {\"value\": …}, with what is to be stored as its value".into());
    }
    let envelope: Envelope<'_> = serde_json::from_str(line).map_err(refused)?;
    let value =
        envelope.value.ok_or("it has no \"value\" (or \"payload\"); a tombstone says so: {\"key\":\"k\",\"value\":null}")?;
    let no_time = |time: &dyn std::fmt::Display| format!("ts {time} is no time");
    let timestamp = match envelope.ts {
        None | Some(Value::Null) => None,
        Some(Value::Number(n)) => Some(n.as_i64().ok_or_else(|| no_time(&n))?),
        Some(Value::String(s)) => Some(when::read(&s).ok_or_else(|| format!("ts {s:?} is no time"))?),
        Some(other) => return Err(no_time(&other)),
    };
    Ok(NewRecord {
        topic: topic.into(),
        partition: envelope.partition.filter(|_| keep_partition),
        key: part(envelope.key)?,
        value: part(Some(value))?,
        headers: headers(envelope.headers)?,
        timestamp,
    })
}

/// The parser's words, without the list of every member that would have been taken.
fn refused(error: serde_json::Error) -> String {
    let words = error.to_string();
    match words.split_once(", expected one of ") {
        Some((unknown, _)) => format!(
            "{unknown}; a message has key, value, headers, ts and partition, as milena read, kcat -J, rpk or kaf print it"
        ),
        None => words,
    }
}

fn part(raw: Option<&RawValue>) -> Result<Option<Bytes>, String> {
    let Some(text) = raw.map(|r| r.get()).filter(|t| *t != "null") else { return Ok(None) };
    if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(|e| e.to_string())?;
        return Ok(Some(text.into()));
    }
    // A derived struct would also be read from a list.
    if text.starts_with('{')
        && let Ok(encoded) = serde_json::from_str::<InBase64>(text)
    {
        let bytes = BASE64_STANDARD.decode(encoded.bytes).map_err(|e| format!("$base64: {e}"))?;
        return Ok(Some(bytes.into()));
    }
    Ok(Some(Bytes::copy_from_slice(text.as_bytes())))
}

type Headers = Vec<(Bytes, Option<Bytes>)>;

/// One header as rpk and kaf write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    key: String,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// Pairs as ours, objects as rpk's and kaf's, a flat list as kcat's, or one object.
fn headers(raw: Option<&RawValue>) -> Result<Headers, String> {
    let Some(text) = raw.map(|r| r.get()) else { return Ok(Vec::new()) };
    if let Ok(pairs) = serde_json::from_str::<Vec<(String, &RawValue)>>(text) {
        return pairs.into_iter().map(|(k, v)| Ok((k.into(), part(Some(v))?))).collect();
    }
    // A derived struct is read from a list as well, and that is a pair.
    if let Ok(objects) = serde_json::from_str::<Vec<Header<'_>>>(text) {
        return objects.into_iter().map(|header| Ok((header.key.into(), part(Some(header.value))?))).collect();
    }
    if let Ok(flat) = serde_json::from_str::<Vec<Option<String>>>(text) {
        let pair = |pair: &[Option<String>]| {
            let name = pair[0].clone().unwrap_or_default();
            (name.into(), pair.get(1).cloned().flatten().map(Bytes::from))
        };
        return Ok(flat.chunks(2).map(pair).collect());
    }
    let object: serde_json::Map<String, Value> =
        serde_json::from_str(text).map_err(|_| "headers are a list of [name, value] pairs".to_string())?;
    let value = |v: Value| match v {
        Value::Null => None,
        Value::String(s) => Some(s.into()),
        other => Some(other.to_string().into()),
    };
    Ok(object.into_iter().map(|(k, v)| (k.into(), value(v))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(value: &[u8]) -> NewRecord {
        let mut line = "{\"value\":".to_string();
        bytes(Some(value), &mut line);
        line.push('}');
        read(&line, "t", false).unwrap()
    }

    #[test]
    fn every_value_comes_back_byte_for_byte() {
        for value in [
            &b"text"[..],
            b"\"quoted\"",
            b"{\"b\": 1,  \"a\":1e400}",
            b"[1]",
            b"[\"AAAA\"]",
            b"12",
            b"",
            b"{\"a\":\n1}",
            b"{\"$base64\":\"AA==\"}",
            b"\x00\xff",
            b"null",
            b"{broken}",
            "{\"a\":\"\u{9b}2J\"}".as_bytes(),
            b"\x7f",
        ] {
            assert_eq!(round(value).value.as_deref(), Some(value), "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn what_kcat_writes_is_taken() {
        let line = r#"{"topic":"x","partition":2,"offset":7,"tstype":"create","ts":5,"broker":1,"headers":["a","1","b",null],"key":"k","payload":"v"}"#;
        let record = read(line, "t", true).unwrap();
        assert_eq!((record.partition, record.timestamp), (Some(2), Some(5)));
        assert_eq!(record.value.as_deref(), Some(&b"v"[..]));
        assert_eq!(record.headers, vec![("a".into(), Some("1".into())), ("b".into(), None)]);
        assert!(read("{\"value\":1,\"ts\":true}", "t", false).is_err());
    }

    #[test]
    fn what_rpk_and_kaf_write_is_taken() {
        let rpk = r#"{"topic":"x","key":"k","value":"v","headers":[{"key":"a","value":"1"},{"key":"b","value":""}],"timestamp":1700000000000,"partition":1,"offset":7}"#;
        let kaf = r#"{"topic":"x","partition":1,"offset":7,"timestamp":"2023-11-14T22:13:20Z","headers":[{"key":"a","value":"1"},{"key":"b","value":""}],"key":"k","payload":"v"}"#;
        for line in [rpk, kaf] {
            let record = read(line, "t", true).unwrap();
            assert_eq!((record.partition, record.timestamp), (Some(1), Some(1_700_000_000_000)), "{line}");
            assert_eq!((record.key.as_deref(), record.value.as_deref()), (Some(&b"k"[..]), Some(&b"v"[..])), "{line}");
            assert_eq!(record.headers, vec![("a".into(), Some("1".into())), ("b".into(), Some("".into()))], "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_message_is_refused_rather_than_stored_as_a_tombstone() {
        let refused = |line: &str| read(line, "t", false).unwrap_err();
        assert!(refused(r#"{"first":"john","last":"doe"}"#).starts_with("unknown field `first`"));
        assert!(refused(r#"{"worth":"x"}"#).starts_with("unknown field `worth`"));
        assert!(refused(r#"{"value":"x","value_size":1}"#).starts_with("unknown field `value_size`"));
        for without in [r#"{"key":"k"}"#, "{}", r#"{"topic":"t","headers":[]}"#] {
            assert!(refused(without).contains("it has no \"value\""), "{without}");
        }
        for other in ["[1,2]", "[]", "12", "\"text\"", "null", " [1]"] {
            assert!(refused(other).starts_with("it is no object"), "{other}");
        }
        assert!(refused(r#"{"value":1,"ts":1.5}"#).contains("is no time"));
        assert!(refused(r#"{"value":"x","headers":[{"key":"a"}]}"#).contains("headers"));
        assert_eq!(read(r#"{"key":"k","value":null}"#, "t", false).unwrap().value, None);
        assert_eq!(read(r#"{"key":"k","payload":null}"#, "t", false).unwrap().value, None);
    }
}
