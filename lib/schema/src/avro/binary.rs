//! Avro's binary form, piece by piece: what generated code and the interpreters are made of.

/// Why bytes are not what the schema says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    #[error("the data ends inside a value")]
    Ends,
    #[error("a number is longer than ten bytes")]
    Varint,
    #[error("an int holds {0}, which has more than 32 bits")]
    Int(i64),
    #[error("a string is not UTF-8")]
    Utf8,
    #[error("a boolean is neither 0 nor 1 but {0}")]
    Boolean(u8),
    #[error("a length is negative: {0}")]
    Length(i64),
    #[error("the union has no branch {0}")]
    Branch(i64),
    #[error("the enum has no symbol {0}")]
    Symbol(i64),
    #[error("the reader's enum lacks symbol {0} of the writer's, and has no default")]
    Unreadable(u32),
    #[error("a text that should be a UUID is none")]
    Uuid,
    #[error("what was written cannot be read as what the reader expects")]
    Mismatch,
    #[error("values nest too deep")]
    Deep,
    #[error("the data stands for more values than its size allows")]
    Swollen,
    #[error("bytes are left over behind the value: {0}")]
    Trailing(usize),
}

/// How many values may lie within each other.
pub(crate) const DEPTH: usize = 256;
/// Values without bytes of their own (nulls, empty records) that one datum may hold, beside one for each of its bytes.
const WEIGHTLESS: usize = 100_000;

/// Reads values from the front of a slice. Strings and bytes are borrowed from it.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Values that arrays and maps may still have.
    items: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, items: bytes.len().saturating_add(WEIGHTLESS), depth: 0 }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing(self.rest.len())) }
    }

    /// Goes one value deeper; pair it with [`Reader::leave`].
    #[inline]
    pub fn enter(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > DEPTH { Err(Malformed::Deep) } else { Ok(()) }
    }

    #[inline]
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    #[inline]
    fn take(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(size).ok_or(Malformed::Ends)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        match self.take(1)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Malformed::Boolean(other)),
        }
    }

    #[inline]
    pub fn long(&mut self) -> Result<i64, Malformed> {
        match self.rest {
            [first, rest @ ..] if *first < 0x80 => {
                self.rest = rest;
                Ok(i64::from(first >> 1) ^ -i64::from(first & 1))
            }
            _ => self.long_in_full(),
        }
    }

    fn long_in_full(&mut self) -> Result<i64, Malformed> {
        let mut number = 0u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                if index == 9 && *byte > 1 {
                    return Err(Malformed::Varint);
                }
                self.rest = &self.rest[index + 1..];
                return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        Err(if self.rest.len() < 10 { Malformed::Ends } else { Malformed::Varint })
    }

    #[inline]
    pub fn int(&mut self) -> Result<i32, Malformed> {
        let number = self.long()?;
        i32::try_from(number).map_err(|_| Malformed::Int(number))
    }

    #[inline]
    pub fn float(&mut self) -> Result<f32, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Ends)?;
        self.rest = rest;
        Ok(f32::from_le_bytes(*bytes))
    }

    #[inline]
    pub fn double(&mut self) -> Result<f64, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Ends)?;
        self.rest = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| Malformed::Length(length))?)
    }

    #[inline]
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::Utf8)
    }

    #[inline]
    pub fn fixed(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        self.take(size)
    }

    /// A fixed of a size that is known to the compiler.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Ends)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// The number of a branch or symbol below `count`.
    #[inline]
    pub fn index(&mut self, count: usize, broken: fn(i64) -> Malformed) -> Result<usize, Malformed> {
        let index = self.long()?;
        usize::try_from(index).ok().filter(|i| *i < count).ok_or_else(|| broken(index))
    }

    /// How many items the next block of an array or map has; 0 at its end.
    #[inline]
    pub fn block(&mut self) -> Result<usize, Malformed> {
        let mut count = self.long()?;
        if count < 0 {
            let size = self.long()?;
            if size < 0 {
                return Err(Malformed::Length(size));
            }
            count = count.checked_neg().ok_or(Malformed::Length(count))?;
        }
        let count = usize::try_from(count).map_err(|_| Malformed::Length(count))?;
        self.items = self.items.checked_sub(count).ok_or(Malformed::Swollen)?;
        Ok(count)
    }

    /// Like [`Reader::block`], but jumps over blocks that say their size in bytes.
    pub(crate) fn block_to_skip(&mut self) -> Result<usize, Malformed> {
        loop {
            let count = self.long()?;
            if count >= 0 {
                let count = usize::try_from(count).map_err(|_| Malformed::Length(count))?;
                self.items = self.items.checked_sub(count).ok_or(Malformed::Swollen)?;
                return Ok(count);
            }
            let size = self.long()?;
            self.take(usize::try_from(size).map_err(|_| Malformed::Length(size))?)?;
        }
    }
}

#[inline]
pub fn put_boolean(out: &mut Vec<u8>, value: bool) {
    out.push(u8::from(value));
}

#[inline]
pub fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    if rest < 0x80 {
        return out.push(rest as u8);
    }
    let mut digits = [0; 10];
    let mut length = 0;
    while rest >= 0x80 {
        digits[length] = rest as u8 | 0x80;
        rest >>= 7;
        length += 1;
    }
    digits[length] = rest as u8;
    // All ten, and then fewer: a copy of a length that the compiler knows is no call.
    out.extend_from_slice(&digits);
    out.truncate(out.len() - (9 - length));
}

#[inline]
pub fn put_int(out: &mut Vec<u8>, value: i32) {
    put_long(out, i64::from(value));
}

#[inline]
pub fn put_float(out: &mut Vec<u8>, value: f32) {
    out.extend_from_slice(&value.to_le_bytes());
}

#[inline]
pub fn put_double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

#[inline]
pub fn put_bytes(out: &mut Vec<u8>, value: &[u8]) {
    put_long(out, value.len() as i64);
    out.extend_from_slice(value);
}

#[inline]
pub fn put_string(out: &mut Vec<u8>, value: &str) {
    put_bytes(out, value.as_bytes());
}

/// Begins an array or map of so many items, all in one block; a 0 byte must follow them. None need no block, only that.
#[inline]
pub fn put_count(out: &mut Vec<u8>, count: usize) {
    if count > 0 {
        put_long(out, count as i64);
    }
}
