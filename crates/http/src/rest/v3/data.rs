//! A key or a value of a v3 record: how it is said, by which schema if by any, and its bytes.

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::StatusCode;
use milena_node::engine::subject::{Format, Wanted};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

use crate::{
    coding::{Meant, Naming, Part, Trouble, Wish},
    rest::{
        compact,
        fault::{Fault, Told},
    },
    serve::Door,
};

/// A key or a value as it comes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DataIn<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(rename = "type")]
    kind: Option<String>,
    schema: Option<String>,
    schema_id: Option<i32>,
    /// A number, or a text that is one.
    schema_version: Option<Value>,
    subject: Option<String>,
    subject_name_strategy: Option<String>,
    /// Not in the proxy's contract; whoever sends them would otherwise hear that his schema is wrong.
    references: Option<IgnoredAny>,
}

/// What is told of it.
#[derive(Serialize)]
pub(super) struct DataOut {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_version: Option<i32>,
    size: usize,
}

/// How data becomes bytes.
enum Kind {
    Binary,
    Json,
    Text,
    Schema(Wish),
}

/// Encodes what comes together, and remembers the schemas of the last key and of the last value: mostly the next one has
/// the same.
pub(super) struct Coder<'d> {
    door: &'d Door,
    topic: &'d str,
    last: [Option<(Wish, Meant)>; 2],
}

impl DataIn<'_> {
    /// Whether anything is said of a schema.
    fn names_schema(&self) -> bool {
        self.schema.is_some()
            || self.schema_id.is_some()
            || self.schema_version.is_some()
            || self.subject.is_some()
            || self.subject_name_strategy.is_some()
    }

    fn kind(&self) -> Told<Kind> {
        let kind = self.kind.as_deref().map(str::to_ascii_uppercase);
        let plain = match kind.as_deref() {
            Some("BINARY") => Kind::Binary,
            Some("JSON") => Kind::Json,
            Some("STRING") => Kind::Text,
            Some("AVRO") => return self.wish(Some(Format::Avro)),
            Some("JSONSCHEMA") => return self.wish(Some(Format::Json)),
            Some("PROTOBUF") => return self.wish(Some(Format::Protobuf)),
            None => return self.wish(None),
            Some(other) => {
                return Err(bad(format!("the type {other:?} is not BINARY, JSON, STRING, AVRO, JSONSCHEMA or PROTOBUF")));
            }
        };
        match self.names_schema() {
            false => Ok(plain),
            true => Err(Fault::bad_payload("data of the types BINARY, JSON and STRING has no schema")),
        }
    }

    fn wish(&self, format: Option<Format>) -> Told<Kind> {
        if self.references.is_some() {
            return Err(Fault::bad_payload(
                "references of a schema cannot be sent with records; register it at the registry, and name its schema_id here",
            ));
        }
        let version = match &self.schema_version {
            None | Some(Value::Null) => None,
            Some(version) => {
                let text = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
                Some(Wanted::parse(&text).map_err(Fault::bad_payload)?)
            }
        };
        let naming = match self.subject_name_strategy.as_deref().map(str::to_ascii_uppercase).as_deref() {
            None | Some("TOPIC_NAME") => Naming::Topic,
            Some("RECORD_NAME") => Naming::Record,
            Some("TOPIC_RECORD_NAME") => Naming::TopicRecord,
            Some(other) => {
                let words = format!("subject_name_strategy {other:?} is not TOPIC_NAME, RECORD_NAME or TOPIC_RECORD_NAME");
                return Err(Fault::bad_payload(words));
            }
        };
        let (text, subject) = (self.schema.clone(), self.subject.clone());
        Ok(Kind::Schema(Wish { format, text, id: self.schema_id, version, subject, naming }))
    }
}

impl<'d> Coder<'d> {
    pub(super) fn new(door: &'d Door, topic: &'d str) -> Self {
        Self { door, topic, last: [None, None] }
    }

    /// Absent, null, and data that is null are the same: there is none.
    pub(super) async fn encode(&mut self, part: Part, asked: Option<DataIn<'_>>) -> Told<(Option<Vec<u8>>, Option<DataOut>)> {
        let Some(asked) = asked else { return Ok((None, None)) };
        let kind = asked.kind()?;
        let Some(data) = asked.data else { return Ok((None, kind.of_nothing())) };
        let (bytes, mut out) = match &kind {
            Kind::Json => (compact(data.get()), plain("JSON")),
            Kind::Text => (text(data, "STRING")?.into_bytes(), plain("STRING")),
            Kind::Binary => (binary(&text(data, "BINARY")?)?, plain("BINARY")),
            Kind::Schema(wish) => {
                let unnamed = !asked.names_schema() && asked.kind.is_none();
                self.judge_topic(wish).await?;
                let meant = self.meant(part, wish).await.map_err(|trouble| told(trouble, unnamed))?;
                (meant.encode(data.get()).map_err(Fault::unfit)?, DataOut::of(meant))
            }
        };
        out.size = bytes.len();
        Ok((Some(bytes), Some(out)))
    }

    /// Nothing is registered for a topic that there cannot be.
    async fn judge_topic(&self, wish: &Wish) -> Told<()> {
        if wish.text.is_some() && self.door.node.topic(self.topic).is_none() {
            self.door.node.create_topic_automatically(self.topic).await??;
        }
        Ok(())
    }

    async fn meant(&mut self, part: Part, wish: &Wish) -> Result<&Meant, Trouble> {
        let slot = &mut self.last[usize::from(part == Part::Value)];
        if slot.as_ref().is_none_or(|(last, _)| last != wish) {
            *slot = Some((wish.clone(), wish.meant(self.door, self.topic, part).await?));
        }
        match slot {
            Some((_, meant)) => Ok(meant),
            None => Err(Trouble::Wish("the schema was lost".into())),
        }
    }
}

impl Kind {
    /// A schema is not looked for when there is nothing to write with it.
    fn of_nothing(&self) -> Option<DataOut> {
        match self {
            Self::Binary => Some(plain("BINARY")),
            Self::Json => Some(plain("JSON")),
            Self::Text => Some(plain("STRING")),
            Self::Schema(_) => None,
        }
    }
}

impl DataOut {
    fn of(meant: &Meant) -> Self {
        let kind = match meant.content().format {
            Format::Avro => "AVRO",
            Format::Json => "JSONSCHEMA",
            Format::Protobuf => "PROTOBUF",
        };
        let shown = &meant.shown;
        let (subject, schema_id, schema_version) = (Some(shown.subject.to_string()), Some(shown.id), Some(shown.version));
        Self { kind, subject, schema_id, schema_version, size: 0 }
    }
}

fn plain(kind: &'static str) -> DataOut {
    DataOut { kind, subject: None, schema_id: None, schema_version: None, size: 0 }
}

/// v3 has a number of its own for what the registry declines. Who named neither a type nor a schema hears of both.
fn told(trouble: Trouble, unnamed: bool) -> Fault {
    match trouble {
        Trouble::Refused(_) if unnamed => {
            bad("name the type of the data (BINARY, JSON, STRING), or its schema; the subject of the topic has none")
        }
        trouble => match Fault::from(trouble) {
            Fault { code: 40801, message, .. } => Fault::new(StatusCode::UNPROCESSABLE_ENTITY, 42207, message),
            fault => fault,
        },
    }
}

fn text(data: &RawValue, kind: &str) -> Told<String> {
    serde_json::from_str(data.get()).map_err(|_| bad(format!("data of type {kind} is a string")))
}

pub(super) fn binary(text: &str) -> Told<Vec<u8>> {
    BASE64_STANDARD.decode(text).map_err(|error| bad(format!("not base64: {error}")))
}

pub(super) fn bad(message: impl std::fmt::Display) -> Fault {
    Fault::plain(StatusCode::BAD_REQUEST, format!("Bad Request: {message}"))
}
