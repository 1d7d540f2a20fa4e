//! `milena config`: settings of the broker, of all brokers, of a topic or a group; where each comes from, and what it means.

mod check;
mod diff;

use std::{fmt::Write, path::PathBuf};

use clap::{Args, Subcommand};
use milena_client::{
    Admin,
    admin::{Change, ConfigEntry, ConfigSource, Resource},
    wire::Text,
};
use serde_json::{Value, json};

use super::{explain, loss, topic::settings};
use crate::{
    connect::{Connect, With},
    failure::Failure,
    table::{self, Output},
    told::Told,
};

pub(crate) type Options = With<What>;

#[derive(Subcommand, Debug)]
pub(crate) enum What {
    /// Show settings and where each comes from
    Show {
        #[command(flatten)]
        of: Of,
        /// Only names that contain this
        pattern: Option<String>,
        /// Also those that nobody set
        #[arg(short, long)]
        all: bool,
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Say what a setting means; needs no broker
    Explain {
        name: String,
        #[command(flatten)]
        told: Told,
    },
    /// Say whether the server would start with milena.toml; starts nothing
    Check {
        /// [default: the nearest milena.toml from here upward]
        file: Option<PathBuf>,
        #[command(flatten)]
        told: Told,
    },
    /// What another broker is set to differently; exit code 2 if anything is
    Diff {
        #[command(flatten)]
        of: Of,
        /// The other broker
        #[arg(value_name = "HOST:PORT")]
        other: String,
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Change settings
    Set {
        #[command(flatten)]
        of: Of,
        #[arg(value_name = "NAME=VALUE", value_parser = settings::pair)]
        set: Vec<(String, String)>,
        /// Back to the default; may be repeated
        #[arg(long, value_name = "NAME")]
        unset: Vec<String>,
        /// Only say whether the broker would take it
        #[arg(long)]
        dry_run: bool,
        /// Do it, although data go
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        told: Told,
    },
}

/// Whose settings.
#[derive(Args, Debug)]
pub(crate) struct Of {
    /// Of this topic [default: of the broker]
    #[arg(short, long, conflicts_with_all = ["group", "cluster", "id"])]
    topic: Option<String>,
    /// Of this group
    #[arg(short, long, conflicts_with_all = ["cluster", "id"])]
    group: Option<String>,
    /// Of all brokers
    #[arg(long, conflicts_with = "id")]
    cluster: bool,
    /// Of the broker with this id [default: the first]
    #[arg(long, value_name = "ID")]
    id: Option<i32>,
}

impl Of {
    async fn resource(&self, admin: &Admin) -> Result<Resource, Failure> {
        if let Some(topic) = &self.topic {
            return Ok(Resource::Topic(topic.as_str().into()));
        }
        if let Some(group) = &self.group {
            return Ok(Resource::Group(group.as_str().into()));
        }
        if self.cluster {
            return Ok(Resource::Cluster);
        }
        let first = async || Ok::<_, Failure>(admin.metadata().await?.brokers.keys().next().copied().unwrap_or(0));
        Ok(Resource::Broker(match self.id {
            Some(id) => id,
            None => first().await?,
        }))
    }
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let connect = &options.connect;
    match options.what {
        What::Check { file, told } => check::run(file.as_deref().or(connect.config_file()), told),
        What::Explain { name, told } => explain::setting(&name)?.tell(told),
        What::Show { of, pattern, all, output } => {
            let admin = connect.admin().await?;
            show(&admin, &of, pattern.as_deref(), all, output).await
        }
        What::Diff { of, other, output } => {
            let admin = Admin::new(connect.cluster().await?);
            diff::run(&admin, &of, &other, output).await
        }
        What::Set { of, set, unset, dry_run, yes, told } => {
            let admin = connect.admin().await?;
            let resource = of.resource(&admin).await?;
            change(&admin, connect, &resource, &changes(&set, &unset)?, (dry_run, yes), told).await
        }
    }
}

async fn show(admin: &Admin, of: &Of, pattern: Option<&str>, all: bool, output: Output) -> Result<(), Failure> {
    let resource = of.resource(admin).await?;
    let entries = admin.configs(&resource, None, false).await?;
    // A pattern asks for what there is, set or not.
    let wanted = |e: &&ConfigEntry| match pattern {
        Some(pattern) => e.name.contains(pattern),
        None => all || e.source != ConfigSource::Default,
    };
    let row = |e: &ConfigEntry| {
        let value = if e.sensitive { Value::from("(secret)") } else { json!(e.value.as_deref()) };
        json!({"name": &*e.name, "value": value, "from": source(e.source), "read_only": e.read_only})
    };
    let mut rows: Vec<Value> = entries.iter().filter(wanted).map(row).collect();
    rows.sort_by_key(|r| r["name"].as_str().unwrap_or_default().to_string());
    table::rows(output, &["name", "value", "from"], rows)
}

fn source(source: ConfigSource) -> String {
    match source {
        ConfigSource::Topic => "the topic".into(),
        ConfigSource::Broker => "this broker, while it ran".into(),
        ConfigSource::ClusterDefault => "all brokers, while they ran".into(),
        ConfigSource::File => "the broker's start".into(),
        ConfigSource::Default => "default".into(),
        ConfigSource::Group => "the group".into(),
        ConfigSource::ClientMetrics => "client metrics".into(),
        ConfigSource::Other(n) => format!("source {n}"),
    }
}

fn changes(set: &[(String, String)], unset: &[String]) -> Result<Vec<(Text, Change)>, Failure> {
    let sets = set.iter().map(|(name, value)| (Text::from(name.as_str()), Change::Set(value.as_str().into())));
    let changes: Vec<(Text, Change)> = sets.chain(unset.iter().map(|n| (n.as_str().into(), Change::Unset))).collect();
    if changes.is_empty() {
        return Err(Failure::usage("nothing to set").fix("milena config set NAME=VALUE   or   milena config set --unset NAME"));
    }
    Ok(changes)
}

async fn change(
    admin: &Admin,
    connect: &Connect,
    resource: &Resource,
    changes: &[(Text, Change)],
    (dry_run, yes): (bool, bool),
    told: Told,
) -> Result<(), Failure> {
    let before = match resource {
        // It tells only of what was set for all brokers.
        Resource::Cluster if told.is_words() => Vec::new(),
        Resource::Cluster => admin.configs(resource, None, false).await?,
        _ => settings::known(admin, resource, changes).await?,
    };
    let mut facts = of_resource(resource);
    facts["changed"] = settings::changed(changes, &before, None);
    facts["dry_run"] = dry_run.into();
    admin.change_configs(resource, changes, true).await?;
    if !dry_run {
        let losses = loss::of(admin, (resource, changes), yes).await?;
        if !losses.is_empty() {
            return loss::plan(connect, told, facts, &losses);
        }
        admin.change_configs(resource, changes, false).await?;
        facts["changed"] = settings::after(admin, resource, changes, &before, told).await?;
    }
    let done = if dry_run { "would take" } else { "has" };
    let mut words = String::new();
    for (name, change) in changes {
        let _ = match change {
            Change::Set(value) => writeln!(words, "{resource} {done} {name} = {value}"),
            _ => writeln!(words, "{resource} {done} {name} by default"),
        };
    }
    told.tell(facts, words)
}

/// Whose settings, as facts.
fn of_resource(resource: &Resource) -> Value {
    let (kind, name) = match resource {
        Resource::Topic(name) => ("topic", name.to_string()),
        Resource::Broker(id) => ("broker", id.to_string()),
        Resource::Cluster => ("cluster", String::new()),
        Resource::Group(name) => ("group", name.to_string()),
        Resource::ClientMetrics(name) => ("client_metrics", name.to_string()),
    };
    json!({"type": kind, "name": if name.is_empty() { Value::Null } else { name.into() }})
}
