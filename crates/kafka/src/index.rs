//! Writes `api/mod.rs` from the names of the files beside it, so that adding an API is adding a file.
//!
//! Used by this room's staleness test and, by path, by `cargo xtask codegen`. Knows file names only.

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

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_index_of_apis_is_what_the_directory_says() {
        let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
        let fresh = super::api_index(&api).unwrap();
        let index = api.join("mod.rs");
        if std::env::var_os("MILENA_CODEGEN").is_some() {
            std::fs::write(&index, &fresh).unwrap();
        }
        assert_eq!(std::fs::read_to_string(index).unwrap(), fresh, "run `cargo xtask codegen`");
    }
}
