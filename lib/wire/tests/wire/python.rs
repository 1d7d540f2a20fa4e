//! Two codecs in Python as further oracles: kio, which has a class for every message and version, and kafka-python. Both come from PyPI into the build
//! directory. Without Python the test says so and passes on a developer's machine, and fails where `CI` is `true`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    oracle::{converse, hex, run},
    values::{Dice, Style, message, subjects},
};

/// Python packages that are codecs too, and the releases that are asked.
const PACKAGES: [(&str, &str); 2] = [("kio", "0.6.5"), ("kafka-python", "3.0.12")];

/// A Python of our own with both packages.
fn python() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wire-python");
    let python = dir.join("bin/python");
    let wanted: Vec<String> = PACKAGES.iter().map(|(name, version)| format!("{name}=={version}")).collect();
    let prepare = || {
        if !python.exists() {
            run(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
        }
        run(Command::new(&python).args(["-m", "pip", "install", "-q", "--disable-pip-version-check"]).args(&wanted))
    };
    match prepare() {
        Ok(_) => Some(python),
        Err(why) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "the Python codecs must run in CI: {why}");
            eprintln!("\n*** SKIPPED, nothing is proved against {wanted:?}: {why} ***\n");
            None
        }
    }
}

#[test]
fn our_bytes_go_through_two_python_codecs_unchanged() {
    let Some(python) = python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/again.py");
    for (package, release) in PACKAGES {
        let (lines, made) = tame();
        let answers = converse(Command::new(&python).arg(&script).arg(package), &lines);
        assert_eq!(answers.lines().count(), made.len());
        let (mut same, mut gaps) = (0, BTreeSet::new());
        for (answer, (name, version, bytes)) in answers.lines().zip(&made) {
            // It reads an answer of ApiVersions with an error as version 0, whatever the version.
            let by_error = package == "kafka-python" && *name == "ApiVersionsResponse" && !bytes.starts_with("0000");
            if answer == "lacks" || by_error {
                gaps.insert(if by_error { format!("{name} with an error") } else { format!("{name} {version}") });
                continue;
            }
            assert_eq!(answer, bytes, "{package}: {name} v{version}");
            same += 1;
        }
        println!(
            "{same} of {} messages went through {package} {release} byte for byte; it lacks {}: {gaps:?}",
            made.len(),
            gaps.len()
        );
        assert!(same > 3000);
    }
}

/// Lines for the oracles, and what each should be answered: name, version, bytes.
fn tame() -> (String, Vec<(&'static str, i16, String)>) {
    let mut dice = Dice(11);
    let (mut lines, mut made) = (String::new(), Vec::new());
    for subject in subjects().iter().filter(|subject| subject.part != "header") {
        for version in subject.versions() {
            for _ in 0..8 {
                let bytes = hex(&message(&mut dice, subject, version, Style::Tame));
                lines += &format!("{} {} {} {version} {bytes}\n", subject.part, subject.key, subject.fields.name);
                made.push((subject.fields.name, version, bytes));
            }
        }
    }
    (lines, made)
}
