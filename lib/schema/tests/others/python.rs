//! Other people's proofs come from PyPI into the build directory when the tests run. Without Python a test says so and
//! passes on a developer's machine, and fails where `CI` is `true`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Where downloads lie.
pub(crate) fn downloads() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("schema-python")
}

pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// What was prepared, or a word that nothing is proved.
pub(crate) fn or_skip<T>(prepared: Result<T, String>, proof: &str) -> Option<T> {
    match prepared {
        Ok(prepared) => Some(prepared),
        Err(why) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{proof} must run in CI: {why}");
            eprintln!("\n*** SKIPPED, nothing is proved by {proof}: {why} ***\n");
            None
        }
    }
}
