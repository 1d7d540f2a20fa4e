//! What a partition needs to know of a record batch (magic 2): the numbers of its first 61 bytes.

use crate::ids::Offset;

/// A batch as its header describes it. That the header tells the truth was verified before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batch {
    /// From a client 0; as stored, the offset of the first record.
    pub base: Offset,
    /// Offset of the last record, relative to `base`.
    pub last_delta: i32,
    pub count: i32,
    /// Timestamp of the first record, -1 when it has none.
    pub first_stamp: i64,
    /// Greatest timestamp.
    pub stamp: i64,
    /// Below 0: no idempotent producer. Kafka takes every negative number so.
    pub producer: i64,
    pub producer_epoch: i16,
    /// Sequence of the first record.
    pub sequence: i32,
    pub attributes: i16,
    /// Bytes of the whole batch, header included.
    pub size: usize,
}

/// How the records inside a batch are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Batch {
    /// Length of the header of a batch.
    pub const HEAD: usize = 61;

    /// Reads the header. `None` when `head` is shorter than a header is.
    pub fn from_head(head: &[u8]) -> Option<Self> {
        let head = head.first_chunk::<{ Self::HEAD }>()?;
        Some(Self {
            base: i64::from_be_bytes(field(head, 0)),
            size: usize::try_from(i32::from_be_bytes(field(head, 8))).unwrap_or(0) + 12,
            attributes: i16::from_be_bytes(field(head, 21)),
            last_delta: i32::from_be_bytes(field(head, 23)),
            first_stamp: i64::from_be_bytes(field(head, 27)),
            stamp: i64::from_be_bytes(field(head, 35)),
            producer: i64::from_be_bytes(field(head, 43)),
            producer_epoch: i16::from_be_bytes(field(head, 51)),
            sequence: i32::from_be_bytes(field(head, 53)),
            count: i32::from_be_bytes(field(head, 57)),
        })
    }
    pub fn last(&self) -> Offset {
        self.base + i64::from(self.last_delta)
    }
    /// Written by an idempotent (or transactional) producer.
    pub fn is_idempotent(&self) -> bool {
        self.producer >= 0
    }
    pub fn is_transactional(&self) -> bool {
        self.attributes & 0x10 != 0
    }
    pub fn is_control(&self) -> bool {
        self.attributes & 0x20 != 0
    }
    /// `None` for a codec id that Kafka does not define.
    pub fn codec(&self) -> Option<Codec> {
        Some(match self.attributes & 7 {
            0 => Codec::None,
            1 => Codec::Gzip,
            2 => Codec::Snappy,
            3 => Codec::Lz4,
            4 => Codec::Zstd,
            _ => return None,
        })
    }
    /// Sequence of the last record: after 2^31−1 comes 0.
    pub fn last_sequence(&self) -> i32 {
        (i64::from(self.sequence) + i64::from(self.last_delta)).rem_euclid(1 << 31) as i32
    }
}

fn field<const N: usize>(head: &[u8; Batch::HEAD], at: usize) -> [u8; N] {
    *head[at..].first_chunk::<N>().expect("every field lies inside the header")
}
