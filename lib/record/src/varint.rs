//! Zigzag variable-length integers, as records have them. Bounded: five bytes for 32 bits, ten for 64.

/// Why a number could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VarintError {
    /// The bytes end inside the number.
    Truncated,
    /// The number goes on longer than its type allows.
    TooLong,
}

/// One or two bytes are nearly all numbers of a batch, so they come first and inline.
#[inline]
fn raw(bytes: &[u8], at: &mut usize, longest: usize) -> Result<u64, VarintError> {
    match bytes.get(*at..) {
        Some(&[a, ..]) if a < 0x80 => {
            *at += 1;
            Ok(u64::from(a))
        }
        Some(&[a, b, ..]) if b < 0x80 => {
            *at += 2;
            Ok(u64::from(a & 0x7f) | u64::from(b) << 7)
        }
        Some(_) => raw_long(bytes, at, longest),
        None => Err(VarintError::Truncated),
    }
}

#[cold]
fn raw_long(bytes: &[u8], at: &mut usize, longest: usize) -> Result<u64, VarintError> {
    let mut value = 0u64;
    for n in 0..longest {
        let byte = *bytes.get(*at + n).ok_or(VarintError::Truncated)?;
        value |= u64::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            *at += n + 1;
            return Ok(value);
        }
    }
    Err(VarintError::TooLong)
}

/// Reads a 32-bit number at `at` and moves `at` behind it. Bits beyond 32 in the fifth byte are dropped, as Java does.
#[inline]
pub fn read_i32(bytes: &[u8], at: &mut usize) -> Result<i32, VarintError> {
    let value = raw(bytes, at, 5)? as u32;
    Ok((value >> 1) as i32 ^ -((value & 1) as i32))
}

/// Reads a 64-bit number at `at` and moves `at` behind it.
#[inline]
pub fn read_i64(bytes: &[u8], at: &mut usize) -> Result<i64, VarintError> {
    let value = raw(bytes, at, 10)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// Appends a 32-bit number.
pub fn write_i32(out: &mut Vec<u8>, value: i32) {
    write_raw(out, u64::from(((value << 1) ^ (value >> 31)) as u32));
}

/// Appends a 64-bit number.
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    write_raw(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn write_raw(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that [`write_i32`] takes.
pub fn len_i32(value: i32) -> usize {
    len_raw(u64::from(((value << 1) ^ (value >> 31)) as u32))
}

/// Bytes that [`write_i64`] takes.
pub fn len_i64(value: i64) -> usize {
    len_raw(((value << 1) ^ (value >> 63)) as u64)
}

fn len_raw(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}
