//! Writing the protocol's primitive types. Knows no message. The mirror of `reader`.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::{Text, Unencodable, UnknownTags};

/// The longest string, in flexible versions too.
const LONGEST_STRING: usize = i16::MAX as usize;

pub(crate) fn bool(out: &mut BytesMut, value: bool) {
    out.put_u8(value.into());
}

pub(crate) fn uuid(out: &mut BytesMut, value: Uuid) {
    out.put_slice(value.as_bytes());
}

/// An unsigned number in one to five bytes, seven bits each, lowest first.
pub(crate) fn varint(out: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

pub(crate) fn text(out: &mut BytesMut, flexible: bool, value: &Text) -> Result<(), Unencodable> {
    utf8(out, flexible, value.as_bytes())
}

pub(crate) fn utf8(out: &mut BytesMut, flexible: bool, value: &[u8]) -> Result<(), Unencodable> {
    let length = value.len();
    if length > LONGEST_STRING {
        return Err(Unencodable::TooLong { length });
    }
    if flexible {
        varint(out, length as u32 + 1)
    } else {
        out.put_i16(length as i16)
    }
    out.put_slice(value);
    Ok(())
}

pub(crate) fn nullable_text(out: &mut BytesMut, flexible: bool, value: Option<&Text>) -> Result<(), Unencodable> {
    match value {
        Some(value) => return text(out, flexible, value),
        None if flexible => out.put_u8(0),
        None => out.put_i16(-1),
    }
    Ok(())
}

pub(crate) fn length(out: &mut BytesMut, flexible: bool, length: usize) -> Result<(), Unencodable> {
    if length >= i32::MAX as usize {
        return Err(Unencodable::TooLong { length });
    }
    if flexible {
        varint(out, length as u32 + 1)
    } else {
        out.put_i32(length as i32)
    }
    Ok(())
}

pub(crate) fn null_length(out: &mut BytesMut, flexible: bool) {
    if flexible { out.put_u8(0) } else { out.put_i32(-1) }
}

pub(crate) fn bytes(out: &mut BytesMut, flexible: bool, value: &Bytes) -> Result<(), Unencodable> {
    length(out, flexible, value.len())?;
    out.put_slice(value);
    Ok(())
}

pub(crate) fn nullable_bytes(out: &mut BytesMut, flexible: bool, value: Option<&Bytes>) -> Result<(), Unencodable> {
    match value {
        Some(value) => bytes(out, flexible, value),
        None => {
            null_length(out, flexible);
            Ok(())
        }
    }
}

pub(crate) fn array<T>(
    out: &mut BytesMut,
    flexible: bool,
    values: &[T],
    mut write: impl FnMut(&mut BytesMut, &T) -> Result<(), Unencodable>,
) -> Result<(), Unencodable> {
    length(out, flexible, values.len())?;
    values.iter().try_for_each(|value| write(out, value))
}

pub(crate) fn nullable_array<T>(
    out: &mut BytesMut,
    flexible: bool,
    values: Option<&Vec<T>>,
    write: impl FnMut(&mut BytesMut, &T) -> Result<(), Unencodable>,
) -> Result<(), Unencodable> {
    match values {
        Some(values) => array(out, flexible, values, write),
        None => {
            null_length(out, flexible);
            Ok(())
        }
    }
}

pub(crate) fn nullable_struct<T>(
    out: &mut BytesMut,
    value: Option<&T>,
    write: impl FnOnce(&mut BytesMut, &T) -> Result<(), Unencodable>,
) -> Result<(), Unencodable> {
    match value {
        Some(value) => {
            out.put_i8(1);
            write(out, value)
        }
        None => {
            out.put_i8(-1);
            Ok(())
        }
    }
}

/// A section of tagged fields, collected in ascending order before it is written, since each value stands behind its size.
#[derive(Default)]
pub(crate) struct Tagged {
    fields: Vec<(u32, usize)>,
    values: BytesMut,
}

impl Tagged {
    pub(crate) fn put(
        &mut self,
        tag: u32,
        write: impl FnOnce(&mut BytesMut) -> Result<(), Unencodable>,
    ) -> Result<(), Unencodable> {
        let start = self.values.len();
        write(&mut self.values)?;
        self.fields.push((tag, self.values.len() - start));
        Ok(())
    }

    /// Writes the section: known and unknown fields merged by tag.
    pub(crate) fn finish(self, out: &mut BytesMut, unknown: &UnknownTags) -> Result<(), Unencodable> {
        if self.fields.is_empty() && unknown.is_empty() {
            out.put_u8(0); // nearly always
            return Ok(());
        }
        let mut values = self.values.freeze();
        let mut all: Vec<(u32, Bytes)> = self.fields.iter().map(|(tag, size)| (*tag, values.split_to(*size))).collect();
        all.extend(unknown.iter().map(|(tag, value)| (tag, value.clone())));
        all.sort_by_key(|(tag, _)| *tag);
        if let Some(pair) = all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Unencodable::TagTwice { tag: pair[0].0 });
        }
        varint(out, all.len() as u32);
        for (tag, value) in all {
            varint(out, tag);
            varint(out, u32::try_from(value.len()).map_err(|_| Unencodable::TooLong { length: value.len() })?);
            out.put_slice(&value);
        }
        Ok(())
    }
}

/// The tagged section of a struct that knows no tags.
pub(crate) fn unknown_tags(out: &mut BytesMut, unknown: &UnknownTags) -> Result<(), Unencodable> {
    Tagged::default().finish(out, unknown)
}
