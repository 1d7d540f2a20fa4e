//! Whether a new schema gets along with earlier ones, at the level that the subject asks for, and what is said if not.

use milena_schema::{Difference, Policy as SchemaPolicy, Schema};

use super::{
    Level, Metadata, Policy, Refusal,
    register::{Past, Question, resolved},
    reserved,
};

/// The answer to a question about compatibility.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    pub compatible: bool,
    /// In words, an object each, as the reference registry writes them.
    pub messages: Vec<String>,
}

impl Verdict {
    fn fine() -> Self {
        Self { compatible: true, messages: Vec::new() }
    }
    fn bad(messages: Vec<String>) -> Self {
        Self { compatible: false, messages }
    }
}

impl Question {
    /// Judges the text that was sent against the versions that were gathered, and says why.
    pub fn verdict(self) -> Result<Verdict, Refusal> {
        let (schema, content) = self.read()?;
        let inherited = self.past.first().map(|latest| content.inheriting(&latest.shown.content));
        Ok(self.compare(&schema, inherited.as_ref().unwrap_or(&content).metadata.as_deref()))
    }

    /// As [`Question::verdict`], with the flaw of a text that cannot be read as the reason.
    pub fn verdict_in_words(self) -> Verdict {
        match self.verdict() {
            Ok(verdict) => verdict,
            Err(refusal) => Verdict::bad(vec![refusal.to_string()]),
        }
    }

    /// `metadata` is what the new schema will have.
    pub(super) fn compare(&self, schema: &Schema, metadata: Option<&Metadata>) -> Verdict {
        let mut counted = self.past.iter().filter(|past| !past.shown.deleted && self.same_group(past)).peekable();
        if self.config.validate_fields.unwrap_or(false) {
            let before = counted.peek().and_then(|past| past.shown.content.metadata.as_deref());
            let messages = reserved::broken(&schema.fields(), metadata, before);
            if !messages.is_empty() {
                return Verdict::bad(messages);
            }
        }
        let level = self.config.compatibility_level.unwrap_or_default();
        if level == Level::None {
            return Verdict::fine();
        }
        let many = if level.transitive() { usize::MAX } else { 1 };
        for past in counted.take(many) {
            let mut messages = self.against(schema, past, level);
            if !messages.is_empty() {
                messages.push(format!("{{oldSchemaVersion: {}}}", past.shown.version));
                messages.push(format!("{{oldSchema: '{}'}}", past.shown.content.text));
                let validated = self.config.validate_fields.unwrap_or(false);
                messages.push(format!("{{validateFields: '{validated}', compatibility: '{}'}}", level.name()));
                return Verdict::bad(messages);
            }
        }
        Verdict::fine()
    }

    /// Only versions that say the same about the property of the group are compared. Saying nothing is a value too.
    fn same_group(&self, past: &Past) -> bool {
        let Some(group) = self.config.compatibility_group.as_deref() else { return true };
        let new = self.asked.metadata.as_ref().or(self.past.first().and_then(|p| p.shown.content.metadata.as_deref()));
        let of = |metadata: Option<&super::Metadata>| metadata.and_then(|m| m.property(group)).map(str::to_string);
        of(new) == of(past.shown.content.metadata.as_deref())
    }

    fn against(&self, new: &Schema, past: &Past, level: Level) -> Vec<String> {
        let stored = &past.shown.content;
        if stored.format != self.asked.format {
            return vec![
                "{errorType:'SCHEMA_TYPE_MISMATCH', description:'Incompatible because of different schema type'}".into(),
            ];
        }
        let old = match Schema::parse_stored(stored.format, &stored.text, &resolved(&past.references)) {
            Ok(old) => old,
            Err(flaw) => return vec![format!("{{description:'the stored schema cannot be read: {flaw}'}}")],
        };
        let policy = match self.config.compatibility_policy.unwrap_or_default() {
            Policy::Strict => SchemaPolicy::Strict,
            Policy::Lenient => SchemaPolicy::Lenient,
        };
        let mut messages = Vec::new();
        if level.backward() {
            messages.extend(new.can_read_under(&old, policy).iter().map(|d| words(d, "new", "old")));
        }
        if level.forward() {
            messages.extend(old.can_read_under(new, policy).iter().map(|d| words(d, "old", "new")));
        }
        messages
    }
}

fn words(difference: &Difference, reader: &str, writer: &str) -> String {
    let (kind, description) = (difference.kind, difference.description(reader, writer));
    let mut words = format!("{{errorType:'{kind}', description:'{description}'");
    if !difference.message.is_empty() {
        words.push_str(&format!(", additionalInfo:'{}'", difference.message));
    }
    words.push('}');
    words
}
