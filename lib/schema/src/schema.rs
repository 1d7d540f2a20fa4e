//! A schema of any format, and the questions that a registry asks of it.

use crate::{Difference, Flaw, Format, Retagging, Tagged, avro, budget, json, protobuf};

/// A text that a schema refers to.
///
/// A slice of these is transitive and in dependency order: whatever one of them needs stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The name under which it is imported: a full name in Avro, the `$ref` in JSON Schema, the path in Protobuf.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// How severely schemas are compared. Only JSON Schema knows the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    #[default]
    Strict,
    Lenient,
}

/// A schema that was read and found sound.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Schema {
    Avro(avro::Schema),
    Json(json::Schema),
    Protobuf(protobuf::Schema),
}

impl Schema {
    /// Reads a new schema, strictly: names and defaults are checked.
    pub fn parse(format: Format, text: &str, references: &[Resolved<'_>]) -> Result<Self, Flaw> {
        Self::read(format, text, references, avro::Rigour::Strict)
    }

    /// Reads a schema that somebody accepted long ago: defaults and namespaces are no longer judged.
    pub fn parse_stored(format: Format, text: &str, references: &[Resolved<'_>]) -> Result<Self, Flaw> {
        Self::read(format, text, references, avro::Rigour::Stored)
    }

    /// Refuses a new text of more parts than memory is meant for, before any of it is built. Reading a stored one asks nothing of it.
    pub fn judge_size(format: Format, text: &str) -> Result<(), Flaw> {
        match format {
            Format::Protobuf => protobuf::judge_size(text),
            Format::Avro | Format::Json => Ok(()),
        }
    }

    fn read(format: Format, text: &str, references: &[Resolved<'_>], rigour: avro::Rigour) -> Result<Self, Flaw> {
        within_budget(text, references)?;
        match format {
            Format::Avro => avro::Schema::parse_with(text, references, rigour).map(Self::Avro),
            Format::Json => match rigour {
                avro::Rigour::Strict => json::Schema::parse(text, references),
                avro::Rigour::Stored => json::Schema::parse_stored(text, references),
            }
            .map(Self::Json),
            Format::Protobuf => {
                if rigour == avro::Rigour::Strict {
                    Self::judge_size(format, text)?;
                }
                protobuf::Schema::parse(text, references).map(Self::Protobuf)
            }
        }
    }

    pub fn format(&self) -> Format {
        match self {
            Self::Avro(_) => Format::Avro,
            Self::Json(_) => Format::Json,
            Self::Protobuf(_) => Format::Protobuf,
        }
    }

    /// The text by which the registry knows the schema again (its `canonicalString`).
    pub fn canonical(&self) -> String {
        match self {
            Self::Avro(schema) => schema.canonical(),
            Self::Json(schema) => schema.canonical(),
            Self::Protobuf(schema) => schema.canonical(),
        }
    }

    /// The form that `normalize=true` asks for.
    pub fn normalized(&self) -> String {
        match self {
            Self::Avro(schema) => schema.normalized(),
            Self::Json(schema) => schema.normalized(),
            Self::Protobuf(schema) => schema.normalized(),
        }
    }

    /// Another spelling of the schema, by its name in the registry's API: `resolved` (Avro, with everything that it refers
    /// to inlined), `ignore_extensions` and `serialized` (Protobuf, a descriptor in base64). `None` where the language
    /// has no spelling of that name.
    pub fn spelled(&self, name: &str) -> Option<String> {
        match (self, name) {
            (Self::Avro(schema), "resolved") => Some(schema.canonical_whole()),
            (Self::Protobuf(schema), "ignore_extensions") => Some(schema.unextended()),
            (Self::Protobuf(schema), "serialized") => Some(schema.descriptor()),
            _ => None,
        }
    }

    /// The names of the outermost fields.
    pub fn fields(&self) -> Vec<String> {
        match self {
            Self::Avro(schema) => schema.fields(),
            Self::Json(schema) => schema.fields(),
            Self::Protobuf(schema) => schema.fields(),
        }
    }

    /// The parts of its own text that have tags.
    pub fn tagged(&self) -> Vec<Tagged> {
        match self {
            Self::Avro(schema) => schema.tagged(),
            Self::Json(schema) => schema.tagged(),
            Self::Protobuf(schema) => schema.tagged(),
        }
    }

    /// Its text with other tags; `references` as it was read with them.
    pub fn retagged(&self, change: &Retagging, references: &[Resolved<'_>]) -> Result<String, Flaw> {
        match self {
            Self::Avro(schema) => schema.retagged(change),
            Self::Json(schema) => schema.retagged(change),
            Self::Protobuf(schema) => schema.retagged(change, references),
        }
    }

    /// The full name of what it describes, if that has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Avro(schema) => schema.name(),
            Self::Json(schema) => schema.name(),
            Self::Protobuf(schema) => schema.name(),
        }
    }

    /// Why this schema, as the reader, cannot read all that `writer` writes. Empty: it can.
    pub fn can_read(&self, writer: &Self) -> Vec<Difference> {
        self.can_read_under(writer, Policy::Strict)
    }

    /// The same under a policy.
    pub fn can_read_under(&self, writer: &Self, policy: Policy) -> Vec<Difference> {
        match (self, writer) {
            (Self::Avro(reader), Self::Avro(writer)) => reader.can_read(writer),
            (Self::Json(reader), Self::Json(writer)) => reader.can_read(writer, policy),
            (Self::Protobuf(reader), Self::Protobuf(writer)) => reader.can_read(writer),
            _ => vec![of_another_format(self.format(), writer.format())],
        }
    }
}

/// Nobody reads one format with a schema of another.
fn of_another_format(reader: Format, writer: Format) -> Difference {
    Difference {
        kind: "SCHEMA_TYPE_CHANGED",
        path: "/".to_owned(),
        template: format!("The {{reader}} schema is {reader} and the {{writer}} schema is {writer}"),
        message: String::new(),
        reader: reader.to_string(),
        writer: writer.to_string(),
    }
}

fn within_budget(text: &str, references: &[Resolved<'_>]) -> Result<(), Flaw> {
    let size = text.len();
    if size > budget::TEXT {
        return Err(Flaw::new(format!("the schema has {size} bytes; at most {} are read", budget::TEXT)));
    }
    let count = references.len();
    if count > budget::REFERENCES {
        return Err(Flaw::new(format!("the schema has {count} references; at most {} are read", budget::REFERENCES)));
    }
    let all = references.iter().map(|r| r.text.len()).sum::<usize>() + size;
    if all > budget::TEXT_WITH_REFERENCES {
        let limit = budget::TEXT_WITH_REFERENCES;
        return Err(Flaw::new(format!("the schema and its references have {all} bytes; at most {limit} are read")));
    }
    Ok(())
}
