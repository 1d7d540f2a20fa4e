//! Reading the protocol's primitive types from one frame. Every length and count is measured against the bytes that are there before anything is allocated.
//! Knows no message.

use std::ops::Range;

use bytes::Bytes;
use uuid::Uuid;

use crate::{Malformed, Text, UnknownTags};

/// Kafka 4.4's limit on elements of one array.
const MOST_ELEMENTS: usize = 1_000_000;
/// Kafka 4.4's limit on tagged fields of one struct.
const MOST_TAGS: usize = 10_000;
/// Room made before the first element of an array was seen.
const FIRST_CAPACITY: usize = 1_000;
/// The longest string, in flexible versions too.
const LONGEST_STRING: usize = i16::MAX as usize;

/// A place in a frame. Strings and bytes read from it are slices of the frame. After an error it is of no use any more.
///
/// Lengths and counts are compact (`flexible`) or plain, as the version has it.
#[derive(Clone, Debug)]
pub struct Reader {
    frame: Bytes,
    at: usize,
    end: usize,
    budget: usize,
    left: usize,
}

impl Reader {
    /// A reader at the start of a frame, that may make values of at most sixteen times the frame's size (and 1 MiB for small frames, 256 MiB for the
    /// largest): many small elements take more room in memory than on the wire, and the sender chooses how many.
    pub fn new(frame: Bytes) -> Self {
        let budget = frame.len().saturating_mul(16).clamp(1 << 20, 256 << 20);
        Self::with_budget(frame, budget)
    }

    /// A reader that may make values of at most `budget` bytes, not counting the frame itself.
    pub fn with_budget(frame: Bytes, budget: usize) -> Self {
        Self { at: 0, end: frame.len(), frame, budget, left: budget }
    }

    /// Byte offset of the next read.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// What has not been read.
    pub fn rest(&self) -> Bytes {
        self.frame.slice(self.at..self.end)
    }

    /// The next `n` bytes, as a slice of the frame.
    pub fn take(&mut self, n: usize) -> Result<Bytes, Malformed> {
        self.need(n)?;
        let taken = self.frame.slice(self.at..self.at + n);
        self.at += n;
        Ok(taken)
    }

    /// The whole frame, whatever was read of it.
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// Passes over the next `n` bytes, and tells where in the frame they are.
    #[inline]
    pub fn skip(&mut self, n: usize) -> Result<Range<usize>, Malformed> {
        self.need(n)?;
        self.at += n;
        Ok(self.at - n..self.at)
    }

    #[inline]
    fn need(&self, n: usize) -> Result<(), Malformed> {
        let left = self.remaining();
        if n > left { Err(Malformed::Short { at: self.at, wanted: n, left }) } else { Ok(()) }
    }

    #[inline]
    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        match self.frame[self.at..self.end].first_chunk::<N>() {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(Malformed::Short { at: self.at, wanted: N, left: self.remaining() }),
        }
    }
}

/// The primitive types, named after what they read.
#[allow(missing_docs)]
impl Reader {
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.i8()? != 0)
    }

    pub fn i8(&mut self) -> Result<i8, Malformed> {
        Ok(i8::from_be_bytes(self.array_of()?))
    }

    pub fn i16(&mut self) -> Result<i16, Malformed> {
        Ok(i16::from_be_bytes(self.array_of()?))
    }

    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array_of()?))
    }

    pub fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_be_bytes(self.array_of()?))
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array_of()?))
    }

    pub fn i64(&mut self) -> Result<i64, Malformed> {
        Ok(i64::from_be_bytes(self.array_of()?))
    }

    pub fn f64(&mut self) -> Result<f64, Malformed> {
        Ok(f64::from_be_bytes(self.array_of()?))
    }

    pub fn uuid(&mut self) -> Result<Uuid, Malformed> {
        Ok(Uuid::from_bytes(self.array_of()?))
    }
}

impl Reader {
    /// An unsigned number of one to five bytes, seven bits each, lowest first.
    #[inline]
    pub fn varint(&mut self) -> Result<u32, Malformed> {
        match self.frame[self.at..self.end].first() {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(byte.into())
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u32, Malformed> {
        let at = self.at;
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array_of()?;
            if shift == 28 && byte > 0x0f {
                return Err(Malformed::Varint { at });
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::Varint { at })
    }

    /// A length that may be null. As in Kafka any negative one is null, and so are compact 0 (-1) and 2^32-1 (-2).
    #[inline]
    fn length(&mut self, flexible: bool, short: bool) -> Result<Option<usize>, Malformed> {
        let length = match (flexible, short) {
            (true, _) => self.varint()? as i32 as i64 - 1,
            (false, true) => self.i16()?.into(),
            (false, false) => self.i32()?.into(),
        };
        Ok(usize::try_from(length).ok())
    }

    /// Where in the frame a string's bytes are.
    #[inline]
    pub(crate) fn text_range(&mut self, flexible: bool) -> Result<Option<Range<usize>>, Malformed> {
        let at = self.at;
        match self.length(flexible, true)? {
            Some(length) if length > LONGEST_STRING => Err(Malformed::Length { at, length: length as i64 }),
            Some(length) => self.skip(length).map(Some),
            None => Ok(None),
        }
    }

    /// Where in the frame bytes or records are.
    #[inline]
    pub(crate) fn bytes_range(&mut self, flexible: bool) -> Result<Option<Range<usize>>, Malformed> {
        match self.length(flexible, false)? {
            Some(length) => self.skip(length).map(Some),
            None => Ok(None),
        }
    }

    /// A string or null.
    pub fn nullable_text(&mut self, flexible: bool) -> Result<Option<Text>, Malformed> {
        let Some(range) = self.text_range(flexible)? else { return Ok(None) };
        let length = range.len();
        let text = Text::from_bytes(self.frame.slice(range));
        if text.len() != length {
            self.charge(text.len())?; // it was mended, so it is a copy
        }
        Ok(Some(text))
    }

    /// A string.
    pub fn text(&mut self, flexible: bool) -> Result<Text, Malformed> {
        let at = self.at;
        self.nullable_text(flexible)?.ok_or(Malformed::Null { at })
    }

    /// Bytes or null.
    pub fn nullable_bytes(&mut self, flexible: bool) -> Result<Option<Bytes>, Malformed> {
        Ok(self.bytes_range(flexible)?.map(|range| self.frame.slice(range)))
    }

    /// Bytes.
    pub fn bytes(&mut self, flexible: bool) -> Result<Bytes, Malformed> {
        let at = self.at;
        self.nullable_bytes(flexible)?.ok_or(Malformed::Null { at })
    }

    /// A struct behind its presence byte.
    pub fn nullable_struct<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Malformed>) -> Result<Option<T>, Malformed> {
        if self.i8()? < 0 { Ok(None) } else { read(self).map(Some) }
    }

    /// An array or null. Each element takes at least `least` bytes.
    pub fn nullable_array<T>(
        &mut self,
        flexible: bool,
        least: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<Vec<T>>, Malformed> {
        let Some(count) = self.count(flexible, least)? else { return Ok(None) };
        let mut elements = Vec::new();
        for i in 0..count {
            if elements.len() == elements.capacity() {
                let more = if i == 0 { count.min(FIRST_CAPACITY) } else { i.min(count - i) };
                self.charge(more.saturating_mul(size_of::<T>()))?;
                elements.reserve_exact(more);
            }
            elements.push(read(self)?);
        }
        Ok(Some(elements))
    }

    /// An array. Each element takes at least `least` bytes.
    pub fn array<T>(
        &mut self,
        flexible: bool,
        least: usize,
        read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let at = self.at;
        self.nullable_array(flexible, least, read)?.ok_or(Malformed::Null { at })
    }

    /// The element count of an array, no larger than what the rest of the frame can hold.
    pub fn count(&mut self, flexible: bool, least: usize) -> Result<Option<usize>, Malformed> {
        let at = self.at;
        let Some(count) = self.length(flexible, false)? else { return Ok(None) };
        let most = (self.remaining() / least.max(1)).min(MOST_ELEMENTS);
        if count > most {
            return Err(Malformed::Count { at, count: count as u64, most: most as u64 });
        }
        Ok(Some(count))
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Malformed> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Malformed::Budget { at: self.at, budget: self.budget }),
        }
    }

    /// A section of tagged fields. `known` reads a field it knows and says so; the others are kept as they are.
    pub fn tags(
        &mut self,
        unknown: &mut UnknownTags,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, Malformed>,
    ) -> Result<(), Malformed> {
        if self.no_tags() {
            return Ok(());
        }
        self.each_tag(|reader, tag, size| {
            let began = reader.at;
            if !known(reader, tag)? {
                reader.charge(2 * size_of::<(u32, Bytes)>())?;
                unknown.insert(tag, reader.take(size)?);
            }
            match reader.at - began {
                actual if actual == size => Ok(()),
                actual => Err(Malformed::TagSize { at: began, tag, claimed: size, actual }),
            }
        })
    }

    /// Passes over a section of tagged fields, which is checked all the same.
    #[inline]
    pub(crate) fn skip_tags(&mut self) -> Result<(), Malformed> {
        if self.no_tags() {
            return Ok(());
        }
        self.each_tag(|reader, _, size| reader.skip(size).map(|_| ()))
    }

    /// Passes over a tagged section without fields, which nearly all are.
    #[inline]
    fn no_tags(&mut self) -> bool {
        let none = self.frame[self.at..self.end].first() == Some(&0);
        self.at += usize::from(none);
        none
    }

    /// Each field of a tagged section, with the reader confined to it.
    fn each_tag(&mut self, mut each: impl FnMut(&mut Self, u32, usize) -> Result<(), Malformed>) -> Result<(), Malformed> {
        let start = self.at;
        let count = self.varint()?;
        let most = (self.remaining() / 2).min(MOST_TAGS);
        if count as usize > most {
            return Err(Malformed::Count { at: start, count: count.into(), most: most as u64 });
        }
        let mut before = None;
        for _ in 0..count {
            let at = self.at;
            let tag = self.varint()?;
            if before.is_some_and(|before| tag <= before) {
                return Err(Malformed::TagOrder { at, tag });
            }
            before = Some(tag);
            let size = self.varint()? as usize;
            self.need(size)?;
            let outer = std::mem::replace(&mut self.end, self.at + size);
            each(self, tag, size)?;
            self.end = outer;
        }
        Ok(())
    }
}
