//! A schema as text again: as Java's library prints it, as the registry normalises it, and the Parsing Canonical Form.

use std::{collections::HashSet, fmt::Write as _};

use serde_json::{Map, Value};

use super::{Field, Kind, Logical, Name, NodeId, Order, Schema};

impl Schema {
    /// As `Schema.toString()` of Java's library prints it, with types of other texts left as names. The registry knows
    /// a schema by this text.
    pub fn canonical(&self) -> String {
        let mut writer = Writer::new(self, usize::MAX);
        writer.known.extend((0..self.own).map(NodeId));
        writer.canonical(self.root, None);
        writer.out
    }

    /// The form of `normalize=true`: aliases and properties sorted, and nothing said that is understood anyway; for the rest
    /// the canonical one, so that a schema that is in order already is the same in both.
    pub fn normalized(&self) -> String {
        let mut writer = Writer::new(self, usize::MAX);
        writer.normal = true;
        writer.known.extend((0..self.own).map(NodeId));
        writer.canonical(self.root, None);
        writer.out
    }

    /// The Parsing Canonical Form: only what matters to a reader of data, everything that it needs inlined.
    pub fn parsing_form(&self) -> String {
        let mut writer = Writer::new(self, usize::MAX);
        writer.parsing(self.root);
        writer.out
    }

    /// The text with everything that it needs inlined.
    pub fn canonical_whole(&self) -> String {
        self.canonical_of(self.root)
    }

    /// The text of one definition, with everything that it needs inlined.
    pub(crate) fn canonical_of(&self, id: NodeId) -> String {
        let mut writer = Writer::new(self, usize::MAX);
        writer.canonical(id, None);
        writer.out
    }

    /// The beginning of a part's text, for people.
    pub(crate) fn fragment(&self, id: NodeId) -> String {
        const LIMIT: usize = 300;
        let mut writer = Writer::new(self, LIMIT);
        writer.canonical(id, None);
        let mut text = writer.out;
        if let Some((end, _)) = text.char_indices().nth(LIMIT) {
            text.truncate(end);
            text.push('…');
        }
        text
    }
}

struct Writer<'a> {
    schema: &'a Schema,
    out: String,
    /// Definitions that are named instead of written.
    known: HashSet<NodeId>,
    /// Writing stops somewhere after so many bytes.
    limit: usize,
    /// Aliases and properties are sorted.
    normal: bool,
}

impl<'a> Writer<'a> {
    fn new(schema: &'a Schema, limit: usize) -> Self {
        Self { schema, out: String::new(), known: HashSet::new(), limit, normal: false }
    }

    fn is_full(&self) -> bool {
        self.out.len() > self.limit
    }

    /// Writes a comma before every call but the first.
    fn separated<T>(&mut self, items: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        for (index, item) in items.into_iter().enumerate() {
            if self.is_full() {
                return;
            }
            if index > 0 {
                self.out.push(',');
            }
            each(self, item);
        }
    }

    fn key(&mut self, key: &str) {
        self.out.push(',');
        string(&mut self.out, key);
        self.out.push(':');
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        string(&mut self.out, text);
    }

    fn list<T: AsRef<str>>(&mut self, key: &str, items: impl IntoIterator<Item = T>) {
        self.key(key);
        self.out.push('[');
        self.separated(items, |w, item| string(&mut w.out, item.as_ref()));
        self.out.push(']');
    }

    fn properties(&mut self, properties: &Map<String, Value>) {
        for (key, value) in properties {
            self.key(key);
            json(&mut self.out, value);
        }
    }

    fn doc(&mut self, doc: Option<&str>) {
        if let Some(doc) = doc {
            self.text("doc", doc);
        }
    }
}

/// As Java prints.
impl Writer<'_> {
    fn canonical(&mut self, id: NodeId, space: Option<&str>) {
        if self.is_full() {
            return;
        }
        let node = self.schema.node(id);
        if let Some(name) = node.kind.name() {
            if self.known.insert(id) {
                self.definition(id, name, space);
            } else {
                string(&mut self.out, name.within(space));
            }
            return;
        }
        match &node.kind {
            Kind::Union(branches) => {
                self.out.push('[');
                self.separated(branches, |w, b| w.canonical(*b, space));
                self.out.push(']');
            }
            Kind::Array(inner) | Kind::Map(inner) => {
                let word = if matches!(node.kind, Kind::Array(_)) { "items" } else { "values" };
                let _ = write!(self.out, "{{\"type\":\"{}\"", node.kind.type_name());
                self.key(word);
                self.canonical(*inner, space);
                self.node_properties(id);
                self.out.push('}');
            }
            kind if node.properties.is_empty() => string(&mut self.out, kind.type_name()),
            kind => {
                let _ = write!(self.out, "{{\"type\":\"{}\"", kind.type_name());
                self.node_properties(id);
                self.out.push('}');
            }
        }
    }

    fn definition(&mut self, id: NodeId, name: &Name, space: Option<&str>) {
        let node = self.schema.node(id);
        let word = match &node.kind {
            Kind::Record(record) if record.error && !self.normal => "error",
            kind => kind.type_name(),
        };
        let _ = write!(self.out, "{{\"type\":\"{word}\"");
        self.text("name", name.simple());
        if name.namespace() != space {
            self.text("namespace", name.namespace().unwrap_or_default());
        }
        match &node.kind {
            Kind::Record(record) => {
                self.doc(record.doc.as_deref());
                self.key("fields");
                self.out.push('[');
                self.separated(&record.fields, |w, field| w.field(field, name.namespace()));
                self.out.push(']');
            }
            Kind::Enum(kind) => {
                self.doc(kind.doc.as_deref());
                self.list("symbols", &kind.symbols);
                if let Some(default) = &kind.default {
                    self.text("default", default);
                }
            }
            Kind::Fixed(kind) => {
                self.doc(kind.doc.as_deref());
                self.key("size");
                let _ = write!(self.out, "{}", kind.size);
            }
            _ => {}
        }
        self.node_properties(id);
        let mut aliases: Vec<&Name> = node.kind.aliases().iter().collect();
        if self.normal {
            aliases.sort_unstable_by_key(|alias| alias.full());
        }
        if !aliases.is_empty() {
            self.list("aliases", aliases.iter().map(|a| a.within(name.namespace())));
        }
        self.out.push('}');
    }

    fn field(&mut self, field: &Field, space: Option<&str>) {
        self.out.push_str("{\"name\":");
        string(&mut self.out, &field.name);
        self.key("type");
        self.canonical(field.schema, space);
        self.doc(field.doc.as_deref());
        if let Some(default) = &field.default {
            self.key("default");
            json(&mut self.out, default);
        }
        if field.order != Order::Ascending {
            self.text("order", field.order.name());
        }
        let mut aliases: Vec<&str> = field.aliases.iter().map(|a| &**a).collect();
        if self.normal {
            aliases.sort_unstable();
        }
        if !aliases.is_empty() {
            self.list("aliases", aliases);
        }
        match self.normal {
            true => self.sorted(&field.properties, &[]),
            false => self.properties(&field.properties),
        }
        self.out.push('}');
    }
}

/// What normalising changes.
impl Writer<'_> {
    fn logical(&mut self, id: NodeId) {
        let Some(logical) = self.schema.node(id).logical else { return };
        self.text("logicalType", logical.name());
        if let Logical::Decimal { precision, scale } = logical {
            let _ = write!(self.out, ",\"precision\":{precision}");
            if scale != 0 {
                let _ = write!(self.out, ",\"scale\":{scale}");
            }
        }
    }

    fn node_properties(&mut self, id: NodeId) {
        let node = self.schema.node(id);
        if !self.normal {
            return self.properties(&node.properties);
        }
        self.logical(id);
        self.sorted(&node.properties, &LOGICAL_WORDS[..if node.logical.is_some() { 3 } else { 0 }]);
    }

    fn sorted(&mut self, properties: &Map<String, Value>, but: &[&str]) {
        let mut keys: Vec<&String> = properties.keys().filter(|k| !but.contains(&k.as_str())).collect();
        keys.sort_unstable();
        for key in keys {
            self.key(key);
            json(&mut self.out, &properties[key]);
        }
    }
}

/// Written by [`Writer::logical`] where there is a valid logical type.
const LOGICAL_WORDS: [&str; 3] = ["logicalType", "precision", "scale"];

/// The Parsing Canonical Form.
impl Writer<'_> {
    fn parsing(&mut self, id: NodeId) {
        let kind = self.schema.kind(id);
        let Some(name) = kind.name() else {
            match kind {
                Kind::Union(branches) => {
                    self.out.push('[');
                    self.separated(branches, |w, b| w.parsing(*b));
                    self.out.push(']');
                }
                Kind::Array(inner) | Kind::Map(inner) => {
                    let word = if matches!(kind, Kind::Array(_)) { "items" } else { "values" };
                    let _ = write!(self.out, "{{\"type\":\"{}\",\"{word}\":", kind.type_name());
                    self.parsing(*inner);
                    self.out.push('}');
                }
                _ => string(&mut self.out, kind.type_name()),
            }
            return;
        };
        if !self.known.insert(id) {
            return string(&mut self.out, name.full());
        }
        let _ = write!(self.out, "{{\"name\":\"{}\",\"type\":\"{}\"", name.full(), kind.type_name());
        match kind {
            Kind::Record(record) => {
                self.out.push_str(",\"fields\":[");
                self.separated(&record.fields, |w, field| {
                    let _ = write!(w.out, "{{\"name\":\"{}\",\"type\":", field.name);
                    w.parsing(field.schema);
                    w.out.push('}');
                });
                self.out.push(']');
            }
            Kind::Enum(kind) => self.list("symbols", &kind.symbols),
            Kind::Fixed(kind) => {
                let _ = write!(self.out, ",\"size\":{}", kind.size);
            }
            _ => {}
        }
        self.out.push('}');
    }
}

/// A JSON string with Java's escapes.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A JSON value as Java's library writes it.
fn json(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => string(out, text),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => java_double(out, float),
            None => {
                let _ = write!(out, "{number}");
            }
        },
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                json(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                string(out, key);
                out.push(':');
                json(out, member);
            }
            out.push('}');
        }
        plain => {
            let _ = write!(out, "{plain}");
        }
    }
}

/// `Double.toString`: plain from a thousandth to ten million, else one digit, a point, digits, `E`, exponent.
pub(crate) fn java_double(out: &mut String, value: f64) {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&size) {
        let _ = write!(out, "{value:?}");
    } else {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let point = if digits.contains('.') { "" } else { ".0" };
        let _ = write!(out, "{digits}{point}E{exponent}");
    }
}
