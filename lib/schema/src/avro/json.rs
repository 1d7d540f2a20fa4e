//! Data as JSON: Avro's own JSON encoding, and the plain one in which unions have no tags.
//!
//! Reading takes both: a union's value may be tagged (`{"string":"x"}`) or bare; bare, it goes to the first branch that
//! takes it. Bytes and fixed are text whose letters are bytes (Latin-1). A long keeps all of its 64 bits; what JSON has no
//! number for is the text `"NaN"`, `"Infinity"` or `"-Infinity"`, as Java's library writes it. A field that is left out
//! stands for its default; a field that the schema does not know is an error, since dropping data in silence is none.

use serde_json::ser::{CompactFormatter, Formatter as _};

use super::{
    Kind, NodeId, Plan, Schema,
    binary::{Malformed, Reader},
    decode::Sink,
};

pub(crate) use read::put_default;

mod plain;
mod read;

/// What JSON has no number for, and the words that Java's library has for it.
const NO_NUMBERS: [(&str, f64); 3] = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];

/// The number that a word of these stands for.
pub(super) fn no_number(text: &str) -> Option<f64> {
    NO_NUMBERS.iter().find(|(word, _)| *word == text).map(|(_, number)| *number)
}

/// How unions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unions {
    /// Only the value, as people and most programs expect it.
    #[default]
    Bare,
    /// `{"branch": value}`, as Avro's JSON encoding has it.
    Tagged,
}

impl Plan {
    /// Appends one datum as JSON text.
    pub fn write_json<'a>(&'a self, reader: &mut Reader<'a>, unions: Unions, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.stream(self.root, reader, &mut Text { out, tagged: unions == Unions::Tagged })
    }

    /// One datum that fills the bytes, as JSON text.
    pub fn to_json(&self, bytes: &[u8], unions: Unions) -> Result<String, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut out = Vec::with_capacity(bytes.len() * 2);
        // The plan lives shorter than nothing here: the text owns what it says.
        self.stream(self.root, &mut reader, &mut Text { out: &mut out, tagged: unions == Unions::Tagged })?;
        reader.end()?;
        String::from_utf8(out).map_err(|_| Malformed::Utf8)
    }
}

struct Text<'o> {
    out: &'o mut Vec<u8>,
    tagged: bool,
}

impl Text<'_> {
    fn quoted(&mut self, text: &str) {
        // Most texts have nothing to escape. All of one is looked at, since a processor does that many bytes at a time.
        let escaped = text.bytes().fold(false, |found, byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\'));
        if escaped {
            // Writing to memory does not fail.
            let _ = serde_json::to_writer(&mut *self.out, text);
        } else {
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
        }
    }

    fn latin1(&mut self, bytes: &[u8]) {
        let text: String = bytes.iter().map(|b| char::from(*b)).collect();
        self.quoted(&text);
    }

    fn special(&mut self, value: f64) {
        let word = NO_NUMBERS.iter().find(|(_, number)| *number == value);
        self.quoted(word.map_or("NaN", |(word, _)| word));
    }

    fn tag(&self, schema: &Schema, union: NodeId, branch: u32) -> Option<String> {
        let Kind::Union(branches) = schema.kind(union) else { return None };
        let kind = schema.kind(*branches.get(branch as usize)?);
        (self.tagged && !matches!(kind, Kind::Null)).then(|| kind.branch_name().to_owned())
    }
}

impl Sink for Text<'_> {
    const SEPARATOR: &'static [u8] = b",";

    fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }
    fn null(&mut self) {
        self.out.extend_from_slice(b"null");
    }
    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }
    fn int(&mut self, value: i32) {
        let _ = CompactFormatter.write_i32(self.out, value);
    }
    fn long(&mut self, value: i64) {
        let _ = CompactFormatter.write_i64(self.out, value);
    }
    fn float(&mut self, value: f32) {
        if value.is_finite() {
            let _ = CompactFormatter.write_f32(self.out, value);
        } else {
            self.special(value.into());
        }
    }
    fn double(&mut self, value: f64) {
        if value.is_finite() {
            let _ = CompactFormatter.write_f64(self.out, value);
        } else {
            self.special(value);
        }
    }
    fn bytes(&mut self, value: &[u8]) {
        self.latin1(value);
    }
    fn string(&mut self, value: &str) {
        self.quoted(value);
    }
    fn fixed(&mut self, value: &[u8]) {
        self.latin1(value);
    }
    fn symbol(&mut self, schema: &Schema, node: NodeId, index: u32) {
        if let Kind::Enum(kind) = schema.kind(node) {
            self.quoted(&kind.symbols[index as usize]);
        }
    }
    fn begin_branch(&mut self, schema: &Schema, union: NodeId, branch: u32) {
        if let Some(tag) = self.tag(schema, union, branch) {
            self.out.push(b'{');
            self.quoted(&tag);
            self.out.push(b':');
        }
    }
    fn end_branch(&mut self, schema: &Schema, union: NodeId, branch: u32) {
        if self.tag(schema, union, branch).is_some() {
            self.out.push(b'}');
        }
    }
    fn begin_items(&mut self, is_map: bool) {
        self.out.push(if is_map { b'{' } else { b'[' });
    }
    fn block(&mut self, _: usize) {}
    fn item(&mut self, first: bool) {
        if !first {
            self.out.push(b',');
        }
    }
    fn key(&mut self, key: &str) {
        self.quoted(key);
        self.out.push(b':');
    }
    fn end_items(&mut self, is_map: bool) {
        self.out.push(if is_map { b'}' } else { b']' });
    }
    fn begin_record(&mut self) {
        self.out.push(b'{');
    }
    fn field(&mut self, schema: &Schema, record: NodeId, field: u32) {
        if let Kind::Record(record) = schema.kind(record) {
            // Names of fields are letters, digits and underscores: nothing to escape.
            self.out.push(b'"');
            self.out.extend_from_slice(record.fields[field as usize].name.as_bytes());
            self.out.extend_from_slice(b"\":");
        }
    }
    fn end_record(&mut self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_is_written_as_json_has_it() {
        for letter in (0..0x500).filter_map(char::from_u32) {
            for text in [letter.to_string(), format!("twenty letters before {letter}"), format!("{letter} and some behind it")] {
                let mut out = Vec::new();
                Text { out: &mut out, tagged: false }.quoted(&text);
                assert_eq!(out, serde_json::to_vec(&text).expect("a text is JSON"), "{letter:?}");
            }
        }
    }
}
