//! The 61 bytes in front of every magic-2 batch: where each field lies, and the few that may be changed in place.
//!
//! Layout (big endian): base offset 0, length 8, partition leader epoch 12, magic 16, CRC-32C 17, attributes 21, last
//! offset delta 23, base timestamp 27, maximal timestamp 35, producer id 43, producer epoch 51, base sequence 53, count 57.
//! The checksum covers everything from the attributes to the end of the batch.

use crate::{Codec, Flaw, Producer};

/// Bytes in front of the records of a magic-2 batch.
pub const HEADER_LEN: usize = 61;
/// The format's number.
pub const MAGIC: i8 = 2;
/// Base offset and length: what the length field does not count.
pub(crate) const LOG_OVERHEAD: usize = 12;
/// Where the checksum lies, and where what it covers begins.
pub(crate) const CRC_AT: usize = 17;
pub(crate) const ATTRIBUTES_AT: usize = 21;
/// From this byte on a batch is covered by its checksum: what lies before may be changed in place.
pub const CHECKED_FROM: usize = ATTRIBUTES_AT;
pub(crate) const MAX_TIMESTAMP_AT: usize = 35;

pub(crate) const CODEC_MASK: i16 = 0x07;
pub(crate) const LOG_APPEND_TIME_BIT: i16 = 0x08;
pub(crate) const TRANSACTIONAL_BIT: i16 = 0x10;
pub(crate) const CONTROL_BIT: i16 = 0x20;
pub(crate) const DELETE_HORIZON_BIT: i16 = 0x40;

/// The checksum that a batch states, by its header.
pub fn stated_crc(head: &[u8; HEADER_LEN]) -> u32 {
    Header(head).crc()
}

/// Who set the timestamps of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampType {
    /// The producer, one for each record.
    Create,
    /// The broker, one for the whole batch: its maximal timestamp.
    LogAppend,
}

/// A view of a magic-2 header. Fields are as they stand there: nothing is believed, nothing is checked but the magic.
#[derive(Clone, Copy)]
pub struct Header<'a>(&'a [u8; HEADER_LEN]);

impl<'a> Header<'a> {
    /// Looks at the first 61 bytes. More may follow.
    ///
    /// Fails with [`Flaw::Truncated`] when there are fewer, [`Flaw::Magic`] when they are of another format.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Flaw> {
        // The magic stands at the same place in all formats, so it is named even when the rest is missing.
        match bytes.get(16) {
            Some(&magic) if magic as i8 != MAGIC => return Err(Flaw::Magic(magic as i8)),
            _ => {}
        }
        bytes.first_chunk().map(Self).ok_or(Flaw::Truncated { needed: HEADER_LEN, present: bytes.len() })
    }

    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut field = [0; N];
        field.copy_from_slice(&self.0[at..at + N]);
        field
    }

    /// Offset of the first record, or of where it was before compaction removed it.
    pub fn base_offset(&self) -> i64 {
        i64::from_be_bytes(self.take(0))
    }
    /// The length field: bytes that follow it. See [`Header::total_len`].
    pub fn stated_len(&self) -> i32 {
        i32::from_be_bytes(self.take(8))
    }
    /// Bytes of the whole batch, base offset and length included; `None` when the stated length cannot hold a header.
    pub fn total_len(&self) -> Option<usize> {
        let len = usize::try_from(self.stated_len()).ok()?.checked_add(LOG_OVERHEAD)?;
        (len >= HEADER_LEN).then_some(len)
    }
    pub fn leader_epoch(&self) -> i32 {
        i32::from_be_bytes(self.take(12))
    }
    /// The checksum as stated.
    pub fn crc(&self) -> u32 {
        u32::from_be_bytes(self.take(CRC_AT))
    }
    /// All attribute bits, reserved ones included.
    pub fn attributes(&self) -> i16 {
        i16::from_be_bytes(self.take(ATTRIBUTES_AT))
    }
    /// How the records are compressed; `Err` with the number when it is none of the five.
    pub fn codec(&self) -> Result<Codec, u8> {
        Codec::from_id((self.attributes() & CODEC_MASK) as u8)
    }
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes() & LOG_APPEND_TIME_BIT == 0 { TimestampType::Create } else { TimestampType::LogAppend }
    }
    pub fn is_transactional(&self) -> bool {
        self.attributes() & TRANSACTIONAL_BIT != 0
    }
    /// Whether the records are markers of the log itself (end of a transaction …) and not for readers.
    pub fn is_control(&self) -> bool {
        self.attributes() & CONTROL_BIT != 0
    }
    /// Whether the base timestamp is a delete horizon (KIP-534).
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes() & DELETE_HORIZON_BIT != 0
    }
    pub fn last_offset_delta(&self) -> i32 {
        i32::from_be_bytes(self.take(23))
    }
    /// Offset of the last record as stated.
    pub fn last_offset(&self) -> i64 {
        self.base_offset().wrapping_add(i64::from(self.last_offset_delta()))
    }
    /// What the records' timestamp deltas count from.
    pub fn base_timestamp(&self) -> i64 {
        i64::from_be_bytes(self.take(27))
    }
    pub fn max_timestamp(&self) -> i64 {
        i64::from_be_bytes(self.take(MAX_TIMESTAMP_AT))
    }
    /// -1 or any negative number: not an idempotent producer.
    pub fn producer_id(&self) -> i64 {
        i64::from_be_bytes(self.take(43))
    }
    pub fn producer_epoch(&self) -> i16 {
        i16::from_be_bytes(self.take(51))
    }
    pub fn base_sequence(&self) -> i32 {
        i32::from_be_bytes(self.take(53))
    }
    /// The idempotent producer's three numbers, if it is one. Kafka takes every negative id for none.
    pub fn producer(&self) -> Option<Producer> {
        (self.producer_id() >= 0).then(|| Producer {
            id: self.producer_id(),
            epoch: self.producer_epoch(),
            base_sequence: self.base_sequence(),
        })
    }
    /// Number of records as stated.
    pub fn count(&self) -> i32 {
        i32::from_be_bytes(self.take(57))
    }
}

impl std::fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Header")
            .field("base_offset", &self.base_offset())
            .field("stated_len", &self.stated_len())
            .field("leader_epoch", &self.leader_epoch())
            .field("crc", &format_args!("{:#010x}", self.crc()))
            .field("attributes", &format_args!("{:#06x}", self.attributes()))
            .field("last_offset_delta", &self.last_offset_delta())
            .field("base_timestamp", &self.base_timestamp())
            .field("max_timestamp", &self.max_timestamp())
            .field("producer_id", &self.producer_id())
            .field("producer_epoch", &self.producer_epoch())
            .field("base_sequence", &self.base_sequence())
            .field("count", &self.count())
            .finish()
    }
}

/// CRC-32C (Castagnoli), the checksum of a magic-2 batch.
pub fn crc32c(bytes: &[u8]) -> u32 {
    // The 32-bit algorithms of crc-fast answer in the low half.
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// Gives a batch its place in the log. Outside the checksum.
///
/// # Panics
/// When `batch` is shorter than a header: callers patch batches that they verified.
pub fn patch_base_offset(batch: &mut [u8], offset: i64) {
    batch[..8].copy_from_slice(&offset.to_be_bytes());
}

/// Notes under which leader the batch was written. Outside the checksum.
///
/// # Panics
/// As [`patch_base_offset`].
pub fn patch_leader_epoch(batch: &mut [u8], epoch: i32) {
    batch[12..16].copy_from_slice(&epoch.to_be_bytes());
}

/// Makes `now` (milliseconds since 1970) the time of every record: sets the timestamp type and the maximal timestamp,
/// and computes the checksum anew, since both lie under it.
///
/// # Panics
/// As [`patch_base_offset`].
pub fn set_log_append_time(batch: &mut [u8], now: i64) {
    let attributes = i16::from_be_bytes([batch[ATTRIBUTES_AT], batch[ATTRIBUTES_AT + 1]]) | LOG_APPEND_TIME_BIT;
    batch[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&now.to_be_bytes());
    redo_crc(batch);
}

/// Leaves each record the time that its producer gave: sets the timestamp type and the maximal timestamp, which is to be that
/// of the records, and computes the checksum anew.
///
/// # Panics
/// As [`patch_base_offset`].
pub fn set_create_time(batch: &mut [u8], max: i64) {
    let attributes = i16::from_be_bytes([batch[ATTRIBUTES_AT], batch[ATTRIBUTES_AT + 1]]) & !LOG_APPEND_TIME_BIT;
    batch[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&max.to_be_bytes());
    redo_crc(batch);
}

pub(crate) fn redo_crc(batch: &mut [u8]) {
    let crc = crc32c(&batch[ATTRIBUTES_AT..]);
    batch[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
}
