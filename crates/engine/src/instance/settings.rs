//! What a client says of its instance when it makes it. The names are those of the REST proxy's create request.

use crate::fact::{
    BadFact,
    codec::{Reader, Writer},
};

/// How records look in answers, and which answers the client accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Binary,
    Json,
    Avro,
    JsonSchema,
    Protobuf,
}

/// Where to begin without a committed position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reset {
    Earliest,
    /// At the end as it was when the subscription was made, not when the first fetch came.
    Latest,
    /// Nowhere: say so.
    None,
}

/// Settings of one instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    pub format: Format,
    pub reset: Reset,
    /// A fetch commits what the one before it delivered.
    pub auto_commit: bool,
    /// A fetch waits until so many bytes are there, or its time is over.
    pub min_bytes: u32,
    /// How long a fetch waits if it does not say so itself.
    pub timeout_ms: u32,
    /// At most so many records a fetch; 0 is no bound.
    pub max_records: u32,
    /// Silent for longer, its partitions go to others of its group who ask.
    pub idle_ms: u32,
}

impl Settings {
    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.u8(match self.format {
            Format::Binary => 0,
            Format::Json => 1,
            Format::Avro => 2,
            Format::JsonSchema => 3,
            Format::Protobuf => 4,
        });
        w.u8(match self.reset {
            Reset::Earliest => 0,
            Reset::Latest => 1,
            Reset::None => 2,
        });
        w.bool(self.auto_commit);
        w.u32(self.min_bytes);
        w.u32(self.timeout_ms);
        w.u32(self.max_records);
        w.u32(self.idle_ms);
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let format = match r.u8()? {
            0 => Format::Binary,
            1 => Format::Json,
            2 => Format::Avro,
            3 => Format::JsonSchema,
            4 => Format::Protobuf,
            _ => return Err(BadFact::Invalid { what: "format of an instance" }),
        };
        let reset = match r.u8()? {
            0 => Reset::Earliest,
            1 => Reset::Latest,
            2 => Reset::None,
            _ => return Err(BadFact::Invalid { what: "beginning of an instance" }),
        };
        let auto_commit = r.bool()?;
        let (min_bytes, timeout_ms, max_records, idle_ms) = (r.u32()?, r.u32()?, r.u32()?, r.u32()?);
        Ok(Self { format, reset, auto_commit, min_bytes, timeout_ms, max_records, idle_ms })
    }
}
