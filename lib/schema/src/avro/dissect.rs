//! Which bytes of a datum are what: lengths, counts, branches, values, each with the path of its field.

use super::{
    Kind, Logical, Malformed, NodeId, Schema,
    binary::{DEPTH, Reader},
};
use crate::span::{Span, Spans, hex, quoted};

impl Schema {
    /// The parts of a datum in the order of its bytes, at most `most`; and why it cannot be read further, if it cannot.
    pub fn dissect(&self, bytes: &[u8], most: usize) -> (Vec<Span>, Option<Malformed>) {
        let mut walk = Walk { schema: self, reader: Reader::new(bytes), size: bytes.len(), spans: Spans::new(most), depth: 0 };
        let outcome = walk.value(self.root(), "").and_then(|()| if walk.spans.is_full() { Ok(()) } else { walk.reader.end() });
        (walk.spans.found, outcome.err())
    }
}

struct Walk<'a> {
    schema: &'a Schema,
    reader: Reader<'a>,
    size: usize,
    spans: Spans,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn place(&self) -> usize {
        self.size - self.reader.rest().len()
    }

    /// Reads something and notes its bytes.
    fn noted<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
        words: impl FnOnce(&T, &[u8]) -> String,
    ) -> Result<T, Malformed> {
        let (from, before) = (self.place(), self.reader.rest());
        let value = read(&mut self.reader)?;
        let words = words(&value, &before[..self.place() - from]);
        self.spans.note(from..self.place(), words);
        Ok(value)
    }

    fn value(&mut self, id: NodeId, path: &str) -> Result<(), Malformed> {
        if self.spans.is_full() {
            return Ok(());
        }
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Malformed::Deep);
        }
        let node = self.schema.node(id);
        let meaning = node.logical.map_or(String::new(), |logical: Logical| format!("  ({})", logical.name()));
        let named =
            |value: String| if path.is_empty() { format!("{value}{meaning}") } else { format!("{path} = {value}{meaning}") };
        match &node.kind {
            Kind::Null => {}
            Kind::Boolean | Kind::Int | Kind::Long | Kind::Float | Kind::Double => self.number(&node.kind, named)?,
            Kind::Bytes => {
                let bytes = self.counted()?;
                self.note_back(bytes.len(), named(hex(bytes)));
            }
            Kind::String => {
                let bytes = self.counted()?;
                let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
                self.note_back(bytes.len(), named(quoted(text)));
            }
            Kind::Fixed(fixed) => {
                self.noted(|r| r.fixed(fixed.size), |v, _| named(hex(v)))?;
            }
            Kind::Enum(kind) => {
                let symbols = &kind.symbols;
                self.noted(
                    |r| r.index(symbols.len(), Malformed::Symbol),
                    |v, raw| format!("{}  (symbol {v}: {})", named(symbols[*v].to_string()), plain(raw)),
                )?;
            }
            Kind::Union(branches) => {
                let of = |index: usize| self.schema.kind(branches[index]).branch_name().to_owned();
                let subject = if path.is_empty() { String::new() } else { format!("{path} is ") };
                let index = self.noted(
                    |r| r.index(branches.len(), Malformed::Branch),
                    |v, raw| format!("{subject}{}  (branch {v}: {})", of(*v), plain(raw)),
                )?;
                // The branch is no deeper than its union.
                self.depth -= 1;
                self.value(branches[index], path)?;
                self.depth += 1;
            }
            Kind::Record(record) => {
                for field in &record.fields {
                    self.value(field.schema, &inside(path, &field.name))?;
                }
            }
            Kind::Array(items) => self.blocks(*items, path, false)?,
            Kind::Map(values) => self.blocks(*values, path, true)?,
        }
        self.depth -= 1;
        Ok(())
    }

    /// A value whose size is in its bytes, or always the same.
    fn number(&mut self, kind: &Kind, named: impl Fn(String) -> String) -> Result<(), Malformed> {
        let zigzag = |value: i64, raw: &[u8]| format!("{}  ({}, zig-zag)", named(value.to_string()), plain(raw));
        match kind {
            Kind::Boolean => self.noted(Reader::boolean, |v, _| named(v.to_string())).map(drop),
            Kind::Int => self.noted(Reader::int, |v, raw| zigzag(i64::from(*v), raw)).map(drop),
            Kind::Long => self.noted(Reader::long, |v, raw| zigzag(*v, raw)).map(drop),
            Kind::Float => self.noted(Reader::float, |v, _| named(v.to_string())).map(drop),
            Kind::Double => self.noted(Reader::double, |v, _| named(v.to_string())).map(drop),
            _ => Ok(()),
        }
    }

    /// A length, and as many bytes.
    fn counted(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.noted(Reader::long, |v, raw| format!("length {v}  ({}, zig-zag)", plain(raw)))?;
        let length = usize::try_from(length).map_err(|_| Malformed::Length(length))?;
        self.reader.fixed(length)
    }

    /// Notes the bytes that were read last.
    fn note_back(&mut self, length: usize, words: String) {
        let end = self.place();
        self.spans.note(end - length..end, words);
    }

    fn blocks(&mut self, inner: NodeId, path: &str, keys: bool) -> Result<(), Malformed> {
        let mut index = 0_usize;
        loop {
            let what = if path.is_empty() { "the list".to_owned() } else { path.to_owned() };
            let count = self.noted(Reader::block, |v, raw| match v {
                0 => format!("end of {what}"),
                1 => format!("{what}: 1 entry  ({})", plain(raw)),
                n => format!("{what}: {n} entries  ({})", plain(raw)),
            })?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                if self.spans.is_full() {
                    return Ok(());
                }
                let name = if keys { self.key(path)? } else { index.to_string() };
                self.value(inner, &format!("{path}[{name}]"))?;
                index += 1;
            }
        }
    }

    fn key(&mut self, path: &str) -> Result<String, Malformed> {
        let bytes = self.counted()?;
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
        let words = if path.is_empty() { format!("key {}", quoted(text)) } else { format!("key of {path}: {}", quoted(text)) };
        self.note_back(bytes.len(), words);
        Ok(quoted(text))
    }
}

fn inside(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// Bytes of a number, as they stand there.
fn plain(raw: &[u8]) -> String {
    let bytes: Vec<String> = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dissected(schema: &str, bytes: &[u8]) -> (Vec<(usize, usize, String)>, Option<Malformed>) {
        let schema = Schema::parse(schema).expect("a schema");
        let (spans, flaw) = schema.dissect(bytes, 100);
        (spans.into_iter().map(|span| (span.at.start, span.at.end, span.words)).collect(), flaw)
    }

    #[test]
    fn every_byte_of_a_record_has_its_words() {
        let schema = r#"{"type":"record","name":"R","fields":[
            {"name":"first","type":"string"},
            {"name":"age","type":["null","int"]},
            {"name":"tags","type":{"type":"map","values":"boolean"}},
            {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;
        let bytes = b"\x08john\x02\x54\x02\x02a\x01\x00\x80\x01";
        let (spans, flaw) = dissected(schema, bytes);
        let expected = [
            (0, 1, "length 4  (08, zig-zag)"),
            (1, 5, "first = \"john\""),
            (5, 6, "age is int  (branch 1: 02)"),
            (6, 7, "age = 42  (54, zig-zag)"),
            (7, 8, "tags: 1 entry  (02)"),
            (8, 9, "length 1  (02, zig-zag)"),
            (9, 10, "key of tags: \"a\""),
            (10, 11, "tags[\"a\"] = true"),
            (11, 12, "end of tags"),
            (12, 14, "at = 64  (timestamp-millis)  (80 01, zig-zag)"),
        ];
        let expected: Vec<(usize, usize, String)> = expected.into_iter().map(|(a, b, words)| (a, b, words.into())).collect();
        assert_eq!((spans, flaw), (expected, None));
    }

    #[test]
    fn what_is_broken_is_told_and_bounded() {
        let (spans, flaw) = dissected(r#""string""#, b"\x08jo");
        assert_eq!((spans.len(), flaw), (1, Some(Malformed::Ends)));
        let (_, flaw) = dissected(r#""int""#, b"\x02\x02");
        assert_eq!(flaw, Some(Malformed::Trailing(1)));
        let list = Schema::parse(r#"{"type":"array","items":"null"}"#).expect("a schema");
        // A count of 2^40 nulls costs no more than what is noted.
        let (spans, flaw) = list.dissect(b"\x80\x80\x80\x80\x80\x80\x01", 10);
        assert!(spans.is_empty() && flaw == Some(Malformed::Swollen), "{spans:?} {flaw:?}");
    }
}
