//! Documents that name files name files that are there: every path in backticks, and every link to a file.

use std::path::Path;

use anyhow::Result;

use super::{Finding, shown};

/// First folders that a path of this tree begins with. Anything else in backticks is a word, a command or a route.
const TOPS: &[&str] = &["lib/", "crates/", "xtask/", "bench/", "conformance/", "docs/", ".ci/", ".cargo/"];

pub(super) fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut documents: Vec<_> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root.join(name)).into();
    for entry in std::fs::read_dir(root.join("docs"))? {
        documents.push(entry?.path());
    }
    documents.sort();
    let mut findings = Vec::new();
    for document in documents.iter().filter(|d| d.extension().is_some_and(|e| e == "md")) {
        let text = std::fs::read_to_string(document)?;
        for path in text.lines().flat_map(named).filter(|path| !root.join(path).exists()) {
            findings.push(format!("{}: names `{path}`, which is not there", shown(root, document)));
        }
        let beside = document.parent().unwrap_or(root);
        for link in text.lines().flat_map(linked).filter(|link| !beside.join(link).exists()) {
            findings.push(format!("{}: links to {link}, which is not there", shown(root, document)));
        }
    }
    Ok(findings)
}

/// The paths in backticks on one line. Patterns (`NN_name.rs`, `NAME.rs`, `cmd/*`) are no paths.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let pattern = |word: &str| word.contains(['*', ' ', '…']) || ["NN_", "NAME"].iter().any(|hole| word.contains(hole));
    quoted.filter(move |word| TOPS.iter().any(|top| word.starts_with(top)) && !pattern(word))
}

/// The files that links on one line lead to, without their anchors.
fn linked(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::{linked, named};

    #[test]
    fn only_files_are_followed() {
        let line = "[a](guide.md#here), [b](https://example.com/x) and [c](#there), [d](../LICENSE)";
        assert_eq!(linked(line).collect::<Vec<_>>(), ["guide.md", "../LICENSE"]);
    }

    #[test]
    fn only_paths_of_this_tree_count() {
        let line =
            "`crates/store/src/disk.rs` and `lib/record`, not `cargo run`, `crates/kafka/src/api/NN_name.rs` or `/metrics`";
        assert_eq!(named(line).collect::<Vec<_>>(), ["crates/store/src/disk.rs", "lib/record"]);
    }
}
