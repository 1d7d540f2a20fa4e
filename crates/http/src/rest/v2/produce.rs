//! `POST /topics/{t}` and `POST /topics/{t}/partitions/{p}`: records in, one outcome each.

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::StatusCode;
use milena_node::engine::instance::Format;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::told;
use crate::{
    answer::Answer,
    asked::Asked,
    rest::{
        BODY, Object, compact,
        fault::{Fault, Told},
        media, parsed,
        produce::{Author, NewRecord, Placed},
    },
    serve::Door,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow)]
    records: Option<Vec<Object<RecordIn<'a>>>>,
    // Named by clients that send everything that they know; they mean something with a schema only.
    #[serde(default, rename = "key_schema")]
    _key_schema: Option<&'a RawValue>,
    #[serde(default, rename = "key_schema_id")]
    _key_schema_id: Option<&'a RawValue>,
    #[serde(default, rename = "value_schema")]
    _value_schema: Option<&'a RawValue>,
    #[serde(default, rename = "value_schema_id")]
    _value_schema_id: Option<&'a RawValue>,
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

/// v2 tells of a record only whether sending it again may help.
const FOR_GOOD: u32 = 1;
const RETRIABLE: u32 = 2;

pub(super) async fn answer(door: &Door, asked: Asked, topic: &str, partition: Option<i32>) -> Told<Answer> {
    let format = media::sent(&asked.headers)?;
    media::judge_accept(&asked.headers)?;
    let peer = asked.peer;
    let body = asked.whole(BODY).await?;
    let request: Request<'_> = parsed(&body)?;
    let records = request.records.unwrap_or_default();
    if records.is_empty() {
        return Err(Fault::plain(StatusCode::UNPROCESSABLE_ENTITY, "records must not be empty"));
    }
    let records = records.iter().map(|Object(record)| read(record, format, partition)).collect::<Told<Vec<_>>>()?;
    let writer = door.node.writer("rest", peer.ip().to_canonical(), "ANONYMOUS");
    let author = Author { node: &door.node, writer, turn: &door.turn };
    let topic = author.topic(topic).await?;
    if let Some(partition) = partition {
        topic.partition(partition).ok_or_else(Fault::no_partition)?;
    }
    let outcomes = author.produce(&topic, &records).await;
    let offsets = outcomes.iter().map(shown).collect();
    Ok(told(&Response { offsets, key_schema_id: None, value_schema_id: None }))
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

fn read(record: &RecordIn<'_>, format: Format, partition: Option<i32>) -> Told<NewRecord> {
    let bytes = |value: Option<&RawValue>| value.map(|value| encoded(value, format)).transpose();
    Ok(NewRecord {
        partition: partition.or(record.partition),
        key: bytes(record.key)?,
        value: bytes(record.value)?,
        ..NewRecord::default()
    })
}

fn encoded(value: &RawValue, format: Format) -> Told<Vec<u8>> {
    match format {
        Format::Json => Ok(compact(value.get())),
        Format::Binary => {
            let text: String = serde_json::from_str(value.get())
                .map_err(|_| Fault::bad_payload("in the binary format keys and values are base64 strings"))?;
            BASE64_STANDARD.decode(&text).map_err(|error| Fault::bad_payload(format!("a value is not base64: {error}")))
        }
        Format::Avro | Format::JsonSchema | Format::Protobuf => Err(Fault::bad_payload(
            "Schema Registry must be configured when using schemas; this release of the proxy takes binary and json",
        )),
    }
}
