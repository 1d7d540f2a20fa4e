//! What a partition needs to know of a record batch: the numbers of its header.

use milena_record::{Codec, HEADER_LEN, Header, TimestampType};

use crate::ids::Offset;

/// A batch as its header describes it. That the header tells the truth was verified before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batch {
    /// From a client 0; as stored, the offset of the first record.
    pub base: Offset,
    /// Offset of the last record, relative to `base`.
    pub last_delta: i32,
    pub count: i32,
    /// What the records' timestamps count from: the first one's, as clients build it. -1 when it has none.
    pub first_stamp: i64,
    /// Greatest timestamp.
    pub stamp: i64,
    /// Below 0: no idempotent producer. Kafka takes every negative number so.
    pub producer: i64,
    pub producer_epoch: i16,
    /// Sequence of the first record.
    pub sequence: i32,
    /// `None` for a number that Kafka does not define.
    pub codec: Option<Codec>,
    pub transactional: bool,
    pub control: bool,
    /// The timestamp type is LogAppendTime: the records' time is `stamp`, whatever they say.
    pub append_time: bool,
    /// Bytes of the whole batch, header included.
    pub size: usize,
}

impl Batch {
    /// Length of the header of a batch.
    pub const HEAD: usize = HEADER_LEN;

    /// Reads the header. `None` when these are not the first 61 bytes of a batch, or of one in an older format.
    pub fn from_head(head: &[u8]) -> Option<Self> {
        let header = Header::parse(head).ok()?;
        Some(Self {
            base: header.base_offset(),
            last_delta: header.last_offset_delta(),
            count: header.count(),
            first_stamp: header.base_timestamp(),
            stamp: header.max_timestamp(),
            producer: header.producer_id(),
            producer_epoch: header.producer_epoch(),
            sequence: header.base_sequence(),
            codec: header.codec().ok(),
            transactional: header.is_transactional(),
            control: header.is_control(),
            append_time: header.timestamp_type() == TimestampType::LogAppend,
            size: header.total_len()?,
        })
    }
    pub fn last(&self) -> Offset {
        self.base + i64::from(self.last_delta)
    }
    /// Written by an idempotent (or transactional) producer.
    pub fn is_idempotent(&self) -> bool {
        self.producer >= 0
    }
}
