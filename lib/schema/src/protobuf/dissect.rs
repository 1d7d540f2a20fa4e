//! Which bytes of a message are what: tags, lengths, values, each with the path of its field.

use prost_reflect::{Kind, MessageDescriptor};

use super::Message;
use crate::span::{Span, Spans, hex, quoted};

/// Messages that are followed into each other.
const DEPTH: usize = 64;

/// Why bytes are no message.
type Broken = &'static str;

impl Message {
    /// The parts of a message in the order of its bytes, at most `most`; and why it cannot be read further, if it cannot.
    pub fn dissect(&self, bytes: &[u8], most: usize) -> (Vec<Span>, Option<&'static str>) {
        let mut walk = Walk { bytes, spans: Spans::new(most) };
        let outcome = walk.message(0..bytes.len(), Some(&self.descriptor), "", 0);
        (walk.spans.found, outcome.err())
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    spans: Spans,
}

impl Walk<'_> {
    fn message(
        &mut self,
        within: std::ops::Range<usize>,
        of: Option<&MessageDescriptor>,
        path: &str,
        depth: usize,
    ) -> Result<(), Broken> {
        if depth > DEPTH {
            return Err("messages nest too deep");
        }
        let (mut at, end) = (within.start, within.end);
        while at < end && !self.spans.is_full() {
            let (tag, behind) = self.varint(at, end)?;
            let (number, wire) = (u32::try_from(tag >> 3).map_err(|_| "a field's number is too large")?, tag & 7);
            let field = of.and_then(|of| of.get_field(number));
            let name = field.as_ref().map_or_else(|| format!("unknown field {number}"), |field| field.name().to_owned());
            let path = if path.is_empty() { name } else { format!("{path}.{name}") };
            let tag = |kind: &str| format!("field {number}, {kind}: {path}");
            let kind = field.as_ref().map(|field| field.kind());
            at = match wire {
                0 => {
                    self.spans.note(at..behind, tag("varint"));
                    let (value, next) = self.varint(behind, end)?;
                    self.spans.note(behind..next, format!("{path} = {}", number_of(value, kind.as_ref())));
                    next
                }
                1 | 5 => {
                    let size = if wire == 1 { 8 } else { 4 };
                    self.spans.note(at..behind, tag(if wire == 1 { "8 bytes" } else { "4 bytes" }));
                    let raw = self.bytes[..end].get(behind..behind + size).ok_or("the message ends inside a field")?;
                    self.spans.note(behind..behind + size, format!("{path} = {}", fixed_of(raw, kind.as_ref())));
                    behind + size
                }
                2 => {
                    self.spans.note(at..behind, tag("length and bytes"));
                    self.counted(behind, end, kind.as_ref(), &path, depth)?
                }
                3 | 4 => {
                    self.spans.note(at..behind, tag(if wire == 3 { "begin of a group" } else { "end of a group" }));
                    behind
                }
                _ => return Err("a field has a wire type that there is not"),
            };
        }
        Ok(())
    }

    fn counted(&mut self, at: usize, end: usize, kind: Option<&Kind>, path: &str, depth: usize) -> Result<usize, Broken> {
        let (length, from) = self.varint(at, end)?;
        let length =
            usize::try_from(length).ok().filter(|length| *length <= end - from).ok_or("the message ends inside a field")?;
        self.spans.note(at..from, format!("length {length}"));
        let (to, raw) = (from + length, &self.bytes[from..from + length]);
        match kind {
            Some(Kind::Message(inner)) => self.message(from..to, Some(inner), path, depth + 1)?,
            Some(Kind::String) => {
                let text = std::str::from_utf8(raw).map_err(|_| "a string is not UTF-8")?;
                self.spans.note(from..to, format!("{path} = {}", quoted(text)));
            }
            Some(Kind::Bytes) | None => self.spans.note(from..to, format!("{path} = {}", hex(raw))),
            Some(_) => self.spans.note(from..to, format!("{path} = {}, packed", hex(raw))),
        }
        Ok(to)
    }

    fn varint(&self, at: usize, end: usize) -> Result<(u64, usize), Broken> {
        let mut number = 0_u64;
        for (index, byte) in self.bytes[at..end].iter().take(10).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok((number, at + index + 1));
            }
        }
        Err("a number does not end")
    }
}

fn number_of(value: u64, kind: Option<&Kind>) -> String {
    let unzigzagged = (value >> 1) as i64 ^ -((value & 1) as i64);
    match kind {
        Some(Kind::Bool) => (value != 0).to_string(),
        Some(Kind::Sint32 | Kind::Sint64) => format!("{unzigzagged}  (zig-zag)"),
        Some(Kind::Int32 | Kind::Int64) => (value as i64).to_string(),
        Some(Kind::Enum(of)) => {
            let named = i32::try_from(value as i64).ok().and_then(|number| of.get_value(number));
            named.map_or_else(|| value.to_string(), |named| format!("{} ({value})", named.name()))
        }
        _ => value.to_string(),
    }
}

fn fixed_of(raw: &[u8], kind: Option<&Kind>) -> String {
    let four = || <[u8; 4]>::try_from(raw).unwrap_or_default();
    let eight = || <[u8; 8]>::try_from(raw).unwrap_or_default();
    match kind {
        Some(Kind::Float) => f32::from_le_bytes(four()).to_string(),
        Some(Kind::Double) => f64::from_le_bytes(eight()).to_string(),
        Some(Kind::Fixed32) => u32::from_le_bytes(four()).to_string(),
        Some(Kind::Sfixed32) => i32::from_le_bytes(four()).to_string(),
        Some(Kind::Fixed64) => u64::from_le_bytes(eight()).to_string(),
        Some(Kind::Sfixed64) => i64::from_le_bytes(eight()).to_string(),
        _ => hex(raw),
    }
}

#[cfg(test)]
mod tests {
    use crate::protobuf::Schema;

    #[test]
    fn every_byte_of_a_message_has_its_words() {
        let text = "syntax = \"proto3\"; message P { string first = 1; sint32 n = 2; P next = 3; double d = 4; }";
        let schema = Schema::parse(text, &[]).expect("a schema");
        let message = schema.message_at(&[0]).expect("the first");
        let bytes = b"\x0a\x04john\x10\x53\x1a\x03\x0a\x01x\x38\x05";
        let (spans, flaw) = message.dissect(bytes, 100);
        let words: Vec<&str> = spans.iter().map(|span| span.words.as_str()).collect();
        let expected = [
            "field 1, length and bytes: first",
            "length 4",
            "first = \"john\"",
            "field 2, varint: n",
            "n = -42  (zig-zag)",
            "field 3, length and bytes: next",
            "length 3",
            "field 1, length and bytes: next.first",
            "length 1",
            "next.first = \"x\"",
            "field 7, varint: unknown field 7",
            "unknown field 7 = 5",
        ];
        assert_eq!((words, flaw), (expected.to_vec(), None));
        let covered: usize = spans.iter().map(|span| span.at.len()).sum();
        assert_eq!(covered, bytes.len());
        for end in 0..bytes.len() {
            let _ = message.dissect(&bytes[..end], 100);
        }
        assert_eq!(message.dissect(b"\x0a\x7f", 100).1, Some("the message ends inside a field"));
    }
}
