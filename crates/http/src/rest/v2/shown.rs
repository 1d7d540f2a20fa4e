//! Records on their way out: from batches to the items of a JSON array, within the limits of one answer. One record that
//! cannot be decoded is shown raw and says so; it holds nobody up.

use std::{borrow::Cow, io::Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use milena_node::{
    Slice, UNPACKED_MAX,
    engine::instance::{Delivered, Format},
};
use milena_record::{Batch, Record, Records, split};
use serde_json::value::RawValue;

use super::{produce::schema_format, reading::Want, records::range};
use crate::{
    coding::{Decoder, Part},
    memory::{FLOOR, Loan, Spent},
    rest::fault::{Fault, Told},
    serve::Door,
};

/// Bytes that are read from the log at a time.
const PIECE: usize = 1 << 20;
/// The memory for an answer grows by so much at a time.
const STEP: usize = 64 << 10;
/// About what a record takes in an answer beside its key and value.
const LINE: usize = 64;

/// What one answer may hold, and how it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of keys and values. The first record is given whatever its size.
    pub(super) bytes: usize,
    /// Of the answer as it is sent.
    pub(super) text: usize,
    pub(super) records: usize,
    pub(super) format: Format,
    pub(super) meta: bool,
}

/// An answer that grows.
pub(super) struct Gathered<'d> {
    door: &'d Door,
    decoder: Decoder<'d>,
    limits: Limits,
    out: Vec<u8>,
    /// For the answer and what is unpacked for it: one loan, since two would be in each other's way.
    held: Loan,
    /// How long the answer may become before more memory is asked for.
    room: usize,
    /// Of the batch that is read.
    unpacked: usize,
    records: usize,
    bytes: usize,
    full: bool,
    ranges: Vec<Delivered>,
    lost: Vec<String>,
}

impl<'d> Gathered<'d> {
    pub(super) fn new(door: &'d Door, limits: Limits) -> Self {
        let (out, decoder, held) = (vec![b'['], Decoder::new(door), door.memory.loan());
        Self {
            door,
            decoder,
            limits,
            out,
            held,
            room: FLOOR,
            unpacked: 0,
            records: 0,
            bytes: 0,
            full: false,
            ranges: Vec::new(),
            lost: Vec::new(),
        }
    }
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
    pub(super) fn format(&self) -> Format {
        self.limits.format
    }
    /// What of each partition is in it, or was passed over because there is nothing to show.
    pub(super) fn ranges(&self) -> &[Delivered] {
        &self.ranges
    }
    /// What retention removed unread, in words for a header.
    pub(super) fn lost(&self) -> &[String] {
        &self.lost
    }
    pub(super) fn is_enough(&self, min_bytes: usize) -> bool {
        self.records > 0 && (self.full || self.bytes >= min_bytes)
    }
    /// The whole body.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.out.push(b']');
        self.out
    }

    /// Takes what fits of one partition, up to an offset.
    pub(super) async fn take(&mut self, want: &Want, upto: i64) -> Told<()> {
        if let Some(from) = want.lost_from {
            let (topic, partition) = (want.topic.name.as_str(), want.partition.index());
            self.lost.push(format!("{topic}-{partition}:{from}-{}", want.from - 1));
        }
        let mut next = want.from;
        while next < upto && !self.full {
            let piece = (self.limits.bytes - self.bytes).clamp(1, PIECE);
            let found = self.door.node.read(&want.topic, &want.partition, next, piece).await?;
            let before = next;
            for slice in &found.slices {
                let Slice::Memory(bytes) = slice else { return Err(Fault::retriable("the records are not in memory")) };
                next = self.batches(want, bytes, (next, upto)).await?;
                if self.full {
                    break;
                }
            }
            if !self.full {
                next = next.max((found.upto + 1).min(upto));
            }
            if next == before {
                break;
            }
        }
        if next > want.from || want.lost_from.is_some() {
            self.ranges.push(range(want, next));
        }
        Ok(())
    }

    /// Answers the next offset.
    async fn batches(&mut self, want: &Want, bytes: &Bytes, (mut next, upto): (i64, i64)) -> Told<i64> {
        for entry in split(bytes) {
            let entry = entry.map_err(Fault::kafka)?;
            let batch = Batch::parse(entry.bytes).map_err(Fault::kafka)?;
            let header = batch.header();
            let last = header.base_offset() + i64::from(header.last_offset_delta());
            if header.is_control() || last < next {
                next = next.max(last + 1);
                continue;
            }
            let payload = batch.payload(&milena_record::Limits::new(UNPACKED_MAX)).map_err(Fault::kafka)?;
            self.unpacked = if let Cow::Owned(bytes) = &payload { bytes.len() } else { 0 };
            let text = if self.room > FLOOR { self.room } else { 0 };
            if let Err(spent) = self.held.hold(text + self.unpacked) {
                self.full = self.records > 0;
                return if self.full { Ok(next) } else { Err(spent.into()) };
            }
            for record in Records::new(&header, &payload) {
                let record = record.map_err(Fault::kafka)?;
                if record.offset < next {
                    continue;
                }
                if record.offset >= upto || !self.push(want, &record).await? {
                    return Ok(next);
                }
                next = record.offset + 1;
            }
            next = next.max(last + 1).min(upto);
        }
        Ok(next)
    }

    /// `false` when it does not fit any more.
    async fn push(&mut self, want: &Want, record: &Record<'_>) -> Told<bool> {
        // Also a record without anything takes a line of the answer.
        let size = LINE + record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
        if self.records > 0 && (self.records >= self.limits.records || self.bytes + size > self.limits.bytes) {
            self.full = true;
            return Ok(false);
        }
        let before = self.out.len();
        self.write(want, record).await;
        match self.grown() {
            Ok(()) if self.records == 0 || self.out.len() < self.limits.text => {}
            Err(spent) if self.records == 0 => return Err(spent.into()),
            _ => {
                self.out.truncate(before);
                self.full = true;
                return Ok(false);
            }
        }
        (self.records, self.bytes) = (self.records + 1, self.bytes + size);
        self.full = self.records >= self.limits.records || self.bytes >= self.limits.bytes;
        Ok(true)
    }

    /// Asks for the memory of what was written. An answer that is short needs none.
    fn grown(&mut self) -> Result<(), Spent> {
        if self.out.len() > self.room {
            self.held.hold(self.out.len() + STEP + self.unpacked)?;
            self.room = self.out.len() + STEP;
        }
        Ok(())
    }

    async fn write(&mut self, want: &Want, record: &Record<'_>) {
        let key = self.item(want, Part::Key, record).await;
        let value = self.item(want, Part::Value, record).await;
        let out = &mut self.out;
        if self.records > 0 {
            out.push(b',');
        }
        // A topic's name needs no escapes, and memory takes every byte.
        let _ = write!(out, "{{\"topic\":\"{}\",\"key\":", want.topic.name);
        key.write(out);
        out.extend_from_slice(b",\"value\":");
        value.write(out);
        let _ = write!(out, ",\"partition\":{},\"offset\":{}", want.partition.index(), record.offset);
        let errors: Vec<String> = [key.error("key"), value.error("value")].into_iter().flatten().collect();
        if !errors.is_empty() {
            let _ = write!(out, ",\"error\":{}", serde_json::Value::from(errors.join("; ")));
        }
        if self.limits.meta {
            meta(out, record);
        }
        out.push(b'}');
    }

    /// A key or a value as the format of the answer shows it.
    async fn item<'r>(&mut self, want: &Want, part: Part, record: &Record<'r>) -> Item<'r> {
        let bytes = match part {
            Part::Key => record.key,
            Part::Value => record.value,
        };
        let Some(bytes) = bytes else { return Item::Nothing };
        let Some(format) = schema_format(self.limits.format) else { return Item::plain(bytes, self.limits.format) };
        match self.decoder.json(&want.topic, part, (bytes, record.headers), Some(format)).await {
            Ok(json) => Item::Decoded(json),
            Err(why) => Item::Undecoded(bytes, format!("cannot be decoded and is given as base64: {why}")),
        }
    }
}

fn meta(out: &mut Vec<u8>, record: &Record<'_>) {
    let _ = write!(out, ",\"timestamp\":{},\"headers\":[", record.timestamp);
    for (nth, header) in record.headers.enumerate() {
        let name = serde_json::Value::from(String::from_utf8_lossy(header.key));
        let _ = write!(out, "{}{{\"name\":{name},\"value\":", if nth > 0 { "," } else { "" });
        match header.value {
            Some(bytes) => base64(out, bytes),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
    out.push(b']');
}

/// What is shown of a key or a value.
enum Item<'r> {
    Nothing,
    /// It is JSON already.
    Json(&'r str),
    Decoded(String),
    Base64(&'r [u8]),
    /// Not what the format says: raw, and why.
    Undecoded(&'r [u8], String),
}

impl<'r> Item<'r> {
    fn plain(bytes: &'r [u8], format: Format) -> Self {
        if format != Format::Json {
            return Self::Base64(bytes);
        }
        match serde_json::from_slice::<&RawValue>(bytes) {
            Ok(json) => Self::Json(json.get()),
            Err(_) => Self::Undecoded(bytes, "is not JSON and is given as base64".into()),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nothing => out.extend_from_slice(b"null"),
            Self::Json(json) => out.extend_from_slice(json.as_bytes()),
            Self::Decoded(json) => out.extend_from_slice(json.as_bytes()),
            Self::Base64(bytes) | Self::Undecoded(bytes, _) => base64(out, bytes),
        }
    }

    fn error(&self, which: &str) -> Option<String> {
        if let Self::Undecoded(_, why) = self { Some(format!("the {which} {why}")) } else { None }
    }
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let at = out.len();
    out.resize(at + bytes.len().div_ceil(3) * 4, 0);
    let written = BASE64_STANDARD.encode_slice(bytes, &mut out[at..]).unwrap_or(0);
    out.truncate(at + written);
    out.push(b'"');
}
