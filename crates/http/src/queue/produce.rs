//! Putting messages in: durable before it is answered, each with its own outcome; under a key of the client's own, once.

use std::{collections::BTreeMap, sync::Arc};

use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue, RETRY_AFTER},
};
use milena_node::{Once, OnceKey, OncePlaced, Topic, WriterId};
use milena_record::{Builder, Codec, RecordHeader, partition_of_key};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use sha2::{Digest, Sha256};

use super::{
    Told, body, is_lines, lines,
    message::{New, SchemaWish, text_bytes, value_bytes},
    trouble::Trouble,
};
use crate::{
    answer::{Answer, json as as_json},
    asked::Asked,
    coding::{Meant, Part},
    rest::produce::{Author, NewRecord, Placed},
    serve::Door,
};

/// Messages of one request.
const MESSAGES_MAX: usize = 10_000;
/// Messages of one request with a key, so that its answer can be kept.
const ONCE_MAX: usize = 500;
/// Schemas that one request remembers, one less than it may ask for at a time.
const SCHEMAS_MAX: usize = 100;
/// Bytes of a key or of an id.
const KEY_MAX: usize = 255;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A message that can be written.
pub(super) struct Ready {
    record: NewRecord,
    /// By which it is known when it comes again, and what it says.
    once: Option<OnceKey>,
}

/// What became of one message.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    Placed {
        partition: i32,
        offset: i64,
        timestamp: i64,
    },
    /// It was there already.
    Again(Box<RawValue>),
    Failed {
        error: Failure,
    },
}

#[derive(Serialize)]
pub(super) struct Failure {
    error_code: &'static str,
    message: String,
    /// What the request is answered with when nothing else came of it.
    #[serde(skip)]
    status: StatusCode,
}

impl Outcome {
    fn failed(error_code: &'static str, message: impl ToString) -> Self {
        Self::Failed { error: Failure { error_code, message: message.to_string(), status: StatusCode::UNPROCESSABLE_ENTITY } }
    }
    /// The broker did not take it.
    fn refused(fault: crate::rest::fault::Fault) -> Self {
        let (error_code, status) = match fault.status {
            StatusCode::SERVICE_UNAVAILABLE => ("unavailable", fault.status),
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", fault.status),
            _ => ("refused", StatusCode::UNPROCESSABLE_ENTITY),
        };
        Self::Failed { error: Failure { error_code, message: fault.message, status } }
    }
    fn status(&self) -> Option<StatusCode> {
        if let Self::Failed { error } = self { Some(error.status) } else { None }
    }
    fn has_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
    fn is_again(&self) -> bool {
        matches!(self, Self::Again(_))
    }
}

impl From<Placed> for Outcome {
    fn from(placed: Placed) -> Self {
        Self::Placed { partition: placed.partition, offset: placed.offset, timestamp: placed.timestamp }
    }
}

/// Schemas that messages of one request have asked for.
#[derive(Default)]
struct Schemas(Vec<(SchemaWish, Result<Meant, String>)>);

impl Schemas {
    /// A value by its schema, with the schema's id in front.
    async fn encoded(&mut self, target: &Target, wish: &SchemaWish, value: &RawValue) -> Result<Vec<u8>, String> {
        let known = self.0.iter().position(|(known, _)| known == wish);
        let at = match known {
            Some(at) => at,
            None => {
                let meant = match wish.wish() {
                    Ok(found) => found.meant(&target.door, target.topic.name.as_str(), Part::Value).await,
                    Err(words) => return Err(words),
                };
                self.0.truncate(SCHEMAS_MAX);
                self.0.push((wish.clone(), meant.map_err(|trouble| trouble.to_string())));
                self.0.len() - 1
            }
        };
        let meant = self.0[at].1.as_ref().map_err(Clone::clone)?;
        meant.encode(value.get()).map_err(|flaw| format!("it does not fit schema {}: {flaw}", meant.id()))
    }
}

/// Where messages of one request go, and who sends them.
pub(super) struct Target {
    pub(super) door: Arc<Door>,
    pub(super) topic: Arc<Topic>,
    writer: WriterId,
}

/// One message, an array of them, or one a line.
pub(super) async fn produce(door: &Arc<Door>, name: &str, asked: Asked) -> Told {
    let key = match asked.headers.get(&KEY) {
        Some(key) => Some(judged_key(key.to_str().unwrap_or_default(), "Idempotency-Key")?.to_owned()),
        None => None,
    };
    let topic = match door.node.topic(name) {
        Some(topic) => topic,
        None => door.node.create_topic_automatically(name).await??,
    };
    let target = Target { door: door.clone(), topic, writer: asked.peer.writer(&door.node) };
    let by_line = is_lines(&asked.media_type());
    if by_line && key.is_none() && lines::streams(&asked) {
        return lines::stream(target, asked).await;
    }
    let body = body(asked).await?;
    match key {
        Some(key) => target.once(&key, &body, messages(&body, by_line)?).await,
        None => Ok(answer(&target.put(messages(&body, by_line)?).await)),
    }
}

/// The messages of a body, each as it is written.
fn messages(body: &[u8], by_line: bool) -> Result<Vec<&[u8]>, Trouble> {
    let blank = |line: &&[u8]| !line.iter().all(u8::is_ascii_whitespace);
    let many: Vec<&[u8]> = match by_line {
        true => body.split(|byte| *byte == b'\n').filter(blank).collect(),
        false => values(body).map_err(|error| Trouble::json(&error))?,
    };
    match many.len() {
        1..=MESSAGES_MAX => Ok(many),
        len => Err(Trouble::invalid(format!("between 1 and {MESSAGES_MAX} messages can be put in at once, not {len}"))),
    }
}

/// One value, the elements of one array, or several values one after another.
fn values(body: &[u8]) -> serde_json::Result<Vec<&[u8]>> {
    let all: Vec<&RawValue> = serde_json::Deserializer::from_slice(body).into_iter().collect::<Result<_, _>>()?;
    let many = match all.as_slice() {
        [only] if only.get().starts_with('[') => serde_json::from_str::<Vec<&RawValue>>(only.get())?,
        _ => all,
    };
    Ok(many.into_iter().map(|value| value.get().as_bytes()).collect())
}

/// 201 when all are there, 207 when some are. None: the reason that they have in common (413, 503), or 422.
fn answer(outcomes: &[Outcome]) -> Answer {
    let failed = outcomes.iter().filter(|outcome| outcome.has_failed()).count();
    let status = match failed {
        0 => StatusCode::CREATED,
        all if all == outcomes.len() => {
            let first = outcomes.first().and_then(Outcome::status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let alike = outcomes.iter().all(|outcome| outcome.status() == Some(first));
            if alike { first } else { StatusCode::UNPROCESSABLE_ENTITY }
        }
        _ => StatusCode::MULTI_STATUS,
    };
    let mut answer = as_json(&json!({ "results": outcomes }));
    *answer.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if outcomes.iter().all(Outcome::is_again) {
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    answer
}

impl Target {
    /// Writes messages, and answers one outcome each when all are on disk. One that is wrong stops none of the others.
    pub(super) async fn put(&self, messages: Vec<&[u8]>) -> Vec<Outcome> {
        let mut schemas = Schemas::default();
        let mut outcomes: Vec<Option<Outcome>> = messages.iter().map(|_| None).collect();
        let (mut places, mut records) = (Vec::new(), Vec::new());
        for (at, message) in messages.into_iter().enumerate() {
            match self.ready(message, &mut schemas).await {
                Ok(Ready { record, once: None }) => {
                    places.push(at);
                    records.push(record);
                }
                Ok(Ready { record, once: Some(once) }) => outcomes[at] = Some(self.put_once(record, once).await),
                Err(words) => outcomes[at] = Some(Outcome::failed("invalid_message", words)),
            }
        }
        let author = Author { node: &self.door.node, writer: self.writer, turn: &self.door.turn };
        let placed = if records.is_empty() { Vec::new() } else { author.produce(&self.topic, &records).await };
        for (at, placed) in places.into_iter().zip(placed) {
            outcomes[at] = Some(match placed {
                Ok(placed) => placed.into(),
                Err(fault) => Outcome::refused(fault),
            });
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Outcome::failed("refused", "it was not written"))).collect()
    }

    async fn ready(&self, json: &[u8], schemas: &mut Schemas) -> Result<Ready, String> {
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(
                "a message is an object with a value, and with key, headers, partition, timestamp or id if it has them".into()
            );
        }
        let new: New = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let header = |(name, value): &(String, Box<RawValue>)| Ok((name.clone(), text_bytes(value)?));
        let record = NewRecord {
            partition: new.partition.map(|partition| self.partition(partition)).transpose()?,
            key: new.key.as_deref().map(text_bytes).transpose()?.flatten(),
            value: match &new.schema {
                Some(schema) if new.value.get() != "null" => Some(schemas.encoded(self, schema, &new.value).await?),
                _ => value_bytes(&new.value)?,
            },
            headers: new.headers.0.iter().map(header).collect::<Result<_, String>>()?,
            timestamp: new.timestamp,
        };
        let once = match &new.id {
            Some(id) => {
                let id = judged_key(id, "id").map_err(|trouble| trouble.words().to_owned())?;
                Some(self.once_key("message", id, &[record_print(&record).as_slice()]))
            }
            None => None,
        };
        Ok(Ready { record, once })
    }

    fn partition(&self, partition: i32) -> Result<i32, String> {
        let count = self.topic.partitions.len();
        let there = self.topic.partition(partition).is_some();
        there.then_some(partition).ok_or_else(|| format!("the topic has partitions 0 to {}, not {partition}", count - 1))
    }

    /// A request under a key: all of it or nothing, and the same answer for who asks again.
    async fn once(&self, key: &str, body: &[u8], messages: Vec<&[u8]>) -> Told {
        if messages.len() > ONCE_MAX {
            let words = format!("with an Idempotency-Key a request has at most {ONCE_MAX} messages, not {}", messages.len());
            return Err(Trouble::invalid(words));
        }
        let mut records = Vec::with_capacity(messages.len());
        let (mut failures, mut schemas) = (Vec::new(), Schemas::default());
        for (at, message) in messages.into_iter().enumerate() {
            match self.ready(message, &mut schemas).await {
                Ok(Ready { once: Some(_), .. }) => failures.push((at, "an id and an Idempotency-Key exclude each other".into())),
                Ok(Ready { record, .. }) => records.push(record),
                Err(words) => failures.push((at, words)),
            }
        }
        if let Some((at, words)) = failures.first() {
            let words =
                format!("message {at}: {words}; nothing was put in, since a request with a key is done whole or not at all");
            return Err(Trouble::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_message", words));
        }
        let once = self.once_key("request", key, &[body]);
        let (kept, again) = match self.append_once(once, &records, results).await? {
            Once::Done(kept) => (kept, false),
            Once::Again(kept) => (kept, true),
            Once::Other => return Err(Trouble::key_reused(key)),
        };
        let mut answer = crate::answer::bytes(StatusCode::CREATED, crate::answer::JSON, kept.to_vec());
        if again {
            answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(answer)
    }

    /// A message with an id of its own.
    async fn put_once(&self, record: NewRecord, once: OnceKey) -> Outcome {
        let told = self.append_once(once, &[record], |placed| placed.first().map_or_else(Vec::new, one)).await;
        let written = |kept: &[u8]| serde_json::from_slice::<Box<RawValue>>(kept);
        match told {
            Ok(Once::Done(kept)) => match serde_json::from_slice::<Placement>(&kept) {
                Ok(Placement { partition, offset, timestamp }) => Outcome::Placed { partition, offset, timestamp },
                Err(error) => Outcome::failed("refused", error),
            },
            Ok(Once::Again(kept)) => written(&kept).map_or_else(|error| Outcome::failed("refused", error), Outcome::Again),
            Ok(Once::Other) => Outcome::failed("id_reused", "a message with this id and another content was put in before"),
            Err(trouble) => Outcome::failed(trouble.code(), trouble.words()),
        }
    }

    async fn append_once(
        &self,
        once: OnceKey,
        records: &[NewRecord],
        told: fn(&[Placement]) -> Vec<u8>,
    ) -> Result<Once, Trouble> {
        let node = &self.door.node;
        let now = node.now().wall;
        let turn = self.door.turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut dealt: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        for (at, record) in records.iter().enumerate() {
            dealt.entry(self.dealt(record, turn)).or_default().push(at);
        }
        let mut batches = Vec::with_capacity(dealt.len());
        for (partition, members) in &dealt {
            let members = members.iter().map(|at| &records[*at]);
            batches.push((*partition, batch(now, members).map_err(|error| Trouble::invalid(error.to_string()))?));
        }
        let answer = |placed: &[OncePlaced]| told(&placements(records, &dealt, placed, now));
        let parked = node.append_once(once, &self.topic, &batches, self.writer, answer).await?;
        Ok(node.release(parked).await.map_err(Trouble::dead)??)
    }

    fn dealt(&self, record: &NewRecord, turn: usize) -> i32 {
        let count = self.topic.partitions.len() as i32;
        match (record.partition, &record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of_key(key, count),
            (None, None) => (turn % count.max(1) as usize) as i32,
        }
    }

    /// Keys of one topic are not those of another, nor of one that had its name before.
    fn once_key(&self, kind: &str, key: &str, content: &[&[u8]]) -> OnceKey {
        let id = self.topic.id.0;
        OnceKey { key: hash(&[kind.as_bytes(), id.as_bytes(), key.as_bytes()]), print: hash(content) }
    }
}

/// Where one message went.
#[derive(Serialize, serde::Deserialize)]
struct Placement {
    partition: i32,
    offset: i64,
    timestamp: i64,
}

fn placements(records: &[NewRecord], dealt: &BTreeMap<i32, Vec<usize>>, placed: &[OncePlaced], now: i64) -> Vec<Placement> {
    let mut told: Vec<(usize, Placement)> = Vec::with_capacity(records.len());
    for place in placed {
        let members = dealt.get(&place.partition).into_iter().flatten();
        told.extend((place.base_offset..).zip(members).map(|(offset, at)| {
            let timestamp = place.log_append_time.or(records[*at].timestamp).unwrap_or(now);
            (*at, Placement { partition: place.partition, offset, timestamp })
        }));
    }
    told.sort_by_key(|(at, _)| *at);
    told.into_iter().map(|(_, placement)| placement).collect()
}

fn results(placed: &[Placement]) -> Vec<u8> {
    // Numbers can always be written.
    serde_json::to_vec(&json!({ "results": placed })).unwrap_or_default()
}

fn one(placement: &Placement) -> Vec<u8> {
    serde_json::to_vec(placement).unwrap_or_default()
}

fn judged_key<'a>(key: &'a str, what: &str) -> Result<&'a str, Trouble> {
    match key.len() {
        1..=KEY_MAX => Ok(key),
        len => Err(Trouble::invalid(format!("{what} is text of 1 to {KEY_MAX} bytes, not of {len}"))),
    }
}

/// Each part with its length, so that no two lists of parts look alike.
fn hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let whole: [u8; 32] = hash.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&whole[..16]);
    short
}

/// What a message says, whatever blanks were in its JSON.
fn record_print(record: &NewRecord) -> [u8; 16] {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut part = |bytes: Option<&[u8]>| parts.push(bytes.map_or_else(Vec::new, |bytes| [&[1][..], bytes].concat()));
    part(record.partition.map(i32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice));
    part(record.timestamp.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    part(record.key.as_deref());
    part(record.value.as_deref());
    for (name, value) in &record.headers {
        part(Some(name.as_bytes()));
        part(value.as_deref());
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    hash(&parts)
}

fn batch<'r>(now: i64, records: impl Iterator<Item = &'r NewRecord>) -> Result<Vec<u8>, milena_record::PackError> {
    let mut builder = Builder::new(Codec::None);
    for record in records {
        let headers = record.headers.iter();
        let headers: Vec<RecordHeader<'_>> =
            headers.map(|(key, value)| RecordHeader { key: key.as_bytes(), value: value.as_deref() }).collect();
        builder.push(record.timestamp.unwrap_or(now), record.key.as_deref(), record.value.as_deref(), &headers)?;
    }
    builder.finish()
}
