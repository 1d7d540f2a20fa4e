//! A schema from samples: what JSON values have in common, as Avro and as JSON Schema.
//!
//! ```
//! use milena_schema::infer::Shape;
//!
//! let mut shape = Shape::default();
//! shape.add(&serde_json::json!({"name": "ann", "age": 41}));
//! shape.add(&serde_json::json!({"name": "bob"}));
//! let schema = shape.avro("Person")?;
//! assert_eq!(schema["fields"][1]["type"], serde_json::json!(["null", "long"]));
//! # Ok::<(), milena_schema::Flaw>(())
//! ```

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::{Flaw, budget};

/// Names of one object that are fields; with more, or with names that are none, it is a map.
const FIELDS: usize = 200;
/// Shapes inside one another.
const DEPTH: usize = 64;

/// What values have in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shape {
    nulls: bool,
    booleans: bool,
    integers: bool,
    /// Numbers with a fraction, or beyond 64 bits.
    numbers: bool,
    strings: bool,
    items: Option<Box<Shape>>,
    object: Option<Object>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Object {
    seen: u64,
    /// In the order in which they came first, each with how often it was there.
    fields: Vec<(String, u64, Shape)>,
    /// Too many names: what they lead to, all together.
    values: Option<Box<Shape>>,
}

impl Shape {
    /// Takes a value in.
    pub fn add(&mut self, value: &Value) {
        self.add_at(value, 0);
    }

    fn add_at(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.nulls = true,
            Value::Bool(_) => self.booleans = true,
            Value::Number(number) if number.is_i64() => self.integers = true,
            Value::Number(_) => self.numbers = true,
            // Deeper than anybody looks: as text it can hold everything.
            _ if depth >= DEPTH => self.strings = true,
            Value::String(_) => self.strings = true,
            Value::Array(list) => {
                let items = self.items.get_or_insert_default();
                list.iter().for_each(|item| items.add_at(item, depth + 1));
            }
            Value::Object(members) => self.object.get_or_insert_default().add(members, depth),
        }
    }

    fn merge(&mut self, other: Self) {
        self.nulls |= other.nulls;
        self.booleans |= other.booleans;
        self.integers |= other.integers;
        self.numbers |= other.numbers;
        self.strings |= other.strings;
        if let Some(items) = other.items {
            self.items.get_or_insert_default().merge(*items);
        }
        if let Some(object) = other.object {
            self.object.get_or_insert_default().merge(object);
        }
    }

    /// An Avro schema whose records are named after their fields, the outermost `name`.
    pub fn avro(&self, name: &str) -> Result<Value, Flaw> {
        let mut names = HashSet::new();
        let schema = self.in_avro(name, &mut names)?;
        let text = schema.to_string();
        if text.len() > budget::TEXT {
            return Err(Flaw::new("the samples have too little in common: their schema would be larger than any that is read"));
        }
        crate::avro::Schema::parse(&text)?;
        Ok(schema)
    }

    fn in_avro(&self, name: &str, names: &mut HashSet<String>) -> Result<Value, Flaw> {
        let mut branches = Vec::new();
        if self.nulls {
            branches.push(json!("null"));
        }
        if self.booleans {
            branches.push(json!("boolean"));
        }
        match (self.integers, self.numbers) {
            (_, true) => branches.push(json!("double")),
            (true, false) => branches.push(json!("long")),
            (false, false) => {}
        }
        if self.strings {
            branches.push(json!("string"));
        }
        if let Some(items) = &self.items {
            let items = if items.is_empty() { json!("string") } else { items.in_avro(&singular(name), names)? };
            branches.push(json!({"type": "array", "items": items}));
        }
        if let Some(object) = &self.object {
            branches.push(object.in_avro(name, names)?);
        }
        Ok(match branches.len() {
            0 => json!("null"),
            1 => branches.remove(0),
            _ => Value::Array(branches),
        })
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A JSON Schema of draft 7 with this title. Objects are closed, so that a later version may add properties.
    pub fn json_schema(&self, title: &str) -> Value {
        let mut schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "title": title});
        if let (Value::Object(schema), Value::Object(inner)) = (&mut schema, self.in_json()) {
            schema.extend(inner);
        }
        schema
    }

    fn in_json(&self) -> Value {
        let kinds = [
            (self.nulls, "null"),
            (self.booleans, "boolean"),
            (self.integers && !self.numbers, "integer"),
            (self.numbers, "number"),
            (self.strings, "string"),
            (self.items.is_some(), "array"),
            (self.object.is_some(), "object"),
        ];
        let kinds: Vec<&str> = kinds.iter().filter(|(is, _)| *is).map(|(_, kind)| *kind).collect();
        let mut schema = Map::new();
        match kinds[..] {
            [] => return json!({}),
            [one] => schema.insert("type".into(), one.into()),
            _ => schema.insert("type".into(), kinds.into()),
        };
        if let Some(items) = self.items.as_ref().filter(|items| !items.is_empty()) {
            schema.insert("items".into(), items.in_json());
        }
        if let Some(object) = &self.object {
            object.in_json(&mut schema);
        }
        Value::Object(schema)
    }
}

impl Object {
    fn add(&mut self, members: &Map<String, Value>, depth: usize) {
        self.seen += 1;
        if self.values.is_none() && members.keys().any(|name| !is_name(name)) && self.fields.is_empty() {
            self.values = Some(Box::default());
        }
        for (name, value) in members {
            self.field(name).add_at(value, depth + 1);
        }
    }

    /// Where values of a name go.
    fn field(&mut self, name: &str) -> &mut Shape {
        let at = self.fields.iter().position(|(known, ..)| known == name);
        if at.is_none() && self.fields.len() >= FIELDS {
            let mut values = Shape::default();
            std::mem::take(&mut self.fields).into_iter().for_each(|(_, _, shape)| values.merge(shape));
            self.values = Some(Box::new(values));
        }
        if let Some(ref mut values) = self.values {
            return values;
        }
        let at = at.unwrap_or_else(|| {
            self.fields.push((name.to_owned(), 0, Shape::default()));
            self.fields.len() - 1
        });
        self.fields[at].1 += 1;
        &mut self.fields[at].2
    }

    fn merge(&mut self, other: Self) {
        self.seen += other.seen;
        for (name, seen, shape) in other.fields {
            self.field(&name).merge(shape);
            if let Some((_, count, _)) = self.fields.iter_mut().find(|(known, ..)| *known == name) {
                *count += seen - 1;
            }
        }
        if let Some(values) = other.values {
            let mut all = *values;
            std::mem::take(&mut self.fields).into_iter().for_each(|(_, _, shape)| all.merge(shape));
            self.values.get_or_insert_default().merge(all);
        }
    }

    fn in_avro(&self, name: &str, names: &mut HashSet<String>) -> Result<Value, Flaw> {
        if let Some(values) = &self.values {
            let values = if values.is_empty() { json!("string") } else { values.in_avro(name, names)? };
            return Ok(json!({"type": "map", "values": values}));
        }
        let record = unused(&capital(name), names);
        let fields = self.fields.iter().map(|(field, seen, shape)| self.avro_field(field, *seen, shape, names));
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        Ok(json!({"type": "record", "name": record, "fields": fields}))
    }

    fn avro_field(&self, name: &str, seen: u64, shape: &Shape, names: &mut HashSet<String>) -> Result<Value, Flaw> {
        if !is_name(name) {
            let why = format!("a field of the samples is called {name:?}, which is no name in Avro; JSON Schema takes it");
            return Err(Flaw::new(why));
        }
        let mut shape = shape.clone();
        shape.nulls |= seen < self.seen;
        let kind = shape.in_avro(name, names)?;
        // Where null is one of several, it comes first and may be left out.
        Ok(match kind.is_array() && shape.nulls || kind == "null" {
            true => json!({"name": name, "type": kind, "default": null}),
            false => json!({"name": name, "type": kind}),
        })
    }

    fn in_json(&self, schema: &mut Map<String, Value>) {
        if let Some(values) = &self.values {
            schema.insert("additionalProperties".into(), values.in_json());
            return;
        }
        let properties = self.fields.iter().map(|(name, _, shape)| (name.clone(), shape.in_json()));
        schema.insert("properties".into(), Value::Object(properties.collect()));
        let always = self.fields.iter().filter(|(_, seen, _)| *seen == self.seen);
        let always: Vec<Value> = always.map(|(name, ..)| name.clone().into()).collect();
        if !always.is_empty() {
            schema.insert("required".into(), always.into());
        }
        schema.insert("additionalProperties".into(), false.into());
    }
}

/// Whether Avro takes it for a field.
fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && name.len() <= 128 && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What one of a list is called.
fn singular(name: &str) -> String {
    name.strip_suffix('s').filter(|rest| rest.len() > 1).unwrap_or(name).to_owned()
}

/// `home_address` as `HomeAddress`.
fn capital(name: &str) -> String {
    let mut parts = name.split('_').filter(|part| !part.is_empty()).peekable();
    if parts.peek().is_none() {
        return "Record".into();
    }
    let raised = parts.map(|part| part[..1].to_uppercase() + &part[1..]).collect::<String>();
    if raised.starts_with(|c: char| c.is_ascii_digit()) { format!("R{raised}") } else { raised }
}

fn unused(name: &str, names: &mut HashSet<String>) -> String {
    let numbered = (2..).map(|n| format!("{name}{n}"));
    let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !names.contains(name)).unwrap_or_default();
    names.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(samples: &[Value]) -> Shape {
        let mut shape = Shape::default();
        samples.iter().for_each(|sample| shape.add(sample));
        shape
    }

    #[test]
    fn samples_fit_the_schemas_that_are_made_of_them() {
        let samples = [
            json!({"id": 1, "price": 2, "tags": ["a"], "home": {"zip": "1"}, "lines": [{"n": 1}], "scores": {"a b": 1.5}}),
            json!({"id": -7, "price": 2.5, "tags": [], "note": null, "lines": [], "scores": {}}),
            json!({"id": 3, "price": 1, "tags": [], "note": "x", "home": {"zip": "2", "city": "C"}, "lines": [{"n": null}], "scores": {"c": 2}}),
        ];
        let shape = shape(&samples);
        let avro = crate::avro::Schema::parse(&shape.avro("Order").expect("an Avro schema").to_string()).expect("sound");
        let json = crate::json::Schema::parse(&shape.json_schema("Order").to_string(), &[]).expect("sound");
        let validator = json.validator().expect("sound");
        for sample in &samples {
            avro.encode_json(&sample.to_string(), &mut Vec::new()).unwrap_or_else(|flaw| panic!("{sample}: {flaw}"));
            validator.validate(sample).unwrap_or_else(|flaws| panic!("{sample}: {flaws:?}"));
        }
        assert!(validator.validate(&json!({"id": "x"})).is_err(), "what no sample looks like is refused");
        assert!(avro.encode_json(r#"{"id":"x"}"#, &mut Vec::new()).is_err());
    }

    #[test]
    fn names_that_are_none_make_a_map_or_an_error() {
        assert_eq!(shape(&[json!({"a b": 1})]).avro("X").expect("a map"), json!({"type": "map", "values": "long"}));
        assert!(shape(&[json!({"a": 1}), json!({"a b": 1})]).avro("X").is_err());
        let many: Map<String, Value> = (0..500).map(|n| (format!("k{n}"), json!(n))).collect();
        assert_eq!(shape(&[Value::Object(many)]).avro("X").expect("a map"), json!({"type": "map", "values": "long"}));
    }

    #[test]
    fn nothing_and_depth_are_survived() {
        assert_eq!(shape(&[]).avro("X").expect("null"), json!("null"));
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        let shape = shape(&[deep]);
        shape.avro("X").expect("it is cut");
        assert_eq!(shape.json_schema("X")["type"], "array");
    }
}
