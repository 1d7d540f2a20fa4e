//! The format language of `-f`: kcat's, with rpk's letters where kcat has none.

use base64::{Engine, prelude::BASE64_STANDARD};
use milena_client::{Message, Progress};

use crate::{failure::Failure, when};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Format(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Bytes(Part, Coding),
    Length(Part),
    /// Four bytes, big end first, as kcat has it; -1 for null.
    BinaryLength,
    Topic,
    Partition,
    Offset,
    /// Milliseconds since 1970.
    Time,
    /// The time in a strftime pattern.
    TimeAs(String),
    /// `a=1,b=2`, as kcat.
    Headers,
    /// A format for each header, with `%k` and `%v` in it.
    EachHeader(Vec<Piece>),
    HeaderCount,
    LeaderEpoch,
    ProducerId,
    ProducerEpoch,
    Codec,
    HighWatermark,
    LogStart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Key,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Raw,
    Hex,
    Base64,
}

impl Format {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        parse(text).map(Self).map_err(|why| {
            Failure::usage(format!("-f {text:?} is no format"))
                .why(why)
                .fix("-f '%t/%p @%o %k=%s\\n'   (%s value %S its length %k key %K its length %T milliseconds %h headers)")
        })
    }

    pub(crate) fn write(&self, message: &Message, progress: &[Progress], out: &mut Vec<u8>) {
        let mine = || progress.iter().find(|p| p.partition == message.partition);
        for piece in &self.0 {
            match piece {
                Piece::HighWatermark => number(mine().map_or(-1, |p| p.high_watermark), out),
                Piece::LogStart => number(mine().map_or(-1, |p| p.log_start), out),
                other => other.write(message, out),
            }
        }
    }
}

fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut literal) = (Vec::new(), Vec::new());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => literal.extend(escape(&mut rest)?),
            '%' => match rest.next() {
                Some('%') => literal.push(b'%'),
                Some(letter) => {
                    let braces = braces(&mut rest)?;
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(piece(letter, braces.as_deref())?);
                }
                None => return Err("it ends in a single %; %% is a percent sign".into()),
            },
            other => literal.extend(other.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// What follows a backslash.
fn escape(rest: &mut std::str::Chars<'_>) -> Result<Vec<u8>, String> {
    Ok(match rest.next() {
        Some('n') => vec![b'\n'],
        Some('t') => vec![b'\t'],
        Some('r') => vec![b'\r'],
        Some('0') => vec![0],
        Some('\\') => vec![b'\\'],
        Some('x') => {
            let digits: String = rest.by_ref().take(2).collect();
            vec![u8::from_str_radix(&digits, 16).map_err(|_| format!("\\x{digits} is no byte"))?]
        }
        Some(other) => format!("\\{other}").into_bytes(),
        None => vec![b'\\'],
    })
}

/// The braces behind a letter, if there are any: they nest.
fn braces(rest: &mut std::str::Chars<'_>) -> Result<Option<String>, String> {
    let Some(inner) = rest.as_str().strip_prefix('{') else { return Ok(None) };
    let mut depth = 1;
    for (at, c) in inner.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 {
            *rest = inner[at + 1..].chars();
            return Ok(Some(inner[..at].to_string()));
        }
    }
    Err("a { is not closed".into())
}

fn piece(letter: char, braces: Option<&str>) -> Result<Piece, String> {
    let part = |part| match braces {
        None => Ok(Piece::Bytes(part, Coding::Raw)),
        Some("hex") => Ok(Piece::Bytes(part, Coding::Hex)),
        Some("base64") => Ok(Piece::Bytes(part, Coding::Base64)),
        Some(other) => Err(format!("%{letter}{{{other}}} is not known; {{hex}} and {{base64}} are")),
    };
    let found = match letter {
        's' | 'v' => return part(Part::Value),
        'k' => return part(Part::Key),
        'd' => return Ok(braces.map_or(Piece::Time, |pattern| Piece::TimeAs(pattern.into()))),
        'h' => return braces.map_or(Ok(Piece::Headers), |each| Ok(Piece::EachHeader(parse(each)?))),
        'S' | 'V' => Piece::Length(Part::Value),
        'K' => Piece::Length(Part::Key),
        'R' => Piece::BinaryLength,
        't' => Piece::Topic,
        'p' => Piece::Partition,
        'o' => Piece::Offset,
        'T' => Piece::Time,
        'H' => Piece::HeaderCount,
        'e' => Piece::LeaderEpoch,
        'y' => Piece::ProducerId,
        'x' => Piece::ProducerEpoch,
        'z' => Piece::Codec,
        ']' => Piece::HighWatermark,
        '[' => Piece::LogStart,
        other => return Err(format!("%{other} is not known")),
    };
    match braces {
        None => Ok(found),
        Some(_) => Err(format!("%{letter} takes no braces")),
    }
}

impl Piece {
    fn write(&self, m: &Message, out: &mut Vec<u8>) {
        match self {
            Self::Literal(bytes) => out.extend_from_slice(bytes),
            Self::Bytes(part, coding) => coding.write(part.of(m).unwrap_or_default(), out),
            Self::Length(part) => number(part.of(m).map_or(-1, |b| b.len() as i64), out),
            Self::BinaryLength => {
                let length = Part::Value.of(m).map_or(-1, |b| i32::try_from(b.len()).unwrap_or(i32::MAX));
                out.extend_from_slice(&length.to_be_bytes());
            }
            Self::Topic => out.extend_from_slice(m.topic.as_bytes()),
            Self::Partition => number(m.partition.into(), out),
            Self::Offset => number(m.offset, out),
            Self::Time => number(m.timestamp, out),
            Self::TimeAs(pattern) => out.extend_from_slice(time(m.timestamp, pattern).as_bytes()),
            Self::Headers => headers(m, out),
            Self::EachHeader(pieces) => each_header(m, pieces, out),
            Self::HeaderCount => number(m.headers.len() as i64, out),
            Self::LeaderEpoch => number(m.batch.leader_epoch.into(), out),
            Self::ProducerId => number(m.batch.producer_id, out),
            Self::ProducerEpoch => number(m.batch.producer_epoch.into(), out),
            Self::Codec => out.extend_from_slice(m.batch.codec.name().as_bytes()),
            // They need more than the message; `Format::write` knows them.
            Self::HighWatermark | Self::LogStart => {}
        }
    }
}

impl Part {
    fn of(self, m: &Message) -> Option<&[u8]> {
        match self {
            Self::Key => m.key.as_deref(),
            Self::Value => m.value.as_deref(),
        }
    }
}

impl Coding {
    fn write(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Raw => out.extend_from_slice(bytes),
            Self::Hex => bytes.iter().for_each(|b| out.extend_from_slice(format!("{b:02x}").as_bytes())),
            Self::Base64 => out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes()),
        }
    }
}

fn number(n: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(n.to_string().as_bytes());
}

fn time(millis: i64, pattern: &str) -> String {
    let rpk = pattern.strip_prefix("strftime[").and_then(|p| p.strip_suffix(']')).unwrap_or(pattern);
    let Ok(time) = jiff::Timestamp::from_millisecond(millis) else { return millis.to_string() };
    // A pattern that jiff does not know gives the plain form instead of nothing.
    jiff::fmt::strtime::format(rpk, &time.to_zoned(jiff::tz::TimeZone::system()))
        .unwrap_or_else(|_| when::rfc3339(millis, true).unwrap_or_default())
}

fn headers(m: &Message, out: &mut Vec<u8>) {
    for (n, (key, value)) in m.headers.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key);
        out.push(b'=');
        out.extend_from_slice(value.as_deref().unwrap_or(b"NULL"));
    }
}

fn each_header(m: &Message, pieces: &[Piece], out: &mut Vec<u8>) {
    for (key, value) in &m.headers {
        let header = Message { key: Some(key.clone()), value: value.clone(), ..m.clone() };
        pieces.iter().for_each(|piece| piece.write(&header, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::read::show::tests::message;

    fn shown(format: &str) -> String {
        let mut out = Vec::new();
        Format::parse(format).unwrap().write(&message("k", "vvv"), &[], &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn kcats_letters_and_rpks() {
        assert_eq!(shown("%t %p %o %T %k/%K %s/%S %h %%\\n"), "t 3 7 1000 k/1 vvv/3 h=v %\n");
        assert_eq!(shown("%v %V %H %h{<%k:%v>} %s{hex} %k{base64}"), "vvv 3 1 <h:v> 767676 aw==");
        assert_eq!(shown("\\x41\\t\\q %R").as_bytes(), b"A\t\\q \0\0\0\x03");
        assert_eq!(shown("%e %y %z"), "0 -1 none");
        for bad in ["%", "%Q", "%h{", "%o{hex}", "\\xzz", "%s{rot13}"] {
            assert!(Format::parse(bad).is_err(), "{bad}");
        }
    }
}
