//! Java: classes that Apache's own library takes as specific records, enums and fixed. They need its `avro` jar and no more.

use std::fmt::Write as _;

use super::{definitions, optional, unnamed};
use crate::{
    Flaw,
    avro::{Enumeration, Fixed, Kind, Logical, Name, NodeId, Record, Schema, text},
};

/// Words that no name may be in Java.
const RESERVED: [&str; 54] = [
    "_",
    "abstract",
    "assert",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extends",
    "false",
    "final",
    "finally",
    "float",
    "for",
    "goto",
    "if",
    "implements",
    "import",
    "instanceof",
    "int",
    "interface",
    "long",
    "native",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "short",
    "static",
    "strictfp",
    "super",
    "switch",
    "synchronized",
    "this",
    "throw",
    "throws",
    "transient",
    "true",
    "try",
    "void",
    "volatile",
    "while",
];
/// More that no type may be: the library looks for these, too, with a dollar sign behind them.
const RESERVED_TYPES: [&str; 3] = ["record", "var", "yield"];
/// Methods of the library and of Java, which no field's are to hide; the second ones are those of an exception.
const METHODS: [&str; 4] = ["Schema", "ClassSchema", "Class", "SpecificData"];
const METHODS_OF_ERRORS: [&str; 6] = ["Message", "Cause", "LocalizedMessage", "StackTrace", "Suppressed", "Value"];

/// A file for each record, enum and fixed: its path below the source folder, and its text.
pub fn java(schema: &Schema) -> Result<Vec<(String, String)>, Flaw> {
    let list = definitions(schema);
    if list.is_empty() {
        return Err(unnamed());
    }
    Ok(list.into_iter().filter_map(|id| file(schema, id)).collect())
}

fn file(schema: &Schema, id: NodeId) -> Option<(String, String)> {
    let kind = schema.kind(id);
    let name = kind.name()?;
    let mut out = String::from("// Made by `milena avro compile`. Changes are lost when it is made again.\n");
    if let Some(space) = name.namespace() {
        let _ = writeln!(out, "package {};\n", package(space));
    }
    match kind {
        Kind::Record(record) => Writer { schema }.record(&mut out, id, record),
        Kind::Enum(kind) => enumeration(&mut out, schema, id, kind),
        Kind::Fixed(kind) => fixed(&mut out, schema, id, kind),
        _ => return None,
    }
    let folder = name.namespace().map(|space| format!("{}/", package(space).replace('.', "/"))).unwrap_or_default();
    Some((format!("{folder}{}.java", simple(name)), out))
}

fn word(name: &str) -> String {
    if RESERVED.contains(&name) { format!("{name}$") } else { name.to_owned() }
}

fn package(space: &str) -> String {
    space.split('.').map(word).collect::<Vec<_>>().join(".")
}

fn simple(name: &Name) -> String {
    let name = name.simple();
    if RESERVED_TYPES.contains(&name) { format!("{name}$") } else { word(name) }
}

fn class(name: &Name) -> String {
    name.namespace().map_or_else(|| simple(name), |space| format!("{}.{}", package(space), simple(name)))
}

/// A Java string, in plain ASCII.
fn quoted(plain: &str) -> String {
    let mut json = String::new();
    text::string(&mut json, plain);
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// A comment that ends where it should, whatever it says.
fn doc(out: &mut String, indent: &str, doc: Option<&str>) {
    let Some(doc) = doc else { return };
    let doc = doc.replace('\\', "&#92;").replace("*/", "*&#47;").replace(['\n', '\r'], " ");
    let _ = writeln!(out, "{indent}/** {doc} */");
}

/// The schema, in pieces that fit into a class file.
fn constant(out: &mut String, schema: &Schema, id: NodeId) {
    const PIECE: usize = 16_000;
    let whole = schema.canonical_of(id);
    let letters: Vec<char> = whole.chars().collect();
    let pieces: Vec<String> = letters.chunks(PIECE).map(|piece| quoted(&piece.iter().collect::<String>())).collect();
    let _ = writeln!(
        out,
        "    public static final org.apache.avro.Schema SCHEMA$ =\n        new org.apache.avro.Schema.Parser().parse({});\n\n    \
         public static org.apache.avro.Schema getClassSchema() {{\n        return SCHEMA$;\n    }}\n",
        pieces.join(",\n            ")
    );
}

fn enumeration(out: &mut String, schema: &Schema, id: NodeId, kind: &Enumeration) {
    doc(out, "", kind.doc.as_deref());
    let name = simple(&kind.name);
    let _ = writeln!(out, "@org.apache.avro.specific.AvroGenerated");
    let _ = writeln!(out, "public enum {name} implements org.apache.avro.generic.GenericEnumSymbol<{name}> {{");
    let symbols: Vec<String> = kind.symbols.iter().map(|s| word(s)).collect();
    let _ = writeln!(out, "    {};\n", symbols.join(", "));
    constant(out, schema, id);
    out.push_str("    @Override\n    public org.apache.avro.Schema getSchema() {\n        return SCHEMA$;\n    }\n}\n");
}

fn fixed(out: &mut String, schema: &Schema, id: NodeId, kind: &Fixed) {
    doc(out, "", kind.doc.as_deref());
    let name = simple(&kind.name);
    let _ = writeln!(out, "@org.apache.avro.specific.AvroGenerated\n@org.apache.avro.specific.FixedSize({})", kind.size);
    let _ = writeln!(out, "public class {name} extends org.apache.avro.specific.SpecificFixed {{");
    out.push_str("    private static final long serialVersionUID = 1L;\n");
    constant(out, schema, id);
    let _ = writeln!(out, "    public {name}() {{\n        super();\n    }}\n");
    let _ = writeln!(out, "    public {name}(byte[] bytes) {{\n        super(bytes);\n    }}\n");
    out.push_str("    @Override\n    public org.apache.avro.Schema getSchema() {\n        return SCHEMA$;\n    }\n\n");
    out.push_str("    @Override\n    public void writeExternal(java.io.ObjectOutput out) throws java.io.IOException {\n");
    out.push_str("        out.write(bytes());\n    }\n\n");
    out.push_str("    @Override\n    public void readExternal(java.io.ObjectInput in) throws java.io.IOException {\n");
    out.push_str("        in.readFully(bytes());\n    }\n}\n");
}

/// How Java itself writes and reads an exception: the library does it for records only.
fn external(out: &mut String, name: &str) {
    let data = "org.apache.avro.specific.Specific";
    out.push_str("    @Override\n    public void writeExternal(java.io.ObjectOutput out) throws java.io.IOException {\n");
    let _ = writeln!(
        out,
        "        new {data}DatumWriter<{name}>(SCHEMA$, MODEL$).write(this, {data}Data.getEncoder(out));\n    }}\n"
    );
    out.push_str("    @Override\n    public void readExternal(java.io.ObjectInput in) throws java.io.IOException {\n");
    let _ = writeln!(
        out,
        "        new {data}DatumReader<{name}>(SCHEMA$, SCHEMA$, MODEL$).read(this, {data}Data.getDecoder(in));\n    }}\n"
    );
}

struct Writer<'a> {
    schema: &'a Schema,
}

impl Writer<'_> {
    fn record(&self, out: &mut String, id: NodeId, record: &Record) {
        let name = simple(&record.name);
        doc(out, "", record.doc.as_deref());
        let base = if record.error { "SpecificExceptionBase" } else { "SpecificRecordBase" };
        let _ = writeln!(out, "@org.apache.avro.specific.AvroGenerated");
        let _ = writeln!(
            out,
            "public class {name} extends org.apache.avro.specific.{base}\n    implements org.apache.avro.specific.SpecificRecord {{"
        );
        out.push_str("    private static final long serialVersionUID = 1L;\n");
        constant(out, self.schema, id);
        out.push_str(
            "    private static final org.apache.avro.specific.SpecificData MODEL$ = new org.apache.avro.specific.SpecificData();\n\n",
        );
        self.conversions(out, record);
        for field in &record.fields {
            doc(out, "    ", field.doc.as_deref());
            let _ = writeln!(out, "    private {} {};", self.java_type(field.schema, false), member(&field.name));
        }
        let _ = writeln!(out, "\n    public {name}() {{}}\n");
        // A method has at most 255 parameters, and a long or double counts twice.
        if !record.error && (1..=120).contains(&record.fields.len()) {
            let list = record.fields.iter().map(|f| format!("{} {}", self.java_type(f.schema, false), member(&f.name)));
            let _ = writeln!(out, "    public {name}({}) {{", list.collect::<Vec<_>>().join(", "));
            for field in &record.fields {
                let _ = writeln!(out, "        this.{0} = {0};", member(&field.name));
            }
            out.push_str("    }\n\n");
        }
        if !record.error {
            out.push_str("    @Override\n    public org.apache.avro.specific.SpecificData getSpecificData() {\n        return MODEL$;\n    }\n\n");
        }
        out.push_str("    @Override\n    public org.apache.avro.Schema getSchema() {\n        return SCHEMA$;\n    }\n\n");
        if record.error {
            external(out, &name);
        }
        self.by_number(out, record);
        self.accessors(out, record);
        out.push_str("}\n");
    }

    /// What the library makes of logical types: of fields by their numbers, of everything inside them by the model.
    fn conversions(&self, out: &mut String, record: &Record) {
        let all = (0..self.schema.nodes.len() as u32).filter_map(|index| self.native(NodeId(index)));
        let used: std::collections::BTreeSet<&str> = all.map(|(_, conversion)| conversion).collect();
        if used.is_empty() {
            return;
        }
        out.push_str("    static {\n");
        for conversion in used {
            let _ = writeln!(out, "        MODEL$.addLogicalTypeConversion(new {conversion}());");
        }
        out.push_str("    }\n\n");
        if record.error || !record.fields.iter().any(|field| self.native(field.schema).is_some()) {
            return;
        }
        out.push_str("    private static final org.apache.avro.Conversion<?>[] CONVERSIONS$ = {\n");
        for field in &record.fields {
            let conversion = self.native(field.schema).map_or("null".into(), |(_, conversion)| format!("new {conversion}()"));
            let _ = writeln!(out, "        {conversion},");
        }
        out.push_str("    };\n\n    @Override\n    public org.apache.avro.Conversion<?> getConversion(int field$) {\n");
        out.push_str("        return CONVERSIONS$[field$];\n    }\n\n");
    }

    /// The class for a logical type, and the library's conversion to it.
    fn native(&self, id: NodeId) -> Option<(&'static str, &'static str)> {
        let node = self.schema.node(id);
        Some(match node.logical? {
            Logical::Date => ("java.time.LocalDate", "org.apache.avro.data.TimeConversions.DateConversion"),
            Logical::TimeMillis => ("java.time.LocalTime", "org.apache.avro.data.TimeConversions.TimeMillisConversion"),
            Logical::TimeMicros => ("java.time.LocalTime", "org.apache.avro.data.TimeConversions.TimeMicrosConversion"),
            Logical::TimestampMillis => ("java.time.Instant", "org.apache.avro.data.TimeConversions.TimestampMillisConversion"),
            Logical::TimestampMicros => ("java.time.Instant", "org.apache.avro.data.TimeConversions.TimestampMicrosConversion"),
            Logical::TimestampNanos => ("java.time.Instant", "org.apache.avro.data.TimeConversions.TimestampNanosConversion"),
            Logical::LocalTimestampMillis => {
                ("java.time.LocalDateTime", "org.apache.avro.data.TimeConversions.LocalTimestampMillisConversion")
            }
            Logical::LocalTimestampMicros => {
                ("java.time.LocalDateTime", "org.apache.avro.data.TimeConversions.LocalTimestampMicrosConversion")
            }
            Logical::LocalTimestampNanos => {
                ("java.time.LocalDateTime", "org.apache.avro.data.TimeConversions.LocalTimestampNanosConversion")
            }
            Logical::Decimal { .. } => ("java.math.BigDecimal", "org.apache.avro.Conversions.DecimalConversion"),
            Logical::Uuid if node.kind.name().is_none() => ("java.util.UUID", "org.apache.avro.Conversions.UUIDConversion"),
            Logical::Uuid | Logical::BigDecimal | Logical::Duration => return None,
        })
    }

    /// How the library reaches the fields.
    fn by_number(&self, out: &mut String, record: &Record) {
        out.push_str("    @Override\n    public java.lang.Object get(int field$) {\n        switch (field$) {\n");
        for (index, field) in record.fields.iter().enumerate() {
            let _ = writeln!(out, "            case {index}: return {};", member(&field.name));
        }
        let wrong = "            default: throw new IndexOutOfBoundsException(\"no field \" + field$);\n        }\n    }\n\n";
        out.push_str(wrong);
        out.push_str(
            "    @Override\n    @SuppressWarnings(\"unchecked\")\n    public void put(int field$, java.lang.Object value$) {\n",
        );
        out.push_str("        switch (field$) {\n");
        for (index, field) in record.fields.iter().enumerate() {
            let kind = self.java_type(field.schema, true);
            let _ = writeln!(out, "            case {index}: {} = ({kind}) value$; break;", member(&field.name));
        }
        out.push_str(wrong);
    }

    fn accessors(&self, out: &mut String, record: &Record) {
        for (index, field) in record.fields.iter().enumerate() {
            let mut title = super::camel(&field.name);
            // Two fields may differ only in case or underscores, and one may have nothing else.
            let twin = record.fields.iter().enumerate().any(|(i, f)| i != index && super::camel(&f.name) == title);
            let hides = METHODS.contains(&&*title) || (record.error && METHODS_OF_ERRORS.contains(&&*title));
            if twin || title.is_empty() {
                title = format!("{}$", field.name);
            } else if hides {
                title.push('$');
            }
            let (kind, name) = (self.java_type(field.schema, false), member(&field.name));
            let _ = writeln!(out, "    public {kind} get{title}() {{\n        return {name};\n    }}\n");
            let _ = writeln!(out, "    public void set{title}({kind} value) {{\n        this.{name} = value;\n    }}\n");
        }
    }

    /// The Java type; `boxed` where an object is needed.
    fn java_type(&self, id: NodeId, boxed: bool) -> String {
        let kind = self.schema.kind(id);
        if let Some((native, _)) = self.native(id) {
            return native.into();
        }
        if let Some(name) = kind.name() {
            return class(name);
        }
        match kind {
            Kind::Boolean => if boxed { "java.lang.Boolean" } else { "boolean" }.into(),
            Kind::Int => if boxed { "java.lang.Integer" } else { "int" }.into(),
            Kind::Long => if boxed { "java.lang.Long" } else { "long" }.into(),
            Kind::Float => if boxed { "java.lang.Float" } else { "float" }.into(),
            Kind::Double => if boxed { "java.lang.Double" } else { "double" }.into(),
            Kind::Bytes => "java.nio.ByteBuffer".into(),
            Kind::String => "java.lang.CharSequence".into(),
            Kind::Array(items) => format!("java.util.List<{}>", self.java_type(*items, true)),
            Kind::Map(values) => format!("java.util.Map<java.lang.CharSequence, {}>", self.java_type(*values, true)),
            Kind::Union(branches) => match optional(self.schema, branches) {
                Some((_, _, inner)) => self.java_type(inner, true),
                None if branches.len() == 1 => self.java_type(branches[0], true),
                None => "java.lang.Object".into(),
            },
            _ => "java.lang.Void".into(),
        }
    }
}

fn member(name: &str) -> String {
    word(name)
}
