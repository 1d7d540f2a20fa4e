//! Numbers as bytes, both ways. Reading is bounded by what is there and never panics.

use crc_fast::{CrcAlgorithm, Digest};

/// What every checksum of a store starts from: bytes of another store never pass for ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seed(u32);

impl Seed {
    pub(super) fn of(store: &[u8; 16]) -> Self {
        Self(crc_fast::crc32_iscsi(store) | 1)
    }
    /// What checksums at one place of one file start from: the same bytes elsewhere, in a file that took the name of
    /// another, never pass.
    pub(super) fn at_place(self, file: u64, at: u64) -> Self {
        let mut place = [0; 16];
        place[..8].copy_from_slice(&file.to_le_bytes());
        place[8..].copy_from_slice(&at.to_le_bytes());
        Self(self.crc(&place))
    }
    /// What the register of a checksum begins with.
    pub(super) fn register(self) -> u32 {
        self.0
    }
    /// CRC32C of `bytes`, begun with the store's id.
    pub(super) fn crc(self, bytes: &[u8]) -> u32 {
        let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(self.0));
        digest.update(bytes);
        digest.finalize() as u32
    }
}

/// Appends numbers to a vector, little end first.
pub(super) trait Put {
    fn put(&mut self, bytes: &[u8]);
    fn put_u8(&mut self, v: u8) {
        self.put(&[v]);
    }
    fn put_u16(&mut self, v: u16) {
        self.put(&v.to_le_bytes());
    }
    fn put_u32(&mut self, v: u32) {
        self.put(&v.to_le_bytes());
    }
    fn put_u64(&mut self, v: u64) {
        self.put(&v.to_le_bytes());
    }
    fn put_i64(&mut self, v: i64) {
        self.put(&v.to_le_bytes());
    }
    /// Seven bits a byte, low bits first.
    fn put_var(&mut self, mut v: u64) {
        let mut bytes = [0u8; 10];
        let mut n = 0;
        while v >= 0x80 {
            bytes[n] = v as u8 | 0x80;
            v >>= 7;
            n += 1;
        }
        bytes[n] = v as u8;
        self.put(&bytes[..=n]);
    }
    /// Small negative numbers stay small.
    fn put_zig(&mut self, v: i64) {
        self.put_var(((v << 1) ^ (v >> 63)) as u64);
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Put for super::buffer::ChunkWriter {
    fn put(&mut self, bytes: &[u8]) {
        super::buffer::ChunkWriter::put(self, bytes);
    }
}

/// Takes numbers from the front of a slice; `None` when they are not there.
#[derive(Clone, Copy)]
pub(super) struct Take<'a> {
    rest: &'a [u8],
}

impl<'a> Take<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }
    pub(super) fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|b| b[0])
    }
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }
    pub(super) fn var(&mut self) -> Option<u64> {
        let mut v = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.u8()?;
            let bits = u64::from(b & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            v |= bits << shift;
            if b & 0x80 == 0 {
                return Some(v);
            }
        }
        None
    }
    pub(super) fn zig(&mut self) -> Option<i64> {
        let v = self.var()?;
        Some((v >> 1) as i64 ^ -((v & 1) as i64))
    }
    /// A count of things that take at least `least` bytes each, so that it can be trusted with an allocation.
    pub(super) fn count(&mut self, least: usize) -> Option<usize> {
        let n = usize::try_from(self.var()?).ok()?;
        (n <= self.left() / least.max(1)).then_some(n)
    }
}
