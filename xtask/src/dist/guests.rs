//! Whose work a release carries, as a bill of materials for programs (CycloneDX). The notices that the licences ask for are in the
//! binary: `milena version --licences`.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde_json::{Value, json};

/// What is linked into the binary, our own rooms left out; by name and version.
pub(super) struct Guests(Vec<Package>);

impl Guests {
    pub(super) fn of(root: &Path) -> Result<Self> {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .other_options(vec!["--locked".into(), "--filter-platform".into(), platform])
            .exec()?;
        let milena = metadata.packages.iter().find(|p| p.name.as_str() == "milena").context("there is a crate milena")?;
        let mut linked = BTreeMap::new();
        follow(&metadata, &milena.id, &mut linked)?;
        let mut guests: Vec<Package> = linked.into_values().filter(|p| p.source.is_some()).cloned().collect();
        guests.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Ok(Self(guests))
    }

    /// CycloneDX 1.5. Has no time and no serial number, so that the same sources make the same bytes.
    pub(super) fn bill(&self, version: &str) -> Value {
        let component = |p: &Package| {
            json!({
                "type": "library",
                "name": p.name.as_str(),
                "version": p.version.to_string(),
                "purl": format!("pkg:cargo/{}@{}", p.name, p.version),
                "licenses": [{"expression": expression(p)}],
                "externalReferences": p.repository.iter().map(|url| json!({"type": "vcs", "url": url})).collect::<Vec<_>>(),
            })
        };
        json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {"component": {"type": "application", "name": "milena", "version": version, "licenses": [{"expression": "Apache-2.0"}]}},
            "components": self.0.iter().map(component).collect::<Vec<_>>(),
        })
    }
}

/// As SPDX writes it today; a slash is how it was written once.
fn expression(package: &Package) -> String {
    package.license.as_deref().unwrap_or("NOASSERTION").replace('/', " OR ")
}

/// What a package is linked with: its normal dependencies, and theirs.
fn follow<'a>(metadata: &'a Metadata, id: &'a PackageId, seen: &mut BTreeMap<&'a PackageId, &'a Package>) -> Result<()> {
    if seen.contains_key(id) {
        return Ok(());
    }
    seen.insert(id, metadata.packages.iter().find(|p| p.id == *id).context("a dependency is a package")?);
    let resolve = metadata.resolve.as_ref().context("cargo has resolved the dependencies")?;
    let node = resolve.nodes.iter().find(|n| n.id == *id).context("a package has a place in the graph")?;
    for dependency in &node.deps {
        if dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal) {
            follow(metadata, &dependency.pkg, seen)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_names_what_is_linked_and_nothing_else() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let guests = Guests::of(root).unwrap();
        let bill = guests.bill("1.2.3");
        let names: Vec<&str> = bill["components"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
        assert!(names.contains(&"tokio") && names.contains(&"clap"), "{names:?}");
        for other in ["milena-engine", "proptest", "cargo_metadata"] {
            assert!(!names.contains(&other), "{other} is not linked from elsewhere");
        }
        assert!(bill["components"].as_array().unwrap().iter().all(|c| c["licenses"][0]["expression"] != "NOASSERTION"));
    }
}
