//! Produce at every version, and every way in which a batch can be wrong.

use anyhow::Result;
use bytes::Bytes;
use milena_record::{Builder, Codec, Header, Producer, set_create_time, set_log_append_time, split};
use milena_wire::{
    InitProducerIdRequest, ProduceRequest,
    produce::{PartitionProduceData, TopicProduceData},
};
use uuid::Uuid;

use crate::{Conversation, fetch, peer::Peer};

pub(crate) const ALL: &[Conversation] = &[
    ("produce-versions", versions),
    ("produce-refusals", refusals),
    ("produce-idempotent", idempotent),
    ("produce-timestamps", timestamps),
    ("produce-headers", headers),
    ("produce-offenders", offenders),
];

pub(crate) fn batch(values: &[&str], codec: Codec) -> Result<Vec<u8>> {
    let mut batch = Builder::new(codec);
    for value in values {
        batch.push(1_700_000_000_000, Some(b"k"), Some(value.as_bytes()), &[])?;
    }
    Ok(batch.finish()?)
}

pub(crate) fn request(name: &str, id: Uuid, partition: i32, records: Option<Vec<u8>>) -> ProduceRequest {
    let partition_data = vec![PartitionProduceData { index: partition, records: records.map(Bytes::from), ..Default::default() }];
    let topic = TopicProduceData { name: name.into(), topic_id: id, partition_data, ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 5000, topic_data: vec![topic], ..Default::default() }
}

fn versions(peer: &mut Peer) -> Result<()> {
    let id = peer.topic("versions", 1, &[])?;
    for version in 3..=13 {
        let codec = if version >= 7 { Codec::Zstd } else { Codec::Lz4 };
        let (name, id) = if version >= 13 { ("", id) } else { ("versions", Uuid::nil()) };
        peer.ask(&format!("v{version}"), version, &request(name, id, 0, Some(batch(&["a", "b"], codec)?)))?;
        peer.ask(&format!("v{version}-unknown-partition"), version, &request(name, id, 7, Some(batch(&["a"], Codec::None)?)))?;
        let (name, id) = if version >= 13 { ("", Uuid::from_u128(77)) } else { ("nobody", Uuid::nil()) };
        peer.ask(&format!("v{version}-unknown-topic"), version, &request(name, id, 0, Some(batch(&["a"], Codec::None)?)))?;
    }
    for acks in [0i16, 1, -1, 2, -2] {
        let mut asked = request("versions", Uuid::nil(), 0, Some(batch(&["a"], Codec::None)?));
        asked.acks = acks;
        if acks != 0 {
            peer.ask(&format!("acks {acks}"), 9, &asked)?;
        }
    }
    Ok(())
}

fn refusals(peer: &mut Peer) -> Result<()> {
    peer.topic("refusals", 1, &[("max.message.bytes", "2000")])?;
    peer.topic("compacted", 1, &[("cleanup.policy", "compact")])?;
    let good = || batch(&["one", "two", "three"], Codec::None);
    let mut wrong: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut with = |name, change: fn(&mut Vec<u8>)| -> Result<()> {
        let mut bytes = good()?;
        change(&mut bytes);
        wrong.push((name, bytes));
        Ok(())
    };
    with("bad crc", |b| b[17] ^= 1)?;
    with("magic 0", |b| b[16] = 0)?;
    with("magic 1", |b| b[16] = 1)?;
    with("magic 3", |b| b[16] = 3)?;
    with("count 2", |b| resealed(b, |b| b[60] = 2))?;
    with("count negative", |b| resealed(b, |b| b[57..61].copy_from_slice(&(-5i32).to_be_bytes())))?;
    with("last delta 7", |b| resealed(b, |b| b[26] = 7))?;
    with("control", |b| resealed(b, |b| b[22] |= 0x20))?;
    with("codec 5", |b| resealed(b, |b| b[22] |= 5))?;
    with("codec 7", |b| resealed(b, |b| b[22] |= 7))?;
    with("gzip that is none", |b| resealed(b, |b| b[22] |= 1))?;
    with("reserved attributes", |b| resealed(b, |b| b[21] = 0x40))?;
    with("batch length one less", |b| b[11] -= 1)?;
    with("batch length one more", |b| b[11] += 1)?;
    with("record length lies", |b| resealed(b, |b| b[61] += 2))?;
    with("stray bytes behind", |b| b.extend_from_slice(&[0; 5]))?;
    with("empty", |b| b.clear())?;
    with("half", |b| b.truncate(40))?;
    with("two batches", |b| b.extend_from_within(..))?;
    with("transactional without an id", |b| resealed(b, |b| b[22] |= 0x10))?;
    wrong.push(("too large", batch(&[&"x".repeat(3000)], Codec::None)?));
    for (name, bytes) in wrong {
        peer.ask(name, 9, &request("refusals", Uuid::nil(), 0, Some(bytes)))?;
    }
    let mut keyless = Builder::new(Codec::None);
    keyless.push(1_700_000_000_000, None, Some(b"v"), &[])?;
    peer.ask("no key on a compacted topic", 9, &request("compacted", Uuid::nil(), 0, Some(keyless.finish()?)))?;
    peer.ask("afterwards", 9, &request("refusals", Uuid::nil(), 0, Some(good()?)))?;
    Ok(())
}

/// Changes what the checksum covers, and writes the right checksum.
fn resealed(batch: &mut [u8], change: fn(&mut [u8])) {
    change(batch);
    let crc = milena_record::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

fn sequenced(id: i64, epoch: i16, sequence: i32, records: usize) -> Result<Vec<u8>> {
    let mut batch = Builder::new(Codec::None).producer(Producer { id, epoch, base_sequence: sequence });
    for _ in 0..records {
        batch.push(1_700_000_000_000, Some(b"k"), Some(b"v"), &[])?;
    }
    Ok(batch.finish()?)
}

fn idempotent(peer: &mut Peer) -> Result<()> {
    peer.topic("idempotent", 1, &[])?;
    for version in 0..=5 {
        let answer = peer.talk(version, &InitProducerIdRequest { transaction_timeout_ms: 1000, ..Default::default() })?;
        peer.call(answer.producer_id, &format!("PRODUCER-{version}"));
        peer.said.insert(format!("init v{version}"), format!("error: {} epoch: {}", answer.error_code, answer.producer_epoch));
    }
    let steps: &[(&str, i64, i16, i32, usize)] = &[
        ("first", 900, 0, 0, 2),
        ("next", 900, 0, 2, 3),
        ("duplicate of next", 900, 0, 2, 3),
        ("duplicate of first", 900, 0, 0, 2),
        ("overlap", 900, 0, 3, 3),
        ("gap", 900, 0, 9, 1),
        ("3", 900, 0, 5, 1),
        ("4", 900, 0, 6, 1),
        ("5", 900, 0, 7, 1),
        ("6", 900, 0, 8, 1),
        ("duplicate older than five", 900, 0, 0, 2),
        ("new epoch not at zero", 900, 1, 4, 1),
        ("new epoch", 900, 1, 0, 1),
        ("old epoch", 900, 0, 9, 1),
        ("unknown producer in the middle", 901, 3, 42, 1),
        ("before the wrap", 902, 0, i32::MAX - 1, 2),
        ("after the wrap", 902, 0, 0, 1),
        ("across the wrap", 903, 0, i32::MAX, 3),
        ("after that", 903, 0, 2, 1),
        ("negative producer", -5, 0, 0, 1),
    ];
    for (name, id, epoch, sequence, records) in steps {
        peer.ask(name, 9, &request("idempotent", Uuid::nil(), 0, Some(sequenced(*id, *epoch, *sequence, *records)?)))?;
    }
    Ok(())
}

fn timestamps(peer: &mut Peer) -> Result<()> {
    peer.topic("times", 1, &[])?;
    peer.topic("bounded", 1, &[("message.timestamp.before.max.ms", "1000"), ("message.timestamp.after.max.ms", "1000")])?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64;
    for (name, time) in [
        ("minus one", -1),
        ("minus five", -5),
        ("zero", 0),
        ("in two hours", now + 7_200_000),
        ("in half an hour", now + 1_800_000),
        ("last year", now - 31_536_000_000),
    ] {
        for topic in ["times", "bounded"] {
            let mut batch = Builder::new(Codec::None);
            batch.push(time, Some(b"k"), Some(b"v"), &[])?;
            peer.ask(&format!("{topic}: {name}"), 9, &request(topic, Uuid::nil(), 0, Some(batch.finish()?)))?;
        }
    }
    Ok(())
}

/// Headers that lie about the times of their records, and what is stored of that.
fn headers(peer: &mut Peer) -> Result<()> {
    const TIME: i64 = 1_700_000_000_000;
    for (topic, settings) in [
        ("made", &[][..]),
        ("packed", &[("compression.type", "gzip")]),
        ("stamped", &[("message.timestamp.type", "LogAppendTime")]),
    ] {
        peer.topic(topic, 1, settings)?;
        let mut lies = Vec::new();
        for codec in [Codec::None, Codec::Lz4] {
            let mut records = Builder::new(codec);
            for time in [TIME, TIME + 100] {
                records.push(time, Some(b"k"), Some(b"v"), &[])?;
            }
            let honest = records.finish()?;
            let lie = |change: fn(&mut [u8])| {
                let mut bytes = honest.clone();
                change(&mut bytes);
                bytes
            };
            let broker = lie(|bytes| set_log_append_time(bytes, TIME + 5_000));
            let (early, late) = (lie(|bytes| set_create_time(bytes, 5)), lie(|bytes| set_create_time(bytes, TIME + 1_000_000)));
            lies.extend([("a broker's clock", codec, broker), ("early", codec, early), ("late", codec, late)]);
        }
        for (name, codec, bytes) in lies {
            let step = format!("{topic}: {name}, {codec:?}");
            let answer = peer.talk(9, &request(topic, Uuid::nil(), 0, Some(bytes)))?;
            let stored = &answer.responses[0].partition_responses[0];
            let named: Vec<_> = stored.record_errors.iter().map(|error| error.batch_index).collect();
            peer.said.insert(step.clone(), format!("error: {}\nnamed: {named:?}", stored.error_code));
            if stored.base_offset >= 0 {
                let found = peer.talk(12, &fetch::request(topic, Uuid::nil(), &[(0, stored.base_offset)]))?;
                let records = found.responses[0].partitions[0].records.clone().unwrap_or_default();
                let mut told = String::new();
                for entry in split(&records) {
                    let header = Header::parse(entry?.bytes)?;
                    let max = if topic == "stamped" { 0 } else { header.max_timestamp() };
                    told.push_str(&format!("type: {:?}\nmax: {max}\n", header.timestamp_type()));
                }
                peer.said.insert(format!("{step}, read"), told);
            }
        }
    }
    Ok(())
}

/// Which records a batch is refused for.
fn offenders(peer: &mut Peer) -> Result<()> {
    peer.topic("keyed", 1, &[("cleanup.policy", "compact"), ("message.timestamp.after.max.ms", "1000")])?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64;
    let (fine, late) = (now, now + 3_600_000);
    for (step, records) in [
        ("keyless", vec![(fine, false); 6]),
        ("late", vec![(late, true); 5]),
        ("one of each", vec![(fine, true), (fine, false), (late, true), (late, false)]),
    ] {
        for codec in [Codec::None, Codec::Gzip] {
            let mut batch = Builder::new(codec);
            for (time, keyed) in &records {
                batch.push(*time, keyed.then_some(&b"k"[..]), Some(b"v"), &[])?;
            }
            peer.ask(&format!("{step}, {codec:?}"), 9, &request("keyed", Uuid::nil(), 0, Some(batch.finish()?)))?;
        }
    }
    let zstd = batch(&["a"], Codec::Zstd)?;
    peer.topic("older", 1, &[])?;
    for version in [3, 6, 7] {
        peer.ask(&format!("zstandard by v{version}"), version, &request("older", Uuid::nil(), 0, Some(zstd.clone())))?;
    }
    Ok(())
}
