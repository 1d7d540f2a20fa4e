//! The room table of ARCHITECTURE.md is law: no crate may gain an edge that its row does not allow.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail};

use super::Finding;

/// Crates that a pure room may never name: they bring sockets, files, clocks or tasks.
const WORLDLY: &[&str] = &["tokio", "rustix", "socket2", "hyper", "hyper-util", "tempfile", "tracing-subscriber"];

struct Row {
    may_depend_on: Vec<String>,
    pure: bool,
}

pub(super) fn check(root: &Path) -> Result<Vec<Finding>> {
    let rows = table(&std::fs::read_to_string(root.join("ARCHITECTURE.md"))?)?;
    let metadata = cargo_metadata::MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for package in &metadata.packages {
        let room = room(root, package.manifest_path.as_std_path())?;
        seen.push(room.clone());
        match rows.get(&room) {
            Some(row) => findings.extend(edges(root, &room, row, package)?),
            None => findings.push(format!("ARCHITECTURE.md: room `{room}` has no row in the table")),
        }
    }
    findings.extend(
        rows.keys().filter(|r| !seen.contains(r)).map(|r| format!("ARCHITECTURE.md: the table names `{r}`, which is no crate")),
    );
    Ok(findings)
}

fn edges(root: &Path, room: &str, row: &Row, package: &cargo_metadata::Package) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for dependency in package.dependencies.iter().filter(|d| d.kind == cargo_metadata::DependencyKind::Normal) {
        if let Some(path) = &dependency.path {
            let target = self::room(root, &path.as_std_path().join("Cargo.toml"))?;
            if !row.may_depend_on.contains(&target) {
                findings.push(format!("{room}: depends on `{target}`, which its row in ARCHITECTURE.md does not allow"));
            }
        } else if row.pure && WORLDLY.contains(&dependency.name.as_str()) {
            findings.push(format!("{room}: is pure and may not depend on `{}`", dependency.name));
        }
    }
    Ok(findings)
}

/// `lib/record/Cargo.toml` → `lib/record`; `crates/engine/Cargo.toml` → `engine`.
fn room(root: &Path, manifest: &Path) -> Result<String> {
    let dir = manifest.parent().context("a manifest has a directory")?;
    let inside = dir.strip_prefix(root).with_context(|| format!("{} lies outside the checkout", dir.display()))?;
    let name = inside.to_string_lossy();
    Ok(name.strip_prefix("crates/").unwrap_or(&name).to_string())
}

/// The table whose first header cell is `room`: columns room, may depend on, I/O, …
fn table(text: &str) -> Result<BTreeMap<String, Row>> {
    let mut rows = BTreeMap::new();
    let lines = text.lines().skip_while(|l| !l.starts_with("| room |")).skip(2).take_while(|l| l.starts_with('|'));
    for line in lines {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, edges, io, ..] = cells.as_slice() else { bail!("ARCHITECTURE.md: a row with too few cells: {line}") };
        let may_depend_on =
            edges.split(',').map(|e| e.trim().trim_matches('`').to_string()).filter(|e| !e.is_empty() && e != "–").collect();
        rows.insert(name.trim_matches('`').to_string(), Row { may_depend_on, pure: *io == "no" });
    }
    if rows.is_empty() {
        bail!("ARCHITECTURE.md has no table that begins with `| room |`");
    }
    Ok(rows)
}
