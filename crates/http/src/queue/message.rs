//! A record as JSON, and JSON as a record.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use milena_record::{Batch, Limits, Records, split};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How values are to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Decode {
    /// JSON if it is JSON, else text if it is text, else base64.
    #[default]
    Auto,
    Json,
    Base64,
    Plain,
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
    pub(super) value: Value,
    /// What `value` is: json, plain or base64.
    value_encoding: &'static str,
    headers: Map<String, Value>,
    timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    decode_error: Option<String>,
}

/// Records of whole batches, those that the wanted offsets name. `unpacked` bounds what compression may hide.
pub(super) fn records(batches: &[u8], wanted: impl Fn(i64) -> bool, unpacked: usize) -> Vec<Raw> {
    let mut found = Vec::new();
    for entry in split(batches).map_while(Result::ok) {
        let Ok(batch) = Batch::parse(entry.bytes) else { continue };
        let Ok(payload) = batch.payload(&Limits::new(unpacked)) else { continue };
        let records = Records::new(&batch.header(), &payload).map_while(Result::ok);
        found.extend(records.filter(|record| wanted(record.offset)).map(|record| Raw {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.map(|h| (String::from_utf8_lossy(h.key).into_owned(), h.value.map(<[u8]>::to_vec))).collect(),
        }));
    }
    found
}

impl Raw {
    pub(super) fn shown(&self, decode: Decode) -> Shown {
        let (value, value_encoding, decode_error) = match &self.value {
            None => (Value::Null, "json", None),
            Some(bytes) => shown(bytes, decode),
        };
        let header = |(name, value): &(String, Option<Vec<u8>>)| (name.clone(), value.as_deref().map_or(Value::Null, text));
        Shown {
            key: self.key.as_deref().map_or(Value::Null, text),
            value,
            value_encoding,
            headers: self.headers.iter().map(header).collect(),
            timestamp: self.timestamp,
            decode_error,
        }
    }
}

/// A message that cannot be shown as it was asked for is shown raw: it must never block the queue.
fn shown(bytes: &[u8], decode: Decode) -> (Value, &'static str, Option<String>) {
    let raw = |error: Option<String>| (json!({"base64": BASE64.encode(bytes)}), "base64", error);
    let plain = || std::str::from_utf8(bytes).map(|text| (Value::from(text), "plain", None));
    match decode {
        Decode::Base64 => raw(None),
        Decode::Plain => plain().unwrap_or_else(|error| raw(Some(error.to_string()))),
        Decode::Json => match serde_json::from_slice(bytes) {
            Ok(value) => (value, "json", None),
            Err(error) => raw(Some(error.to_string())),
        },
        Decode::Auto => match serde_json::from_slice(bytes) {
            Ok(value) => (value, "json", None),
            Err(_) => plain().unwrap_or_else(|_| raw(None)),
        },
    }
}

/// Text if it is text, else its bytes.
fn text(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| json!({"base64": BASE64.encode(bytes)}), Value::from)
}

/// One message to be put in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    #[serde(default)]
    pub(super) key: Option<Value>,
    pub(super) value: Value,
    #[serde(default)]
    pub(super) headers: Map<String, Value>,
    #[serde(default)]
    pub(super) partition: Option<i32>,
    #[serde(default)]
    pub(super) timestamp: Option<i64>,
}

/// The bytes of a value: `{"base64": …}` is what it says, null is a tombstone, everything else is its JSON.
pub(super) fn value_bytes(value: &Value) -> Result<Option<Vec<u8>>, String> {
    if value.is_null() {
        return Ok(None);
    }
    match base64_of(value) {
        Some(bytes) => bytes.map(Some),
        None => Ok(Some(value.to_string().into_bytes())),
    }
}

/// The bytes of a key or a header: text is its UTF-8.
pub(super) fn text_bytes(value: &Value) -> Result<Option<Vec<u8>>, String> {
    match value {
        Value::String(text) => Ok(Some(text.clone().into_bytes())),
        other => value_bytes(other),
    }
}

fn base64_of(value: &Value) -> Option<Result<Vec<u8>, String>> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let text = object.get("base64")?.as_str()?;
    Some(BASE64.decode(text).map_err(|error| format!("{text:?} is not base64: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went() {
        for value in [json!({"a": 1}), json!("text"), json!(null), json!([1, null]), json!(9_007_199_254_740_993i64)] {
            let raw = Raw { offset: 0, timestamp: 0, key: None, value: value_bytes(&value).unwrap(), headers: vec![] };
            assert_eq!(raw.shown(Decode::Auto).value, value);
        }
        let bytes = json!({"base64": "/wA="});
        let raw = Raw { offset: 0, timestamp: 0, key: None, value: value_bytes(&bytes).unwrap(), headers: vec![] };
        assert_eq!(raw.value.as_deref(), Some(&[0xff, 0][..]));
        assert_eq!(raw.shown(Decode::Auto).value, bytes);
        assert!(raw.shown(Decode::Json).decode_error.is_some());
        assert!(value_bytes(&json!({"base64": "!"})).is_err());
    }
}
