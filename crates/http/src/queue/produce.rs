//! Putting messages in: durable before it is answered, each with its own outcome.

use std::{collections::BTreeMap, sync::Arc};

use hyper::StatusCode;
use milena_node::{AppendRefusal, Topic};
use milena_record::{Builder, Codec, RecordHeader};
use serde_json::{Value, json};

use super::{
    Told,
    message::{New, text_bytes, value_bytes},
    parsed,
    trouble::Trouble,
};
use crate::{answer::json as as_json, serve::Door};

/// Messages of one request.
const MESSAGES_MAX: usize = 10_000;

/// A message as bytes.
struct Ready {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    timestamp: i64,
}

/// One message, or an array of them.
pub(super) async fn produce(door: &Arc<Door>, name: &str, body: &[u8]) -> Told {
    let one_or_many: Value = parsed(body)?;
    let many = match one_or_many {
        Value::Array(many) => many,
        one => vec![one],
    };
    if many.is_empty() || many.len() > MESSAGES_MAX {
        return Err(Trouble::invalid(format!("between 1 and {MESSAGES_MAX} messages can be put in at once")));
    }
    let topic = match door.node.topic(name) {
        Some(topic) => topic,
        None => door.node.create_topic_automatically(name).await??,
    };
    let mut results: Vec<Value> = vec![Value::Null; many.len()];
    let mut by_partition: BTreeMap<i32, Vec<(usize, Ready)>> = BTreeMap::new();
    for (at, message) in many.into_iter().enumerate() {
        match ready(door, &topic, message) {
            Ok((partition, ready)) => by_partition.entry(partition).or_default().push((at, ready)),
            Err(words) => results[at] = json!({"error": {"error_code": "invalid_message", "message": words}}),
        }
    }
    for (partition, messages) in by_partition {
        let told = append(door, &topic, partition, &messages).await?;
        for (nth, (at, ready)) in (0..).zip(&messages) {
            results[*at] = match &told {
                Ok(base) => json!({"partition": partition, "offset": base + nth, "timestamp": ready.timestamp}),
                Err(refusal) => json!({"error": {"error_code": "refused", "message": refusal.to_string()}}),
            };
        }
    }
    let failed = results.iter().filter(|result| result.get("error").is_some()).count();
    let status = match failed {
        0 => StatusCode::CREATED,
        all if all == results.len() => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::MULTI_STATUS,
    };
    let mut answer = as_json(&json!({ "results": results }));
    *answer.status_mut() = status;
    Ok(answer)
}

fn ready(door: &Door, topic: &Topic, message: Value) -> Result<(i32, Ready), String> {
    let new: New = serde_json::from_value(message).map_err(|error| error.to_string())?;
    let key = new.key.as_ref().map(text_bytes).transpose()?.flatten();
    let header = |(name, value): (&String, &Value)| Ok((name.clone(), text_bytes(value)?));
    let headers = new.headers.iter().map(header).collect::<Result<_, String>>()?;
    let count = topic.partitions.len() as i32;
    let partition = match (new.partition, &key) {
        (Some(partition), _) if topic.partition(partition).is_some() => partition,
        (Some(partition), _) => return Err(format!("the topic has partitions 0 to {}, not {partition}", count - 1)),
        (None, Some(key)) => (murmur2(key) & 0x7fff_ffff) as i32 % count,
        (None, None) => (door.node.counters().records_in.get() % count.max(1) as u64) as i32,
    };
    let timestamp = new.timestamp.unwrap_or_else(|| door.node.now().wall);
    Ok((partition, Ready { key, value: value_bytes(&new.value)?, headers, timestamp }))
}

/// One batch. Answers the first offset.
async fn append(
    door: &Door,
    topic: &Arc<Topic>,
    partition: i32,
    messages: &[(usize, Ready)],
) -> Result<Result<i64, AppendRefusal>, Trouble> {
    let mut builder = Builder::new(Codec::None);
    for (_, ready) in messages {
        let header = |(key, value): &'_ (String, Option<Vec<u8>>)| (key.clone().into_bytes(), value.clone());
        let owned: Vec<(Vec<u8>, Option<Vec<u8>>)> = ready.headers.iter().map(header).collect();
        let headers: Vec<RecordHeader<'_>> =
            owned.iter().map(|(key, value)| RecordHeader { key, value: value.as_deref() }).collect();
        let pushed = builder.push(ready.timestamp, ready.key.as_deref(), ready.value.as_deref(), &headers);
        pushed.map_err(|error| Trouble::invalid(error.to_string()))?;
    }
    let batch = builder.finish().map_err(|error| Trouble::invalid(error.to_string()))?;
    let Some(place) = topic.partition(partition) else { return Ok(Err(AppendRefusal::Gone)) };
    let room = door.node.room(batch.len()).await?;
    let parked = door.node.append(room, topic, place, &batch, milena_node::WriterId::default());
    let told = door.node.release(parked).await.map_err(Trouble::dead)?;
    Ok(told.map(|appended| appended.base_offset))
}

/// Java's hash, so that a key goes where a Kafka producer would put it.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let k = u32::from_le_bytes(*word).wrapping_mul(M);
        h = h.wrapping_mul(M) ^ (k ^ (k >> 24)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (n, byte) in tail.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * n);
        }
        h = h.wrapping_mul(M);
    }
    h = (h ^ (h >> 13)).wrapping_mul(M);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_go_where_kafka_puts_them() {
        for (key, hash) in [("21", -973_932_308i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)] {
            assert_eq!(super::murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }
}
