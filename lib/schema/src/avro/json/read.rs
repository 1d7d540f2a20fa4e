//! JSON text straight to binary, without a tree between them.

use std::{borrow::Cow, cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{no_number, plain};
use crate::{
    Flaw,
    avro::{
        Kind, NodeId, Record, Schema,
        binary::{self, DEPTH},
    },
    tree,
};

impl Schema {
    /// Appends the binary form of one datum that fills the text.
    pub fn encode_json(&self, text: &str, out: &mut Vec<u8>) -> Result<(), Flaw> {
        let length = out.len();
        if let Some(taken) = plain::front(self, text, out) {
            if text[taken..].trim_start_matches([' ', '\n', '\r', '\t']).is_empty() {
                return Ok(());
            }
            out.truncate(length);
        }
        // That the text is UTF-8 need not be found out again.
        let mut deserializer = serde_json::Deserializer::from_str(text);
        deserializer.disable_recursion_limit();
        let datum = Datum { schema: self, id: self.root, out, depth: 0, tags: true };
        let done = datum.deserialize(&mut deserializer).map_err(|error| match error.is_eof() {
            true => Flaw::new("the text ends inside a value"),
            false => tree::flaw(error),
        });
        let done = done.and_then(|()| deserializer.end().map_err(|_| Flaw::new("text is left over behind the value")));
        done.inspect_err(|_| out.truncate(length))
    }

    /// Appends the binary form of the first datum in the text, and says how much of the text that was. `None`: the text
    /// ends inside it.
    pub fn encode_json_front(&self, text: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Flaw> {
        self.front(serde_json::Deserializer::from_slice(text), out)
    }

    /// As [`Schema::encode_json_front`], of a text that is known to be UTF-8: three times as fast, as a rule.
    pub fn encode_text_front(&self, text: &str, out: &mut Vec<u8>) -> Result<Option<usize>, Flaw> {
        if let Some(taken) = plain::front(self, text, out) {
            return Ok(Some(taken));
        }
        self.front(serde_json::Deserializer::from_str(text), out)
    }

    fn front<'de>(
        &self,
        mut deserializer: serde_json::Deserializer<impl serde_json::de::Read<'de>>,
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>, Flaw> {
        let length = out.len();
        deserializer.disable_recursion_limit();
        let datum = Datum { schema: self, id: self.root, out, depth: 0, tags: true };
        match datum.deserialize(&mut deserializer) {
            Ok(()) => Ok(Some(deserializer.into_iter::<serde::de::IgnoredAny>().byte_offset())),
            Err(error) => {
                out.truncate(length);
                if error.is_eof() { Ok(None) } else { Err(tree::flaw(error)) }
            }
        }
    }
}

/// Appends the binary form of a default. Its unions are bare, and go to the first branch that takes the value.
pub(crate) fn put_default(schema: &Schema, id: NodeId, value: &Value, out: &mut Vec<u8>) -> Result<(), Flaw> {
    Datum { schema, id, out, depth: 0, tags: false }.deserialize(value).map_err(|e| Flaw::new(format!("bad default: {e}")))
}

/// A value that is awaited at one place of the schema.
pub(super) struct Datum<'a> {
    pub(super) schema: &'a Schema,
    pub(super) id: NodeId,
    pub(super) out: &'a mut Vec<u8>,
    pub(super) depth: usize,
    /// Whether the values of unions may be tagged.
    pub(super) tags: bool,
}

impl<'a> Datum<'a> {
    fn kind(&self) -> &'a Kind {
        self.schema.kind(self.id)
    }

    /// The same place, for a value within this one.
    fn inner(&mut self, id: NodeId) -> Datum<'_> {
        Datum { schema: self.schema, id, out: &mut *self.out, depth: self.depth + 1, tags: self.tags }
    }

    /// Made only when it is needed: to word an error takes longer than to write a value.
    fn unfit<E: Error>(kind: &Kind, what: &str) -> E {
        E::custom(format!("{what} is no value of {}", kind.branch_name()))
    }

    /// Writes the number of the first branch that fits, and goes on there.
    fn choose(self, fits: impl Fn(&Kind) -> bool) -> Option<Self> {
        let Kind::Union(branches) = self.kind() else { return Some(self) };
        let index = branches.iter().position(|b| fits(self.schema.kind(*b)))?;
        binary::put_long(self.out, index as i64);
        Some(Datum { id: branches[index], ..self })
    }

    fn integer<E: Error>(self, value: i64) -> Result<(), E> {
        let id = self.id;
        let (schema, is_int) = (self.schema, i32::try_from(value).is_ok());
        let fits = |kind: &Kind| match kind {
            Kind::Int => is_int,
            Kind::Long | Kind::Float | Kind::Double => true,
            _ => false,
        };
        let unfit = || E::custom(format!("{value} is no value of {}", schema.kind(id).branch_name()));
        let datum = self.choose(fits).ok_or_else(unfit)?;
        match datum.kind() {
            Kind::Int if is_int => binary::put_long(datum.out, value),
            Kind::Long => binary::put_long(datum.out, value),
            Kind::Float => binary::put_float(datum.out, value as f32),
            Kind::Double => binary::put_double(datum.out, value as f64),
            _ => return Err(unfit()),
        }
        Ok(())
    }

    fn text<E: Error>(self, text: &str) -> Result<(), E> {
        let (schema, id) = (self.schema, self.id);
        let unfit = || E::custom(format!("{text:?} is no value of {}", schema.kind(id).branch_name()));
        let datum = self.choose(|kind| takes_text(kind, text)).ok_or_else(unfit)?;
        match datum.kind() {
            Kind::String => binary::put_string(datum.out, text),
            kind if !takes_text(kind, text) => return Err(unfit()),
            Kind::Bytes => binary::put_bytes(datum.out, &latin1(text)),
            Kind::Fixed(_) => datum.out.extend_from_slice(&latin1(text)),
            Kind::Enum(kind) => binary::put_long(datum.out, i64::from(kind.position(text).unwrap_or_default())),
            Kind::Float => binary::put_float(datum.out, special(text).unwrap_or_default() as f32),
            Kind::Double => binary::put_double(datum.out, special(text).unwrap_or_default()),
            _ => return Err(unfit()),
        }
        Ok(())
    }
}

/// Whether a JSON text may stand for a value of the type.
fn takes_text(kind: &Kind, text: &str) -> bool {
    match kind {
        Kind::String => true,
        Kind::Bytes => text.chars().all(|c| c <= '\u{ff}'),
        Kind::Fixed(fixed) => text.chars().all(|c| c <= '\u{ff}') && text.chars().count() == fixed.size,
        Kind::Enum(kind) => kind.position(text).is_some(),
        Kind::Float | Kind::Double => special(text).is_some(),
        _ => false,
    }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| c as u8).collect()
}

fn special(text: &str) -> Option<f64> {
    match text {
        "INF" => Some(f64::INFINITY),
        "-INF" => Some(f64::NEG_INFINITY),
        _ => no_number(text),
    }
}

impl<'de> DeserializeSeed<'de> for Datum<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth > DEPTH {
            return Err(D::Error::custom(format!("values nest deeper than {DEPTH} levels")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Datum<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of {}", self.kind().branch_name())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        let kind = self.kind();
        let datum = self.choose(|kind| matches!(kind, Kind::Null)).filter(|d| matches!(d.kind(), Kind::Null));
        datum.map(|_| ()).ok_or_else(|| Self::unfit(kind, "null"))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        let kind = self.kind();
        match self.choose(|kind| matches!(kind, Kind::Boolean)) {
            Some(datum) if matches!(datum.kind(), Kind::Boolean) => {
                binary::put_boolean(datum.out, value);
                Ok(())
            }
            _ => Err(Self::unfit(kind, "a boolean")),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.integer(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.integer(value),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        // A whole number may be written with a point, as long as it is exact.
        let whole = (value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0).then_some(value as i64);
        let (schema, id) = (self.schema, self.id);
        let unfit = || E::custom(format!("{value} is no value of {}", schema.kind(id).branch_name()));
        let is_union = matches!(self.kind(), Kind::Union(_));
        let datum = self.choose(|kind| matches!(kind, Kind::Float | Kind::Double)).ok_or_else(unfit)?;
        match (datum.kind(), whole) {
            (Kind::Float, _) => binary::put_float(datum.out, value as f32),
            (Kind::Double, _) => binary::put_double(datum.out, value),
            (Kind::Int | Kind::Long, Some(whole)) if !is_union => return datum.integer(whole),
            _ => return Err(unfit()),
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let kind = self.kind();
        let unfit = || Self::unfit(kind, "an array");
        let Some(mut datum) = self.choose(|kind| matches!(kind, Kind::Array(_))) else { return Err(unfit()) };
        let Kind::Array(items) = datum.kind() else { return Err(unfit()) };
        let start = datum.out.len();
        let mut count = 0;
        while seq.next_element_seed(datum.inner(*items))?.is_some() {
            count += 1;
        }
        close_items(datum.out, start, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        match self.kind() {
            Kind::Record(record) => self.record(record, None, map),
            Kind::Map(values) => self.map(*values, None, map),
            Kind::Union(branches) => {
                let schema = self.schema;
                match map.next_key_seed(Tag { schema, branches: if self.tags { branches } else { &[] } })? {
                    None => self.bare(branches, None, map),
                    Some(Tagged::Key(first)) => self.bare(branches, Some(first), map),
                    Some(Tagged::Branch(index)) => {
                        binary::put_long(self.out, index as i64);
                        map.next_value_seed(self.inner(branches[index]))?;
                        let Some(second) = map.next_key::<Cow<'_, str>>()? else { return Ok(()) };
                        let first = schema.kind(branches[index]).branch_name();
                        Err(A::Error::custom(format!("{second:?} stands beside the tag {first:?} of a union")))
                    }
                }
            }
            kind => Err(Self::unfit(kind, "an object")),
        }
    }
}

/// Objects: maps, records, and values of unions that carry no tag.
impl Datum<'_> {
    fn map<'de, A: MapAccess<'de>>(mut self, values: NodeId, first: Option<String>, mut map: A) -> Result<(), A::Error> {
        let start = self.out.len();
        let mut count = 0;
        if let Some(key) = first {
            binary::put_string(self.out, &key);
            map.next_value_seed(self.inner(values))?;
            count += 1;
        }
        while map.next_key_seed(Key(self.out))?.is_some() {
            map.next_value_seed(self.inner(values))?;
            count += 1;
        }
        close_items(self.out, start, count);
        Ok(())
    }

    fn record<'de, A: MapAccess<'de>>(mut self, record: &Record, first: Option<&str>, mut map: A) -> Result<(), A::Error> {
        if self.depth > DEPTH {
            return Err(A::Error::custom(format!("values nest deeper than {DEPTH} levels")));
        }
        let mut next = 0;
        let mut late = Late::default();
        let mut given = match first {
            Some(name) => Some(FieldOf { record, next }.deserialize(name.into_deserializer())?),
            None => map.next_key_seed(FieldOf { record, next })?,
        };
        while let Some(index) = given {
            let start = self.out.len();
            map.next_value_seed(self.inner(record.fields[index].schema))?;
            if index == next && late.pieces.is_empty() {
                next += 1;
            } else if index < next || !late.add(index, start, self.out.len()) {
                return Err(A::Error::custom(format!("field {} stands twice", record.fields[index].name)));
            }
            given = map.next_key_seed(FieldOf { record, next })?;
        }
        if next < record.fields.len() {
            self.complete(record, next, late).map_err(A::Error::custom)?;
        }
        Ok(())
    }

    /// Puts what came out of order in order, and defaults where nothing came.
    fn complete(&mut self, record: &Record, next: usize, mut late: Late) -> Result<(), Flaw> {
        late.pieces.sort_unstable();
        let begin = late.begin.unwrap_or(self.out.len());
        let came = self.out.split_off(begin);
        let mut pieces = late.pieces.into_iter().peekable();
        for (index, field) in record.fields.iter().enumerate().skip(next) {
            if let Some((_, start, end)) = pieces.next_if(|piece| piece.0 == index) {
                self.out.extend_from_slice(&came[start - begin..end - begin]);
            } else if let Some(default) = &field.default {
                let mut datum = self.inner(field.schema);
                datum.tags = false;
                datum.deserialize(default).map_err(|e| Flaw::new(format!("default of field {}: {e}", field.name)))?;
            } else {
                return Err(Flaw::new(format!("field {} of {} is missing and has no default", field.name, record.name)));
            }
        }
        Ok(())
    }

    /// An object for a union without a tag: its record or map, and if there are several, the first that takes it.
    fn bare<'de, A: MapAccess<'de>>(self, branches: &[NodeId], first: Option<String>, mut map: A) -> Result<(), A::Error> {
        let is_object = |b: &NodeId| matches!(self.schema.kind(*b), Kind::Record(_) | Kind::Map(_));
        let candidates: Vec<usize> = (0..branches.len()).filter(|i| is_object(&branches[*i])).collect();
        if let [only] = candidates[..] {
            binary::put_long(self.out, only as i64);
            let datum = Datum { id: branches[only], depth: self.depth + 1, ..self };
            return match datum.kind() {
                Kind::Record(record) => datum.record(record, first.as_deref(), map),
                Kind::Map(values) => datum.map(*values, first, map),
                kind => Err(Self::unfit(kind, "an object")),
            };
        }
        let members = Cell::new(0);
        let mut object = serde_json::Map::new();
        if let Some(key) = first {
            object.insert(key, map.next_value_seed(tree::seed(self.depth, &members))?);
        }
        while let Some(key) = map.next_key::<String>()? {
            object.insert(key, map.next_value_seed(tree::seed(self.depth, &members))?);
        }
        let object = Value::Object(object);
        let start = self.out.len();
        for index in candidates {
            binary::put_long(self.out, index as i64);
            let tried = Datum { schema: self.schema, id: branches[index], out: self.out, depth: self.depth + 1, tags: self.tags };
            if tried.deserialize(&object).is_ok() {
                return Ok(());
            }
            self.out.truncate(start);
        }
        Err(A::Error::custom("no branch of the union takes the object; a tag would say which is meant: {\"branch\": {…}}"))
    }
}

/// Fields that came before their turn.
#[derive(Default)]
struct Late {
    /// Where the first of them begins.
    begin: Option<usize>,
    /// Number, start and end of each.
    pieces: Vec<(usize, usize, usize)>,
    seen: std::collections::HashSet<usize>,
}

impl Late {
    fn add(&mut self, index: usize, start: usize, end: usize) -> bool {
        self.begin.get_or_insert(start);
        self.pieces.push((index, start, end));
        self.seen.insert(index)
    }
}

/// The items stand at `start`; their count goes before them, and the end behind.
pub(super) fn close_items(out: &mut Vec<u8>, start: usize, count: usize) {
    if count > 0 {
        let end = out.len();
        binary::put_long(out, count as i64);
        // What was written last comes first.
        let head = out.len() - end;
        out[start..].rotate_right(head);
    }
    out.push(0);
}

/// A key of a map, appended to the data.
struct Key<'o>(&'o mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<(), E> {
        binary::put_string(self.0, key);
        Ok(())
    }
}

/// The first key of an object where a union stands: a branch, or something else.
pub(super) struct Tag<'a> {
    pub(super) schema: &'a Schema,
    pub(super) branches: &'a [NodeId],
}

pub(super) enum Tagged {
    Branch(usize),
    Key(String),
}

impl<'de> DeserializeSeed<'de> for Tag<'_> {
    type Value = Tagged;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tagged, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Tag<'_> {
    type Value = Tagged;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Tagged, E> {
        let named = |b: &NodeId| {
            let kind = self.schema.kind(*b);
            kind.branch_name() == key || kind.name().is_some_and(|name| name.simple() == key)
        };
        Ok(self.branches.iter().position(named).map_or_else(|| Tagged::Key(key.to_owned()), Tagged::Branch))
    }
}

/// The number of the field that a key names.
struct FieldOf<'a> {
    record: &'a Record,
    /// The field that most likely comes.
    next: usize,
}

impl<'de> DeserializeSeed<'de> for FieldOf<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldOf<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<usize, E> {
        match self.record.fields.get(self.next) {
            Some(field) if *field.name == *key => Ok(self.next),
            _ => self.record.position(key).ok_or_else(|| E::custom(format!("{} has no field {key:?}", self.record.name))),
        }
    }
}
