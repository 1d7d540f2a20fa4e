//! Rust: structs and enums that write and read themselves, owned and borrowed, in modules by namespace.

mod names;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt::Write as _,
};

use self::names::Names;
use super::{definitions, free, optional, unnamed};
use crate::{
    Flaw,
    avro::{Enumeration, Kind, Logical, Name, NodeId, Record, Schema},
};

/// Words that no name may be. The last five cannot even be written raw.
const RESERVED: [&str; 54] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum", "extern",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override",
    "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield", "union", "self", "Self", "super", "crate", "_",
];

/// A module's text for all types of the schema. It needs the crate `milena-schema`.
pub fn rust(schema: &Schema) -> Result<String, Flaw> {
    let definitions = definitions(schema);
    if definitions.is_empty() {
        return Err(unnamed());
    }
    let lends = lends(schema);
    let names = Names::of(schema, &definitions, &lends);
    let mut writer = Writer { schema, modules: BTreeMap::new(), lends, names, path: Vec::new(), within: schema.root };
    for id in &definitions {
        writer.definition(*id)?;
    }
    let name = schema.name().unwrap_or("a schema");
    let mut out =
        format!("// @generated\n//! Types of `{name}`, made by `milena avro compile`. Changes are lost when it is made again.\n");
    out.push_str("#![allow(non_camel_case_types, non_snake_case, dead_code, unused_imports, unused_parens, unreachable_pub, clippy::all)]\n");
    let tree = Module::of(writer.modules);
    tree.write(&mut out, 0);
    Ok(out)
}

/// Modules within modules, and the items of each.
#[derive(Default)]
struct Module {
    inner: BTreeMap<String, Module>,
    items: String,
}

impl Module {
    fn of(modules: BTreeMap<Vec<String>, String>) -> Self {
        let mut root = Self::default();
        for (path, items) in modules {
            let module = path.into_iter().fold(&mut root, |module, name| module.inner.entry(name).or_default());
            module.items = items;
        }
        root
    }

    fn write(&self, out: &mut String, depth: usize) {
        let indent = "    ".repeat(depth);
        if !self.items.is_empty() {
            for line in self.items.lines() {
                let _ = writeln!(out, "{}{line}", if line.is_empty() { "" } else { &indent });
            }
        }
        for (name, module) in &self.inner {
            let _ = writeln!(out, "{indent}pub mod {name} {{");
            module.write(out, depth + 1);
            let _ = writeln!(out, "{indent}}}");
        }
    }
}

/// Whether text and bytes are owned or borrowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Owned,
    Borrowed,
}

struct Writer<'a> {
    schema: &'a Schema,
    modules: BTreeMap<Vec<String>, String>,
    /// Nodes with text or bytes somewhere in them, whose borrowed form differs from the owned one.
    lends: HashSet<NodeId>,
    names: Names,
    /// The module that is being written.
    path: Vec<String>,
    /// The record that is being written.
    within: NodeId,
}

/// The type in `native` for a logical type on a type without a name. It owns what it holds, also in the borrowed form.
fn native(schema: &Schema, id: NodeId) -> Option<String> {
    let node = schema.node(id);
    let name = match node.logical.filter(|_| node.kind.name().is_none())? {
        Logical::Date => "Date",
        Logical::TimeMillis => "TimeMillis",
        Logical::TimeMicros => "TimeMicros",
        Logical::TimestampMillis => "TimestampMillis",
        Logical::TimestampMicros => "TimestampMicros",
        Logical::TimestampNanos => "TimestampNanos",
        Logical::LocalTimestampMillis => "LocalTimestampMillis",
        Logical::LocalTimestampMicros => "LocalTimestampMicros",
        Logical::LocalTimestampNanos => "LocalTimestampNanos",
        Logical::Uuid => "Uuid",
        Logical::Decimal { scale, .. } => return Some(format!("Decimal<{scale}>")),
        Logical::BigDecimal | Logical::Duration => return None,
    };
    Some(name.to_owned())
}

/// What holds text or bytes, directly or through others.
fn lends(schema: &Schema) -> HashSet<NodeId> {
    let mut lends = HashSet::new();
    loop {
        let before = lends.len();
        for index in 0..schema.nodes.len() as u32 {
            let id = NodeId(index);
            let does = match schema.kind(id) {
                Kind::String | Kind::Bytes if native(schema, id).is_some() => false,
                Kind::String | Kind::Bytes | Kind::Map(_) => true,
                Kind::Array(items) => lends.contains(items),
                Kind::Union(branches) => branches.iter().any(|b| lends.contains(b)),
                Kind::Record(record) => record.fields.iter().any(|f| lends.contains(&f.schema)),
                _ => false,
            };
            if does {
                lends.insert(id);
            }
        }
        if lends.len() == before {
            return lends;
        }
    }
}

fn word(name: &str) -> String {
    match RESERVED.iter().position(|r| *r == name) {
        Some(place) if place >= RESERVED.len() - 5 => format!("{name}_"),
        Some(_) => format!("r#{name}"),
        None => name.to_owned(),
    }
}

fn module(name: &Name) -> Vec<String> {
    name.namespace().into_iter().flat_map(|space| space.split('.')).map(word).collect()
}

impl Writer<'_> {
    fn definition(&mut self, id: NodeId) -> Result<(), Flaw> {
        let Some(name) = self.schema.kind(id).name() else { return Ok(()) };
        self.path = module(name);
        self.within = id;
        let mut items = String::new();
        match self.schema.kind(id) {
            Kind::Record(record) => {
                self.record(&mut items, id, record, Style::Owned)?;
                self.typed(&mut items, id, name);
                if self.lends.contains(&id) {
                    self.record(&mut items, id, record, Style::Borrowed)?;
                }
            }
            Kind::Enum(kind) => {
                self.enumeration(&mut items, id, kind);
                self.typed(&mut items, id, name);
            }
            Kind::Fixed(kind) => {
                doc(&mut items, "", kind.doc.as_deref());
                let _ = writeln!(items, "pub type {} = [{}; {}];", self.names.types[&id], self.outer("u8"), kind.size);
            }
            _ => {}
        }
        let uses = self.names.uses(&self.path);
        self.modules.entry(self.path.clone()).or_insert(uses).push_str(&items);
        Ok(())
    }

    /// A type of the language or of the library, as the current module may write it.
    fn outer(&self, name: &str) -> String {
        self.names.outer(&self.path, name)
    }

    fn native(&self, id: NodeId) -> Option<String> {
        native(self.schema, id).map(|name| format!("{}::{name}", self.outer("native")))
    }

    fn enumeration(&self, out: &mut String, id: NodeId, kind: &Enumeration) {
        let name = &self.names.types[&id];
        let symbols = names::symbols(kind);
        out.push('\n');
        doc(out, "", kind.doc.as_deref());
        let _ = writeln!(out, "#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\npub enum {name} {{");
        for symbol in &symbols {
            let _ = writeln!(out, "    {symbol},");
        }
        let _ = writeln!(out, "}}\n\nimpl {name} {{\n    /// Every symbol, in the order of the schema.");
        let all: Vec<String> = symbols.iter().map(|symbol| format!("Self::{symbol}")).collect();
        // A symbol of this name would be meant.
        let list = free("ALL", &symbols.iter().cloned().collect());
        let _ = writeln!(out, "    pub const {list}: [Self; {}] = [{}];\n", all.len(), all.join(", "));
        let _ = writeln!(
            out,
            "    /// The symbol as the schema writes it.\n    pub fn symbol(self) -> &'static {} {{\n        match self {{",
            self.outer("str")
        );
        for (symbol, written) in kind.symbols.iter().zip(&all) {
            let _ = writeln!(out, "            {written} => {symbol:?},");
        }
        out.push_str("        }\n    }\n}\n");
        self.encoding(out, name, "");
        let _ = writeln!(out, "        {}::put_long(out, *self as {});\n    }}\n}}", self.outer("binary"), self.outer("i64"));
        self.decoding(out, name, Style::Owned);
        let malformed = self.outer("Malformed");
        let _ = writeln!(out, "        Ok(Self::{list}[r.index({}, {malformed}::Symbol)?])\n    }}\n}}", all.len());
    }

    fn typed(&self, out: &mut String, id: NodeId, name: &Name) {
        let text = self.outer("str");
        let _ = writeln!(out, "\nimpl {} for {} {{", self.outer("Typed"), self.names.types[&id]);
        let (schema, full) = (self.whole(id), name.full());
        let _ = writeln!(out, "    const SCHEMA: &'static {text} = {schema:?};");
        let _ = writeln!(out, "    const NAME: &'static {text} = {full:?};\n}}");
    }

    fn whole(&self, id: NodeId) -> String {
        if id == self.schema.root { self.schema.canonical_whole() } else { self.schema.canonical_of(id) }
    }

    /// The type's name as the current module writes it.
    fn named(&self, id: NodeId, name: &Name, style: Style) -> String {
        let mut text = "super::".repeat(self.path.len());
        if module(name) == self.path {
            text.clear();
        } else {
            text = if text.is_empty() { "self::".into() } else { text };
            module(name).iter().for_each(|part| text += &format!("{part}::"));
        }
        if style == Style::Borrowed && self.lends.contains(&id) && matches!(self.schema.kind(id), Kind::Record(_)) {
            text += &format!("{}<'a>", self.names.lent[&id]);
        } else {
            text += &self.names.types[&id];
        }
        text
    }

    fn rust_type(&self, id: NodeId, style: Style) -> String {
        let kind = self.schema.kind(id);
        if let Some(name) = kind.name() {
            return self.named(id, name, style);
        }
        if let Some(native) = self.native(id) {
            return native;
        }
        match (kind, style) {
            (Kind::Null, _) => "()".into(),
            (Kind::Boolean, _) => self.outer("bool"),
            (Kind::Int, _) => self.outer("i32"),
            (Kind::Long, _) => self.outer("i64"),
            (Kind::Float, _) => self.outer("f32"),
            (Kind::Double, _) => self.outer("f64"),
            (Kind::Bytes, Style::Owned) => format!("{}<{}>", self.outer("Vec"), self.outer("u8")),
            (Kind::Bytes, Style::Borrowed) => format!("&'a [{}]", self.outer("u8")),
            (Kind::String, Style::Owned) => self.outer("String"),
            (Kind::String, Style::Borrowed) => format!("&'a {}", self.outer("str")),
            (Kind::Array(items), _) => format!("{}<{}>", self.outer("Vec"), self.rust_type(*items, style)),
            (Kind::Map(values), _) => {
                let key = if style == Style::Owned { self.outer("String") } else { format!("&'a {}", self.outer("str")) };
                format!("::std::collections::BTreeMap<{key}, {}>", self.rust_type(*values, style))
            }
            (Kind::Union(branches), _) => match (optional(self.schema, branches), &branches[..]) {
                (Some((_, _, inner)), _) => format!("{}<{}>", self.outer("Option"), self.boxed(inner, style)),
                (None, [only]) => self.boxed(*only, style),
                _ if style == Style::Borrowed && self.lends.contains(&id) => {
                    format!("{}<'a>", self.names.lent_unions[&(self.within, id)])
                }
                _ => self.names.unions[&(self.within, id)].clone(),
            },
            _ => "()".into(),
        }
    }

    /// Records in unions are boxed where they could hold themselves without end.
    fn boxed(&self, id: NodeId, style: Style) -> String {
        let plain = self.rust_type(id, style);
        if self.is_boxed(id) { format!("{}<{plain}>", self.outer("Box")) } else { plain }
    }

    fn is_boxed(&self, id: NodeId) -> bool {
        let mut seen = BTreeSet::new();
        matches!(self.schema.kind(id), Kind::Record(_)) && self.reaches(id, id, &mut seen)
    }

    /// Whether a value of `from` holds one of `to` in place, not behind an array or map.
    fn reaches(&self, from: NodeId, to: NodeId, seen: &mut BTreeSet<NodeId>) -> bool {
        let inner: Vec<NodeId> = match self.schema.kind(from) {
            Kind::Record(record) => record.fields.iter().map(|f| f.schema).collect(),
            Kind::Union(branches) => branches.clone(),
            _ => return false,
        };
        inner.into_iter().any(|id| id == to || (seen.insert(id) && self.reaches(id, to, seen)))
    }

    fn record(&self, out: &mut String, id: NodeId, record: &Record, style: Style) -> Result<(), Flaw> {
        if self.reaches_plainly(id, id, &mut BTreeSet::new()) {
            return Err(Flaw::new(format!("record {} holds itself without a union between, and has no values", record.name)));
        }
        let (name, life) = match style {
            Style::Owned => (&self.names.types[&id], ""),
            Style::Borrowed => (&self.names.lent[&id], "<'a>"),
        };
        let members = names::members(record);
        out.push('\n');
        doc(out, "", record.doc.as_deref());
        let _ = writeln!(out, "#[derive(Debug, Clone, PartialEq)]\npub struct {name}{life} {{");
        for (field, member) in record.fields.iter().zip(&members) {
            doc(out, "    ", field.doc.as_deref());
            if let Some(logical) = self.schema.node(field.schema).logical {
                let _ = writeln!(out, "    /// Logical type {}.", logical.name());
            }
            let _ = writeln!(out, "    pub {member}: {},", self.rust_type(field.schema, style));
        }
        out.push_str("}\n");
        self.encoding(out, name, life);
        for (field, member) in record.fields.iter().zip(&members) {
            self.encode(out, field.schema, &format!("self.{member}"), 2);
        }
        out.push_str("    }\n}\n");
        self.decoding(out, name, style);
        out.push_str("        r.enter()?;\n        let value = Self {\n");
        for (field, member) in record.fields.iter().zip(&members) {
            let _ = writeln!(out, "            {member}: {},", self.decode(field.schema, style));
        }
        out.push_str("        };\n        r.leave();\n        Ok(value)\n    }\n}\n");
        let mut written = BTreeSet::new();
        for field in &record.fields {
            self.unions(out, field.schema, style, &mut written);
        }
        Ok(())
    }

    /// The head of the function that writes a value.
    fn encoding(&self, out: &mut String, name: &str, life: &str) {
        let (encode, bytes) = (self.outer("Encode"), format!("{}<{}>", self.outer("Vec"), self.outer("u8")));
        let _ = writeln!(out, "\nimpl{life} {encode} for {name}{life} {{\n    fn encode(&self, out: &mut {bytes}) {{");
    }

    /// The head of the function that reads one.
    fn decoding(&self, out: &mut String, name: &str, style: Style) {
        let (decode, binary) = (self.outer("Decode"), self.outer("binary"));
        let (result, malformed) = (self.outer("Result"), self.outer("Malformed"));
        let (life, input) = if style == Style::Owned { ("", "'_") } else { ("<'a>", "'a") };
        let _ = writeln!(out, "\nimpl{life} {decode}<{input}> for {name}{life} {{");
        let _ = writeln!(out, "    fn decode(r: &mut {binary}::Reader<{input}>) -> {result}<Self, {malformed}> {{");
    }

    fn reaches_plainly(&self, from: NodeId, to: NodeId, seen: &mut BTreeSet<NodeId>) -> bool {
        let Kind::Record(record) = self.schema.kind(from) else { return false };
        record.fields.iter().any(|f| f.schema == to || (seen.insert(f.schema) && self.reaches_plainly(f.schema, to, seen)))
    }

    /// The enums that the unions of a field need.
    fn unions(&self, out: &mut String, id: NodeId, style: Style, written: &mut BTreeSet<NodeId>) {
        match self.schema.kind(id) {
            Kind::Array(inner) | Kind::Map(inner) => self.unions(out, *inner, style, written),
            Kind::Union(branches) => match (optional(self.schema, branches), &branches[..]) {
                (Some((_, _, inner)), _) => self.unions(out, inner, style, written),
                (None, [only]) => self.unions(out, *only, style, written),
                _ if !written.insert(id) => {}
                _ => {
                    if style == Style::Owned || self.lends.contains(&id) {
                        self.union(out, id, branches, style);
                    }
                    branches.iter().for_each(|branch| self.unions(out, *branch, style, written));
                }
            },
            _ => {}
        }
    }

    fn union(&self, out: &mut String, id: NodeId, branches: &[NodeId], style: Style) {
        let (name, life) = match style {
            Style::Owned => (&self.names.unions[&(self.within, id)], ""),
            Style::Borrowed => (&self.names.lent_unions[&(self.within, id)], "<'a>"),
        };
        let variants = names::variants(self.schema, branches);
        let _ = writeln!(out, "\n#[derive(Debug, Clone, PartialEq)]\npub enum {name}{life} {{");
        for (branch, variant) in branches.iter().zip(&variants) {
            match self.schema.kind(*branch) {
                Kind::Null => out.push_str(&format!("    {variant},\n")),
                _ => out.push_str(&format!("    {variant}({}),\n", self.boxed(*branch, style))),
            }
        }
        out.push_str("}\n");
        self.encoding(out, name, life);
        let binary = self.outer("binary");
        out.push_str("        match self {\n");
        for (index, (branch, variant)) in branches.iter().zip(&variants).enumerate() {
            let holds = if matches!(self.schema.kind(*branch), Kind::Null) { "" } else { "(item)" };
            let _ = writeln!(out, "            Self::{variant}{holds} => {{\n                {binary}::put_long(out, {index});");
            self.encode(out, *branch, "(*item)", 4);
            out.push_str("            }\n");
        }
        out.push_str("        }\n    }\n}\n");
        self.decoding(out, name, style);
        let _ = writeln!(out, "        Ok(match r.index({}, {}::Branch)? {{", branches.len(), self.outer("Malformed"));
        for (index, (branch, variant)) in branches.iter().zip(&variants).enumerate() {
            let pattern = if index + 1 == branches.len() { "_".to_owned() } else { index.to_string() };
            match self.schema.kind(*branch) {
                Kind::Null => out.push_str(&format!("            {pattern} => Self::{variant},\n")),
                _ => {
                    let value = self.decode_boxed(*branch, style);
                    let _ = writeln!(out, "            {pattern} => Self::{variant}({value}),");
                }
            }
        }
        out.push_str("        })\n    }\n}\n");
    }

    /// Statements that write the value at a place.
    fn encode(&self, out: &mut String, id: NodeId, place: &str, depth: usize) {
        let indent = "    ".repeat(depth);
        let put = |out: &mut String, what: &str| {
            let _ = writeln!(out, "{indent}{what}");
        };
        let native = native(self.schema, id).is_some();
        let binary = self.outer("binary");
        match self.schema.kind(id) {
            Kind::Null => {}
            Kind::Int if native => put(out, &format!("{binary}::put_int(out, {place}.0);")),
            Kind::Long if native => put(out, &format!("{binary}::put_long(out, {place}.0);")),
            Kind::Bytes | Kind::String if native => put(out, &format!("{place}.encode(out);")),
            Kind::Boolean => put(out, &format!("{binary}::put_boolean(out, {place});")),
            Kind::Int => put(out, &format!("{binary}::put_int(out, {place});")),
            Kind::Long => put(out, &format!("{binary}::put_long(out, {place});")),
            Kind::Float => put(out, &format!("{binary}::put_float(out, {place});")),
            Kind::Double => put(out, &format!("{binary}::put_double(out, {place});")),
            Kind::Bytes => put(out, &format!("{binary}::put_bytes(out, &{place});")),
            Kind::String => put(out, &format!("{binary}::put_string(out, &{place});")),
            Kind::Fixed(_) => put(out, &format!("out.extend_from_slice(&{place});")),
            Kind::Enum(_) | Kind::Record(_) => put(out, &format!("{place}.encode(out);")),
            Kind::Array(inner) | Kind::Map(inner) => {
                let is_map = matches!(self.schema.kind(id), Kind::Map(_));
                put(out, &format!("{binary}::put_count(out, {place}.len());"));
                let each = if is_map { "(key, item)" } else { "item" };
                put(out, &format!("for {each} in &{place} {{"));
                if is_map {
                    put(out, &format!("    {binary}::put_string(out, key);"));
                }
                self.encode(out, *inner, "(*item)", depth + 1);
                put(out, "}\n");
                put(out, "out.push(0);");
            }
            Kind::Union(branches) => match (optional(self.schema, branches), &branches[..]) {
                (Some((null, some, inner)), _) => {
                    put(out, &format!("match &{place} {{"));
                    put(out, &format!("    None => {binary}::put_long(out, {null}),"));
                    put(out, &format!("    Some(item) => {{\n{indent}        {binary}::put_long(out, {some});"));
                    self.encode(out, inner, "(*item)", depth + 2);
                    put(out, &format!("    }}\n{indent}}}"));
                }
                (None, [only]) => {
                    put(out, &format!("{binary}::put_long(out, 0);"));
                    self.encode(out, *only, place, depth);
                }
                _ => put(out, &format!("{place}.encode(out);")),
            },
        }
    }

    /// An expression that reads a value.
    fn decode(&self, id: NodeId, style: Style) -> String {
        let kind = self.schema.kind(id);
        match (self.native(id), kind) {
            (Some(native), Kind::Int) => return format!("{native}(r.int()?)"),
            (Some(native), Kind::Long) => return format!("{native}(r.long()?)"),
            (Some(native), _) => return format!("{}::decode(r)?", native.replace('<', "::<")),
            (None, _) => {}
        }
        match (kind, style) {
            (Kind::Null, _) => "()".into(),
            (Kind::Boolean, _) => "r.boolean()?".into(),
            (Kind::Int, _) => "r.int()?".into(),
            (Kind::Long, _) => "r.long()?".into(),
            (Kind::Float, _) => "r.float()?".into(),
            (Kind::Double, _) => "r.double()?".into(),
            (Kind::Bytes, Style::Owned) => "r.bytes()?.to_vec()".into(),
            (Kind::Bytes, Style::Borrowed) => "r.bytes()?".into(),
            (Kind::String, Style::Owned) => "r.string()?.to_owned()".into(),
            (Kind::String, Style::Borrowed) => "r.string()?".into(),
            (Kind::Fixed(_), _) => "r.array()?".into(),
            // A symbol of this name would be meant.
            (Kind::Enum(kind), _) if kind.symbols.iter().any(|symbol| &**symbol == "decode") => {
                format!("<{} as {}<'_>>::decode(r)?", self.rust_type(id, style), self.outer("Decode"))
            }
            (Kind::Enum(_) | Kind::Record(_), _) => {
                format!("{}::decode(r)?", self.rust_type(id, style).replace("<'a>", ""))
            }
            (Kind::Array(inner), _) => items(&self.outer("Vec"), &format!("items.push({});", self.decode(*inner, style))),
            (Kind::Map(inner), _) => {
                let key = if style == Style::Owned { "r.string()?.to_owned()" } else { "r.string()?" };
                let insert = format!("let key = {key};\nitems.insert(key, {});", self.decode(*inner, style));
                items("::std::collections::BTreeMap", &insert)
            }
            (Kind::Union(branches), _) => match (optional(self.schema, branches), &branches[..]) {
                (Some((null, _, inner)), _) => {
                    let value = self.decode_boxed(inner, style);
                    let (first, second) = ("None".to_owned(), format!("Some({value})"));
                    let (first, second) = if null == 0 { (first, second) } else { (second, first) };
                    let malformed = self.outer("Malformed");
                    format!("match r.index(2, {malformed}::Branch)? {{\n0 => {first},\n_ => {second},\n}}")
                }
                (None, [only]) => {
                    format!("{{\nr.index(1, {}::Branch)?;\n{}\n}}", self.outer("Malformed"), self.decode_boxed(*only, style))
                }
                _ => format!("{}::decode(r)?", self.rust_type(id, style).replace("<'a>", "")),
            },
        }
    }

    fn decode_boxed(&self, id: NodeId, style: Style) -> String {
        let plain = self.decode(id, style);
        if self.is_boxed(id) { format!("{}::new({plain})", self.outer("Box")) } else { plain }
    }
}

/// A block expression that gathers the items of an array or map.
fn items(container: &str, each: &str) -> String {
    format!(
        "{{\nlet mut items = {container}::new();\nloop {{\nlet count = r.block()?;\nif count == 0 {{\nbreak items;\n}}\nfor _ in 0..count {{\n{each}\n}}\n}}\n}}"
    )
}

fn doc(out: &mut String, indent: &str, doc: Option<&str>) {
    for line in doc.into_iter().flat_map(str::lines) {
        let _ = writeln!(out, "{indent}/// {}", line.trim_end().replace('\r', " "));
    }
}
