//! Documents that name files name files that are there: every path in backticks in ARCHITECTURE.md and in `docs/`.

use std::path::Path;

use anyhow::Result;

use super::{Finding, shown};

/// First folders that a path of this tree begins with. Anything else in backticks is a word, a command or a route.
const TOPS: &[&str] = &["lib/", "crates/", "xtask/", "bench/", "conformance/", "docs/", ".ci/", ".cargo/"];

pub(super) fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut documents = vec![root.join("ARCHITECTURE.md"), root.join("CONTRIBUTING.md")];
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
    }
    Ok(findings)
}

/// The paths in backticks on one line. Patterns (`NN_name.rs`, `NAME.rs`, `cmd/*`) are no paths.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let pattern = |word: &str| word.contains(['*', ' ', '…']) || ["NN_", "NAME"].iter().any(|hole| word.contains(hole));
    quoted.filter(move |word| TOPS.iter().any(|top| word.starts_with(top)) && !pattern(word))
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn only_paths_of_this_tree_count() {
        let line =
            "`crates/store/src/disk.rs` and `lib/record`, not `cargo run`, `crates/kafka/src/api/NN_name.rs` or `/metrics`";
        assert_eq!(named(line).collect::<Vec<_>>(), ["crates/store/src/disk.rs", "lib/record"]);
    }
}
