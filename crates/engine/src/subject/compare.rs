//! Whether a new schema gets along with earlier ones, at the level that the subject asks for, and what is said if not.

use milena_schema::{Difference, Policy as SchemaPolicy, Schema};

use super::{
    Level, Metadata, Policy, Refusal,
    past::Earlier,
    register::{Question, resolved},
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
        Ok(self.compare(&schema, self.as_stored(&content).metadata.as_deref()))
    }

    /// As [`Question::verdict`], with the flaw of a text that cannot be read as the reason.
    pub fn verdict_in_words(self) -> Verdict {
        match self.verdict() {
            Ok(verdict) => verdict,
            Err(refusal) => Verdict::bad(vec![refusal.to_string()]),
        }
    }

    /// `metadata` is what the new schema will have. What is wrong with reserved names is told together with what an earlier
    /// version finds: whoever mends one should not have to come back for the other.
    pub(super) fn compare(&self, schema: &Schema, metadata: Option<&Metadata>) -> Verdict {
        let mut messages = self.broken_reservations(schema, metadata);
        messages.extend(self.incompatible(schema, metadata));
        if messages.is_empty() {
            return Verdict::fine();
        }
        let level = self.config.compatibility_level.unwrap_or_default().name();
        messages.push(format!("{{validateFields: '{}', compatibility: '{level}'}}", self.validates_fields()));
        Verdict::bad(messages)
    }

    fn validates_fields(&self) -> bool {
        self.config.validate_fields.unwrap_or(false)
    }

    /// Names are reserved by the latest version, of whichever group: they are the subject's.
    fn broken_reservations(&self, schema: &Schema, metadata: Option<&Metadata>) -> Vec<String> {
        if !self.validates_fields() {
            return Vec::new();
        }
        let before = self.latest().and_then(|latest| latest.metadata.as_deref());
        reserved::broken(&schema.fields(), metadata, before)
    }

    /// What the first of the earlier versions finds that does not get along, with the version.
    fn incompatible(&self, schema: &Schema, metadata: Option<&Metadata>) -> Vec<String> {
        let level = self.config.compatibility_level.unwrap_or_default();
        let many = match level {
            Level::None => 0,
            _ if level.transitive() => usize::MAX,
            _ => 1,
        };
        let counted = self.past.iter().filter(|past| !past.version.deleted && self.same_group(*past, metadata));
        for past in counted.take(many) {
            let mut messages = self.against(schema, past, level);
            if !messages.is_empty() {
                messages.push(format!("{{oldSchemaVersion: {}}}", past.number));
                messages.push(format!("{{oldSchema: '{}'}}", past.content().text));
                return messages;
            }
        }
        Vec::new()
    }

    /// Only versions that say the same about the property of the group are compared. Saying nothing is a value too.
    fn same_group(&self, past: Earlier<'_>, metadata: Option<&Metadata>) -> bool {
        let Some(group) = self.config.compatibility_group.as_deref() else { return true };
        let of = |metadata: Option<&Metadata>| metadata.and_then(|m| m.property(group)).map(str::to_string);
        of(metadata) == of(past.content().metadata.as_deref())
    }

    fn against(&self, new: &Schema, past: Earlier<'_>, level: Level) -> Vec<String> {
        let stored = past.content();
        if stored.format != self.asked.format {
            return vec![
                "{errorType:'SCHEMA_TYPE_MISMATCH', description:'Incompatible because of different schema type'}".into(),
            ];
        }
        let old = match Schema::parse_stored(stored.format, &stored.text, &resolved(past.references())) {
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
