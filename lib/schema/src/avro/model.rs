//! A schema in memory: nodes in one arena, names resolved to the nodes that define them.
//!
//! A reference by name is the defining node itself, so schemas may be circular. Every other occurrence of a type is a node
//! of its own, since it may carry attributes of its own.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, LazyLock},
};

use serde_json::{Map, Value};

use super::{Logical, Name};
use crate::Flaw;

/// A place in the arena of one [`Schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// An Avro schema that was read and found sound.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) text: Arc<str>,
    pub(crate) nodes: Arc<[Node]>,
    pub(crate) root: NodeId,
    pub(crate) names: Arc<HashMap<Box<str>, NodeId>>,
    /// Nodes below this place come from texts that this one refers to.
    pub(crate) own: u32,
}

/// One type where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    pub kind: Kind,
    /// The logical type, if its attributes make one that is valid here.
    pub logical: Option<Logical>,
    /// Every attribute that Avro does not reserve, `logicalType` among them, in the order of the text.
    pub properties: Properties,
}

/// Attributes that Avro does not reserve. Few of a schema's many parts have any, so that none costs next to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties(Option<Box<Map<String, Value>>>);

static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl Deref for Properties {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl FromIterator<(String, Value)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        let members: Map<String, Value> = members.into_iter().collect();
        Self((!members.is_empty()).then(|| Box::new(members)))
    }
}

/// What a node describes. Definitions are boxed, since there are a hundred other nodes for each.
#[derive(Debug, Clone)]
pub enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
    Record(Box<Record>),
    Enum(Box<Enumeration>),
    Fixed(Box<Fixed>),
}

#[derive(Debug, Clone)]
pub struct Record {
    pub name: Name,
    pub aliases: Vec<Name>,
    pub doc: Option<Box<str>>,
    /// Declared as `error`, which differs from `record` in nothing but the word.
    pub error: bool,
    pub fields: Vec<Field>,
    /// Where each field stands.
    pub(crate) positions: HashMap<Box<str>, usize>,
}

impl Record {
    /// Where the field of this name stands.
    pub fn position(&self, field: &str) -> Option<usize> {
        self.positions.get(field).copied()
    }
}

#[derive(Debug, Clone)]
pub struct Field {
    pub name: Box<str>,
    pub aliases: Vec<Box<str>>,
    pub doc: Option<Box<str>>,
    pub default: Option<Value>,
    pub order: Order,
    pub schema: NodeId,
    pub properties: Properties,
}

/// How a field takes part in sorting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    Ascending,
    Descending,
    Ignore,
}

impl Order {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
            Self::Ignore => "ignore",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Enumeration {
    pub name: Name,
    pub aliases: Vec<Name>,
    pub doc: Option<Box<str>>,
    pub symbols: Vec<Box<str>>,
    /// Where each symbol stands.
    pub(crate) positions: HashMap<Box<str>, u32>,
    pub default: Option<Box<str>>,
}

impl Enumeration {
    /// The number by which the symbol is written.
    pub fn position(&self, symbol: &str) -> Option<u32> {
        self.positions.get(symbol).copied()
    }
}

#[derive(Debug, Clone)]
pub struct Fixed {
    pub name: Name,
    pub aliases: Vec<Name>,
    pub doc: Option<Box<str>>,
    pub size: usize,
}

impl Kind {
    /// The name of the type as a schema writes it: `record`, `long`, `union`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Fixed(_) => "fixed",
        }
    }

    /// The name that a definition gave it.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Record(r) => Some(&r.name),
            Self::Enum(e) => Some(&e.name),
            Self::Fixed(f) => Some(&f.name),
            _ => None,
        }
    }

    /// Other names under which a reader knows what a writer calls differently.
    pub fn aliases(&self) -> &[Name] {
        match self {
            Self::Record(r) => &r.aliases,
            Self::Enum(e) => &e.aliases,
            Self::Fixed(f) => &f.aliases,
            _ => &[],
        }
    }

    /// What a union calls this branch: its full name, or the name of its type.
    pub fn branch_name(&self) -> &str {
        self.name().map_or(self.type_name(), Name::full)
    }
}

impl Schema {
    /// Reads a text that stands alone, strictly.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        Self::parse_with(text, &[], super::Rigour::Strict)
    }

    /// The text, byte for byte as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The node of the whole.
    pub fn root(&self) -> NodeId {
        self.root
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub fn kind(&self, id: NodeId) -> &Kind {
        &self.nodes[id.index()].kind
    }

    /// The node that defines a full name, in this text or in one that it refers to.
    pub fn find(&self, full_name: &str) -> Option<NodeId> {
        self.names.get(full_name).copied()
    }

    /// The full name of the whole, if it is a record, enum or fixed.
    pub fn name(&self) -> Option<&str> {
        self.kind(self.root).name().map(Name::full)
    }

    /// The names of the fields of the whole, if it is a record.
    pub fn fields(&self) -> Vec<String> {
        match self.kind(self.root) {
            Kind::Record(record) => record.fields.iter().map(|field| field.name.to_string()).collect(),
            _ => Vec::new(),
        }
    }
}
