//! How things look as JSON, in two forms: as registries up to 7 answer, and as those from 8 on do.

use hyper::StatusCode;
use milena_node::engine::subject::{Content, Format, Shown, Subject, Tagged, record::reference_json};
use serde_json::{Map, Value, json};

use super::fault::VND_V1;
use crate::answer::{Answer, bytes};

/// Which generation of registry answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Form {
    Seven,
    Eight,
}

impl Form {
    /// `auto` gives the newer form to clients that say they can take it.
    pub(super) fn of(profile: &str, unknown_fields: bool) -> Self {
        match (profile, unknown_fields) {
            ("7", _) => Self::Seven,
            ("8", _) => Self::Eight,
            (_, true) => Self::Eight,
            (_, false) => Self::Seven,
        }
    }
}

pub(super) fn ok(body: &Value) -> Answer {
    bytes(StatusCode::OK, VND_V1, body.to_string())
}

/// The text of a schema, as it is.
pub(super) fn raw(text: &str) -> Answer {
    bytes(StatusCode::OK, VND_V1, text.to_string())
}

/// A version as a request wants to see it.
pub(super) struct Seen {
    pub(super) shown: Shown,
    /// Parts with their tags, where they were asked for.
    pub(super) tagged: Option<Vec<Tagged>>,
}

impl Seen {
    /// As it is stored.
    pub(super) fn stored(shown: Shown) -> Self {
        Self { shown, tagged: None }
    }
}

/// How references are written: as they were given, or with the context that they mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Writing {
    pub(super) form: Form,
    pub(super) qualified: bool,
}

impl Writing {
    /// One version: what look-ups and version calls answer.
    pub(super) fn schema(self, seen: &Seen) -> Value {
        let shown = &seen.shown;
        let mut out = json!({"subject": shown.subject.to_string(), "version": shown.version, "id": shown.id});
        let fields = out.as_object_mut().expect("it was just made one");
        if self.form == Form::Eight {
            fields.insert("guid".into(), shown.content.guid.to_string().into());
        }
        self.content(fields, &shown.subject, &shown.content);
        tags(fields, seen);
        self.stamps(fields, shown);
        out
    }

    /// A schema by id; where a subject was named, with its version.
    pub(super) fn by_id(self, seen: &Seen, named: bool, mark: Option<i32>) -> Value {
        let shown = &seen.shown;
        let mut fields = Map::new();
        self.content(&mut fields, &shown.subject, &shown.content);
        tags(&mut fields, seen);
        if let Some(mark) = mark {
            fields.insert("maxId".into(), mark.into());
        }
        if named && self.form == Form::Eight {
            fields.insert("subject".into(), shown.subject.to_string().into());
            fields.insert("version".into(), shown.version.into());
        }
        if self.form == Form::Eight {
            fields.insert("guid".into(), shown.content.guid.to_string().into());
        }
        self.stamps(&mut fields, shown);
        Value::Object(fields)
    }

    /// What a registration answers.
    pub(super) fn registered(self, shown: &Shown, added: bool) -> Value {
        let mut out = json!({"id": shown.id});
        let fields = out.as_object_mut().expect("it was just made one");
        if self.form == Form::Eight {
            fields.insert("version".into(), shown.version.into());
            fields.insert("guid".into(), shown.content.guid.to_string().into());
            self.content(fields, &shown.subject, &shown.content);
            self.stamps(fields, shown);
        } else if added {
            // What the server has added is told in the old form as well.
            fields.insert("version".into(), shown.version.into());
            self.content(fields, &shown.subject, &shown.content);
        }
        out
    }

    fn content(self, fields: &mut Map<String, Value>, subject: &Subject, content: &Content) {
        if self.form == Form::Eight || content.format != Format::Avro {
            fields.insert("schemaType".into(), content.format.name().into());
        }
        if !content.references.is_empty() {
            let written = content.references.iter().map(|reference| {
                let mut json = reference_json(reference);
                if self.qualified {
                    json["subject"] = Subject::parse_in(&subject.context, &reference.subject).to_string().into();
                }
                json
            });
            fields.insert("references".into(), written.collect());
        }
        if let Some(metadata) = &content.metadata {
            fields.insert("metadata".into(), json!(metadata));
        }
        if let Some(rules) = &content.rules {
            fields.insert("ruleSet".into(), json!(rules));
        }
        fields.insert("schema".into(), (&*content.text).into());
    }

    fn stamps(self, fields: &mut Map<String, Value>, shown: &Shown) {
        if self.form == Form::Eight {
            fields.insert("ts".into(), shown.at.into());
            if shown.deleted {
                fields.insert("deleted".into(), true.into());
            }
        }
    }
}

fn tags(fields: &mut Map<String, Value>, seen: &Seen) {
    let Some(tagged) = &seen.tagged else { return };
    let entity = |tagged: &Tagged| {
        let kind = if tagged.part.is_field { "sr_field" } else { "sr_record" };
        json!({"schemaEntity": {"entityPath": tagged.part.path, "entityType": kind}, "tags": tagged.tags})
    };
    fields.insert("schemaTags".into(), tagged.iter().map(entity).collect());
}
