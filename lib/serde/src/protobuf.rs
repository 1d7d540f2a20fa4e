//! Protobuf messages of a topic, written and read: as bytes of one's own generated code, or as JSON by descriptors alone.

use std::{collections::HashMap, sync::Arc};

use milena_schema::{Schema, protobuf::Message};

use crate::{Error, Registry, Settings, Text, framing, registry::Named};

/// Schemas that one reader remembers.
const REMEMBERED: usize = 1_000;

impl Registry {
    /// A writer of one kind of message of a file, by its full name. Settles the id, so that writing asks nobody.
    pub async fn protobuf_writer(
        &self,
        topic: &str,
        schema: &Text,
        message: &str,
        settings: &Settings,
    ) -> Result<ProtobufWriter, Error> {
        let subject = settings.naming.subject(self, topic, settings.part, Some(message)).await?;
        let named = self.settled(&subject, schema, settings).await?;
        let id = named.id;
        let schema = self.schema(id).await?;
        let Schema::Protobuf(file) = &*schema else {
            return Err(Error::Unsupported(format!("schema {id} is {}, not Protobuf", schema.format())));
        };
        let Some((indexes, kind)) = file.indexes(message).zip(file.message(message)) else {
            return Err(Error::Unsupported(format!("schema {id} has no message {message}")));
        };
        let mut head = Vec::with_capacity(8);
        framing::put_prefix(&mut head, id);
        framing::put_indexes(&mut head, &indexes);
        Ok(ProtobufWriter { named, indexes, head, kind })
    }

    /// A reader of Protobuf messages.
    pub fn protobuf_reader(&self) -> ProtobufReader {
        ProtobufReader { registry: self.clone(), known: HashMap::new() }
    }
}

/// Writes messages of one kind. No lock, no network.
#[derive(Debug, Clone)]
pub struct ProtobufWriter {
    named: Named,
    indexes: Vec<i32>,
    head: Vec<u8>,
    kind: Message,
}

impl ProtobufWriter {
    /// The id that messages carry.
    pub fn id(&self) -> u32 {
        self.named.id
    }

    /// A message that is encoded already: magic byte, id, indexes, and it.
    pub fn write(&self, encoded: &[u8]) -> Vec<u8> {
        [self.head.as_slice(), encoded].concat()
    }

    /// The value of the header that names the schema, and within it the message, for bytes that are written as they are.
    pub fn header(&self) -> Result<Vec<u8>, Error> {
        let mut header = self.named.header()?.to_vec();
        framing::put_indexes(&mut header, &self.indexes);
        Ok(header)
    }

    /// A message from JSON, in Protobuf's mapping.
    pub fn write_json(&self, text: &str) -> Result<Vec<u8>, Error> {
        let encoded = self.kind.from_json(text).map_err(|flaw| Error::Invalid { id: self.named.id, flaw })?;
        Ok(self.write(&encoded))
    }
}

/// Reads Protobuf messages.
#[derive(Debug)]
pub struct ProtobufReader {
    registry: Registry,
    known: HashMap<u32, Arc<Schema>>,
}

impl ProtobufReader {
    /// Which kind of message it is, and its bytes: for one's own generated code.
    pub async fn read<'m>(&mut self, message: &'m [u8]) -> Result<(Message, &'m [u8]), Error> {
        let (id, rest) = framing::split_prefix(message)?;
        let (indexes, body) = framing::split_indexes(rest)?;
        Ok((self.kind(id, &indexes).await?, body))
    }

    /// The same of a message whose schema stands in a header beside it.
    pub async fn read_with_header<'m>(&mut self, header: &[u8], body: &'m [u8]) -> Result<(Message, &'m [u8]), Error> {
        let (guid, rest) = framing::split_header(header)?;
        let (indexes, _) = framing::split_indexes(rest)?;
        let id = self.registry.id_of(guid).await?;
        Ok((self.kind(id, &indexes).await?, body))
    }

    async fn kind(&mut self, id: u32, indexes: &[i32]) -> Result<Message, Error> {
        let schema = self.schema(id).await?;
        let Schema::Protobuf(file) = &*schema else {
            return Err(Error::Unsupported(format!("schema {id} is {}, not Protobuf", schema.format())));
        };
        file.message_at(indexes).ok_or_else(|| Error::Unsupported(format!("schema {id} has no message at {indexes:?}")))
    }

    /// A message as JSON, in Protobuf's mapping.
    pub async fn read_json(&mut self, message: &[u8]) -> Result<String, Error> {
        let (id, _) = framing::split_prefix(message)?;
        let (kind, body) = self.read(message).await?;
        kind.to_json(body).map_err(|flaw| Error::Invalid { id, flaw })
    }

    async fn schema(&mut self, id: u32) -> Result<Arc<Schema>, Error> {
        if let Some(schema) = self.known.get(&id) {
            return Ok(schema.clone());
        }
        let schema = self.registry.schema(id).await?;
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(id, schema.clone());
        Ok(schema)
    }
}
