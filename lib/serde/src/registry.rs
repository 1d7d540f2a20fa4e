//! A registry, asked by name. What it said of an id never changes, so it is asked once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use milena_schema::{Format, Resolved, Schema};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Error, Part, Settings, framing,
    http::{Door, segment},
};

/// A schema that another refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The name under which it is imported.
    pub name: String,
    pub subject: String,
    pub version: i32,
}

/// A schema as the registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text {
    pub format: Format,
    pub text: String,
    pub references: Vec<Reference>,
}

/// A schema's place in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub id: u32,
    /// Older registries do not tell it at registration.
    pub version: Option<i32>,
    pub guid: Option<String>,
    pub schema: Text,
}

/// A registry. Clones share what they learned.
#[derive(Debug, Clone)]
pub struct Registry {
    door: Arc<Door>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    by_id: HashMap<u32, Arc<Schema>>,
    /// By subject, all of the schema, and whether it is normalised: two languages may share a text.
    by_text: HashMap<(String, Text, bool), Named>,
    by_guid: HashMap<[u8; 16], u32>,
}

/// What a message may name its schema by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: u32,
    /// Older registries do not tell it.
    pub(crate) guid: Option<[u8; 16]>,
}

impl Named {
    fn of(found: &Registered) -> Self {
        Self { id: found.id, guid: found.guid.as_deref().and_then(|guid| Uuid::parse_str(guid).ok()).map(Uuid::into_bytes) }
    }

    /// The value of the header that names the schema.
    pub(crate) fn header(&self) -> Result<[u8; 17], Error> {
        let untold =
            || Error::Unsupported(format!("the registry tells no GUID of schema {}: it is too old for headers", self.id));
        self.guid.map(framing::header).ok_or_else(untold)
    }
}

/// Schemas that are remembered. Beyond it the memory is emptied and filled again.
const REMEMBERED: usize = 10_000;
/// References that are followed from one schema.
const REFERENCES: usize = milena_schema::budget::REFERENCES;

impl Registry {
    /// `http://host:port`, perhaps with `user:password@` before the host and a path behind.
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self { door: Arc::new(Door::parse(url)?), known: Arc::default() })
    }

    /// Gives up on a request after so long. A minute, if it is not said.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.door = Arc::new(self.door.with_patience(patience));
        self
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // What is remembered is whole at every moment.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a schema, or finds it again; gives its id.
    pub async fn register(&self, subject: &str, schema: &Text, normalize: bool) -> Result<Registered, Error> {
        let path = format!("/subjects/{}/versions{}", segment(subject), query(normalize));
        let answer = self.door.call("POST", &path, Some(&body(schema))).await?;
        registered(&path, &answer, Some(schema))
    }

    /// Finds a schema that is registered under the subject.
    pub async fn look_up(&self, subject: &str, schema: &Text, normalize: bool) -> Result<Registered, Error> {
        let path = format!("/subjects/{}{}", segment(subject), query(normalize));
        let answer = self.door.call("POST", &path, Some(&body(schema))).await?;
        registered(&path, &answer, Some(schema))
    }

    /// The id of a schema under a subject: registered if `auto`, else looked up. Asked once.
    pub async fn id(&self, subject: &str, schema: &Text, auto: bool, normalize: bool) -> Result<u32, Error> {
        Ok(self.named(subject, schema, auto, normalize).await?.id)
    }

    /// The same, with the GUID.
    pub(crate) async fn named(&self, subject: &str, schema: &Text, auto: bool, normalize: bool) -> Result<Named, Error> {
        let key = (subject.to_owned(), schema.clone(), normalize);
        if let Some(named) = self.known().by_text.get(&key) {
            return Ok(*named);
        }
        let found =
            if auto { self.register(subject, schema, normalize).await } else { self.look_up(subject, schema, normalize).await };
        let named = Named::of(&found?);
        let mut known = self.known();
        if known.by_text.len() >= REMEMBERED {
            known.by_text.clear();
        }
        known.by_text.insert(key, named);
        Ok(named)
    }

    /// What messages are to carry: of the schema given, or of the subject's newest.
    pub(crate) async fn settled(&self, subject: &str, schema: &Text, settings: &Settings) -> Result<Named, Error> {
        if settings.use_latest {
            return Ok(Named::of(&self.latest(subject).await?));
        }
        self.named(subject, schema, settings.auto_register, settings.normalize).await
    }

    /// The newest version of a subject.
    pub async fn latest(&self, subject: &str) -> Result<Registered, Error> {
        self.at(subject, "latest").await
    }

    /// One version of a subject.
    pub async fn version(&self, subject: &str, version: i32) -> Result<Registered, Error> {
        self.at(subject, &version.to_string()).await
    }

    async fn at(&self, subject: &str, version: &str) -> Result<Registered, Error> {
        let path = format!("/subjects/{}/versions/{version}", segment(subject));
        registered(&path, &self.door.call("GET", &path, None).await?, None)
    }

    /// The subjects and versions that have an id.
    pub async fn places(&self, id: u32) -> Result<Vec<(String, i32)>, Error> {
        let path = format!("/schemas/ids/{id}/versions");
        let answer = self.door.call("GET", &path, None).await?;
        let place = |entry: &Value| {
            let version = entry["version"].as_i64().and_then(|v| i32::try_from(v).ok());
            Some((entry["subject"].as_str()?.to_owned(), version?))
        };
        Ok(answer.as_array().into_iter().flatten().filter_map(place).collect())
    }

    /// The text of an id.
    pub async fn text(&self, id: u32) -> Result<Text, Error> {
        let path = format!("/schemas/ids/{id}");
        text_in(&path, &self.door.call("GET", &path, None).await?)
    }

    /// The id of a GUID, as a header carries it. Asked once.
    pub async fn id_of(&self, guid: [u8; 16]) -> Result<u32, Error> {
        if let Some(id) = self.known().by_guid.get(&guid) {
            return Ok(*id);
        }
        let id = self.ask_id_of(guid).await?;
        let mut known = self.known();
        if known.by_guid.len() >= REMEMBERED {
            known.by_guid.clear();
        }
        known.by_guid.insert(guid, id);
        Ok(id)
    }

    async fn ask_id_of(&self, guid: [u8; 16]) -> Result<u32, Error> {
        let path = format!("/schemas/guids/{}/ids", Uuid::from_bytes(guid));
        let answer = self.door.call("GET", &path, None).await?;
        let id = answer[0]["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or(Error::Answer { request: format!("GET {path}"), why: "it names no id".into() })
    }

    /// The schema of an id, with all that it refers to. Asked once.
    pub async fn schema(&self, id: u32) -> Result<Arc<Schema>, Error> {
        if let Some(schema) = self.known().by_id.get(&id) {
            return Ok(schema.clone());
        }
        let root = self.text(id).await?;
        let references = self.references(&root).await?;
        let resolved: Vec<Resolved<'_>> = references.iter().map(|(name, text)| Resolved { name, text }).collect();
        let schema = Schema::parse_stored(root.format, &root.text, &resolved).map_err(|flaw| Error::Schema { id, flaw })?;
        let schema = Arc::new(schema);
        let mut known = self.known();
        if known.by_id.len() >= REMEMBERED {
            known.by_id.clear();
        }
        known.by_id.insert(id, schema.clone());
        Ok(schema)
    }

    /// Names and texts of everything that a schema needs, what is needed first in front.
    async fn references(&self, root: &Text) -> Result<Vec<(String, String)>, Error> {
        let mut done: Vec<(String, String)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        // A reference is opened, and closed when what it refers to is closed.
        let mut open: Vec<(Reference, Option<Text>)> = root.references.iter().rev().map(|r| (r.clone(), None)).collect();
        while let Some((reference, text)) = open.pop() {
            if let Some(text) = text {
                done.push((reference.name, text.text));
                continue;
            }
            if !seen.insert((reference.subject.clone(), reference.version)) {
                continue;
            }
            if seen.len() > REFERENCES {
                return Err(Error::Unsupported(format!("a schema refers to more than {REFERENCES} others")));
            }
            let path = format!("/subjects/{}/versions/{}", segment(&reference.subject), reference.version);
            let found = text_in(&path, &self.door.call("GET", &path, None).await?)?;
            let inner: Vec<_> = found.references.iter().rev().map(|r| (r.clone(), None)).collect();
            open.push((reference, Some(found)));
            open.extend(inner);
        }
        Ok(done)
    }

    /// The subject that the registry associates with a topic; `None` if there is none, or if it knows no associations.
    pub(crate) async fn associated(&self, cluster: Option<&str>, topic: &str, part: Part) -> Result<Option<String>, Error> {
        let place = format!("{}/{}", segment(cluster.unwrap_or("-")), segment(topic));
        let path = format!("/associations/resources/{place}?resourceType=topic&associationType={}", part.name());
        match self.door.call("GET", &path, None).await {
            Ok(answer) => match answer.as_array().map_or(&[][..], Vec::as_slice) {
                [] => Ok(None),
                [one] => Ok(one["subject"].as_str().map(str::to_owned)),
                _ => Err(Error::Unsupported(format!("the registry associates several subjects with topic {topic}"))),
            },
            Err(Error::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn query(normalize: bool) -> &'static str {
    if normalize { "?normalize=true" } else { "" }
}

fn body(schema: &Text) -> Value {
    let mut body = json!({"schema": schema.text});
    if schema.format != Format::Avro {
        body["schemaType"] = schema.format.name().into();
    }
    if !schema.references.is_empty() {
        let list = schema.references.iter().map(|r| json!({"name": r.name, "subject": r.subject, "version": r.version}));
        body["references"] = list.collect();
    }
    body
}

fn text_in(path: &str, answer: &Value) -> Result<Text, Error> {
    let broken = |why: &str| Error::Answer { request: path.to_owned(), why: why.to_owned() };
    let text = answer["schema"].as_str().ok_or_else(|| broken("it has no schema"))?.to_owned();
    let format = answer["schemaType"].as_str().unwrap_or("AVRO").parse().map_err(|_| broken("its schemaType is unknown"))?;
    let references = answer["references"].as_array().map_or(&[][..], Vec::as_slice).iter().map(|r| {
        let part = |key: &str| r[key].as_str().map(str::to_owned);
        let version = r["version"].as_i64().and_then(|v| i32::try_from(v).ok());
        Some(Reference { name: part("name")?, subject: part("subject")?, version: version? })
    });
    let references = references.collect::<Option<Vec<_>>>().ok_or_else(|| broken("one of its references is broken"))?;
    Ok(Text { format, text, references })
}

/// What a registration or look-up answered. Older registries say the id and nothing else.
fn registered(path: &str, answer: &Value, asked: Option<&Text>) -> Result<Registered, Error> {
    let id = answer["id"].as_u64().and_then(|id| u32::try_from(id).ok());
    let id = id.ok_or_else(|| Error::Answer { request: path.to_owned(), why: "it has no id".into() })?;
    let schema = match (text_in(path, answer), asked) {
        (Ok(schema), _) => schema,
        (Err(_), Some(asked)) => asked.clone(),
        (Err(error), None) => return Err(error),
    };
    let version = answer["version"].as_i64().and_then(|v| i32::try_from(v).ok());
    Ok(Registered { id, version, guid: answer["guid"].as_str().map(str::to_owned), schema })
}
