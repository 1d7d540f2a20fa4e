//! JSON messages of a topic, written and read, and validated on both ways.

use std::collections::HashMap;

use milena_schema::{Flaw, Schema, json};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Registry, Settings, Text, framing};

/// Schemas that one reader remembers.
const REMEMBERED: usize = 1_000;

impl Registry {
    /// A writer of JSON messages of a topic. Settles the id, so that writing asks nobody.
    pub async fn json_writer(&self, topic: &str, schema: &Text, settings: &Settings) -> Result<JsonWriter, Error> {
        let title = json::Schema::parse_stored(&schema.text, &[]).map_err(|flaw| Error::Schema { id: 0, flaw })?;
        let subject = settings.naming.subject(self, topic, settings.part, title.name()).await?;
        let id = self.settled(&subject, schema, settings).await?;
        Ok(JsonWriter { id, validator: Some(self.validator(id).await?) })
    }

    /// A reader of JSON messages, each judged by the schema it was written with.
    pub fn json_reader(&self) -> JsonReader {
        JsonReader { registry: self.clone(), known: HashMap::new() }
    }

    /// The id that messages are to carry: of the schema given, or of the subject's newest.
    pub(crate) async fn settled(&self, subject: &str, schema: &Text, settings: &Settings) -> Result<u32, Error> {
        if settings.use_latest {
            return Ok(self.latest(subject).await?.id);
        }
        self.id(subject, schema, settings.auto_register, settings.normalize).await
    }

    async fn validator(&self, id: u32) -> Result<json::Validator, Error> {
        match &*self.schema(id).await? {
            Schema::Json(schema) => schema.validator().map_err(|flaw| Error::Schema { id, flaw }),
            other => Err(Error::Unsupported(format!("schema {id} is {}, not JSON", other.format()))),
        }
    }
}

/// Writes values as JSON messages. No lock, no network.
#[derive(Debug, Clone)]
pub struct JsonWriter {
    id: u32,
    validator: Option<json::Validator>,
}

impl JsonWriter {
    /// Without validation, as other clients write unless they are told otherwise.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.validator = None;
        self
    }

    /// The id that messages carry.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// A message: magic byte, id, JSON. A value that the schema refuses is not written.
    pub fn write<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, Error> {
        let unwritable = |error: serde_json::Error| Error::Invalid { id: self.id, flaw: Flaw::new(error.to_string()) };
        let mut message = Vec::with_capacity(128);
        framing::put_prefix(&mut message, self.id);
        let Some(validator) = &self.validator else {
            serde_json::to_writer(&mut message, value).map_err(unwritable)?;
            return Ok(message);
        };
        let value = serde_json::to_value(value).map_err(unwritable)?;
        validator.validate(&value).map_err(|flaws| invalid(self.id, flaws))?;
        serde_json::to_writer(&mut message, &value).map_err(unwritable)?;
        Ok(message)
    }
}

/// Reads JSON messages.
#[derive(Debug)]
pub struct JsonReader {
    registry: Registry,
    known: HashMap<u32, json::Validator>,
}

impl JsonReader {
    /// One message as a value. The registry is asked only for ids that were not seen before.
    pub async fn read<T: DeserializeOwned>(&mut self, message: &[u8]) -> Result<T, Error> {
        let (id, body) = framing::split_prefix(message)?;
        let unreadable = |why: String| Error::Invalid { id, flaw: Flaw::new(why) };
        let text = std::str::from_utf8(body).map_err(|error| unreadable(error.to_string()))?;
        self.learn(id).await?;
        let value = self.known[&id].validate_text(text).map_err(|flaws| invalid(id, flaws))?;
        serde_json::from_value(value).map_err(|error| unreadable(error.to_string()))
    }

    async fn learn(&mut self, id: u32) -> Result<(), Error> {
        if self.known.contains_key(&id) {
            return Ok(());
        }
        let validator = self.registry.validator(id).await?;
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(id, validator);
        Ok(())
    }
}

fn invalid(id: u32, flaws: Vec<Flaw>) -> Error {
    let flaw = flaws.into_iter().next().unwrap_or_else(|| Flaw::new("the schema refuses it"));
    Error::Invalid { id, flaw }
}
