//! Schemas of the broker's registry with all that they refer to: what turns JSON into a message's bytes and back, and says
//! what each of these bytes is. Each schema is asked for once.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use milena_client::Cluster;
use milena_schema::{
    Flaw, Schema, Span,
    avro::{Plan, Unions},
    json::Validator,
    protobuf::{self, Message},
};
use milena_serde::{Registry, framing};

use crate::{
    failure::Failure,
    ours::Ours,
    screen,
    web::{Found, Web},
};

const PATIENCE: Duration = Duration::from_secs(10);
/// Who only shows asks a registry that did not answer again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// The registry at a URL, or the broker's own. `what` is what the caller cannot do without it.
pub(crate) async fn registry(cluster: &Cluster, url: Option<&str>, what: &str) -> Result<Registry, Failure> {
    let registry = match url {
        Some(url) => Registry::new(url)?,
        None => Registry::new(&Web::of_registry(cluster, what).await?.url())?,
    };
    Ok(registry.with_patience(PATIENCE))
}

/// The schemas that were asked for so far.
pub(crate) struct Shelf {
    cluster: Cluster,
    /// Looked for when it is needed first. A broker without a registry has no schemas.
    registry: Option<Option<Registry>>,
    known: HashMap<u32, Option<Arc<Known>>>,
    guids: HashMap<[u8; 16], Option<u32>>,
    /// When the registry, or the broker that knows of one, did not answer last.
    unheard: Option<Instant>,
}

/// A schema, and where it is registered.
pub(crate) struct Known {
    pub(crate) id: u32,
    pub(crate) subject: String,
    pub(crate) version: i32,
    codec: Codec,
}

/// How its messages are read and written.
enum Codec {
    Avro(milena_schema::avro::Schema, Box<Plan>),
    Json(Box<Validator>),
    Protobuf(protobuf::Schema),
}

impl Shelf {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self { cluster, registry: None, known: HashMap::new(), guids: HashMap::new(), unheard: None }
    }

    /// The broker's registry; `None` where there is none: of another broker, or with its doors off. A broker that cannot be
    /// heard is an error.
    pub(crate) async fn registry(&mut self) -> Result<Option<Registry>, Failure> {
        if self.registry.is_none() {
            let door = match Ours::ask(&self.cluster).await?.and_then(Ours::registry) {
                Some(address) => self.door(&address).await?,
                None => None,
            };
            let registry = door.map(|door| Registry::new(&door.url())).transpose()?;
            self.registry = Some(registry.map(|registry| registry.with_patience(PATIENCE)));
        }
        Ok(self.registry.clone().flatten())
    }

    /// Nobody is at the door where something else answers.
    async fn door(&self, address: &str) -> Result<Option<Web>, Failure> {
        Ok(match Web::found(address, &self.cluster).await? {
            Found::Door(web) => Some(web),
            Found::Another(web) => {
                let url = web.url();
                screen::talk(format_args!(
                    "what answers at {url} on this machine is not that broker, so bytes go and are shown as they are"
                ));
                None
            }
        })
    }

    /// The schema of an id, for who only shows: `None` where there is none, or none can be had just now. Where several subjects
    /// have it, `subject` is named.
    pub(crate) async fn by_id(&mut self, id: u32, subject: &str) -> Option<Arc<Known>> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let known = self.heard(async |shelf| shelf.ask(id, subject).await).await?.map(Arc::new);
        self.known.insert(id, known.clone());
        known
    }

    /// The schema of a GUID, as a header names it.
    pub(crate) async fn by_guid(&mut self, guid: [u8; 16], subject: &str) -> Option<Arc<Known>> {
        if !self.guids.contains_key(&guid) {
            let id = self.heard(async |shelf| shelf.ask_guid(guid).await).await?;
            self.guids.insert(guid, id);
        }
        self.by_id((*self.guids.get(&guid)?)?, subject).await
    }

    /// What was answered, if anything was. What was not is asked again later, and told once.
    async fn heard<T>(&mut self, ask: impl AsyncFnOnce(&mut Self) -> Result<T, Failure>) -> Option<T> {
        if self.unheard.is_some_and(|since| since.elapsed() < AGAIN) {
            return None;
        }
        match ask(self).await {
            Ok(told) => {
                self.unheard = None;
                Some(told)
            }
            Err(failure) => {
                if self.unheard.is_none() {
                    screen::talk(format_args!(
                        "schemas cannot be asked for just now, and bytes are shown as they are: {}",
                        failure.what()
                    ));
                }
                self.unheard = Some(Instant::now());
                None
            }
        }
    }

    async fn ask_guid(&mut self, guid: [u8; 16]) -> Result<Option<u32>, Failure> {
        let Some(registry) = self.registry().await? else { return Ok(None) };
        Ok(answered(registry.id_of(guid).await)?)
    }

    /// `None`: there is no registry, it has no such schema, or the schema is none that can be read here.
    async fn ask(&mut self, id: u32, subject: &str) -> Result<Option<Known>, Failure> {
        let Some(registry) = self.registry().await? else { return Ok(None) };
        let schema = answered(registry.schema(id).await)?;
        let Some(codec) = schema.and_then(|schema| Codec::of(&schema).ok()) else { return Ok(None) };
        let places = registry.places(id).await.unwrap_or_default();
        let place = places.iter().find(|(name, _)| name == subject).or(places.first()).cloned();
        let (subject, version) = place.unwrap_or_default();
        Ok(Some(Known { id, subject, version, codec }))
    }
}

/// What a registry has to show; `None` when it answers that it has not, may not, or has what cannot be read here. One that does
/// not answer, or cannot just now, is an error.
fn answered<T>(asked: Result<T, milena_serde::Error>) -> Result<Option<T>, milena_serde::Error> {
    use milena_serde::Error::{Refused, Unreachable};
    match asked {
        Err(error @ (Unreachable { .. } | Refused { status: 500.., .. })) => Err(error),
        asked => Ok(asked.ok()),
    }
}

impl Codec {
    fn of(schema: &Schema) -> Result<Self, Flaw> {
        match schema {
            Schema::Avro(schema) => Ok(Self::Avro(schema.clone(), Box::new(Plan::new(schema)))),
            Schema::Json(schema) => Ok(Self::Json(Box::new(schema.validator()?))),
            Schema::Protobuf(schema) => Ok(Self::Protobuf(schema.clone())),
            other => Err(Flaw::new(format!("{} is not known here", other.format()))),
        }
    }
}

impl Known {
    /// The newest schema of a subject; `None` when it has none. A registry that cannot tell is an error: what is written as if
    /// there were no schema nobody else can read.
    pub(crate) async fn latest(registry: &Registry, subject: &str) -> Result<Option<Self>, milena_serde::Error> {
        let latest = match registry.latest(subject).await {
            Err(milena_serde::Error::Refused { status: 404, .. }) => return Ok(None),
            other => other?,
        };
        let (id, version) = (latest.id, latest.version.unwrap_or(0));
        let codec = Codec::of(&*registry.schema(id).await?).map_err(|flaw| milena_serde::Error::Schema { id, flaw })?;
        Ok(Some(Self { id, subject: subject.into(), version, codec }))
    }

    /// `people-value v1`, or nothing when no subject has it any more.
    pub(crate) fn place(&self) -> String {
        if self.subject.is_empty() { String::new() } else { format!("{} v{}", self.subject, self.version) }
    }

    /// The format in a word.
    pub(crate) fn format(&self) -> &'static str {
        match self.codec {
            Codec::Avro(..) => "avro",
            Codec::Json(_) => "json",
            Codec::Protobuf(_) => "protobuf",
        }
    }

    /// The schema, where it is Avro.
    pub(crate) fn avro(&self) -> Option<&milena_schema::avro::Schema> {
        match &self.codec {
            Codec::Avro(schema, _) => Some(schema),
            Codec::Json(_) | Codec::Protobuf(_) => None,
        }
    }

    /// What stands behind the id, as JSON.
    pub(crate) fn decode(&self, body: &[u8]) -> Result<String, Flaw> {
        match &self.codec {
            Codec::Avro(_, plan) => plan.to_json(body, Unions::Bare).map_err(|why| Flaw::new(why.to_string())),
            Codec::Json(_) => String::from_utf8(body.to_vec()).map_err(|why| Flaw::new(why.to_string())),
            Codec::Protobuf(file) => {
                let (message, _, body) = message_in(file, body)?;
                message.to_json(body)
            }
        }
    }

    /// A whole message: magic byte, id, and JSON in the schema's form. `message` is the one of a Protobuf file that is meant;
    /// without it, the first.
    pub(crate) fn encode(&self, text: &str, message: Option<&str>) -> Result<Vec<u8>, Flaw> {
        let mut out = Vec::new();
        framing::put_prefix(&mut out, self.id);
        match &self.codec {
            Codec::Avro(schema, _) => schema.encode_json(text, &mut out)?,
            Codec::Json(validator) => {
                let value = serde_json::from_str(text).map_err(|why| Flaw::new(why.to_string()))?;
                validator
                    .validate(&value)
                    .map_err(|flaws| flaws.into_iter().next().unwrap_or_else(|| Flaw::new("it does not fit")))?;
                out.extend_from_slice(text.as_bytes());
            }
            Codec::Protobuf(file) => {
                let indexes = match message {
                    None => vec![0],
                    Some(name) => file.indexes(name).ok_or_else(|| Flaw::new(format!("the file has no message {name}")))?,
                };
                let kind = file.message_at(&indexes).ok_or_else(|| Flaw::new("the file has no message"))?;
                framing::put_indexes(&mut out, &indexes);
                out.extend(kind.from_json(text)?);
            }
        }
        Ok(out)
    }

    /// [`Self::encode`] of a key. Keys are typed as they are: text that is no JSON of the schema may be it as a string.
    pub(crate) fn encode_key(&self, text: &str) -> Result<Vec<u8>, Flaw> {
        let plain = || self.encode(&serde_json::Value::from(text).to_string(), None);
        self.encode(text, None).or_else(|flaw| plain().map_err(|_| flaw))
    }

    /// The parts of what stands behind the id, in their order, and why they end before the bytes do. Nothing for JSON, which
    /// everybody can read.
    pub(crate) fn dissect(&self, body: &[u8], most: usize) -> Option<(Vec<Span>, Option<String>)> {
        match &self.codec {
            Codec::Avro(schema, _) => {
                let (spans, flaw) = schema.dissect(body, most);
                Some((spans, flaw.map(|flaw| flaw.to_string())))
            }
            Codec::Json(_) => None,
            Codec::Protobuf(file) => Some(match message_in(file, body) {
                Err(flaw) => (Vec::new(), Some(flaw.to_string())),
                Ok((message, indexes, rest)) => {
                    let head = body.len() - rest.len();
                    let mut spans =
                        vec![Span { at: 0..head, words: format!("message indexes {indexes:?} = {}", message.name()) }];
                    let (found, flaw) = message.dissect(rest, most);
                    spans.extend(found.into_iter().map(|s| Span { at: s.at.start + head..s.at.end + head, words: s.words }));
                    (spans, flaw.map(str::to_string))
                }
            }),
        }
    }
}

/// Which message of a file it is, and its bytes.
fn message_in<'b>(file: &protobuf::Schema, body: &'b [u8]) -> Result<(Message, Vec<i32>, &'b [u8]), Flaw> {
    let (indexes, rest) = framing::split_indexes(body).map_err(|why| Flaw::new(why.to_string()))?;
    let message = file.message_at(&indexes).ok_or_else(|| Flaw::new(format!("the file has no message {indexes:?}")))?;
    Ok((message, indexes, rest))
}

#[cfg(test)]
mod tests {
    use milena_client::{Config, Retry};
    use milena_schema::Format;
    use milena_serde::Text;
    use milena_testkit::Kit;

    use super::*;

    #[test]
    fn a_registry_that_says_no_to_one_schema_is_heard() {
        let refused = |status| milena_serde::Error::Refused { request: "GET".into(), status, code: 0, message: "no".into() };
        for status in [401, 403, 404, 422] {
            assert!(matches!(answered::<()>(Err(refused(status))), Ok(None)), "{status}");
        }
        assert!(answered::<()>(Err(refused(503))).is_err());
        assert!(matches!(answered(Ok(7)), Ok(Some(7))));
    }

    #[test]
    fn a_broker_that_cannot_be_heard_is_not_one_without_a_registry() {
        let shelf = async |kit: &Kit| {
            let mut config = Config::new([kit.kafka().parse().unwrap()]);
            config.retry = Retry { within: Duration::from_millis(500), ..Retry::default() };
            Shelf::new(Cluster::connect(config).await.unwrap())
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let off = Kit::setup().web_at(Vec::new()).start().unwrap();
            assert!(matches!(shelf(&off).await.registry().await, Ok(None)));
            let kit = Kit::start().unwrap();
            let (mut heard, mut unheard, mut shown) = (shelf(&kit).await, shelf(&kit).await, shelf(&kit).await);
            let registry = heard.registry().await.unwrap().expect("a registry");
            let schema = Text { format: Format::Avro, text: "\"long\"".into(), references: Vec::new() };
            let id = registry.register("t-value", &schema, false).await.unwrap().id;
            kit.kill().unwrap();
            assert!(matches!(heard.registry().await, Ok(Some(_))), "it was asked before");
            assert!(unheard.registry().await.is_err());
            // To show messages is to show what can be shown.
            assert!(shown.by_id(id, "t-value").await.is_none());
            kit.come_back().unwrap();
            assert!(shown.by_id(id, "t-value").await.is_none(), "it is not asked again at once");
            shown.unheard = shown.unheard.map(|since| since - AGAIN);
            let known = shown.by_id(id, "t-value").await.expect("nor is it taken for one without schemas");
            assert_eq!((known.place(), known.format()), ("t-value v1".to_owned(), "avro"));
            assert!(matches!(unheard.registry().await, Ok(Some(_))), "an error is not remembered");
        });
    }
}
