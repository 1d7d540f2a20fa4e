//! Tags inside of a schema's text: which parts people marked (`PII`), and the text with other marks.
//!
//! A part is a record or a field, named by a path. In Avro that is a full name (`com.example.Person`), with the field's
//! behind it; in Protobuf the same with a dot before it, if one likes. JSON Schema names no objects, so a path leads
//! there: `object` for the whole, `object.address` for a property, `object.address.object.city` for one inside it,
//! `array` for the items of a list.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::Flaw;

/// The attribute that holds tags in Avro and JSON Schema.
const ATTRIBUTE: &str = "confluent:tags";

/// A part of a schema that can be tagged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// Where it stands.
    pub path: String,
    /// A field, not a record.
    pub is_field: bool,
}

impl Part {
    pub(crate) fn record(path: impl Into<String>) -> Self {
        Self { path: path.into(), is_field: false }
    }
    pub(crate) fn field(path: impl Into<String>) -> Self {
        Self { path: path.into(), is_field: true }
    }
}

/// A part and tags of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    pub part: Part,
    pub tags: BTreeSet<String>,
}

/// Tags that are put on parts, and tags that are taken off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retagging {
    pub add: Vec<Tagged>,
    pub remove: Vec<Tagged>,
}

impl Retagging {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// The tags of a part after the change; `None` where it does not speak of the part.
    pub(crate) fn after(&self, part: &Part, before: &BTreeSet<String>) -> Option<BTreeSet<String>> {
        let of = |list: &[Tagged]| -> Vec<String> {
            list.iter().filter(|tagged| same(&tagged.part, part)).flat_map(|tagged| tagged.tags.clone()).collect()
        };
        let (added, removed) = (of(&self.add), of(&self.remove));
        if added.is_empty() && removed.is_empty() {
            return None;
        }
        let kept = before.iter().filter(|tag| !removed.contains(tag)).cloned();
        Some(kept.chain(added.into_iter().filter(|tag| !removed.contains(tag))).collect())
    }

    /// Refuses a change that speaks of a part which the schema does not have.
    pub(crate) fn judge(&self, parts: &[Part]) -> Result<(), Flaw> {
        let stray = self.add.iter().chain(&self.remove).find(|tagged| !parts.iter().any(|part| same(part, &tagged.part)));
        match stray {
            None => Ok(()),
            Some(Tagged { part, .. }) => {
                let kind = if part.is_field { "field" } else { "record" };
                Err(Flaw::new(format!("no {kind} of the schema has the path {:?}", part.path)))
            }
        }
    }
}

/// The dot that some write before a full name makes no difference.
fn same(a: &Part, b: &Part) -> bool {
    a.is_field == b.is_field && a.path.trim_start_matches('.') == b.path.trim_start_matches('.')
}

/// Called with each part and the object that may hold its tags.
pub(crate) type Visit<'v> = dyn FnMut(Part, &mut Map<String, Value>) + 'v;

/// Goes through all parts of a text that is JSON.
pub(crate) type Walk = fn(&mut Value, &mut Visit<'_>);

/// The parts that have tags.
pub(crate) fn tagged(mut tree: Value, walk: Walk) -> Vec<Tagged> {
    let mut found = Vec::new();
    walk(&mut tree, &mut |part, object| {
        let tags = tags_of(object);
        if !tags.is_empty() {
            found.push(Tagged { part, tags });
        }
    });
    found
}

/// The text with other tags.
pub(crate) fn retagged(mut tree: Value, walk: Walk, change: &Retagging) -> Result<String, Flaw> {
    let mut parts = Vec::new();
    walk(&mut tree, &mut |part, object| {
        match change.after(&part, &tags_of(object)) {
            Some(tags) if tags.is_empty() => {
                object.shift_remove(ATTRIBUTE);
            }
            Some(tags) => {
                object.insert(ATTRIBUTE.into(), tags.into_iter().map(Value::String).collect());
            }
            None => {}
        }
        parts.push(part);
    });
    change.judge(&parts)?;
    Ok(tree.to_string())
}

fn tags_of(object: &Map<String, Value>) -> BTreeSet<String> {
    let list = object.get(ATTRIBUTE).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
