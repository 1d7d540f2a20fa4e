//! Schema text to nodes, by the rules of Java's library: what it accepts is accepted, what it refuses is refused.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{
    Enumeration, Field, Fixed, Kind, Logical, Name, Node, NodeId, Order, Record, Schema, check, defaults,
    name::{self, PRIMITIVES},
};
use crate::{Flaw, Resolved, tree};

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
            let tree = tree::parse(reference.text).map_err(|f| of_reference(reference, f))?;
            parser.read(&tree, None, &At::Root).map_err(|f| of_reference(reference, f))?;
            parser.keep_promises().map_err(|f| of_reference(reference, f))?;
        }
        let own = parser.nodes.len() as u32;
        let tree = tree::parse(text)?;
        let root = parser.read(&tree, None, &At::Root)?;
        parser.keep_promises()?;
        check::unions(&parser.nodes)?;
        check::depth(&parser.nodes, root)?;
        let schema = Self {
            text: text.into(),
            nodes: parser.nodes.into(),
            root,
            names: Arc::new(parser.names),
            own: if references.is_empty() { 0 } else { own },
        };
        if rigour == Rigour::Strict {
            defaults::check(&schema)?;
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

type Object = Map<String, Value>;

impl Parser {
    fn read(&mut self, tree: &Value, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        match tree {
            Value::String(name) => self.by_name(name, namespace, at),
            Value::Array(branches) => self.union(branches, namespace, at),
            Value::Object(object) => self.object(object, namespace, at),
            other => Err(refused(at, format!("a schema is a name, an object or an array, not {other}"))),
        }
    }

    fn add(&mut self, kind: Kind, properties: Object) -> NodeId {
        let logical = Logical::of(&kind, &properties);
        self.nodes.push(Node { kind, logical, properties });
        NodeId(self.nodes.len() as u32 - 1)
    }

    fn by_name(&mut self, text: &str, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        if let Some(kind) = primitive(text) {
            return Ok(self.add(kind, Map::new()));
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
        let id = self.add(Kind::Null, Map::new());
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

    fn union(&mut self, branches: &[Value], namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let mut ids = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let at = At::Item(at, index);
            let id = self.read(branch, namespace, &at)?;
            if matches!(self.nodes[id.index()].kind, Kind::Union(_)) {
                return Err(refused(&at, "a union may not hold another union".into()));
            }
            ids.push(id);
        }
        Ok(self.add(Kind::Union(ids), Map::new()))
    }

    fn object(&mut self, object: &Object, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let word = required(object, "type", "schema", at)?;
        match word {
            "record" | "error" => self.record(object, word == "error", namespace, at),
            "enum" => self.enumeration(object, namespace, at),
            "fixed" => self.fixed(object, namespace, at),
            "array" => {
                let items = object.get("items").ok_or_else(|| refused(at, "an array needs \"items\"".into()))?;
                let items = self.read(items, namespace, &At::Member(at, "items"))?;
                Ok(self.add(Kind::Array(items), properties(object, &RESERVED)))
            }
            "map" => {
                let values = object.get("values").ok_or_else(|| refused(at, "a map needs \"values\"".into()))?;
                let values = self.read(values, namespace, &At::Member(at, "values"))?;
                Ok(self.add(Kind::Map(values), properties(object, &RESERVED)))
            }
            other => match primitive(other) {
                Some(kind) => Ok(self.add(kind, properties(object, &RESERVED))),
                None => self
                    .defined(other, namespace)
                    .ok_or_else(|| refused(at, format!("\"{other}\" is neither a type nor a name that was defined before"))),
            },
        }
    }

    /// The name that a definition takes, and the aliases beside it.
    fn naming(&self, object: &Object, namespace: Option<&str>, at: &At<'_>) -> Result<(Name, Vec<Name>), Flaw> {
        let text = required(object, "name", "definition", at)?;
        let own = object.get("namespace").and_then(Value::as_str);
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

    fn define(&mut self, name: &Name, kind: Kind, properties: Object) -> NodeId {
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

    fn record(&mut self, object: &Object, error: bool, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let (name, aliases) = self.naming(object, namespace, at)?;
        let Some(Value::Array(list)) = object.get("fields") else {
            return Err(refused(at, format!("record {name} has no \"fields\" (an array, which may be empty)")));
        };
        let record =
            Record { name: name.clone(), aliases, doc: doc(object), error, fields: Vec::new(), positions: HashMap::new() };
        let first = self.names.get(name.full()).copied();
        if first.is_some_and(|first| self.open.contains(&first)) {
            return Err(refused(at, format!("can't redefine: {name}")));
        }
        let id = self.define(&name, Kind::Record(record), properties(object, &RESERVED));
        self.open.insert(id);
        let whole = at;
        let at = At::Member(at, "fields");
        let mut fields: Vec<Field> = Vec::with_capacity(list.len());
        let mut positions = HashMap::with_capacity(list.len());
        for (index, field) in list.iter().enumerate() {
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

    fn field(&mut self, tree: &Value, namespace: Option<&str>, at: &At<'_>) -> Result<Field, Flaw> {
        let Value::Object(object) = tree else { return Err(refused(at, format!("a field is an object, not {tree}"))) };
        let name = required(object, "name", "field", at)?;
        name::check(name, "field name").map_err(|f| f.at(at.to_string()))?;
        let Some(kind) = object.get("type") else { return Err(refused(at, format!("field {name} has no \"type\""))) };
        let schema = self.read(kind, namespace, &At::Member(at, "type"))?;
        let aliases = texts(object.get("aliases"), "aliases", at)?.into_iter().map(Into::into).collect();
        let default = object.get("default").map(|value| self.spelled(schema, value));
        let order = match object.get("order") {
            None => Order::Ascending,
            Some(order) => order_of(order)
                .ok_or_else(|| refused(at, format!("order {order} of field {name} is none of ascending, descending, ignore")))?,
        };
        Ok(Field {
            name: name.into(),
            aliases,
            doc: doc(object),
            default,
            order,
            schema,
            properties: properties(object, &RESERVED_OF_FIELDS),
        })
    }

    /// A default for a number with a point may be written as text, which is how NaN and the infinities get in.
    fn spelled(&self, schema: NodeId, value: &Value) -> Value {
        let point = matches!(self.nodes[schema.index()].kind, Kind::Float | Kind::Double);
        match value.as_str().filter(|_| point).map(str::parse::<f64>) {
            Some(Ok(number)) if number.is_finite() => number.into(),
            _ => value.clone(),
        }
    }

    fn enumeration(&mut self, object: &Object, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let (name, aliases) = self.naming(object, namespace, at)?;
        if !matches!(object.get("symbols"), Some(Value::Array(_))) {
            return Err(refused(at, format!("enum {name} has no \"symbols\" (an array)")));
        }
        let symbols: Vec<Box<str>> = texts(object.get("symbols"), "symbols", at)?.into_iter().map(Into::into).collect();
        let mut positions = HashMap::with_capacity(symbols.len());
        for (index, symbol) in symbols.iter().enumerate() {
            name::check(symbol, "symbol").map_err(|f| f.at(at.to_string()))?;
            if positions.insert(symbol.clone(), index as u32).is_some() {
                return Err(refused(at, format!("duplicate enum symbol: {symbol}")));
            }
        }
        let default = object.get("default").and_then(Value::as_str).map(Into::into);
        if let Some(symbol) = default.as_ref().filter(|d| !positions.contains_key(*d)) {
            return Err(refused(at, format!("the default {symbol} of enum {name} is none of its symbols")));
        }
        let kind = Enumeration { name: name.clone(), aliases, doc: doc(object), symbols, positions, default };
        let mut rest = properties(object, &RESERVED);
        rest.shift_remove("default");
        let first = self.names.get(name.full()).copied();
        let id = self.define(&name, Kind::Enum(kind), rest);
        self.again(first, id, &name, at)
    }

    fn fixed(&mut self, object: &Object, namespace: Option<&str>, at: &At<'_>) -> Result<NodeId, Flaw> {
        let (name, aliases) = self.naming(object, namespace, at)?;
        let size = object.get("size").and_then(Value::as_u64).filter(|size| *size <= FIXED_LIMIT);
        let Some(size) = size else {
            return Err(refused(at, format!("fixed {name} needs a \"size\" from 0 to {FIXED_LIMIT}")));
        };
        let kind = Fixed { name: name.clone(), aliases, doc: doc(object), size: size as usize };
        let first = self.names.get(name.full()).copied();
        let id = self.define(&name, Kind::Fixed(kind), properties(object, &RESERVED));
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

fn required<'a>(object: &'a Object, key: &str, of: &str, at: &At<'_>) -> Result<&'a str, Flaw> {
    object.get(key).and_then(Value::as_str).ok_or_else(|| refused(at, format!("a {of} needs \"{key}\" as text")))
}

fn texts(list: Option<&Value>, what: &str, at: &At<'_>) -> Result<Vec<String>, Flaw> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let words = list.as_array().map(|a| a.iter().map(|w| w.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>());
    words.flatten().ok_or_else(|| refused(at, format!("{what} is an array of texts, not {list}")))
}

fn doc(object: &Object) -> Option<Box<str>> {
    object.get("doc").and_then(Value::as_str).map(Into::into)
}

fn properties(object: &Object, reserved: &[&str]) -> Object {
    object.iter().filter(|(key, _)| !reserved.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn order_of(order: &Value) -> Option<Order> {
    let word = order.as_str()?;
    [Order::Ascending, Order::Descending, Order::Ignore].into_iter().find(|o| o.name().eq_ignore_ascii_case(word))
}
