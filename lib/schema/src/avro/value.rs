//! A datum in memory when no Rust type stands for it, and how it is written.

use std::borrow::Cow;

use super::{
    Kind, NodeId, Schema,
    binary::{self, DEPTH},
};
use crate::Flaw;

/// A datum. Fields, symbols and branches are numbers of its schema; text and bytes are borrowed where they can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Bytes(Cow<'a, [u8]>),
    String(Cow<'a, str>),
    Fixed(Cow<'a, [u8]>),
    /// The number of the symbol.
    Enum(u32),
    Array(Vec<Value<'a>>),
    /// In the order of the data.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
    /// The number of the branch, and what it holds.
    Union(u32, Box<Value<'a>>),
    /// The fields in the order of the schema.
    Record(Vec<Value<'a>>),
}

impl Value<'_> {
    fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Int(_) => "an int",
            Self::Long(_) => "a long",
            Self::Float(_) => "a float",
            Self::Double(_) => "a double",
            Self::Bytes(_) => "bytes",
            Self::String(_) => "a string",
            Self::Fixed(_) => "a fixed",
            Self::Enum(_) => "an enum",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Union(..) => "a union",
            Self::Record(_) => "a record",
        }
    }
}

impl Schema {
    /// Appends the binary form of a value. A value that is no [`Value::Union`] goes to the first branch that takes it.
    pub fn encode(&self, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Flaw> {
        let length = out.len();
        let done = self.put(self.root, value, out, 0);
        if done.is_err() {
            out.truncate(length);
        }
        done
    }

    fn put(&self, id: NodeId, value: &Value<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Flaw> {
        if depth > DEPTH {
            return Err(Flaw::new(format!("values nest deeper than {DEPTH} levels")));
        }
        match (self.kind(id), value) {
            (Kind::Null, Value::Null) => {}
            (Kind::Boolean, Value::Boolean(v)) => binary::put_boolean(out, *v),
            (Kind::Int, Value::Int(v)) => binary::put_int(out, *v),
            (Kind::Long, Value::Long(v)) => binary::put_long(out, *v),
            (Kind::Long, Value::Int(v)) => binary::put_int(out, *v),
            (Kind::Float, Value::Float(v)) => binary::put_float(out, *v),
            (Kind::Double, Value::Double(v)) => binary::put_double(out, *v),
            (Kind::Double, Value::Float(v)) => binary::put_double(out, f64::from(*v)),
            (Kind::Bytes, Value::Bytes(v)) => binary::put_bytes(out, v),
            (Kind::String, Value::String(v)) => binary::put_string(out, v),
            (Kind::Fixed(fixed), Value::Fixed(v)) if v.len() == fixed.size => out.extend_from_slice(v),
            (Kind::Enum(kind), Value::Enum(index)) if (*index as usize) < kind.symbols.len() => {
                binary::put_long(out, i64::from(*index));
            }
            (Kind::Array(items), Value::Array(values)) => {
                binary::put_count(out, values.len());
                for (index, item) in values.iter().enumerate() {
                    self.put(*items, item, out, depth + 1).map_err(|f| below(f, &index.to_string()))?;
                }
                out.push(0);
            }
            (Kind::Map(kind), Value::Map(entries)) => {
                binary::put_count(out, entries.len());
                for (key, item) in entries {
                    binary::put_string(out, key);
                    self.put(*kind, item, out, depth + 1).map_err(|f| below(f, key))?;
                }
                out.push(0);
            }
            (Kind::Record(record), Value::Record(values)) if values.len() == record.fields.len() => {
                for (field, value) in record.fields.iter().zip(values) {
                    self.put(field.schema, value, out, depth + 1).map_err(|f| below(f, &field.name))?;
                }
            }
            (Kind::Union(branches), Value::Union(index, value)) if (*index as usize) < branches.len() => {
                binary::put_long(out, i64::from(*index));
                self.put(branches[*index as usize], value, out, depth + 1)?;
            }
            (Kind::Union(branches), value) => return self.put_bare(branches, value, out, depth),
            (kind, value) => {
                return Err(Flaw::new(format!("the schema wants {}, the value is {}", kind.branch_name(), value.word())));
            }
        }
        Ok(())
    }

    fn put_bare(&self, branches: &[NodeId], value: &Value<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Flaw> {
        let start = out.len();
        for (index, branch) in branches.iter().enumerate() {
            binary::put_long(out, index as i64);
            if self.put(*branch, value, out, depth + 1).is_ok() {
                return Ok(());
            }
            out.truncate(start);
        }
        Err(Flaw::new(format!("no branch of the union takes {}", value.word())))
    }
}

/// The flaw, seen one level further out.
pub(crate) fn below(mut flaw: Flaw, step: &str) -> Flaw {
    flaw.place = if flaw.place.is_empty() { step.to_owned() } else { format!("{step}.{}", flaw.place) };
    flaw
}
