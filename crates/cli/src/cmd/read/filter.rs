//! `--where`: one comparison of one field. Several of them must all hold.

use std::borrow::Cow;

use milena_client::Message;
use regex::Regex;
use serde_json::Value;

use crate::failure::Failure;

#[derive(Debug)]
pub(super) struct Filter {
    field: Field,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Field {
    Key,
    Value,
    /// A path of names and indexes in the value as JSON.
    Json(Vec<String>),
    Header(String),
    Partition,
    Offset,
}

#[derive(Debug)]
enum Test {
    Equals(String),
    Differs(String),
    Contains(String),
    Matches(Regex),
    MatchesNot(Regex),
    /// A comparison as numbers: what is no number holds for none of them.
    Number(fn(&f64, &f64) -> bool, f64),
}

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let bad = |why: String| {
            Failure::usage(format!("--where {text:?} is no comparison"))
                .why(why)
                .fix("--where key=17   --where 'value.user.name~^jo'   --where 'header.source!=crm'   --where 'value contains x'")
        };
        // The operator that comes first counts; of two at one place, the longer.
        let operators = [" contains ", "!=", "!~", "<=", ">=", "=", "~", "<", ">"];
        let found = operators.iter().filter_map(|op| Some((text.find(op)?, std::cmp::Reverse(op.len()), *op))).min();
        let Some((at, _, op)) = found else {
            return Err(bad("there is no operator; = != ~ !~ < <= > >= and contains are known".into()));
        };
        let (field, value) = (text[..at].trim(), &text[at + op.len()..]);
        let number = |compare: fn(&f64, &f64) -> bool| match value.trim().parse() {
            Ok(number) => Ok(Test::Number(compare, number)),
            Err(_) => Err(bad(format!("{value:?} is no number, and {op} compares numbers"))),
        };
        let regex = || Regex::new(value).map_err(|e| bad(e.to_string()));
        let test = match op {
            "=" => Test::Equals(value.into()),
            "!=" => Test::Differs(value.into()),
            "~" => Test::Matches(regex()?),
            "!~" => Test::MatchesNot(regex()?),
            "<" => number(f64::lt)?,
            "<=" => number(f64::le)?,
            ">" => number(f64::gt)?,
            ">=" => number(f64::ge)?,
            _ => Test::Contains(value.trim().into()),
        };
        let field = Field::parse(field).ok_or_else(|| {
            bad(format!("there is no field {field:?}; key, value, value.NAME, header.NAME, partition, offset are known"))
        })?;
        Ok(Self { field, test })
    }

    pub(super) fn holds(&self, message: &Message) -> bool {
        let found = self.field.of(message);
        let found = found.as_deref();
        match &self.test {
            Test::Equals(value) => found == Some(value),
            Test::Differs(value) => found != Some(value),
            Test::Contains(part) => found.is_some_and(|f| f.contains(part.as_str())),
            Test::Matches(regex) => found.is_some_and(|f| regex.is_match(f)),
            Test::MatchesNot(regex) => found.is_none_or(|f| !regex.is_match(f)),
            Test::Number(compare, with) => found.and_then(|f| f.trim().parse().ok()).is_some_and(|f: f64| compare(&f, with)),
        }
    }
}

impl Field {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "key" => Self::Key,
            "value" => Self::Value,
            "partition" => Self::Partition,
            "offset" => Self::Offset,
            _ => match text.split_once('.')? {
                ("header", name) if !name.is_empty() => Self::Header(name.into()),
                ("value", path) if !path.is_empty() => Self::Json(path.split('.').map(Into::into).collect()),
                _ => return None,
            },
        })
    }

    /// The field as text; `None` where the message has none, or null.
    fn of<'a>(&self, message: &'a Message) -> Option<Cow<'a, str>> {
        match self {
            Self::Key => message.key.as_deref().map(String::from_utf8_lossy),
            Self::Value => message.value.as_deref().map(String::from_utf8_lossy),
            Self::Header(name) => {
                let found = message.headers.iter().rev().find(|(key, _)| key == name.as_bytes());
                found.and_then(|(_, value)| value.as_deref()).map(String::from_utf8_lossy)
            }
            Self::Partition => Some(message.partition.to_string().into()),
            Self::Offset => Some(message.offset.to_string().into()),
            Self::Json(path) => {
                let whole: Value = serde_json::from_slice(message.value.as_deref()?).ok()?;
                let part = path.iter().try_fold(&whole, |at, name| match at {
                    Value::Array(list) => list.get(name.parse::<usize>().ok()?),
                    other => other.get(name),
                })?;
                match part {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone().into()),
                    other => Some(other.to_string().into()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::read::show::tests::message;

    #[test]
    fn each_operator_and_field_is_judged() {
        let m = message("k1", r#"{"user":{"id":17,"tags":["a","b"]},"note":"x=y"}"#);
        for (filter, holds) in [
            ("key=k1", true),
            ("key!=k1", false),
            ("key~^k", true),
            ("value contains tags", true),
            ("value.user.id=17", true),
            ("value.user.id!~^1", false),
            ("value.user.tags.1=b", true),
            ("value.note=x=y", true),
            ("value.user.id>16", true),
            ("value.user.id>17", false),
            ("value.user.id>=17", true),
            ("value.user.id<=1.7e1", true),
            ("offset<9", true),
            ("value.note<9", false),
            ("value.absent=1", false),
            ("value.absent!=1", true),
            ("header.h=v", true),
            ("partition=3", true),
            ("offset=8", false),
        ] {
            assert_eq!(Filter::parse(filter).unwrap().holds(&m), holds, "{filter}");
        }
        for bad in ["key", "colour=red", "key~(", "=x", "offset<many"] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
    }
}
