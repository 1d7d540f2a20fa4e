//! `cargo xtask codegen`: from the message definitions in `lib/wire/messages` to the committed Rust in `lib/wire/src/generated`; and the Kafka door's list of APIs
//! from the names of its files.
//! Knows the text format (`definition`) and what Rust to write (`rust`, `tables`); knows nothing of Kafka that is not in the definitions.

mod definition;
mod encode;
mod errors;
#[path = "../../../crates/kafka/src/index.rs"]
#[allow(unreachable_pub)] // it is the door's, which shows it to its tests
mod index;
mod rust;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

/// Generated files by name, formatted.
type Files = BTreeMap<String, String>;

/// Writes the generated files, or only compares them with what is committed. Returns the paths that differed.
pub(crate) fn run(root: &Path, only_compare: bool) -> Result<Vec<String>> {
    let mut differed = apis(root, only_compare)?;
    let generated = "lib/wire/src/generated";
    let target = root.join(generated);
    let files = generate(root)?;
    for (name, text) in &files {
        if fs::read_to_string(target.join(name)).ok().as_ref() != Some(text) {
            differed.push(format!("{generated}/{name}"));
            if !only_compare {
                fs::write(target.join(name), text)?;
            }
        }
    }
    for entry in fs::read_dir(&target)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !files.contains_key(&name) {
            differed.push(format!("{generated}/{name}"));
            if !only_compare {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(differed)
}

/// The door's list of APIs.
fn apis(root: &Path, only_compare: bool) -> Result<Vec<String>> {
    let dir = "crates/kafka/src/api";
    let text = index::api_index(&root.join(dir))?;
    let list = format!("{dir}/mod.rs");
    if fs::read_to_string(root.join(&list)).is_ok_and(|old| old == text) {
        return Ok(Vec::new());
    }
    if !only_compare {
        fs::write(root.join(&list), text)?;
    }
    Ok(vec![list])
}

fn generate(root: &Path) -> Result<Files> {
    let mut definitions = Vec::new();
    let mut errors = None;
    let mut names: Vec<_> =
        fs::read_dir(root.join("lib/wire/messages"))?.collect::<Result<Vec<_>, _>>()?.into_iter().map(|e| e.path()).collect();
    names.sort();
    for path in names {
        let text = fs::read_to_string(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "errors.txt" {
            errors = Some(tables::errors(&text).context(name)?);
        } else {
            definitions.push(definition::parse(&text).context(name)?);
        }
    }
    let mut files = Files::new();
    for definition in &definitions {
        files.insert(format!("{}.rs", definition.module()), format(root, &rust::module(definition)?)?);
    }
    files.insert("errors.rs".into(), format(root, &errors.context("errors.txt is missing")?)?);
    files.insert("any.rs".into(), format(root, &tables::any(&definitions))?);
    files.insert("mod.rs".into(), format(root, &tables::root(&definitions))?);
    Ok(files)
}

/// As `cargo fmt` would leave it: the house's configuration, from standard input to standard output.
fn format(root: &Path, text: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("rustfmt cannot be started")?;
    let mut input = child.stdin.take().context("rustfmt has no input")?;
    let owned = text.to_owned();
    let feeder = std::thread::spawn(move || input.write_all(owned.as_bytes()));
    let output = child.wait_with_output()?;
    feeder.join().ok();
    if !output.status.success() {
        bail!("rustfmt refused the generated text:\n{text}");
    }
    let formatted = String::from_utf8(output.stdout)?;
    ensure!(!formatted.is_empty(), "rustfmt answered nothing");
    Ok(formatted)
}

/// `TopicProduceData` as `topic_produce_data`.
fn snake(camel: &str) -> String {
    let mut out = String::new();
    let mut after_upper = true;
    for c in camel.chars() {
        if c.is_ascii_uppercase() && !after_upper {
            out.push('_');
        }
        after_upper = c.is_ascii_uppercase();
        out.push(c.to_ascii_lowercase());
    }
    out
}
