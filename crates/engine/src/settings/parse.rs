//! One parse a kind, with Kafka's tolerance: spaces around a value, `+5`, `TRUE`, a list's spaces around commas.
//! Knows no setting by name.

use std::fmt;

use super::setting::Kind;

/// A parsed value. Displays as DescribeConfigs shows it.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Boolean(bool),
    Integer(i64),
    Double(f64),
    /// Also a class name or a password.
    Text(String),
    /// Without duplicates, in the order given.
    List(Vec<String>),
}

/// Parses `text` as `kind`, or says what was expected.
pub(super) fn parse(kind: Kind, text: &str) -> Result<Value, String> {
    // Java's trim: everything up to and including the space.
    let text = text.trim_matches(|c| c <= ' ');
    match kind {
        Kind::Boolean if text.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
        Kind::Boolean if text.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
        Kind::Boolean => Err("Expected value to be either true or false".into()),
        Kind::Int => integer(text, i64::from(i32::MIN), i64::from(i32::MAX), "INT"),
        Kind::Short => integer(text, i64::from(i16::MIN), i64::from(i16::MAX), "SHORT"),
        Kind::Long => integer(text, i64::MIN, i64::MAX, "LONG"),
        Kind::Double => text.parse().map(Value::Double).map_err(|_| "Not a number of type DOUBLE".into()),
        Kind::Text | Kind::Class | Kind::Password => Ok(Value::Text(text.into())),
        Kind::List => Ok(Value::List(list(text))),
    }
}

fn integer(text: &str, min: i64, max: i64, name: &str) -> Result<Value, String> {
    match text.parse::<i64>() {
        Ok(v) if (min..=max).contains(&v) => Ok(Value::Integer(v)),
        _ => Err(format!("Not a number of type {name}")),
    }
}

/// Nothing is an empty list; otherwise items between commas, each once, in order of first sight.
pub(super) fn list(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    if !text.is_empty() {
        for item in text.split(',').map(str::trim) {
            if !items.iter().any(|i| i == item) {
                items.push(item.to_owned());
            }
        }
    }
    items
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Boolean(v) => write!(f, "{v}"),
            Value::Integer(v) => write!(f, "{v}"),
            Value::Double(v) => f.write_str(&java_double(*v)),
            Value::Text(v) => f.write_str(v),
            Value::List(v) => f.write_str(&v.join(",")),
        }
    }
}

/// As `Double.toString` prints: plain between 10^-3 and 10^7, otherwise with `E`.
fn java_double(v: f64) -> String {
    let magnitude = v.abs();
    if v == 0.0 || !v.is_finite() || (1e-3..1e7).contains(&magnitude) {
        return match v {
            v if v.is_infinite() => if v > 0.0 { "Infinity" } else { "-Infinity" }.into(),
            v if v.is_nan() => "NaN".into(),
            v => format!("{v:?}"),
        };
    }
    let text = format!("{v:E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}
