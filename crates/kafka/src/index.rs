//! Writes `api/mod.rs` from the names of the files beside it, so that adding an API is adding a file.
//!
//! `cargo xtask codegen` includes this file by its path and writes what it says; a test of this room compares. Knows file
//! names only.

use std::{fmt::Write, io, path::Path};

/// The text of `api/mod.rs` for the directory `api`. Files are named `NN_name.rs`, NN being the API key.
pub fn api_index(api: &Path) -> io::Result<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(api)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some((key, module)) = name.strip_suffix(".rs").and_then(|stem| stem.split_once('_')) else { continue };
        if let Ok(key) = key.parse::<u16>() {
            found.push((key, module.to_owned(), name.clone()));
        }
    }
    found.sort();
    let mut text = String::from(
        "//! One file an API key. Generated from the names of the files here by `cargo xtask codegen`; a test compares.\n\n\
         use crate::dispatch::Card;\n\n",
    );
    // In the order that rustfmt would put them in.
    let mut modules: Vec<_> = found.iter().map(|(_, module, file)| (module, file)).collect();
    modules.sort();
    for (module, file) in modules {
        let _ = writeln!(text, "#[path = \"{file}\"]\nmod {module};");
    }
    text.push_str("\n/// The cards, by key.\npub(crate) static CARDS: &[&Card] = &[\n");
    for (_, module, _) in &found {
        let _ = writeln!(text, "    &{module}::CARD,");
    }
    text.push_str("];\n");
    Ok(text)
}
