//! Which types there are, and where each is written out: where it is named first, as avro-tools does.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::super::{Name, name::PRIMITIVES};
use crate::{Flaw, budget};

pub(super) struct Names {
    /// Definitions that stand nowhere yet, by their full names.
    open: HashMap<String, Value>,
    known: HashSet<String>,
}

impl Names {
    /// The names of these types, and of those that are defined inside them.
    pub(super) fn of(types: &[Value]) -> Result<Self, Flaw> {
        let mut names = Self { open: HashMap::new(), known: HashSet::new() };
        for kind in types {
            let Some(name) = defined(kind, None) else { continue };
            let other = names.open.insert(name.full().to_owned(), kind.clone());
            if other.is_some_and(|other| other != *kind) {
                return Err(Flaw::new(format!("the type {name} is defined twice")));
            }
        }
        types.iter().for_each(|kind| names.know(kind, None));
        Ok(names)
    }

    fn know(&mut self, kind: &Value, namespace: Option<&str>) {
        match kind {
            Value::Array(branches) => branches.iter().for_each(|branch| self.know(branch, namespace)),
            Value::Object(object) => {
                let name = defined(kind, namespace);
                let space = name.as_ref().map_or(namespace, Name::namespace);
                for inner in ["type", "items", "values"].iter().filter_map(|key| object.get(*key)) {
                    self.know(inner, space);
                }
                for field in object.get("fields").and_then(Value::as_array).into_iter().flatten() {
                    self.know(&field["type"], space);
                }
                self.known.extend(name.map(|name| name.full().to_owned()));
            }
            _ => {}
        }
    }

    /// The types in their order, without those that an earlier one has in it.
    pub(super) fn written(&mut self, types: &[Value], namespace: Option<&str>) -> Result<Vec<Value>, Flaw> {
        let mut list = Vec::new();
        for kind in types {
            let mut kind = match defined(kind, None) {
                Some(name) => match self.open.remove(name.full()) {
                    Some(kind) => kind,
                    None => continue,
                },
                None => kind.clone(),
            };
            self.define(&mut kind, None, namespace, 0)?;
            list.push(kind);
        }
        Ok(list)
    }

    /// What the messages of a protocol name: everything is defined before them.
    pub(super) fn in_messages(&mut self, messages: &mut Map<String, Value>, namespace: Option<&str>) -> Result<(), Flaw> {
        for message in messages.values_mut() {
            for parameter in message.get_mut("request").and_then(Value::as_array_mut).into_iter().flatten() {
                self.place_member(parameter, "type", namespace, 0)?;
            }
            self.place_member(message, "response", namespace, 0)?;
            for error in message.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
                self.place(error, namespace, namespace, 0)?;
            }
        }
        Ok(())
    }

    fn place_member(&mut self, of: &mut Value, key: &str, namespace: Option<&str>, depth: usize) -> Result<(), Flaw> {
        of.get_mut(key).map_or(Ok(()), |kind| self.place(kind, namespace, namespace, depth))
    }

    /// Puts each definition in the place of its first name, and writes other names as briefly as they may be. Names are read in
    /// one namespace, and come to stand in another.
    pub(super) fn place(
        &mut self,
        kind: &mut Value,
        read_in: Option<&str>,
        within: Option<&str>,
        depth: usize,
    ) -> Result<(), Flaw> {
        if depth > budget::LEVELS {
            return Err(Flaw::new(format!(
                "types that are written out where they are named nest deeper than {}",
                budget::LEVELS
            )));
        }
        match kind {
            Value::String(word) if PRIMITIVES.contains(&word.as_str()) => Ok(()),
            Value::String(word) => {
                let name = Name::new(word, read_in);
                if let Some(definition) = self.open.remove(name.full()) {
                    *kind = definition;
                    // The definition says its own namespace, or has none.
                    return self.define(kind, None, within, depth + 1);
                }
                if !self.known.contains(name.full()) {
                    return Err(
                        Flaw::new(format!("the type {name} is not defined")).at("add it, or import the file that defines it")
                    );
                }
                *word = match name.namespace().is_some() || within.is_none() {
                    true => name.within(within).to_owned(),
                    false => full(name.full(), None),
                };
                Ok(())
            }
            Value::Array(branches) => branches.iter_mut().try_for_each(|branch| self.place(branch, read_in, within, depth + 1)),
            Value::Object(_) => self.define(kind, read_in, within, depth),
            _ => Ok(()),
        }
    }

    /// A type whose names are read in one namespace, and which comes to stand in another.
    fn define(&mut self, kind: &mut Value, read_in: Option<&str>, within: Option<&str>, depth: usize) -> Result<(), Flaw> {
        let name = defined(kind, read_in);
        let Some(object) = kind.as_object_mut() else { return self.place(kind, read_in, within, depth + 1) };
        let (read_in, within) = match &name {
            Some(name) => {
                self.open.remove(name.full());
                settle(object, name, within);
                (name.namespace(), name.namespace())
            }
            None => (read_in, within),
        };
        for key in ["type", "items", "values"] {
            let is_word = |kind: &Value| kind.as_str().is_some_and(|word| WORDS.contains(&word));
            if let Some(inner) = object.get_mut(key).filter(|kind| key != "type" || !is_word(kind)) {
                self.place(inner, read_in, within, depth + 1)?;
            }
        }
        for field in object.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
            self.place_member(field, "type", within, depth + 1)?;
        }
        Ok(())
    }
}

/// What `type` says of a type that is no name.
const WORDS: [&str; 6] = ["array", "map", "record", "error", "enum", "fixed"];

/// The full name that a definition has where it stands.
fn defined(kind: &Value, namespace: Option<&str>) -> Option<Name> {
    let part = |key: &str| kind.get(key).and_then(Value::as_str);
    let named = WORDS[2..].contains(&part("type")?);
    named.then(|| part("name").map(|name| Name::new(name, part("namespace").or(namespace)))).flatten()
}

/// Says the namespace where it is not that of what is around, and only there, as avro-tools writes it.
fn settle(object: &mut Map<String, Value>, name: &Name, within: Option<&str>) {
    if object.get("name").and_then(Value::as_str).is_some_and(|name| name.contains('.')) {
        return;
    }
    if name.namespace() == within.filter(|space| !space.is_empty()) {
        object.shift_remove("namespace");
    } else {
        object.insert("namespace".into(), name.namespace().unwrap_or_default().into());
    }
}

/// Gives each name its namespace, since it is about to stand in another.
pub(super) fn qualify(kind: &mut Value, namespace: Option<&str>) {
    match kind {
        Value::String(word) if !PRIMITIVES.contains(&word.as_str()) => *word = full(word, namespace),
        Value::Array(branches) => branches.iter_mut().for_each(|branch| qualify(branch, namespace)),
        Value::Object(object) => {
            for key in ["items", "values"] {
                if let Some(inner) = object.get_mut(key) {
                    qualify(inner, namespace);
                }
            }
        }
        _ => {}
    }
}

/// A name that means the same in every namespace: one without dots lies in none where a dot is before it.
pub(super) fn full(word: &str, namespace: Option<&str>) -> String {
    match namespace {
        _ if word.contains('.') => word.to_owned(),
        Some(space) => format!("{space}.{word}"),
        None => format!(".{word}"),
    }
}
