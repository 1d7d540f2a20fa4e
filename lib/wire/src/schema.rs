//! The definitions as data, for tools that treat all messages alike: traces, `--hex`, fuzzing, the tables of the manual. The generated code does not use them.

use crate::generated::APIS;

/// First and last version, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions(pub i16, pub i16);

impl Versions {
    /// Whether a version is among them.
    pub const fn contains(self, version: i16) -> bool {
        self.0 <= version && version <= self.1
    }
}

/// One API key.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    /// The number that stands in the header.
    pub key: i16,
    /// The name in the protocol, such as `Produce`.
    pub name: &'static str,
    /// Every version that Kafka 4.3.1 knows, stable or not.
    pub versions: Versions,
    /// The first flexible version.
    pub flexible: Option<i16>,
    /// The latest version is not final yet and must not be advertised.
    pub unstable: bool,
    /// Fields of the request.
    pub request: &'static Struct,
    /// Fields of the response.
    pub response: &'static Struct,
}

impl Api {
    /// Whether a version has compact lengths and tagged fields.
    pub fn is_flexible(&self, version: i16) -> bool {
        self.flexible.is_some_and(|first| version >= first)
    }

    /// The version of the header in front of a request: 2 if flexible.
    pub fn request_header_version(&self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the header in front of a response: 1 if flexible, except that ApiVersions always has 0, since a client that asks for it does not know yet
    /// what the broker speaks (KIP-511).
    pub fn response_header_version(&self, version: i16) -> i16 {
        i16::from(self.key != 18 && self.is_flexible(version))
    }

    /// The latest version that may be advertised.
    pub fn latest_stable(&self) -> i16 {
        if self.unstable { self.versions.1 - 1 } else { self.versions.1 }
    }
}

/// The API of a key, if it is one that clients use.
pub fn api(key: i16) -> Option<&'static Api> {
    APIS.binary_search_by_key(&key, |api| api.key).ok().map(|at| &APIS[at])
}

/// The latest version of a key that may be advertised.
pub fn latest_stable(key: i16) -> Option<i16> {
    api(key).map(Api::latest_stable)
}

/// A message, or a struct inside one.
#[derive(Debug)]
pub struct Struct {
    /// Name of the Rust type.
    pub name: &'static str,
    /// In the order of the wire.
    pub fields: &'static [Field],
}

/// A field, in the order of the wire (tagged ones stand in the section at the end of their struct).
#[derive(Debug)]
pub struct Field {
    /// Name of the Rust field, and of the protocol.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Versions that have it.
    pub versions: Versions,
    /// Versions in which it may be null.
    pub nullable: Option<Versions>,
    /// Its tag, if it stands in the tagged section.
    pub tag: Option<u32>,
    /// A string with a plain length even in flexible versions.
    pub rigid: bool,
    /// May be dropped in silence where a version has no place for it.
    pub ignorable: bool,
    /// Its default.
    pub standard: Standard,
}

impl Field {
    pub(crate) const fn new(name: &'static str, kind: Kind, first: i16, last: i16) -> Self {
        let versions = Versions(first, last);
        Self { name, kind, versions, nullable: None, tag: None, rigid: false, ignorable: false, standard: Standard::Zero }
    }

    pub(crate) const fn nullable(mut self, first: i16, last: i16) -> Self {
        self.nullable = Some(Versions(first, last));
        self
    }

    pub(crate) const fn tag(mut self, tag: u32) -> Self {
        self.tag = Some(tag);
        self
    }

    pub(crate) const fn rigid(mut self) -> Self {
        self.rigid = true;
        self
    }

    pub(crate) const fn ignorable(mut self) -> Self {
        self.ignorable = true;
        self
    }

    pub(crate) const fn standard(mut self, standard: Standard) -> Self {
        self.standard = standard;
        self
    }
}

/// What a field holds, by the protocol's names.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug)]
pub enum Kind {
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
    Array(&'static Kind),
    Struct(&'static Struct),
}

/// The default of a field.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standard {
    /// 0, false, empty.
    Zero,
    Null,
    True,
    Int(i64),
}
