//! Guests: licences, bans, sources, unused ones, and a word about each in the root manifest.

use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, Package};

use super::Finding;

/// Licences that may be linked into an Apache-2.0 binary without a further thought.
const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "0BSD",
    "Unlicense",
    "bzip2-1.0.6",
    "MIT-0",
    "BSL-1.0",
];

/// Crates that may not enter, and why.
const BANNED: &[(&str, &str)] = &[
    ("openssl-sys", "TLS is rustls with aws-lc-rs"),
    ("native-tls", "TLS is rustls with aws-lc-rs"),
    ("ring", "TLS is rustls with aws-lc-rs"),
    ("rdkafka", "the product has one Kafka client: lib/client"),
    ("parking_lot", "std's locks do"),
];

pub(super) fn check(root: &Path) -> Result<Vec<Finding>> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(vec!["--locked".into(), "--offline".into()])
        .exec()
        .or_else(|_| cargo_metadata::MetadataCommand::new().manifest_path(root.join("Cargo.toml")).exec())?;
    let manifest = std::fs::read_to_string(root.join("Cargo.toml"))?;
    let mut findings = Vec::new();
    for package in &metadata.packages {
        findings.extend(licence(package)?);
        findings.extend(source(package));
        findings.extend(banned(&metadata, package));
    }
    for member in metadata.workspace_packages() {
        findings.extend(unused(&metadata, member)?);
    }
    findings.extend(unexplained(&manifest));
    Ok(findings)
}

fn licence(package: &Package) -> Result<Option<Finding>> {
    let Some(text) = &package.license else {
        return Ok(Some(format!("{} {}: no licence in its manifest", package.name, package.version)));
    };
    let expression = spdx::Expression::parse_mode(text, spdx::ParseMode::LAX)
        .with_context(|| format!("{}: licence {text:?} cannot be read", package.name))?;
    let allowed = expression.evaluate(|requirement| ALLOWED.contains(&requirement.to_string().as_str()));
    Ok((!allowed).then(|| format!("{} {}: licence {text} is not on the list", package.name, package.version)))
}

fn source(package: &Package) -> Option<Finding> {
    let registry = package.source.as_ref()?;
    (!registry.is_crates_io()).then(|| format!("{}: comes from {registry}, not from crates.io", package.name))
}

/// A ban holds for what is linked into the product, not for what only tests need.
fn banned(metadata: &Metadata, package: &Package) -> Option<Finding> {
    let (_, why) = BANNED.iter().find(|(name, _)| *name == package.name.as_str())?;
    let product = metadata
        .workspace_packages()
        .into_iter()
        .any(|p| p.dependencies.iter().any(|d| d.kind == DependencyKind::Normal && d.name == package.name.as_str()));
    product.then(|| format!("{}: banned: {why}", package.name))
}

/// What sources call a package: the name of its library, which need not be its own (md-5 is `md5`).
fn imported_as(metadata: &Metadata, package: &str) -> String {
    let named = metadata.packages.iter().find(|p| p.name.as_str() == package);
    let library = named.and_then(|p| p.targets.iter().find(|t| t.is_lib() || t.is_proc_macro()));
    library.map_or(package, |target| target.name.as_str()).replace('-', "_")
}

/// A dependency whose name appears nowhere in its crate's sources.
fn unused(metadata: &Metadata, member: &Package) -> Result<Vec<Finding>> {
    let dir = member.manifest_path.parent().context("a manifest has a directory")?;
    let mut files = Vec::new();
    super::walk(dir.as_std_path(), &mut files)?;
    generated(dir.as_std_path(), &mut files);
    let text: String = files.iter().filter_map(|f| std::fs::read_to_string(f).ok()).collect();
    Ok(member
        .dependencies
        .iter()
        .map(|d| d.rename.clone().unwrap_or_else(|| imported_as(metadata, &d.name)))
        .filter(|name| !text.contains(name.as_str()))
        .map(|name| format!("{}: dependency `{name}` is used nowhere", member.name))
        .collect())
}

fn generated(dir: &Path, files: &mut Vec<std::path::PathBuf>) {
    if let Ok(entries) = std::fs::read_dir(dir.join("src/generated")) {
        files.extend(entries.flatten().map(|e| e.path()));
    }
}

/// Every line below `[workspace.dependencies]` says what the guest does for us.
fn unexplained(manifest: &str) -> Vec<Finding> {
    manifest
        .lines()
        .skip_while(|l| *l != "[workspace.dependencies]")
        .skip(1)
        .take_while(|l| !l.starts_with('['))
        .filter(|l| !l.is_empty() && !l.starts_with('#') && !l.contains(" # "))
        .map(|l| format!("Cargo.toml: say what this dependency does for us: {l}"))
        .collect()
}
