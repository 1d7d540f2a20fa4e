//! Code in other languages from an Avro schema: the types, and how they are written and read.
//!
//! The output is stable: the same schema gives the same text. Nothing of a schema reaches the code but names, which are
//! letters, digits and underscores, its documentation as comments, and its text as a string.

mod java;
mod python;
mod rust;
mod typescript;

use std::collections::HashSet;

use super::{Kind, NodeId, Schema};
use crate::Flaw;

pub use java::java;
pub use python::python;
pub use rust::rust;
pub use typescript::typescript;

/// Every record, enum and fixed of the schema, in the order of the text, those of other texts first.
fn definitions(schema: &Schema) -> Vec<NodeId> {
    let ids = (0..schema.nodes.len() as u32).map(NodeId);
    // What was defined twice counts once.
    ids.filter(|id| schema.kind(*id).name().is_some_and(|name| schema.find(name.full()) == Some(*id))).collect()
}

/// What `["null", T]` and `[T, "null"]` are: the number of null and of the other, and the other.
fn optional(schema: &Schema, branches: &[NodeId]) -> Option<(usize, usize, NodeId)> {
    let [a, b] = branches else { return None };
    match (schema.kind(*a), schema.kind(*b)) {
        (Kind::Null, Kind::Null) => None,
        (Kind::Null, _) => Some((0, 1, *b)),
        (_, Kind::Null) => Some((1, 0, *a)),
        _ => None,
    }
}

/// `contact_kind` and `contactKind` as `ContactKind`.
fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut up = true;
    for c in name.chars() {
        if c == '_' {
            up = true;
        } else if up {
            out.extend(c.to_uppercase());
            up = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// The name, or the first like it that is not taken.
fn free(wish: &str, taken: &HashSet<String>) -> String {
    let mut name = wish.to_owned();
    while taken.contains(&name) {
        name.push('_');
    }
    name
}

/// Names that differ.
fn apart(wishes: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut taken = HashSet::new();
    let one = |wish: String| {
        let name = free(&wish, &taken);
        taken.insert(name.clone());
        name
    };
    wishes.into_iter().map(one).collect()
}

fn unnamed() -> Flaw {
    Flaw::new("code is made from records, enums and fixed; this schema has none")
}
