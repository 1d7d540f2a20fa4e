//! The house rules as a test: what a reviewer would otherwise have to remember.
//!
//! Each rule is a function from the tree to a list of findings. `cargo xtask tidy` prints them; `cargo test` fails on any.

mod dependencies;
mod lengths;
mod paths;
mod rooms;
mod words;

use std::path::{Path, PathBuf};

use anyhow::Result;

/// One broken rule: where, and what to do.
pub(crate) type Finding = String;

/// Every finding of every rule, and the figures that are printed whatever they are.
pub(crate) fn tidy(root: &Path) -> Result<(Vec<Finding>, Vec<String>)> {
    let sources = sources(root)?;
    let mut findings = Vec::new();
    findings.extend(rooms::check(root)?);
    findings.extend(paths::check(root)?);
    findings.extend(dependencies::check(root)?);
    findings.extend(words::check(root, &sources)?);
    let (long, figures) = lengths::check(root, &sources)?;
    findings.extend(long);
    Ok((findings, figures))
}

/// Our own Rust sources: not generated ones, not build output.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for top in ["lib", "crates", "xtask", "bench", "conformance"] {
        walk(&root.join(top), &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "generated" | "target" | "node_modules" | "fixtures") {
                walk(&path, found)?;
            }
        } else if name.ends_with(".rs") && !std::fs::read_to_string(&path)?.starts_with("// @generated") {
            found.push(path);
        }
    }
    Ok(())
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_house_is_tidy() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the checkout");
        let (findings, figures) = super::tidy(root).expect("the tree can be read");
        for line in figures {
            println!("{line}");
        }
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
