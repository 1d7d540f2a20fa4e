//! JSON Schema, drafts 4, 6, 7, 2019-09 and 2020-12: canonical and normal form, references, compatibility, validation.
//!
//! Nothing is ever fetched: a `$ref` that leads outside finds one of the given references, a bundled meta-schema, or a
//! refusal. What a reader accepts beside a writer is judged in `compare`, on the shapes that `model` makes of the
//! keywords; data is validated by the `jsonschema` crate under the bounds of `validate`.

mod compare;
mod dialect;
mod library;
mod model;
mod tags;
mod validate;

use std::borrow::Cow;

use serde_json::Value;

pub use compare::{Change, Kind};
pub use dialect::Draft;
pub use validate::Validator;

use crate::{Difference, Flaw, Policy, Resolved, tree};

/// A JSON Schema with everything that it refers to.
#[derive(Debug, Clone)]
pub struct Schema {
    root: Document,
    references: Vec<(String, Document)>,
    draft: Draft,
}

/// One text, as it was written and as the reference machinery reads it.
#[derive(Debug, Clone)]
struct Document {
    written: Value,
    /// The same without a `$schema` that names no draft, which would otherwise be asked for; `None`: as written.
    read: Option<Value>,
}

impl Document {
    fn parse(text: &str) -> Result<Self, Flaw> {
        let written = tree::parse(text)?;
        let read = dialect::without_unknown(&written)?;
        Ok(Self { written, read })
    }

    fn read(&self) -> &Value {
        self.read.as_ref().unwrap_or(&self.written)
    }
}

impl Schema {
    /// Reads a new schema: it must follow its draft's meta-schema, and every reference must lead somewhere.
    pub fn parse(text: &str, references: &[Resolved<'_>]) -> Result<Self, Flaw> {
        let schema = Self::parse_stored(text, references)?;
        dialect::check(schema.draft, schema.root.read())?;
        library::check(&schema, &library::shelve(&schema)?)?;
        Ok(schema)
    }

    /// Reads a schema that somebody accepted long ago: only its JSON is judged.
    pub fn parse_stored(text: &str, references: &[Resolved<'_>]) -> Result<Self, Flaw> {
        let root = Document::parse(text)?;
        if !root.written.is_object() && !root.written.is_boolean() {
            return Err(Flaw::new("a JSON Schema is an object, true or false"));
        }
        let draft = dialect::of(root.read());
        let references = references
            .iter()
            .map(|r| Ok((r.name.to_owned(), Document::parse(r.text).map_err(|f| f.at(format!("reference {}", r.name)))?)))
            .collect::<Result<_, Flaw>>()?;
        Ok(Self { root, references, draft })
    }

    /// The draft that `$schema` names; draft 7 when it names none.
    pub fn draft(&self) -> Draft {
        self.draft
    }

    /// The text printed again without white space, keys in their order.
    pub fn canonical(&self) -> String {
        self.root.written.to_string()
    }

    /// The text printed again with sorted keys at every level.
    pub fn normalized(&self) -> String {
        sorted(&self.root.written).to_string()
    }

    /// The `title`.
    pub fn name(&self) -> Option<&str> {
        self.root.written.get("title").and_then(Value::as_str)
    }

    /// The names of the properties of the whole.
    pub fn fields(&self) -> Vec<String> {
        let properties = self.root.written.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    /// Why this schema, as the reader, may refuse data that `writer` accepts. Empty: it refuses none.
    pub fn can_read(&self, writer: &Self, policy: Policy) -> Vec<Difference> {
        compare::differences(writer, self, policy)
    }

    /// Every change from `writer` to this schema, also those that break nothing.
    pub fn changes(&self, writer: &Self, policy: Policy) -> Vec<Change> {
        compare::changes(writer, self, policy)
    }

    /// Compiles the schema for validation.
    pub fn validator(&self) -> Result<Validator, Flaw> {
        Validator::build(self)
    }
}

/// The same value with the keys of every object in order.
fn sorted(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_unstable();
            let members = keys.into_iter().map(|key| (key.clone(), sorted(&members[key]).into_owned())).collect();
            Cow::Owned(Value::Object(members))
        }
        Value::Array(items) => Cow::Owned(Value::Array(items.iter().map(|item| sorted(item).into_owned()).collect())),
        _ => Cow::Borrowed(value),
    }
}
