//! How a message says which schema wrote it: five bytes in front of it, or a header beside it.

/// A prefix's first byte.
pub const MAGIC: u8 = 0;
/// A header value's first byte.
pub const MAGIC_IN_HEADER: u8 = 1;
/// The header of a key, and of a value, whose schema is named there.
pub const KEY_HEADER: &str = "__key_schema_id";
pub const VALUE_HEADER: &str = "__value_schema_id";

/// Bytes that should have been framed and are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    #[error("Unknown magic byte! {0} stands where 0 should")]
    Magic(u8),
    #[error("a message of {0} bytes has no room for magic byte and schema id")]
    Short(usize),
    #[error("the message indexes of a Protobuf message are broken")]
    Indexes,
}

/// Puts magic byte and schema id before what is appended next.
pub fn put_prefix(out: &mut Vec<u8>, id: u32) {
    out.push(MAGIC);
    out.extend_from_slice(&id.to_be_bytes());
}

/// The schema's id, and what comes behind it.
pub fn split_prefix(message: &[u8]) -> Result<(u32, &[u8]), Broken> {
    match message.split_first_chunk::<5>() {
        Some(([MAGIC, id @ ..], body)) => Ok((u32::from_be_bytes(*id), body)),
        Some(([other, ..], _)) => Err(Broken::Magic(*other)),
        None => Err(Broken::Short(message.len())),
    }
}

/// A header's value for a schema's GUID.
pub fn header(guid: [u8; 16]) -> [u8; 17] {
    let mut value = [MAGIC_IN_HEADER; 17];
    value[1..].copy_from_slice(&guid);
    value
}

/// The GUID in a header's value, and what comes behind it (message indexes, for Protobuf).
pub fn split_header(value: &[u8]) -> Result<([u8; 16], &[u8]), Broken> {
    match value.split_first_chunk::<17>() {
        Some(([MAGIC_IN_HEADER, guid @ ..], rest)) => Ok((*guid, rest)),
        Some(([other, ..], _)) => Err(Broken::Magic(*other)),
        None => Err(Broken::Short(value.len())),
    }
}

/// Which message of a Protobuf file it is: its place in the file, then in the message that holds it, and so on.
pub fn put_indexes(out: &mut Vec<u8>, indexes: &[i32]) {
    use milena_schema::avro::binary::put_int;
    if indexes == [0] {
        return out.push(0);
    }
    put_int(out, indexes.len() as i32);
    indexes.iter().for_each(|index| put_int(out, *index));
}

/// Levels that messages may lie within each other.
const LEVELS: usize = 64;

/// The message indexes in front, and what comes behind them. `[0]` is taken in its short and its long form.
pub fn split_indexes(bytes: &[u8]) -> Result<(Vec<i32>, &[u8]), Broken> {
    let mut reader = milena_schema::avro::binary::Reader::new(bytes);
    let count = reader.int().map_err(|_| Broken::Indexes)?;
    if count == 0 {
        return Ok((vec![0], reader.rest()));
    }
    let count = usize::try_from(count).ok().filter(|count| *count <= LEVELS).ok_or(Broken::Indexes)?;
    let indexes = (0..count).map(|_| reader.int()).collect::<Result<Vec<_>, _>>().map_err(|_| Broken::Indexes)?;
    if indexes.iter().any(|index| *index < 0) { Err(Broken::Indexes) } else { Ok((indexes, reader.rest())) }
}
