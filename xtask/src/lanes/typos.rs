//! Spelling of code and prose, by the `typos` wheel from PyPI.

use std::process::Command;

use anyhow::Result;

use crate::{
    lane::{Ground, venv},
    run,
};

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let venv = venv(ground, "typos", &["typos==1.52.0"])?;
    run::shown(Command::new(venv.join("bin/typos")).current_dir(&ground.root))?;
    Ok("no misspelling".into())
}
