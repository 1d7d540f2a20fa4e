//! Options as a `.proto` file writes them: interpreted values, known ones and extensions, printed again.

use std::fmt::Write;

use prost_reflect::{DynamicMessage, EnumDescriptor, Kind, MapKey, Value};

/// Name and value of each option that is set, in the order of their numbers, known ones first.
pub(super) fn list(options: &DynamicMessage) -> Vec<(String, String)> {
    let mut list = known(options);
    let mut extensions: Vec<_> = options.extensions().collect();
    extensions.sort_by_key(|(extension, _)| extension.number());
    for (extension, value) in extensions {
        push(&mut list, format!("({})", extension.full_name()), value, &extension.kind());
    }
    list
}

/// The same without those that are extensions.
pub(super) fn known(options: &DynamicMessage) -> Vec<(String, String)> {
    let mut list = Vec::new();
    for (field, value) in options.fields() {
        push(&mut list, field.name().to_owned(), value, &field.kind());
    }
    list
}

fn push(list: &mut Vec<(String, String)>, name: String, value: &Value, kind: &Kind) {
    match value {
        Value::List(values) => list.extend(values.iter().map(|value| (name.clone(), text(value, kind)))),
        value => list.push((name, text(value, kind))),
    }
}

fn text(value: &Value, kind: &Kind) -> String {
    match value {
        Value::Bool(v) => v.to_string(),
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::U32(v) => v.to_string(),
        Value::U64(v) => v.to_string(),
        Value::F32(v) => float(f64::from(*v)),
        Value::F64(v) => float(*v),
        Value::String(v) => quoted(v.as_bytes()),
        Value::Bytes(v) => quoted(v),
        Value::EnumNumber(number) => constant(kind.as_enum(), *number),
        Value::Message(message) => aggregate(message),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(|value| text(value, kind)).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Map(_) => String::new(),
    }
}

fn constant(of: Option<&EnumDescriptor>, number: i32) -> String {
    let value = of.and_then(|of| of.get_value(number));
    value.map_or_else(|| number.to_string(), |value| value.name().to_owned())
}

/// A number with a fraction in the one spelling that we use.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.to_owned()
    } else {
        value.to_string()
    }
}

/// A message as the value of an option.
pub(super) fn aggregate(message: &DynamicMessage) -> String {
    let mut parts = Vec::new();
    for (field, value) in message.fields() {
        let name = field.name();
        match (value, field.kind()) {
            (Value::Map(entries), Kind::Message(entry)) => {
                let kind = entry.map_entry_value_field().kind();
                let mut entries: Vec<_> =
                    entries.iter().map(|(k, v)| format!("{name}: {{ key: {} value: {} }}", key(k), text(v, &kind))).collect();
                entries.sort_unstable();
                parts.extend(entries);
            }
            (Value::List(values), kind) => parts.extend(values.iter().map(|v| format!("{name}: {}", text(v, &kind)))),
            (value, kind) => parts.push(format!("{name}: {}", text(value, &kind))),
        }
    }
    let mut extensions: Vec<_> = message.extensions().collect();
    extensions.sort_by_key(|(extension, _)| extension.number());
    for (extension, value) in extensions {
        parts.push(format!("[{}]: {}", extension.full_name(), text(value, &extension.kind())));
    }
    if parts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", parts.join(" ")) }
}

fn key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(v) => v.to_string(),
        MapKey::I32(v) => v.to_string(),
        MapKey::I64(v) => v.to_string(),
        MapKey::U32(v) => v.to_string(),
        MapKey::U64(v) => v.to_string(),
        MapKey::String(v) => quoted(v.as_bytes()),
    }
}

/// A string literal. What is no printable character is written as bytes in octal, which every reader takes.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if u32::from(c) < 32 || c == '\x7f' => octal(&mut out, c as u8),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            octal(&mut out, *byte);
        }
    }
    out.push('"');
    out
}

fn octal(out: &mut String, byte: u8) {
    let _ = write!(out, "\\{byte:03o}");
}
