//! Python: dataclasses and enums that write and read themselves by fastavro.

use std::fmt::Write as _;

use super::{definitions, unnamed};
use crate::{
    Flaw,
    avro::{Kind, Logical, Name, NodeId, Record, Schema},
};

const RESERVED: [&str; 38] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
    "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "yield", "SCHEMA", "NAME", "self",
];

/// A module's text for all types of the schema. Two types of the same simple name carry their namespaces in their names.
pub fn python(schema: &Schema) -> Result<String, Flaw> {
    let list = definitions(schema);
    if list.is_empty() {
        return Err(unnamed());
    }
    let writer = Writer { schema, list: &list };
    let name = schema.name().unwrap_or("a schema");
    let mut out =
        format!("\"\"\"Types of {name}, made by `milena avro compile`. Changes are lost when it is made again.\"\"\"\n");
    out.push_str(
        "\nfrom __future__ import annotations\n\nimport dataclasses\nimport datetime\nimport decimal\nimport enum\nimport io\nimport json\nimport typing\nimport uuid\n\n",
    );
    out.push_str("import fastavro\n\n_PARSED: dict = {}\n\n\ndef _parsed(kind):\n    if kind not in _PARSED:\n");
    out.push_str("        _PARSED[kind] = fastavro.parse_schema(json.loads(kind.SCHEMA))\n    return _PARSED[kind]\n");
    out.push_str("\n\ndef _tag(name, value):\n    return (name, value)\n");
    for id in &list {
        match schema.kind(*id) {
            Kind::Record(record) => writer.record(&mut out, *id, record),
            Kind::Enum(kind) => {
                let _ = writeln!(out, "\n\nclass {}(enum.Enum):", writer.class(&kind.name));
                doc(&mut out, kind.doc.as_deref());
                for symbol in &kind.symbols {
                    let _ = writeln!(out, "    {} = \"{symbol}\"", word(symbol));
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

fn word(name: &str) -> String {
    // Two underscores in front would be changed by the class around them.
    if RESERVED.contains(&name) || name.starts_with("__") { format!("f_{name}_") } else { name.to_owned() }
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
    list: &'a [NodeId],
}

impl Writer<'_> {
    fn class(&self, name: &Name) -> String {
        let same = self.list.iter().filter(|id| self.schema.kind(**id).name().is_some_and(|n| n.simple() == name.simple()));
        if same.count() > 1 { name.full().replace('.', "_") } else { word(name.simple()) }
    }

    fn record(&self, out: &mut String, id: NodeId, record: &Record) {
        let class = self.class(&record.name);
        let _ = writeln!(out, "\n\n@dataclasses.dataclass\nclass {class}:");
        doc(out, record.doc.as_deref());
        for field in &record.fields {
            let _ = writeln!(out, "    {}: {}", word(&field.name), self.python_type(field.schema));
        }
        let _ = writeln!(out, "\n    NAME: typing.ClassVar[str] = \"{}\"", record.name);
        let _ = writeln!(out, "    SCHEMA: typing.ClassVar[str] = {}", literal(&self.schema.canonical_of(id)));
        out.push_str("\n    def to_avro(self) -> dict:\n        return {\n");
        for field in &record.fields {
            let value = self.write(field.schema, &format!("self.{}", word(&field.name)), 0, false);
            let _ = writeln!(out, "            \"{}\": {value},", field.name);
        }
        out.push_str("        }\n\n    @classmethod\n");
        let _ = writeln!(out, "    def from_avro(cls, data: dict) -> {class}:\n        return cls(");
        for field in &record.fields {
            let value = self.read(field.schema, &format!("data[\"{}\"]", field.name), 0);
            let _ = writeln!(out, "            {}={value},", word(&field.name));
        }
        out.push_str("        )\n\n    def encode(self) -> bytes:\n        out = io.BytesIO()\n");
        let _ = writeln!(
            out,
            "        fastavro.schemaless_writer(out, _parsed({class}), self.to_avro())\n        return out.getvalue()\n"
        );
        let _ = writeln!(out, "    @classmethod\n    def decode(cls, data: bytes) -> {class}:");
        out.push_str("        tags = {\"return_record_name\": True, \"return_named_type\": True}\n");
        out.push_str("        return cls.from_avro(fastavro.schemaless_reader(io.BytesIO(data), _parsed(cls), None, **tags))\n");
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
            Kind::Record(record) => self.class(&record.name),
            Kind::Enum(kind) => self.class(&kind.name),
        }
    }

    /// fastavro gives and takes Python's own types for logical types that it knows.
    fn number(&self, id: NodeId, plain: &str) -> String {
        let Some(logical) = self.schema.node(id).logical else { return plain.into() };
        match logical {
            Logical::Date => "datetime.date",
            Logical::TimeMillis | Logical::TimeMicros => "datetime.time",
            Logical::TimestampMillis | Logical::TimestampMicros => "datetime.datetime",
            Logical::LocalTimestampMillis | Logical::LocalTimestampMicros => "datetime.datetime",
            Logical::Decimal { .. } => "decimal.Decimal",
            Logical::Uuid => "uuid.UUID",
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
                        kind => kind.name().map_or_else(|| "object".to_owned(), |name| self.class(name)),
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
            Kind::Record(record) => format!("{}.from_avro({place})", self.class(&record.name)),
            Kind::Enum(kind) => format!("{}({place})", self.class(&kind.name)),
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
