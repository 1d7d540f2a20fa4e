//! `milena.toml`: what flags and the environment left unsaid. `[server]` is read by `serve`, `[client]` by the rest.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::failure::{Failure, Kind};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) server: Server,
    pub(crate) client: Client,
}

/// The same names as the flags of `serve`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) data: Option<PathBuf>,
    pub(crate) kafka: Option<String>,
    pub(crate) http: Option<String>,
    pub(crate) advertise: Option<String>,
    /// Broker settings by Kafka's names.
    pub(crate) set: BTreeMap<String, toml::Value>,
}

/// Where the other commands connect to: named contexts, and which one is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Client {
    pub(crate) context: Option<String>,
    pub(crate) contexts: BTreeMap<String, Context>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Context {
    pub(crate) broker: Option<String>,
}

/// Reads `given`, or the nearest `milena.toml` from here upward to the root of the git checkout. No file is no error, unless it was asked for.
pub(crate) fn read(given: Option<&Path>) -> Result<(File, Option<PathBuf>), Failure> {
    let Some(path) = given.map(Path::to_path_buf).or_else(nearest) else { return Ok((File::default(), None)) };
    let text = std::fs::read_to_string(&path)
        .map_err(|e| Failure::new(Kind::Usage, format!("the configuration {} cannot be read", path.display())).why(e))?;
    let file = toml::from_str(&text).map_err(|e| {
        Failure::new(Kind::Usage, format!("the configuration {} is not right", path.display())).why(e.to_string().trim_end())
    })?;
    Ok((file, Some(path)))
}

fn nearest() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    for dir in here.ancestors() {
        let file = dir.join("milena.toml");
        if file.is_file() {
            return Some(file);
        }
        if dir.join(".git").exists() {
            break;
        }
    }
    None
}
