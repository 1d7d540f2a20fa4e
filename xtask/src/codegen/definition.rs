//! The text format of message definitions, parsed and checked.
//!
//! ```text
//! # One sentence saying what it is for.
//! api 0 Produce                     or: header NAME, blob NAME
//! versions 3-13
//! flexible 9+
//! unstable 13                       the latest version is not final
//! request                           or: response; fields, for headers and blobs
//!   name TYPE[?[VERSIONS]] [VERSIONS] [tag N] [= DEFAULT] [rigid] [ignorable]
//!     fields of a struct, deeper by two spaces, where its name stands for the first time
//! ```
//! TYPE is bool, int8, int16, uint16, int32, uint32, int64, float64, uuid, string, bytes, records, Name of a struct, or `[]` in front of one of these.
//! `?` says that it may be null, in all versions or in those behind it. VERSIONS is `3`, `3-5` or `3+`; none means all versions of the message (of the struct).
//! DEFAULT is a number, `true` or `null`; without it the default is zero, false or empty. `rigid` is a string with a plain length even in flexible versions.
//! `ignorable` may be dropped in silence where a version has no place for it.

use anyhow::{Context, Result, bail, ensure};

/// First and last version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range(pub(super) i16, pub(super) i16);

#[derive(Debug, PartialEq)]
pub(super) enum Head {
    Api(i16),
    Header,
    Blob,
}

#[derive(Debug)]
pub(super) struct Definition {
    pub(super) doc: String,
    pub(super) head: Head,
    pub(super) name: String,
    pub(super) versions: Range,
    pub(super) flexible: Option<i16>,
    pub(super) unstable: bool,
    /// Every struct of every message in the file, parents before children; the messages themselves are marked.
    pub(super) structs: Vec<Struct>,
}

#[derive(Debug)]
pub(super) struct Struct {
    pub(super) name: String,
    pub(super) message: bool,
    pub(super) fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Uuid,
    Text,
    Bytes,
    Records,
    Array(Box<Type>),
    Struct(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Default {
    Zero,
    Null,
    True,
    Int(i64),
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) doc: String,
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) versions: Range,
    pub(super) nullable: Option<Range>,
    pub(super) tag: Option<u32>,
    pub(super) default: Default,
    pub(super) rigid: bool,
    pub(super) ignorable: bool,
}

impl Definition {
    /// Name of the module and the file.
    pub(super) fn module(&self) -> String {
        super::snake(&self.name)
    }

    pub(super) fn find(&self, name: &str) -> Option<&Struct> {
        self.structs.iter().find(|s| s.name == name)
    }

    /// The fewest bytes a value of this struct takes in any version.
    pub(super) fn least(&self, of: &Struct) -> usize {
        (self.versions.0..=self.versions.1).map(|v| self.least_in(of, v)).filter(|n| *n > 0).min().unwrap_or(1)
    }

    fn least_in(&self, of: &Struct, v: i16) -> usize {
        let flexible = self.flexible.is_some_and(|first| v >= first);
        let plain = of.fields.iter().filter(|f| f.tag.is_none() && f.versions.contains(v));
        let sum: usize = plain.map(|f| self.least_field(&f.kind, f.nullable.is_some(), flexible && !f.rigid, v)).sum();
        sum + usize::from(flexible)
    }

    /// The fewest bytes of one element of an array, in any version.
    pub(super) fn least_element(&self, kind: &Type) -> usize {
        match kind {
            Type::Struct(name) => self.find(name).map_or(1, |s| self.least(s)),
            other => self.least_field(other, false, self.flexible.is_some(), 0),
        }
    }

    fn least_field(&self, kind: &Type, nullable: bool, flexible: bool, v: i16) -> usize {
        match kind {
            Type::Bool | Type::Int8 => 1,
            Type::Int16 | Type::Uint16 => 2,
            Type::Int32 | Type::Uint32 => 4,
            Type::Int64 | Type::Float64 => 8,
            Type::Uuid => 16,
            Type::Text | Type::Bytes | Type::Records | Type::Array(_) if flexible => 1,
            Type::Text => 2,
            Type::Bytes | Type::Records | Type::Array(_) => 4,
            Type::Struct(_) if nullable => 1,
            Type::Struct(name) => self.find(name).map_or(0, |s| self.least_in(s, v)),
        }
    }
}

impl Range {
    pub(super) fn contains(self, v: i16) -> bool {
        self.0 <= v && v <= self.1
    }
}

/// A line without its indentation, and how deep it stands.
struct Line<'a> {
    depth: usize,
    text: &'a str,
    doc: String,
}

pub(super) fn parse(text: &str) -> Result<Definition> {
    let lines = lines(text)?;
    let mut lines = lines.iter().peekable();
    let first = lines.next().context("an empty definition")?;
    let (head, name) = match first.text.split(' ').collect::<Vec<_>>()[..] {
        ["api", key, name] => (Head::Api(key.parse()?), name),
        ["header", name] => (Head::Header, name),
        ["blob", name] => (Head::Blob, name),
        _ => bail!("unknown head: {}", first.text),
    };
    let mut d = Definition {
        doc: first.doc.clone(),
        head,
        name: name.to_owned(),
        versions: Range(0, 0),
        flexible: None,
        unstable: false,
        structs: Vec::new(),
    };
    while let Some(line) = lines.next() {
        match line.text.split_once(' ') {
            Some(("versions", range)) => d.versions = range_of(range, i16::MAX)?,
            Some(("flexible", from)) => d.flexible = Some(range_of(from, i16::MAX)?.0),
            Some(("unstable", _)) => d.unstable = true,
            None => {
                let name = match (line.text, &d.head) {
                    ("request", Head::Api(_)) => format!("{}Request", d.name),
                    ("response", Head::Api(_)) => format!("{}Response", d.name),
                    ("fields", _) => d.name.clone(),
                    _ => bail!("unknown section: {}", line.text),
                };
                let mut body = Vec::new();
                while let Some(next) = lines.next_if(|next| next.depth > 0) {
                    body.push(next);
                }
                structure(&mut d, name, true, &body, 1)?;
            }
            _ => bail!("unknown line: {}", line.text),
        }
    }
    check(&d)?;
    Ok(d)
}

fn lines(text: &str) -> Result<Vec<Line<'_>>> {
    let mut out = Vec::new();
    let mut doc = String::new();
    for raw in text.lines().filter(|line| !line.trim().is_empty()) {
        let text = raw.trim_start();
        if let Some(words) = text.strip_prefix('#') {
            doc += if doc.is_empty() { "" } else { " " };
            doc += words.trim();
            continue;
        }
        let indent = raw.len() - text.len();
        ensure!(indent % 2 == 0, "odd indentation: {raw}");
        out.push(Line { depth: indent / 2, text: text.trim_end(), doc: std::mem::take(&mut doc) });
    }
    Ok(out)
}

fn structure(d: &mut Definition, name: String, message: bool, body: &[&Line<'_>], depth: usize) -> Result<()> {
    let at = d.structs.len();
    d.structs.push(Struct { name, message, fields: Vec::new() });
    let mut rest = body;
    while let Some((line, after)) = rest.split_first() {
        ensure!(line.depth == depth, "wrong depth: {}", line.text);
        let field = field(line, d.versions).with_context(|| line.text.to_owned())?;
        let children = after.iter().take_while(|l| l.depth > depth).count();
        if children > 0 {
            let Some(inner) = struct_name(&field.kind) else { bail!("{} has fields but is no struct", line.text) };
            structure(d, inner.to_owned(), false, &after[..children], depth + 1)?;
        }
        d.structs[at].fields.push(field);
        rest = &after[children..];
    }
    Ok(())
}

pub(super) fn struct_name(kind: &Type) -> Option<&str> {
    match kind {
        Type::Struct(name) => Some(name),
        Type::Array(inner) => struct_name(inner),
        _ => None,
    }
}

fn field(line: &Line<'_>, all: Range) -> Result<Field> {
    let mut words = line.text.split(' ');
    let name = words.next().context("a name")?.to_owned();
    let kind = words.next().context("a type")?;
    let (kind, nullable) = match kind.split_once('?') {
        Some((kind, "")) => (kind, Some(all)),
        Some((kind, range)) => (kind, Some(range_of(range, all.1)?)),
        None => (kind, None),
    };
    let mut f = Field {
        doc: line.doc.clone(),
        name,
        kind: type_of(kind)?,
        versions: all,
        nullable,
        tag: None,
        default: Default::Zero,
        rigid: false,
        ignorable: false,
    };
    while let Some(word) = words.next() {
        match word {
            "tag" => f.tag = Some(words.next().context("a tag")?.parse()?),
            "=" => f.default = default_of(words.next().context("a default")?)?,
            "rigid" => f.rigid = true,
            "ignorable" => f.ignorable = true,
            range => f.versions = range_of(range, all.1)?,
        }
    }
    Ok(f)
}

fn default_of(word: &str) -> Result<Default> {
    Ok(match word {
        "null" => Default::Null,
        "true" => Default::True,
        number => Default::Int(number.parse()?),
    })
}

fn type_of(word: &str) -> Result<Type> {
    if let Some(inner) = word.strip_prefix("[]") {
        return Ok(Type::Array(Box::new(type_of(inner)?)));
    }
    Ok(match word {
        "bool" => Type::Bool,
        "int8" => Type::Int8,
        "int16" => Type::Int16,
        "uint16" => Type::Uint16,
        "int32" => Type::Int32,
        "uint32" => Type::Uint32,
        "int64" => Type::Int64,
        "float64" => Type::Float64,
        "uuid" => Type::Uuid,
        "string" => Type::Text,
        "bytes" => Type::Bytes,
        "records" => Type::Records,
        name if name.starts_with(|c: char| c.is_ascii_uppercase()) => Type::Struct(name.to_owned()),
        _ => bail!("unknown type {word}"),
    })
}

fn range_of(word: &str, last: i16) -> Result<Range> {
    let range = match (word.strip_suffix('+'), word.split_once('-')) {
        (Some(first), _) => Range(first.parse()?, last),
        (None, Some((first, last))) => Range(first.parse()?, last.parse()?),
        (None, None) => Range(word.parse()?, word.parse()?),
    };
    ensure!(range.0 <= range.1, "no versions: {word}");
    Ok(range)
}

fn check(d: &Definition) -> Result<()> {
    for (i, s) in d.structs.iter().enumerate() {
        ensure!(d.structs[..i].iter().all(|other| other.name != s.name), "two structs {}", s.name);
        for f in &s.fields {
            if let Some(name) = struct_name(&f.kind) {
                // Also what keeps the depth of decoding bounded: a struct cannot hold itself.
                let at = d.structs.iter().position(|other| other.name == name).with_context(|| format!("no struct {name}"))?;
                ensure!(at != i && !holds(d, &d.structs[at], &s.name, 0), "{name} holds itself");
            }
            ensure!(f.default != Default::Null || f.nullable.is_some(), "{} cannot be null by default", f.name);
            ensure!(
                f.tag.is_none() || d.flexible.is_some_and(|first| f.versions.0 >= first),
                "tag {} before flexible versions",
                f.name
            );
        }
        let mut tags: Vec<u32> = s.fields.iter().filter_map(|f| f.tag).collect();
        tags.sort_unstable();
        ensure!(tags.windows(2).all(|pair| pair[0] != pair[1]), "a tag of {} is given twice", s.name);
    }
    Ok(())
}

/// Whether a struct holds another, or a circle of structs, at any depth.
fn holds(d: &Definition, s: &Struct, name: &str, depth: usize) -> bool {
    let inner = s.fields.iter().filter_map(|f| struct_name(&f.kind));
    depth > d.structs.len()
        || inner.into_iter().any(|n| n == name || d.find(n).is_some_and(|inner| holds(d, inner, name, depth + 1)))
}
