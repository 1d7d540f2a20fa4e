//! The forms in which rpk writes numbers.

/// As a person is told of them.
pub(super) const NAMES: &str = "ascii, hex64 to hex4, big64 to big8, little64 to little8, byte or bool";

/// How a number is written; what is too long for it is cut, as with rpk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// So many digits.
    Hex(usize),
    /// So many bytes, the largest first.
    Big(usize),
    /// So many bytes, the smallest first.
    Little(usize),
    Bool,
}

impl Form {
    pub(super) fn read(name: &str) -> Option<Self> {
        let bytes = |bits: &str| match bits {
            "64" => Some(8),
            "32" => Some(4),
            "16" => Some(2),
            "8" => Some(1),
            _ => None,
        };
        match name {
            "ascii" | "number" => Some(Self::Plain),
            "byte" => Some(Self::Big(1)),
            "bool" => Some(Self::Bool),
            "hex4" => Some(Self::Hex(1)),
            _ => {
                let hex = name.strip_prefix("hex").and_then(bytes).map(|n| Self::Hex(2 * n));
                let big = || name.strip_prefix("big").and_then(bytes).map(Self::Big);
                let little = || name.strip_prefix("little").and_then(bytes).map(Self::Little);
                hex.or_else(big).or_else(little)
            }
        }
    }

    pub(super) fn write(self, n: i64, out: &mut Vec<u8>) {
        match self {
            Self::Plain => out.extend_from_slice(n.to_string().as_bytes()),
            Self::Hex(digits) => out.extend_from_slice(&format!("{n:016x}").as_bytes()[16 - digits..]),
            Self::Big(bytes) => out.extend_from_slice(&n.to_be_bytes()[8 - bytes..]),
            Self::Little(bytes) => out.extend_from_slice(&n.to_le_bytes()[..bytes]),
            Self::Bool => out.extend_from_slice(if n == 0 { b"false" } else { b"true" }),
        }
    }
}
