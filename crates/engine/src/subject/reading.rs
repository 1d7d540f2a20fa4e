//! A stored schema with all that it stands on, to be read without any lock: for what its text alone does not say.

use std::sync::Arc;

use milena_schema::{Schema, Tagged};

use super::{Content, Refusal, Registry, Shown, register::resolved};

/// A stored schema, and what it refers to in dependency order.
#[derive(Clone, Debug)]
pub struct Reading {
    content: Arc<Content>,
    references: Vec<(String, Arc<Content>)>,
}

/// What a reading is made for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sought {
    /// A spelling other than the stored one, by its name.
    pub spelling: Option<String>,
    /// The tags inside the text.
    pub tags: bool,
}

/// What it found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// `None`: the stored text is all that there is.
    pub text: Option<String>,
    pub tagged: Vec<Tagged>,
}

impl Registry {
    /// Gathers what is needed to read a version.
    pub fn reading(&self, shown: &Shown) -> Reading {
        let references = self.closure(&shown.subject.context, &shown.content.references);
        Reading { content: shown.content.clone(), references }
    }
}

impl Reading {
    /// Parses the schema and answers what was sought.
    pub fn find(&self, sought: &Sought) -> Result<Found, Refusal> {
        let content = &self.content;
        let schema = Schema::parse_stored(content.format, &content.text, &resolved(&self.references));
        let schema = schema.map_err(|flaw| Refusal::BadSchema(format!("the stored schema cannot be read: {flaw}")))?;
        let text = sought.spelling.as_deref().and_then(|name| schema.spelled(name));
        let tagged = if sought.tags { schema.tagged() } else { Vec::new() };
        Ok(Found { text, tagged })
    }
}
