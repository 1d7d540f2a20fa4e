//! Records on their way out: from batches to the items of a JSON array, within the limits of one answer. One record that
//! cannot be decoded is shown raw and says so; it holds nobody up.

use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use milena_node::{
    Node, Slice, UNPACKED_MAX,
    engine::instance::{Delivered, Format},
};
use milena_record::{Batch, Record, Records, split};
use serde_json::value::RawValue;

use super::{reading::Want, records::range};
use crate::rest::fault::{Fault, Told};

/// Bytes that are read from the log at a time.
const PIECE: usize = 1 << 20;

/// What one answer may hold, and how it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of keys and values. The first record is given whatever its size.
    pub(super) bytes: usize,
    pub(super) records: usize,
    pub(super) format: Format,
    pub(super) meta: bool,
}

/// An answer that grows.
pub(super) struct Gathered {
    limits: Limits,
    out: Vec<u8>,
    records: usize,
    bytes: usize,
    full: bool,
    ranges: Vec<Delivered>,
    lost: Vec<String>,
}

impl Gathered {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, out: vec![b'['], records: 0, bytes: 0, full: false, ranges: Vec::new(), lost: Vec::new() }
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
    pub(super) async fn take(&mut self, node: &Node, want: &Want, upto: i64) -> Told<()> {
        if let Some(from) = want.lost_from {
            let (topic, partition) = (want.topic.name.as_str(), want.partition.index());
            self.lost.push(format!("{topic}-{partition}:{from}-{}", want.from - 1));
        }
        let mut next = want.from;
        while next < upto && !self.full {
            let piece = (self.limits.bytes - self.bytes).clamp(1, PIECE);
            let found = node.read(&want.topic, &want.partition, next, piece).await?;
            let before = next;
            for slice in &found.slices {
                let Slice::Memory(bytes) = slice else { return Err(Fault::retriable("the records are not in memory")) };
                next = self.batches(want, bytes, (next, upto))?;
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
    fn batches(&mut self, want: &Want, bytes: &Bytes, (mut next, upto): (i64, i64)) -> Told<i64> {
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
            for record in Records::new(&header, &payload) {
                let record = record.map_err(Fault::kafka)?;
                if record.offset < next {
                    continue;
                }
                if record.offset >= upto || !self.push(want, &record) {
                    return Ok(next);
                }
                next = record.offset + 1;
            }
            next = next.max(last + 1).min(upto);
        }
        Ok(next)
    }

    /// `false` when it does not fit any more.
    fn push(&mut self, want: &Want, record: &Record<'_>) -> bool {
        let size = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
        if self.records > 0 && (self.records >= self.limits.records || self.bytes + size > self.limits.bytes) {
            self.full = true;
            return false;
        }
        self.write(want, record);
        (self.records, self.bytes) = (self.records + 1, self.bytes + size);
        self.full = self.records >= self.limits.records || self.bytes >= self.limits.bytes;
        true
    }

    fn write(&mut self, want: &Want, record: &Record<'_>) {
        let (format, out) = (self.limits.format, &mut self.out);
        if self.records > 0 {
            out.push(b',');
        }
        // A topic's name needs no escapes, and memory takes every byte.
        let _ = write!(out, "{{\"topic\":\"{}\",\"key\":", want.topic.name);
        let key = value(out, record.key, format);
        out.extend_from_slice(b",\"value\":");
        let value = value(out, record.value, format);
        let _ = write!(out, ",\"partition\":{},\"offset\":{}", want.partition.index(), record.offset);
        for (which, sound) in [("key", key), ("value", value)] {
            if !sound {
                let _ = write!(out, ",\"error\":\"the {which} is not JSON and is given as base64\"");
                break;
            }
        }
        if self.limits.meta {
            let _ = write!(out, ",\"timestamp\":{},\"headers\":[", record.timestamp);
            for (nth, header) in record.headers.enumerate() {
                let name = serde_json::Value::from(String::from_utf8_lossy(header.key));
                let _ = write!(out, "{}{{\"name\":{name},\"value\":", if nth > 0 { "," } else { "" });
                base64(out, header.value);
                out.push(b'}');
            }
            out.push(b']');
        }
        out.push(b'}');
    }
}

/// Writes a key or a value. `false` when it is not what the format says, and is shown raw.
fn value(out: &mut Vec<u8>, bytes: Option<&[u8]>, format: Format) -> bool {
    match (bytes, format) {
        (Some(bytes), Format::Json) => match serde_json::from_slice::<&RawValue>(bytes) {
            Ok(json) => {
                out.extend_from_slice(json.get().as_bytes());
                true
            }
            Err(_) => {
                base64(out, Some(bytes));
                false
            }
        },
        (bytes, _) => {
            base64(out, bytes);
            true
        }
    }
}

fn base64(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    let at = out.len();
    out.resize(at + bytes.len().div_ceil(3) * 4, 0);
    let written = BASE64_STANDARD.encode_slice(bytes, &mut out[at..]).unwrap_or(0);
    out.truncate(at + written);
    out.push(b'"');
}
