//! The records of a topic, partition by partition in their order. What is there already is compared first, record by record; a copy
//! that does not agree with its source is not added to. At the end both are counted and summed.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use milena_client::{
    At, Cluster, Delivery, From as Begin, Message, NewRecord, Producer, ProducerConfig, Reader, ReaderConfig, Selection, Until,
    record::{Codec, Compression, crc32c},
    wire::Text,
};

use super::{Ends, Maps, map::Map};
use crate::{
    cmd::read::length,
    failure::{Failure, Kind},
    screen,
};

/// Records that are read and not yet acknowledged.
const WINDOW: usize = 10_000;

#[derive(Default)]
pub(super) struct Done {
    pub(super) copied: u64,
    pub(super) there: u64,
}

/// Start and end of each partition.
pub(super) async fn bounds(cluster: &Cluster, topic: &Text, committed: bool) -> Result<BTreeMap<i32, (i64, i64)>, Failure> {
    let partitions: Vec<i32> = cluster.topic(topic).await?.partitions.iter().map(|p| p.index).collect();
    let ask = |at| partitions.iter().map(|p| (topic.clone(), *p, at)).collect::<Vec<_>>();
    let starts = cluster.list_offsets(&ask(At::Start), committed).await?;
    let ends = cluster.list_offsets(&ask(At::End), committed).await?;
    let both = partitions.iter().zip(starts.iter().zip(&ends));
    Ok(both.map(|(p, (start, end))| (*p, (start.offset.unwrap_or(0), end.offset.unwrap_or(0)))).collect())
}

/// What one partition of the copy is like, and what is behind it.
struct Part {
    /// Start and end of the copy as it was found.
    found: (i64, i64),
    map: Map,
    /// The sum of what is sent: what the copy must have then.
    sums: u64,
}

/// Copies what is not there yet.
pub(super) async fn copy(ends: &Ends, topic: &Text, maps: &mut Maps) -> Result<Done, Failure> {
    let here = bounds(ends.to.cluster(), topic, false).await?;
    let there = bounds(ends.from.cluster(), topic, true).await?;
    let known = |p: i32| maps.get(&(topic.clone(), p)).cloned();
    let mut parts: HashMap<i32, Part> = HashMap::new();
    let mut readers = Vec::new();
    for (partition, (start, end)) in &there {
        let found = here.get(partition).copied().unwrap_or_default();
        let map = known(*partition).filter(|map| map.next() == found.1);
        // One that was followed goes on where it was; else the copy is compared from its beginning.
        let from = map.as_ref().and_then(Map::last).map_or(*start, |last| last + 1);
        parts.insert(*partition, Part { found, map: map.unwrap_or_default(), sums: 0 });
        if from < *end {
            let range = (Begin::Offset(from), Until::Offset(*end));
            readers.push(Selection { topic: topic.clone(), partitions: Some(vec![*partition]), from: range.0, until: range.1 });
        }
    }
    let outcome = run(ends, topic, &readers, &mut parts).await;
    let sums: BTreeMap<i32, (i64, u64)> = parts.iter().map(|(p, part)| (*p, (part.found.1, part.sums))).collect();
    maps.extend(parts.into_iter().map(|(p, part)| ((topic.clone(), p), part.map)));
    let done = outcome?;
    verify(ends, topic, maps, &sums).await?;
    Ok(done)
}

async fn run(ends: &Ends, topic: &Text, selections: &[Selection], parts: &mut HashMap<i32, Part>) -> Result<Done, Failure> {
    let config = ReaderConfig { committed: true, ..ReaderConfig::default() };
    let mut reader = Reader::open(ends.from.cluster().clone(), selections, config).await?;
    let mut there = Existing::open(ends, topic, parts).await?;
    let bar = screen::bar(length(&reader), ends.quiet);
    let mut done = Done::default();
    let mut producer: Option<Producer> = None;
    let mut under_way: VecDeque<(i64, Delivery)> = VecDeque::new();
    while let Some(message) = reader.next().await? {
        let part = parts.get_mut(&message.partition).ok_or_else(|| Failure::new(Kind::Failed, "an unknown partition came"))?;
        let at = part.map.push(message.offset);
        bar.inc(1);
        if at < part.found.1 {
            done.there += 1;
            there.agrees(at, &message, part.found.0).await?;
            continue;
        }
        if under_way.len() >= WINDOW
            && let Some((at, oldest)) = under_way.pop_front()
        {
            placed(topic, at, oldest).await?;
        }
        part.sums = part.sums.wrapping_add(sum(at, &message).into());
        let producer = producer.get_or_insert_with(|| sender(ends, message.batch.codec));
        under_way.push_back((at, producer.send(record(message)).await?));
        done.copied += 1;
    }
    for (at, delivery) in under_way {
        placed(topic, at, delivery).await?;
    }
    bar.finish_and_clear();
    Ok(done)
}

/// The copy has a record exactly where it was counted to come. Somebody else who writes would be found here.
async fn placed(topic: &Text, at: i64, delivery: Delivery) -> Result<(), Failure> {
    let placed = delivery.await?;
    match placed.offset {
        Some(offset) if offset != at => Err(differs(topic, placed.partition, offset)
            .why(format!("a record was to come to offset {at} and came to {offset}: somebody else writes into the copy"))),
        _ => Ok(()),
    }
}

/// With the codec that the source has.
fn sender(ends: &Ends, codec: Codec) -> Producer {
    let compression = Compression { codec, ..Compression::NONE };
    Producer::new(ends.to.cluster().clone(), ProducerConfig { compression, ..ProducerConfig::default() })
}

fn record(message: Message) -> NewRecord {
    NewRecord {
        topic: message.topic,
        partition: Some(message.partition),
        key: message.key,
        value: message.value,
        headers: message.headers,
        timestamp: (message.timestamp >= 0).then_some(message.timestamp),
    }
}

/// A checksum of everything that a copy must keep, and of where it must be.
fn sum(at: i64, message: &Message) -> u32 {
    let mut bytes = Vec::with_capacity(64 + message.value.as_ref().map_or(0, Bytes::len));
    bytes.extend(at.to_be_bytes());
    bytes.extend(message.timestamp.to_be_bytes());
    let mut part = |part: Option<&Bytes>| {
        bytes.extend(part.map_or(-1, |b| b.len() as i64).to_be_bytes());
        bytes.extend(part.map_or(&[][..], |b| &b[..]));
    };
    part(message.key.as_ref());
    part(message.value.as_ref());
    for (key, value) in &message.headers {
        part(Some(key));
        part(value.as_ref());
    }
    crc32c(&bytes)
}

/// The records that the copy has already, one reader for each partition that has some.
struct Existing {
    topic: Text,
    readers: HashMap<i32, Reader>,
}

impl Existing {
    async fn open(ends: &Ends, topic: &Text, parts: &HashMap<i32, Part>) -> Result<Self, Failure> {
        let mut readers = HashMap::new();
        for (partition, part) in parts {
            let from = part.map.next().max(part.found.0);
            if from < part.found.1 {
                let range = (Begin::Offset(from), Until::Offset(part.found.1));
                let all = Selection { topic: topic.clone(), partitions: Some(vec![*partition]), from: range.0, until: range.1 };
                readers.insert(*partition, Reader::open(ends.to.cluster().clone(), &[all], ReaderConfig::default()).await?);
            }
        }
        Ok(Self { topic: topic.clone(), readers })
    }

    /// The record at an offset of the copy is this one. What the copy has removed by now cannot be compared.
    async fn agrees(&mut self, at: i64, source: &Message, start: i64) -> Result<(), Failure> {
        if at < start {
            return Ok(());
        }
        let found = match self.readers.get_mut(&source.partition) {
            Some(reader) => reader.next().await?,
            None => None,
        };
        match found {
            Some(found) if found.offset == at && sum(at, &found) == sum(at, source) => Ok(()),
            _ => Err(differs(&self.topic, source.partition, at)
                .why("the record there is not the one of the source: the topic holds something else, or the source has changed")),
        }
    }
}

fn differs(topic: &Text, partition: i32, at: i64) -> Failure {
    Failure::new(
        Kind::Exists,
        format!("the copy of {topic} does not agree with its source at partition {partition}, offset {at}"),
    )
    .fix(format!("milena topic rm {topic}   (then copy it anew)"))
}

/// Reads what was copied once more, and compares count and sum.
async fn verify(ends: &Ends, topic: &Text, maps: &Maps, sums: &BTreeMap<i32, (i64, u64)>) -> Result<(), Failure> {
    for (partition, (from, expected)) in sums {
        let until = maps.get(&(topic.clone(), *partition)).map_or(*from, Map::next);
        if *from >= until {
            continue;
        }
        let range = (Begin::Offset(*from), Until::Offset(until));
        let copied = Selection { topic: topic.clone(), partitions: Some(vec![*partition]), from: range.0, until: range.1 };
        let mut reader = Reader::open(ends.to.cluster().clone(), &[copied], ReaderConfig::default()).await?;
        let (mut count, mut total) = (0, 0_u64);
        while let Some(message) = reader.next().await? {
            count += 1;
            total = total.wrapping_add(sum(message.offset, &message).into());
        }
        if (count, total) != (until - from, *expected) {
            return Err(differs(topic, *partition, *from).why(format!(
                "{} records were sent, {count} are there, and their checksums {}",
                until - from,
                if total == *expected { "agree" } else { "differ" }
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use milena_client::{BatchView, record::TimestampType};

    use super::*;

    fn message(
        key: Option<&'static str>,
        value: Option<&'static str>,
        headers: &[(&'static str, Option<&'static str>)],
    ) -> Message {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        let batch = BatchView {
            bytes: Bytes::new(),
            magic: 2,
            codec: Codec::None,
            timestamp_type: TimestampType::Create,
            leader_epoch: 0,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            transactional: false,
            count: 1,
        };
        Message {
            topic: "t".into(),
            partition: 0,
            offset: 0,
            timestamp: 1,
            key: key.map(bytes),
            value: value.map(bytes),
            headers: headers.iter().map(|(k, v)| (bytes(k), v.map(bytes))).collect(),
            batch: Arc::new(batch),
        }
    }

    #[test]
    fn a_sum_tells_everything_apart() {
        let all = [
            message(None, None, &[]),
            message(Some(""), None, &[]),
            message(None, Some(""), &[]),
            message(Some("ab"), Some("c"), &[]),
            message(Some("a"), Some("bc"), &[]),
            message(Some("a"), Some("bc"), &[("h", None)]),
            message(Some("a"), Some("bc"), &[("h", Some(""))]),
        ];
        let mut sums: Vec<u32> = all.iter().flat_map(|m| [sum(0, m), sum(1, m)]).collect();
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), 2 * all.len());
    }
}
