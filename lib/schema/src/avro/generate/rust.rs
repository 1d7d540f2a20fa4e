//! Rust: structs and enums that write and read themselves, owned and borrowed, in modules by namespace.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt::Write as _,
};

use super::{camel, definitions, optional, unnamed};
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
    let mut writer = Writer { schema, modules: BTreeMap::new(), lends: lends(schema), path: Vec::new() };
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
            let _ = writeln!(out, "{indent}use milena_schema::avro::{{Decode, Encode, Malformed, Typed, binary, native}};");
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
    /// The module that is being written.
    path: Vec<String>,
}

/// The type for a logical type on a type without a name. It owns what it holds, also in the borrowed form.
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
        Logical::Decimal { scale, .. } => return Some(format!("native::Decimal<{scale}>")),
        Logical::BigDecimal | Logical::Duration => return None,
    };
    Some(format!("native::{name}"))
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
                enumeration(&mut items, kind);
                self.typed(&mut items, id, name);
            }
            Kind::Fixed(kind) => {
                doc(&mut items, "", kind.doc.as_deref());
                let _ = writeln!(items, "pub type {} = [u8; {}];", word(name.simple()), kind.size);
            }
            _ => {}
        }
        self.modules.entry(self.path.clone()).or_default().push_str(&items);
        Ok(())
    }

    fn typed(&self, out: &mut String, id: NodeId, name: &Name) {
        let _ = writeln!(out, "\nimpl Typed for {} {{", word(name.simple()));
        let text = if id == self.schema.root { self.schema.canonical_whole() } else { self.schema.canonical_of(id) };
        let _ = writeln!(out, "    const SCHEMA: &'static str = {text:?};");
        let _ = writeln!(out, "    const NAME: &'static str = {:?};\n}}", name.full());
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
            text += &format!("{}Ref<'a>", name.simple());
        } else {
            text += &word(name.simple());
        }
        text
    }

    /// The Rust type; `whole` names the enum that a union would need.
    fn rust_type(&self, id: NodeId, whole: &str, style: Style) -> String {
        let kind = self.schema.kind(id);
        if let Some(name) = kind.name() {
            return self.named(id, name, style);
        }
        if let Some(native) = native(self.schema, id) {
            return native;
        }
        match (kind, style) {
            (Kind::Null, _) => "()".into(),
            (Kind::Boolean, _) => "bool".into(),
            (Kind::Int, _) => "i32".into(),
            (Kind::Long, _) => "i64".into(),
            (Kind::Float, _) => "f32".into(),
            (Kind::Double, _) => "f64".into(),
            (Kind::Bytes, Style::Owned) => "Vec<u8>".into(),
            (Kind::Bytes, Style::Borrowed) => "&'a [u8]".into(),
            (Kind::String, Style::Owned) => "String".into(),
            (Kind::String, Style::Borrowed) => "&'a str".into(),
            (Kind::Array(items), _) => format!("Vec<{}>", self.rust_type(*items, whole, style)),
            (Kind::Map(values), _) => {
                let key = if style == Style::Owned { "String" } else { "&'a str" };
                format!("std::collections::BTreeMap<{key}, {}>", self.rust_type(*values, whole, style))
            }
            (Kind::Union(branches), _) => match (optional(self.schema, branches), &branches[..]) {
                (Some((_, _, inner)), _) => format!("Option<{}>", self.boxed(inner, whole, style)),
                (None, [only]) => self.boxed(*only, whole, style),
                _ if style == Style::Borrowed && self.lends.contains(&id) => format!("{whole}Ref<'a>"),
                _ => whole.to_owned(),
            },
            _ => "()".into(),
        }
    }

    /// Records in unions are boxed where they could hold themselves without end.
    fn boxed(&self, id: NodeId, whole: &str, style: Style) -> String {
        let plain = self.rust_type(id, whole, style);
        if self.is_boxed(id) { format!("Box<{plain}>") } else { plain }
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
        let simple = record.name.simple();
        if self.reaches_plainly(id, id, &mut BTreeSet::new()) {
            return Err(Flaw::new(format!("record {} holds itself without a union between, and has no values", record.name)));
        }
        let (name, life) = match style {
            Style::Owned => (word(simple), ""),
            Style::Borrowed => (format!("{simple}Ref"), "<'a>"),
        };
        out.push('\n');
        doc(out, "", record.doc.as_deref());
        let _ = writeln!(out, "#[derive(Debug, Clone, PartialEq)]\npub struct {name}{life} {{");
        for field in &record.fields {
            doc(out, "    ", field.doc.as_deref());
            if let Some(logical) = self.schema.node(field.schema).logical {
                let _ = writeln!(out, "    /// Logical type {}.", logical.name());
            }
            let whole = format!("{simple}{}", camel(&field.name));
            let _ = writeln!(out, "    pub {}: {},", word(&field.name), self.rust_type(field.schema, &whole, style));
        }
        out.push_str("}\n");
        let _ = writeln!(out, "\nimpl{life} Encode for {name}{life} {{\n    fn encode(&self, out: &mut Vec<u8>) {{");
        for field in &record.fields {
            self.encode(out, field.schema, &format!("self.{}", word(&field.name)), 2);
        }
        out.push_str("    }\n}\n");
        let input = if style == Style::Owned { "'_" } else { "'a" };
        let input_life = if style == Style::Owned { "<'_>" } else { "<'a>" };
        let _ = writeln!(out, "\nimpl{life} Decode{input_life} for {name}{life} {{");
        let _ =
            writeln!(out, "    fn decode(r: &mut binary::Reader<{input}>) -> Result<Self, Malformed> {{\n        r.enter()?;");
        let _ = writeln!(out, "        let value = Self {{");
        for field in &record.fields {
            let whole = format!("{simple}{}", camel(&field.name));
            let _ = writeln!(out, "            {}: {},", word(&field.name), self.decode(field.schema, &whole, style));
        }
        out.push_str("        };\n        r.leave();\n        Ok(value)\n    }\n}\n");
        for field in &record.fields {
            self.unions(out, field.schema, &format!("{simple}{}", camel(&field.name)), style);
        }
        Ok(())
    }

    fn reaches_plainly(&self, from: NodeId, to: NodeId, seen: &mut BTreeSet<NodeId>) -> bool {
        let Kind::Record(record) = self.schema.kind(from) else { return false };
        record.fields.iter().any(|f| f.schema == to || (seen.insert(f.schema) && self.reaches_plainly(f.schema, to, seen)))
    }

    /// The enums that the unions of a field need.
    fn unions(&self, out: &mut String, id: NodeId, whole: &str, style: Style) {
        match self.schema.kind(id) {
            Kind::Array(inner) | Kind::Map(inner) => self.unions(out, *inner, whole, style),
            Kind::Union(branches) => match (optional(self.schema, branches), &branches[..]) {
                (Some((_, _, inner)), _) => self.unions(out, inner, whole, style),
                (None, [only]) => self.unions(out, *only, whole, style),
                _ => {
                    let lends = self.lends.contains(&id);
                    if style == Style::Owned || lends {
                        self.union(out, branches, whole, if lends { style } else { Style::Owned });
                    }
                    for (index, branch) in branches.iter().enumerate() {
                        self.unions(out, *branch, &format!("{whole}{}", self.variant(branches, index)), style);
                    }
                }
            },
            _ => {}
        }
    }

    fn variant(&self, branches: &[NodeId], index: usize) -> String {
        let kind = self.schema.kind(branches[index]);
        let short = kind.name().map_or(kind.type_name(), Name::simple);
        let twice = branches.iter().filter(|b| {
            let kind = self.schema.kind(**b);
            camel(kind.name().map_or(kind.type_name(), Name::simple)) == camel(short)
        });
        if twice.count() > 1 { camel(&kind.branch_name().replace('.', "_")) } else { word(&camel(short)) }
    }

    fn union(&self, out: &mut String, branches: &[NodeId], whole: &str, style: Style) {
        let (name, life, input) = match style {
            Style::Owned => (whole.to_owned(), "", "'_"),
            Style::Borrowed => (format!("{whole}Ref"), "<'a>", "'a"),
        };
        let variants: Vec<String> = (0..branches.len()).map(|index| self.variant(branches, index)).collect();
        let _ = writeln!(out, "\n#[derive(Debug, Clone, PartialEq)]\npub enum {name}{life} {{");
        for (branch, variant) in branches.iter().zip(&variants) {
            match self.schema.kind(*branch) {
                Kind::Null => out.push_str(&format!("    {variant},\n")),
                _ => out.push_str(&format!("    {variant}({}),\n", self.boxed(*branch, &format!("{whole}{variant}"), style))),
            }
        }
        let _ = writeln!(out, "}}\n\nimpl{life} Encode for {name}{life} {{\n    fn encode(&self, out: &mut Vec<u8>) {{");
        out.push_str("        match self {\n");
        for (index, (branch, variant)) in branches.iter().zip(&variants).enumerate() {
            let holds = if matches!(self.schema.kind(*branch), Kind::Null) { "" } else { "(item)" };
            let _ = writeln!(out, "            Self::{variant}{holds} => {{\n                binary::put_long(out, {index});");
            self.encode(out, *branch, "(*item)", 4);
            out.push_str("            }\n");
        }
        out.push_str("        }\n    }\n}\n");
        let trait_life = if style == Style::Owned { "<'_>" } else { "<'a>" };
        let _ = writeln!(out, "\nimpl{life} Decode{trait_life} for {name}{life} {{");
        let _ = writeln!(out, "    fn decode(r: &mut binary::Reader<{input}>) -> Result<Self, Malformed> {{");
        let _ = writeln!(out, "        Ok(match r.index({}, Malformed::Branch)? {{", branches.len());
        for (index, (branch, variant)) in branches.iter().zip(&variants).enumerate() {
            let pattern = if index + 1 == branches.len() { "_".to_owned() } else { index.to_string() };
            match self.schema.kind(*branch) {
                Kind::Null => out.push_str(&format!("            {pattern} => Self::{variant},\n")),
                _ => {
                    let value = self.decode_boxed(*branch, &format!("{whole}{variant}"), style);
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
        match self.schema.kind(id) {
            Kind::Null => {}
            Kind::Int if native => put(out, &format!("binary::put_int(out, {place}.0);")),
            Kind::Long if native => put(out, &format!("binary::put_long(out, {place}.0);")),
            Kind::Bytes | Kind::String if native => put(out, &format!("{place}.encode(out);")),
            Kind::Boolean => put(out, &format!("binary::put_boolean(out, {place});")),
            Kind::Int => put(out, &format!("binary::put_int(out, {place});")),
            Kind::Long => put(out, &format!("binary::put_long(out, {place});")),
            Kind::Float => put(out, &format!("binary::put_float(out, {place});")),
            Kind::Double => put(out, &format!("binary::put_double(out, {place});")),
            Kind::Bytes => put(out, &format!("binary::put_bytes(out, &{place});")),
            Kind::String => put(out, &format!("binary::put_string(out, &{place});")),
            Kind::Fixed(_) => put(out, &format!("out.extend_from_slice(&{place});")),
            Kind::Enum(_) | Kind::Record(_) => put(out, &format!("{place}.encode(out);")),
            Kind::Array(inner) | Kind::Map(inner) => {
                let is_map = matches!(self.schema.kind(id), Kind::Map(_));
                put(out, &format!("binary::put_count(out, {place}.len());"));
                let each = if is_map { "(key, item)" } else { "item" };
                put(out, &format!("for {each} in &{place} {{"));
                if is_map {
                    put(out, "    binary::put_string(out, key);");
                }
                self.encode(out, *inner, "(*item)", depth + 1);
                put(out, "}\n");
                put(out, "out.push(0);");
            }
            Kind::Union(branches) => match (optional(self.schema, branches), &branches[..]) {
                (Some((null, some, inner)), _) => {
                    put(out, &format!("match &{place} {{"));
                    put(out, &format!("    None => binary::put_long(out, {null}),"));
                    put(out, &format!("    Some(item) => {{\n{indent}        binary::put_long(out, {some});"));
                    self.encode(out, inner, "(*item)", depth + 2);
                    put(out, &format!("    }}\n{indent}}}"));
                }
                (None, [only]) => {
                    put(out, "binary::put_long(out, 0);");
                    self.encode(out, *only, place, depth);
                }
                _ => put(out, &format!("{place}.encode(out);")),
            },
        }
    }

    /// An expression that reads a value.
    fn decode(&self, id: NodeId, whole: &str, style: Style) -> String {
        let kind = self.schema.kind(id);
        match (native(self.schema, id), kind) {
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
            (Kind::Enum(_) | Kind::Record(_), _) => {
                format!("{}::decode(r)?", self.rust_type(id, whole, style).replace("<'a>", ""))
            }
            (Kind::Array(inner), _) => items("Vec", &format!("items.push({});", self.decode(*inner, whole, style))),
            (Kind::Map(inner), _) => {
                let key = if style == Style::Owned { "r.string()?.to_owned()" } else { "r.string()?" };
                let insert = format!("let key = {key};\nitems.insert(key, {});", self.decode(*inner, whole, style));
                items("std::collections::BTreeMap", &insert)
            }
            (Kind::Union(branches), _) => match (optional(self.schema, branches), &branches[..]) {
                (Some((null, _, inner)), _) => {
                    let value = self.decode_boxed(inner, whole, style);
                    let (first, second) = ("None".to_owned(), format!("Some({value})"));
                    let (first, second) = if null == 0 { (first, second) } else { (second, first) };
                    format!("match r.index(2, Malformed::Branch)? {{\n0 => {first},\n_ => {second},\n}}")
                }
                (None, [only]) => format!("{{\nr.index(1, Malformed::Branch)?;\n{}\n}}", self.decode_boxed(*only, whole, style)),
                _ => format!("{}::decode(r)?", self.rust_type(id, whole, style).replace("<'a>", "")),
            },
        }
    }

    fn decode_boxed(&self, id: NodeId, whole: &str, style: Style) -> String {
        let plain = self.decode(id, whole, style);
        if self.is_boxed(id) { format!("Box::new({plain})") } else { plain }
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

fn enumeration(out: &mut String, kind: &Enumeration) {
    let name = word(kind.name.simple());
    out.push('\n');
    doc(out, "", kind.doc.as_deref());
    let _ = writeln!(out, "#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\npub enum {name} {{");
    for symbol in &kind.symbols {
        let _ = writeln!(out, "    {},", word(symbol));
    }
    let _ = writeln!(out, "}}\n\nimpl {name} {{\n    /// Every symbol, in the order of the schema.");
    let all: Vec<String> = kind.symbols.iter().map(|s| format!("Self::{}", word(s))).collect();
    let _ = writeln!(out, "    pub const ALL: [Self; {}] = [{}];\n", all.len(), all.join(", "));
    let _ = writeln!(
        out,
        "    /// The symbol as the schema writes it.\n    pub fn symbol(self) -> &'static str {{\n        match self {{"
    );
    for symbol in &kind.symbols {
        let _ = writeln!(out, "            Self::{} => {symbol:?},", word(symbol));
    }
    out.push_str("        }\n    }\n}\n");
    let _ = writeln!(out, "\nimpl Encode for {name} {{\n    fn encode(&self, out: &mut Vec<u8>) {{");
    let _ = writeln!(out, "        binary::put_long(out, *self as i64);\n    }}\n}}");
    let _ = writeln!(out, "\nimpl Decode<'_> for {name} {{");
    let _ = writeln!(out, "    fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {{");
    let _ = writeln!(out, "        Ok(Self::ALL[r.index({}, Malformed::Symbol)?])\n    }}\n}}", all.len());
}
