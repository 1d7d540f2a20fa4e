//! What can be wrong with bytes that claim to be records. Exhaustive on purpose: a door that turns flaws into answers
//! must decide about each.

use crate::Codec;

/// What is wrong with a batch. The comment names Kafka's answer to a producer who sends it, where one is observed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Flaw {
    /// No whole batch where one must be. Kafka: INVALID_RECORD (87).
    #[error("there is no whole record batch")]
    NoBatch,
    /// A second whole batch behind the only one allowed. Kafka: INVALID_RECORD (87).
    #[error("there are two record batches where one is allowed")]
    SecondBatch,
    /// The bytes end before what the header states or needs. Kafka: CORRUPT_MESSAGE (2).
    #[error("the batch is cut short: {needed} bytes needed, {present} present")]
    Truncated { needed: usize, present: usize },
    /// A length too small for any batch, or negative. Kafka: CORRUPT_MESSAGE (2).
    #[error("the batch states a length of {0} bytes, less than its own header")]
    Length(i32),
    /// Another format. Kafka refuses 0 and 1 with INVALID_RECORD (87), unknown ones with CORRUPT_MESSAGE (2).
    #[error("the batch has format (magic) {0}; 2 is the only one that is written")]
    Magic(i8),
    /// Longer than the caller allows. Kafka: MESSAGE_TOO_LARGE (10).
    #[error("the batch has {len} bytes; {limit} are allowed")]
    TooLarge { len: usize, limit: usize },
    /// A producer's batch must begin at 0: offsets are the broker's. Kafka: INVALID_RECORD (87).
    #[error("the base offset is {0}; a producer's batch begins at 0")]
    BaseOffset(i64),
    /// Kafka: CORRUPT_MESSAGE (2).
    #[error("the checksum is {computed:#010x}, the batch states {stated:#010x}")]
    Crc { stated: u32, computed: u32 },
    /// A codec number that means nothing. Kafka: UNKNOWN_SERVER_ERROR (-1).
    #[error("compression codec {0} does not exist")]
    Codec(u8),
    /// Kafka: INVALID_RECORD (87).
    #[error("the batch carries a control marker, which only a broker may write")]
    Control,
    /// No record, or a negative number of them. Kafka: INVALID_RECORD (87).
    #[error("the batch states {0} records")]
    Count(i32),
    /// Count and offsets contradict each other. Kafka: INVALID_RECORD (87).
    #[error("the batch states {count} records but a last offset delta of {last_offset_delta}")]
    OffsetRange { count: i32, last_offset_delta: i32 },
    /// Decompression would pass the limit: a bomb, or a limit too small. Kafka: MESSAGE_TOO_LARGE (10).
    #[error("decompressed, the records have more than {limit} bytes")]
    Bomb { limit: usize },
    /// The decompressor gave up. Kafka: UNKNOWN_SERVER_ERROR (-1).
    #[error("the {codec} data is broken: {detail}")]
    Compressed { codec: Codec, detail: String },
    /// A record inside is wrong. `index` counts from 0, `at` is the byte in the (decompressed) records where it begins.
    #[error("record {index} at byte {at}: {flaw}")]
    Record { index: u32, at: usize, flaw: RecordFlaw },
}

/// What is wrong with one record. Kafka answers all with INVALID_RECORD (87), or -1 when it met them while unpacking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordFlaw {
    #[error("the records end inside it")]
    Truncated,
    #[error("a variable-length number is longer than its type allows")]
    Varint,
    #[error("it states a length of {0} bytes")]
    Length(i32),
    /// The fields end before or behind the stated end of the record.
    #[error("its length says {stated} bytes, its fields take {actual}")]
    LengthLies { stated: usize, actual: usize },
    #[error("its key states a length of {0} bytes")]
    KeyLength(i32),
    #[error("its value states a length of {0} bytes")]
    ValueLength(i32),
    #[error("it states {0} headers")]
    HeaderCount(i32),
    #[error("the key of header {0} is null or longer than the record")]
    HeaderKey(u32),
    #[error("the value of header {0} is longer than the record")]
    HeaderValue(u32),
    /// The record's offset is not the one its place gives it.
    #[error("its offset delta is {found}, its place says {expected}")]
    OffsetDelta { expected: i32, found: i32 },
    #[error("it has no key, and this topic keeps the last record of each key")]
    NullKey,
    /// Fewer records than the header states.
    #[error("it is missing: the batch states {stated} records")]
    Missing { stated: i32 },
    /// Bytes behind the last record.
    #[error("{0} bytes follow the last record")]
    Surplus(usize),
    /// Message formats 0 and 1.
    #[error("its checksum is {computed:#010x}, it states {stated:#010x}")]
    Crc { stated: u32, computed: u32 },
    /// Message formats 0 and 1: another format inside a compressed wrapper, or a wrapper inside a wrapper.
    #[error("a message of format {magic} with codec {codec} cannot stand here")]
    Nested { magic: i8, codec: u8 },
}
