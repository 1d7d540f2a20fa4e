//! Python: dataclasses and enums that write and read themselves by fastavro.

use std::{collections::HashMap, fmt::Write as _};

use super::{apart, definitions, unnamed};
use crate::{
    Flaw,
    avro::{Enumeration, Kind, Logical, Name, NodeId, Record, Schema},
};

/// Words that no name may be, the last three because a class has them.
const RESERVED: [&str; 38] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
    "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "yield", "SCHEMA", "NAME", "self",
];
/// Methods that a class has: a field of their names would get them as its default.
const METHODS: [&str; 4] = ["encode", "decode", "to_avro", "from_avro"];
/// Modules, known here with an underscore in front.
const MODULES: [&str; 8] = ["dataclasses", "datetime", "decimal", "enum", "io", "json", "typing", "uuid"];
/// What the module's functions use or are.
const USED: [&str; 10] =
    ["classmethod", "dict", "isinstance", "list", "object", "tuple", "_fastavro", "_PARSED", "_parsed", "_tag"];

/// A module's text for all types of the schema. Two types of the same simple name carry their namespaces in their names.
pub fn python(schema: &Schema) -> Result<String, Flaw> {
    let list = definitions(schema);
    if list.is_empty() {
        return Err(unnamed());
    }
    let writer = Writer { schema, classes: classes(schema, &list) };
    let name = schema.name().unwrap_or("a schema");
    let mut out =
        format!("\"\"\"Types of {name}, made by `milena avro compile`. Changes are lost when it is made again.\"\"\"\n");
    out.push_str("\nfrom __future__ import annotations\n\n");
    for module in MODULES {
        let _ = writeln!(out, "import {module} as _{module}");
    }
    out.push_str("\nimport fastavro as _fastavro\n\n_PARSED: dict = {}\n\n\ndef _parsed(kind):\n    if kind not in _PARSED:\n");
    out.push_str("        _PARSED[kind] = _fastavro.parse_schema(_json.loads(kind.SCHEMA))\n    return _PARSED[kind]\n");
    out.push_str("\n\ndef _tag(name, value):\n    return (name, value)\n");
    for id in &list {
        match schema.kind(*id) {
            Kind::Record(record) => writer.record(&mut out, *id, record),
            Kind::Enum(kind) => {
                let _ = writeln!(out, "\n\nclass {}(_enum.Enum):", writer.classes[id]);
                doc(&mut out, kind.doc.as_deref());
                for (symbol, member) in kind.symbols.iter().zip(symbols(kind)) {
                    let _ = writeln!(out, "    {member} = \"{symbol}\"");
                }
                if kind.symbols.is_empty() {
                    out.push_str("    pass\n");
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Two underscores in front would be changed by the class around them.
fn word(name: &str, taken: &[&str]) -> String {
    let taken = RESERVED.contains(&name) || taken.contains(&name) || name.starts_with("__");
    if taken { format!("f_{name}_") } else { name.to_owned() }
}

fn members(record: &Record) -> Vec<String> {
    apart(record.fields.iter().map(|field| word(&field.name, &METHODS)))
}

/// Names between underscores are the library's own.
fn symbols(kind: &Enumeration) -> Vec<String> {
    apart(kind.symbols.iter().map(|symbol| match symbol.len() > 2 && symbol.starts_with('_') && symbol.ends_with('_') {
        true => format!("f_{symbol}_"),
        false => word(symbol, &["mro"]),
    }))
}

fn classes(schema: &Schema, list: &[NodeId]) -> HashMap<NodeId, String> {
    let names: Vec<(NodeId, &Name)> = list.iter().filter_map(|id| Some((*id, schema.kind(*id).name()?))).collect();
    let one = |(_, name): &(NodeId, &Name)| {
        let same = names.iter().filter(|(_, other)| other.simple() == name.simple()).count();
        let plain = if same > 1 { name.full().replace('.', "_") } else { name.simple().to_owned() };
        let module = plain.strip_prefix('_').is_some_and(|name| MODULES.contains(&name));
        if module { format!("f_{plain}_") } else { word(&plain, &USED) }
    };
    names.iter().map(|(id, _)| *id).zip(apart(names.iter().map(one))).collect()
}

/// A docstring, which cannot end before its end.
fn doc(out: &mut String, doc: Option<&str>) {
    if let Some(doc) = doc {
        let _ = writeln!(out, "    {}", literal(doc));
    }
}

/// JSON's strings are Python's, but for letters beyond ASCII, which Python takes as they are.
fn literal(text: &str) -> String {
    let mut out = String::new();
    crate::avro::text::string(&mut out, text);
    out
}

struct Writer<'a> {
    schema: &'a Schema,
    classes: HashMap<NodeId, String>,
}

impl Writer<'_> {
    fn record(&self, out: &mut String, id: NodeId, record: &Record) {
        let (class, members) = (&self.classes[&id], members(record));
        let _ = writeln!(out, "\n\n@_dataclasses.dataclass\nclass {class}:");
        doc(out, record.doc.as_deref());
        for (field, member) in record.fields.iter().zip(&members) {
            let _ = writeln!(out, "    {member}: {}", self.python_type(field.schema));
        }
        let _ = writeln!(out, "\n    NAME: _typing.ClassVar[str] = \"{}\"", record.name);
        let _ = writeln!(out, "    SCHEMA: _typing.ClassVar[str] = {}", literal(&self.schema.canonical_of(id)));
        out.push_str("\n    def to_avro(self) -> dict:\n        return {\n");
        for (field, member) in record.fields.iter().zip(&members) {
            let value = self.write(field.schema, &format!("self.{member}"), 0, false);
            let _ = writeln!(out, "            \"{}\": {value},", field.name);
        }
        out.push_str("        }\n\n    @classmethod\n");
        let _ = writeln!(out, "    def from_avro(cls, data: dict) -> {class}:\n        return cls(");
        for (field, member) in record.fields.iter().zip(&members) {
            let value = self.read(field.schema, &format!("data[\"{}\"]", field.name), 0);
            let _ = writeln!(out, "            {member}={value},");
        }
        out.push_str("        )\n\n    def encode(self) -> bytes:\n        out = _io.BytesIO()\n");
        out.push_str("        _fastavro.schemaless_writer(out, _parsed(self.__class__), self.to_avro())\n");
        out.push_str("        return out.getvalue()\n\n");
        let _ = writeln!(out, "    @classmethod\n    def decode(cls, data: bytes) -> {class}:");
        out.push_str("        tags = {\"return_record_name\": True, \"return_named_type\": True}\n");
        out.push_str(
            "        return cls.from_avro(_fastavro.schemaless_reader(_io.BytesIO(data), _parsed(cls), None, **tags))\n",
        );
    }

    fn python_type(&self, id: NodeId) -> String {
        let kind = self.schema.kind(id);
        match kind {
            Kind::Null => "None".into(),
            Kind::Boolean => "bool".into(),
            Kind::Int | Kind::Long => self.number(id, "int"),
            Kind::Float | Kind::Double => "float".into(),
            Kind::Bytes | Kind::Fixed(_) => self.number(id, "bytes"),
            Kind::String => self.number(id, "str"),
            Kind::Array(items) => format!("list[{}]", self.python_type(*items)),
            Kind::Map(values) => format!("dict[str, {}]", self.python_type(*values)),
            Kind::Union(branches) => {
                let mut list: Vec<String> = branches.iter().map(|b| self.python_type(*b)).collect();
                list.dedup();
                list.join(" | ")
            }
            Kind::Record(_) => self.classes[&id].clone(),
            Kind::Enum(_) => self.classes[&id].clone(),
        }
    }

    /// fastavro gives and takes Python's own types for logical types that it knows.
    fn number(&self, id: NodeId, plain: &str) -> String {
        let Some(logical) = self.schema.node(id).logical else { return plain.into() };
        match logical {
            Logical::Date => "_datetime.date",
            Logical::TimeMillis | Logical::TimeMicros => "_datetime.time",
            Logical::TimestampMillis | Logical::TimestampMicros => "_datetime.datetime",
            Logical::LocalTimestampMillis | Logical::LocalTimestampMicros => "_datetime.datetime",
            Logical::Decimal { .. } => "_decimal.Decimal",
            Logical::Uuid => "_uuid.UUID",
            Logical::TimestampNanos | Logical::LocalTimestampNanos | Logical::BigDecimal | Logical::Duration => plain,
        }
        .into()
    }

    /// Whether a value goes through unchanged.
    fn is_plain(&self, id: NodeId) -> bool {
        match self.schema.kind(id) {
            Kind::Record(_) | Kind::Enum(_) => false,
            Kind::Array(inner) | Kind::Map(inner) => self.is_plain(*inner),
            Kind::Union(branches) => branches.iter().all(|b| self.is_plain(*b)),
            _ => true,
        }
    }

    fn write(&self, id: NodeId, place: &str, depth: usize, in_union: bool) -> String {
        if self.is_plain(id) {
            return place.to_owned();
        }
        let item = format!("v{depth}");
        match self.schema.kind(id) {
            Kind::Record(record) if in_union => format!("_tag(\"{}\", {place}.to_avro())", record.name),
            Kind::Record(_) => format!("{place}.to_avro()"),
            Kind::Enum(kind) if in_union => format!("_tag(\"{}\", {place}.value)", kind.name),
            Kind::Enum(_) => format!("{place}.value"),
            Kind::Array(inner) => format!("[{} for {item} in {place}]", self.write(*inner, &item, depth + 1, false)),
            Kind::Map(inner) => {
                format!("{{k{depth}: {} for k{depth}, {item} in {place}.items()}}", self.write(*inner, &item, depth + 1, false))
            }
            Kind::Union(branches) => {
                let mut text = place.to_owned();
                for branch in branches.iter().rev().filter(|b| !self.is_plain(**b)) {
                    let is = match self.schema.kind(*branch) {
                        Kind::Array(_) => "list".to_owned(),
                        Kind::Map(_) => "dict".to_owned(),
                        _ => self.classes.get(branch).cloned().unwrap_or_else(|| "object".to_owned()),
                    };
                    let value = self.write(*branch, place, depth, true);
                    text = format!("({value} if isinstance({place}, {is}) else {text})");
                }
                text
            }
            _ => place.to_owned(),
        }
    }

    fn read(&self, id: NodeId, place: &str, depth: usize) -> String {
        if self.is_plain(id) {
            return place.to_owned();
        }
        let item = format!("v{depth}");
        match self.schema.kind(id) {
            Kind::Record(_) => format!("{}.from_avro({place})", self.classes[&id]),
            Kind::Enum(_) => format!("{}({place})", self.classes[&id]),
            Kind::Array(inner) => format!("[{} for {item} in {place}]", self.read(*inner, &item, depth + 1)),
            Kind::Map(inner) => {
                format!("{{k{depth}: {} for k{depth}, {item} in {place}.items()}}", self.read(*inner, &item, depth + 1))
            }
            // Named branches come as a name and a value.
            Kind::Union(branches) => {
                let mut text = place.to_owned();
                for branch in branches.iter().rev().filter(|b| !self.is_plain(**b)) {
                    let kind = self.schema.kind(*branch);
                    let is = match kind {
                        Kind::Array(_) => format!("isinstance({place}, list)"),
                        Kind::Map(_) => format!("isinstance({place}, dict)"),
                        kind => format!("isinstance({place}, tuple) and {place}[0] == \"{}\"", kind.branch_name()),
                    };
                    let inner = if kind.name().is_some() { format!("{place}[1]") } else { place.to_owned() };
                    text = format!("({} if {is} else {text})", self.read(*branch, &inner, depth));
                }
                text
            }
            _ => place.to_owned(),
        }
    }
}
