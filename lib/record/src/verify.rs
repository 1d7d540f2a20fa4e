//! Judging a batch: what its header claims, whether that holds, and on request whether every record inside does.

use std::borrow::Cow;

use crate::{
    Codec, Flaw, Header, Limits, Producer, RecordFlaw, Records, TimestampType, codec,
    header::{ATTRIBUTES_AT, HEADER_LEN, crc32c},
    record::{LEAST_RECORD, Skimmed},
    split,
};

/// One whole magic-2 batch: header and records, with no byte missing and none behind.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    bytes: &'a [u8],
}

/// What a batch says about itself, once the cheap checks and the checksum hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Bytes of the whole batch.
    pub len: usize,
    pub base_offset: i64,
    /// At least 1.
    pub count: u32,
    /// `count - 1` in a producer's batch; more where compaction removed records.
    pub last_offset_delta: i32,
    pub codec: Codec,
    pub timestamp_type: TimestampType,
    pub base_timestamp: i64,
    /// As the header states it. Only [`Batch::check_records`] knows the true one.
    pub max_timestamp: i64,
    /// The idempotent producer, if it is one.
    pub producer: Option<Producer>,
    pub transactional: bool,
    pub control: bool,
}

/// What the records say, once each was walked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordFacts {
    pub count: u32,
    /// The greatest timestamp, and the offset delta of the first record that has it.
    pub max_timestamp: i64,
    pub max_timestamp_delta: i32,
    /// The least timestamp.
    pub min_timestamp: i64,
    /// Index of the first record without a key.
    pub first_null_key: Option<u32>,
    /// Bytes of the records, uncompressed.
    pub payload_len: usize,
    /// The first record whose offset delta is not its index, with that delta. Kafka overwrites such deltas in
    /// uncompressed batches of a producer and refuses them in compressed ones; in a compacted log they are normal.
    pub first_odd_delta: Option<(u32, i32)>,
}

impl<'a> Batch<'a> {
    /// Takes `bytes` for one whole batch.
    ///
    /// Fails with [`Flaw::Magic`], [`Flaw::Length`] or [`Flaw::Truncated`]. Bytes behind the batch are left out.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let header = Header::parse(bytes)?;
        let len = header.total_len().ok_or(Flaw::Length(header.stated_len()))?;
        match bytes.get(..len) {
            Some(bytes) => Ok(Self { bytes }),
            None => Err(Flaw::Truncated { needed: len, present: bytes.len() }),
        }
    }

    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn header(&self) -> Header<'a> {
        Header::parse(self.bytes).expect("parse() saw a header")
    }

    /// The records as they stand there, compressed or not.
    pub fn raw_payload(&self) -> &'a [u8] {
        &self.bytes[HEADER_LEN..]
    }

    /// Computes the checksum and compares.
    pub fn check_crc(&self) -> Result<(), Flaw> {
        let (stated, computed) = (self.header().crc(), crc32c(&self.bytes[ATTRIBUTES_AT..]));
        if stated == computed { Ok(()) } else { Err(Flaw::Crc { stated, computed }) }
    }

    /// The cheap checks (about 20 ns): codec, count, offsets. No checksum, no look inside.
    pub fn check_header(&self) -> Result<Facts, Flaw> {
        let header = self.header();
        let codec = header.codec().map_err(Flaw::Codec)?;
        let (count, last_offset_delta) = (header.count(), header.last_offset_delta());
        if count <= 0 {
            return Err(Flaw::Count(count));
        }
        // Compaction may leave fewer records than the range has offsets, never more.
        if last_offset_delta < count - 1 {
            return Err(Flaw::OffsetRange { count, last_offset_delta });
        }
        if codec == Codec::None && self.raw_payload().len() / LEAST_RECORD < count as usize {
            return Err(Flaw::Record { index: 0, at: self.raw_payload().len(), flaw: RecordFlaw::Missing { stated: count } });
        }
        Ok(Facts {
            len: self.bytes.len(),
            base_offset: header.base_offset(),
            count: count as u32,
            last_offset_delta,
            codec,
            timestamp_type: header.timestamp_type(),
            base_timestamp: header.base_timestamp(),
            max_timestamp: header.max_timestamp(),
            producer: header.producer(),
            transactional: header.is_transactional(),
            control: header.is_control(),
        })
    }

    /// Checksum and cheap checks: what a batch that comes from a log must pass.
    pub fn verify(&self) -> Result<Facts, Flaw> {
        self.check_crc()?;
        self.check_header()
    }

    /// The uncompressed records: borrowed when they are not compressed, else decompressed within `limits`.
    pub fn payload(&self, limits: &Limits) -> Result<Cow<'a, [u8]>, Flaw> {
        match self.header().codec().map_err(Flaw::Codec)? {
            Codec::None => Ok(Cow::Borrowed(self.raw_payload())),
            codec => {
                let mut out = Vec::new();
                codec::decompress(codec, self.raw_payload(), limits, &mut out)?;
                Ok(Cow::Owned(out))
            }
        }
    }

    /// Walks every record: lengths, numbers, header counts, the count itself. Decompresses within `limits`.
    ///
    /// Facts about offsets, times and keys are reported, not judged: what is wrong with them depends on where the batch
    /// came from and where it goes.
    pub fn check_records(&self, limits: &Limits) -> Result<RecordFacts, Flaw> {
        let header = self.header();
        let payload = self.payload(limits)?;
        let mut records = Records::new(&header, &payload);
        let mut facts = RecordFacts {
            count: 0,
            max_timestamp: i64::MIN,
            max_timestamp_delta: 0,
            min_timestamp: i64::MAX,
            first_null_key: None,
            payload_len: payload.len(),
            first_odd_delta: None,
        };
        loop {
            let record = match records.skim() {
                Some(record) => record,
                None => match records.next().transpose()? {
                    Some(r) => Skimmed { timestamp: r.timestamp, offset_delta: r.offset_delta, null_key: r.key.is_none() },
                    None => break,
                },
            };
            if record.timestamp > facts.max_timestamp {
                (facts.max_timestamp, facts.max_timestamp_delta) = (record.timestamp, record.offset_delta);
            }
            facts.min_timestamp = facts.min_timestamp.min(record.timestamp);
            if record.null_key {
                facts.first_null_key.get_or_insert(facts.count);
            }
            if i64::from(record.offset_delta) != i64::from(facts.count) {
                facts.first_odd_delta.get_or_insert((facts.count, record.offset_delta));
            }
            facts.count += 1;
        }
        match records.rest() {
            [] => Ok(facts),
            rest => Err(records.flaw(RecordFlaw::Surplus(rest.len()))),
        }
    }
}

/// Judges what a producer sent for one partition, with Kafka's rules in Kafka's order: exactly one whole batch of magic
/// 2, base offset 0, at most `max_len` bytes, checksum, codec, no control marker, a count that fits the offsets.
///
/// Half a batch or stray bytes behind the batch are ignored, as Kafka does: append `Facts::len` bytes of the blob, or
/// [`Batch::bytes`]. What depends on a topic's settings (timestamps, keys, transactions) is for the caller, from
/// [`Facts`] or [`Batch::check_records`].
pub fn produced(blob: &[u8], max_len: usize) -> Result<(Batch<'_>, Facts), Flaw> {
    let mut entries = split(blob);
    let first = match entries.next() {
        Some(entry) => entry?,
        None => return Err(Flaw::NoBatch),
    };
    if i32::from(first.magic) != i32::from(crate::MAGIC) {
        return Err(Flaw::Magic(first.magic));
    }
    // Anything whole behind it is one too many; a second length that makes no sense is corrupt, as Kafka has it.
    if entries.next().transpose()?.is_some() {
        return Err(Flaw::SecondBatch);
    }
    let batch = Batch::parse(first.bytes)?;
    let header = batch.header();
    if header.base_offset() != 0 {
        return Err(Flaw::BaseOffset(header.base_offset()));
    }
    if batch.bytes().len() > max_len {
        return Err(Flaw::TooLarge { len: batch.bytes().len(), limit: max_len });
    }
    batch.check_crc()?;
    header.codec().map_err(Flaw::Codec)?;
    if header.is_control() {
        return Err(Flaw::Control);
    }
    let facts = batch.check_header()?;
    if facts.last_offset_delta != facts.count as i32 - 1 {
        return Err(Flaw::OffsetRange { count: facts.count as i32, last_offset_delta: facts.last_offset_delta });
    }
    Ok((batch, facts))
}
