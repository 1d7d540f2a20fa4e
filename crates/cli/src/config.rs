//! `milena.toml`: what flags and the environment left unsaid. `[server]` is read by `serve`, `[client]` by the rest.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

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
    pub(crate) registry: Option<String>,
    pub(crate) rest: Option<String>,
    pub(crate) advertise: Option<String>,
    /// As `--log`.
    pub(crate) log: Option<String>,
    pub(crate) output: Option<crate::serve::Output>,
    /// Broker settings by Kafka's names.
    pub(crate) set: BTreeMap<String, toml::Value>,
}

/// Where the other commands connect to: named contexts, and which one is used.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Client {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<String>,
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// A broker, and how one talks to it. Passwords do not stand here.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Context {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) broker: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_cert: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sasl_mechanism: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_file: Option<PathBuf>,
}

/// All contexts that can be named here: the project's, and the user's own from `~/.config/milena/contexts.toml`.
pub(crate) struct Contexts {
    project: Client,
    project_file: Option<PathBuf>,
    pub(crate) own: Client,
}

impl Contexts {
    pub(crate) fn read(given: Option<&Path>) -> Result<Self, Failure> {
        let (project, project_file) = read(given)?;
        let own = match own_file().filter(|path| path.is_file()) {
            Some(path) => parse(&path)?,
            None => Client::default(),
        };
        Ok(Self { project: project.client, project_file, own })
    }

    /// Which context is used when none is named, and who says so. The user's own choice beats the project's.
    pub(crate) fn current(&self) -> Option<(String, String)> {
        let own = self.own.context.clone().map(|name| (name, "milena context use".to_string()));
        let file = || self.project_file.as_ref().map_or_else(String::new, |f| f.display().to_string());
        own.or_else(|| self.project.context.clone().map(|name| (name, file())))
    }

    /// Name and broker of each; the user's own hide the project's of the same name.
    pub(crate) fn all(&self) -> BTreeMap<&str, &str> {
        let both = self.project.contexts.iter().chain(&self.own.contexts);
        both.filter_map(|(name, context)| Some((name.as_str(), context.broker.as_deref()?))).collect()
    }

    pub(crate) fn broker(&self, name: &str) -> Result<String, Failure> {
        let all = self.all();
        all.get(name).map(ToString::to_string).ok_or_else(|| {
            let failure = Failure::new(Kind::NotFound, format!("there is no context {name:?}"));
            let failure = match crate::nearest::nearest(name, all.keys().copied()) {
                Some(near) => failure.hint(format!("did you mean {near:?}?")),
                None => failure,
            };
            failure.fix(format!("milena context add {name} HOST:PORT"))
        })
    }

    /// All that is said of one that has a broker.
    pub(crate) fn of(&self, name: &str) -> Option<&Context> {
        let with_broker = |c: &&Context| c.broker.is_some();
        let own = self.own.contexts.get(name).filter(with_broker);
        own.or_else(|| self.project.contexts.get(name).filter(with_broker))
    }

    /// Writes the user's own file; a reader never sees half of it.
    pub(crate) fn save(&self) -> Result<PathBuf, Failure> {
        let path = own_file().ok_or_else(|| Failure::new(Kind::Failed, "there is no home directory to keep contexts in"))?;
        let failed =
            |e: &dyn std::fmt::Display| Failure::new(Kind::Failed, format!("{} cannot be written", path.display())).why(e);
        let text = toml::to_string(&self.own).map_err(|e| failed(&e))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        let new = path.with_extension("toml.new");
        std::fs::create_dir_all(dir).map_err(|e| failed(&e))?;
        std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path)).map_err(|e| failed(&e))?;
        Ok(path)
    }
}

fn own_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(config.join("milena").join("contexts.toml"))
}

/// Reads `given`, or the nearest `milena.toml` from here upward to the root of the git checkout. No file is no error, unless it was asked for.
pub(crate) fn read(given: Option<&Path>) -> Result<(File, Option<PathBuf>), Failure> {
    let Some(path) = given.map(Path::to_path_buf).or_else(nearest) else { return Ok((File::default(), None)) };
    let file = parse(&path)?;
    Ok((file, Some(path)))
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::new(Kind::Usage, format!("the configuration {} cannot be read", path.display())).why(e))?;
    toml::from_str(&text).map_err(|e| {
        let words = e.to_string();
        let failure =
            Failure::new(Kind::Usage, format!("the configuration {} is not right", path.display())).why(words.trim_end());
        match meant(&words) {
            Some(near) => failure.hint(format!("did you mean {near:?}?")),
            None => failure,
        }
    })
}

/// The known key that is nearest to an unknown one, from the parser's words: unknown field `X`, expected one of `A`, `B`.
fn meant(words: &str) -> Option<&str> {
    let (_, rest) = words.split_once("unknown field `")?;
    let (wrong, known) = rest.split_once('`')?;
    crate::nearest::nearest(wrong, known.split('`').skip(1).step_by(2))
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
