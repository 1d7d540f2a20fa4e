//! Short names for a schema, made from its Parsing Canonical Form.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::Schema;

/// The empty fingerprint of CRC-64-AVRO.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u64;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (EMPTY & (value & 1).wrapping_neg());
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

/// Avro's own 64-bit Rabin fingerprint of any bytes.
pub fn rabin(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |print, byte| (print >> 8) ^ TABLE[usize::from(print as u8 ^ byte)])
}

impl Schema {
    /// CRC-64-AVRO. Single-object encoding and `avro-tools fingerprint` write its bytes little-endian.
    pub fn rabin(&self) -> u64 {
        rabin(self.parsing_form().as_bytes())
    }

    pub fn md5(&self) -> [u8; 16] {
        Md5::digest(self.parsing_form().as_bytes()).into()
    }

    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.parsing_form().as_bytes()).into()
    }
}
