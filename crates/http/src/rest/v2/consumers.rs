//! Consumer instances: made, told what to read, looked at, and deleted.

use std::sync::Arc;

use hyper::StatusCode;
use milena_node::{
    Topic,
    engine::{
        ids::{TopicName, Uuid},
        instance::{Command, Format, InstanceKey, Reading, Reply, Reset, Settings},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{done, patterns, reading, told};
use crate::{
    answer::Answer,
    asked::Asked,
    rest::{
        BODY, Object,
        fault::{Fault, Told},
        media, parsed,
    },
    serve::Door,
};

/// How long a fetch waits when neither it nor its instance says so: `consumer.request.timeout.ms`.
const TIMEOUT_MS: u32 = 1000;
/// The most that `fetch.min.bytes` may be.
const MIN_BYTES_MAX: i64 = 10_000_000;
/// When the partitions of a silent instance go to others who ask: `consumer.instance.timeout.ms`.
const IDLE_MS: u32 = 300_000;

/// What a client may say of its instance. Values may be text or not, as the clients that are out there have it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Create {
    id: Option<String>,
    name: Option<String>,
    format: Option<String>,
    #[serde(rename = "auto.offset.reset")]
    reset: Option<String>,
    #[serde(rename = "auto.commit.enable")]
    auto_commit: Option<Value>,
    #[serde(rename = "fetch.min.bytes")]
    min_bytes: Option<Value>,
    #[serde(rename = "consumer.request.timeout.ms")]
    timeout_ms: Option<Value>,
    #[serde(rename = "max.poll.records")]
    max_records: Option<Value>,
    #[serde(rename = "consumer.instance.timeout.ms")]
    idle_ms: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    topics: Option<Vec<String>>,
    topic_pattern: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assign {
    partitions: Vec<Object<Place>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: i32,
}

pub(super) async fn create(door: &Door, asked: Asked, group: &str) -> Told<Answer> {
    media::judge_accept(&asked.headers)?;
    media::judge_body(&asked.headers)?;
    let host = asked.host();
    let body = asked.whole(BODY).await?;
    let create: Create = if body.is_empty() { Create::default() } else { parsed(&body)? };
    let settings = create.settings()?;
    // As the proxy has it: whoever says both means the id.
    let name = create.id.or(create.name).unwrap_or_else(|| format!("rest-consumer-{}", Uuid::new_v4()));
    let key = InstanceKey { group: group.into(), name: name.as_str().into() };
    // It could never commit: the name of a group is of one kind.
    if door.node.is_share(group) {
        let words = format!("{group} is a share group: its messages are taken at /q/v1/topics/TOPIC/groups/{group}:receive");
        return Err(Fault::illegal_state(words));
    }
    match door.node.instances(Command::Create { key, settings }).await?? {
        Reply::Exists => Err(Fault::new(
            StatusCode::CONFLICT,
            40902,
            "Consumer with specified consumer ID already exists in the specified consumer group.",
        )),
        Reply::Done | Reply::Turn(_) => {
            let base_uri = format!("http://{host}/consumers/{}/instances/{}", escaped(group), escaped(&name));
            Ok(told(&json!({"instance_id": name, "base_uri": base_uri})))
        }
    }
}

fn escaped(segment: &str) -> String {
    percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
        .replace("%5F", "_")
        .replace("%2E", ".")
}

impl Create {
    fn settings(&self) -> Told<Settings> {
        let format = match self.format.as_deref().unwrap_or("binary").to_ascii_lowercase().as_str() {
            "binary" => Format::Binary,
            "json" => Format::Json,
            "avro" => Format::Avro,
            "jsonschema" => Format::JsonSchema,
            "protobuf" => Format::Protobuf,
            other => {
                return Err(Fault::bad_config(format!("format {other:?} is not binary, json, avro, jsonschema or protobuf")));
            }
        };
        let reset = match self.reset.as_deref().unwrap_or("latest") {
            "earliest" => Reset::Earliest,
            "latest" => Reset::Latest,
            "none" => Reset::None,
            other => return Err(Fault::bad_config(format!("auto.offset.reset {other:?} is not earliest, latest or none"))),
        };
        Ok(Settings {
            format,
            reset,
            auto_commit: truth("auto.commit.enable", self.auto_commit.as_ref())?.unwrap_or(true),
            min_bytes: min_bytes(self.min_bytes.as_ref())?,
            timeout_ms: number("consumer.request.timeout.ms", self.timeout_ms.as_ref(), 1)?.unwrap_or(TIMEOUT_MS),
            max_records: number("max.poll.records", self.max_records.as_ref(), 1)?.unwrap_or(0),
            idle_ms: number("consumer.instance.timeout.ms", self.idle_ms.as_ref(), 1)?.unwrap_or(IDLE_MS),
        })
    }
}

fn truth(name: &str, value: Option<&Value>) -> Told<Option<bool>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(other) => Err(Fault::bad_config(format!("{name} is true or false, not {other}"))),
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// -1 is the proxy's word for nothing in particular. What is out of its range has a number of its own.
fn min_bytes(value: Option<&Value>) -> Told<u32> {
    match value.and_then(whole) {
        Some(found) if !(-1..=MIN_BYTES_MAX).contains(&found) => Err(Fault::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            40001,
            format!("Invalid consumer configuration: fetch.min.bytes is a whole number from -1 to {MIN_BYTES_MAX}, not {found}"),
        )),
        _ => Ok(number("fetch.min.bytes", value, -1)?.unwrap_or(1).max(1)),
    }
}

fn number(name: &str, value: Option<&Value>, least: i64) -> Told<Option<u32>> {
    let found = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => whole(value),
    };
    match found.filter(|found| *found >= least && *found <= i64::from(i32::MAX)) {
        Some(found) => Ok(Some(u32::try_from(found).unwrap_or(0))),
        None => Err(Fault::bad_config(format!("{name} is a whole number from {least}"))),
    }
}

/// What was delivered is committed when fetches commit by themselves: an orderly end is the last acknowledgement.
pub(super) async fn delete(door: &Door, key: InstanceKey) -> Told<Answer> {
    let instance = reading::find(&door.node, &key).await?;
    if instance.settings.auto_commit {
        reading::commit_delivered(door, &key, 0).await?;
    }
    door.node.instances(Command::Delete(key)).await??;
    Ok(done())
}

fn topic_name(text: &str) -> Told<TopicName> {
    text.parse().map_err(|error| Fault::bad_config(format!("topic {text:?}: {error}")))
}

pub(super) async fn subscribe(door: &Door, key: InstanceKey, body: &[u8]) -> Told<Answer> {
    let asked: Subscribe = parsed(body)?;
    let wanted = match (asked.topics, asked.topic_pattern) {
        (Some(topics), None) => Reading::Topics(topics.iter().map(|name| topic_name(name)).collect::<Told<_>>()?),
        (None, Some(text)) => {
            patterns::pattern(&text)?;
            Reading::Pattern(text.into())
        }
        (Some(_), Some(_)) => return Err(Fault::illegal_state("topics and topic_pattern exclude each other")),
        (None, None) => return Err(Fault::bad_config("name topics, or a topic_pattern")),
    };
    choose(door, key, wanted).await
}

pub(super) async fn unsubscribe(door: &Door, key: InstanceKey) -> Told<Answer> {
    choose(door, key, Reading::Nothing).await
}

pub(super) async fn assign(door: &Door, key: InstanceKey, body: &[u8]) -> Told<Answer> {
    let asked: Assign = parsed(body)?;
    let mut partitions = Vec::with_capacity(asked.partitions.len());
    for Object(place) in &asked.partitions {
        let topic = door.node.topic(&place.topic).ok_or_else(Fault::no_topic)?;
        topic.partition(place.partition).ok_or_else(Fault::no_partition)?;
        let chosen = (topic.name.clone(), place.partition);
        if !partitions.contains(&chosen) {
            partitions.push(chosen);
        }
    }
    choose(door, key, Reading::Partitions(partitions)).await
}

async fn choose(door: &Door, key: InstanceKey, wanted: Reading) -> Told<Answer> {
    let instance = reading::find(&door.node, &key).await?;
    let begins = match instance.settings.reset {
        Reset::Latest => reading::begins(door, &key, &wanted).await?,
        Reset::Earliest | Reset::None => Vec::new(),
    };
    door.node.instances(Command::Choose { key, reading: wanted, begins }).await??;
    Ok(done())
}

pub(super) async fn subscription(door: &Door, key: InstanceKey) -> Told<Answer> {
    let instance = reading::find(&door.node, &key).await?;
    let names: Vec<String> = match &instance.reading {
        Reading::Topics(names) => names.iter().map(ToString::to_string).collect(),
        pattern @ Reading::Pattern(_) => {
            reading::topics(door, pattern).await?.iter().map(|topic| topic.name.to_string()).collect()
        }
        Reading::Nothing | Reading::Partitions(_) => Vec::new(),
    };
    Ok(told(&json!({"topics": names})))
}

pub(super) async fn assignments(door: &Door, key: InstanceKey) -> Told<Answer> {
    let (_, mine) = reading::assigned(door, &key).await?;
    let shown = |(topic, partition): &(Arc<Topic>, i32)| json!({"topic": topic.name.as_str(), "partition": partition});
    Ok(told(&json!({"partitions": mine.iter().map(shown).collect::<Vec<_>>()})))
}
