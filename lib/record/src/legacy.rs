//! Message formats 0 and 1, which Kafka wrote before 0.11: read only.
//!
//! A message is offset 8, size 4, CRC-32 4, magic 1, attributes 1, in format 1 a timestamp 8, then key and value with
//! lengths of 4 bytes. Compressed messages are one wrapper whose value is a whole message set. In format 1 the inner
//! offsets count from the first inner message and the wrapper has the last one's; in format 0 they are absolute.

use crate::{Codec, Flaw, Limits, RecordFlaw, codec, split};

/// One message of an old format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub offset: i64,
    /// Milliseconds since 1970; -1 in format 0, which has none.
    pub timestamp: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

/// Fields of one message, as they stand there.
struct Fields<'a> {
    offset: i64,
    magic: i8,
    attributes: u8,
    timestamp: i64,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

const CODEC_MASK: u8 = 0x07;
const LOG_APPEND_TIME_BIT: u8 = 0x08;

/// Reads one entry of [`split()`] with magic 0 or 1: the message, or those in its wrapper, each with its checksum checked.
pub fn messages(entry: &[u8], limits: &Limits) -> Result<Vec<Message>, Flaw> {
    let named = |flaw| Flaw::Record { index: 0, at: 0, flaw };
    let outer = parse(entry).map_err(named)?;
    let codec = Codec::from_id(outer.attributes & CODEC_MASK).map_err(Flaw::Codec)?;
    if codec == Codec::None {
        return Ok(vec![outer.message()]);
    }
    let packed = outer.value.ok_or(named(RecordFlaw::ValueLength(-1)))?;
    let mut inner = Vec::new();
    if codec == Codec::Lz4 && outer.magic == 0 {
        codec::decompress_lz4_with_bad_header(packed, limits, &mut inner)?;
    } else {
        codec::decompress(codec, packed, limits, &mut inner)?;
    }
    unwrap_set(&outer, &inner)
}

/// The messages inside a wrapper, with offsets and times as readers see them.
fn unwrap_set(outer: &Fields<'_>, inner: &[u8]) -> Result<Vec<Message>, Flaw> {
    let mut messages = Vec::new();
    let mut entries = split(inner);
    loop {
        let at = inner.len() - entries.rest().len();
        let Some(entry) = entries.next() else { break };
        let named = |flaw| Flaw::Record { index: messages.len() as u32, at, flaw };
        let fields = parse(entry?.bytes).map_err(named)?;
        if fields.magic != outer.magic || fields.attributes & CODEC_MASK != 0 {
            return Err(named(RecordFlaw::Nested { magic: fields.magic, codec: fields.attributes & CODEC_MASK }));
        }
        messages.push(fields.message());
    }
    if outer.magic == 1
        && let Some(last) = messages.last().map(|m| m.offset)
    {
        let base = outer.offset.wrapping_sub(last);
        for message in &mut messages {
            message.offset = message.offset.wrapping_add(base);
            if outer.attributes & LOG_APPEND_TIME_BIT != 0 {
                message.timestamp = outer.timestamp;
            }
        }
    }
    Ok(messages)
}

impl Fields<'_> {
    fn message(&self) -> Message {
        Message {
            offset: self.offset,
            timestamp: self.timestamp,
            key: self.key.map(<[u8]>::to_vec),
            value: self.value.map(<[u8]>::to_vec),
        }
    }
}

fn parse(entry: &[u8]) -> Result<Fields<'_>, RecordFlaw> {
    let mut rest = entry;
    let offset = i64::from_be_bytes(take(&mut rest)?);
    let _size: [u8; 4] = take(&mut rest)?;
    let stated = u32::from_be_bytes(take(&mut rest)?);
    let computed = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, rest) as u32;
    if stated != computed {
        return Err(RecordFlaw::Crc { stated, computed });
    }
    let [magic, attributes] = take(&mut rest)?;
    let magic = magic as i8;
    if !(0..=1).contains(&magic) {
        return Err(RecordFlaw::Nested { magic, codec: attributes & CODEC_MASK });
    }
    let timestamp = if magic == 1 { i64::from_be_bytes(take(&mut rest)?) } else { -1 };
    let key = field(&mut rest, RecordFlaw::KeyLength)?;
    let value = field(&mut rest, RecordFlaw::ValueLength)?;
    if !rest.is_empty() {
        return Err(RecordFlaw::Surplus(rest.len()));
    }
    Ok(Fields { offset, magic, attributes, timestamp, key, value })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], RecordFlaw> {
    let (head, tail) = rest.split_first_chunk().ok_or(RecordFlaw::Truncated)?;
    *rest = tail;
    Ok(*head)
}

fn field<'a>(rest: &mut &'a [u8], flaw: fn(i32) -> RecordFlaw) -> Result<Option<&'a [u8]>, RecordFlaw> {
    let len = i32::from_be_bytes(take(rest)?);
    let Ok(wanted) = usize::try_from(len) else { return Ok(None) };
    let (head, tail) = rest.split_at_checked(wanted).ok_or(flaw(len))?;
    *rest = tail;
    Ok(Some(head))
}
