//! The parts of a JSON Schema's text that can be tagged: objects and their properties, by the path that leads there.

use serde_json::{Map, Value};

use super::Schema;
use crate::{
    Flaw,
    tags::{self, Part, Retagging, Tagged, Visit},
};

impl Schema {
    /// The parts of its own text that have tags.
    pub fn tagged(&self) -> Vec<Tagged> {
        tags::tagged(self.root.written.clone(), walk)
    }

    /// Its text with other tags.
    pub fn retagged(&self, change: &Retagging) -> Result<String, Flaw> {
        tags::retagged(self.root.written.clone(), walk, change)
    }
}

fn walk(tree: &mut Value, visit: &mut Visit<'_>) {
    inside(tree, "", visit);
}

/// `path` is that of what holds the schema, with a dot behind it unless it is empty.
fn inside(tree: &mut Value, path: &str, visit: &mut Visit<'_>) {
    let Some(object) = tree.as_object_mut() else { return };
    if object.get("properties").is_some_and(Value::is_object) || object.get("type").is_some_and(|t| t == "object") {
        let here = format!("{path}object");
        visit(Part::record(here.clone()), object);
        for (name, property) in members(object, "properties") {
            let there = format!("{here}.{name}");
            if let Some(object) = property.as_object_mut() {
                visit(Part::field(there.clone()), object);
            }
            inside(property, &format!("{there}."), visit);
        }
    }
    for word in ["items", "additionalItems"] {
        if let Some(items) = object.get_mut(word) {
            inside(items, &format!("{path}array."), visit);
        }
    }
    for word in ["allOf", "anyOf", "oneOf"] {
        let choices = object.get_mut(word).and_then(Value::as_array_mut).into_iter().flatten();
        for (index, choice) in choices.enumerate() {
            inside(choice, &format!("{path}{}.{index}.", word.to_lowercase()), visit);
        }
    }
    for word in ["definitions", "$defs"] {
        for (name, definition) in members(object, word) {
            inside(definition, &format!("{path}{word}.{name}."), visit);
        }
    }
}

fn members<'o>(object: &'o mut Map<String, Value>, word: &str) -> impl Iterator<Item = (&'o String, &'o mut Value)> {
    object.get_mut(word).and_then(Value::as_object_mut).into_iter().flatten()
}
