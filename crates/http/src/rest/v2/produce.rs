//! `POST /topics/{t}` and `POST /topics/{t}/partitions/{p}`: records in, one outcome each.

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::StatusCode;
use milena_node::engine::{instance::Format, subject};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::told;
use crate::{
    answer::Answer,
    asked::Asked,
    coding::{Meant, Part, Wish},
    rest::{
        BODY, Object, compact,
        fault::{Fault, Told},
        media, parsed,
        produce::{Author, NewRecord, Placed},
    },
    serve::Door,
};

/// A body of this size is encoded by a schema where that holds nobody else up.
const ASIDE: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow)]
    records: Option<Vec<Object<RecordIn<'a>>>>,
    // Clients that send everything that they know send these with binary and json too, where they mean nothing.
    #[serde(default)]
    key_schema: Option<String>,
    #[serde(default)]
    key_schema_id: Option<i32>,
    #[serde(default)]
    value_schema: Option<String>,
    #[serde(default)]
    value_schema_id: Option<i32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordIn<'a> {
    #[serde(borrow, default)]
    key: Option<&'a RawValue>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    partition: Option<i32>,
}

#[derive(Serialize)]
struct Response<'a> {
    offsets: Vec<OffsetOut<'a>>,
    key_schema_id: Option<i32>,
    value_schema_id: Option<i32>,
}

#[derive(Serialize)]
struct OffsetOut<'a> {
    partition: Option<i32>,
    offset: Option<i64>,
    error_code: Option<u32>,
    error: Option<&'a str>,
}

/// Records of one request: each has its line in the answer.
const RECORDS_MAX: usize = 100_000;

/// v2 tells of a record only whether sending it again may help.
const FOR_GOOD: u32 = 1;
const RETRIABLE: u32 = 2;

/// How the records of a request become bytes.
#[derive(Clone)]
struct Coding {
    format: Format,
    /// With a format that has schemas: those of keys and of values, where there are any.
    key: Option<Meant>,
    value: Option<Meant>,
}

pub(super) async fn answer(door: &Door, asked: Asked, topic: &str, partition: Option<i32>) -> Told<Answer> {
    let format = media::sent(&asked.headers)?;
    media::judge_accept(&asked.headers)?;
    let peer = asked.peer.clone();
    let body = asked.whole(BODY).await?;
    let author = Author { node: &door.node, writer: peer.writer(&door.node), turn: &door.turn };
    let coding = coding(door, &author, topic, &body, format).await?;
    let records = if body.len() > ASIDE && schema_format(format).is_some() {
        let (body, coding) = (body.clone(), coding.clone());
        door.node.aside(move || records(&body, &coding, partition)).await??
    } else {
        records(&body, &coding, partition)?
    };
    let topic = author.topic(topic).await?;
    if let Some(partition) = partition {
        topic.partition(partition).ok_or_else(Fault::no_partition)?;
    }
    let outcomes = author.produce(&topic, &records).await;
    let offsets = outcomes.iter().map(shown).collect();
    let id = |meant: &Option<Meant>| meant.as_ref().map(Meant::id);
    Ok(told(&Response { offsets, key_schema_id: id(&coding.key), value_schema_id: id(&coding.value) }))
}

/// The schemas of a request, registered if they were not. Nothing is registered for a topic that there cannot be.
async fn coding(door: &Door, author: &Author<'_>, topic: &str, body: &[u8], format: Format) -> Told<Coding> {
    let request: Request<'_> = parsed(body)?;
    let records = request.records.unwrap_or_default();
    if records.is_empty() {
        return Err(Fault::plain(StatusCode::UNPROCESSABLE_ENTITY, "records must not be empty"));
    }
    if records.len() > RECORDS_MAX {
        let words = format!("{} records; a request has at most {RECORDS_MAX}", records.len());
        return Err(Fault::plain(StatusCode::PAYLOAD_TOO_LARGE, words));
    }
    let Some(wanted) = schema_format(format) else { return Ok(Coding { format, key: None, value: None }) };
    let wish = |text: Option<String>, id: Option<i32>| {
        let said = text.is_some() || id.is_some();
        // As in the proxy, an id counts before a text.
        let text = text.filter(|_| id.is_none());
        said.then(|| Wish { format: Some(wanted), text, id, ..Wish::default() })
    };
    let (key, value) = (wish(request.key_schema, request.key_schema_id), wish(request.value_schema, request.value_schema_id));
    if key.is_none() && records.iter().any(|Object(record)| record.key.is_some()) {
        return Err(Fault::no_schema(Part::Key));
    }
    if value.is_none() && records.iter().any(|Object(record)| record.value.is_some()) {
        return Err(Fault::no_schema(Part::Value));
    }
    author.topic(topic).await?;
    let mut found = [None, None];
    for (place, (wish, part)) in found.iter_mut().zip([(key, Part::Key), (value, Part::Value)]) {
        if let Some(wish) = wish {
            *place = Some(wish.meant(door, topic, part).await?);
        }
    }
    let [key, value] = found;
    Ok(Coding { format, key, value })
}

/// By which schemas values of a format are written, if by any.
pub(super) fn schema_format(format: Format) -> Option<subject::Format> {
    match format {
        Format::Binary | Format::Json => None,
        Format::Avro => Some(subject::Format::Avro),
        Format::JsonSchema => Some(subject::Format::Json),
        Format::Protobuf => Some(subject::Format::Protobuf),
    }
}

fn shown(outcome: &Told<Placed>) -> OffsetOut<'_> {
    match outcome {
        Ok(placed) => OffsetOut { partition: Some(placed.partition), offset: Some(placed.offset), error_code: None, error: None },
        Err(fault) => {
            let retriable = fault.status == StatusCode::SERVICE_UNAVAILABLE;
            let code = if retriable { RETRIABLE } else { FOR_GOOD };
            OffsetOut { partition: None, offset: None, error_code: Some(code), error: Some(&fault.message) }
        }
    }
}

fn records(body: &[u8], coding: &Coding, partition: Option<i32>) -> Told<Vec<NewRecord>> {
    let request: Request<'_> = parsed(body)?;
    let read = |Object(record): &Object<RecordIn<'_>>| {
        let bytes = |value: Option<&RawValue>, meant: &Option<Meant>| {
            value.map(|value| encoded(value, coding.format, meant.as_ref())).transpose()
        };
        Ok(NewRecord {
            partition: partition.or(record.partition),
            key: bytes(record.key, &coding.key)?,
            value: bytes(record.value, &coding.value)?,
            ..NewRecord::default()
        })
    };
    request.records.iter().flatten().map(read).collect()
}

fn encoded(value: &RawValue, format: Format, meant: Option<&Meant>) -> Told<Vec<u8>> {
    match (format, meant) {
        (_, Some(meant)) => meant.encode(value.get()).map_err(Fault::unfit),
        (Format::Json, None) => Ok(compact(value.get())),
        (Format::Binary, None) => {
            let text: String = serde_json::from_str(value.get())
                .map_err(|_| Fault::bad_payload("in the binary format keys and values are base64 strings"))?;
            BASE64_STANDARD.decode(&text).map_err(|error| Fault::bad_payload(format!("a value is not base64: {error}")))
        }
        (Format::Avro | Format::JsonSchema | Format::Protobuf, None) => Err(Fault::no_schema(Part::Value)),
    }
}
