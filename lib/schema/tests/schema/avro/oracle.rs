//! Apache's Java library, fastavro and Apache's Python library beside ours, over random pairs of schemas and data.
//!
//! Each answers the same questions about the same pairs: is the text accepted, how is it printed, what is its Parsing
//! Canonical Form, what keeps the reader from reading, the same bytes again, as JSON, and resolved into the reader's
//! schema. `AVRO_PAIRS` asks for more pairs than the few thousand of an ordinary run. The jars come from Maven Central and
//! the wheels from PyPI into the build directory; without Java or Python the tests say so and pass on a developer's
//! machine, and fail where `CI` is `true`.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use milena_schema::avro::{Dice, Encode, Plan, Schema, Unions, Value as Datum, binary::Reader, generate, native};
use serde_json::{Value, json};

use super::{hex, moments::com::example::Moments, schemas};

const JARS: [(&str, &str); 6] = [
    ("org.apache.avro:avro", "1.12.1"),
    ("com.fasterxml.jackson.core:jackson-databind", "2.19.0"),
    ("com.fasterxml.jackson.core:jackson-core", "2.19.0"),
    ("com.fasterxml.jackson.core:jackson-annotations", "2.19.0"),
    ("org.slf4j:slf4j-api", "1.7.36"),
    ("org.apache.commons:commons-compress", "1.27.1"),
];
const TYPESCRIPT: &str = "typescript@5.9.3";
const WHEELS: [&str; 2] = ["fastavro==1.13.1", "avro==1.12.2"];

/// `None`, aloud, where the oracle cannot be had.
fn or_skip<T>(oracle: Result<T, String>, whose: &str) -> Option<T> {
    match oracle {
        Ok(oracle) => Some(oracle),
        Err(why) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "the oracle must run in CI: {why}");
            eprintln!("\n*** SKIPPED, nothing is proved against {whose}: {why} ***\n");
            None
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Made once a run, however many tests ask.
fn java() -> Result<PathBuf, String> {
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    DIR.get_or_init(prepare_java).clone()
}

fn prepare_java() -> Result<PathBuf, String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("avro-oracle");
    fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
    for (artifact, version) in JARS {
        let name = artifact.split(':').next_back().unwrap_or_default();
        if dir.join(format!("{name}-{version}.jar")).exists() {
            continue;
        }
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "dependency:copy"]).arg(format!("-Dartifact={artifact}:{version}"));
        run(maven.arg(format!("-DoutputDirectory={}", dir.display())))?;
    }
    run(Command::new("javac").arg("-version"))?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java/AvroOracle.java");
    let mut javac = Command::new("javac");
    javac.args(["-encoding", "UTF-8", "-cp"]).arg(dir.join("*")).arg("-d").arg(&dir).arg(source);
    run(&mut javac).unwrap_or_else(|error| panic!("{error}"));
    Ok(dir)
}

fn python() -> Result<PathBuf, String> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON.get_or_init(prepare_python).clone()
}

fn prepare_python() -> Result<PathBuf, String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("avro-python");
    let python = dir.join("bin/python");
    if !dir.join("ready").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(WHEELS))?;
        fs::write(dir.join("ready"), "").map_err(|error| error.to_string())?;
    }
    Ok(python)
}

struct Question {
    writer: String,
    reader: String,
    data: Option<Vec<u8>>,
}

fn questions(seed: u64) -> Vec<Question> {
    let count = std::env::var("AVRO_PAIRS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let mut dice = Dice::new(seed);
    let mut list = Vec::with_capacity(count);
    while list.len() < count {
        let (writer, reader) = schemas::pair(&mut dice);
        let data = Schema::parse(&writer.to_string()).ok().and_then(|schema| {
            let mut data = Vec::new();
            schema.random(&mut dice, &mut data).ok().map(|()| data)
        });
        list.push(Question { writer: writer.to_string(), reader: reader.to_string(), data });
    }
    list
}

fn ask(command: &mut Command, questions: &[Question]) -> Vec<Value> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = questions
        .iter()
        .map(|q| format!("{}\n", json!({"writer": q.writer, "reader": q.reader, "data": q.data.as_deref().map(hex)})))
        .collect();
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len());
    answers
}

#[derive(Default, Debug)]
struct Tally {
    refused: usize,
    compatible: usize,
    incompatible: usize,
    resolved: usize,
    unresolved: usize,
    /// Resolved here and not there, because only there namespaces must agree.
    by_short_name: usize,
    not_utf8: usize,
    /// The same differences, one of them at another path.
    placed_elsewhere: usize,
}

#[test]
fn java_agrees_on_texts_forms_differences_bytes_json_and_resolution() {
    let Some(dir) = or_skip(java(), "Apache Avro for Java") else { return };
    let questions = questions(1);
    let mut java = Command::new("java");
    java.arg("-cp").arg(format!("{0}:{0}/*", dir.display())).arg("AvroOracle");
    let answers = ask(&mut java, &questions);
    let mut tally = Tally::default();
    let mut wrong = 0;
    for (question, answer) in questions.iter().zip(&answers) {
        // One run shows all kinds of disagreement, not only the first.
        let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| judge(question, answer, &mut tally)));
        wrong += usize::from(judged.is_err());
        assert!(wrong < 10, "and perhaps more");
    }
    assert_eq!(wrong, 0);
    assert!(tally.placed_elsewhere * 200 < questions.len(), "{tally:?}");
    println!("{} pairs beside Java: {tally:?}", questions.len());
    assert!(tally.compatible * 10 > questions.len() && tally.incompatible * 10 > questions.len(), "{tally:?}");
}

fn judge(question: &Question, answer: &Value, tally: &mut Tally) {
    let told = format!("writer {}\nreader {}\ntheirs {answer:#}", question.writer, question.reader);
    let ours = (Schema::parse(&question.writer), Schema::parse(&question.reader));
    let (writer, reader) = match ours {
        (Ok(writer), Ok(reader)) => (writer, reader),
        (Err(flaw), _) | (_, Err(flaw)) => {
            assert!(answer.get("refused").is_some(), "only we refuse: {flaw}\n{told}");
            tally.refused += 1;
            return;
        }
    };
    assert!(answer.get("refused").is_none(), "only they refuse\n{told}");
    assert_eq!(answer["text"], writer.canonical(), "{told}");
    assert_eq!(answer["form"], writer.parsing_form(), "{told}");
    assert_eq!(answer["print"], writer.rabin().to_string(), "{told}");
    let differences = reader.can_read(&writer);
    let listed: Vec<Value> = differences.iter().map(|d| json!([d.kind, d.path, d.message])).collect();
    if answer.get("threw").is_none() && answer["differences"] != Value::from(listed.clone()) {
        // Java remembers a verdict with the path under which a union tried the pair first, and tells that one later too.
        let unplaced = |list: &[Value]| list.iter().map(|d| (d[0].clone(), d[2].clone())).collect::<Vec<_>>();
        assert_eq!(unplaced(answer["differences"].as_array().unwrap()), unplaced(&listed), "{told}");
        assert!(question.writer.contains('['), "{told}");
        tally.placed_elsewhere += 1;
    }
    if differences.is_empty() {
        tally.compatible += 1
    } else {
        tally.incompatible += 1
    }
    if let Some(data) = &question.data {
        judge_data(&writer, &reader, data, answer, tally, &told);
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// What bytes mean, whatever the order of maps, which Java shuffles.
pub(super) fn meaning(schema: &Schema, data: &[u8]) -> String {
    fn sort(value: &mut Datum<'_>) {
        match value {
            Datum::Map(entries) => {
                entries.iter_mut().for_each(|(_, value)| sort(value));
                entries.sort_by(|a, b| a.0.cmp(&b.0));
            }
            Datum::Array(values) | Datum::Record(values) => values.iter_mut().for_each(sort),
            Datum::Union(_, value) => sort(value),
            _ => {}
        }
    }
    let plan = Plan::new(schema);
    let mut value = plan.decode(data).unwrap();
    sort(&mut value);
    format!("{value:?}")
}

/// Older Javas print floats with more digits than they need; what the digits mean is compared by [`meaning`].
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => (number.as_f64().unwrap() as f32).into(),
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, rounded(value))).collect(),
        other => other,
    }
}

fn judge_data(writer: &Schema, reader: &Schema, data: &[u8], answer: &Value, tally: &mut Tally, told: &str) {
    let plan = Plan::new(writer);
    let value = plan.decode(data).unwrap_or_else(|e| panic!("{e}\n{told}"));
    let mut again = Vec::new();
    writer.encode(&value, &mut again).unwrap();
    assert_eq!(again, data, "{told}");
    let text = plan.to_json(data, Unions::Tagged).unwrap();
    let ours: Value = serde_json::from_str(&text).unwrap();
    // Of a datum without content Java's encoder writes nothing at all.
    if let Some(theirs) = answer["json"].as_str().filter(|text| !text.is_empty()) {
        assert_eq!(meaning(writer, &unhex(answer["again"].as_str().unwrap())), meaning(writer, data), "{told}");
        assert_eq!(rounded(serde_json::from_str(theirs).unwrap()), rounded(ours), "{told}");
        let mut from_theirs = Vec::new();
        writer.encode_json(theirs, &mut from_theirs).unwrap_or_else(|f| panic!("{f}\n{told}"));
        assert_eq!(meaning(writer, &from_theirs), meaning(writer, data), "{told}");
    }
    let resolved = Plan::resolve(writer, reader).map_err(|f| f.to_string()).and_then(|plan| {
        let mut out = Vec::new();
        let mut bytes = Reader::new(data);
        plan.rewrite(&mut bytes, &mut out).map_err(|e| e.to_string())?;
        assert!(bytes.end().is_ok(), "{told}");
        let value = plan.decode(data).map_err(|e| e.to_string())?;
        let mut by_value = Vec::new();
        reader.encode(&value, &mut by_value).unwrap();
        assert_eq!(by_value, out, "the two ways of reading differ\n{told}");
        Ok(out)
    });
    match (&resolved, answer["resolved"].as_str()) {
        // Java knows the aliases of fields only in a record of the same full name; ours in any that it reads.
        (Ok(ours), Some(theirs)) if told.contains("elsewhere") && meaning(reader, ours) != meaning(reader, &unhex(theirs)) => {
            tally.by_short_name += 1;
        }
        (Ok(ours), Some(theirs)) => {
            assert_eq!(meaning(reader, ours), meaning(reader, &unhex(theirs)), "{told}");
            tally.resolved += 1;
        }
        (Err(_), None) => tally.unresolved += 1,
        // Java's compatibility forgives another namespace, its resolution does not for enums and fixed; ours does.
        (Ok(_), None) if answer["unresolved"].as_str().is_some_and(|why| why.contains("Found s") || why.contains("missing")) => {
            tally.by_short_name += 1;
        }
        // Java puts a mark in the place of what is no UTF-8; ours says so.
        (Err(why), Some(_)) if why == "a string is not UTF-8" => tally.not_utf8 += 1,
        _ => panic!("ours {resolved:?}\n{told}"),
    }
}

#[test]
fn pythons_agree_on_forms_bytes_and_resolution() {
    let Some(python) = or_skip(python(), "fastavro and Apache Avro for Python") else { return };
    let questions = questions(2);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/avro_oracle.py");
    let answers = ask(Command::new(python).arg(script), &questions);
    let (mut forms, mut resolved, mut again, mut ambiguous) = (0, 0, [0; 2], 0);
    for (question, answer) in questions.iter().zip(&answers) {
        let told = format!("writer {}\nreader {}\ntheirs {answer:#}", question.writer, question.reader);
        let Ok(writer) = Schema::parse(&question.writer) else { continue };
        if let Some(form) = answer["form"].as_str() {
            assert_eq!(form, writer.parsing_form(), "{told}");
            forms += 1;
        }
        let Some(data) = &question.data else { continue };
        for (index, whose) in ["fastavro", "avro"].into_iter().enumerate() {
            match answer[whose]["again"].as_str() {
                Some(bytes) if bytes == hex(data) => again[index] += 1,
                // A Python number does not remember which branch of a union it was.
                Some(_) if question.writer.contains('[') => ambiguous += 1,
                Some(bytes) => panic!("{whose} wrote {bytes}, ours {}\n{told}", hex(data)),
                None => {}
            }
        }
        let (Some(theirs), Ok(reader)) = (answer["fastavro"]["resolved"].as_str(), Schema::parse(&question.reader)) else {
            continue;
        };
        let plan = Plan::resolve(&writer, &reader).unwrap_or_else(|f| panic!("{f}\n{told}"));
        let mut out = Vec::new();
        plan.rewrite(&mut Reader::new(data), &mut out).unwrap_or_else(|e| panic!("{e}\n{told}"));
        assert_eq!(hex(&out), theirs, "{told}");
        resolved += 1;
    }
    println!(
        "{} pairs beside Python: {forms} forms; the same bytes again by fastavro {} and avro {}, {ambiguous} ambiguous; {resolved} resolved",
        questions.len(),
        again[0],
        again[1]
    );
    assert!(forms * 2 > questions.len() && again.iter().all(|n| n * 4 > questions.len()) && resolved * 8 > questions.len());
}

const PERSON: &str = include_str!("person.avsc");
const MOMENTS: &str = include_str!("moments.avsc");
/// Names that one of the languages has, or that the code would have beside them.
const HARD: &str = include_str!("hard.avsc");

/// Python and JavaScript have no dates beyond their calendars, which random numbers do not mind.
fn timeless() -> String {
    PERSON.replace("\"logicalType\": \"date\"", "\"once\": \"date\"")
}

/// Lines of hex go through a program; its lines come back.
fn piped(command: &mut Command, data: &[Vec<u8>]) -> Vec<String> {
    let input: String = data.iter().map(|data| format!("{}\n", hex(data))).collect();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.lines().count() == data.len(), "{text:.500}");
    text.lines().map(str::to_owned).collect()
}

/// Random people go through a program on generated code, and come back meaning the same.
fn through(command: &mut Command) {
    let schema = Schema::parse(PERSON).unwrap();
    let mut dice = Dice::new(21);
    let people: Vec<Vec<u8>> = std::iter::repeat_with(|| {
        let mut data = Vec::new();
        schema.random(&mut dice, &mut data).unwrap();
        data
    })
    .take(200)
    .collect();
    for (line, data) in piped(command, &people).iter().zip(&people) {
        let (written, length) = line.split_once(' ').unwrap();
        assert_eq!(meaning(&schema, &unhex(written)), meaning(&schema, data));
        let plan = Plan::new(&schema);
        let Datum::Record(fields) = plan.decode(data).unwrap() else { panic!("a person is a record") };
        assert!(matches!(&fields[0], Datum::String(first) if first.encode_utf16().count().to_string() == length));
    }
}

/// What has hard names is written as it was read.
fn hard_through(command: &mut Command) {
    let schema = Schema::parse(HARD).unwrap();
    let mut dice = Dice::new(22);
    let random = || {
        let mut data = Vec::new();
        schema.random(&mut dice, &mut data).unwrap();
        data
    };
    let data: Vec<Vec<u8>> = std::iter::repeat_with(random).take(100).collect();
    for (line, data) in piped(command.arg("hard"), &data).iter().zip(&data) {
        assert_eq!(*line, hex(data));
    }
}

/// Moments, money and keys mean the same there and in Rust, and are written as the same bytes.
fn moments_through(command: &mut Command) {
    let moments: Vec<Moments> = (0..200).map(some_moments).collect();
    let data: Vec<Vec<u8>> = moments.iter().map(Encode::to_avro).collect();
    for ((line, data), told) in piped(command.arg("moments"), &data).iter().zip(&data).zip(&moments) {
        let Moments { day, at, cost, total, key, .. } = told;
        let total = native::Decimal::<3>::from_be_bytes(total);
        assert_eq!(*line, format!("{} {day} {} {cost} {total} {key}", hex(data), at.0), "{told:?}");
    }
}

fn some_moments(n: i64) -> Moments {
    let odd = n * 7_919 - 500_000;
    Moments {
        day: native::Date((odd % 40_000) as i32),
        clock: native::TimeMillis((n * 431_999) as i32),
        fine: native::TimeMicros(n * 431_999_999),
        at: native::TimestampMillis(odd * 1_000_003),
        exact: native::TimestampMicros(odd * 1_000_000_007),
        local: native::LocalTimestampMillis(odd * 999_983),
        cost: native::Decimal::new(i128::from(odd % 1_000_000)),
        total: (odd * 1_000_000_007).to_be_bytes(),
        key: native::Uuid((n as u128).wrapping_mul(0x1234_5678_9abc_def0_0fed_cba9_8765_4321).to_be_bytes()),
        perhaps: (n % 3 > 0).then_some(native::TimestampMillis(odd)),
        days: (0..n % 4).map(|day| native::Date(day as i32 * 365 - 100)).collect(),
    }
}

#[test]
fn java_takes_the_generated_classes_as_specific_records() {
    let Some(dir) = or_skip(java(), "Apache Avro for Java") else { return };
    let made = dir.join("made");
    let mut javac = Command::new("javac");
    javac.args(["-encoding", "UTF-8", "-cp"]).arg(dir.join("*")).arg("-d").arg(&made);
    // Names that are hard in Java need only compile.
    let hard = r#"{"type":"record","name":"Underscores","fields":[{"name":"_","type":"int"},{"name":"class","type":"long"},{"name":"__","type":"int"}]}"#;
    let error = r#"{"type":"error","name":"hard.Oops","fields":[{"name":"message","type":"string"},{"name":"cause","type":"int"},
        {"name":"value","type":"int"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;
    for schema in [PERSON, MOMENTS, HARD, hard, error] {
        for (name, text) in generate::java(&Schema::parse(schema).unwrap()).unwrap() {
            let path = made.join("src").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            javac.arg(path);
        }
    }
    run(javac.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java/AvroGenerated.java"))).unwrap();
    let java = || {
        let mut java = Command::new("java");
        java.arg("-cp").arg(format!("{}:{}/*", made.display(), dir.display())).arg("AvroGenerated");
        java
    };
    through(&mut java());
    moments_through(&mut java());
    hard_through(&mut java());
}

#[test]
fn python_runs_the_generated_dataclasses() {
    let Some(python) = or_skip(python(), "fastavro") else { return };
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("avro-python-made");
    fs::create_dir_all(&made).unwrap();
    for (name, schema) in [("person.py", timeless()), ("moments.py", MOMENTS.to_owned()), ("hard.py", HARD.to_owned())] {
        fs::write(made.join(name), generate::python(&Schema::parse(&schema).unwrap()).unwrap()).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/avro_generated.py");
    let python = || {
        let mut command = Command::new(&python);
        command.env("PYTHONPATH", &made).arg(&script);
        command
    };
    through(&mut python());
    moments_through(&mut python());
    hard_through(&mut python());
}

/// The compiler, from npm into the build directory.
fn tsc() -> Result<PathBuf, String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("avro-typescript");
    let tsc = dir.join("node_modules/typescript/bin/tsc");
    if !tsc.exists() {
        fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        fs::write(dir.join("package.json"), "{\"private\":true,\"type\":\"module\"}").map_err(|error| error.to_string())?;
        run(Command::new("npm").args(["install", "--silent", "--no-audit", "--no-fund", TYPESCRIPT]).current_dir(&dir))?;
    }
    Ok(tsc)
}

#[test]
fn typescript_compiles_and_node_runs_the_generated_module() {
    let Some(tsc) = or_skip(tsc(), "TypeScript") else { return };
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("avro-typescript/made");
    fs::create_dir_all(&made).unwrap();
    let mut compiler = Command::new("node");
    compiler.arg(tsc).args(["--strict", "--noUnusedParameters", "--target", "es2022", "--module", "es2022"]);
    compiler.args(["--lib", "es2022,dom"]).arg("--outDir").arg(&made);
    for (name, schema) in [("person.ts", timeless()), ("moments.ts", MOMENTS.to_owned()), ("hard.ts", HARD.to_owned())] {
        let path = made.join(name);
        fs::write(&path, generate::typescript(&Schema::parse(&schema).unwrap()).unwrap()).unwrap();
        compiler.arg(path);
    }
    // The compiler complains on stdout.
    let output = compiler.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/avro_generated.mjs");
    let node = || {
        let mut node = Command::new("node");
        node.arg(&script).arg(&made);
        node
    };
    through(&mut node());
    moments_through(&mut node());
    hard_through(&mut node());
}
