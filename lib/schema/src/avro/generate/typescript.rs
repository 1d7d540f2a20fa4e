//! TypeScript: interfaces, with functions that write and read them. The module stands alone: what it needs comes with it.
//!
//! A long is a `bigint`, bytes are a `Uint8Array`, a map is a `Map`. Null or something else is `T | null`; a union of more
//! says which branch it is: `{ is: "string", value: "x" }`.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use super::{definitions, optional, unnamed};
use crate::{
    Flaw,
    avro::{Kind, Logical, Name, NodeId, Record, Schema, text},
};

/// What every module begins with.
const RUNTIME: &str = include_str!("runtime.ts");

/// Names that a type may not have, since the language or the runtime has them.
const RESERVED: [&str; 61] = [
    "any",
    "as",
    "async",
    "await",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "never",
    "new",
    "null",
    "number",
    "object",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "undefined",
    "unknown",
    "var",
    "void",
    "while",
    "Reader",
    "Writer",
    "Map",
    "Date",
];
/// More of the runtime's and of what it uses, and names of parameters.
const TAKEN: [&str; 34] = [
    "Malformed",
    "Uint8Array",
    "DataView",
    "BigInt",
    "Number",
    "Math",
    "RangeError",
    "Error",
    "TextDecoder",
    "TextEncoder",
    "Array",
    "String",
    "TEXT",
    "LETTERS",
    "DAY",
    "readSymbol",
    "writeSymbol",
    "dateOf",
    "daysOf",
    "moment",
    "decimalOf",
    "bytesOf",
    "with",
    "yield",
    "arguments",
    "eval",
    "NaN",
    "Infinity",
    "ReadonlyMap",
    "Symbol",
    "w",
    "r",
    "value",
    "bytes",
];

/// A module's text for all types of the schema. Two types of the same simple name carry their namespaces in their names.
pub fn typescript(schema: &Schema) -> Result<String, Flaw> {
    let list = definitions(schema);
    if list.is_empty() {
        return Err(unnamed());
    }
    let writer = Writer { schema, classes: classes(schema, &list) };
    let name = schema.name().unwrap_or("a schema");
    let mut out = format!("// Types of {name}, made by `milena avro compile`. Changes are lost when it is made again.\n");
    for id in &list {
        match schema.kind(*id) {
            Kind::Record(record) => writer.record(&mut out, *id, record),
            Kind::Enum(kind) => {
                let class = &writer.classes[id];
                out.push('\n');
                doc(&mut out, "", kind.doc.as_deref());
                let symbols: Vec<String> = kind.symbols.iter().map(|symbol| quoted(symbol)).collect();
                let _ = writeln!(out, "export const {class} = [{}] as const;", symbols.join(", "));
                let _ = writeln!(out, "export type {class} = (typeof {class})[number];");
            }
            Kind::Fixed(kind) => {
                out.push('\n');
                doc(&mut out, "", kind.doc.as_deref());
                let _ = writeln!(out, "/** {} bytes. */\nexport type {} = Uint8Array;", kind.size, writer.classes[id]);
            }
            _ => {}
        }
    }
    out.push('\n');
    out.push_str(RUNTIME);
    Ok(out)
}

fn quoted(plain: &str) -> String {
    let mut out = String::new();
    text::string(&mut out, plain);
    out
}

/// A comment that ends where it should, whatever it says.
fn doc(out: &mut String, indent: &str, doc: Option<&str>) {
    let Some(doc) = doc else { return };
    let _ =
        writeln!(out, "{indent}/** {} */", doc.replace("*/", "*\u{200b}/").replace(['\n', '\r', '\u{2028}', '\u{2029}'], " "));
}

/// A field's name in an object that is made: this one would be its prototype otherwise.
fn key(name: &str) -> String {
    if name == "__proto__" { "[\"__proto__\"]".into() } else { name.to_owned() }
}

/// What types are called: so that neither they nor what is made beside a record are called like something else.
fn classes(schema: &Schema, list: &[NodeId]) -> HashMap<NodeId, String> {
    let names: Vec<(NodeId, &Name)> = list.iter().filter_map(|id| Some((*id, schema.kind(*id).name()?))).collect();
    let mut taken: HashSet<String> = RESERVED.iter().chain(&TAKEN).map(|name| (*name).to_owned()).collect();
    let mut classes = HashMap::new();
    for (id, name) in &names {
        let same = names.iter().filter(|(_, other)| other.simple() == name.simple()).count();
        let mut class = if same > 1 { name.full().replace('.', "_") } else { name.simple().to_owned() };
        let beside = |class: &str| match schema.kind(*id) {
            Kind::Record(_) => BESIDE.iter().map(|(front, behind)| format!("{front}{class}{behind}")).collect(),
            _ => vec![class.to_owned()],
        };
        while is_local(&class) || beside(&class).iter().any(|name| taken.contains(name)) {
            class.push('_');
        }
        taken.extend(beside(&class));
        classes.insert(*id, class);
    }
    classes
}

/// What is made of a record.
const BESIDE: [(&str, &str); 7] =
    [("", ""), ("", "Name"), ("", "Schema"), ("write", ""), ("read", ""), ("encode", ""), ("decode", "")];

/// Whether a function has a variable of this name: `u` or `v` and a number.
fn is_local(name: &str) -> bool {
    name.strip_prefix(['u', 'v']).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

struct Writer<'a> {
    schema: &'a Schema,
    classes: HashMap<NodeId, String>,
}

impl Writer<'_> {
    fn record(&self, out: &mut String, id: NodeId, record: &Record) {
        let class = &self.classes[&id];
        out.push('\n');
        doc(out, "", record.doc.as_deref());
        let _ = writeln!(out, "export interface {class} {{");
        for field in &record.fields {
            doc(out, "  ", field.doc.as_deref());
            let _ = writeln!(out, "  {}: {};", field.name, self.kind(field.schema));
        }
        out.push_str("}\n");
        let _ = writeln!(out, "export const {class}Name = {};", quoted(record.name.full()));
        let _ = writeln!(out, "export const {class}Schema = {};", quoted(&self.schema.canonical_of(id)));
        let _ = writeln!(out, "export function write{class}(w: Writer, value: {class}): void {{");
        for field in &record.fields {
            let _ = writeln!(out, "  {};", self.write(field.schema, &format!("value.{}", field.name), 0));
        }
        let _ = writeln!(out, "}}\nexport function read{class}(r: Reader): {class} {{\n  return r.deeper(() => ({{");
        for field in &record.fields {
            let _ = writeln!(out, "    {}: {},", key(&field.name), self.read(field.schema));
        }
        let _ = writeln!(out, "  }}));\n}}\nexport function encode{class}(value: {class}): Uint8Array {{");
        let _ = writeln!(out, "  const w = new Writer();\n  write{class}(w, value);\n  return w.done();\n}}");
        let _ = writeln!(out, "export function decode{class}(bytes: Uint8Array): {class} {{");
        let _ = writeln!(out, "  const r = new Reader(bytes);\n  const value = read{class}(r);\n  r.end();\n  return value;\n}}");
    }

    /// The type of a value.
    fn kind(&self, id: NodeId) -> String {
        let node = self.schema.node(id);
        match (node.logical, &node.kind) {
            (Some(Logical::Date | Logical::TimestampMillis), _) => return "Date".into(),
            (Some(Logical::Decimal { .. }), _) => return "string".into(),
            _ => {}
        }
        match &node.kind {
            Kind::Null => "null".into(),
            Kind::Boolean => "boolean".into(),
            Kind::Int | Kind::Float | Kind::Double => "number".into(),
            Kind::Long => "bigint".into(),
            Kind::Bytes => "Uint8Array".into(),
            Kind::String => "string".into(),
            Kind::Array(inner) => format!("Array<{}>", self.kind(*inner)),
            Kind::Map(inner) => format!("Map<string, {}>", self.kind(*inner)),
            Kind::Union(branches) => match (optional(self.schema, branches), &branches[..]) {
                (Some((_, _, inner)), _) => format!("{} | null", self.kind(inner)),
                (None, [only]) => self.kind(*only),
                (None, []) => "never".into(),
                _ => {
                    let each = branches.iter().map(|branch| match self.schema.kind(*branch) {
                        Kind::Null => "null".into(),
                        kind => format!("{{ is: {}; value: {} }}", quoted(kind.branch_name()), self.kind(*branch)),
                    });
                    each.collect::<Vec<_>>().join(" | ")
                }
            },
            Kind::Record(_) | Kind::Enum(_) | Kind::Fixed(_) => self.classes[&id].clone(),
        }
    }

    /// A statement that writes the value at a place.
    fn write(&self, id: NodeId, place: &str, depth: usize) -> String {
        let node = self.schema.node(id);
        match (node.logical, &node.kind) {
            (Some(Logical::Date), _) => return format!("w.int(daysOf({place}))"),
            (Some(Logical::TimestampMillis), _) => return format!("w.long(BigInt({place}.getTime()))"),
            (Some(Logical::Decimal { scale, .. }), Kind::Fixed(fixed)) => {
                return format!("w.fixed(bytesOf({place}, {scale}, {0}), {0})", fixed.size);
            }
            (Some(Logical::Decimal { scale, .. }), _) => return format!("w.binary(bytesOf({place}, {scale}))"),
            _ => {}
        }
        let item = format!("v{depth}");
        match &node.kind {
            Kind::Null => format!("void {place}"),
            Kind::Boolean => format!("w.boolean({place})"),
            Kind::Int => format!("w.int({place})"),
            Kind::Long => format!("w.long({place})"),
            Kind::Float => format!("w.float({place})"),
            Kind::Double => format!("w.double({place})"),
            Kind::Bytes => format!("w.binary({place})"),
            Kind::String => format!("w.string({place})"),
            Kind::Array(inner) => format!("w.array({place}, ({item}) => {{ {}; }})", self.write(*inner, &item, depth + 1)),
            Kind::Map(inner) => format!("w.map({place}, ({item}) => {{ {}; }})", self.write(*inner, &item, depth + 1)),
            Kind::Union(branches) => self.write_union(branches, place, depth),
            Kind::Record(_) => format!("write{}(w, {place})", self.classes[&id]),
            Kind::Enum(_) => format!("writeSymbol(w, {}, {place})", self.classes[&id]),
            Kind::Fixed(kind) => format!("w.fixed({place}, {})", kind.size),
        }
    }

    /// The place is bound to a name first, so that its type can be narrowed.
    fn write_union(&self, branches: &[NodeId], place: &str, depth: usize) -> String {
        let item = format!("u{depth}");
        match (optional(self.schema, branches), branches) {
            (Some((null, some, inner)), _) => {
                let value = self.write(inner, &item, depth + 1);
                format!("{{ const {item} = {place}; if ({item} === null) w.int({null}); else {{ w.int({some}); {value}; }} }}")
            }
            (None, [only]) => format!("{{ w.int(0); {}; }}", self.write(*only, place, depth)),
            _ => {
                let each = branches.iter().enumerate().map(|(index, branch)| match self.schema.kind(*branch) {
                    Kind::Null => format!("if ({item} === null) w.int({index});"),
                    kind => {
                        let value = self.write(*branch, &format!("{item}.value"), depth + 1);
                        let is = quoted(kind.branch_name());
                        format!("if ({item} !== null && {item}.is === {is}) {{ w.int({index}); {value}; }}")
                    }
                });
                format!("{{ const {item}: {} = {place}; {} }}", self.wide(branches), each.collect::<Vec<_>>().join(" else "))
            }
        }
    }

    /// The type of a union, with null whether it is a branch or not, so that the same question can be asked of all.
    fn wide(&self, branches: &[NodeId]) -> String {
        let each = branches.iter().filter(|branch| !matches!(self.schema.kind(**branch), Kind::Null)).map(|branch| {
            format!("{{ is: {}; value: {} }}", quoted(self.schema.kind(*branch).branch_name()), self.kind(*branch))
        });
        format!("{} | null", each.collect::<Vec<_>>().join(" | "))
    }

    /// An expression that reads a value.
    fn read(&self, id: NodeId) -> String {
        let node = self.schema.node(id);
        match (node.logical, &node.kind) {
            (Some(Logical::Date), _) => return "dateOf(r.int())".into(),
            (Some(Logical::TimestampMillis), _) => return "moment(Number(r.long()))".into(),
            (Some(Logical::Decimal { scale, .. }), Kind::Fixed(fixed)) => {
                return format!("decimalOf(r.fixed({}), {scale})", fixed.size);
            }
            (Some(Logical::Decimal { scale, .. }), _) => return format!("decimalOf(r.binary(), {scale})"),
            _ => {}
        }
        match &node.kind {
            Kind::Null => "null".into(),
            Kind::Boolean => "r.boolean()".into(),
            Kind::Int => "r.int()".into(),
            Kind::Long => "r.long()".into(),
            Kind::Float => "r.float()".into(),
            Kind::Double => "r.double()".into(),
            Kind::Bytes => "r.binary()".into(),
            Kind::String => "r.string()".into(),
            Kind::Array(inner) => format!("r.array(() => {})", self.read(*inner)),
            Kind::Map(inner) => format!("r.map(() => {})", self.read(*inner)),
            Kind::Union(branches) => self.read_union(id, branches),
            Kind::Record(_) => format!("read{}(r)", self.classes[&id]),
            Kind::Enum(_) => format!("readSymbol(r, {})", self.classes[&id]),
            Kind::Fixed(kind) => format!("r.fixed({})", kind.size),
        }
    }

    fn read_union(&self, id: NodeId, branches: &[NodeId]) -> String {
        match (optional(self.schema, branches), branches) {
            (Some((null, _, inner)), _) => format!("(r.index(2) === {null} ? null : {})", self.read(inner)),
            (None, [only]) => format!("(r.index(1), {})", self.read(*only)),
            _ => {
                let each = branches.iter().enumerate().map(|(index, branch)| match self.schema.kind(*branch) {
                    Kind::Null => format!("case {index}: return null;"),
                    kind => {
                        format!("case {index}: return {{ is: {}, value: {} }};", quoted(kind.branch_name()), self.read(*branch))
                    }
                });
                let cases = each.collect::<Vec<_>>().join(" ");
                let count = branches.len();
                format!(
                    "((): {} => {{ switch (r.index({count})) {{ {cases} default: throw new Malformed(\"no branch\"); }} }})()",
                    self.kind(id)
                )
            }
        }
    }
}
