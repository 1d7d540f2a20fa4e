//! The format language of `-f`: kcat's, with rpk's letters where kcat has none.

mod number;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use milena_client::{Message, Progress, record::TimestampType};

use crate::{failure::Failure, when};
use number::Form;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Format(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Bytes(Part, Coding),
    Number(Num, Form),
    /// Four bytes, big end first, as kcat has it; -1 for null.
    BinaryLength,
    /// The time in a strftime pattern.
    TimeAs(String),
    /// `a=1,b=2`, as kcat.
    Headers,
    /// A format for each header, with `%k` and `%v` in it.
    EachHeader(Vec<Piece>),
    Codec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Key,
    Value,
    Topic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Raw,
    Hex,
    Base64,
    /// Without `=` at its end.
    Base64Raw,
}

impl Format {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        parse(text).map(Self).map_err(|why| {
            Failure::usage(format!("-f {text:?} is no format"))
                .why(why)
                .fix("-f '%t/%p @%o %k=%s\\n'   (%s value %S its length %k key %K its length %T milliseconds %h headers)")
        })
    }

    /// `count` is how many messages have been written so, this one among them.
    pub(crate) fn write(&self, message: &Message, (progress, count): (&[Progress], u64), out: &mut Vec<u8>) {
        let progress = progress.iter().find(|p| p.partition == message.partition);
        let around = Around { progress, count };
        self.0.iter().for_each(|piece| piece.write(message, around, out));
    }
}

fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut literal) = (Vec::new(), Vec::new());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => literal.extend(escape(&mut rest)?),
            '%' => match rest.next() {
                Some(mark @ ('%' | '{' | '}')) => literal.push(mark as u8),
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
    let mut behind = ' ';
    for (at, c) in inner.char_indices() {
        // %{ and %} are written, and open and close nothing.
        let is_marked = behind == '%';
        behind = if is_marked { ' ' } else { c };
        if is_marked {
            continue;
        }
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 {
            *rest = inner[at + 1..].chars();
            return Ok(Some(inner[..at].to_string()));
        }
    }
    Err("a { is not closed".into())
}

fn piece(letter: char, braces: Option<&str>) -> Result<Piece, String> {
    let part = match letter {
        's' | 'v' => Some(Part::Value),
        'k' => Some(Part::Key),
        't' => Some(Part::Topic),
        _ => None,
    };
    if let Some(part) = part {
        return Ok(Piece::Bytes(part, Coding::read(letter, braces)?));
    }
    let num = match (letter, braces) {
        ('d', Some(pattern)) => return time_as(pattern),
        ('a', _) => return attribute(braces),
        ('h', _) => return braces.map_or(Ok(Piece::Headers), |each| Ok(Piece::EachHeader(parse(each)?))),
        ('R' | 'z', Some(_)) => return Err(format!("%{letter} takes no braces")),
        ('R', None) => return Ok(Piece::BinaryLength),
        ('z', None) => return Ok(Piece::Codec),
        // The one letter that both have: alone it is kcat's, with braces, which kcat does not have, rpk's.
        ('T', Some(_)) => Num::Length(Part::Topic),
        ('T' | 'd', None) => Num::Time,
        ('S' | 'V', _) => Num::Length(Part::Value),
        ('K', _) => Num::Length(Part::Key),
        ('p', _) => Num::Partition,
        ('o', _) => Num::Offset,
        ('H', _) => Num::HeaderCount,
        ('e', _) => Num::LeaderEpoch,
        ('x', _) => Num::ProducerId,
        ('y', _) => Num::ProducerEpoch,
        ('i', _) => Num::Count,
        ('[', _) => Num::LogStart,
        ('|', _) => Num::LastStable,
        (']', _) => Num::HighWatermark,
        (other, _) => return Err(format!("%{other} is not known")),
    };
    let form = braces.map_or(Ok(Form::Plain), |name| {
        Form::read(name).ok_or_else(|| format!("%{letter}{{{name}}} is not known; a number takes {}", number::NAMES))
    })?;
    Ok(Piece::Number(num, form))
}

/// `%d` with braces: a form for the number, strftime as rpk writes it, or the pattern alone.
fn time_as(pattern: &str) -> Result<Piece, String> {
    if let Some(form) = Form::read(pattern) {
        return Ok(Piece::Number(Num::Time, form));
    }
    if pattern.starts_with("go") && unwrapped(&pattern[2..]).is_some() {
        return Err(format!("%d{{{pattern}}} is Go's way to write a time, which is not known; %d{{%Y-%m-%d %H:%M:%S}} is"));
    }
    let wrapped = pattern.strip_prefix("strftime").and_then(unwrapped);
    Ok(Piece::TimeAs(wrapped.unwrap_or(pattern).into()))
}

/// What stands in any number of brackets, braces or `#`.
fn unwrapped(text: &str) -> Option<&str> {
    let open = text.chars().next()?;
    let close = match open {
        '[' => ']',
        '{' => '}',
        '#' => '#',
        _ => return None,
    };
    let inner = text.trim_start_matches(open);
    let end: String = std::iter::repeat_n(close, text.len() - inner.len()).collect();
    inner.strip_suffix(end.as_str())
}

/// `%a{compression}` and its like, each with `;number` behind it.
fn attribute(braces: Option<&str>) -> Result<Piece, String> {
    const NAMES: &str = "compression, timestamp-type, transactional-bit and control-bit";
    let text = braces.ok_or_else(|| format!("%a takes one of {NAMES} in braces"))?;
    let (name, form) = text.split_once(';').map_or((text, None), |(name, form)| (name, Some(form)));
    let num = match (name, form) {
        ("compression", None) => return Ok(Piece::Codec),
        ("compression", _) => Num::Codec,
        ("timestamp-type", _) => Num::TimestampType,
        ("transactional-bit", _) => Num::Transactional,
        // Markers of transactions are not shown.
        ("control-bit", _) => Num::Control,
        _ => return Err(format!("%a{{{text}}} is not known; {NAMES} are")),
    };
    let form = form.map_or(Ok(Form::Plain), |name| {
        Form::read(name).ok_or_else(|| format!("%a{{{text}}} is not known; a number takes {}", number::NAMES))
    })?;
    Ok(Piece::Number(num, form))
}

/// What a message alone does not tell.
#[derive(Clone, Copy)]
struct Around<'a> {
    progress: Option<&'a Progress>,
    count: u64,
}

impl Piece {
    fn write(&self, m: &Message, around: Around<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Literal(bytes) => out.extend_from_slice(bytes),
            Self::Bytes(part, coding) => coding.write(part.of(m).unwrap_or_default(), out),
            Self::Number(num, form) => form.write(num.of(m, around), out),
            Self::BinaryLength => {
                let length = Part::Value.of(m).map_or(-1, |b| i32::try_from(b.len()).unwrap_or(i32::MAX));
                out.extend_from_slice(&length.to_be_bytes());
            }
            Self::TimeAs(pattern) => out.extend_from_slice(time(m.timestamp, pattern).as_bytes()),
            Self::Headers => headers(m, out),
            Self::EachHeader(pieces) => each_header(m, pieces, around, out),
            Self::Codec => out.extend_from_slice(m.batch.codec.name().as_bytes()),
        }
    }
}

/// What is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Num {
    /// -1 for null.
    Length(Part),
    Partition,
    Offset,
    /// Milliseconds since 1970.
    Time,
    HeaderCount,
    LeaderEpoch,
    ProducerId,
    ProducerEpoch,
    Count,
    LogStart,
    LastStable,
    HighWatermark,
    Codec,
    TimestampType,
    Transactional,
    Control,
}

impl Num {
    fn of(self, m: &Message, Around { progress, count }: Around<'_>) -> i64 {
        match self {
            Self::Length(part) => part.of(m).map_or(-1, |bytes| bytes.len() as i64),
            Self::Partition => m.partition.into(),
            Self::Offset => m.offset,
            Self::Time => m.timestamp,
            Self::HeaderCount => m.headers.len() as i64,
            Self::LeaderEpoch => m.batch.leader_epoch.into(),
            Self::ProducerId => m.batch.producer_id,
            Self::ProducerEpoch => m.batch.producer_epoch.into(),
            Self::Count => count as i64,
            Self::LogStart => progress.map_or(-1, |p| p.log_start),
            Self::LastStable => progress.map_or(-1, |p| p.last_stable),
            Self::HighWatermark => progress.map_or(-1, |p| p.high_watermark),
            Self::Codec => m.batch.codec as i64,
            Self::TimestampType if m.batch.magic < 1 => -1,
            Self::TimestampType => i64::from(m.batch.timestamp_type == TimestampType::LogAppend),
            Self::Transactional => m.batch.transactional.into(),
            Self::Control => 0,
        }
    }
}

impl Part {
    fn of(self, m: &Message) -> Option<&[u8]> {
        match self {
            Self::Key => m.key.as_deref(),
            Self::Value => m.value.as_deref(),
            Self::Topic => Some(m.topic.as_bytes()),
        }
    }
}

impl Coding {
    fn read(letter: char, braces: Option<&str>) -> Result<Self, String> {
        match braces {
            None => Ok(Self::Raw),
            Some("hex") => Ok(Self::Hex),
            Some("base64") => Ok(Self::Base64),
            Some("base64raw") => Ok(Self::Base64Raw),
            Some(other) => Err(format!("%{letter}{{{other}}} is not known; {{hex}}, {{base64}} and {{base64raw}} are")),
        }
    }

    fn write(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Raw => out.extend_from_slice(bytes),
            Self::Hex => bytes.iter().for_each(|b| out.extend_from_slice(format!("{b:02x}").as_bytes())),
            Self::Base64Raw => out.extend_from_slice(BASE64_STANDARD_NO_PAD.encode(bytes).as_bytes()),
            Self::Base64 => out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes()),
        }
    }
}

fn time(millis: i64, pattern: &str) -> String {
    let Ok(time) = jiff::Timestamp::from_millisecond(millis) else { return millis.to_string() };
    // A pattern that jiff does not know gives the plain form instead of nothing.
    jiff::fmt::strtime::format(pattern, &time.to_zoned(jiff::tz::TimeZone::system()))
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

fn each_header(m: &Message, pieces: &[Piece], around: Around<'_>, out: &mut Vec<u8>) {
    for (key, value) in &m.headers {
        let header = Message { key: Some(key.clone()), value: value.clone(), ..m.clone() };
        pieces.iter().for_each(|piece| piece.write(&header, around, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::read::show::tests::message;

    fn written(format: &str, message: &Message) -> Vec<u8> {
        let mut out = Vec::new();
        Format::parse(format).unwrap().write(message, (&[], 3), &mut out);
        out
    }

    fn shown(format: &str) -> String {
        String::from_utf8_lossy(&written(format, &message("k", "vvv"))).into_owned()
    }

    #[test]
    fn kcats_letters_and_rpks() {
        assert_eq!(shown("%t %p %o %T %k/%K %s/%S %h %%\\n"), "t 3 7 1000 k/1 vvv/3 h=v %\n");
        assert_eq!(shown("%v %V %H %h{<%k:%v>} %s{hex} %k{base64}"), "vvv 3 1 <h:v> 767676 aw==");
        assert_eq!(shown("\\x41\\t\\q %R").as_bytes(), b"A\t\\q \0\0\0\x03");
        assert_eq!(shown("%e %y %z"), "0 -1 none");
        for bad in [
            "%",
            "%Q",
            "%h{",
            "%o{hex}",
            "\\xzz",
            "%s{rot13}",
            "%a",
            "%a{colour}",
            "%a{compression;hex}",
            "%d{go[2006]}",
            "%R{hex8}",
        ] {
            assert!(Format::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_producer_has_an_id_and_an_epoch_as_in_rpk() {
        let mut from = message("k", "v");
        std::sync::Arc::make_mut(&mut from.batch).producer_id = 4711;
        std::sync::Arc::make_mut(&mut from.batch).producer_epoch = 3;
        assert_eq!(written("%x/%y", &from), b"4711/3");
    }

    #[test]
    fn rpks_braces() {
        assert_eq!(shown("%i %{%k%} %h{%{%k%}}"), "3 {k} {h}");
        assert_eq!(
            shown("%a{compression} %a{compression;number} %a{timestamp-type} %a{transactional-bit;bool} %a{control-bit}"),
            "none 0 0 false 0"
        );
        assert_eq!(shown("%[ %| %]"), "-1 -1 -1");
        assert_eq!(shown("%t{hex} %v{base64raw} %k{base64raw}"), "74 dnZ2 aw");
        assert_eq!(written("%T{big8}%V{big32}%o{little16}%K{byte}", &message("k", "vvv")), b"\x01\0\0\0\x03\x07\0\x01");
        assert_eq!(shown("%o{hex64} %o{hex8} %o{hex4} %p{bool} %p{ascii} %T{ascii} %T"), "0000000000000007 07 7 true 3 1 1000");
        assert_eq!(shown("%d %d{hex16} %d{%Y} %d{strftime[%Y]} %d{strftime## [%Y] ##}"), "1000 03e8 1970 1970  [1970] ");
        let mut gone = message("k", "v");
        gone.value = None;
        assert_eq!(written("%S %V{ascii}", &gone), b"-1 -1");
    }
}
