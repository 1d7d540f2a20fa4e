//! The three formats, by the registry's names.

use std::{fmt, str::FromStr};

use crate::Flaw;

/// In which language a schema is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    Avro,
    Json,
    Protobuf,
}

impl Format {
    /// As the registry writes it: `AVRO`, `JSON`, `PROTOBUF`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Json => "JSON",
            Self::Protobuf => "PROTOBUF",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Flaw;

    /// The registry's name, in any case.
    fn from_str(name: &str) -> Result<Self, Flaw> {
        [Self::Avro, Self::Json, Self::Protobuf]
            .into_iter()
            .find(|f| f.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Flaw::new(format!("Invalid schema type {name}; known are AVRO, JSON and PROTOBUF")))
    }
}
