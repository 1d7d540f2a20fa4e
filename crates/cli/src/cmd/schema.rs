//! `milena schema …`: what is registered, and what may follow. Talks to the registry of the broker that it was pointed at, or to
//! any registry by its URL.

mod infer;
pub(crate) mod moving;
mod reading;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    table::Output,
    told::Told,
    web::{Web, escaped},
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
    /// Another registry than the broker's own
    #[arg(long, env = "MILENA_REGISTRY_URL", value_name = "URL", global = true)]
    registry: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Subcommand, Debug)]
enum What {
    /// List subjects with their latest versions
    Ls {
        /// Only subjects that begin with this; `:.context:` names a context
        prefix: Option<String>,
        /// Also what is soft-deleted
        #[arg(long)]
        deleted: bool,
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Show one version, or with --id the schema of an id
    Show {
        #[arg(required_unless_present = "id")]
        subject: Option<String>,
        #[arg(id = "of", value_name = "VERSION", default_value = "latest")]
        version: String,
        #[arg(long, conflicts_with = "subject")]
        id: Option<i32>,
        /// The text as it is stored
        #[arg(long)]
        raw: bool,
        #[command(flatten)]
        told: Told,
    },
    /// Register a schema; the same one again is answered with the same id
    Register(Schema),
    /// Ask whether a schema could be registered; exit code 2 when not, with the reasons
    Check(Schema),
    /// Show what changed between two versions
    Diff {
        subject: String,
        old: String,
        new: String,
        #[command(flatten)]
        told: Told,
    },
    /// Make a schema from samples
    Infer(infer::Infer),
    /// Delete a version, or a whole subject; ids still work
    Rm {
        subject: String,
        /// Only this version
        #[arg(id = "of", value_name = "VERSION")]
        version: Option<String>,
        /// What was deleted before goes for good; shows the plan, and does it with --yes
        #[arg(long)]
        permanent: bool,
        /// Do it, although it is for good
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        told: Told,
    },
    /// Register again what was deleted softly; it gets the next number
    Restore {
        subject: String,
        #[command(flatten)]
        told: Told,
    },
    /// Show the compatibility level, or set it
    Level {
        /// `NONE`, `BACKWARD`, `FORWARD`, `FULL`, or one of these with `_TRANSITIVE`
        level: Option<String>,
        /// Of this subject only
        #[arg(short, long)]
        subject: Option<String>,
        /// Back to what holds elsewhere
        #[arg(long, conflicts_with = "level")]
        unset: bool,
        #[command(flatten)]
        told: Told,
    },
    /// Show the mode, or set it
    Mode {
        /// `READWRITE`, `READONLY`, `IMPORT`
        mode: Option<String>,
        /// Of this subject only
        #[arg(short, long)]
        subject: Option<String>,
        /// Although there are schemas already
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        told: Told,
    },
    /// Write everything as the records of `_schemas`, a line each: key, tab, value
    Export,
    /// Take over such lines, from here or from another registry's topic, with their ids and versions
    Import {
        /// A file [default: stdin]
        file: Option<PathBuf>,
        #[command(flatten)]
        told: Told,
    },
}

#[derive(Args, Debug)]
struct Schema {
    /// A subject; a topic's name stands for the subject of its values, NAME-value
    subject: String,
    /// A file, or - for stdin; `.json` is JSON Schema, `.proto` Protobuf, everything else Avro
    file: PathBuf,
    /// AVRO, JSON or PROTOBUF, whatever the file is called
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// A schema that it refers to; may be repeated
    #[arg(long = "reference", value_name = "NAME=SUBJECT:VERSION", value_parser = reference)]
    references: Vec<Value>,
    /// In normal form
    #[arg(long)]
    normalize: bool,
    /// The subject exactly as it is written, although it looks like a topic's name
    #[arg(long)]
    exact: bool,
    #[command(flatten)]
    told: Told,
}

fn reference(text: &str) -> Result<Value, String> {
    let parts = text.split_once('=').and_then(|(name, rest)| Some((name, rest.rsplit_once(':')?)));
    let (name, (subject, version)) = parts.ok_or("write NAME=SUBJECT:VERSION, for example com.example.Name=name-value:1")?;
    let version: i32 = version.parse().map_err(|_| format!("{version:?} is no version"))?;
    Ok(json!({"name": name, "subject": subject, "version": version}))
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let connect = &options.connect;
    if let What::Infer(infer) = &options.what {
        return infer::run(infer, connect).await;
    }
    let (web, cluster) = match &options.registry {
        Some(url) => (Web::at(url)?, None),
        None => {
            let cluster = connect.cluster().await?;
            (Web::of_registry(&cluster, "the schema registry").await?, Some(cluster))
        }
    };
    match options.what {
        What::Ls { prefix, deleted, output } => reading::list(&web, prefix.as_deref(), deleted, output).await,
        What::Show { id: Some(id), raw, told, .. } => reading::show(&web, &format!("/schemas/ids/{id}"), raw, told).await,
        What::Show { subject, version, raw, told, .. } => {
            let subject = escaped(&subject.unwrap_or_default());
            let shown = reading::show(&web, &format!("/subjects/{subject}/versions/{}", escaped(&version)), raw, told).await;
            shown.map_err(|failure| match failure.kind() {
                Kind::NotFound if !subject.ends_with("-value") && !subject.ends_with("-key") => {
                    failure.hint(format!("the values of topic {subject} have the subject {subject}-value"))
                }
                _ => failure,
            })
        }
        What::Register(schema) => register(&web, connect, &schema).await,
        What::Check(schema) => check(&web, &schema).await,
        What::Diff { subject, old, new, told } => reading::diff(&web, &subject, &old, &new, told).await,
        What::Infer(infer) => infer::run(&infer, connect).await,
        What::Rm { subject, version, permanent: true, yes: false, told } => {
            plan_removal(&web, connect, &subject, version.as_deref(), told).await
        }
        What::Rm { subject, version, permanent, told, .. } => {
            remove(&web, connect, &subject, version.as_deref(), permanent, told).await
        }
        What::Restore { subject, told } => restore(&web, &subject, told).await,
        What::Level { level, subject, unset, told } => {
            change_level(&web, level.as_deref(), subject.as_deref(), unset, told).await
        }
        What::Mode { mode, subject, force, told } => change_mode(&web, mode.as_deref(), subject.as_deref(), force, told).await,
        What::Export => moving::export(&web, cluster.as_ref()).await,
        What::Import { file, told } => moving::import(&web, file.as_deref(), told).await,
    }
}

impl Schema {
    fn body(&self) -> Result<Value, Failure> {
        let text = if self.file == Path::new("-") {
            std::io::read_to_string(std::io::stdin())
        } else {
            std::fs::read_to_string(&self.file)
        };
        let text = text.map_err(|e| Failure::new(Kind::NotFound, format!("{} cannot be read", self.file.display())).why(e))?;
        let by_name = match self.file.extension().and_then(|e| e.to_str()) {
            Some("json") => "JSON",
            Some("proto") => "PROTOBUF",
            _ => "AVRO",
        };
        let kind = self.kind.as_deref().unwrap_or(by_name);
        Ok(json!({"schema": text, "schemaType": kind, "references": self.references}))
    }

    /// The subject that is meant, and what is asked of it.
    async fn asked(&self, web: &Web) -> Result<(String, Value), Failure> {
        let mut body = self.body()?;
        if self.exact {
            return Ok((self.subject.clone(), body));
        }
        for reference in body["references"].as_array_mut().into_iter().flatten() {
            let subject = reference["subject"].as_str().unwrap_or_default();
            reference["subject"] = meant(web, subject).await?.into();
        }
        let own = body["schema"].as_str().and_then(full_name);
        let subject = if own.as_ref() == Some(&self.subject) { self.subject.clone() } else { meant(web, &self.subject).await? };
        Ok((subject, body))
    }

    fn query(&self) -> &'static str {
        if self.normalize { "normalize=true" } else { "normalize=false" }
    }
}

/// Producers and consumers look for a topic's schemas under NAME-value and NAME-key: a name that is neither, and that is no
/// subject yet, is taken as a topic's.
async fn meant(web: &Web, name: &str) -> Result<String, Failure> {
    if name.ends_with("-value") || name.ends_with("-key") {
        return Ok(name.into());
    }
    match web.get(&format!("/subjects/{}/versions?deleted=true", escaped(name))).await {
        Ok(_) => Ok(name.into()),
        Err(failure) if failure.kind() == Kind::NotFound => Ok(format!("{name}-value")),
        Err(failure) => Err(failure),
    }
}

/// Namespace and name of an Avro record, where it has both.
fn full_name(text: &str) -> Option<String> {
    let schema: Value = serde_json::from_str(text).ok()?;
    let name = schema["name"].as_str()?;
    match schema["namespace"].as_str() {
        Some(namespace) if !name.contains('.') => Some(format!("{namespace}.{name}")),
        _ => name.contains('.').then(|| name.to_string()),
    }
}

async fn register(web: &Web, connect: &Connect, schema: &Schema) -> Result<(), Failure> {
    let (subject, body) = &schema.asked(web).await?;
    let path = format!("/subjects/{}/versions?{}", escaped(subject), schema.query());
    let answer = web.send("POST", &path, body).await?;
    let id = &answer["id"];
    let version = reading::version_of(web, subject, id).await?;
    let facts = json!({"subject": subject, "version": version, "id": id, "type": body["schemaType"]});
    schema.told.tell(facts, format_args!("registered {subject}   version {version}, id {id}"))?;
    if *subject != schema.subject {
        connect.say(format_args!("{subject} is for the values of topic {}; --exact registers {0} itself", schema.subject));
    }
    Ok(())
}

async fn check(web: &Web, schema: &Schema) -> Result<(), Failure> {
    let (subject, body) = schema.asked(web).await?;
    let path = format!("/compatibility/subjects/{}/versions?verbose=true&{}", escaped(&subject), schema.query());
    let answer = web.send("POST", &path, &body).await?;
    if answer["is_compatible"].as_bool() == Some(true) {
        let facts = json!({"subject": subject, "compatible": true, "messages": []});
        return schema.told.tell(facts, format_args!("{} could be registered as {subject}", schema.file.display()));
    }
    let messages: Vec<&str> = answer["messages"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    schema.told.tell(json!({"subject": subject, "compatible": false, "messages": messages}), messages.join("\n"))?;
    Err(Failure::new(Kind::No, format!("{} cannot be registered as {}", schema.file.display(), subject))
        .why(messages.first().copied().unwrap_or("the registry gave no reason"))
        .fix(format!("milena schema level --subject {subject}   shows what is asked for")))
}

async fn remove(
    web: &Web,
    connect: &Connect,
    subject: &str,
    version: Option<&str>,
    permanent: bool,
    told: Told,
) -> Result<(), Failure> {
    let name = escaped(subject);
    let path = match version {
        Some(version) => format!("/subjects/{name}/versions/{}?permanent={permanent}", escaped(version)),
        None => format!("/subjects/{name}?permanent={permanent}"),
    };
    let versions = web.call("DELETE", &path).await?;
    let words = if permanent { " for good" } else { "" };
    let named = versions.to_string().trim_matches(['[', ']']).replace(',', ", ");
    let versions = if versions.is_array() { versions } else { json!([versions]) };
    let facts = json!({"subject": subject, "versions": versions, "permanent": permanent, "dry_run": false});
    told.tell(facts, format_args!("deleted {subject}   version {named}{words}"))?;
    if !permanent {
        connect.say(format_args!("ids still work; undo:  milena schema restore {subject}"));
    }
    Ok(())
}

/// What `--permanent` would let go: the ids of these versions work no more.
async fn plan_removal(web: &Web, connect: &Connect, subject: &str, version: Option<&str>, told: Told) -> Result<(), Failure> {
    let versions = format!("/subjects/{}/versions", escaped(subject));
    let found = match web.get(&format!("{versions}?deletedOnly=true")).await {
        // The subject may be there, with nothing of it deleted.
        Err(failure) if failure.kind() == Kind::NotFound => web.get(&versions).await.map(|_| Value::Null)?,
        other => other?,
    };
    let deleted: Vec<String> = found.as_array().into_iter().flatten().map(ToString::to_string).collect();
    let goes: Vec<&str> = deleted.iter().map(String::as_str).filter(|v| version.is_none_or(|wanted| wanted == *v)).collect();
    if goes.is_empty() {
        let version = version.map_or_else(String::new, |version| format!(" version {version}"));
        return Err(Failure::new(Kind::NotFound, format!("nothing of {subject}{version} is deleted yet"))
            .why("only what was deleted before can go for good")
            .fix(format!("milena schema rm {subject}   first")));
    }
    let versions: Vec<i64> = goes.iter().filter_map(|version| version.parse().ok()).collect();
    let words =
        format!("plan: {subject} version {} would go for good, and what was written with it could not be read", goes.join(", "));
    told.tell(json!({"subject": subject, "versions": versions, "permanent": true, "dry_run": true}), words)?;
    connect.say("nothing was changed; run again with --yes to do it");
    Ok(())
}

async fn restore(web: &Web, subject: &str, told: Told) -> Result<(), Failure> {
    let name = escaped(subject);
    let all = web.get(&format!("/subjects/{name}/versions?deletedOnly=true")).await?;
    let Some(last) = all.as_array().and_then(|list| list.last()) else {
        return Err(Failure::new(Kind::NotFound, format!("nothing of {subject} is deleted"))
            .why("all its versions are there; what was deleted for good does not come back")
            .fix(format!("milena schema show {subject}")));
    };
    let version = web.get(&format!("/subjects/{name}/versions/{last}?deleted=true")).await?;
    web.send("POST", &format!("/subjects/{name}/versions"), &version_free(version.clone())).await?;
    let now = reading::version_of(web, subject, &version["id"]).await?;
    let id = &version["id"];
    let facts = json!({"subject": subject, "restored": last, "version": now, "id": id});
    told.tell(facts, format_args!("restored {subject}   what was version {last} is version {now}, id {id}"))
}

/// A version as a request to register it anew.
fn version_free(version: Value) -> Value {
    match version {
        Value::Object(mut fields) => {
            ["subject", "version", "id", "guid", "ts", "deleted"].iter().for_each(|name| {
                fields.remove(*name);
            });
            Value::Object(fields)
        }
        other => other,
    }
}

/// The path of a setting: of a subject, or of everything.
fn setting(kind: &str, subject: Option<&str>) -> String {
    subject.map_or_else(|| format!("/{kind}"), |subject| format!("/{kind}/{}", escaped(subject)))
}

async fn change_level(web: &Web, level: Option<&str>, subject: Option<&str>, unset: bool, told: Told) -> Result<(), Failure> {
    let path = setting("config", subject);
    if unset {
        web.call("DELETE", &path).await?;
    } else if let Some(level) = level {
        web.send("PUT", &path, &json!({"compatibility": level})).await?;
    }
    let now = web.get(&format!("{path}?defaultToGlobal=true")).await?;
    let level = now["compatibilityLevel"].as_str().unwrap_or_default();
    told.tell(json!({"subject": subject, "level": level}), level)
}

async fn change_mode(web: &Web, mode: Option<&str>, subject: Option<&str>, force: bool, told: Told) -> Result<(), Failure> {
    let path = setting("mode", subject);
    if let Some(mode) = mode {
        web.send("PUT", &format!("{path}?force={force}"), &json!({"mode": mode})).await?;
    }
    let now = web.get(&format!("{path}?defaultToGlobal=true")).await?;
    let mode = now["mode"].as_str().unwrap_or_default();
    told.tell(json!({"subject": subject, "mode": mode}), mode)
}
