//! Records inside a batch, read in place: no allocation, headers in order with nulls and duplicates kept.

use crate::{
    Flaw, Header, RecordFlaw, TimestampType,
    varint::{VarintError, read_i32, read_i64},
};

/// The least bytes a record takes: its length and six fields of one byte.
pub(crate) const LEAST_RECORD: usize = 7;

/// One record. Slices point into the (decompressed) records of its batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// The absolute offset: the batch's base offset plus [`Record::offset_delta`].
    pub offset: i64,
    /// Milliseconds since 1970. Under log append time this is the batch's.
    pub timestamp: i64,
    pub offset_delta: i32,
    pub timestamp_delta: i64,
    /// Reserved by the format; 0 so far.
    pub attributes: i8,
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
}

/// One header. Keys may repeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordHeader<'a> {
    /// UTF-8 by convention (KIP-82); nothing enforces it.
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
}

/// The headers of one record, already checked, read again on demand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    left: u32,
}

impl Headers<'_> {
    /// How many are left.
    pub fn len(&self) -> usize {
        self.left as usize
    }
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = RecordHeader<'a>;
    fn next(&mut self) -> Option<RecordHeader<'a>> {
        self.left = self.left.checked_sub(1)?;
        let mut at = 0;
        let header = read_header(self.bytes, &mut at, 0).ok()?;
        self.bytes = &self.bytes[at..];
        Some(header)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}
impl ExactSizeIterator for Headers<'_> {}

impl From<VarintError> for RecordFlaw {
    fn from(error: VarintError) -> Self {
        match error {
            VarintError::Truncated => RecordFlaw::Truncated,
            VarintError::TooLong => RecordFlaw::Varint,
        }
    }
}

/// What a batch's header gives to its records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub base_offset: i64,
    pub base_timestamp: i64,
    /// The time of all records, under log append time.
    pub append_time: Option<i64>,
    pub count: i32,
}

impl Context {
    pub(crate) fn of(header: &Header<'_>) -> Self {
        Self {
            base_offset: header.base_offset(),
            base_timestamp: header.base_timestamp(),
            append_time: (header.timestamp_type() == TimestampType::LogAppend).then(|| header.max_timestamp()),
            count: header.count(),
        }
    }
}

/// Iterator over the records of one batch. Gives as many as the header states, or a flaw and then nothing.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    payload: &'a [u8],
    at: usize,
    index: u32,
    context: Context,
    failed: bool,
}

impl<'a> Records<'a> {
    /// Reads `payload`, the uncompressed records of the batch with this header (see [`crate::Batch::payload`]).
    pub fn new(header: &Header<'_>, payload: &'a [u8]) -> Self {
        Self { payload, at: 0, index: 0, context: Context::of(header), failed: false }
    }

    /// Bytes behind the last record read.
    pub fn rest(&self) -> &'a [u8] {
        &self.payload[self.at..]
    }

    pub(crate) fn flaw(&self, flaw: RecordFlaw) -> Flaw {
        Flaw::Record { index: self.index, at: self.at, flaw }
    }

    fn read(&mut self) -> Result<Record<'a>, RecordFlaw> {
        if self.at == self.payload.len() {
            return Err(RecordFlaw::Missing { stated: self.context.count });
        }
        let mut at = self.at;
        let stated = read_i32(self.payload, &mut at)?;
        let len = usize::try_from(stated).map_err(|_| RecordFlaw::Length(stated))?;
        let end = at.checked_add(len).filter(|end| *end <= self.payload.len()).ok_or(RecordFlaw::Truncated)?;
        let record = read_fields(&self.payload[at..end], &self.context)?;
        self.at = end;
        Ok(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Flaw>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || i64::from(self.index) >= i64::from(self.context.count) {
            return None;
        }
        let read = self.read().map_err(|flaw| self.flaw(flaw));
        match &read {
            Ok(_) => self.index += 1,
            Err(_) => self.failed = true,
        }
        Some(read)
    }
}

/// What judging wants to know of a record.
pub(crate) struct Skimmed {
    pub timestamp: i64,
    pub offset_delta: i32,
    pub null_key: bool,
}

impl Records<'_> {
    /// The next record, without looking at more than its numbers. `None`: it is none of the plain ones without headers
    /// (or flawed, or not there), and [`Iterator::next`] has to read it.
    #[inline]
    pub(crate) fn skim(&mut self) -> Option<Skimmed> {
        if self.failed || i64::from(self.index) >= i64::from(self.context.count) {
            return None;
        }
        let mut at = self.at;
        let len = usize::try_from(read_i32(self.payload, &mut at).ok()?).ok()?;
        let body = self.payload.get(at..at.checked_add(len)?)?;
        // Behind the attributes.
        let mut i = 1;
        let timestamp_delta = read_i64(body, &mut i).ok()?;
        let offset_delta = read_i32(body, &mut i).ok()?;
        let key = read_i32(body, &mut i).ok()?;
        i = i.checked_add(usize::try_from(key).unwrap_or(0))?;
        let value = read_i32(body, &mut i).ok()?;
        i = i.checked_add(usize::try_from(value).unwrap_or(0))?;
        let headers = read_i32(body, &mut i).ok()?;
        if headers != 0 || i != body.len() {
            return None;
        }
        (self.at, self.index) = (at + len, self.index + 1);
        Some(Skimmed {
            timestamp: self.context.append_time.unwrap_or_else(|| self.context.base_timestamp.wrapping_add(timestamp_delta)),
            offset_delta,
            null_key: key < 0,
        })
    }
}

/// Reads the fields of one record, which must fill `body` exactly.
fn read_fields<'a>(body: &'a [u8], context: &Context) -> Result<Record<'a>, RecordFlaw> {
    let mut at = 0;
    let attributes = *body.first().ok_or(RecordFlaw::LengthLies { stated: 0, actual: LEAST_RECORD - 1 })? as i8;
    at += 1;
    let timestamp_delta = read_i64(body, &mut at)?;
    let offset_delta = read_i32(body, &mut at)?;
    let key = read_slice(body, &mut at).map_err(|e| e.or(RecordFlaw::KeyLength))?;
    let value = read_slice(body, &mut at).map_err(|e| e.or(RecordFlaw::ValueLength))?;
    let headers = read_headers(body, &mut at)?;
    if at != body.len() {
        return Err(RecordFlaw::LengthLies { stated: body.len(), actual: at });
    }
    Ok(Record {
        offset: context.base_offset.wrapping_add(i64::from(offset_delta)),
        timestamp: context.append_time.unwrap_or_else(|| context.base_timestamp.wrapping_add(timestamp_delta)),
        offset_delta,
        timestamp_delta,
        attributes,
        key,
        value,
        headers,
    })
}

fn read_headers<'a>(body: &'a [u8], at: &mut usize) -> Result<Headers<'a>, RecordFlaw> {
    let count = read_i32(body, at)?;
    // A header takes two bytes or more, so the count cannot pass what is there.
    let left =
        u32::try_from(count).ok().filter(|n| *n as usize <= (body.len() - *at) / 2).ok_or(RecordFlaw::HeaderCount(count))?;
    let first = *at;
    for n in 0..left {
        read_header(body, at, n)?;
    }
    Ok(Headers { bytes: &body[first..*at], left })
}

fn read_header<'a>(body: &'a [u8], at: &mut usize, n: u32) -> Result<RecordHeader<'a>, RecordFlaw> {
    let key = match read_slice(body, at) {
        Ok(Some(key)) => key,
        Ok(None) => return Err(RecordFlaw::HeaderKey(n)),
        Err(e) => return Err(e.or(|_| RecordFlaw::HeaderKey(n))),
    };
    let value = read_slice(body, at).map_err(|e| e.or(|_| RecordFlaw::HeaderValue(n)))?;
    Ok(RecordHeader { key, value })
}

enum SliceError {
    Varint(VarintError),
    Length(i32),
}
impl SliceError {
    fn or(self, flaw: impl FnOnce(i32) -> RecordFlaw) -> RecordFlaw {
        match self {
            Self::Varint(e) => e.into(),
            Self::Length(len) => flaw(len),
        }
    }
}

/// Reads a length and as many bytes; every negative length is null, as Kafka has it.
fn read_slice<'a>(body: &'a [u8], at: &mut usize) -> Result<Option<&'a [u8]>, SliceError> {
    let len = read_i32(body, at).map_err(SliceError::Varint)?;
    let Ok(wanted) = usize::try_from(len) else { return Ok(None) };
    let end = at.checked_add(wanted).filter(|end| *end <= body.len()).ok_or(SliceError::Length(len))?;
    let slice = &body[*at..end];
    *at = end;
    Ok(Some(slice))
}
