//! Messages on stdout, in the shape that was asked for.

use clap::ValueEnum;
use milena_client::{Message, Progress};

use super::{Meaning, format::Format, hex};
use crate::{envelope, failure::Failure, screen::Screen, table::quoted, when};

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Output {
    /// One array of envelopes
    Json,
    /// One envelope a line
    Jsonl,
    /// For people; long values are cut
    Table,
    /// With a first line of names
    Csv,
}

pub(crate) enum Shape {
    Format(Format),
    Hex,
    Output(Output),
}

/// Rows that a table holds at most, since it is laid out as a whole.
const ROWS: usize = 10_000;
/// What CSV begins with, whether anything follows or not.
const HEAD: &str = "topic,partition,offset,ts,key,value";
/// Characters of a key or value in a table.
const CELL: usize = 100;

pub(crate) struct Show {
    shape: Shape,
    screen: Screen,
    shown: u64,
    ended: bool,
    rows: Vec<[String; 5]>,
    line: String,
    bytes: Vec<u8>,
}

impl Show {
    pub(crate) fn new(shape: Shape, screen: Screen, endless: bool) -> Result<Self, Failure> {
        if endless && matches!(shape, Shape::Output(Output::Json | Output::Table)) {
            return Err(Failure::usage("an array or a table has an end, and following has none").fix("-o jsonl   or   -o csv"));
        }
        Ok(Self { shape, screen, shown: 0, ended: false, rows: Vec::new(), line: String::new(), bytes: Vec::new() })
    }

    pub(crate) fn message(&mut self, message: &Message, meaning: &Meaning, progress: &[Progress]) -> Result<(), Failure> {
        self.shown += 1;
        self.line.clear();
        match &self.shape {
            Shape::Format(format) => {
                self.bytes.clear();
                format.write(message, (progress, self.shown), &mut self.bytes);
                self.screen.bytes(&self.bytes)
            }
            Shape::Hex => self.screen.bytes(hex::explain(message, meaning).as_bytes()),
            Shape::Output(Output::Csv) => self.csv(message),
            Shape::Output(Output::Table) => self.row(message),
            Shape::Output(Output::Jsonl) => {
                envelope::write(message, meaning.value.as_deref(), self.screen.person, &mut self.line);
                self.screen.line(&self.line)
            }
            Shape::Output(Output::Json) => {
                self.line.push_str(if self.shown == 1 { "[\n" } else { ",\n" });
                envelope::write(message, meaning.value.as_deref(), self.screen.person, &mut self.line);
                self.screen.bytes(self.line.as_bytes())
            }
        }
    }

    fn csv(&mut self, m: &Message) -> Result<(), Failure> {
        if self.shown == 1 {
            self.screen.line(HEAD)?;
        }
        let time = when::rfc3339(m.timestamp, self.screen.person).unwrap_or_default();
        let (key, value) = (cell(m.key.as_deref()), cell(m.value.as_deref()));
        let line = format!("{},{},{},{time},{},{}", m.topic, m.partition, m.offset, quoted(&key), quoted(&value));
        self.screen.line(line)
    }

    fn row(&mut self, m: &Message) -> Result<(), Failure> {
        if self.rows.len() == ROWS {
            return Err(Failure::usage(format!("a table holds at most {ROWS} messages")).fix("--count N   or   -o jsonl"));
        }
        let short = |bytes: Option<&[u8]>| -> String { cell(bytes).chars().take(CELL).collect() };
        self.rows.push([
            m.partition.to_string(),
            m.offset.to_string(),
            when::clock(m.timestamp),
            short(m.key.as_deref()),
            short(m.value.as_deref()),
        ]);
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.screen.flush()
    }

    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.ended = true;
        match self.shape {
            Shape::Output(Output::Json) => self.screen.line(if self.shown == 0 { "[]" } else { "\n]" })?,
            Shape::Output(Output::Csv) if self.shown == 0 => self.screen.line(HEAD)?,
            Shape::Output(Output::Table) => {
                let rows = std::mem::take(&mut self.rows);
                let table = crate::table::text(&["PARTITION", "OFFSET", "TIME", "KEY", "VALUE"], rows.iter().map(|r| r.to_vec()));
                self.screen.bytes(table.as_bytes())?;
            }
            _ => {}
        }
        self.screen.flush()
    }
}

impl Drop for Show {
    /// An array that was broken off, by Ctrl-C or a failure, is one nevertheless.
    fn drop(&mut self) {
        if !self.ended && self.shown > 0 && matches!(self.shape, Shape::Output(Output::Json)) {
            // Nobody is left who could be told that it failed.
            let _ = self.finish();
        }
    }
}

/// Bytes as text; others in hex behind `0x`; nothing for null.
fn cell(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return String::new() };
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => std::iter::once("0x".to_string()).chain(bytes.iter().map(|b| format!("{b:02x}"))).collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use milena_client::{
        BatchView,
        record::{Codec, TimestampType},
    };

    use super::*;

    /// Offset 7 of partition 3 of `t`, at time 1000, with a header.
    pub(crate) fn message(key: &'static str, value: &'static str) -> Message {
        let batch = BatchView {
            bytes: bytes::Bytes::new(),
            magic: 2,
            codec: Codec::None,
            timestamp_type: TimestampType::Create,
            leader_epoch: 0,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            transactional: false,
            count: 1,
        };
        Message {
            topic: "t".into(),
            partition: 3,
            offset: 7,
            timestamp: 1000,
            key: Some(key.into()),
            value: Some(value.into()),
            headers: vec![("h".into(), Some("v".into()))],
            batch: Arc::new(batch),
        }
    }

    #[test]
    fn cells_are_quoted_and_cannot_steer_a_terminal() {
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell(Some(b"\xff\x00")), "0xff00");
    }
}
