//! JSON messages of a topic, written and read, and validated on both ways.

use std::collections::HashMap;

use milena_schema::{Flaw, Schema, json};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Registry, Settings, Text, framing, registry::Named};

/// Schemas that one reader remembers.
const REMEMBERED: usize = 1_000;

impl Registry {
    /// A writer of JSON messages of a topic. Settles the id, so that writing asks nobody.
    pub async fn json_writer(&self, topic: &str, schema: &Text, settings: &Settings) -> Result<JsonWriter, Error> {
        let title = json::Schema::parse_stored(&schema.text, &[]).map_err(|flaw| Error::Schema { id: 0, flaw })?;
        let subject = settings.naming.subject(self, topic, settings.part, title.name()).await?;
        let named = self.settled(&subject, schema, settings).await?;
        Ok(JsonWriter { named, validator: Some(self.validator(named.id).await?) })
    }

    /// A reader of JSON messages, each judged by the schema it was written with.
    pub fn json_reader(&self) -> JsonReader {
        JsonReader { registry: self.clone(), known: HashMap::new() }
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
    named: Named,
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
        self.named.id
    }

    /// A message: magic byte, id, JSON. A value that the schema refuses is not written.
    pub fn write<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, Error> {
        let mut message = Vec::with_capacity(128);
        framing::put_prefix(&mut message, self.named.id);
        self.append(value, &mut message)?;
        Ok(message)
    }

    /// The value of the header that names the schema, and the JSON without anything before it.
    pub fn write_with_header<T: Serialize>(&self, value: &T) -> Result<([u8; 17], Vec<u8>), Error> {
        let (header, mut body) = (self.named.header()?, Vec::with_capacity(128));
        self.append(value, &mut body)?;
        Ok((header, body))
    }

    fn append<T: Serialize>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        let id = self.named.id;
        let unwritable = |error: serde_json::Error| Error::Invalid { id, flaw: Flaw::new(error.to_string()) };
        let Some(validator) = &self.validator else {
            return serde_json::to_writer(out, value).map_err(unwritable);
        };
        let value = serde_json::to_value(value).map_err(unwritable)?;
        validator.validate(&value).map_err(|flaws| invalid(id, flaws))?;
        serde_json::to_writer(out, &value).map_err(unwritable)
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
        self.body(id, body).await
    }

    /// One message whose schema stands in a header beside it.
    pub async fn read_with_header<T: DeserializeOwned>(&mut self, header: &[u8], body: &[u8]) -> Result<T, Error> {
        let (guid, _) = framing::split_header(header)?;
        let id = self.registry.id_of(guid).await?;
        self.body(id, body).await
    }

    async fn body<T: DeserializeOwned>(&mut self, id: u32, body: &[u8]) -> Result<T, Error> {
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
