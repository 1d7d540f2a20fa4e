//! A schema's text as a tree that lives while the schema is read. There may be fifty thousand values in it, of a few letters
//! each: words are borrowed from the text, and no object has a table of its keys. Bounds are those of [`tree`].

use std::{borrow::Cow, cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::{Flaw, budget, tree};

#[derive(Clone)]
pub(super) enum Source<'t> {
    Text(Cow<'t, str>),
    List(Vec<Source<'t>>),
    Object(Members<'t>),
    /// A number, a word of JSON, or the place of what was taken out.
    Other(Box<Value>),
}

/// The members of an object, in their order. Of equal keys the last counts.
#[derive(Clone)]
pub(super) struct Members<'t>(Vec<(Cow<'t, str>, Source<'t>)>);

impl<'t> Source<'t> {
    /// Reads one JSON value and nothing after it.
    pub(super) fn parse(text: &'t str) -> Result<Self, Flaw> {
        let members = Cell::new(0);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        deserializer.disable_recursion_limit();
        let source = Seed { depth: 0, members: &members }.deserialize(&mut deserializer).map_err(tree::flaw)?;
        deserializer.end().map_err(tree::flaw)?;
        Ok(source)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is not below zero.
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Other(value) => value.as_u64(),
            _ => None,
        }
    }

    /// As a tree that stays.
    pub(super) fn value(self) -> Value {
        match self {
            Self::Text(text) => text.into_owned().into(),
            Self::List(items) => items.into_iter().map(Self::value).collect(),
            Self::Object(members) => members.into_iter().map(|(key, value)| (key, value.value())).collect(),
            Self::Other(value) => *value,
        }
    }
}

impl<'t> Members<'t> {
    pub(super) fn get(&self, key: &str) -> Option<&Source<'t>> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// What stands there, taken out; its place stays.
    pub(super) fn take(&mut self, key: &str) -> Option<Source<'t>> {
        let (_, value) = self.0.iter_mut().rev().find(|(name, _)| name == key)?;
        Some(std::mem::replace(value, Source::Other(Box::default())))
    }
}

impl<'t> Members<'t> {
    fn into_iter(self) -> impl Iterator<Item = (String, Source<'t>)> {
        self.0.into_iter().map(|(key, value)| (key.into_owned(), value))
    }

    /// Those with other names than these, as values that stay.
    pub(super) fn but<'r>(self, reserved: &'r [&str]) -> impl Iterator<Item = (String, Value)> + use<'t, 'r> {
        let others = self.0.into_iter().filter(move |(key, _)| !reserved.contains(&&**key));
        others.map(|(key, value)| (key.into_owned(), value.value()))
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    depth: usize,
    members: &'a Cell<usize>,
}

impl Seed<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= budget::NESTING {
            return Err(E::custom(format!("the text nests deeper than {} levels", budget::NESTING)));
        }
        Ok(Self { depth: self.depth + 1, members: self.members })
    }
}

fn other<'t, E>(value: Value) -> Result<Source<'t>, E> {
    Ok(Source::Other(Box::new(value)))
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Source<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Source<'de>, D::Error> {
        self.members.set(self.members.get() + 1);
        if self.members.get() > budget::MEMBERS {
            return Err(D::Error::custom(format!("the text has more than {} values", budget::MEMBERS)));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Source<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Source<'de>, E> {
        other(Value::Null)
    }
    fn visit_bool<E>(self, v: bool) -> Result<Source<'de>, E> {
        other(v.into())
    }
    fn visit_i64<E>(self, v: i64) -> Result<Source<'de>, E> {
        other(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Source<'de>, E> {
        other(v.into())
    }
    fn visit_f64<E>(self, v: f64) -> Result<Source<'de>, E> {
        other(v.into())
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Source<'de>, E> {
        Ok(Source::Text(v.into()))
    }
    fn visit_str<E>(self, v: &str) -> Result<Source<'de>, E> {
        Ok(Source::Text(v.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Source<'de>, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Source::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Source<'de>, A::Error> {
        let inner = self.inner()?;
        let mut members = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            members.push((key, map.next_value_seed(inner)?));
        }
        Ok(Source::Object(Members(members)))
    }
}

struct Key<'t>(Cow<'t, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(v.into()))
            }
            fn visit_str<E>(self, v: &str) -> Result<Key<'de>, E> {
                Ok(Key(v.to_owned().into()))
            }
        }
        deserializer.deserialize_str(Words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_the_tree_of_the_same_text() {
        for text in
            [r#"{"a":[1,-2,3.5,true,null,"x","\u0041\n"],"b":{"a":{}},"a":{"b":[]}}"#, "[]", "\"x\"", r#"{"\u0061":1,"a":2}"#]
        {
            let source = Source::parse(text).unwrap_or_else(|flaw| panic!("{text}: {flaw}"));
            assert_eq!(source.value(), tree::parse(text).expect("a tree"), "{text}");
        }
        for text in ["", "{", "[1,]", "{\"a\"}", "1 2", &"[".repeat(300), &"[".repeat(100_000)] {
            let (source, tree) = (Source::parse(text).map(|_| ()), tree::parse(text).map(|_| ()));
            assert_eq!(source.map_err(|f| f.to_string()), tree.map_err(|f| f.to_string()), "{text:.40}");
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts() {
        let Ok(Source::Object(mut members)) = Source::parse(r#"{"a":"x","b":1,"a":"y"}"#) else { panic!("it is an object") };
        assert_eq!(members.get("a").and_then(Source::text), Some("y"));
        assert_eq!(members.take("a").map(Source::value), Some("y".into()));
        assert!(members.get("c").is_none() && members.take("c").is_none());
    }
}
