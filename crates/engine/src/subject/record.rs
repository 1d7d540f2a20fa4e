//! Records of the topic `_schemas`, as every registry of the family reads them. Keys are compared byte for byte by
//! whoever compacts the topic, so their fields have one order and no blanks; values may be in any.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Config, Content, Mode, Reference, Registry, Subject, SubjectFact,
    fact::{SchemaRegistered, VersionsDeleted, VersionsPurged},
};

/// The topic's name, by which other registries find it.
pub const TOPIC: &str = "_schemas";

/// One record: its key, and its value unless it is a tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub key: String,
    pub value: Option<String>,
}

#[derive(Serialize)]
struct SchemaKey<'a> {
    keytype: &'static str,
    subject: &'a str,
    version: i32,
    magic: u8,
}

/// Of settings, and of a subject's deletion. Of everything: no subject.
#[derive(Serialize)]
struct ScopeKey<'a> {
    keytype: &'static str,
    subject: Option<&'a str>,
    magic: u8,
}

#[derive(Serialize)]
struct ContextKey<'a> {
    keytype: &'static str,
    tenant: &'static str,
    context: &'a str,
    magic: u8,
}

fn text(of: &impl Serialize) -> String {
    // Structs and maps with names for keys: nothing in them cannot be written.
    serde_json::to_string(of).expect("a record is JSON")
}

/// The key of a version.
pub fn schema_key(subject: &Subject, version: i32) -> String {
    text(&SchemaKey { keytype: "SCHEMA", subject: &subject.to_string(), version, magic: 1 })
}

fn scope_key(keytype: &'static str, scope: &Subject) -> String {
    let name = scope.to_string();
    let subject = if name.is_empty() { None } else { Some(&*name) };
    text(&ScopeKey { keytype, subject, magic: 0 })
}

fn context_key(context: &str) -> String {
    text(&ContextKey { keytype: "CONTEXT", tenant: "default", context, magic: 0 })
}

/// A reference as JSON has it.
pub fn reference_json(reference: &Reference) -> Value {
    json!({"name": reference.name, "subject": reference.subject, "version": reference.version})
}

/// The value of a version.
fn schema_value(subject: &Subject, version: i32, id: i32, content: &Content, deleted: bool) -> String {
    let mut value = json!({"subject": subject.to_string(), "version": version, "id": id});
    value["md5"] = STANDARD.encode(content.guid.as_bytes()).into();
    if content.format != super::Format::Avro {
        value["schemaType"] = content.format.name().into();
    }
    if !content.references.is_empty() {
        value["references"] = content.references.iter().map(reference_json).collect();
    }
    if let Some(metadata) = &content.metadata {
        value["metadata"] = json!(metadata);
    }
    if let Some(rules) = &content.rules {
        value["ruleSet"] = json!(rules);
    }
    value["schema"] = (&*content.text).into();
    value["deleted"] = deleted.into();
    value.to_string()
}

fn config_value(scope: &Subject, config: &Config) -> String {
    let mut value = json!(config);
    if !scope.to_string().is_empty() {
        value["subject"] = scope.to_string().into();
    }
    value.to_string()
}

fn mode_value(scope: &Subject, mode: Mode) -> String {
    let mut value = json!({"mode": mode});
    if !scope.to_string().is_empty() {
        value["subject"] = scope.to_string().into();
    }
    value.to_string()
}

impl Registry {
    /// What a fact is in the topic. Asked before the fact is applied, since a deletion writes down what it deletes.
    pub fn records(&self, fact: &SubjectFact) -> Vec<Record> {
        match fact {
            SubjectFact::TopicClaimed(_) => Vec::new(),
            SubjectFact::ContextCreated(created) => {
                let value = json!({"tenant": "default", "context": &*created.context}).to_string();
                vec![Record { key: context_key(&created.context), value: Some(value) }]
            }
            SubjectFact::ContextDeleted(deleted) => vec![Record { key: context_key(&deleted.context), value: None }],
            SubjectFact::SchemaRegistered(registered) => self.registered_record(registered).into_iter().collect(),
            SubjectFact::VersionsDeleted(VersionsDeleted { subject, versions }) => {
                versions.iter().filter_map(|version| self.deleted_record(subject, *version)).collect()
            }
            SubjectFact::SubjectDeleted(deleted) => {
                let subject = deleted.subject.to_string();
                let value = json!({"subject": subject, "version": deleted.last}).to_string();
                vec![Record { key: scope_key("DELETE_SUBJECT", &deleted.subject), value: Some(value) }]
            }
            SubjectFact::VersionsPurged(VersionsPurged { subject, versions }) => {
                let tombstone = |version: &i32| Record { key: schema_key(subject, *version), value: None };
                versions.iter().rev().map(tombstone).collect()
            }
            SubjectFact::ConfigChanged(changed) => {
                let value = changed.config.as_deref().map(|config| config_value(&changed.scope, config));
                vec![Record { key: scope_key("CONFIG", &changed.scope), value }]
            }
            SubjectFact::ModeChanged(changed) => {
                let value = changed.mode.map(|mode| mode_value(&changed.scope, mode));
                vec![Record { key: scope_key("MODE", &changed.scope), value }]
            }
        }
    }

    fn registered_record(&self, registered: &SchemaRegistered) -> Option<Record> {
        let SchemaRegistered { subject, version, id, content, .. } = registered;
        let known = self.content_of(&subject.context, *id);
        let content = content.as_ref().or(known)?;
        let value = schema_value(subject, *version, *id, content, false);
        Some(Record { key: schema_key(subject, *version), value: Some(value) })
    }

    fn deleted_record(&self, subject: &Subject, version: i32) -> Option<Record> {
        let shown = self.shown(subject, version)?;
        let value = schema_value(subject, version, shown.id, &shown.content, true);
        Some(Record { key: schema_key(subject, version), value: Some(value) })
    }
}
