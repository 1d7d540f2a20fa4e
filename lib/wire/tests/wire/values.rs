//! Random messages as bytes, made from the descriptors alone: nothing of the generated code is used, so that it can be held against them.

use milena_wire::{APIS, Field, Kind, Message, Standard, Struct, Versions};
use milena_wire::{ConsumerProtocolAssignment, ConsumerProtocolSubscription, RequestHeader, ResponseHeader};

/// A small generator of numbers (splitmix64): the same seed gives the same message for ever.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A number, often one at the edge of its type.
    fn number(&mut self) -> i64 {
        match self.below(8) {
            0 => 0,
            1 => -1,
            2 => i64::MAX,
            3 => i64::MIN,
            4 => 1,
            _ => self.next() as i64,
        }
    }
}

/// A message of which random ones can be made.
pub(crate) struct Subject {
    /// `request`, `response`, `header` or `blob`.
    pub(crate) part: &'static str,
    pub(crate) key: i16,
    pub(crate) fields: &'static Struct,
    pub(crate) versions: Versions,
    pub(crate) flexible: Option<i16>,
}

impl Subject {
    fn of<M: Message>(part: &'static str) -> Self {
        let versions = Versions(*M::VERSIONS.start(), *M::VERSIONS.end());
        Self { part, key: M::KEY, fields: M::FIELDS, versions, flexible: M::FLEXIBLE }
    }

    pub(crate) fn versions(&self) -> impl Iterator<Item = i16> + use<> {
        self.versions.0..=self.versions.1
    }
}

/// Every message there is.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut all = Vec::new();
    for api in APIS {
        for (part, fields) in [("request", api.request), ("response", api.response)] {
            all.push(Subject { part, key: api.key, fields, versions: api.versions, flexible: api.flexible });
        }
    }
    all.push(Subject::of::<RequestHeader>("header"));
    all.push(Subject::of::<ResponseHeader>("header"));
    all.push(Subject::of::<ConsumerProtocolSubscription>("blob"));
    all.push(Subject::of::<ConsumerProtocolAssignment>("blob"));
    all
}

/// How odd the values may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    /// Anything, with tagged fields here and there that no definition knows.
    Any,
    /// Any value of the fields that are defined.
    Known,
    /// Values that make sense to libraries which give them a meaning: small numbers, error codes that exist.
    Tame,
    /// Arrays of many elements, each as small as it can be: little on the wire, much in memory.
    Greedy,
}

/// Makes the bytes of random messages.
pub(crate) struct Maker<'d> {
    pub(crate) dice: &'d mut Dice,
    pub(crate) version: i16,
    pub(crate) flexible: bool,
    pub(crate) style: Style,
    pub(crate) out: Vec<u8>,
}

pub(crate) fn message(dice: &mut Dice, subject: &Subject, version: i16, style: Style) -> Vec<u8> {
    let flexible = subject.flexible.is_some_and(|first| version >= first);
    let mut maker = Maker { dice, version, flexible, style, out: Vec::new() };
    maker.structure(subject.fields);
    maker.out
}

impl Maker<'_> {
    fn structure(&mut self, of: &Struct) {
        let version = self.version;
        for field in of.fields.iter().filter(|f| f.tag.is_none() && f.versions.contains(version)) {
            self.field(field);
        }
        if self.flexible {
            self.tags(of);
        }
    }

    fn tags(&mut self, of: &Struct) {
        let mut tags = Vec::new();
        let version = self.version;
        for field in of.fields.iter().filter(|f| f.versions.contains(version)) {
            let Some(tag) = field.tag else { continue };
            if self.style != Style::Greedy && self.dice.one_in(2) {
                let value = self.apart(|maker| maker.field(field));
                // A tagged field at its default is not written at all.
                if value != self.apart(|maker| maker.standard(field)) {
                    tags.push((tag, value));
                }
            }
        }
        if self.style == Style::Any && self.dice.one_in(4) {
            for tag in [77, 300] {
                let value = (0..self.dice.below(5)).map(|i| i as u8).collect();
                tags.push((tag, value));
            }
        }
        tags.sort();
        self.varint(tags.len() as u32);
        for (tag, value) in tags {
            self.varint(tag);
            self.varint(value.len() as u32);
            self.out.extend(value);
        }
    }

    /// What a step writes, instead of writing it.
    fn apart(&mut self, step: impl FnOnce(&mut Self)) -> Vec<u8> {
        let before = std::mem::take(&mut self.out);
        step(self);
        std::mem::replace(&mut self.out, before)
    }

    fn field(&mut self, field: &Field) {
        let nullable = field.nullable.is_some_and(|range| range.contains(self.version));
        if nullable && self.style == Style::Greedy && !matches!(field.kind, Kind::Array(_)) {
            return self.null(field);
        }
        if nullable && self.dice.one_in(4) {
            return self.null(field);
        }
        if let (true, Kind::Struct(_)) = (nullable, field.kind) {
            self.out.push(1);
        }
        self.value(&field.kind, self.flexible && !field.rigid);
    }

    fn null(&mut self, field: &Field) {
        let flexible = self.flexible && !field.rigid;
        match field.kind {
            Kind::Struct(_) => self.out.push(0xff),
            _ if flexible => self.out.push(0),
            Kind::Text => self.out.extend([0xff; 2]),
            _ => self.out.extend([0xff; 4]),
        }
    }

    /// The default of a field.
    fn standard(&mut self, field: &Field) {
        let number = match field.standard {
            Standard::Null => return self.null(field),
            Standard::True => 1,
            Standard::Int(n) => n,
            Standard::Zero => 0,
        };
        if let (true, Kind::Struct(_)) = (field.nullable.is_some(), field.kind) {
            self.out.push(1);
        }
        match field.kind {
            Kind::Bool | Kind::Int8 => self.out.push(number as u8),
            Kind::Int16 | Kind::Uint16 => self.out.extend((number as i16).to_be_bytes()),
            Kind::Int32 | Kind::Uint32 => self.out.extend((number as i32).to_be_bytes()),
            Kind::Int64 => self.out.extend(number.to_be_bytes()),
            Kind::Float64 => self.out.extend((number as f64).to_be_bytes()),
            Kind::Uuid => self.out.extend([0; 16]),
            Kind::Text | Kind::Bytes | Kind::Records | Kind::Array(_) => self.out.push(1),
            Kind::Struct(inner) => {
                let version = self.version;
                for field in inner.fields.iter().filter(|f| f.tag.is_none() && f.versions.contains(version)) {
                    self.standard(field);
                }
                self.out.push(0);
            }
        }
    }

    fn value(&mut self, kind: &Kind, flexible: bool) {
        let number = if self.style == Style::Tame { self.dice.below(100) as i64 } else { self.dice.number() };
        match kind {
            Kind::Bool => self.out.push((number & 1) as u8),
            Kind::Int8 => self.out.push(number as u8),
            Kind::Int16 | Kind::Uint16 => self.out.extend((number as i16).to_be_bytes()),
            Kind::Int32 | Kind::Uint32 => self.out.extend((number as i32).to_be_bytes()),
            Kind::Int64 => self.out.extend(number.to_be_bytes()),
            Kind::Float64 => self.out.extend((number as f64 / 3.0).to_be_bytes()),
            Kind::Uuid => self.out.extend([number.to_be_bytes(), self.dice.next().to_be_bytes()].concat()),
            Kind::Text => self.text(flexible),
            Kind::Bytes | Kind::Records => {
                let length = if self.style == Style::Greedy { 0 } else { self.dice.below(20) as usize };
                self.length(flexible, false, length);
                self.out.extend((0..length).map(|i| (number as u8).wrapping_add(i as u8)));
            }
            Kind::Array(inner) => {
                let count = self.count();
                self.length(flexible, false, count);
                (0..count).for_each(|_| self.value(inner, flexible));
            }
            Kind::Struct(inner) => self.structure(inner),
        }
    }

    fn count(&mut self) -> usize {
        if self.style != Style::Greedy {
            return self.dice.below(4) as usize;
        }
        // Some wide, some deep, and an end to it.
        match self.out.len() {
            0..100_000 => [0, 1, 50, 5000][self.dice.below(4) as usize],
            _ => 0,
        }
    }

    fn text(&mut self, flexible: bool) {
        if self.style == Style::Greedy {
            return self.length(flexible, true, 0);
        }
        let text: &str = ["", "a", "orders", "Grüße", "鍵", "🗝 key", "a.b-c_d"][self.dice.below(7) as usize];
        // Long enough now and then for a length of two bytes.
        let text = if self.dice.one_in(12) { text.repeat(40) } else { text.to_owned() };
        self.length(flexible, true, text.len());
        self.out.extend(text.as_bytes());
    }

    fn length(&mut self, flexible: bool, short: bool, length: usize) {
        match (flexible, short) {
            (true, _) => self.varint(length as u32 + 1),
            (false, true) => self.out.extend((length as i16).to_be_bytes()),
            (false, false) => self.out.extend((length as i32).to_be_bytes()),
        }
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}
