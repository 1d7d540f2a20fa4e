//! The life of one record, as JSON: written by whom, how large, encoded how, dealt out to whom, when it goes.

use hyper::StatusCode;
use milena_node::{
    Dealt, Partition, Receipt, Slice, Topic, UNPACKED_MAX,
    engine::share::{Stage, Standing, Why},
};
use milena_record::{Batch, Limits, Record, Records};
use serde_json::{Value, json};

use super::readers::{find, find_partition, who};
use crate::{
    answer::{Answer, Problem, json},
    coding::{Decoder, Part},
    serve::Door,
};

/// `GET topics/{name}/partitions/{p}/records/{offset}`
pub(super) async fn answer(door: &Door, (name, partition): (&str, &str), offset: &str) -> Result<Answer, Problem> {
    let topic = find(door, name)?;
    let (partition, view) = find_partition(&topic, partition)?;
    let missing = || {
        Problem::new(StatusCode::NOT_FOUND, format!("{name}/{} has no record at offset {offset:?}", partition.index()))
            .why(format!("offsets from {} to {} are kept", view.start, view.high - 1))
    };
    let broken = |error: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the record cannot be looked up").why(error);
    let number = offset.parse::<i64>().map_err(|_| missing())?;
    let found = door.node.receipt(&topic, partition, number).await.map_err(|error| broken(error.to_string()))?;
    let receipt = found.ok_or_else(missing)?;
    let mut shown = life(&receipt);
    (shown["topic"], shown["partition"], shown["offset"]) = (name.into(), partition.index().into(), number.into());
    shown["record"] = about(door, &topic, partition, number).await.map_err(broken)?;
    Ok(json(&shown))
}

fn life(receipt: &Receipt) -> Value {
    let dealt = |d: &Dealt| json!({"group": &*d.group, "position": d.position, "committed_at": d.at, "or_earlier": d.or_earlier, "by": who(d.by.as_ref())});
    json!({
        "batch": {"first": receipt.first, "last": receipt.last, "bytes": receipt.bytes},
        "stored_at": receipt.stored_at,
        "written_by": who(receipt.writer.as_ref()),
        "expires_at": receipt.expires_at,
        "groups": receipt.groups.iter().map(dealt).collect::<Vec<_>>(),
        "queues": receipt.queues.iter().map(|(name, standing)| queue(name, standing)).collect::<Vec<_>>(),
        "given_to": receipt.given.iter().map(|(group, name)| json!({"group": &**group, "instance": &**name})).collect::<Vec<_>>(),
    })
}

fn queue(name: &str, standing: &Standing) -> Value {
    let stage = match standing.stage {
        Stage::Waiting => "waiting",
        Stage::Leased => "leased",
        Stage::Delayed => "delayed",
        Stage::Acknowledged => "acknowledged",
        Stage::GivenUp => "given-up",
        Stage::DeadLetterWaits => "dead-letter-waits",
        Stage::Finished => "finished",
    };
    let holder = standing.owner.as_ref().map(|owner| owner.as_str().to_owned());
    let why = standing.why.map(|why| match why {
        Why::Rejected => "rejected",
        Why::Deliveries => "delivery-limit",
    });
    let finished = standing.finished.as_ref();
    json!({
        "group": name,
        "state": stage,
        "deliveries": standing.deliveries,
        "holder": holder,
        "left_ms": standing.left_ms,
        "finished_from": finished.map(|finished| finished.from),
        "finished_at": finished.map(|finished| finished.until),
        "finished_by": finished.and_then(|finished| finished.by.as_deref()),
        "why": why,
    })
}

/// What the record itself says: sizes, how its batch is packed, and by which schemas its parts were written. Null when a
/// marker stands at the offset, or nothing any more.
async fn about(door: &Door, topic: &Topic, partition: &Partition, offset: i64) -> Result<Value, String> {
    let found = door.node.read(topic, partition, offset, 1).await.map_err(|error| error.to_string())?;
    let Some(Slice::Memory(bytes)) = found.slices.first() else { return Ok(Value::Null) };
    let Some(Ok(entry)) = milena_record::split(bytes).next() else { return Ok(Value::Null) };
    let batch = Batch::parse(entry.bytes).map_err(|flaw| flaw.to_string())?;
    let payload = batch.payload(&Limits::new(UNPACKED_MAX)).map_err(|flaw| flaw.to_string())?;
    let header = batch.header();
    let record = Records::new(&header, &payload).map_while(Result::ok).find(|record| record.offset == offset);
    let Some(record) = record else { return Ok(Value::Null) };
    let mut decoder = Decoder::new(door);
    Ok(json!({
        "timestamp": record.timestamp,
        "codec": header.codec().map_or_else(|_| "unknown".to_owned(), |codec| codec.to_string()),
        "headers": record.headers.len(),
        "key": part(&mut decoder, topic, Part::Key, &record).await,
        "value": part(&mut decoder, topic, Part::Value, &record).await,
    }))
}

async fn part(decoder: &mut Decoder<'_>, topic: &Topic, part: Part, record: &Record<'_>) -> Value {
    let bytes = match part {
        Part::Key => record.key,
        Part::Value => record.value,
    };
    let Some(bytes) = bytes else { return Value::Null };
    let schema = decoder.schema(topic, part, (bytes, record.headers)).await.map(|shown| {
        json!({
            "id": shown.id,
            "type": shown.content.format.name(),
            "subject": shown.subject.to_string(),
            "version": shown.version,
        })
    });
    json!({"bytes": bytes.len(), "schema": schema})
}
