//! `milena config check`: would the server start with this file? Reads it as `serve` does, and starts nothing.

use std::{fmt::Write, path::Path};

use serde_json::json;

use crate::{failure::Failure, serve, told::Told};

pub(super) fn run(file: Option<&Path>, told: Told) -> Result<(), Failure> {
    let found = serve::check(file)?;
    let of = found.file.as_deref().map_or("no milena.toml here, so the defaults".to_string(), |f| f.display().to_string());
    let mut words = format!("{of}: right\n");
    for line in &found.remarks {
        let _ = writeln!(words, "  note: {line}");
    }
    let file = found.file.as_deref().map(|file| file.display().to_string());
    told.tell(json!({"file": file, "right": true, "notes": found.remarks}), words)
}
