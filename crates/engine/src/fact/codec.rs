//! How facts and snapshots are written: variable-length integers, lengths in front, no padding, no names.
//!
//! Reading is bounded: a length is compared with what is there, and with what it may be, before anything is allocated.
//! This file knows no noun.

use super::BadFact;
use crate::ids::Uuid;

/// Appends values to a buffer.
pub struct Writer<'a>(&'a mut Vec<u8>);

impl<'a> Writer<'a> {
    pub fn new(into: &'a mut Vec<u8>) -> Self {
        Self(into)
    }
    pub fn u8(&mut self, v: u8) {
        self.0.push(v);
    }
    pub fn bool(&mut self, v: bool) {
        self.0.push(v.into());
    }
    /// Seven bits a byte, least significant first.
    pub fn u64(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push(v as u8 | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }
    /// Zigzag, so that small negative numbers are short too.
    pub fn i64(&mut self, v: i64) {
        self.u64(((v << 1) ^ (v >> 63)) as u64);
    }
    pub fn u32(&mut self, v: u32) {
        self.u64(v.into());
    }
    pub fn i32(&mut self, v: i32) {
        self.i64(v.into());
    }
    pub fn i16(&mut self, v: i16) {
        self.i64(v.into());
    }
    pub fn count(&mut self, v: usize) {
        self.u64(v as u64);
    }
    pub fn bytes(&mut self, v: &[u8]) {
        self.count(v.len());
        self.0.extend_from_slice(v);
    }
    pub fn str(&mut self, v: &str) {
        self.bytes(v.as_bytes());
    }
    pub fn uuid(&mut self, v: Uuid) {
        self.0.extend_from_slice(v.as_bytes());
    }
    /// A marker byte, then the value if there is one.
    pub fn option<T>(&mut self, v: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.bool(v.is_some());
        if let Some(v) = v {
            write(self, v);
        }
    }
}

/// Takes values off the front of a slice.
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    pub fn remaining(&self) -> usize {
        self.0.len()
    }
    /// Everything was read: bytes left over mean that the content is not what it claims to be.
    pub fn end(self) -> Result<(), BadFact> {
        if self.0.is_empty() { Ok(()) } else { Err(BadFact::Trailing { bytes: self.0.len() }) }
    }
    fn take(&mut self, len: usize) -> Result<&'a [u8], BadFact> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(BadFact::Truncated)?;
        self.0 = rest;
        Ok(head)
    }
    pub fn u8(&mut self) -> Result<u8, BadFact> {
        let (&first, rest) = self.0.split_first().ok_or(BadFact::Truncated)?;
        self.0 = rest;
        Ok(first)
    }
    pub fn bool(&mut self) -> Result<bool, BadFact> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadFact::Invalid { what: "truth value" }),
        }
    }
    pub fn u64(&mut self) -> Result<u64, BadFact> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(BadFact::Invalid { what: "variable-length integer" })
    }
    pub fn i64(&mut self) -> Result<i64, BadFact> {
        let v = self.u64()?;
        Ok((v >> 1) as i64 ^ -((v & 1) as i64))
    }
    pub fn u32(&mut self) -> Result<u32, BadFact> {
        self.u64()?.try_into().map_err(|_| BadFact::Invalid { what: "32-bit number" })
    }
    pub fn i32(&mut self) -> Result<i32, BadFact> {
        self.i64()?.try_into().map_err(|_| BadFact::Invalid { what: "32-bit number" })
    }
    pub fn i16(&mut self) -> Result<i16, BadFact> {
        self.i64()?.try_into().map_err(|_| BadFact::Invalid { what: "16-bit number" })
    }
    /// A count of things that take at least `each` bytes here, at most `max` of them: safe to allocate for.
    pub fn count(&mut self, what: &'static str, max: usize, each: usize) -> Result<usize, BadFact> {
        let count = self.u64()?;
        if count > max as u64 {
            return Err(BadFact::TooMany { what, count, max });
        }
        match (count as usize).checked_mul(each) {
            Some(bytes) if bytes <= self.0.len() => Ok(count as usize),
            _ => Err(BadFact::Truncated),
        }
    }
    pub fn bytes(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], BadFact> {
        let len = self.count(what, max, 1)?;
        self.take(len)
    }
    pub fn str(&mut self, what: &'static str, max: usize) -> Result<&'a str, BadFact> {
        std::str::from_utf8(self.bytes(what, max)?).map_err(|_| BadFact::Invalid { what })
    }
    pub fn uuid(&mut self) -> Result<Uuid, BadFact> {
        Uuid::from_slice(self.take(16)?).map_err(|_| BadFact::Truncated)
    }
    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, BadFact>) -> Result<Option<T>, BadFact> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }
    /// The version byte that a snapshot begins with.
    pub fn version(&mut self, name: &'static str, known: u8) -> Result<u8, BadFact> {
        match self.u8()? {
            v if (1..=known).contains(&v) => Ok(v),
            version => Err(BadFact::UnknownVersion { name, version, known }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(u: u64, i: i64, s: String, o: Option<i16>) {
            let mut bytes = Vec::new();
            let mut w = Writer::new(&mut bytes);
            w.u64(u);
            w.i64(i);
            w.str(&s);
            w.option(o, |w, v| w.i16(v));
            let mut r = Reader::new(&bytes);
            prop_assert_eq!(r.u64().unwrap(), u);
            prop_assert_eq!(r.i64().unwrap(), i);
            prop_assert_eq!(r.str("s", usize::MAX).unwrap(), s);
            prop_assert_eq!(r.option(|r| r.i16()).unwrap(), o);
            r.end().unwrap();
        }

        #[test]
        fn strange_bytes_are_refused_or_read_but_never_believed(bytes: Vec<u8>) {
            let mut r = Reader::new(&bytes);
            while r.remaining() > 0 {
                let before = r.remaining();
                let taken = r.bytes("bytes", 16).map(<[u8]>::len);
                if let Ok(len) = taken {
                    prop_assert!(len <= 16 && len < before);
                } else {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_length_is_checked_before_room_is_made_for_it() {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes).u64(u64::MAX);
        assert!(matches!(Reader::new(&bytes).count("things", 10, 1), Err(BadFact::TooMany { .. })));
        bytes.clear();
        Writer::new(&mut bytes).u64(9);
        assert_eq!(Reader::new(&bytes).count("things", 10, 1), Err(BadFact::Truncated));
        bytes.clear();
        Writer::new(&mut bytes).u64(u64::MAX / 2);
        assert_eq!(Reader::new(&bytes).count("things", usize::MAX, 3), Err(BadFact::Truncated));
    }

    #[test]
    fn an_integer_of_eleven_bytes_or_seventy_bits_is_refused() {
        let long = [0x80; 10].into_iter().chain([0]).collect::<Vec<u8>>();
        assert!(Reader::new(&long).u64().is_err());
        let wide = [0xff; 9].into_iter().chain([0x02]).collect::<Vec<u8>>();
        assert!(Reader::new(&wide).u64().is_err());
        let most = [0xff; 9].into_iter().chain([0x01]).collect::<Vec<u8>>();
        assert_eq!(Reader::new(&most).u64(), Ok(u64::MAX));
    }
}
