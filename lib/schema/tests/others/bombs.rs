//! Schemas that are small or absurd and would become enormous: each ends in a process of its own, within 250 ms of CPU and
//! 32 MiB beside its own text, with a reason or with a verdict.

use std::process::Command;

use milena_schema::{Format, Policy, Resolved, Schema};

/// Milliseconds of CPU. Without optimisation our own code is several times slower, and the bound is that of a release.
const CPU: u64 = if cfg!(debug_assertions) { 2_500 } else { 250 };
/// KiB of memory beside the text itself.
const MEMORY: u64 = 32 << 10;
/// Names the bomb to the process that sets it off.
const NAME: &str = "MILENA_TEST_BOMB";

/// Old text, new text, data, and how it ends.
struct Bomb {
    name: &'static str,
    format: Format,
    make: fn() -> Texts,
    /// Words of the reason, or `accepted`, or `compatible`, or the kind of the first difference.
    ends: &'static str,
}

#[derive(Default)]
struct Texts {
    old: String,
    new: Option<String>,
    data: Option<String>,
    references: Vec<(&'static str, String)>,
}

fn one(old: impl Into<String>) -> Texts {
    Texts { old: old.into(), ..Texts::default() }
}

fn two(old: String, new: String) -> Texts {
    Texts { old, new: Some(new), ..Texts::default() }
}

fn with_data(old: &str, data: String) -> Texts {
    Texts { old: old.to_owned(), data: Some(data), ..Texts::default() }
}

fn joined(count: usize, of: impl Fn(usize) -> String) -> String {
    (0..count).map(of).collect::<Vec<_>>().join(",")
}

/// Definitions 0 to `count`, each made of its number; the root is the first.
fn definitions(count: usize, last: &str, of: impl Fn(usize) -> String) -> String {
    let all = joined(count, |n| format!("\"d{n}\":{}", of(n)));
    format!("{{\"allOf\":[{{\"$ref\":\"#/definitions/d0\"}}],\"definitions\":{{{all},\"d{count}\":{last}}}}}")
}

const BOMBS: &[Bomb] = &[
    Bomb { name: "json nested 100k deep", format: Format::Json, make: || one("{\"not\":".repeat(100_000)), ends: "nests deeper" },
    Bomb {
        name: "json nested as deep as allowed",
        format: Format::Json,
        make: || one("{\"not\":".repeat(250) + "{}" + &"}".repeat(250)),
        ends: "accepted",
    },
    Bomb { name: "json refers to itself", format: Format::Json, make: || one("{\"$ref\":\"#\"}"), ends: "never ends" },
    Bomb {
        name: "json dynamic reference to itself",
        format: Format::Json,
        make: || {
            one(
                r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","$dynamicAnchor":"n","allOf":[{"$dynamicRef":"#n"}]}"##,
            )
        },
        ends: "never ends",
    },
    Bomb {
        name: "json chain of 2000 references",
        format: Format::Json,
        make: || {
            let chain = |last: &str| {
                definitions(2_000, last, |n| format!("{{\"properties\":{{\"p\":{{\"$ref\":\"#/definitions/d{}\"}}}}}}", n + 1))
            };
            two(chain("{\"type\":\"string\"}"), chain("{\"type\":\"integer\"}"))
        },
        ends: "TYPE_CHANGED",
    },
    Bomb {
        name: "json diamond of 2^30",
        format: Format::Json,
        make: || {
            let diamond = |last: &str| {
                definitions(30, last, |n| {
                    let next = format!("{{\"$ref\":\"#/definitions/d{}\"}}", n + 1);
                    format!("{{\"properties\":{{\"a\":{next},\"b\":{next}}}}}")
                })
            };
            two(diamond("{\"type\":\"string\"}"), diamond("{\"type\":\"integer\"}"))
        },
        ends: "TYPE_CHANGED",
    },
    Bomb {
        name: "json billion laughs of allOf",
        format: Format::Json,
        make: || {
            let laughs = |last: &str| {
                definitions(30, last, |n| {
                    let next = format!("{{\"properties\":{{\"p\":{{\"$ref\":\"#/definitions/d{}\"}}}}}}", n + 1);
                    format!("{{\"allOf\":[{next},{next}]}}")
                })
            };
            two(laughs("{\"type\":\"string\"}"), laughs("{\"type\":\"integer\"}"))
        },
        ends: "COMBINED_TYPE_SUBSCHEMAS_CHANGED",
    },
    Bomb {
        name: "json oneOf of 400 by 400",
        format: Format::Json,
        make: || {
            let choice = |word: &str| {
                let members = joined(400, |n| format!("{{\"type\":\"object\",\"required\":[\"{word}{n}\"]}}"));
                format!("{{\"oneOf\":[{members}]}}")
            };
            two(choice("a"), choice("b"))
        },
        ends: "COMBINED_TYPE_SUBSCHEMAS_CHANGED",
    },
    Bomb {
        name: "json 100k symbols",
        format: Format::Json,
        make: || {
            let symbols = |from: usize| format!("{{\"enum\":[{}]}}", joined(100_000, |n| (n + from).to_string()));
            two(symbols(0), symbols(1))
        },
        ends: "ENUM_ARRAY_CHANGED",
    },
    Bomb {
        name: "json 10 MB default",
        format: Format::Json,
        make: || one(format!("{{\"default\":\"{}\"}}", "x".repeat(10 << 20))),
        ends: "at most",
    },
    Bomb {
        name: "json pattern of a megabyte",
        format: Format::Json,
        make: || one(format!("{{\"pattern\":\"{}\"}}", "a?".repeat(1 << 19))),
        ends: "at most 8192 are read",
    },
    Bomb {
        name: "json nested quantifiers",
        format: Format::Json,
        make: || with_data(r#"{"pattern":"^(a+)+$"}"#, format!("\"{}!\"", "a".repeat(100_000))),
        ends: "does not match",
    },
    Bomb {
        name: "json nested quantifiers behind a look-ahead",
        format: Format::Json,
        make: || with_data(r#"{"pattern":"^(?=(a+)+b)(a|aa)+$"}"#, format!("\"{}!\"", "a".repeat(10_000))),
        ends: "",
    },
    Bomb {
        name: "json counted repeats",
        format: Format::Json,
        make: || with_data(r#"{"pattern":"((a{1000}){1000}){1000}"}"#, "\"a\"".to_owned()),
        ends: "regex",
    },
    Bomb {
        name: "json remote reference",
        format: Format::Json,
        make: || one(r#"{"$ref":"http://127.0.0.1:1/x"}"#),
        ends: "nothing is fetched",
    },
    Bomb {
        name: "json data nested as deep as allowed",
        format: Format::Json,
        make: || with_data(r##"{"properties":{"a":{"$ref":"#"}}}"##, "{\"a\":".repeat(250) + "1" + &"}".repeat(250)),
        ends: "accepted",
    },
    Bomb {
        name: "avro 15k fields",
        format: Format::Avro,
        make: || {
            let fields = |of: &str| {
                joined(15_000, |n| format!("{{\"name\":\"field_{n}\",\"type\":[\"null\",\"{of}\"],\"default\":null}}"))
            };
            let record = |of: &str| format!("{{\"type\":\"record\",\"name\":\"Wide\",\"fields\":[{}]}}", fields(of));
            two(record("int"), record("long"))
        },
        ends: "compatible",
    },
    Bomb {
        name: "avro 15k fields with documentation and attributes",
        format: Format::Avro,
        make: || {
            let fields = joined(9_000, |n| {
                format!(
                    "{{\"name\":\"f{n}\",\"type\":{{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},\"doc\":\"number {n}\",\"x\":\"{n}\"}}"
                )
            });
            let record = format!("{{\"type\":\"record\",\"name\":\"Wide\",\"fields\":[{fields}]}}");
            two(record.clone(), record)
        },
        ends: "compatible",
    },
    Bomb {
        name: "protobuf 20k messages",
        format: Format::Protobuf,
        make: || {
            let messages = |of: &str| (0..20_000).map(|n| format!("message Message{n} {{ {of} a = 1; }}\n")).collect::<String>();
            let file = |of: &str| format!("syntax = \"proto3\";\n{}", messages(of));
            two(file("int32"), file("int64"))
        },
        ends: "has 40000 messages, fields and methods; at most 10500",
    },
    Bomb {
        name: "protobuf 20k messages without fields",
        format: Format::Protobuf,
        make: || {
            one(format!("syntax = \"proto3\";\n{}", (0..20_000).map(|n| format!("message M{n} {{}}\n")).collect::<String>()))
        },
        ends: "has 20000 messages, fields and methods; at most 10500",
    },
    Bomb {
        name: "protobuf as many messages as are read",
        format: Format::Protobuf,
        make: || {
            let messages = |of: &str| (0..5_250).map(|n| format!("message Message{n} {{ {of} a = 1; }}\n")).collect::<String>();
            let file = |of: &str| format!("syntax = \"proto3\";\n{}", messages(of));
            two(file("int32"), file("int64"))
        },
        ends: "compatible",
    },
    Bomb {
        name: "protobuf 20k methods",
        format: Format::Protobuf,
        make: || {
            let methods: String = (0..20_000).map(|n| format!("rpc R{n}(A) returns (A);\n")).collect();
            one(format!("syntax = \"proto3\"; message A {{}} service S {{ {methods} }}"))
        },
        ends: "has 20001 messages, fields and methods; at most 10500",
    },
    Bomb { name: "protobuf nested 10k deep", format: Format::Protobuf, make: || one("message A {".repeat(10_000)), ends: "nest" },
    Bomb {
        name: "protobuf nested 100k deep",
        format: Format::Protobuf,
        make: || one("message A {".repeat(100_000)),
        ends: "messages, fields and methods",
    },
    Bomb {
        name: "protobuf option nested 100k deep",
        format: Format::Protobuf,
        make: || one(format!("syntax = \"proto3\"; option (x) = {};", "{ a ".repeat(100_000))),
        ends: "",
    },
    Bomb {
        name: "protobuf 10k fields",
        format: Format::Protobuf,
        make: || {
            let fields = |of: &str| {
                let fields: Vec<_> = (1..=10_000).map(|n| format!("{of} f{n} = {};", n + 20_000)).collect();
                format!("syntax = \"proto3\"; message A {{ {} }}", fields.concat())
            };
            two(fields("string"), fields("int32"))
        },
        ends: "FIELD_SCALAR_KIND_CHANGED",
    },
    Bomb {
        name: "protobuf imports in a circle",
        format: Format::Protobuf,
        make: || Texts {
            old: "syntax = \"proto3\"; import \"a\";".to_owned(),
            references: vec![
                ("a", "syntax = \"proto3\"; import \"b\";".to_owned()),
                ("b", "syntax = \"proto3\"; import \"a\";".to_owned()),
            ],
            ..Texts::default()
        },
        ends: "is not among the references",
    },
    Bomb {
        name: "protobuf messages that hold each other",
        format: Format::Protobuf,
        make: || {
            let ring = |of: &str| {
                let all: Vec<_> =
                    (0..500).map(|n| format!("message M{n} {{ M{} a = 1; M{n} b = 2; {of} c = 3; }}", (n + 1) % 500)).collect();
                format!("syntax = \"proto3\"; {}", all.concat())
            };
            two(ring("string"), ring("int32"))
        },
        ends: "FIELD_SCALAR_KIND_CHANGED",
    },
    Bomb {
        name: "protobuf 10 MB of text",
        format: Format::Protobuf,
        make: || one(format!("// {}", "x".repeat(10 << 20))),
        ends: "at most",
    },
];

/// How a bomb ends: a reason, the kind of a difference, or a word.
fn set_off(format: Format, texts: &Texts) -> String {
    let references: Vec<_> = texts.references.iter().map(|(name, text)| Resolved { name, text }).collect();
    let parse = |text: &str| Schema::parse(format, text, &references);
    let old = match parse(&texts.old) {
        Ok(schema) => schema,
        Err(flaw) => return flaw.to_string(),
    };
    let _ = old.normalized().len();
    if let (Some(data), Schema::Json(schema)) = (&texts.data, &old) {
        return match schema.validator().map_err(|flaw| vec![flaw]).and_then(|v| v.validate_text(data)) {
            Ok(_) => "accepted".to_owned(),
            Err(flaws) => flaws[0].to_string(),
        };
    }
    let Some(new) = &texts.new else { return "accepted".to_owned() };
    match parse(new).map(|new| new.can_read_under(&old, Policy::Strict)) {
        Ok(differences) => differences.first().map_or("compatible", |difference| difference.kind).to_owned(),
        Err(flaw) => flaw.to_string(),
    }
}

/// A figure in KiB from the kernel's page about this process.
fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    line.split_whitespace().nth(1).and_then(|figure| figure.parse().ok()).unwrap_or_default()
}

/// Nanoseconds that this thread has run.
fn ran() -> u64 {
    let page = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    page.split_whitespace().next().and_then(|figure| figure.parse().ok()).unwrap_or_default()
}

/// Runs in a process of its own; without the name of a bomb it has nothing to do.
#[test]
fn set_off_the_named_one() {
    let Ok(name) = std::env::var(NAME) else { return };
    let bomb = BOMBS.iter().find(|bomb| bomb.name == name).expect("a bomb of that name");
    // What is made once for all schemas is not the bomb's: the meta-schemas, the known files.
    for (format, text) in
        [(Format::Json, r#"{"pattern":"a"}"#), (Format::Protobuf, "syntax = \"proto3\"; import \"google/protobuf/any.proto\";")]
    {
        drop(Schema::parse(format, text, &[]));
    }
    let texts = (bomb.make)();
    let (before, ran_before) = (memory("VmRSS"), ran());
    let ends = set_off(bomb.format, &texts);
    println!(
        "\nBOMB\t{}\t{}\t{}",
        (ran() - ran_before) / 1_000_000,
        memory("VmHWM").saturating_sub(before),
        ends.replace(['\n', '\t'], " ")
    );
}

#[test]
fn each_ends_in_time_with_a_reason() {
    let myself = std::env::current_exe().unwrap();
    let mut failures = Vec::new();
    for bomb in BOMBS {
        let child = Command::new(&myself)
            .args(["bombs::set_off_the_named_one", "--exact", "--nocapture"])
            .env(NAME, bomb.name)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout).into_owned();
        let Some(line) = text.lines().find_map(|line| line.strip_prefix("BOMB\t")) else {
            failures.push(format!("{}: died: {}", bomb.name, String::from_utf8_lossy(&child.stderr)));
            continue;
        };
        let parts: Vec<&str> = line.splitn(3, '\t').collect();
        let (cpu, memory, ends) = (parts[0].parse::<u64>().unwrap(), parts[1].parse::<u64>().unwrap(), parts[2]);
        println!("{}: {cpu} ms, {memory} KiB: {ends}", bomb.name);
        if cpu > CPU || memory > MEMORY || !ends.contains(bomb.ends) {
            failures.push(format!("{}: {cpu} ms, {memory} KiB, wanted {:?}: {ends}", bomb.name, bomb.ends));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
