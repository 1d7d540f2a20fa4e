//! JSON text to a tree under a budget of nesting and members. Order is kept; of equal keys the last value counts.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::{Flaw, budget};

/// Reads one JSON value and nothing after it.
pub(crate) fn parse(text: &str) -> Result<Value, Flaw> {
    let members = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.disable_recursion_limit();
    let tree = Seed { depth: 0, members: &members }.deserialize(&mut deserializer).map_err(flaw)?;
    deserializer.end().map_err(flaw)?;
    Ok(tree)
}

/// serde_json says the place at the end of its text; ours stands beside the text.
pub(crate) fn flaw(error: serde_json::Error) -> Flaw {
    let text = error.to_string();
    let tail = format!(" at line {} column {}", error.line(), error.column());
    let place = format!("line {} column {}", error.line(), error.column());
    Flaw::new(text.strip_suffix(&tail).unwrap_or(&text)).at(place)
}

/// For a value that stands `depth` levels deep in what is being read; `members` counts all of them.
pub(crate) fn seed(depth: usize, members: &Cell<usize>) -> Seed<'_> {
    Seed { depth, members }
}

#[derive(Clone, Copy)]
pub(crate) struct Seed<'a> {
    depth: usize,
    members: &'a Cell<usize>,
}

impl<'a> Seed<'a> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= budget::NESTING {
            return Err(E::custom(format!("the text nests deeper than {} levels", budget::NESTING)));
        }
        Ok(Self { depth: self.depth + 1, members: self.members })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.members.set(self.members.get() + 1);
        if self.members.get() > budget::MEMBERS {
            return Err(D::Error::custom(format!("the text has more than {} values", budget::MEMBERS)));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }
    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            members.insert(key, map.next_value_seed(inner)?);
        }
        Ok(Value::Object(members))
    }
}
