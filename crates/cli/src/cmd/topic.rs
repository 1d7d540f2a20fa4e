//! `milena topic …`: which topics there are, how they are kept, and how they go.

mod clone;
mod list;
mod remove;
pub(super) mod settings;
mod show;
mod trim;

use clap::{Args, Subcommand};
use milena_client::{Admin, At, Cluster, Result as ClientResult, Topic, admin::NewTopic, wire::Text};
use serde_json::{Value, json};

use super::read::unknown_topic;
use crate::{connect::With, failure::Failure, screen::counted, table::Output, told::Told};
pub(super) use remove::for_good;

pub(crate) type Options = With<What>;

#[derive(Subcommand, Debug)]
pub(crate) enum What {
    /// List topics with what they hold
    Ls(list::Options),
    /// Show one topic: partitions, settings, what it holds
    Show {
        topic: String,
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Make a topic
    Create(Create),
    /// Change settings, or add partitions
    Set(settings::Options),
    /// Cut records off at the front; shows the plan, and does it with --yes
    Trim(trim::Options),
    /// Delete a topic; a Milena keeps it restorable for a day
    Rm(remove::Options),
    /// Undo a deletion
    Restore {
        /// Name, or id as `topic ls --deleted` shows it
        topic: String,
        /// Restore under another name
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        told: Told,
    },
    /// Show what each partition keeps, and when retention looks at it next
    Retention {
        topic: String,
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// What retention removed before a group had read it
    Unread {
        topic: String,
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Copy a topic: settings, partitions, records with keys, headers and times
    Clone(clone::Options),
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    topic: String,
    /// Partitions [default: the broker's]
    #[arg(short = 'P', long, default_value_t = -1, hide_default_value = true, allow_negative_numbers = true)]
    partitions: i32,
    /// Replicas of each [default: the broker's]
    #[arg(short, long, default_value_t = -1, hide_default_value = true, allow_negative_numbers = true)]
    replication: i16,
    /// A setting; may be repeated
    #[arg(short, long = "set", value_name = "NAME=VALUE", value_parser = settings::pair)]
    set: Vec<(String, String)>,
    /// That it exists already is no failure
    #[arg(long)]
    if_not_exists: bool,
    #[command(flatten)]
    told: Told,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let connect = &options.connect;
    let admin = connect.admin().await?;
    match options.what {
        What::Ls(options) => list::run(&admin, connect, options).await,
        What::Show { topic, output } => show::run(&admin, &topic, output).await,
        What::Create(options) => create(&admin, options).await,
        What::Set(options) => settings::run(&admin, connect, options).await,
        What::Trim(options) => trim::run(&admin, connect, options).await,
        What::Rm(options) => remove::run(&admin, connect, options).await,
        What::Restore { topic, name, told } => remove::restore(&admin, &topic, name.as_deref(), told).await,
        What::Retention { topic, output } => show::retention(&admin, &topic, output).await,
        What::Unread { topic, output } => show::unread(&admin, &topic, output).await,
        What::Clone(options) => clone::run(&admin, connect, options).await,
    }
}

async fn create(admin: &Admin, options: Create) -> Result<(), Failure> {
    let wanted = NewTopic {
        name: options.topic.as_str().into(),
        partitions: options.partitions,
        replication: options.replication,
        configs: options.set.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect(),
    };
    let made = match admin.create_topic(&wanted, false).await {
        Ok(made) => made,
        Err(error) if options.if_not_exists && error.code().is_some_and(|c| c.0 == 36) => {
            let there = topic(admin.cluster(), &options.topic).await?;
            let facts = json!({"topic": options.topic, "id": id(&there), "partitions": there.partitions.len(), "created": false});
            return options.told.tell(facts, format_args!("{} is there already", options.topic));
        }
        Err(error) => return Err(error.into()),
    };
    let replicas = counted(made.replication.into(), "replica");
    let configs: serde_json::Map<String, Value> = options.set.into_iter().map(|(name, value)| (name, value.into())).collect();
    let facts = json!({
        "topic": options.topic, "id": made.id.to_string(), "partitions": made.partitions, "replication": made.replication,
        "configs": configs, "created": true,
    });
    let words = format!("created {}   {}, {replicas}", options.topic, counted(made.partitions.into(), "partition"));
    options.told.tell(facts, words)
}

/// The id of a topic, as everything writes it.
fn id(topic: &Topic) -> String {
    topic.id.to_string()
}

/// What is known of a topic that must be there.
pub(super) async fn topic(cluster: &Cluster, name: &str) -> Result<std::sync::Arc<Topic>, Failure> {
    match cluster.topic(&name.into()).await {
        Ok(topic) => Ok(topic),
        Err(error) => Err(unknown_topic(cluster, name, error).await.0),
    }
}

/// Start and end of each partition of each topic, in their order.
pub(super) async fn bounds(cluster: &Cluster, partitions: &[(Text, i32)]) -> ClientResult<Vec<(i64, i64)>> {
    let ask = async |at: At| {
        let asked: Vec<_> = partitions.iter().map(|(t, p)| (t.clone(), *p, at)).collect();
        cluster.list_offsets(&asked, false).await
    };
    let (starts, ends) = (ask(At::Start).await?, ask(At::End).await?);
    Ok(starts.iter().zip(&ends).map(|(s, e)| (s.offset.unwrap_or(0), e.offset.unwrap_or(0))).collect())
}

/// A number of bytes as a person reads it.
fn size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}
