//! The parts of an Avro schema's text that can be tagged: records by their full names, fields behind them.

use serde_json::Value;

use super::{Name, Schema};
use crate::{
    Flaw,
    tags::{self, Part, Retagging, Tagged, Visit},
    tree,
};

impl Schema {
    /// The parts of its own text that have tags.
    pub fn tagged(&self) -> Vec<Tagged> {
        // It was read before.
        tree::parse(&self.text).map(|tree| tags::tagged(tree, walk)).unwrap_or_default()
    }

    /// Its text with other tags.
    pub fn retagged(&self, change: &Retagging) -> Result<String, Flaw> {
        tags::retagged(tree::parse(&self.text)?, walk, change)
    }
}

fn walk(tree: &mut Value, visit: &mut Visit<'_>) {
    inside(tree, None, visit);
}

fn inside(tree: &mut Value, namespace: Option<&str>, visit: &mut Visit<'_>) {
    match tree {
        Value::Array(branches) => branches.iter_mut().for_each(|branch| inside(branch, namespace, visit)),
        Value::Object(object) => {
            let is_record = matches!(object.get("type").and_then(Value::as_str), Some("record" | "error"));
            if let Some(name) = object.get("name").and_then(Value::as_str).filter(|_| is_record) {
                let name = Name::new(name, object.get("namespace").and_then(Value::as_str).or(namespace));
                visit(Part::record(name.full()), object);
                for field in object.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
                    of_field(field, &name, visit);
                }
                return;
            }
            for word in ["type", "items", "values"] {
                if let Some(inner) = object.get_mut(word) {
                    inside(inner, namespace, visit);
                }
            }
        }
        _ => {}
    }
}

fn of_field(field: &mut Value, record: &Name, visit: &mut Visit<'_>) {
    let Some(field) = field.as_object_mut() else { return };
    let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
    visit(Part::field(format!("{}.{name}", record.full())), field);
    if let Some(inner) = field.get_mut("type") {
        inside(inner, record.namespace(), visit);
    }
}
