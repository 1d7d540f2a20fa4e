//! Checksums of checksums: what a CRC32C becomes behind bytes whose own share of it is known, without reading them again.
//! Pure arithmetic; knows no file and no frame.
//!
//! A CRC is linear: the register behind `a ++ b` is the register behind `a`, moved on by `b.len()` zero bytes, plus (xor)
//! what `b` leaves in a register that began at zero. That last part is a [`Share`]. A payload's share is made once, where
//! it is appended (from the checksum that the caller has verified, or by reading it), and serves the frame and the
//! segment that the payload goes to: three passes over each byte become one.

use crc_fast::{CrcAlgorithm, Digest};

/// CRC32C, the low bit first.
const POLYNOMIAL: u32 = 0x82F6_3B78;
/// What a CRC32C begins with, and is turned over with at its end.
const ONES: u32 = u32::MAX;
/// Lengths below two to this power can be moved over: payloads are far smaller.
const POWERS: usize = 32;

/// Moves a register on by `2^k` zero bytes: one row for each four bits of the register.
type Move = [[u32; 16]; 8];

static MOVES: [Move; POWERS] = moves();

const fn moves() -> [Move; POWERS] {
    let mut all = [[[0; 16]; 8]; POWERS];
    let mut columns = [0u32; 32];
    let mut bit = 0;
    while bit < 32 {
        let mut register = 1u32 << bit;
        let mut step = 0;
        while step < 8 {
            register = if register & 1 == 1 { register >> 1 ^ POLYNOMIAL } else { register >> 1 };
            step += 1;
        }
        columns[bit] = register;
        bit += 1;
    }
    let mut k = 0;
    while k < POWERS {
        all[k] = table(&columns);
        // Twice as far is the same move again.
        let mut twice = [0; 32];
        let mut bit = 0;
        while bit < 32 {
            twice[bit] = moved(&all[k], columns[bit]);
            bit += 1;
        }
        columns = twice;
        k += 1;
    }
    all
}

const fn table(columns: &[u32; 32]) -> Move {
    let mut table = [[0; 16]; 8];
    let mut row = 0;
    while row < 8 {
        let mut value = 0;
        while value < 16 {
            let mut bit = 0;
            while bit < 4 {
                if value >> bit & 1 == 1 {
                    table[row][value] ^= columns[row * 4 + bit];
                }
                bit += 1;
            }
            value += 1;
        }
        row += 1;
    }
    table
}

const fn moved(table: &Move, register: u32) -> u32 {
    let mut to = 0;
    let mut row = 0;
    while row < 8 {
        to ^= table[row][(register >> (row * 4) & 15) as usize];
        row += 1;
    }
    to
}

/// The register behind `len` zero bytes.
fn behind_zeros(mut register: u32, len: usize) -> u32 {
    let mut left = len;
    while left > 0 {
        register = moved(&MOVES[left.trailing_zeros() as usize % POWERS], register);
        left &= left - 1;
    }
    register
}

/// The register behind `bytes`, when it was `register` before them.
pub(super) fn behind(register: u32, bytes: &[u8]) -> u32 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(register));
    digest.update(bytes);
    digest.finalize() as u32 ^ ONES
}

/// What some bytes add to any CRC32C that runs over them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Share(u32);

impl Share {
    /// By reading the bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(behind(0, bytes))
    }

    /// Of `len` bytes with this CRC32C.
    pub(super) fn of_crc(crc: u32, len: usize) -> Self {
        Self(crc ^ ONES ^ behind_zeros(ONES, len))
    }

    /// Of these bytes, and behind them `len` others with their own share.
    pub(super) fn then(self, other: Share, len: usize) -> Self {
        Self(other.after(self.0, len))
    }

    /// The register behind the `len` bytes of this share.
    pub(super) fn after(self, register: u32, len: usize) -> u32 {
        behind_zeros(register, len) ^ self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn folding_is_reading(front in prop::collection::vec(any::<u8>(), 0..300),
                              rest in prop::collection::vec(any::<u8>(), 0..5000), register in any::<u32>()) {
            let both = [&front[..], &rest[..]].concat();
            let crc = crc_fast::crc32_iscsi(&rest);
            prop_assert_eq!(Share::of_crc(crc, rest.len()), Share::of(&rest));
            prop_assert_eq!(Share::of(&front).then(Share::of(&rest), rest.len()), Share::of(&both));
            prop_assert_eq!(Share::of(&both).after(register, both.len()), behind(register, &both));
        }
    }

    #[test]
    fn long_moves_are_many_short_ones() {
        for len in [1usize << 16, 999_999, 4 << 20] {
            assert_eq!(behind_zeros(0xDEAD_BEEF, len), behind(0xDEAD_BEEF, &vec![0; len]), "{len}");
        }
    }
}
