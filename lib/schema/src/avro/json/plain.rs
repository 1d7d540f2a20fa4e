//! JSON as programs write it, read without a parser in between: fields in the order of the schema, no escapes, numbers of
//! ordinary length. Twice as fast as the whole way ([`super::read`]), which takes over from the beginning when something
//! else comes. What a value means is decided there for both: here is only where it begins and ends.

use std::fmt::Display;

use serde::de::{Error, Visitor as _};

use super::read::{Datum, Tag, Tagged, close_items};
use crate::avro::{Kind, NodeId, Record, Schema, binary, binary::DEPTH};

/// Appends the first datum of the text, and says how much of the text that was. `None`: it is for the whole way, and `out`
/// is as it was.
pub(super) fn front(schema: &Schema, text: &str, out: &mut Vec<u8>) -> Option<usize> {
    let length = out.len();
    let mut plain = Plain { schema, text, at: 0, out };
    let read = plain.value(schema.root, 0).map(|()| plain.at);
    if read.is_none() {
        out.truncate(length);
    }
    read
}

/// Nothing is told of what went wrong: the whole way finds it again, and words it.
#[derive(Debug, thiserror::Error)]
#[error("not plain")]
struct Other;

impl Error for Other {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

struct Plain<'t, 'o> {
    schema: &'o Schema,
    text: &'t str,
    at: usize,
    out: &'o mut Vec<u8>,
}

impl<'t> Plain<'t, '_> {
    fn value(&mut self, id: NodeId, depth: usize) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        match self.peek()? {
            b'"' => {
                let text = self.string()?;
                self.datum(id).visit_str::<Other>(text).ok()
            }
            b'-' | b'0'..=b'9' => self.number(id),
            b'{' => self.object(id, depth),
            b'[' => self.array(id, depth),
            b't' => self.word("true", |datum| datum.visit_bool(true), id),
            b'f' => self.word("false", |datum| datum.visit_bool(false), id),
            b'n' => self.word("null", |datum| datum.visit_unit(), id),
            _ => None,
        }
    }

    fn datum(&mut self, id: NodeId) -> Datum<'_> {
        Datum { schema: self.schema, id, out: self.out, depth: 0, tags: true }
    }

    /// The next byte that is no space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Goes over this byte, if it comes next.
    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn word(&mut self, word: &str, visit: fn(Datum<'_>) -> Result<(), Other>, id: NodeId) -> Option<()> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return None;
        }
        self.at += word.len();
        visit(self.datum(id)).ok()
    }

    /// A text without escapes; its first quote comes next.
    fn string(&mut self) -> Option<&'t str> {
        let start = self.at + 1;
        let end = start + quiet(&self.text.as_bytes()[start..]);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    fn number(&mut self, id: NodeId) -> Option<()> {
        let bytes = &self.text.as_bytes()[self.at..];
        let end = bytes.iter().position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).unwrap_or(bytes.len());
        let number = &self.text[self.at..self.at + end];
        self.at += end;
        match integer(number.as_bytes()) {
            Some(value) => self.datum(id).visit_i64::<Other>(value).ok(),
            None if is_fraction(number.as_bytes()) => {
                let value = number.parse().ok().filter(|value: &f64| value.is_finite())?;
                self.datum(id).visit_f64::<Other>(value).ok()
            }
            None => None,
        }
    }

    fn array(&mut self, id: NodeId, depth: usize) -> Option<()> {
        let Kind::Array(items) = self.schema.kind(id) else { return None };
        self.at += 1;
        let (start, mut count) = (self.out.len(), 0);
        if self.take(b']').is_none() {
            loop {
                self.value(*items, depth + 1)?;
                count += 1;
                if self.take(b',').is_none() {
                    self.take(b']')?;
                    break;
                }
            }
        }
        close_items(self.out, start, count);
        Some(())
    }

    fn object(&mut self, id: NodeId, depth: usize) -> Option<()> {
        self.at += 1;
        match self.schema.kind(id) {
            Kind::Record(record) => self.record(record, depth),
            Kind::Map(values) => self.map(*values, depth),
            Kind::Union(branches) => {
                let key = self.key()?;
                let tag = Tag { schema: self.schema, branches };
                let Ok(Tagged::Branch(index)) = tag.visit_str::<Other>(key) else { return None };
                binary::put_long(self.out, index as i64);
                self.value(branches[index], depth + 1)?;
                self.take(b'}')
            }
            _ => None,
        }
    }

    /// A key and its colon.
    #[inline]
    fn key(&mut self) -> Option<&'t str> {
        if self.peek()? != b'"' {
            return None;
        }
        let key = self.string()?;
        self.take(b':')?;
        Some(key)
    }

    fn record(&mut self, record: &Record, depth: usize) -> Option<()> {
        for (index, field) in record.fields.iter().enumerate() {
            if index > 0 {
                self.take(b',')?;
            }
            self.take(b'"')?;
            // A name has no letter that would be escaped.
            let name = field.name.as_bytes();
            let after = self.text.as_bytes()[self.at..].strip_prefix(name)?.first()?;
            if *after != b'"' {
                return None;
            }
            self.at += name.len() + 1;
            self.take(b':')?;
            self.value(field.schema, depth + 1)?;
        }
        self.take(b'}')
    }

    fn map(&mut self, values: NodeId, depth: usize) -> Option<()> {
        let (start, mut count) = (self.out.len(), 0);
        if self.take(b'}').is_none() {
            loop {
                let key = self.key()?;
                binary::put_string(self.out, key);
                self.value(values, depth + 1)?;
                count += 1;
                if self.take(b',').is_none() {
                    self.take(b'}')?;
                    break;
                }
            }
        }
        close_items(self.out, start, count);
        Some(())
    }
}

/// Bytes in front of the first that ends a text or is escaped in one, eight at a time.
fn quiet(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    // The lowest bit that is set is right; above it there may be wrong ones.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
        let loud = control | zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')));
        if loud != 0 {
            return index * 8 + loud.trailing_zeros() as usize / 8;
        }
    }
    let is_loud = |b: &u8| matches!(b, b'"' | b'\\' | 0..0x20);
    words.len() * 8 + rest.iter().position(is_loud).unwrap_or(rest.len())
}

/// A whole number of at most 18 digits. `-0` is none: it has no sign as an integer.
fn integer(number: &[u8]) -> Option<i64> {
    let (digits, negative) = match number {
        [b'-', digits @ ..] => (digits, true),
        digits => (digits, false),
    };
    let well = match digits {
        [b'0'] => !negative,
        [b'1'..=b'9', ..] => digits.len() <= 18,
        _ => false,
    };
    if !well {
        return None;
    }
    let mut value = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    Some(if negative { -value } else { value })
}

/// Whether JSON allows this as a number that has a point, RFC 8259 section 6. Rust's own reading allows more.
fn is_fraction(number: &[u8]) -> bool {
    let number = number.strip_prefix(b"-").unwrap_or(number);
    let Some(point) = number.iter().position(|b| *b == b'.') else { return false };
    let (whole, [_, fraction @ ..]) = number.split_at(point) else { return false };
    let digits = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    digits(whole) && (whole.len() == 1 || whole[0] != b'0') && digits(fraction)
}
