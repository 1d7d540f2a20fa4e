//! Heads, names and words: what a reader meets first.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Finding, shown};

/// Names that say nothing. A module called so is a drawer.
const DRAWERS: &[&str] = &["common", "util", "utils", "types", "helpers", "helper", "misc", "manager"];

/// Unfinished work does not land.
const UNFINISHED: &[&str] = &["todo!(", "unimplemented!(", "FIXME", "#[ignore"];

/// The only files that may hold `unsafe`; each says at its head why.
const UNSAFE: &[&str] = &["crates/store/src/local/buffer.rs", "crates/cli/src/serve/quiet.rs", "lib/wire/tests/wire/memory.rs"];

pub(super) fn check(root: &Path, sources: &[PathBuf]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in sources {
        let place = shown(root, path);
        let text = std::fs::read_to_string(path)?;
        findings.extend(drawer(&place, path));
        if !text.starts_with("//!") {
            findings.push(format!("{place}: begin with `//!`: what this file knows, and what it must not"));
        }
        if place.ends_with("tidy/words.rs") {
            continue;
        }
        for word in UNFINISHED.iter().filter(|w| text.contains(**w)) {
            findings.push(format!("{place}: holds `{word}`: finish it, or refuse honestly"));
        }
        let allows = text.contains("allow(unsafe_code)");
        if allows && !UNSAFE.contains(&place.as_str()) {
            findings.push(format!("{place}: `unsafe` lives in named files only: {}", UNSAFE.join(", ")));
        }
    }
    Ok(findings)
}

fn drawer(place: &str, path: &Path) -> Option<Finding> {
    let stem = path.file_stem()?.to_str()?;
    let folder = path.parent()?.file_name()?.to_str()?;
    let name = if matches!(stem, "mod" | "lib") { folder } else { stem };
    DRAWERS.contains(&name).then(|| format!("{place}: `{name}` says nothing; name what it holds"))
}
