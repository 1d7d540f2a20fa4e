//! Schema text to nodes, by the rules of Java's library: what it accepts is accepted, what it refuses is refused.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use serde_json::Value;

use super::{
    Enumeration, Field, Fixed, Kind, Logical, Name, Node, NodeId, Order, Properties, Record, Schema, check, comments, defaults,
    name::{self, PRIMITIVES},
    source::{Members, Source},
};
use crate::{Flaw, Resolved};

/// How severely a text is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rigour {
    /// A new schema: everything is checked.
    Strict,
    /// One that was accepted before: its defaults and namespaces are taken as they are.
    Stored,
}

/// Attributes that are part of a type, not properties of it.
const RESERVED: [&str; 10] = ["doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"];
const RESERVED_OF_FIELDS: [&str; 6] = ["default", "doc", "name", "order", "type", "aliases"];
/// A fixed larger than this is a mistake or an attack; nothing in the field comes near.
const FIXED_LIMIT: u64 = 1 << 30;

impl Schema {
    /// Reads a text together with the texts that it refers to.
    pub fn parse_with(text: &str, references: &[Resolved<'_>], rigour: Rigour) -> Result<Self, Flaw> {
        let mut parser =
            Parser { nodes: Vec::new(), names: HashMap::new(), promised: HashMap::new(), open: HashSet::new(), rigour };
        for reference in references {
            let plain = comments::blanked(reference.text);
            let tree = Source::parse(&plain).map_err(|f| of_reference(reference, f))?;
            parser.read(tree, None, &At::Root).map_err(|f| of_reference(reference, f))?;
            parser.keep_promises().map_err(|f| of_reference(reference, f))?;
        }
        let own = parser.nodes.len() as u32;
        let plain = comments::blanked(text);
        let root = parser.read(Source::parse(&plain)?, None, &At::Root)?;
        parser.keep_promises()?;
        check::unions(&parser.nodes)?;
        check::depth(&parser.nodes, root)?;
        let mut schema = Self {
            text: text.into(),
            nodes: parser.nodes.into(),
            root,
            names: Arc::new(parser.names),
            own: if references.is_empty() { 0 } else { own },
        };
        if rigour == Rigour::Strict {
            defaults::check(&schema)?;
        }
        // Whoever reads it again may know no comments.
        if plain != text {
            schema.text = schema.canonical().into();
        }
        Ok(schema)
    }
}

fn of_reference(reference: &Resolved<'_>, flaw: Flaw) -> Flaw {
    Flaw::new(format!("reference \"{}\": {flaw}", reference.name))
}

/// Where the parser stands, made into a JSON pointer only when there is something to complain about.
enum At<'a> {
    Root,
    Member(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(outer, name) => write!(f, "{outer}/{name}"),
            Self::Item(outer, index) => write!(f, "{outer}/{index}"),
        }
    }
}

struct Parser {
    nodes: Vec<Node>,
    names: HashMap<Box<str>, NodeId>,
    /// Names that were used before their definition, the nodes that it will fill, and where they were used first.
    promised: HashMap<Box<str>, (NodeId, String)>,
    /// Records whose fields are being read.
    open: HashSet<NodeId>,
    rigour: Rigour,
}

impl Parser {
    /// Takes the tree apart: what was read of a large one is gone when the rest is.
    fn read(&mut self, tree: Source<'_>, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        match tree {
            Source::Text(name) => self.by_name(&name, namespace, at),
            Source::List(branches) => self.union(branches, namespace, at),
            Source::Object(object) => self.object(object, namespace, at),
            Source::Other(other) => Err(refused(at, format!("a schema is a name, an object or an array, not {other}"))),
        }
    }

    fn add(&mut self, kind: Kind, properties: Properties) -> NodeId {
        let logical = Logical::of(&kind, &properties);
        self.nodes.push(Node { kind, logical, properties });
        NodeId(self.nodes.len() as u32 - 1)
    }

    fn by_name(&mut self, text: &str, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        if let Some(kind) = primitive(text) {
            return Ok(self.add(kind, Properties::default()));
        }
        if let Some(id) = self.defined(text, namespace) {
            return Ok(id);
        }
        let full = Name::new(text, namespace);
        name::check(full.simple(), "name").map_err(|f| f.at(at.to_string()))?;
        if let Some((id, _)) = self.promised.get(full.full()) {
            return Ok(*id);
        }
        // What stands here until the definition comes; without one the text is refused.
        let id = self.add(Kind::Null, Properties::default());
        self.promised.insert(full.full().into(), (id, at.to_string()));
        Ok(id)
    }

    /// Every name that was used is defined by now.
    fn keep_promises(&self) -> Result<(), Flaw> {
        let Some((name, (_, place))) = self.promised.iter().min_by_key(|(_, (id, _))| *id) else { return Ok(()) };
        let what = format!("undefined name \"{name}\": define it, or refer to a schema that does");
        Err(Flaw::new(what).at(place.clone()))
    }

    /// A short name means the enclosing namespace first, and no namespace next.
    fn defined(&self, text: &str, namespace: Option<&str>) -> Option<NodeId> {
        self.names.get(Name::new(text, namespace).full()).or_else(|| self.names.get(Name::new(text, None).full())).copied()
    }

    fn union(&mut self, branches: Vec<Source<'_>>, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let mut ids = Vec::with_capacity(branches.len());
        for (index, branch) in branches.into_iter().enumerate() {
            let at = At::Item(at, index);
            let id = self.read(branch, namespace, &at)?;
            if matches!(self.nodes[id.index()].kind, Kind::Union(_)) {
                return Err(refused(&at, "a union may not hold another union".into()));
            }
            ids.push(id);
        }
        Ok(self.add(Kind::Union(ids), Properties::default()))
    }

    fn object(&mut self, mut object: Members<'_>, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let word = required(&object, "type", "schema", at)?.to_owned();
        match word.as_str() {
            "record" | "error" => self.record(object, word == "error", namespace, at),
            "enum" => self.enumeration(object, namespace, at),
            "fixed" => self.fixed(object, namespace, at),
            "array" => {
                let items = object.take("items").ok_or_else(|| refused(at, "an array needs \"items\"".into()))?;
                let items = self.read(items, namespace, &At::Member(at, "items"))?;
                Ok(self.add(Kind::Array(items), object.but(&RESERVED).collect()))
            }
            "map" => {
                let values = object.take("values").ok_or_else(|| refused(at, "a map needs \"values\"".into()))?;
                let values = self.read(values, namespace, &At::Member(at, "values"))?;
                Ok(self.add(Kind::Map(values), object.but(&RESERVED).collect()))
            }
            other => match primitive(other) {
                Some(kind) => Ok(self.add(kind, object.but(&RESERVED).collect())),
                None => self
                    .defined(other, namespace)
                    .ok_or_else(|| refused(at, format!("\"{other}\" is neither a type nor a name that was defined before"))),
            },
        }
    }

    /// The name that a definition takes, and the aliases beside it.
    fn naming(&self, object: &Members<'_>, namespace: Option<&str>, at: &At<'_>) -> Result<(Name, Vec<Name>), Flaw> {
        let text = required(object, "name", "definition", at)?;
        let own = object.get("namespace").and_then(Source::text);
        let name = Name::new(text, own.or(namespace));
        name::check(name.simple(), "name").map_err(|f| f.at(at.to_string()))?;
        if self.rigour == Rigour::Strict {
            for part in name.namespace().into_iter().flat_map(|n| n.split('.')) {
                name::check(part, "part of a namespace").map_err(|f| f.at(at.to_string()))?;
            }
        }
        if PRIMITIVES.contains(&name.full()) {
            return Err(refused(at, format!("schemas may not be named after primitives: {name}")));
        }
        let space = name.namespace().map(str::to_owned);
        let aliases = texts(object.get("aliases"), "aliases", at)?;
        let aliases: Vec<Name> = aliases.into_iter().map(|a| Name::new(&a, space.as_deref())).collect();
        for alias in &aliases {
            name::check(alias.simple(), "alias").map_err(|f| f.at(at.to_string()))?;
        }
        Ok((name, aliases))
    }

    fn define(&mut self, name: &Name, kind: Kind, properties: Properties) -> NodeId {
        let id = match self.promised.remove(name.full()) {
            Some((id, _)) => {
                let logical = Logical::of(&kind, &properties);
                self.nodes[id.index()] = Node { kind, logical, properties };
                id
            }
            None => self.add(kind, properties),
        };
        self.names.insert(name.full().into(), id);
        id
    }

    /// A name may be defined again if it is the same again; the first definition stays.
    fn again(&mut self, first: Option<NodeId>, id: NodeId, name: &Name, at: &At<'_>) -> Result<NodeId, Flaw> {
        let Some(first) = first else { return Ok(id) };
        if !check::alike(&self.nodes, first, id) {
            return Err(refused(at, format!("can't redefine: {name}")));
        }
        self.names.insert(name.full().into(), first);
        Ok(first)
    }

    fn record(&mut self, mut object: Members<'_>, error: bool, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let (name, aliases) = self.naming(&object, namespace, at)?;
        let Some(Source::List(list)) = object.take("fields") else {
            return Err(refused(at, format!("record {name} has no \"fields\" (an array, which may be empty)")));
        };
        let record =
            Record { name: name.clone(), aliases, doc: doc(&object), error, fields: Vec::new(), positions: HashMap::new() };
        let first = self.names.get(name.full()).copied();
        if first.is_some_and(|first| self.open.contains(&first)) {
            return Err(refused(at, format!("can't redefine: {name}")));
        }
        let id = self.define(&name, Kind::Record(record.into()), object.but(&RESERVED).collect());
        self.open.insert(id);
        let whole = at;
        let at = At::Member(at, "fields");
        let mut fields: Vec<Field> = Vec::with_capacity(list.len());
        let mut positions = HashMap::with_capacity(list.len());
        for (index, field) in list.into_iter().enumerate() {
            let at = At::Item(&at, index);
            let field = self.field(field, name.namespace(), &at)?;
            if positions.insert(field.name.clone(), index).is_some() {
                return Err(refused(&at, format!("duplicate field {} in record {name}", field.name)));
            }
            fields.push(field);
        }
        if let Kind::Record(record) = &mut self.nodes[id.index()].kind {
            record.fields = fields;
            record.positions = positions;
        }
        self.open.remove(&id);
        self.again(first, id, &name, whole)
    }

    fn field(&mut self, tree: Source<'_>, namespace: Option<&str>, at: &At<'_>) -> Result<Field, Flaw> {
        let Source::Object(mut object) = tree else {
            return Err(refused(at, format!("a field is an object, not {}", tree.value())));
        };
        let name: Box<str> = required(&object, "name", "field", at)?.into();
        name::check(&name, "field name").map_err(|f| f.at(at.to_string()))?;
        let Some(kind) = object.take("type") else { return Err(refused(at, format!("field {name} has no \"type\""))) };
        let schema = self.read(kind, namespace, &At::Member(at, "type"))?;
        let aliases = texts(object.get("aliases"), "aliases", at)?.into_iter().map(Into::into).collect();
        let doc = doc(&object);
        let default = object.take("default").map(|value| self.spelled(schema, value.value()));
        let order = match object.get("order") {
            None => Order::Ascending,
            Some(order) => order_of(order).ok_or_else(|| {
                let order = order.clone().value();
                refused(at, format!("order {order} of field {name} is none of ascending, descending, ignore"))
            })?,
        };
        Ok(Field { name, aliases, doc, default, order, schema, properties: object.but(&RESERVED_OF_FIELDS).collect() })
    }

    /// A default for a number with a point may be written as text, which is how NaN and the infinities get in.
    fn spelled(&self, schema: NodeId, value: Value) -> Value {
        let point = matches!(self.nodes[schema.index()].kind, Kind::Float | Kind::Double);
        match value.as_str().filter(|_| point).map(str::parse::<f64>) {
            Some(Ok(number)) if number.is_finite() => number.into(),
            _ => value,
        }
    }

    fn enumeration(&mut self, mut object: Members<'_>, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let (name, aliases) = self.naming(&object, namespace, at)?;
        if !matches!(object.get("symbols"), Some(Source::List(_))) {
            return Err(refused(at, format!("enum {name} has no \"symbols\" (an array)")));
        }
        let symbols: Vec<Box<str>> = texts(object.take("symbols").as_ref(), "symbols", at)?.into_iter().map(Into::into).collect();
        let mut positions = HashMap::with_capacity(symbols.len());
        for (index, symbol) in symbols.iter().enumerate() {
            name::check(symbol, "symbol").map_err(|f| f.at(at.to_string()))?;
            if positions.insert(symbol.clone(), index as u32).is_some() {
                return Err(refused(at, format!("duplicate enum symbol: {symbol}")));
            }
        }
        let default = object.get("default").and_then(Source::text).map(Into::into);
        if let Some(symbol) = default.as_ref().filter(|d| !positions.contains_key(*d)) {
            return Err(refused(at, format!("the default {symbol} of enum {name} is none of its symbols")));
        }
        let kind = Enumeration { name: name.clone(), aliases, doc: doc(&object), symbols, positions, default };
        let rest = object.but(&RESERVED).filter(|(key, _)| key != "default").collect();
        let first = self.names.get(name.full()).copied();
        let id = self.define(&name, Kind::Enum(kind.into()), rest);
        self.again(first, id, &name, at)
    }

    fn fixed(&mut self, object: Members<'_>, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let (name, aliases) = self.naming(&object, namespace, at)?;
        let size = object.get("size").and_then(Source::number).filter(|size| *size <= FIXED_LIMIT);
        let Some(size) = size else {
            return Err(refused(at, format!("fixed {name} needs a \"size\" from 0 to {FIXED_LIMIT}")));
        };
        let kind = Fixed { name: name.clone(), aliases, doc: doc(&object), size: size as usize };
        let first = self.names.get(name.full()).copied();
        let id = self.define(&name, Kind::Fixed(kind.into()), object.but(&RESERVED).collect());
        self.again(first, id, &name, at)
    }
}

fn primitive(word: &str) -> Option<Kind> {
    Some(match word {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

fn refused(at: &At<'_>, what: String) -> Flaw {
    Flaw::new(what).at(at.to_string())
}

fn required<'a>(object: &'a Members<'_>, key: &str, of: &str, at: &At<'_>) -> Result<&'a str, Flaw> {
    object.get(key).and_then(Source::text).ok_or_else(|| refused(at, format!("a {of} needs \"{key}\" as text")))
}

fn texts(list: Option<&Source<'_>>, what: &str, at: &At<'_>) -> Result<Vec<String>, Flaw> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let words = match list {
        Source::List(items) => items.iter().map(|word| word.text().map(str::to_owned)).collect(),
        _ => None,
    };
    words.ok_or_else(|| refused(at, format!("{what} is an array of texts, not {}", list.clone().value())))
}

fn doc(object: &Members<'_>) -> Option<Box<str>> {
    object.get("doc").and_then(Source::text).map(Into::into)
}

fn order_of(order: &Source<'_>) -> Option<Order> {
    let word = order.text()?;
    [Order::Ascending, Order::Descending, Order::Ignore].into_iter().find(|o| o.name().eq_ignore_ascii_case(word))
}
