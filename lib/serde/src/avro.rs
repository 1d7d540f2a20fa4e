//! Avro messages of a topic, written and read.

use std::{collections::HashMap, marker::PhantomData, sync::Arc};

use milena_schema::{
    Format, Schema,
    avro::{Decode, Encode, Evolving, Plan, Typed, Unions},
};

use crate::{Error, Naming, Part, Registry, Text, framing, registry::Named};

/// How a writer finds its schema's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub part: Part,
    pub naming: Naming,
    /// Register the schema if the registry does not have it yet.
    pub auto_register: bool,
    /// Ask the registry to normalise it.
    pub normalize: bool,
    /// Write with the id of the subject's newest version, which must be able to read the type's data.
    pub use_latest: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { part: Part::Value, naming: Naming::Topic, auto_register: true, normalize: false, use_latest: false }
    }
}

impl Registry {
    /// A writer of a topic's messages. Settles the id, so that writing asks nobody.
    pub async fn writer<T: Typed + Encode>(&self, topic: &str, settings: &Settings) -> Result<Writer<T>, Error> {
        let subject = settings.naming.subject(self, topic, settings.part, Some(T::NAME)).await?;
        let text = Text { format: Format::Avro, text: T::SCHEMA.to_owned(), references: Vec::new() };
        let named = self.settled(&subject, &text, settings).await?;
        let plan = if settings.use_latest { self.to_latest::<T>(named.id).await? } else { None };
        Ok(Writer { named, plan, of: PhantomData })
    }

    /// How the type's data become data of the newest schema; `None` if they are that already.
    async fn to_latest<T: Typed>(&self, id: u32) -> Result<Option<Plan>, Error> {
        let unreadable = |flaw| Error::Unreadable { id, name: T::NAME, flaw };
        let ours = milena_schema::avro::Schema::parse(T::SCHEMA).map_err(unreadable)?;
        let latest = self.schema(id).await?;
        let latest = avro(&latest)?;
        if latest.parsing_form() == ours.parsing_form() {
            return Ok(None);
        }
        Plan::resolve(&ours, latest).map(Some).map_err(unreadable)
    }

    /// A reader of messages, whatever schema of the registry they were written with.
    pub fn reader<T: Typed>(&self) -> Reader<T> {
        Reader { registry: self.clone(), known: HashMap::new(), scratch: Vec::new(), of: PhantomData }
    }

    /// A reader for which no Rust type is needed.
    pub fn any_reader(&self) -> AnyReader {
        AnyReader { registry: self.clone(), known: HashMap::new() }
    }
}

fn avro(schema: &Schema) -> Result<&milena_schema::avro::Schema, Error> {
    match schema {
        Schema::Avro(schema) => Ok(schema),
        other => Err(Error::Unsupported(format!("{} messages are not read here", other.format()))),
    }
}

/// Writes values of a type as messages of a topic. No lock, no network.
#[derive(Debug, Clone)]
pub struct Writer<T> {
    named: Named,
    /// Into the newest schema, if that is asked for and another.
    plan: Option<Plan>,
    of: PhantomData<fn(T)>,
}

impl<T: Encode> Writer<T> {
    /// The id that messages carry.
    pub fn id(&self) -> u32 {
        self.named.id
    }

    /// A message: magic byte, id, Avro.
    pub fn write(&self, value: &T) -> Result<Vec<u8>, Error> {
        let mut message = Vec::with_capacity(64);
        self.append(value, &mut message)?;
        Ok(message)
    }

    /// The same, appended.
    pub fn append(&self, value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        framing::put_prefix(out, self.named.id);
        self.body(value, out)
    }

    /// The value of the header that names the schema ([`framing::VALUE_HEADER`]), and the Avro without anything before it.
    pub fn write_with_header(&self, value: &T) -> Result<([u8; 17], Vec<u8>), Error> {
        let (header, mut body) = (self.named.header()?, Vec::with_capacity(64));
        self.body(value, &mut body)?;
        Ok((header, body))
    }

    fn body(&self, value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        let Some(plan) = &self.plan else {
            value.encode(out);
            return Ok(());
        };
        let ours = value.to_avro();
        let mut reader = milena_schema::avro::binary::Reader::new(&ours);
        plan.rewrite(&mut reader, out).map_err(|why| Error::Data { id: self.named.id, why })
    }
}

/// Schemas that one reader remembers.
const REMEMBERED: usize = 1_000;

/// Reads messages of a topic as values of a type.
#[derive(Debug)]
pub struct Reader<T> {
    registry: Registry,
    known: HashMap<u32, Evolving>,
    scratch: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T: Typed> Reader<T> {
    /// Reads one message. The registry is asked only for ids that were not seen before.
    pub async fn read<'a>(&'a mut self, message: &'a [u8]) -> Result<T, Error>
    where
        T: Decode<'a>,
    {
        let (id, body) = framing::split_prefix(message)?;
        self.learn(id).await?;
        self.body(id, body)
    }

    /// Reads one message whose schema stands in a header beside it.
    pub async fn read_with_header<'a>(&'a mut self, header: &[u8], body: &'a [u8]) -> Result<T, Error>
    where
        T: Decode<'a>,
    {
        let (guid, _) = framing::split_header(header)?;
        let id = self.registry.id_of(guid).await?;
        self.learn(id).await?;
        self.body(id, body)
    }

    async fn learn(&mut self, id: u32) -> Result<(), Error> {
        if self.known.contains_key(&id) {
            return Ok(());
        }
        let schema = self.registry.schema(id).await?;
        let evolving = Evolving::new::<T>(avro(&schema)?).map_err(|flaw| Error::Unreadable { id, name: T::NAME, flaw })?;
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(id, evolving);
        Ok(())
    }

    fn body<'a>(&'a mut self, id: u32, body: &'a [u8]) -> Result<T, Error>
    where
        T: Decode<'a>,
    {
        match self.known.get(&id) {
            Some(evolving) => evolving.decode(body, &mut self.scratch).map_err(|why| Error::Data { id, why }),
            None => Err(Error::Unsupported(format!("schema {id} was not asked for"))),
        }
    }
}

/// Reads Avro messages as JSON.
#[derive(Debug)]
pub struct AnyReader {
    registry: Registry,
    known: HashMap<u32, Arc<Plan>>,
}

impl AnyReader {
    /// One message as JSON text.
    pub async fn read_json(&mut self, message: &[u8], unions: Unions) -> Result<String, Error> {
        let (id, body) = framing::split_prefix(message)?;
        self.plan(id).await?.to_json(body, unions).map_err(|why| Error::Data { id, why })
    }

    /// How data of an id are read, to go on by hand.
    pub async fn plan(&mut self, id: u32) -> Result<Arc<Plan>, Error> {
        if let Some(plan) = self.known.get(&id) {
            return Ok(plan.clone());
        }
        let schema = self.registry.schema(id).await?;
        let plan = Arc::new(Plan::new(avro(&schema)?));
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(id, plan.clone());
        Ok(plan)
    }
}
