//! Apache's own client library as the oracle: its definitions are compared with ours field by field, and bytes go through it both ways.
//! Needs a JDK and Maven (both ordinary packages); the jars come from Maven Central into the build directory. Without them the tests say so and pass on a
//! developer's machine, and fail where `CI` is `true`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use bytes::Bytes;
use milena_wire::{Kind, Malformed, Message as _, ProduceRequest, Struct};

use crate::{
    bounds,
    round_trip::{across, again},
    values::{Dice, Style, Subject, message, subjects},
};

/// The release that the definitions describe.
const RELEASE: &str = "4.3.1";
const JARS: [(&str, &str); 5] = [
    ("org.apache.kafka:kafka-clients", RELEASE),
    ("com.fasterxml.jackson.core:jackson-databind", "2.19.0"),
    ("com.fasterxml.jackson.core:jackson-core", "2.19.0"),
    ("com.fasterxml.jackson.core:jackson-annotations", "2.19.0"),
    ("org.slf4j:slf4j-api", "1.7.36"),
];

/// Where the compiled oracle is; made once a run.
fn oracle() -> Option<&'static Path> {
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match DIR.get_or_init(prepare) {
        Ok(dir) => Some(dir),
        Err(why) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "the oracle must run in CI: {why}");
            eprintln!("\n*** SKIPPED, nothing is proved against Apache Kafka {RELEASE}: {why} ***\n");
            None
        }
    }
}

fn prepare() -> Result<PathBuf, String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wire-oracle");
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
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java");
    let mut javac = Command::new("javac");
    run(javac.arg("-version"))?;
    javac = Command::new("javac");
    javac.arg("-encoding").arg("UTF-8").arg("-cp").arg(dir.join("*")).arg("-d").arg(&dir);
    // From here on nothing is missing, so what fails is a fault.
    run(javac.arg(source.join("Facts.java")).arg(source.join("Oracle.java"))).unwrap_or_else(|error| panic!("{error}"));
    Ok(dir)
}

fn java(dir: &Path, class: &str) -> Command {
    let mut java = Command::new("java");
    java.arg("-cp").arg(format!("{0}:{0}/*", dir.display())).arg(class);
    java
}

pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Text without comments, words behind ` : ` and empty lines: what is left are facts.
fn facts(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    lines.map(|line| line.split_once(" : ").map_or(line, |(facts, _)| facts).to_owned()).collect()
}

fn files(dir: &Path) -> BTreeMap<String, Vec<String>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), facts(&fs::read_to_string(&path).unwrap())))
        .collect()
}

#[test]
fn definitions_are_those_of_the_reference_library() {
    let Some(dir) = oracle() else { return };
    let told = dir.join("facts");
    let _ = fs::remove_dir_all(&told);
    run(java(dir, "Facts").arg(&told)).unwrap();
    let theirs = files(&told);
    let ours = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("messages"));
    let mut differences = Vec::new();
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    for name in names {
        let (ours, theirs) = (ours.get(name).map_or(&[][..], |f| f), theirs.get(name).map_or(&[][..], |f| f));
        differences.extend(theirs.iter().filter(|fact| !ours.contains(fact)).map(|fact| format!("{name}: theirs {fact}")));
        differences.extend(ours.iter().filter(|fact| !theirs.contains(fact)).map(|fact| format!("{name}: ours   {fact}")));
        if differences.is_empty() && ours != theirs {
            differences.push(format!("{name}: in another order"));
        }
    }
    // What the library says is left there, to be taken over after it was understood.
    assert!(differences.is_empty(), "the definitions differ from {}:\n{}", told.display(), differences.join("\n"));
    let lines: usize = theirs.values().map(Vec::len).sum();
    println!("{lines} facts in {} definitions are those of kafka-clients {RELEASE}; gaps: none", theirs.len());
}

/// The subject that a line of the oracle is about.
fn find(subjects: &[Subject], part: &str, key: i16, name: &str) -> usize {
    let found = subjects.iter().position(|s| s.part == part && s.key == key && (key >= 0 || s.fields.name == name));
    found.unwrap_or_else(|| panic!("{part} {key} {name} is not defined"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Bytes {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Whether a struct holds records, which the library's JSON tells the size of and nothing more.
fn has_records(of: &Struct) -> bool {
    fn holds(kind: &Kind) -> bool {
        match kind {
            Kind::Records => true,
            Kind::Array(inner) => holds(inner),
            Kind::Struct(inner) => has_records(inner),
            _ => false,
        }
    }
    of.fields.iter().any(|field| holds(&field.kind))
}

/// Hands lines to the oracle and takes as many answers.
fn ask(dir: &Path, mode: &str, lines: &str) -> String {
    converse(java(dir, "Oracle").arg(mode), lines)
}

pub(crate) fn converse(program: &mut Command, lines: &str) -> String {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(lines.as_bytes()).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{program:?} ended with {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn our_bytes_go_through_the_reference_library_and_its_json_unchanged() {
    let Some(dir) = oracle() else { return };
    let mut dice = Dice(8);
    let (mut lines, mut expected) = (String::new(), Vec::new());
    let subjects = subjects();
    let mut pairs = BTreeSet::new();
    for (i, subject) in subjects.iter().enumerate() {
        for version in subject.versions() {
            pairs.insert((i, version));
            // The library's JSON drops unknown tags, so half of the messages have none.
            for round in 0..20 {
                let unknown = round % 2 == 0;
                let bytes = message(&mut dice, subject, version, if unknown { Style::Any } else { Style::Known });
                lines += &format!("{} {} {} {version} {}\n", subject.part, subject.key, subject.fields.name, hex(&bytes));
                expected.push((subject, version, unknown, hex(&bytes)));
            }
        }
    }
    let answers = ask(dir, "again", &lines);
    assert_eq!(answers.lines().count(), expected.len());
    let (mut by_json, mut without) = (0, BTreeSet::new());
    for (answer, (subject, version, unknown, bytes)) in answers.lines().zip(&expected) {
        let what = format!("{} v{version} {bytes}", subject.fields.name);
        let words: Vec<&str> = answer.split(' ').collect();
        assert_eq!((words.len(), words[0]), (2, bytes.as_str()), "{what}: {answer}");
        if has_records(subject.fields) {
            without.insert(subject.fields.name);
        } else if !unknown {
            assert_eq!(words[1], bytes, "{what}, through JSON");
            by_json += 1;
        }
    }
    println!(
        "{} messages of {} kinds and versions went through kafka-clients {RELEASE} byte for byte, {by_json} of them through its JSON too; gap: {without:?} \
         through JSON, which has no records",
        expected.len(),
        pairs.len(),
    );
    assert!(without.contains(ProduceRequest::NAME) && without.len() <= 3, "{without:?}");
}

#[test]
fn bytes_of_the_reference_library_come_back_unchanged() {
    let Some(dir) = oracle() else { return };
    let lines = String::from_utf8(run(java(dir, "Oracle").args(["values", "20", "9"])).unwrap()).unwrap();
    let subjects = subjects();
    let mut seen = BTreeSet::new();
    for line in lines.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (key, version) = (words[1].parse().unwrap(), words[3].parse().unwrap());
        let at = find(&subjects, words[0], key, words[2]);
        let bytes = unhex(words[4]);
        let (written, left) = again(&subjects[at], version, &bytes).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!((hex(&written), left), (words[4].to_owned(), 0), "{} v{version}", words[2]);
        seen.insert((at, version));
    }
    let all: usize = subjects.iter().map(|subject| subject.versions().count()).sum();
    assert_eq!(seen.len(), all, "the library has made every message in every version");
    println!(
        "{} messages of {all} kinds and versions made by kafka-clients {RELEASE} came back byte for byte; gaps: none",
        lines.lines().count()
    );
}

/// Whether the library may take what we refuse: it drops bits that do not fit, and does not compare a tagged field with the size in front of it.
fn stricter(error: Malformed, subject: &Subject) -> bool {
    fn tagged(of: &Struct) -> bool {
        of.fields.iter().any(|field| field.tag.is_some() || inner(&field.kind).is_some_and(tagged))
    }
    fn inner(kind: &Kind) -> Option<&'static Struct> {
        match kind {
            Kind::Array(element) => inner(element),
            Kind::Struct(of) => Some(of),
            _ => None,
        }
    }
    match error {
        Malformed::Varint { .. } | Malformed::TagSize { .. } | Malformed::TagOrder { .. } => true,
        Malformed::Count { count, .. } => count > i32::MAX as u64,
        Malformed::Short { .. } => tagged(subject.fields),
        _ => false,
    }
}

#[test]
fn broken_bytes_are_taken_and_refused_as_the_reference_library_does() {
    let Some(dir) = oracle() else { return };
    let mut dice = Dice(10);
    let (mut lines, mut broken) = (String::new(), Vec::new());
    let subjects = subjects();
    for subject in &subjects {
        for version in subject.versions() {
            for _ in 0..30 {
                let mut bytes = message(&mut dice, subject, version, Style::Any);
                bounds::mutate(&mut dice, &mut bytes);
                lines += &format!("{} {} {} {version} {}\n", subject.part, subject.key, subject.fields.name, hex(&bytes));
                broken.push((subject, version, Bytes::from(bytes)));
            }
        }
    }
    let answers = ask(dir, "again", &lines);
    assert_eq!(answers.lines().count(), broken.len());
    let (mut same, mut refused, mut stricter_here, mut stricter_there) = (0, 0, 0, 0);
    for (answer, (subject, version, bytes)) in answers.lines().zip(&broken) {
        let what = format!("{} v{version} {}: {answer}", subject.fields.name, hex(bytes));
        match (again(subject, *version, bytes), answer.strip_prefix("error ")) {
            (Err(_), Some(_)) => refused += 1,
            (Err(error), None) => {
                assert!(stricter(error, subject), "{error}, but {what}");
                stricter_here += 1;
            }
            (Ok(_), Some(error)) => {
                // It keeps tags as signed numbers, and then cannot write one of 2^31 or more.
                assert!(error.contains("Invalid raw tag field list"), "taken, but {what}");
                stricter_there += 1;
            }
            (Ok((written, left)), None) => {
                let mut words = answer.split(' ');
                assert_eq!((words.next(), words.nth(1).is_some()), (Some(&*hex(&written)), left > 0), "{what}");
                same += 1;
            }
        }
    }
    println!(
        "{} broken messages: {same} read alike, {refused} refused by both, {stricter_here} refused only by us and {stricter_there} only by kafka-clients \
         {RELEASE}, all for known reasons",
        broken.len()
    );
    assert!(same > 1000 && refused > 5000);
}

/// A message read in one version and written in all others: what a version cannot say is refused or dropped exactly where the library does it.
#[test]
fn versions_lose_and_refuse_what_they_do_in_the_reference_library() {
    let Some(dir) = oracle() else { return };
    let mut dice = Dice(12);
    let (mut lines, mut made) = (String::new(), Vec::new());
    let subjects = subjects();
    for subject in &subjects {
        for version in subject.versions() {
            for round in 0..6 {
                let style = [Style::Known, Style::Tame, Style::Any][round % 3];
                let bytes = message(&mut dice, subject, version, style);
                lines += &format!("{} {} {} {version} {}\n", subject.part, subject.key, subject.fields.name, hex(&bytes));
                made.push((subject, version, Bytes::from(bytes)));
            }
        }
    }
    let answers = ask(dir, "across", &lines);
    assert_eq!(answers.lines().count(), made.len());
    let (mut written, mut refused) = (0, 0);
    for (answer, (subject, version, bytes)) in answers.lines().zip(&made) {
        let theirs: Vec<&str> = answer.split(' ').collect();
        let ours = across(subject, *version, bytes);
        assert_eq!(theirs.len(), ours.len(), "{answer}");
        for ((theirs, ours), to) in theirs.iter().zip(&ours).zip(subject.versions()) {
            let what = format!("{} from v{version} to v{to}, {}", subject.fields.name, hex(bytes));
            match ours {
                Ok(bytes) => assert_eq!(*theirs, format!("={}", hex(bytes)), "{what}"),
                Err(error) => assert_eq!(*theirs, "-", "{error}: {what}"),
            }
            if ours.is_ok() { written += 1 } else { refused += 1 }
        }
    }
    println!(
        "{} messages written in every version: {written} alike, {refused} refused alike by kafka-clients {RELEASE}",
        made.len()
    );
    assert!(written > 10_000 && refused > 1000);
}
