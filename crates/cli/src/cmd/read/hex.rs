//! `--hex`: a message's bytes, each with what it is. Says only what the bytes themselves show; what is a guess is called one.

use std::{fmt::Write, ops::Range};

use bytes::Bytes;
use milena_client::Message;
use milena_serde::framing::{KEY_HEADER, VALUE_HEADER};

use super::{Meaning, decode::joined};
use crate::{schemas::Known, screen::counted, when};

/// Bytes in a row of the dump.
const ROW: usize = 16;
/// Column of the first byte.
const LEFT: usize = 12;
/// Notes that are written for one value; a long text may have any number of special characters.
const NOTES: usize = 64;

/// What some bytes are.
#[derive(Debug, PartialEq, Eq)]
struct Note {
    at: Range<usize>,
    words: String,
}

fn note(at: Range<usize>, words: impl Into<String>) -> Note {
    Note { at, words: words.into() }
}

pub(super) fn explain(m: &Message, meaning: &Meaning) -> String {
    let mut out = String::new();
    let size = m.value.as_ref().map_or("no value (tombstone)".into(), |v| counted(v.len() as i64, "byte"));
    let key = m.key.as_ref().map_or("no key".into(), |k| format!("key of {}", counted(k.len() as i64, "byte")));
    let of = meaning.value.as_ref().map_or(String::new(), |known| format!("   {} {}", known.format(), known.place()));
    let _ = writeln!(out, "{}/{} @{}   {}   {key}   {size}{of}", m.topic, m.partition, m.offset, when::clock(m.timestamp));
    let named = m.key.is_some() || !m.headers.is_empty();
    if let Some(key) = &m.key {
        out.push_str("  key\n");
        dump(key, &part(key, meaning.key.as_deref(), meaning.key_indexes.as_ref()), &mut out);
    }
    for (name, value) in &m.headers {
        let value = value.as_deref().unwrap_or_default();
        let _ = writeln!(out, "  header {:?}", String::from_utf8_lossy(name));
        let named = match &**name {
            name if name == KEY_HEADER.as_bytes() => meaning.key.as_deref().zip(meaning.key_indexes.as_ref()),
            name if name == VALUE_HEADER.as_bytes() => meaning.value.as_deref().zip(meaning.value_indexes.as_ref()),
            _ => None,
        };
        dump(value, &named.map_or_else(|| notes(value, None), |(known, indexes)| naming(value, known, indexes)), &mut out);
    }
    if let Some(value) = &m.value {
        if named {
            out.push_str("  value\n");
        }
        dump(value, &part(value, meaning.value.as_deref(), meaning.value_indexes.as_ref()), &mut out);
    }
    out
}

/// A key or a value, whose schema stands in front of it or in a header.
fn part(bytes: &Bytes, known: Option<&Known>, indexes: Option<&Bytes>) -> Vec<Note> {
    match known.zip(indexes) {
        Some((known, indexes)) => short(bare(bytes, known, indexes), bytes),
        None => notes(bytes, known),
    }
}

/// A header that names a schema.
fn naming(bytes: &[u8], known: &Known, indexes: &Bytes) -> Vec<Note> {
    let mut notes = vec![
        note(0..1, "magic byte 1 = Confluent wire format, in a header"),
        note(1..17, format!("the schema's GUID → {}", known.place())),
    ];
    if !indexes.is_empty() {
        let said = known.dissect(indexes, 1).and_then(|(spans, _)| spans.into_iter().next());
        notes.push(note(17..bytes.len(), said.map_or("message indexes".into(), |span| span.words)));
    }
    notes
}

/// Data with nothing before them: what belongs there is in a header.
fn bare(bytes: &Bytes, known: &Known, indexes: &Bytes) -> Vec<Note> {
    let before = indexes.len();
    let mut notes = by_schema(&joined(indexes, bytes), 0, known).unwrap_or_else(|| guessed(bytes));
    if before > 0 {
        notes.retain(|note| note.at.end > before);
        notes.iter_mut().for_each(|note| note.at = note.at.start.saturating_sub(before)..note.at.end - before);
    }
    notes
}

fn dump(bytes: &[u8], notes: &[Note], out: &mut String) {
    for (n, row) in bytes.chunks(ROW).enumerate() {
        let hex: Vec<String> = row.iter().map(|b| format!("{b:02x}")).collect();
        let ascii: String = row.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect();
        let _ = writeln!(out, "  {:08x}  {:<47}  {ascii}", n * ROW, hex.join(" "));
    }
    if bytes.len() <= ROW { draw(notes, out) } else { list(notes, out) }
}

/// One row of bytes: brackets under them, and from each bracket a line down to its words.
fn draw(notes: &[Note], out: &mut String) {
    let column = |note: &Note| LEFT + 3 * note.at.start;
    let mut brackets = String::new();
    for note in notes {
        let width = 3 * note.at.len() - 1;
        let bracket = if note.at.len() == 1 { "|".into() } else { format!("|{}|", "-".repeat(width - 2)) };
        brackets.push_str(&" ".repeat(column(note) - brackets.chars().count()));
        brackets.push_str(&bracket);
    }
    if !notes.is_empty() {
        let _ = writeln!(out, "{brackets}");
    }
    for (n, note) in notes.iter().enumerate().rev() {
        let mut line = String::new();
        for earlier in &notes[..n] {
            line.push_str(&" ".repeat(column(earlier) - line.len()));
            line.push('|');
        }
        let _ = writeln!(out, "{line}{}{}", " ".repeat(column(note) - line.len()), note.words);
    }
}

/// Several rows: each note with its place.
fn list(notes: &[Note], out: &mut String) {
    for note in notes {
        let bytes = counted(note.at.len() as i64, "byte");
        let _ = writeln!(out, "    at {:08x}  {bytes:<10}  {}", note.at.start, note.words);
    }
}

fn notes(bytes: &[u8], known: Option<&Known>) -> Vec<Note> {
    let notes = match bytes {
        [0, id @ ..] if id.len() >= 4 => registry(bytes, known),
        _ => guessed(bytes),
    };
    short(notes, bytes)
}

/// Bytes about which nothing is known.
fn guessed(bytes: &[u8]) -> Vec<Note> {
    match bytes {
        [] => Vec::new(),
        [0x1f, 0x8b, ..] => vec![note(0..bytes.len(), "looks like gzip")],
        [0x28, 0xb5, 0x2f, 0xfd, ..] => vec![note(0..bytes.len(), "looks like zstd")],
        _ => text(bytes, 0).unwrap_or_else(|| binary(bytes, 0)),
    }
}

fn short(mut notes: Vec<Note>, bytes: &[u8]) -> Vec<Note> {
    if notes.len() > NOTES {
        notes.truncate(NOTES);
        let from = notes.last().map_or(0, |n| n.at.end);
        notes.push(note(from..bytes.len(), "and more of the same kinds"));
    }
    notes
}

/// Confluent's wire format: a zero, the schema's id, the encoded value.
fn registry(bytes: &[u8], known: Option<&Known>) -> Vec<Note> {
    let id = u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
    let said = match known.filter(|known| known.id == id) {
        Some(known) => format!("schema id {id} → {}", known.place()),
        None => format!("schema id {id} (big end first); its schema is not known here"),
    };
    let mut notes = vec![note(0..1, "magic byte 0 = Confluent wire format"), note(1..5, said)];
    let body = &bytes[5..];
    if let Some(more) = known.and_then(|known| by_schema(bytes, 5, known)) {
        notes.extend(more);
    } else if !body.is_empty() {
        notes.extend(avro_strings(body, 5).unwrap_or_else(|| text(body, 5).unwrap_or_else(|| binary(body, 5))));
    }
    notes
}

/// What the schema says about all bytes from there on; nothing of one whose data everybody can read.
fn by_schema(bytes: &[u8], from: usize, known: &Known) -> Option<Vec<Note>> {
    let (spans, flaw) = known.dissect(&bytes[from..], NOTES)?;
    let full = spans.len() >= NOTES;
    let mut notes: Vec<Note> = spans.into_iter().map(|span| note(span.at.start + from..span.at.end + from, span.words)).collect();
    let end = notes.last().map_or(from, |n| n.at.end);
    if end < bytes.len() {
        let flaw = flaw.filter(|_| !full);
        notes.push(note(end..bytes.len(), flaw.map_or("and more".into(), |flaw| format!("does not fit the schema: {flaw}"))));
    }
    Some(notes)
}

/// Avro strings one after the other, if that is what all these bytes can be read as.
fn avro_strings(mut bytes: &[u8], mut at: usize) -> Option<Vec<Note>> {
    let mut notes = Vec::new();
    while let Some((&first, rest)) = bytes.split_first() {
        // Zig-zag: an even number is not negative. One byte is enough for a guess; longer texts are left as they are.
        let length = usize::from(first / 2);
        if first & 0x81 != 0 || length == 0 || length > rest.len() {
            return None;
        }
        let text = std::str::from_utf8(&rest[..length]).ok().filter(|t| !t.chars().any(char::is_control))?;
        notes.push(note(at..at + 1, format!("length {length}  ({first:02x}, zig-zag, if this is an Avro string)")));
        notes.push(note(at + 1..at + 1 + length, format!("{text:?}")));
        (bytes, at) = (&rest[length..], at + 1 + length);
    }
    Some(notes)
}

/// Text, with each character that has more than one byte, or none to see.
fn text(bytes: &[u8], from: usize) -> Option<Vec<Note>> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return None;
    }
    let json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let kind = match text.trim_start().as_bytes().first() {
        Some(b'{') if json => "JSON object",
        Some(b'[') if json => "JSON array",
        _ if json => "text, and a JSON value",
        _ => "text",
    };
    let mut notes = Vec::new();
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let words = match c {
            '\u{feff}' if at == 0 => "byte order mark: not part of the text".into(),
            '\n' => "line feed".into(),
            '\r' => "carriage return".into(),
            '\t' => "tab".into(),
            _ if !c.is_ascii() => format!("{c} = U+{:04X} in UTF-8", u32::from(c)),
            _ => continue,
        };
        if plain < at {
            notes.push(note(from + plain..from + at, kind));
        }
        plain = at + c.len_utf8();
        notes.push(note(from + at..from + plain, words));
    }
    if plain < bytes.len() {
        let words = if plain == 0 { format!("{kind} in ASCII") } else { kind.into() };
        notes.push(note(from + plain..from + bytes.len(), words));
    }
    Some(notes)
}

fn binary(bytes: &[u8], from: usize) -> Vec<Note> {
    let all = from..from + bytes.len();
    let integer = match bytes.len() {
        1 | 2 | 4 | 8 => {
            let shift = 64 - 8 * bytes.len() as u32;
            let unsigned = bytes.iter().fold(0_u64, |n, b| (n << 8) | u64::from(*b));
            Some(((unsigned << shift) as i64) >> shift)
        }
        _ => None,
    };
    if let Some(integer) = integer {
        return vec![note(all, format!("binary; as an integer, big end first, {integer}"))];
    }
    let good = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
    let Some(&bad) = bytes.get(good) else { return vec![note(all, "binary: text with control characters")] };
    vec![note(all, format!("binary: byte {bad:02x} at {:08x} cannot stand there in UTF-8", from + good))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(bytes: &[u8]) -> String {
        let mut out = String::new();
        dump(bytes, &notes(bytes, None), &mut out);
        out
    }

    #[test]
    fn the_wire_format_is_drawn_byte_by_byte() {
        let bytes = b"\x00\x00\x00\x00\x01\x08john\x06doe";
        let expected = "  00000000  00 00 00 00 01 08 6a 6f 68 6e 06 64 6f 65        ......john.doe
            |  |---------| |  |---------| |  |------|
            |  |           |  |           |  \"doe\"
            |  |           |  |           length 3  (06, zig-zag, if this is an Avro string)
            |  |           |  \"john\"
            |  |           length 4  (08, zig-zag, if this is an Avro string)
            |  schema id 1 (big end first); its schema is not known here
            magic byte 0 = Confluent wire format
";
        assert_eq!(drawn(bytes), expected);
    }

    #[test]
    fn every_byte_is_covered_once_by_a_note() {
        for bytes in [
            &b"my first message"[..],
            "J\u{fc}rgen\nx".as_bytes(),
            b"{\"a\":1}",
            b"\xff\x00\x01",
            b"\x00\x00\x00\x00\x07",
            b"\x00\x00\x00\x00\x07\xff\xff",
            b"\x01\x02\x03\x04\x05\x06\x07\x08",
            &[b'\n'; 500],
        ] {
            let mut next = 0;
            for note in notes(bytes, None) {
                assert_eq!(note.at.start, next);
                assert!(!note.at.is_empty());
                next = note.at.end;
            }
            assert_eq!(next, bytes.len());
        }
        assert!(drawn(b"\x00\x00\x00\x2a").contains("integer, big end first, 42"));
    }
}
