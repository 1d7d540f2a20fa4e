//! `milena config check`: would the server start with this file? Reads it as `serve` does, and starts nothing.

use std::path::Path;

use crate::{failure::Failure, screen, serve};

pub(super) fn run(file: Option<&Path>) -> Result<(), Failure> {
    let found = serve::check(file)?;
    let of = found.file.as_deref().map_or("no milena.toml here, so the defaults".to_string(), |f| f.display().to_string());
    screen::line(format_args!("{of}: right"))?;
    for line in found.remarks {
        screen::line(format_args!("  note: {line}"))?;
    }
    Ok(())
}
