//! The fast inner loop, and the hygiene part of the whole.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::run;

/// The compiler whose warnings are failures. On another one they are printed: its lints are not ours.
const COMPILER: &str = "rustc 1.95.";

pub(crate) fn check(root: &Path) -> Result<bool> {
    hygiene(root)?;
    run::shown(&mut run::cargo(&["test", "--workspace", "--lib", "--bins"], root))?;
    Ok(true)
}

/// Formatting, lints and docs. Tidy itself is a unit test of this crate.
pub(crate) fn hygiene(root: &Path) -> Result<String> {
    run::shown(&mut run::cargo(&["fmt", "--all", "--check"], root))?;
    let ours = run::quiet(Command::new("rustc").arg("--version")).is_ok_and(|v| v.starts_with(COMPILER));
    let mut clippy = run::cargo(&["clippy", "--workspace", "--all-targets", "--quiet"], root);
    let mut docs = run::cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"], root);
    if ours {
        clippy.args(["--", "-D", "warnings"]);
        docs.env("RUSTDOCFLAGS", "-D warnings");
    }
    run::shown(&mut clippy)?;
    run::shown(&mut docs)?;
    Ok(format!("fmt, clippy, docs{}", if ours { ", warnings denied" } else { "; another compiler: warnings printed" }))
}
