//! Which schema somebody who writes means: by its text, its id, its version, or the latest of a subject.

use std::sync::Arc;

use milena_node::engine::subject::{Asked, Content, Format, Registry, Shown, Subject, Wanted};
use milena_schema::{Flaw, Schema};
use milena_serde::Part;

use super::{Codec, Trouble};
use crate::serve::Door;

/// How a subject is made of a topic and a schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Naming {
    /// `topic-key` or `topic-value`.
    #[default]
    Topic,
    /// The full name of what the schema describes.
    Record,
    /// `topic-`, then that name.
    TopicRecord,
}

/// What a writer said of its schema. Nothing at all means the latest of the subject.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Wish {
    /// What the schema must be; of a text, what it is.
    pub(crate) format: Option<Format>,
    /// Registered, if it is not there yet.
    pub(crate) text: Option<String>,
    pub(crate) id: Option<i32>,
    pub(crate) version: Option<Wanted>,
    /// By name, instead of one made by `naming`.
    pub(crate) subject: Option<String>,
    pub(crate) naming: Naming,
}

/// The schema that was meant.
#[derive(Clone, Debug)]
pub(crate) struct Meant {
    pub(crate) shown: Shown,
    pub(crate) codec: Arc<Codec>,
}

impl Meant {
    /// Its id, as framed messages carry it.
    pub(crate) fn id(&self) -> i32 {
        self.shown.id
    }
    pub(crate) fn content(&self) -> &Content {
        &self.shown.content
    }
    /// A value as a framed message.
    pub(crate) fn encode(&self, value: &str) -> Result<Vec<u8>, Flaw> {
        self.codec.encode(self.id(), value)
    }
}

impl Wish {
    /// Finds the schema for one part of a topic's records, and registers it first where its text was given.
    pub(crate) async fn meant(&self, door: &Door, topic: &str, part: Part) -> Result<Meant, Trouble> {
        self.judge()?;
        let shown = match (&self.text, self.id) {
            (Some(text), _) => self.registered(door, topic, part, text).await?,
            (None, Some(id)) => self.of_id(door, topic, part, id).await?,
            (None, None) => self.of_version(door, topic, part).await?,
        };
        let format = shown.content.format;
        if let Some(wanted) = self.format.filter(|wanted| *wanted != format) {
            return Err(Trouble::Schema(Flaw::new(format!("schema {} is {format}, not {wanted}", shown.id))));
        }
        let codec = door.shelf.codec(&door.node, &shown).await?;
        Ok(Meant { shown, codec })
    }

    fn judge(&self) -> Result<(), Trouble> {
        let said = [self.text.is_some(), self.id.is_some(), self.version.is_some()];
        if said.iter().filter(|said| **said).count() > 1 {
            return Err(Trouble::Wish("a schema is named by its text, by its id, or by a version, and not twice".into()));
        }
        if self.text.is_some() && self.format.is_none() {
            return Err(Trouble::Wish("the text of a schema needs its type: AVRO, JSONSCHEMA or PROTOBUF".into()));
        }
        if self.subject.is_some() && self.naming != Naming::Topic {
            return Err(Trouble::Wish("subject and subject_name_strategy exclude each other".into()));
        }
        Ok(())
    }

    /// The subject, as far as it can be known: a record's name needs the record.
    fn subject(&self, topic: &str, part: Part, record: Option<&str>) -> Result<Subject, Trouble> {
        let nameless =
            || Trouble::Wish("subject_name_strategy asks for the name of a record, and here is none to be known".into());
        let name = match (&self.subject, self.naming) {
            (Some(name), _) => name.clone(),
            (None, Naming::Topic) => format!("{topic}-{}", part.name()),
            (None, Naming::Record) => record.ok_or_else(nameless)?.to_owned(),
            (None, Naming::TopicRecord) => format!("{topic}-{}", record.ok_or_else(nameless)?),
        };
        Ok(Subject::parse(&name))
    }

    async fn registered(&self, door: &Door, topic: &str, part: Part, text: &str) -> Result<Shown, Trouble> {
        let format = self.format.unwrap_or(Format::Avro);
        let record = match self.naming {
            Naming::Topic => None,
            Naming::Record | Naming::TopicRecord => {
                let text = text.to_owned();
                let parsed = door.node.aside(move || Schema::parse(format, &text, &[])).await?;
                parsed.map_err(Trouble::Schema)?.name().map(str::to_owned)
            }
        };
        let subject = self.subject(topic, part, record.as_deref())?;
        let subject = door.node.ask_schemas(|registry| registry.resolve(subject)).await?;
        let asked = Asked {
            subject,
            format,
            text: text.into(),
            references: Vec::new(),
            metadata: None,
            rules: None,
            version: None,
            id: None,
            tags: Default::default(),
            normalize: false,
            force: false,
        };
        Ok(door.node.register_schema(asked).await??)
    }

    async fn of_id(&self, door: &Door, topic: &str, part: Part, id: i32) -> Result<Shown, Trouble> {
        let hint = match self.naming {
            Naming::Topic => self.subject(topic, part, None)?,
            Naming::Record | Naming::TopicRecord => Subject::parse(""),
        };
        let shown = door.node.ask_schemas(|registry| registry.by_id(id, &hint)).await??;
        let wanted = match (&self.subject, self.naming) {
            (None, Naming::Topic) => return Ok(shown),
            (Some(_), _) => hint,
            (None, _) => {
                let codec = door.shelf.codec(&door.node, &shown).await?;
                self.subject(topic, part, codec.name())?
            }
        };
        // Whoever names the subject wants the schema as that subject has it.
        let found = door.node.ask_schemas(|registry| of_subject(registry, id, &wanted)).await?;
        found.ok_or_else(|| Trouble::Wish(format!("schema {id} is not registered under subject {wanted}")))
    }

    async fn of_version(&self, door: &Door, topic: &str, part: Part) -> Result<Shown, Trouble> {
        let subject = self.subject(topic, part, None)?;
        let wanted = self.version.unwrap_or(Wanted::Latest);
        Ok(door.node.ask_schemas(|registry| registry.version(&registry.resolve(subject), wanted, false)).await??)
    }
}

fn of_subject(registry: &Registry, id: i32, subject: &Subject) -> Option<Shown> {
    registry.by_id(id, subject).ok().filter(|shown| shown.subject == *subject)
}
