//! `topic ls`.

use std::collections::BTreeMap;

use clap::Args;
use milena_client::{Admin, wire::Text};
use serde_json::{Value, json};

use super::{bounds, size};
use crate::{
    connect::Connect,
    failure::Failure,
    table::{self, Output},
    web::Web,
    when,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only names that contain this
    pattern: Option<String>,
    /// Also topics that brokers keep for themselves
    #[arg(short, long)]
    all: bool,
    /// Deleted topics that can still be restored
    #[arg(long)]
    deleted: bool,
    #[arg(short, long, default_value = "table")]
    output: Output,
}

pub(super) async fn run(admin: &Admin, connect: &Connect, options: Options) -> Result<(), Failure> {
    if options.deleted {
        return deleted(admin, options.output).await;
    }
    let metadata = admin.metadata().await?;
    let wanted = |name: &str| options.pattern.as_ref().is_none_or(|p| name.contains(p.as_str()));
    let topics: Vec<_> = metadata.topics.values().filter(|t| (options.all || !t.internal) && wanted(&t.name)).collect();
    if let (true, Some(pattern)) = (topics.is_empty(), &options.pattern) {
        let glob = if pattern.contains(['*', '?']) { "; any part of a name is enough, and * stands for itself" } else { "" };
        connect.say(format_args!("no topic's name contains {pattern:?}{glob}"));
    }
    let partitions: Vec<(Text, i32)> =
        topics.iter().flat_map(|t| t.partitions.iter().map(|p| (t.name.clone(), p.index))).collect();
    let mut messages: BTreeMap<&str, i64> = BTreeMap::new();
    for ((name, _), (start, end)) in partitions.iter().zip(bounds(admin.cluster(), &partitions).await?) {
        *messages.entry(name).or_default() += end - start;
    }
    let bytes = bytes(admin, metadata.brokers.keys().copied()).await;
    let person = options.output == Output::Table;
    let row = |t: &&std::sync::Arc<milena_client::Topic>| {
        let bytes = bytes.get(&*t.name).copied();
        json!({
            "topic": &*t.name,
            "partitions": t.partitions.len(),
            "replicas": t.partitions.first().map_or(0, |p| p.replicas.len()),
            "messages": messages.get(&*t.name).copied().unwrap_or(0),
            "bytes": if person { bytes.map(size).map_or(Value::Null, Value::from) } else { json!(bytes) },
        })
    };
    table::rows(options.output, &["topic", "partitions", "replicas", "messages", "bytes"], topics.iter().map(row).collect())
}

/// Bytes of each topic on all disks; nothing where brokers do not tell.
pub(super) async fn bytes(admin: &Admin, brokers: impl Iterator<Item = i32>) -> BTreeMap<String, i64> {
    let mut bytes: BTreeMap<String, i64> = BTreeMap::new();
    for broker in brokers {
        for replica in admin.log_dirs(broker).await.into_iter().flatten().flat_map(|dir| dir.replicas) {
            *bytes.entry(replica.topic.to_string()).or_default() += replica.size;
        }
    }
    bytes
}

async fn deleted(admin: &Admin, output: Output) -> Result<(), Failure> {
    let web = Web::of(admin.cluster(), "the list of deleted topics").await?;
    let time = |value: &Value| value.as_i64().and_then(|ms| when::rfc3339(ms, output == Output::Table));
    let trash = web.get("/admin/v1/trash").await?;
    let row = |t: &Value| {
        json!({
            "topic": t["name"], "id": t["id"], "deleted_at": time(&t["deleted_at"]), "restorable_until": time(&t["purge_at"]),
        })
    };
    let rows = trash.as_array().map(|list| list.iter().map(row).collect()).unwrap_or_default();
    table::rows(output, &["topic", "id", "deleted_at", "restorable_until"], rows)
}
