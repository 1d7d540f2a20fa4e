//! Whether each field's default is a value of the field's type.

use serde_json::Value;

use super::{Kind, NodeId, Schema, json::no_number};
use crate::{Flaw, budget};

/// Looks at every field of the schema's own text. Runs when all names are known, since a default may need a later one.
pub(crate) fn check(schema: &Schema) -> Result<(), Flaw> {
    let mut steps = 0;
    for node in &schema.nodes[schema.own as usize..] {
        let Kind::Record(record) = &node.kind else { continue };
        for field in &record.fields {
            let Some(default) = &field.default else { continue };
            if !is_valid(schema, field.schema, default, &mut steps) {
                if steps > budget::COMPARISONS {
                    return Err(Flaw::new("the schema's defaults take too many steps to check").at(record.name.full()));
                }
                let kind = schema.kind(field.schema).branch_name();
                let place = format!("{}.{}", record.name, field.name);
                return Err(Flaw::new(format!("invalid default for field {}: {default} is not a {kind}", field.name)).at(place));
            }
        }
    }
    Ok(())
}

/// Whether the value may stand as a default of the type. A union takes what any of its branches takes.
pub(crate) fn is_valid(schema: &Schema, id: NodeId, value: &Value, steps: &mut usize) -> bool {
    is_valid_at(schema, id, value, steps, 0)
}

/// A record whose default leaves out a field of its own type would be looked at for ever: the nesting is bounded.
fn is_valid_at(schema: &Schema, id: NodeId, value: &Value, steps: &mut usize, depth: usize) -> bool {
    *steps += 1;
    if *steps > budget::COMPARISONS || depth > budget::LEVELS {
        return false;
    }
    let mut is_valid = |id: NodeId, value: &Value| is_valid_at(schema, id, value, steps, depth + 1);
    match schema.kind(id) {
        Kind::Null => value.is_null(),
        Kind::Boolean => value.is_boolean(),
        Kind::Int => value.as_i64().is_some_and(|v| i32::try_from(v).is_ok()),
        Kind::Long => value.as_i64().is_some(),
        // Java takes any text that its doubles are read from; what is finite became a number when the schema was read.
        Kind::Float | Kind::Double => value.is_number() || value.as_str().and_then(no_number).is_some(),
        Kind::Bytes | Kind::String | Kind::Enum(_) | Kind::Fixed(_) => value.is_string(),
        Kind::Array(items) => value.as_array().is_some_and(|a| a.iter().all(|v| is_valid(*items, v))),
        Kind::Map(values) => value.as_object().is_some_and(|m| m.values().all(|v| is_valid(*values, v))),
        Kind::Union(branches) => branches.iter().any(|b| is_valid(*b, value)),
        Kind::Record(record) => value.as_object().is_some_and(|object| {
            record.fields.iter().all(|field| {
                let given = object.get(&*field.name).or(field.default.as_ref());
                given.is_some_and(|v| is_valid(field.schema, v))
            })
        }),
    }
}
