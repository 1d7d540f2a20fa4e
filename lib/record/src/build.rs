//! Making a magic-2 batch: record by record, then once around it the header, the codec and the checksum.

use crate::{
    Batch, Codec, Compression, Flaw, Limits, MAGIC, RecordHeader, TimestampType, codec,
    header::{
        ATTRIBUTES_AT, CODEC_MASK, CONTROL_BIT, HEADER_LEN, LOG_APPEND_TIME_BIT, LOG_OVERHEAD, MAX_TIMESTAMP_AT,
        TRANSACTIONAL_BIT, redo_crc,
    },
    varint,
};

/// What an idempotent producer writes into each batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Producer {
    pub id: i64,
    pub epoch: i16,
    /// Sequence of the first record. Wraps from 2^31-1 to 0.
    pub base_sequence: i32,
}

/// What a control batch says, in the key of its one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    Abort,
    Commit,
    /// Snapshot and quorum markers of KRaft logs, by number.
    Other(i16),
}

impl Control {
    /// Reads the key of a control record: version, type.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let kind = key.get(2..4)?;
        Some(match i16::from_be_bytes([kind[0], kind[1]]) {
            0 => Self::Abort,
            1 => Self::Commit,
            other => Self::Other(other),
        })
    }
}

/// Why a batch cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PackError {
    /// A record, its parts or the whole would pass the format's 2^31-1 bytes.
    #[error("the batch would be larger than 2 GiB")]
    TooLarge,
    /// A batch has at least one record.
    #[error("the batch has no records")]
    Empty,
    /// Offset deltas only rise.
    #[error("offset delta {delta} does not follow {last}")]
    Order { last: i32, delta: i32 },
    /// The compressor failed.
    #[error("cannot compress with {codec}: {detail}")]
    Codec { codec: Codec, detail: String },
}

/// Builds one batch. Records are written into their final form at once; [`Builder::finish`] compresses and seals.
#[derive(Clone, Debug)]
pub struct Builder {
    /// Room for the header, then the records.
    bytes: Vec<u8>,
    compression: Compression,
    count: i32,
    last_delta: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    base_offset: i64,
    leader_epoch: i32,
    producer: Option<Producer>,
    flags: i16,
}

impl Builder {
    /// A batch of a plain producer: base offset 0, create time, neither transactional nor control.
    pub fn new(compression: impl Into<Compression>) -> Self {
        Self {
            bytes: vec![0; HEADER_LEN],
            compression: compression.into(),
            count: 0,
            last_delta: -1,
            base_timestamp: 0,
            max_timestamp: -1,
            base_offset: 0,
            leader_epoch: -1,
            producer: None,
            flags: 0,
        }
    }

    #[must_use]
    pub fn producer(mut self, producer: Producer) -> Self {
        self.producer = Some(producer);
        self
    }
    #[must_use]
    pub fn transactional(mut self) -> Self {
        self.flags |= TRANSACTIONAL_BIT;
        self
    }
    #[must_use]
    pub fn control(mut self) -> Self {
        self.flags |= CONTROL_BIT;
        self
    }
    /// Every record gets this time, as a broker with `message.timestamp.type=LogAppendTime` gives it.
    #[must_use]
    pub fn log_append_time(mut self, now: i64) -> Self {
        self.flags |= LOG_APPEND_TIME_BIT;
        self.max_timestamp = now;
        self
    }
    /// Where the batch stands in a log.
    #[must_use]
    pub fn place(mut self, base_offset: i64, leader_epoch: i32) -> Self {
        (self.base_offset, self.leader_epoch) = (base_offset, leader_epoch);
        self
    }

    /// Bytes so far, before compression.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// Records so far.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Appends the next record and gives its offset delta. `timestamp` is in milliseconds since 1970.
    pub fn push(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader<'_>],
    ) -> Result<i32, PackError> {
        let delta = self.last_delta.checked_add(1).ok_or(PackError::TooLarge)?;
        self.push_at(delta, timestamp, key, value, headers)?;
        Ok(delta)
    }

    /// Appends a record at a given offset delta: for logs with gaps.
    pub fn push_at(
        &mut self,
        delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader<'_>],
    ) -> Result<(), PackError> {
        if delta <= self.last_delta {
            return Err(PackError::Order { last: self.last_delta, delta });
        }
        let base = if self.count == 0 { timestamp } else { self.base_timestamp };
        let timestamp_delta = timestamp.wrapping_sub(base);
        let body = record_len(timestamp_delta, delta, key, value, headers);
        if body + varint::len_i32(i32::MAX) + self.bytes.len() > i32::MAX as usize {
            return Err(PackError::TooLarge);
        }
        self.bytes.reserve(body + varint::len_i32(body as i32));
        write_record(&mut self.bytes, body, timestamp_delta, delta, key, value, headers);
        self.base_timestamp = base;
        if self.flags & LOG_APPEND_TIME_BIT == 0 {
            self.max_timestamp = if self.count == 0 { timestamp } else { self.max_timestamp.max(timestamp) };
        }
        (self.last_delta, self.count) = (delta, self.count + 1);
        Ok(())
    }

    /// Compresses, writes the header, computes the checksum.
    pub fn finish(self) -> Result<Vec<u8>, PackError> {
        if self.count == 0 {
            return Err(PackError::Empty);
        }
        let mut batch = if self.compression.codec == Codec::None {
            self.bytes
        } else {
            let mut packed = Vec::with_capacity(HEADER_LEN + self.bytes.len() / 2);
            packed.resize(HEADER_LEN, 0);
            codec::compress(self.compression, &self.bytes[HEADER_LEN..], &mut packed)?;
            packed
        };
        let producer = self.producer.unwrap_or(Producer { id: -1, epoch: -1, base_sequence: -1 });
        batch[..8].copy_from_slice(&self.base_offset.to_be_bytes());
        batch[12..16].copy_from_slice(&self.leader_epoch.to_be_bytes());
        batch[16] = MAGIC as u8;
        batch[23..27].copy_from_slice(&self.last_delta.to_be_bytes());
        batch[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        batch[MAX_TIMESTAMP_AT..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        batch[43..51].copy_from_slice(&producer.id.to_be_bytes());
        batch[51..53].copy_from_slice(&producer.epoch.to_be_bytes());
        batch[53..57].copy_from_slice(&producer.base_sequence.to_be_bytes());
        batch[57..61].copy_from_slice(&self.count.to_be_bytes());
        seal(&mut batch, self.flags | i16::from(self.compression.codec.id()))?;
        Ok(batch)
    }
}

/// Writes attributes and length and redoes the checksum.
fn seal(batch: &mut [u8], attributes: i16) -> Result<(), PackError> {
    let len = i32::try_from(batch.len() - LOG_OVERHEAD).map_err(|_| PackError::TooLarge)?;
    batch[8..12].copy_from_slice(&len.to_be_bytes());
    batch[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    redo_crc(batch);
    Ok(())
}

fn slice_len(slice: Option<&[u8]>) -> usize {
    match slice {
        None => 1,
        // Past 2^31 the sum is refused, so the cast only has to be large.
        Some(slice) => varint::len_i32(slice.len().min(i32::MAX as usize) as i32).saturating_add(slice.len()),
    }
}

fn record_len(timestamp_delta: i64, delta: i32, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[RecordHeader<'_>]) -> usize {
    let headers_len: usize = headers.iter().map(|h| slice_len(Some(h.key)) + slice_len(h.value)).sum();
    1 + varint::len_i64(timestamp_delta)
        + varint::len_i32(delta)
        + slice_len(key)
        + slice_len(value)
        + varint::len_i32(headers.len().min(i32::MAX as usize) as i32)
        + headers_len
}

fn write_slice(out: &mut Vec<u8>, slice: Option<&[u8]>) {
    match slice {
        None => varint::write_i32(out, -1),
        Some(slice) => {
            varint::write_i32(out, slice.len() as i32);
            out.extend_from_slice(slice);
        }
    }
}

fn write_record(
    out: &mut Vec<u8>,
    body: usize,
    timestamp_delta: i64,
    delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[RecordHeader<'_>],
) {
    varint::write_i32(out, body as i32);
    out.push(0);
    varint::write_i64(out, timestamp_delta);
    varint::write_i32(out, delta);
    write_slice(out, key);
    write_slice(out, value);
    varint::write_i32(out, headers.len() as i32);
    for header in headers {
        write_slice(out, Some(header.key));
        write_slice(out, header.value);
    }
}

/// Why a batch cannot be packed anew.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecompressError {
    #[error(transparent)]
    Flaw(#[from] Flaw),
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// The same batch with its records packed by another codec, for topics whose `compression.type` is not `producer`.
/// Everything else in the header stays; checksum and length are redone.
pub fn recompress(batch: &Batch<'_>, to: Compression, limits: &Limits) -> Result<Vec<u8>, RecompressError> {
    let header = batch.header();
    let payload = batch.payload(limits)?;
    let mut packed = Vec::with_capacity(HEADER_LEN + payload.len() / 2);
    packed.extend_from_slice(&batch.bytes()[..HEADER_LEN]);
    codec::compress(to, &payload, &mut packed)?;
    seal(&mut packed, header.attributes() & !CODEC_MASK | i16::from(to.codec.id()))?;
    Ok(packed)
}

/// Writes the offset deltas 0, 1, 2 … whatever stood there, as Kafka does with the uncompressed batch of a producer.
///
/// Gives the new batch, uncompressed; `None` when the deltas are already right.
pub fn renumber(batch: &Batch<'_>, limits: &Limits) -> Result<Option<Vec<u8>>, RecompressError> {
    if batch.check_records(limits)?.first_odd_delta.is_none() {
        return Ok(None);
    }
    let header = batch.header();
    let payload = batch.payload(limits)?;
    let mut packed = batch.bytes()[..HEADER_LEN].to_vec();
    for (delta, record) in crate::Records::new(&header, &payload).enumerate() {
        let record = record?;
        let (delta, headers) = (delta as i32, record.headers.collect::<Vec<_>>());
        let body = record_len(record.timestamp_delta, delta, record.key, record.value, &headers);
        write_record(&mut packed, body, record.timestamp_delta, delta, record.key, record.value, &headers);
    }
    seal(&mut packed, header.attributes() & !CODEC_MASK)?;
    Ok(Some(packed))
}

impl Builder {
    /// A builder that goes on with what a batch says of itself: place, producer, flags; the records are the caller's.
    pub fn like(batch: &Batch<'_>, compression: impl Into<Compression>) -> Self {
        let header = batch.header();
        let mut builder = Self::new(compression).place(header.base_offset(), header.leader_epoch());
        builder.producer = header.producer();
        builder.flags = header.attributes() & !CODEC_MASK;
        if header.timestamp_type() == TimestampType::LogAppend {
            builder.max_timestamp = header.max_timestamp();
        }
        builder
    }
}
