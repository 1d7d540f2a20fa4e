//! A record as it is handed out, with the batch it came in.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use milena_record::{Batch, Codec, Entry, Flaw, Limits, Records, TimestampType, legacy};
use milena_wire::Text;

/// One record.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: Text,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970; -1 where the format has none.
    pub timestamp: i64,
    pub key: Option<Bytes>,
    /// `None` is a tombstone.
    pub value: Option<Bytes>,
    /// In order, with doubles and nulls.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
    pub batch: Arc<BatchView>,
}

/// The batch that a record came in.
#[derive(Clone, Debug)]
pub struct BatchView {
    /// Every byte, as the broker sent it.
    pub bytes: Bytes,
    pub magic: i8,
    pub codec: Codec,
    pub timestamp_type: TimestampType,
    pub leader_epoch: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub transactional: bool,
    /// Records in it, as stated.
    pub count: i32,
}

impl Message {
    /// Every record of batches as a broker stores them, one behind the other.
    pub fn unpack(batches: &Bytes, topic: &Text, partition: i32, limits: &Limits) -> Result<Vec<Message>, Flaw> {
        let mut messages = Vec::new();
        for entry in milena_record::split(batches) {
            messages.append(&mut unpack(batches, entry?, topic, partition, limits)?);
        }
        Ok(messages)
    }
}

/// Reads every record of one entry of a fetched blob.
pub(super) fn unpack(
    blob: &Bytes,
    entry: Entry<'_>,
    topic: &Text,
    partition: i32,
    limits: &Limits,
) -> Result<Vec<Message>, Flaw> {
    let bytes = blob.slice_ref(entry.bytes);
    if entry.magic < 2 {
        return unpack_legacy(bytes, topic, partition, limits);
    }
    let batch = Batch::parse(entry.bytes)?;
    let header = batch.header();
    let view = Arc::new(BatchView {
        bytes: bytes.clone(),
        magic: 2,
        codec: header.codec().map_err(Flaw::Codec)?,
        timestamp_type: header.timestamp_type(),
        leader_epoch: header.leader_epoch(),
        producer_id: header.producer_id(),
        producer_epoch: header.producer_epoch(),
        base_sequence: header.base_sequence(),
        transactional: header.is_transactional(),
        count: header.count(),
    });
    // What came unpacked costs nothing more.
    let (payload, unpacked) = match batch.payload(limits)? {
        Cow::Borrowed(slice) => (bytes.slice_ref(slice), 0),
        Cow::Owned(vec) => {
            let unpacked = vec.len();
            (Bytes::from(vec), unpacked)
        }
    };
    let part = |slice: &[u8]| payload.slice_ref(slice);
    let mut purse = Purse::new(limits, unpacked)?;
    Records::new(&header, &payload)
        .map(|record| {
            let record = record?;
            purse.pay(record.headers.len())?;
            Ok(Message {
                topic: topic.clone(),
                partition,
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.map(part),
                value: record.value.map(part),
                headers: record.headers.map(|h| (part(h.key), h.value.map(part))).collect(),
                batch: view.clone(),
            })
        })
        .collect()
}

/// What unpacking a batch may still cost. A record of seven bytes is a message of twenty times that, and bytes that pack well are
/// many records.
struct Purse {
    limit: usize,
    left: usize,
}

impl Purse {
    fn new(limits: &Limits, spent: usize) -> Result<Self, Flaw> {
        let limit = limits.decompressed;
        let left = limit.checked_sub(spent).ok_or(Flaw::Bomb { limit })?;
        Ok(Self { limit, left })
    }

    /// For one message, before there is room made for it.
    fn pay(&mut self, headers: usize) -> Result<(), Flaw> {
        let cost = size_of::<Message>() + headers.saturating_mul(size_of::<(Bytes, Option<Bytes>)>());
        self.left = self.left.checked_sub(cost).ok_or(Flaw::Bomb { limit: self.limit })?;
        Ok(())
    }
}

fn unpack_legacy(bytes: Bytes, topic: &Text, partition: i32, limits: &Limits) -> Result<Vec<Message>, Flaw> {
    let messages = legacy::messages(&bytes, limits)?;
    let mut purse = Purse::new(limits, 0)?;
    messages.iter().try_for_each(|_| purse.pay(0))?;
    // Attributes stand behind offset, size, checksum and magic in both formats.
    let attributes = bytes.get(17).copied().unwrap_or(0);
    let view = Arc::new(BatchView {
        magic: bytes.get(16).map_or(0, |m| *m as i8),
        codec: Codec::from_id(attributes & 7).map_err(Flaw::Codec)?,
        timestamp_type: if attributes & 8 == 0 { TimestampType::Create } else { TimestampType::LogAppend },
        leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        transactional: false,
        count: messages.len() as i32,
        bytes,
    });
    let read = messages.into_iter().map(|m| Message {
        topic: topic.clone(),
        partition,
        offset: m.offset,
        timestamp: m.timestamp,
        key: m.key.map(Bytes::from),
        value: m.value.map(Bytes::from),
        headers: Vec::new(),
        batch: view.clone(),
    });
    Ok(read.collect())
}

#[cfg(test)]
mod tests {
    use milena_record::{Builder, RecordHeader};

    use super::*;

    fn unpacked(count: usize, headers: &[RecordHeader<'_>], limit: usize) -> Result<usize, Flaw> {
        let mut builder = Builder::new(Codec::Gzip);
        for _ in 0..count {
            builder.push(0, None, None, headers).unwrap();
        }
        let batch = Bytes::from(builder.finish().unwrap());
        Message::unpack(&batch, &"t".into(), 0, &Limits::new(limit)).map(|messages| messages.len())
    }

    #[test]
    fn records_cost_what_they_take_in_memory() {
        let header = RecordHeader { key: b"", value: None };
        let one = size_of::<Message>();
        assert_eq!(unpacked(1000, &[], 1000 * (one + 10)), Ok(1000));
        // The bytes alone are far below the limit.
        assert_eq!(unpacked(1000, &[], 999 * one), Err(Flaw::Bomb { limit: 999 * one }));
        assert_eq!(unpacked(1000, &[header; 9], 1000 * (one + 40)), Err(Flaw::Bomb { limit: 1000 * (one + 40) }));
    }
}
